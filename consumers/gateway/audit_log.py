"""Writes a gateway's audit entries: on its own disk first, then at the broker, acknowledged by all replicas.

Two threads serve all that append. One takes what was handed in since its last turn, numbers it, makes it durable in
the write-ahead file with one fsync, and only then gives it to the broker; the other hears what arrived. An entry stays
queued until the broker takes it, so the chain has no hole when the broker comes back; but the caller is told after a
deadline that it isn't on record, and shows nothing. Each process start is a gateway of its own, `<name>-<uuid7>`: its
numbers begin at 1, and two processes by one name can't share a chain. Must not know what entries are about.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, Self

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from consumers.gateway import audit_metrics as metrics
from consumers.gateway import chain, clock, waiting
from consumers.gateway.audit_producer import producer
from consumers.gateway.chain import LONGEST_VALUE, Draft, Head, Link
from consumers.gateway.frames import Arrived
from consumers.gateway.pending import Pending, Receipt
from consumers.gateway.vouching import (
    CLOCK_WRONG,
    DISK_FULL,
    TOO_LARGE,
    UNAVAILABLE,
    AuditTrail,
    AuditUnavailable,
    in_time,
    no_policies,
)
from consumers.gateway.write_ahead import FULL, Held, WriteAhead
from schemas.catalogue import AUDIT_TOPIC

__all__ = ["LONGEST_VALUE", "AuditLog", "AuditTrail", "AuditUnavailable", "Draft", "Receipt", "producer"]

DEADLINE_SECONDS: Final = 2.0
HEARTBEAT_SECONDS: Final = 30.0
MOST_QUEUED: Final = 10_000
MOST_IN_GROUP: Final = 2_048
_TURN_SECONDS: Final = 0.1

_LOG: Final = structlog.get_logger(__name__)


class AuditLog:
    """One gateway's chain of audit entries; close it, so that its end is on record."""

    def __init__(  # noqa: PLR0913  what it stands on, and its times
        self,
        producer: Producer,
        name: str,
        topic: str = AUDIT_TOPIC,
        *,
        folder: Path,
        deadline_seconds: float = DEADLINE_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
        forbidden: Callable[[], str] = in_time,
        policies: Callable[[], bytes] = no_policies,
    ) -> None:
        """`folder` holds the write-ahead files; `forbidden` tells the code of what forbids to vouch now, or nothing.

        `policies` tells the hash of the policy set that serves, which heartbeats name.
        """
        self._producer = producer
        self._topic = topic
        self._deadline = deadline_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._now = now
        self._forbidden = forbidden
        self._policies = policies
        self.gateway_id = chain.new_gateway_id(name)
        self._ahead = WriteAhead(folder, self.gateway_id)
        self._head = Head()
        self._arrived = Arrived()
        self._inbox: list[Pending] = []
        self._unacknowledged = self._waiting = 0
        self._acknowledged_at = time.monotonic()
        self._broken = self._closing = self._stopped = False
        self._wake = threading.Condition()
        self._threads = [
            threading.Thread(target=run, name="audit-log", daemon=True) for run in (self._write, self._hear)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @waiting.one_request()
    def append(self, *drafts: Draft) -> tuple[Receipt, ...] | AuditUnavailable:
        """Return the receipts once every entry is on disk and at the broker; a refusal at its request's deadline."""
        pending = self._handed_in(drafts)
        answer = AuditUnavailable() if pending is None else self._awaited(pending)
        if isinstance(answer, AuditUnavailable):
            metrics.REFUSALS.labels(answer.code).inc()
        return answer

    def queue(self, draft: Draft) -> None:
        """Let the entry follow those before it; wait for nothing, promise nothing."""
        self._handed_in((draft,))

    def close(self) -> None:
        """Leave a closing heartbeat and end, within some seconds.

        Without a broker the files stay, and the next gateway of this folder replays them.
        """
        with self._wake:
            if self._closing:
                return
        last = self._handed_in((chain.heartbeat(closing=True, policy_set_hash=self._policies()),), closing=True)
        if last is not None:
            last.done.wait(self._deadline)
        with self._wake:
            self._stopped = True
            self._wake.notify_all()
        for thread in self._threads:
            thread.join(DEADLINE_SECONDS)
        self._let_go(closed=last is not None and bool(last.receipts))

    def _let_go(self, *, closed: bool) -> None:
        """End the hold on the files; they go too if all that they hold arrived, a closing heartbeat at last."""
        if any(thread.is_alive() for thread in self._threads):
            return  # the disk hangs; the lock ends with the process
        finished = closed and not (self._unacknowledged or self._broken)
        if not finished:
            # What is replayed from the files must not be sent from here as well.
            self._producer.purge()
            self._producer.poll(0)
        self._ahead.close(finished=finished)

    def _handed_in(self, drafts: Sequence[Draft], *, closing: bool = False) -> Pending | None:
        """Hand in drafts for the next turn; None, with nothing written, when no more can be taken."""
        pending = Pending(drafts)
        with self._wake:
            full = self._waiting + self._unacknowledged + len(drafts) > MOST_QUEUED
            if self._broken or self._closing or full:
                self._closing = self._closing or closing
                return None
            self._closing = closing
            self._inbox.append(pending)
            self._waiting += len(drafts)
            self._wake.notify_all()
        return pending

    def _awaited(self, pending: Pending) -> tuple[Receipt, ...] | AuditUnavailable:
        if not waiting.has_come(pending.done, self._deadline):
            return AuditUnavailable(pending.give_up())
        if pending.fault is not None:
            raise pending.fault
        if pending.code:
            return AuditUnavailable((), pending.code)
        code = CLOCK_WRONG if clock.is_wrong(pending.off) else self._forbidden()
        return AuditUnavailable(pending.event_ids, code) if code else tuple(pending.receipts)

    def _write(self) -> None:
        """Take what was handed in, turn by turn; whatever ends this thread ends the gateway."""
        try:
            while (group := self._next_group()) is not None:
                self._commit(group)
        finally:
            with self._wake:
                self._broken = self._broken or not self._stopped
                left, self._inbox = self._inbox, []
            for pending in left:
                pending.refuse(UNAVAILABLE)

    def _next_group(self) -> list[Pending] | None:
        with self._wake:
            while not self._inbox and not self._stopped:
                self._wake.wait()
            if self._broken or not self._inbox:
                return None
            group, size = [], 0
            while self._inbox and size < MOST_IN_GROUP:
                group.append(self._inbox.pop(0))
                size += len(group[-1].drafts)
            self._waiting -= size
            return group

    def _commit(self, group: Sequence[Pending]) -> None:
        head, made = self._head, list[tuple[Pending, tuple[Link, ...]]]()
        for pending in group:
            if links := self._links(pending, head):
                made.append((pending, links))
                head = links[-1].head
        if made and self._is_durable(made):
            self._head = head
            self._send(made)

    def _links(self, pending: Pending, head: Head) -> tuple[Link, ...]:
        """Return the next entries of the chain; none if they are refused, can't be made, or nobody waits any more."""
        if not pending.take():
            return ()
        try:
            links = chain.extended(self.gateway_id, head, pending.drafts, self._now())
        except chain.TooLarge:
            pending.refuse(TOO_LARGE)
            return ()
        except Exception as fault:  # noqa: BLE001  whatever is wrong with these drafts, it is raised where they came from
            pending.fail(fault)
            return ()
        pending.event_ids = tuple(link.event_id for link in links)
        return links

    def _is_durable(self, made: Sequence[tuple[Pending, tuple[Link, ...]]]) -> bool:
        """Tell whether all these entries are on the disk now; if not, who waits for them is told why."""
        entries = [link.entry for _, links in made for link in links]
        try:
            with metrics.FSYNC_SECONDS.time():
                self._ahead.write(self._head.number + 1, entries, self._arrived)
        except (OSError, Held) as fault:
            full = isinstance(fault, OSError) and fault.errno in FULL
            for pending, _ in made:
                pending.refuse(DISK_FULL if full else UNAVAILABLE)
            return False
        with suppress(OSError):  # a file too many is read once more by who replays, and no harm
            self._ahead.forget(self._arrived.number)
        metrics.GROUP_SIZE.observe(len(entries))
        return True

    def _send(self, made: Sequence[tuple[Pending, tuple[Link, ...]]]) -> None:
        with self._wake:
            self._unacknowledged += sum(len(links) for _, links in made)
        sent_at = self._now()
        for pending, links in made:
            for link in links:
                self._produce(pending, link, sent_at)

    def _produce(self, pending: Pending, link: Link, sent_at: int) -> None:
        if self._broken:
            return
        try:
            self._producer.produce(
                self._topic,
                key=self.gateway_id.encode(),
                value=link.entry.value,
                headers={"salt": link.entry.salt},
                on_delivery=partial(self._delivered, pending, link, sent_at),
            )
        except (BufferError, KafkaException) as fault:
            self._lost(type(fault).__name__)

    def _delivered(
        self, pending: Pending, link: Link, sent_at: int, error: KafkaError | None, message: Message
    ) -> None:
        if error is not None:
            if not self._stopped:
                self._lost(error.name())
            return
        partition, offset = int(message.partition() or 0), int(message.offset() or 0)
        off = self._clock_off(message, sent_at)
        with self._wake:
            self._arrived = Arrived(link.head.number, partition, offset)
            self._unacknowledged -= 1
            self._acknowledged_at = time.monotonic()
        place = (self._topic, partition, offset)
        pending.arrived(Receipt(link.event_id, *place, link.head.value_hash, link.entry.value), off)

    def _clock_off(self, message: Message, sent_at: int) -> int:
        off = clock.told_by(message, sent_at, self._now())
        if off != clock.UNTOLD:
            metrics.CLOCK_OFF.set(off / 1e6)
        return off

    def _lost(self, code: str) -> None:
        # The topic has a hole from here on, until the next gateway replays the file: this one vouches for nothing more.
        with self._wake:
            already, self._broken = self._broken, True
            self._wake.notify_all()
        if not already:
            _LOG.critical("audit_entry_lost", code=code)

    def _hear(self) -> None:
        """Take acknowledgements as they come, and say every 30 s how far the numbers went."""
        beat_at = time.monotonic() + self._heartbeat_seconds
        while not self._stopped:
            self._producer.poll(_TURN_SECONDS)
            self._measure()
            if time.monotonic() >= beat_at:
                beat_at += self._heartbeat_seconds
                self._handed_in((chain.heartbeat(closing=False, policy_set_hash=self._policies()),))

    def _measure(self) -> None:
        with self._wake:
            queued, since = self._unacknowledged, self._acknowledged_at
            if not queued:
                self._acknowledged_at = time.monotonic()
        metrics.QUEUED.set(queued)
        metrics.ACK_AGE.set(time.monotonic() - since if queued else 0.0)
