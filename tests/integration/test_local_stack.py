"""The local stack with real servers: what stays over kills and restarts, and what is refused."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import uuid
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from jejak import stack as local
from transport import kafka
from transport.cassandra import closing_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from confluent_kafka import KafkaError, Message

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real

DEADLINE_SECONDS = 60


class Topic:
    """A topic for one test."""

    def __init__(self, partitions: int = 1, **config: str) -> None:
        self.name = f"test-{uuid.uuid4().hex}"
        self.partitions = partitions
        self.config = {key.replace("_", "."): value for key, value in config.items()}


@pytest.fixture(autouse=True)
def _own_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JEJAK_KAFKA", raising=False)
    monkeypatch.delenv("JEJAK_CASSANDRA", raising=False)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "a data folder"
    yield folder
    local.down(folder)


def start(data: Path, **wishes: Any) -> Endpoints:
    return local.up(data, quick=True, tied_to=os.getpid(), **wishes)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "the deadline passed"
        time.sleep(0.05)


def send(bootstrap: str, topic: str, values: list[bytes], **overrides: object) -> list[KafkaError | None]:
    outcomes: list[KafkaError | None] = []
    producer = kafka.producer(bootstrap, **overrides)
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _: outcomes.append(error))
    producer.flush(DEADLINE_SECONDS)
    return outcomes


def values(messages: Iterator[Message]) -> list[bytes | None]:
    return [message.value() for message in messages]


def write_row(cassandra: str, key: str) -> None:
    with closing_session(cassandra) as session:
        session.execute(
            "CREATE KEYSPACE IF NOT EXISTS test WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
        session.execute("CREATE TABLE IF NOT EXISTS test.rows (key text PRIMARY KEY)")
        session.execute("INSERT INTO test.rows (key) VALUES (%s)", (key,))


def rows(cassandra: str) -> list[str]:
    with closing_session(cassandra) as session:
        return sorted(row[0] for row in session.execute("SELECT key FROM test.rows"))


def test_acknowledged_data_and_ports_survive_a_kill_of_the_supervisor(data: Path) -> None:
    # Given a stack with an acknowledged record and an acknowledged row
    before = start(data)
    topic = Topic()
    kafka.create_topics(before.kafka, [topic])
    assert send(before.kafka, topic.name, [b"kept"]) == [None]
    write_row(before.cassandra, "kept")
    status = local.status(data)
    servers = [psutil.Process(server.pid) for server in status.servers.values()]

    # When the supervisor is killed
    assert status.supervisor is not None
    psutil.Process(status.supervisor).kill()

    # Then the servers end with it, and the folder says that nothing runs
    until(lambda: not any(server.is_running() for server in servers))
    assert not local.status(data).running
    assert local.endpoints(data) is None

    # And a new start finds the same ports and the same data
    after = start(data)
    assert after == before
    assert values(kafka.read_all(after.kafka, topic.name)) == [b"kept"]
    assert rows(after.cassandra) == ["kept"]


def test_the_status_of_a_running_stack_names_what_runs_and_goes_into_json(data: Path) -> None:
    endpoints = start(data)
    told = json.loads(json.dumps(local.status(data).as_json()))
    assert told["running"]
    assert told["servers"]["kafka"]["address"] == endpoints.kafka
    assert told["servers"]["cassandra"]["address"] == endpoints.cassandra
    for server in told["servers"].values():
        assert server["state"] == "running"
        assert server["memory"] > 50 * 2**20
        assert psutil.pid_exists(server["pid"])


def test_a_second_start_is_refused_and_says_where_the_first_runs_and_reset_leaves_nothing(data: Path) -> None:
    first = start(data)
    with pytest.raises(local.AlreadyRunning) as refusal:
        start(data)
    assert refusal.value.endpoints == first
    (data / "of somebody else").touch()
    local.reset(data)
    assert [path.name for path in data.iterdir()] == ["of somebody else"]
    assert not local.down(data)


@pytest.mark.at_length
def test_one_server_can_be_killed_and_started_again_while_the_other_runs_on(data: Path) -> None:
    # Given a running stack with a topic
    endpoints = start(data)
    topic = Topic()
    kafka.create_topics(endpoints.kafka, [topic])
    other = local.status(data).servers["cassandra"].pid

    # When the broker alone is killed while a producer has something to say
    producer = kafka.producer(endpoints.kafka)
    outcomes: list[KafkaError | None] = []
    local.kill_server(data, "kafka")
    producer.produce(topic.name, b"late", on_delivery=lambda error, _: outcomes.append(error))
    assert local.status(data).servers["kafka"].state == "stopped"

    # Then the record arrives once the broker is back, and the database never noticed
    local.start_server(data, "kafka")
    producer.flush(DEADLINE_SECONDS)
    assert outcomes == [None]
    assert values(kafka.read_all(endpoints.kafka, topic.name)) == [b"late"]
    assert local.status(data).servers["cassandra"].pid == other

    # And the same holds for the database
    write_row(endpoints.cassandra, "kept")
    local.kill_server(data, "cassandra")
    assert values(kafka.read_all(endpoints.kafka, topic.name)) == [b"late"]
    local.start_server(data, "cassandra")
    assert rows(endpoints.cassandra) == ["kept"]


def test_a_server_that_ends_by_itself_takes_the_other_along_and_its_log_is_kept(data: Path) -> None:
    start(data)
    servers = local.status(data).servers
    psutil.Process(servers["cassandra"].pid).send_signal(signal.SIGKILL)
    until(lambda: not local.status(data).running)
    assert not psutil.pid_exists(servers["kafka"].pid or 0)
    crash = local.status(data).crash
    assert crash is not None
    assert crash.server == "cassandra"
    assert "Starting listening for CQL clients" in crash.tail or crash.tail.count("\n") > 10


@pytest.mark.at_length
def test_a_full_disk_under_the_broker_is_told_to_the_producer_and_nothing_acknowledged_is_lost(data: Path) -> None:
    # Given a broker whose files may not grow beyond 16 MiB, which to it is a full disk
    endpoints = start(data, file_size_limit=16 << 20)
    topic = Topic()
    kafka.create_topics(endpoints.kafka, [topic])

    # When more is sent than there is room for
    sent = [os.urandom(100_000) for _ in range(300)]
    outcomes = send(endpoints.kafka, topic.name, sent, message_timeout_ms=10_000)

    # Then the producer gets an error for all that was not kept, and the stack says which server gave up
    kept = sum(error is None for error in outcomes)
    assert 0 < kept < len(sent) == len(outcomes)
    until(lambda: not local.status(data).running)
    crash = local.status(data).crash
    assert crash is not None
    assert crash.server == "kafka"

    # And with room again all goes on where it stopped
    again = start(data)
    assert send(again.kafka, topic.name, [b"after"]) == [None]
    assert values(kafka.read_all(again.kafka, topic.name)) == [*sent[:kept], b"after"]


def test_a_port_that_another_program_holds_is_named(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(local.PortTaken, match=str(port)):
            start(data, kafka_port=port)
    assert not local.status(data).running
