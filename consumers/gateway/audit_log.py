"""Writes a gateway's audit entries: numbered without a hole, chained by hash, acknowledged by all replicas.

An entry stays queued until the broker takes it, however long that lasts, so the chain has no hole when the broker comes
back; but the caller is told after a deadline that it isn't durable, and shows nothing. Each process start is a gateway
of its own, `<name>-<uuid7>`: its numbers begin at 1, nothing has to be read back, and two processes by one name can't
share a chain. What it can't finish shows as a chain without a closing heartbeat. Must not know what entries are about.
"""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

import structlog
from confluent_kafka import KafkaError, Message, Producer
from uuid_utils import compat

from consumers.gateway.nik_filter import looks_like_nik
from schemas import codec, records
from schemas.catalogue import AUDIT_TOPIC
from transport import kafka

DEADLINE_SECONDS: Final = 2.0
HEARTBEAT_SECONDS: Final = 30.0
SALT_BYTES: Final = 16
LONGEST_VALUE: Final = 65_498  # an entry of the tree is at most 64 KiB
MOST_QUEUED: Final = 10_000
_TURN_SECONDS: Final = 0.1
_NO_ENTRY: Final = bytes(32)

_LOG: Final = structlog.get_logger(__name__)

Draft = Callable[..., Any]
"""Makes an entry of its place in the chain: event_id, occurred_at, gateway_id, gateway_seq, prev_gateway_hash."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where an entry is durable, and the SHA-256 of its value."""

    event_id: bytes
    topic: str
    partition: int
    offset: int
    value_hash: bytes


@dataclass(frozen=True, slots=True)
class AuditUnavailable:
    """The refusal to vouch for entries: not durable in time, or the chain can't go on.

    `queued` are the ids of entries that may become durable later.
    """

    queued: tuple[bytes, ...] = ()


class AuditTrail(Protocol):
    """What the door asks of the audit trail."""

    def append(self, *drafts: Draft) -> tuple[Receipt, ...] | AuditUnavailable:
        """Return the receipts once every entry is durable, in order; a refusal at the deadline."""

    def queue(self, draft: Draft) -> None:
        """Let the entry become durable whenever that is possible; wait for nothing, promise nothing."""


class _Pending:
    """Entries on their way, and whether they arrived."""

    def __init__(self, count: int) -> None:
        self._missing = count
        self._lock = threading.Lock()
        self.done = threading.Event()
        self.receipts: list[Receipt] = []
        self.event_ids: list[bytes] = []

    def arrived(self, receipt: Receipt) -> None:
        with self._lock:
            self.receipts.append(receipt)
            self._missing -= 1
            if not self._missing:
                self.done.set()


class AuditLog:
    """One gateway's chain of audit entries; close it, so that its end is on record."""

    def __init__(  # noqa: PLR0913  what it stands on, and its three times
        self,
        producer: Producer,
        name: str,
        topic: str = AUDIT_TOPIC,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._deadline = deadline_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._now = now
        self.gateway_id = _new_id(name)
        self._seq = 0
        self._hash = _NO_ENTRY
        self._broken = False
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name="audit-log", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, *drafts: Draft) -> tuple[Receipt, ...] | AuditUnavailable:
        """Return the receipts once every entry is durable; AuditUnavailable at the deadline or after a lost entry."""
        pending = self._queue(drafts)
        if pending is None:
            return AuditUnavailable()
        if not pending.done.wait(self._deadline):
            return AuditUnavailable(tuple(pending.event_ids))
        return tuple(pending.receipts)

    def queue(self, draft: Draft) -> None:
        """Let the entry follow those before it; wait for nothing, promise nothing."""
        self._queue((draft,))

    def close(self) -> None:
        """Leave a closing heartbeat and end, within the deadline; without a broker the chain ends open."""
        if self._closed.is_set():
            return
        pending = self._queue((self._heartbeat(closing=True),))
        if pending is not None:
            pending.done.wait(self._deadline)
        self._closed.set()
        self._thread.join()

    def _queue(self, drafts: tuple[Draft, ...]) -> _Pending | None:
        """Queue entries in one row of the chain; None, with no number taken, when they can't be."""
        pending = _Pending(len(drafts))
        with self._lock:
            if self._broken or self._closed.is_set() or len(self._producer) + len(drafts) > MOST_QUEUED:
                return None
            for draft in drafts:
                self._produce(draft, pending)
        return pending

    def _produce(self, draft: Draft, pending: _Pending) -> None:
        event_id = compat.uuid7().bytes
        place = {"event_id": event_id, "gateway_id": self.gateway_id, "gateway_seq": self._seq + 1}
        value = codec.encode(draft(**place, occurred_at=self._now(), prev_gateway_hash=self._hash))
        if len(value) > LONGEST_VALUE:
            raise ValueError("an audit entry is larger than the tree takes")
        value_hash = hashlib.sha256(value).digest()

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self._lost(error)
                return
            partition, offset = int(message.partition() or 0), int(message.offset() or 0)
            pending.arrived(Receipt(event_id, self._topic, partition, offset, value_hash))

        self._producer.produce(
            self._topic,
            key=self.gateway_id.encode(),
            value=value,
            headers={"salt": secrets.token_bytes(SALT_BYTES)},
            on_delivery=delivered,
        )
        pending.event_ids.append(event_id)
        self._seq += 1
        self._hash = value_hash

    def _lost(self, error: KafkaError) -> None:
        # The chain has a hole from here on: this gateway vouches for nothing more.
        self._broken = True
        _LOG.critical("audit_entry_lost", code=error.name())

    def _heartbeat(self, *, closing: bool) -> Draft:
        def draft(**place: Any) -> records.GatewayHeartbeat:
            return records.GatewayHeartbeat(**place, last_seq=place["gateway_seq"] - 1, closing=closing)

        return draft

    def _serve(self) -> None:
        """Take acknowledgements as they come, and say every 30 s how far the numbers went."""
        beat_at = time.monotonic() + self._heartbeat_seconds
        while not self._closed.is_set():
            self._producer.poll(_TURN_SECONDS)
            if time.monotonic() >= beat_at:
                beat_at += self._heartbeat_seconds
                self._queue((self._heartbeat(closing=False),))


def producer(bootstrap: str) -> Producer:
    """Return the producer that audit entries need: idempotent, at once, and never giving an entry up.

    The topic's size limit is one of batches: what queued up while the broker was away must not leave as one too large.
    """
    return kafka.producer(bootstrap, linger_ms=0, message_timeout_ms=0, batch_size=LONGEST_VALUE)


def _new_id(name: str) -> str:
    while looks_like_nik(found := f"{name}-{compat.uuid7()}"):
        pass
    return found
