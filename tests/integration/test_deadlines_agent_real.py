"""The deadlines agent as a process against a real broker: dates go in, changes come out, a kill loses none."""

import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException

from schemas import catalogue, codec
from schemas.records import DeadlineReached, DeadlineScheduled
from stream_processors.engine.contract import Output
from tests.unit.registry_scenarios import FAMILY
from tests.unit.test_due_dates import with_three_dates
from transport import kafka

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[2]
KIND = "PROPOSAL_CUT_OFF"
PROPOSAL = bytes(range(16))
PAST, FUTURE = 1_700_000_000_000_000, 4_000_000_000_000_000
DEADLINE_S = 90.0
START = """
import json, sys
from stream_processors.agents import app
stands_at = int(*sys.argv[2:])
app.run(app.AgentSettings(**json.loads(sys.argv[1])), lambda: stands_at or app.now(), "INFO")
"""


@dataclass(frozen=True)
class Topic:
    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


class Agents:
    def __init__(self, bootstrap: str, logs: Path) -> None:
        self.bootstrap = bootstrap
        self.log = logs / "agents.log"
        self.name = f"agents-{uuid.uuid4().hex[:10]}"
        self.processes: list[subprocess.Popen[bytes]] = []
        names = [f"{self.name}.{kind}" for kind in ("deadlines", "changes", "dead")]
        names.append(f"{self.name}-deadlines-changelog")
        kafka.create_topics(bootstrap, [Topic(name, 4) for name in names])
        # Faust may wait for ever on a partition that had no leader when it started.
        wait_until(lambda: all(self._has_leaders(name) for name in names), "every partition has a leader")

    def _has_leaders(self, topic: str) -> bool:
        try:
            return len(kafka.end_offsets(self.bootstrap, topic)) == 4
        except KafkaException:
            return False

    def start(self, stands_at: int = 0) -> subprocess.Popen[bytes]:
        """Start the agents, by a clock that stands at a time where one is given (microseconds)."""
        settings = {
            "bootstrap": self.bootstrap,
            "name": self.name,
            "deadlines_topic": f"{self.name}.deadlines",
            "changes_topic": f"{self.name}.changes",
            "dead_letters_topic": f"{self.name}.dead",
            "partitions": 4,
            "every_s": 0.2,
        }
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", START, json.dumps(settings), str(stands_at)],
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    def schedule(self, due_at: int | None, *families: str) -> None:
        producer = kafka.transactional_producer(self.bootstrap, f"{self.name}.fold")
        producer.init_transactions()
        producer.begin_transaction()
        for family in families:
            record = DeadlineScheduled(family_id=family, kind=KIND, subject_id=PROPOSAL, due_at=due_at, sequence=1)
            producer.produce(f"{self.name}.deadlines", key=f"{family}/{KIND}".encode(), value=codec.encode(record))
        producer.commit_transaction()

    def publish(self, *outputs: Output) -> None:
        """Put what a fold gave out on the topic of dates."""
        producer = kafka.producer(self.bootstrap)
        for one in outputs:
            producer.produce(f"{self.name}.deadlines", key=one.key, value=one.value)
        assert producer.flush(30) == 0

    def read(self, kind: str) -> list[Any]:
        return list(kafka.read_all(self.bootstrap, f"{self.name}.{kind}"))

    def told(self) -> dict[str, set[bytes]]:
        """The families told of, with the ids of the changes that said so."""
        found: dict[str, set[bytes]] = {}
        for message in self.read("changes"):
            change = codec.decode(message.value())
            assert isinstance(change, DeadlineReached)
            assert message.key() == change.header.family_id.encode()
            found.setdefault(change.header.family_id, set()).add(change.header.change_id)
        return found

    def end_all(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()


@pytest.fixture
def agents(stack: Any, tmp_path: Path) -> Iterator[Agents]:
    made = Agents(stack.kafka, tmp_path)
    yield made
    made.end_all()


def wait_until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline, f"not within {DEADLINE_S} s: {what}"
        time.sleep(0.1)


def families(first: int, count: int) -> list[str]:
    return [f"{number:026d}" for number in range(first, first + count)]


def test_past_dates_are_told_under_one_id_each_and_a_bad_record_is_set_aside(agents: Agents) -> None:
    producer = kafka.producer(agents.bootstrap)
    producer.produce(f"{agents.name}.deadlines", key=b"bad", value=b"no record", partition=1)
    assert producer.flush(30) == 0
    agents.schedule(PAST, *families(0, 100))
    agents.schedule(FUTURE, *families(1_000, 10))
    process = agents.start()
    wait_until(lambda: agents.told().keys() >= set(families(0, 100)), "all past dates told")
    agents.schedule(PAST, *families(100, 1))
    wait_until(lambda: families(100, 1)[0] in agents.told(), "a later one told")
    assert agents.told().keys() == set(families(0, 101))
    assert all(len(ids) == 1 for ids in agents.told().values())
    letters = agents.read("dead")
    assert {(letter.key(), letter.value()) for letter in letters} == {(b"bad", b"no record")}
    assert {dict(letter.headers())["dl_offset"] for letter in letters} == {b"0"}
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_S) == 0


def test_a_date_is_told_in_the_partition_where_producers_put_the_family(agents: Agents) -> None:
    agents.schedule(PAST, *families(0, 200))
    agents.start()
    wait_until(lambda: len(agents.told()) == 200, "all dates told")
    producer = kafka.producer(agents.bootstrap)
    for family in families(0, 200):
        producer.produce(f"{agents.name}.dead", key=family.encode(), value=b"where")
    assert producer.flush(30) == 0
    theirs = {message.key(): message.partition() for message in agents.read("dead")}
    assert {message.key(): message.partition() for message in agents.read("changes")} == theirs
    assert len(set(theirs.values())) == 4


def test_dates_kept_by_a_killed_agent_are_known_to_the_next(agents: Agents) -> None:
    agents.schedule(FUTURE, *families(0, 50))
    agents.schedule(PAST, "z" * 26)
    process = agents.start()
    wait_until(lambda: "z" * 26 in agents.told(), "the agent has read them")
    process.kill()
    process.wait()
    agents.schedule(None, *families(0, 25))
    agents.schedule(PAST, *families(25, 25))
    agents.start()
    wait_until(lambda: agents.told().keys() >= set(families(25, 25)), "those moved to the past are told")
    assert agents.told().keys() == {"z" * 26, *families(25, 25)}
    assert all(len(ids) == 1 for ids in agents.told().values())


def test_a_birthday_an_overdue_task_and_a_verification_come_over_a_kill_of_the_agent(agents: Agents) -> None:
    # Given a family that awaits each of them, by a fold that ended, and an agent that read them and was killed
    works = with_three_dates()
    awaited = works.dates()
    agents.publish(*works.log.of(catalogue.DEADLINES_TOPIC))
    agents.schedule(PAST, "z" * 26)
    killed = agents.start(min(awaited.values()) - 1)
    wait_until(lambda: "z" * 26 in agents.told(), "the agent has read them")
    killed.kill()
    killed.wait()
    # When the next one starts long after their days
    agents.start(max(awaited.values()))
    wait_until(lambda: len(agents.told().get(FAMILY, ())) == len(awaited), "each date is told")
    # Then each was told by what the killed one kept, and a fold that begins anew has its event of each, once
    changes = [codec.decode(one.value()) for one in agents.read("changes") if one.key() == FAMILY.encode()]
    assert {one.kind: one.due_at for one in changes} == awaited
    works.restart()
    made = [works.say(one, one.due_at) for one in sorted(changes * 2, key=lambda one: (one.due_at, one.kind))]
    assert [names for names in made if names] == [
        ["DeadlineReached", "EligibilityDecided"],
        ["DeadlineReached"],
        ["DeadlineReached"],
    ]
    assert (works.case("GROUND_CHECK").reason, works.case("VERIFIKASI").step) == ("LEWAT_TENGGAT", "JATUH_TEMPO")
