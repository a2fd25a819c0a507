"""The engine's loop without a broker: positions, skipping, poison, losses, and where a partition starts."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition

from schemas.codec import Undecodable
from stream_processors.engine.contract import Output, Poison
from stream_processors.engine.dead_letters import NO_VALUE
from stream_processors.engine.faults import EngineFault
from stream_processors.engine.loop import Worker
from stream_processors.engine.partition import Assigned, start_of
from stream_processors.engine.settings import EngineSettings
from stream_processors.engine.transaction import Aborted
from stream_processors.engine.watchdog import Watchdog


class Message:
    """A record as the client hands it over."""

    def __init__(self, offset: int, value: bytes | None = b"good", partition: int = 0) -> None:
        self._offset, self._value, self._partition = offset, value, partition

    def error(self) -> None:
        return None

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes:
        return b"family"

    def value(self) -> bytes | None:
        return self._value

    def timestamp(self) -> tuple[int, int]:
        return (2, 1_700_000_000_123)


class Fold:
    """Remembers what it was given; refuses two kinds of record."""

    next_offset = 5

    def __init__(self) -> None:
        self.taken: list[tuple[int, int]] = []

    def restore(self, key: bytes, value: bytes) -> None:
        raise NotImplementedError

    def restored(self) -> Sequence[Output]:
        return []

    def fold(self, key: bytes | None, value: bytes, offset: int, appended_at: int) -> Sequence[Output]:
        match value:
            case b"poison":
                raise Poison("BAD")
            case b"undecodable":
                raise Undecodable("MALFORMED", "not said")
        self.taken.append((offset, appended_at))
        return [Output("events", b"family", value)]

    def close_batch(self, next_offset: int) -> Sequence[Output]:
        return [Output("state", b"position/0", b"%d" % next_offset)]


class Transaction:
    """Remembers what was sent, committed and aborted; refuses to commit when told to."""

    def __init__(self) -> None:
        self.sent: list[Output] = []
        self.committed: list[tuple[int, int]] = []
        self.aborted = 0
        self.refusal: Aborted | None = None

    @property
    def is_open(self) -> bool:
        return bool(self.sent)

    def send(self, outputs: Sequence[Output], partition: int) -> None:
        del partition
        self.sent += outputs

    def flush(self) -> None:
        pass

    def commit(self, offsets: Sequence[TopicPartition], membership: object) -> None:
        assert membership == "metadata"
        if self.refusal is not None:
            raise self.refusal
        self.committed += [(place.partition, place.offset) for place in offsets]
        self.sent = []

    def abort(self) -> None:
        self.aborted += 1
        self.sent = []


class Consumer:
    """A member of a group that can lose its name."""

    def __init__(self) -> None:
        self.member = "member"
        self.left: list[int] = []

    def consumer_group_metadata(self) -> str:
        return "metadata"

    def memberid(self) -> str:
        return self.member

    def incremental_assign(self, places: Sequence[TopicPartition]) -> None:
        pass

    def incremental_unassign(self, places: Sequence[TopicPartition]) -> None:
        self.left += [place.partition for place in places]


class Bench:
    """A worker that holds partition 0 at offset 5, with everything around it replaced."""

    def __init__(self, before_batch: Callable[[], None] = lambda: None) -> None:
        settings = EngineSettings("127.0.0.1:9", "group", "id", "changes", "state", aborts_in_a_row=3)
        self.fold = Fold()
        self.worker = Worker(settings, lambda _: self.fold, before_batch=before_batch)
        self.transaction = Transaction()
        self.consumer = Consumer()
        worker: Any = self.worker
        worker._transaction = self.transaction
        worker._consumer = self.consumer
        worker._watchdog = Watchdog(60, lambda _: None)
        worker._owned = {0: Assigned(0, self.fold, 5)}
        worker._member = "member"


def test_changes_below_the_position_are_skipped() -> None:
    bench = Bench()
    bench.worker._fold_batch([Message(3), Message(4), Message(5), Message(5), Message(9)])
    assert [offset for offset, _ in bench.fold.taken] == [5, 9]


def test_changes_of_a_partition_not_held_are_skipped() -> None:
    bench = Bench()
    bench.worker._fold_batch([Message(7, partition=1)])
    assert bench.fold.taken == []


def test_a_fold_is_told_the_append_time_in_microseconds() -> None:
    bench = Bench()
    bench.worker._fold_batch([Message(5)])
    assert bench.fold.taken == [(5, 1_700_000_000_123_000)]


def test_changes_without_any_output_move_the_position_too() -> None:
    bench = Bench()
    bench.fold.fold = lambda *_: []  # type: ignore[method-assign, assignment]
    bench.worker._fold_batch([Message(5), Message(6)])
    assert bench.worker._is_time(2)
    bench.worker._commit()
    assert bench.transaction.committed == [(0, 7)]
    assert not bench.worker._is_time(0)


def test_a_full_batch_waits_for_the_interval() -> None:
    bench = Bench()
    bench.worker._fold_batch([Message(5), Message(6)])
    assert not bench.worker._is_time(2_000)
    bench.worker._pending_since = -1_000.0
    assert bench.worker._is_time(2_000)


def test_the_hook_runs_before_the_batch_is_folded() -> None:
    seen: list[int] = []
    bench = Bench(before_batch=lambda: seen.append(len(bench.fold.taken)))
    bench.worker._fold_batch([Message(5), Message(6)])
    assert seen == [0]


def test_position_and_offset_of_a_commit_agree() -> None:
    bench = Bench()
    bench.worker._fold_batch([Message(5), Message(8)])
    outputs: list[Output] = []
    bench.transaction.send = lambda sent, _: outputs.extend(sent)  # type: ignore[method-assign]
    bench.worker._commit()
    assert outputs == [Output("state", b"position/0", b"9")]
    assert bench.transaction.committed == [(0, 9)]


@pytest.mark.parametrize(
    ("value", "code"), [(b"poison", b"BAD"), (b"undecodable", b"MALFORMED"), (None, NO_VALUE.encode())]
)
def test_poison_becomes_a_dead_letter_and_the_next_change_is_folded(value: bytes | None, code: bytes) -> None:
    bench = Bench()
    bench.worker._fold_batch([Message(5, value), Message(6)])
    letter, event = bench.transaction.sent
    assert (letter.topic, letter.key, letter.value) == ("jejak.dead-letters.v1", b"family", value)
    assert letter.headers == [
        ("dl_topic", b"changes"),
        ("dl_partition", b"0"),
        ("dl_offset", b"5"),
        ("dl_code", code),
        ("dl_consumer", b"group"),
    ]
    assert event.topic == "events"
    assert bench.fold.taken[0][0] == 6


def test_a_refused_commit_drops_the_state_and_has_it_restored() -> None:
    bench = Bench()
    bench.worker._fold_batch([Message(5)])
    bench.transaction.refusal = Aborted("ILLEGAL_GENERATION")
    bench.worker._commit()
    assert bench.worker.partitions == frozenset()
    assert bench.worker._stale == {0}
    assert bench.transaction.aborted == 1
    assert bench.transaction.committed == []


def test_a_member_that_lost_its_name_commits_nothing() -> None:
    bench = Bench()
    bench.worker._fold_batch([Message(5)])
    bench.consumer.member = ""
    bench.worker._commit()
    assert bench.transaction.committed == []
    assert bench.transaction.aborted == 1


def test_aborts_without_end_are_a_fault() -> None:
    bench = Bench()
    bench.transaction.refusal = Aborted("REBALANCE_IN_PROGRESS")

    def go_on() -> None:
        for _ in range(10):
            bench.worker._owned = {0: Assigned(0, bench.fold, 5)}
            bench.worker._fold_batch([Message(5)])
            bench.worker._commit()

    with pytest.raises(EngineFault, match="aborted in a row"):
        go_on()


def test_a_commit_of_what_was_only_restored_between_two_aborts_is_no_progress() -> None:
    bench = Bench()

    def go_on() -> None:
        for _ in range(10):
            bench.worker._owned = {0: Assigned(0, bench.fold, 5)}
            bench.worker._restored_uncommitted = {0}
            bench.transaction.refusal = None
            bench.worker._commit()
            bench.transaction.refusal = Aborted("_STATE")
            bench.worker._fold_batch([Message(5)])
            bench.worker._commit()

    with pytest.raises(EngineFault, match="aborted in a row"):
        go_on()


class Outputs:
    """Outputs of partitions on which another's transaction may be open; restores are counted beside it."""

    def __init__(self, worker: Any, *, clear: bool = True) -> None:
        self.clear = clear
        self.done: list[str] = []
        self._transaction = worker._transaction
        worker._clearance = worker._restorer = self

    def wait(self, numbers: set[int], transaction: Transaction) -> bool:
        assert transaction is self._transaction
        assert not transaction.is_open
        self.done.append(f"clear {sorted(numbers)}")
        return self.clear

    def restore(self, _: Consumer, numbers: set[int]) -> list[Assigned]:
        self.done.append(f"restore {sorted(numbers)}")
        return []


def test_partitions_are_restored_only_once_their_outputs_are_clear() -> None:
    bench = Bench()
    outputs = Outputs(bench.worker)
    bench.worker._on_assign(bench.consumer, [TopicPartition("changes", 1)])  # type: ignore[arg-type]
    assert outputs.done == ["clear [1]", "restore [1]"]


def test_nothing_is_restored_by_a_worker_stopped_while_it_waits_for_its_outputs() -> None:
    bench = Bench()
    outputs = Outputs(bench.worker, clear=False)
    bench.worker._on_assign(bench.consumer, [TopicPartition("changes", 1)])  # type: ignore[arg-type]
    assert outputs.done == ["clear [1]"]


def test_partitions_given_up_are_cleared_again_once_what_was_folded_meanwhile_is_committed() -> None:
    bench = Bench()
    outputs = Outputs(bench.worker)
    bench.worker._stale = {1}
    bench.worker._fold_batch([Message(5)])
    bench.worker._heal({1})
    assert bench.transaction.committed == [(0, 6)]
    assert outputs.done == ["clear [1]", "restore [1]"]


def test_lost_partitions_are_dropped_and_their_transaction_is_given_up() -> None:
    bench = Bench()
    bench.worker._fold_batch([Message(5)])
    bench.worker._on_lost(bench.consumer, [TopicPartition("changes", 0)])  # type: ignore[arg-type]
    assert bench.worker.partitions == frozenset()
    assert bench.worker._stale == set()
    assert bench.transaction.aborted == 1
    assert bench.transaction.committed == []
    assert bench.consumer.left == [0]


def test_revoked_partitions_are_committed_and_dropped() -> None:
    bench = Bench()
    bench.worker._fold_batch([Message(5)])
    bench.worker._on_revoke(bench.consumer, [TopicPartition("changes", 0)])  # type: ignore[arg-type]
    assert bench.transaction.committed == [(0, 6)]
    assert bench.worker.partitions == frozenset()


def test_a_partition_starts_at_its_position_whatever_the_group_says() -> None:
    assert start_of(0, 7, 7, 0) == 7
    assert start_of(0, 7, None, 0) == 7
    assert start_of(0, 7, 9, 0) == 7
    assert start_of(0, 7, 3, 0) == 7


def test_a_new_partition_starts_at_the_earliest_change() -> None:
    assert start_of(0, None, None, 4) == 4
    assert start_of(0, None, 4, 4) == 4


def test_a_group_ahead_of_a_missing_position_is_a_fault() -> None:
    with pytest.raises(EngineFault):
        start_of(0, None, 5, 4)


def test_a_fault_is_handed_to_the_crash_hook_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench()
    faults: list[BaseException] = []
    worker: Any = bench.worker
    worker._crash = faults.append

    def fail() -> None:
        raise RuntimeError("a name that nobody may read")

    worker._open = fail
    worker.run()
    assert [type(fault) for fault in faults] == [RuntimeError]
    assert "nobody may read" not in capsys.readouterr().out


def test_the_watchdog_bites_what_hangs_and_nothing_else() -> None:
    bitten = threading.Event()
    dog = Watchdog(0.05, lambda _: bitten.set())
    with dog.watch():
        assert bitten.wait(10)
    dog.close()
    calm = threading.Event()
    dog = Watchdog(0.2, lambda _: calm.set())
    with dog.watch():
        pass
    assert not calm.wait(0.6)
    dog.close()


class End:
    """The word of the client that a partition was read to its end."""

    def __init__(self, offset: int, partition: int = 0) -> None:
        self._offset, self._partition = offset, partition

    def error(self) -> KafkaError:
        return KafkaError(KafkaError._PARTITION_EOF)

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset


def test_an_end_behind_markers_moves_the_position_and_is_committed_once() -> None:
    bench = Bench()
    bench.worker._fold_batch([Message(5), End(8), End(8), End(3, partition=7)])
    bench.worker._commit()
    assert bench.transaction.committed == [(0, 8)]
    bench.worker._fold_batch([End(8)])
    bench.worker._commit()
    assert bench.transaction.committed == [(0, 8)]
