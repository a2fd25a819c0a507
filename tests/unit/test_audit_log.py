"""A gateway vouches for what is on its disk and at the broker, else says in time why; its chain stays whole."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME

from consumers.gateway import write_ahead
from consumers.gateway.audit_log import LONGEST_VALUE, AuditLog, AuditUnavailable, Receipt
from schemas import codec, records
from tests.unit.gateway_broker import Broker, Producer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW = 1_750_000_000_000_000
DEADLINE = 1.5
SERVING = bytes(range(32))


def draft(text: str = "") -> Callable[..., records.AccessOutcome]:
    return partial(
        records.AccessOutcome,
        intent_id=bytes(16),
        outcome="DELIVERED",
        reason=text,
        result_count=0,
        suppressed_count=0,
        determining_rules=(),
        decision_input="",
        byte_count=0,
        response_digest=bytes(32),
        policy_set_hash=bytes(32),
    )


class Room:
    """A gateway, its disk and its broker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "wal"
        self.broker = Broker(lambda: NOW)
        self.forbidden = ""
        self.log = AuditLog(
            Producer(self.broker),  # type: ignore[arg-type]  # as much of one as it uses
            "gw",
            folder=self.folder,
            deadline_seconds=DEADLINE,
            now=lambda: NOW,
            forbidden=lambda: self.forbidden,
            policies=lambda: SERVING,
        )

    def numbers(self) -> list[int]:
        return [codec.decode(value).gateway_seq for value in self.broker.values]

    def files(self) -> list[str]:
        return [path.suffix for path in self.folder.iterdir()]


@pytest.fixture(autouse=True)
def _disk_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare these tests the wait for the disk, which a busy machine may take longer for than they wait."""
    monkeypatch.setattr(os, "fdatasync", lambda _: None)
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.broker.away = False
    made.log.close()


def assert_whole(room: Room) -> None:
    before = bytes(32)
    for number, value in enumerate(room.broker.values, 1):
        entry = codec.decode(value)
        assert (entry.gateway_seq, entry.prev_gateway_hash) == (number, before)
        before = hashlib.sha256(value).digest()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_receipts_name_in_order_what_is_on_the_disk_and_at_the_broker(room: Room) -> None:
    receipts = room.log.append(draft("a"), draft("b"))
    assert isinstance(receipts, tuple)
    assert [each.offset for each in receipts] == [0, 1]
    assert [each.value_hash for each in receipts] == [hashlib.sha256(value).digest() for value in room.broker.values]
    kept = write_ahead.read(room.folder, room.log.gateway_id)
    assert kept is not None
    assert [entry.value for entry in kept.entries] == room.broker.values
    assert [entry.salt for entry in kept.entries] == room.broker.salts


def test_nothing_is_sent_that_is_not_on_the_disk(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(os, "fdatasync", lambda _: seen.append(len(room.broker.values)))
    for _ in range(3):
        room.log.append(draft())
    assert seen[-3:] == [0, 1, 2]


def test_many_that_wait_share_one_fsync(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.log.append(draft())
    calls: list[int] = []

    def slow(descriptor: int) -> None:
        calls.append(descriptor)
        time.sleep(0.02)

    monkeypatch.setattr(os, "fdatasync", slow)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: room.log.append(draft()), range(64)))
    assert all(isinstance(answer, tuple) for answer in answers)
    assert len(calls) <= 16
    room.log.close()
    assert_whole(room)


def test_a_full_disk_is_told_and_leaves_no_hole(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.log.append(draft())
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        assert room.log.append(draft()) == AuditUnavailable((), "DISK_FULL")
        assert room.log.append(draft()) == AuditUnavailable((), "DISK_FULL")
    assert len(room.broker.values) == 1
    assert isinstance(room.log.append(draft()), tuple)
    room.log.close()
    assert_whole(room)
    assert room.numbers() == [1, 2, 3]


@pytest.mark.parametrize("call", ["open", "pwrite", "fdatasync", "fsync"])
def test_a_disk_that_refuses_is_told_and_used_again_when_it_takes(
    room: Room, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, call, lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
        assert room.log.append(draft()) == AuditUnavailable((), "AUDIT_UNAVAILABLE")
    assert isinstance(room.log.append(draft()), tuple)
    room.log.close()
    assert_whole(room)


def test_a_folder_that_cannot_be_written_to_lets_nothing_be_vouched_for(tmp_path: Path) -> None:
    (tmp_path / "wal").write_text("no folder")
    room = Room(tmp_path)
    assert room.log.append(draft()) == AuditUnavailable((), "AUDIT_UNAVAILABLE")
    assert room.broker.values == []
    room.log.close()


@pytest.mark.parametrize("hangs", ["disk", "broker"])
def test_however_many_wait_all_are_refused_in_time(room: Room, monkeypatch: pytest.MonkeyPatch, hangs: str) -> None:
    over = threading.Event()
    real = os.fdatasync
    room.broker.away = hangs == "broker"
    if hangs == "disk":
        monkeypatch.setattr(os, "fdatasync", lambda fd: (over.wait(20), real(fd)))
    took: list[float] = []

    def append(_: int) -> Any:
        began = time.monotonic()
        answer = room.log.append(draft())
        took.append(time.monotonic() - began)
        return answer

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(append, range(64)))
    over.set()
    assert {type(answer) for answer in answers} == {AuditUnavailable}
    assert max(took) < DEADLINE + 1


def test_what_was_not_begun_when_its_caller_went_is_never_written(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    over, real, begun = threading.Event(), os.fdatasync, threading.Event()
    room.log.append(draft())

    def hanging(descriptor: int) -> None:
        begun.set()
        over.wait(20)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", hanging)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(room.log.append, draft("begun"))
        begun.wait(10)
        second = room.log.append(draft("not begun"))
        told = first.result()
    over.set()
    assert second == AuditUnavailable((), "AUDIT_UNAVAILABLE")
    assert isinstance(told, AuditUnavailable)
    assert told.queued
    room.log.close()
    assert [getattr(codec.decode(value), "reason", None) for value in room.broker.values] == ["", "begun", None]
    assert_whole(room)


@pytest.mark.parametrize(("ahead_ms", "wrong"), [(5_000, False), (5_001, True), (-5_000, False), (-5_002, True)])
def test_a_clock_more_than_five_seconds_off_vouches_for_nothing_until_it_is_right(
    room: Room, ahead_ms: int, *, wrong: bool
) -> None:
    room.broker.ahead_ms = ahead_ms
    answer = room.log.append(draft())
    assert isinstance(answer, AuditUnavailable) == wrong
    if isinstance(answer, AuditUnavailable):
        assert answer.code == "CLOCK_WRONG"
        assert answer.queued == (codec.decode(room.broker.values[0]).event_id,)
    room.broker.ahead_ms = 0
    assert isinstance(room.log.append(draft()), tuple)


def test_a_broker_that_keeps_no_times_of_its_own_vouches_for_no_clock(room: Room) -> None:
    room.broker.kind = TIMESTAMP_CREATE_TIME
    answer = room.log.append(draft())
    assert isinstance(answer, AuditUnavailable)
    assert answer.code == "CLOCK_WRONG"


def test_while_witnesses_are_late_looks_are_on_record_and_nothing_is_vouched_for(room: Room) -> None:
    room.forbidden = "WITNESSES_LATE"
    answer = room.log.append(draft())
    assert isinstance(answer, AuditUnavailable)
    assert (answer.code, len(answer.queued), len(room.broker.values)) == ("WITNESSES_LATE", 1, 1)
    room.forbidden = ""
    assert isinstance(room.log.append(draft()), tuple)


def test_an_entry_larger_than_the_tree_takes_is_refused_before_anything_is_written(room: Room) -> None:
    assert isinstance(room.log.append(draft()), tuple)
    assert room.log.append(draft(), draft("x" * 70_000)) == AuditUnavailable((), "AUDIT_RECORD_TOO_LARGE")
    assert room.numbers() == [1]
    assert isinstance(room.log.append(draft()), tuple)
    room.log.close()
    assert_whole(room)


def test_an_entry_as_large_as_the_tree_takes_is_taken(room: Room) -> None:
    room.log.append(draft())
    longest = LONGEST_VALUE - len(room.broker.values[0]) - 2  # the length of the text takes two bytes more
    assert isinstance(room.log.append(draft("x" * longest)), tuple)
    assert len(room.broker.values[1]) == LONGEST_VALUE
    assert room.log.append(draft("x" * (longest + 1))) == AuditUnavailable((), "AUDIT_RECORD_TOO_LARGE")


def test_a_draft_that_is_no_entry_is_its_callers_fault_alone(room: Room) -> None:
    with pytest.raises(TypeError):
        room.log.append(partial(records.AccessOutcome, intent_id=bytes(16)))
    assert isinstance(room.log.append(draft()), tuple)
    assert room.numbers() == [1]


def test_a_gateway_that_ends_in_order_leaves_a_closing_heartbeat_and_no_file(room: Room) -> None:
    room.log.append(draft())
    room.log.close()
    last = codec.decode(room.broker.values[-1])
    assert (type(last), last.closing, last.last_seq) == (records.GatewayHeartbeat, True, 1)
    assert last.policy_set_hash == SERVING
    assert room.files() == []
    assert isinstance(room.log.append(draft()), AuditUnavailable)


def test_a_gateway_that_ends_without_its_broker_leaves_its_entries_on_the_disk(room: Room) -> None:
    room.broker.away = True
    room.log.append(draft("kept"))
    room.log.close()
    room.broker.away = False
    assert sorted(room.files()) == [".lock", ".wal"]
    kept = write_ahead.read(room.folder, room.log.gateway_id)
    assert kept is not None
    assert [type(codec.decode(entry.value)).__name__ for entry in kept.entries] == [
        "AccessOutcome",
        "GatewayHeartbeat",
    ]
    assert room.broker.values == []


def test_when_the_broker_comes_back_the_chain_goes_on_without_a_hole(room: Room) -> None:
    room.log.append(draft())
    room.broker.away = True
    refused = room.log.append(draft())
    assert isinstance(refused, AuditUnavailable)
    assert len(refused.queued) == 1
    room.broker.away = False
    until(lambda: len(room.broker.values) == 2)
    receipts = room.log.append(draft())
    assert isinstance(receipts, tuple)
    assert isinstance(receipts[0], Receipt)
    room.log.close()
    assert_whole(room)


@pytest.mark.parametrize("name", ["", "../up", "a/b", "a b", ".hidden", "x" * 65])
def test_a_gateway_is_named_so_that_files_can_be(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        AuditLog(Producer(Broker(lambda: NOW)), name, folder=tmp_path)  # type: ignore[arg-type]  # never used
