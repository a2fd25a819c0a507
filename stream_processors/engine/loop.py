"""The worker: a member of the consumer group that reads changes, folds them and commits what follows, exactly once.

Knows batches, partitions and transactions; must not know a rule, a record or what is done with its metrics. Folds
see the broker's append time and no other clock.

Longer than most modules: rebalance callbacks, commit and restore share one state and run inside each other, and cut
apart they would share it across files.
"""

import gc
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from schemas.codec import Undecodable
from stream_processors.engine import clients, metrics
from stream_processors.engine.contract import FoldFactory, Output, Poison
from stream_processors.engine.dead_letters import NO_VALUE, DeadLetterWatch, dead_letter
from stream_processors.engine.faults import EngineFault, exit_at_once, place, reason, tolerate
from stream_processors.engine.hanging import Clearance
from stream_processors.engine.health import Vitals
from stream_processors.engine.log_ends import LogEnds
from stream_processors.engine.partition import Assigned, Restorer
from stream_processors.engine.settings import EngineSettings
from stream_processors.engine.transaction import Aborted, Transaction, topic_partitions
from stream_processors.engine.watchdog import Watchdog
from transport.pulse import Pulse

_log = structlog.get_logger(__name__)


def _nothing() -> None:
    """Do nothing before a batch."""


class Worker:
    """One worker of a fold. `run` returns after `stop`; any fault ends the process through `crash`.

    `before_batch` is called after a batch was read and before it is folded. Signs of life go into `pulse`. One worker
    is one thread's; only `stop` and `partitions` may be used by others.
    """

    def __init__(
        self,
        settings: EngineSettings,
        factory: FoldFactory,
        *,
        before_batch: Callable[[], None] = _nothing,
        crash: Callable[[BaseException], None] = exit_at_once,
        pulse: Pulse | None = None,
    ) -> None:
        self._settings = settings
        self._before_batch = before_batch
        self._crash = crash
        self._stopping = threading.Event()
        ends = LogEnds(settings.bootstrap, settings.patience_s)
        self._clearance = Clearance(settings, ends, self._stopping.is_set)
        self._pulse = Pulse() if pulse is None else pulse
        self._restorer = Restorer(settings, factory, ends, self._stopping.is_set, self._pulse)
        self._watch = DeadLetterWatch(settings.limits)
        self._owned: dict[int, Assigned] = {}
        # Held, but what was folded since the last commit was given up: to be restored before it is read on.
        self._stale: set[int] = set()
        self._dropped_in_this_turn: set[int] = set()
        self._restored_uncommitted: set[int] = set()
        self._aborts = 0
        self._member = ""
        self._newest_append_ms = 0  # of the changes folded since the last commit; 0: none
        # Since when something waits for a commit, if only a position: a change may have no output at all.
        self._pending_since: float | None = None
        self._watchdog: Watchdog
        self._consumer: Consumer
        self._transaction: Transaction
        self._meters = metrics.Meters(settings.input_topic)
        self._vitals = Vitals(settings, self._pulse, self._meters)

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions whose state this worker holds, ready to fold."""
        return frozenset(self._owned)

    def stop(self) -> None:
        """Have `run` commit, leave the group and return; may be called from any thread or signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Fold until stopped. A fault is logged by its type and handed to `crash`, which must not return."""
        # Kafka's calls have the worker's patience each, and a commit is a few of them.
        self._watchdog = Watchdog(3 * self._settings.patience_s, self._end)
        try:
            self._open()
            while not self._stopping.is_set():
                self._turn()
            self._close()
        except BaseException as fault:  # noqa: BLE001  whatever it is, partitions must not be held by a broken worker
            self._end(fault)
        finally:
            self._watchdog.close()

    def _end(self, fault: BaseException) -> None:
        # The text of an exception may quote data: its type and place are enough to find it.
        _log.critical("worker ends by a fault", fault=type(fault).__name__, reason=reason(fault), at=place(fault))
        self._crash(fault)

    def _open(self) -> None:
        # First of all: it ends a predecessor's open transaction, on which a restore would wait.
        self._transaction = Transaction(
            lambda: clients.transactional_producer(self._settings),
            self._settings.patience_s,
            self._meters.stage,
            self._settings.keyed_topics,
        )
        self._clearance.sweep_own(self._transaction)
        self._consumer = clients.group_consumer(self._settings)
        self._consumer.subscribe(
            [self._settings.input_topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def _close(self) -> None:
        self._commit()
        self._consumer.close()
        self._transaction.abort()

    def _turn(self) -> None:
        """Read a batch, fold it, and commit if there is nothing more to read or the interval is over."""
        stale = set(self._stale)
        self._dropped_in_this_turn.clear()
        started = time.perf_counter()
        messages = self._consumer.consume(self._settings.batch, self._settings.poll_s)
        try:
            if messages:
                self._meters.stage("read", time.perf_counter() - started)
                self._fold_batch(messages)
            if self._is_time(len(messages)):
                self._commit()
        except Aborted as verdict:
            self._give_up(verdict)
        # Those of this turn's own abort wait one turn: a rebalance may be about to take them away.
        if self._stale & stale:
            self._heal(self._stale & stale)
        self._vitals.look(self._consumer, self._owned.values(), pending=self._pending_since is not None)

    def _is_time(self, read: int) -> bool:
        if self._pending_since is None:
            return False
        waited = time.monotonic() - self._pending_since
        return read < self._settings.batch or waited >= self._settings.commit_interval_s

    def _fold_batch(self, messages: Sequence[Any]) -> None:
        started = time.monotonic()
        self._before_batch()
        taken = good = ends = 0
        for message in messages:
            if (error := message.error()) is not None:
                if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  librdkafka's own code
                    self._ended(message.partition(), message.offset(), started)
                    ends += 1
                    continue
                tolerate(error)
                self._vitals.tolerated(error)
                continue
            owned = self._owned.get(message.partition())
            offset = message.offset()
            if owned is None or offset < owned.next_offset:
                continue
            taken += 1
            if self._fold(owned, message, offset):
                good += 1
            else:
                self._watch.passed(good)
                good = 0
                self._watch.died()
        self._watch.passed(good)
        if taken:
            self._pending_since = self._pending_since or started
        self._meters.stage("fold", time.monotonic() - started)
        self._transaction.flush()
        if len(messages) > ends:
            self._meters.batch(taken, len(messages) - ends)

    def _ended(self, number: int, end: int, now: float) -> None:
        """Take note that a partition was read to this end: nothing but markers lies between the last change and it."""
        owned = self._owned.get(number)
        if owned is not None and owned.next_offset < end:
            owned.next_offset = end
            owned.moved = True
            self._pending_since = self._pending_since or now

    def _fold(self, owned: Assigned, message: Any, offset: int) -> bool:
        """Fold one change into its partition; tell whether it was taken or became a dead letter."""
        value = message.value()
        milliseconds = message.timestamp()[1]
        code, outputs = None, ()  # type: tuple[str | None, Sequence[Output]]
        if value is None:
            code = NO_VALUE
        else:
            try:
                outputs = owned.fold.fold(message.key(), value, offset, milliseconds * 1_000)
            except (Poison, Undecodable) as poison:
                code = poison.code
        if code is not None:
            outputs = (self._dead_letter(code, message),)
        owned.next_offset = offset + 1
        owned.moved = True
        owned.appended_ms = self._newest_append_ms = milliseconds
        self._transaction.send(outputs, owned.number)
        return code is None

    def _dead_letter(self, code: str, message: Any) -> Output:
        self._meters.dead_letter(code)
        return dead_letter(
            topic=self._settings.dead_letters_topic,
            consumer=self._settings.group,
            code=code,
            origin=(self._settings.input_topic, message.partition(), message.offset()),
            key=message.key(),
            value=message.value(),
        )

    def _commit(self) -> None:
        """Commit all that was folded, with positions and offsets; if the broker refuses, all of it is given up."""
        moved = [owned for owned in self._owned.values() if owned.moved]
        if not moved and not self._restored_uncommitted and not self._transaction.is_open:
            self._pending_since = None
            return
        try:
            for owned in moved:
                self._transaction.send(owned.fold.close_batch(owned.next_offset), owned.number)
            with self._watchdog.watch():
                self._transaction.commit(self._offsets(moved), self._membership())
        except Aborted as verdict:
            self._give_up(verdict)
            return
        for owned in moved:
            owned.moved = False
        self._restored_uncommitted.clear()
        self._pending_since = None
        if self._newest_append_ms:
            # A commit of what was only restored, or of an end reached, is no progress: a batch that can't be
            # committed is tried for ever.
            self._aborts = 0
        self._pulse.committed()
        self._meters.committed(self._newest_append_ms or None)
        self._newest_append_ms = 0

    def _offsets(self, moved: Sequence[Assigned]) -> list[TopicPartition]:
        """Return the offsets to commit; also of partitions only restored, as it is the offsets that are fenced."""
        told = {owned.number for owned in moved} | self._restored_uncommitted
        return topic_partitions(
            self._settings.input_topic, ((number, self._owned[number].next_offset) for number in sorted(told))
        )

    def _membership(self) -> object:
        """Return the group metadata that Kafka checks; raises Aborted if this is not the member that was assigned.

        A member that was thrown out has no name and no generation, and the broker takes a transaction's offsets from
        the nameless without checking: the old protocol had no names. So the name is checked here, after the metadata
        was taken.
        """
        metadata = self._consumer.consumer_group_metadata()
        if self._consumer.memberid() != self._member:
            raise Aborted("UNKNOWN_MEMBER_ID")
        return metadata

    def _give_up(self, verdict: Aborted) -> None:
        """Forget all that was folded since the last commit; the partitions are restored before they are read on."""
        self._aborts += 1
        _log.warning("transaction aborted", code=verdict.code, in_a_row=self._aborts)
        self._meters.abort(verdict.code)
        self._stale |= set(self._owned)
        self._owned.clear()
        self._newest_append_ms = 0
        self._restored_uncommitted.clear()
        self._pending_since = None
        self._transaction.abort()
        if self._aborts > self._settings.aborts_in_a_row:
            raise EngineFault(f"{self._aborts} transactions were aborted in a row, the last by {verdict.code}")

    def _heal(self, numbers: set[int]) -> None:
        """Restore partitions that are still held, and read them again from their positions."""
        # As on assignment; and what is open while the outputs are cleared would be given up.
        self._commit()
        restored = self._restore(numbers)
        if restored:
            self._consumer.incremental_unassign(topic_partitions(self._settings.input_topic, _starts(restored)))
            self._consumer.incremental_assign(topic_partitions(self._settings.input_topic, _starts(restored)))

    def _restore(self, numbers: set[int]) -> list[Assigned]:
        """Have the partitions restored and held, their recounted cells sent; return them with where they start.

        No transaction is open when this is called. Returns nothing if the worker is being stopped.
        """
        started = time.monotonic()
        for number in numbers:
            self._pulse.restoring(number, 0, 0)
        # Before anything is sent there: a commit would take with it what a lost transaction left.
        if not self._clearance.wait(numbers, self._transaction):
            return []
        restored = self._restorer.restore(self._consumer, numbers)
        self._owned.update((owned.number, owned) for owned in restored)
        self._stale -= set(self._owned)
        self._restored_uncommitted |= {owned.number for owned in restored}
        self._pending_since = self._pending_since or started
        # The restored state is long-lived: the collector need not walk it again and again.
        gc.freeze()
        self._pulse.restored()
        self._meters.restored(time.monotonic() - started)
        try:
            for owned in restored:
                self._transaction.send(owned.fold.restored(), owned.number)
        except Aborted as verdict:
            self._give_up(verdict)
        return restored

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # A restore may take longer than an open transaction may last.
        self._commit()
        self._member = consumer.memberid()
        numbers = {partition.partition for partition in partitions}
        # Records read before it was dropped, in this very turn, would be taken for the first after the restore.
        again = numbers & self._dropped_in_this_turn
        self._stale |= again
        restored = self._restore(numbers - again) if numbers - again else []
        starts = dict(_starts(restored))
        for partition in partitions:
            # What is not restored yet is read from anywhere and dropped, until it is healed.
            partition.offset = starts.get(partition.partition, OFFSET_BEGINNING)
        consumer.incremental_assign(partitions)
        self._meters.rebalance("assigned")
        _log.info("partitions assigned", partitions=sorted(numbers), held=len(self._owned))

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._commit()
        self._drop(partitions)
        consumer.incremental_unassign(partitions)
        self._meters.rebalance("revoked")
        _log.info("partitions revoked", partitions=sorted(partition.partition for partition in partitions))

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._transaction.is_open:
            self._give_up(Aborted("PARTITIONS_LOST"))
        self._drop(partitions)
        consumer.incremental_unassign(partitions)
        self._meters.rebalance("lost")
        _log.warning("partitions lost", partitions=sorted(partition.partition for partition in partitions))

    def _drop(self, partitions: Sequence[TopicPartition]) -> None:
        numbers = {partition.partition for partition in partitions}
        for number in numbers:
            self._owned.pop(number, None)
        self._stale -= numbers
        self._restored_uncommitted -= numbers
        self._dropped_in_this_turn |= numbers
        self._pulse.dropped(numbers)


def _starts(partitions: Sequence[Assigned]) -> list[tuple[int, int]]:
    return [(owned.number, owned.next_offset) for owned in partitions]
