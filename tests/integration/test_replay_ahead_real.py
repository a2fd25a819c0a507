"""What dead gateways left on the disk is put on the topic once, by one, in order; what is contradicted is set aside."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from consumers.gateway import chain
from consumers.gateway.chain import Head
from consumers.gateway.frames import Arrived, Entry
from consumers.gateway.replay_ahead import Replayed, replay
from consumers.gateway.write_ahead import WriteAhead, read, segments
from schemas import codec, records
from tests.integration.gateway_lives import intent, outcome
from tests.integration.gateway_rig import audit_topic
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real

NOW = 1_750_000_000_000_000


class Left:
    """A folder of dead gateways' files, and the topic that these belong on."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.folder = folder
        self.topic = audit_topic(bootstrap)

    def dead(self, gateway_id: str, count: int = 4, *, groups: int = 2, holding: bool = False) -> WriteAhead:
        """Leave the files of a gateway that wrote so many intents and sent none."""
        ahead, head = WriteAhead(self.folder, gateway_id), Head()
        for _ in range(groups):
            links = chain.extended(gateway_id, head, (intent(),) * (count // groups), NOW)
            ahead.write(head.number + 1, [link.entry for link in links], Arrived())
            head = links[-1].head
        if not holding:
            ahead.close(finished=False)
        return ahead

    def entries(self, gateway_id: str) -> list[Entry]:
        found = read(self.folder, gateway_id)
        return list(found.entries) if found else []

    def send(self, gateway_id: str, *entries: Entry) -> None:
        producer: Any = kafka.producer(self.bootstrap, linger_ms=0)
        for entry in entries:
            producer.produce(self.topic, key=gateway_id.encode(), value=entry.value, headers={"salt": entry.salt})
        assert not producer.flush(30)

    def replay(self) -> list[Replayed]:
        return list(replay(self.folder, self.bootstrap, self.topic, settle_seconds=0.05))

    def on_topic(self) -> Iterator[Any]:
        for message in kafka.read_all(self.bootstrap, self.topic, "read_uncommitted"):
            yield codec.decode(message.value() or b"")


@pytest.fixture
def left(stack: Endpoints, tmp_path: Path) -> Left:
    return Left(stack.kafka, tmp_path / "wal")


def test_what_never_arrived_follows_with_its_bytes_and_salts_and_the_chain_is_closed(left: Left) -> None:
    left.dead("gw-1")
    kept = left.entries("gw-1")
    assert left.replay() == [Replayed("gw-1", 4, 5)]
    messages = list(kafka.read_all(left.bootstrap, left.topic, "read_uncommitted"))
    assert [message.value() for message in messages[:4]] == [entry.value for entry in kept]
    assert [dict(message.headers() or ())["salt"] for message in messages[:4]] == [entry.salt for entry in kept]
    assert {message.key() for message in messages} == {b"gw-1"}
    last = codec.decode(messages[4].value() or b"")
    assert isinstance(last, records.GatewayHeartbeat)
    assert (last.gateway_seq, last.last_seq, last.closing) == (5, 4, True)
    assert list(left.folder.iterdir()) == []


def test_an_intent_without_an_outcome_is_given_none(left: Left) -> None:
    left.dead("gw-1", 2)
    left.replay()
    assert [type(entry).__name__ for entry in left.on_topic()] == ["AccessIntent", "AccessIntent", "GatewayHeartbeat"]


@pytest.mark.parametrize("arrived", [1, 2, 4])
def test_what_arrived_before_the_crash_or_by_a_replay_that_was_cut_short_is_not_sent_again(
    left: Left, arrived: int
) -> None:
    left.dead("gw-1")
    left.send("gw-1", *left.entries("gw-1")[:arrived])
    assert left.replay() == [Replayed("gw-1", 4, 5 - arrived)]
    assert [entry.gateway_seq for entry in left.on_topic()] == [1, 2, 3, 4, 5]


def test_a_replay_that_was_cut_short_after_its_heartbeat_is_finished_with_the_same_one(left: Left) -> None:
    left.dead("gw-1", 2, groups=1)
    kept = left.entries("gw-1")
    head = Head(2, hashlib.sha256(kept[-1].value).digest())
    (last,) = chain.extended("gw-1", head, (chain.heartbeat(closing=True),), NOW)
    with WriteAhead(left.folder, "gw-1") as ahead:
        ahead.write(3, [last.entry], Arrived())
    left.send("gw-1", *kept, last.entry)
    assert left.replay() == [Replayed("gw-1", 3, 0)]
    assert [entry.event_id for entry in left.on_topic()][-1] == last.event_id


def test_files_of_a_living_gateway_are_left_alone(left: Left) -> None:
    living = left.dead("gw-1", holding=True)
    assert left.replay() == []
    assert segments(left.folder, "gw-1")
    living.close(finished=False)
    assert [each.gateway_id for each in left.replay()] == ["gw-1"]


def test_of_several_that_replay_at_once_one_replays_each_file(left: Left) -> None:
    for number in range(4):
        left.dead(f"gw-{number}")
    with ThreadPoolExecutor(3) as pool:
        done = [each for found in pool.map(lambda _: left.replay(), range(3)) for each in found]
    assert sorted(each.gateway_id for each in done) == [f"gw-{number}" for number in range(4)]
    ids = [entry.event_id for entry in left.on_topic()]
    assert len(ids) == len(set(ids)) == 20


def test_a_chain_that_somebody_else_wrote_on_is_not_gone_on_with(left: Left) -> None:
    left.dead("gw-1", 2, groups=1)
    (other,) = chain.extended("gw-1", Head(), (outcome(bytes(16)),), NOW)
    left.send("gw-1", other.entry)
    left.dead("gw-2", 2, groups=1)
    assert [each.gateway_id for each in left.replay()] == ["gw-2"]
    assert [path.suffix for path in left.folder.iterdir()] == [".aside"]
    assert [entry.gateway_id for entry in left.on_topic()].count("gw-1") == 1


def test_a_damaged_file_is_set_aside_and_the_others_are_replayed(left: Left) -> None:
    left.dead("gw-1")
    left.dead("gw-2")
    (path,) = segments(left.folder, "gw-1")
    whole = bytearray(path.read_bytes())
    whole[200] ^= 1
    path.write_bytes(whole)
    assert [each.gateway_id for each in left.replay()] == ["gw-2"]
    assert [found.suffix for found in left.folder.iterdir()] == [".aside"]
    assert (left.folder / path.with_suffix(".aside").name).read_bytes() == whole


def test_a_gateway_that_died_before_its_first_entry_was_durable_leaves_nothing(left: Left) -> None:
    left.dead("gw-1", 2, groups=1)
    (path,) = segments(left.folder, "gw-1")
    path.write_bytes(path.read_bytes()[:60])
    assert left.replay() == []
    assert list(left.folder.iterdir()) == []
