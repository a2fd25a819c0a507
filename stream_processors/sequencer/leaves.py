"""Reads the audit topic, all partitions by hand, and keeps the entries that no round has taken yet.

Offsets are dense, or the sequencer stops: a hole would be a record left out. Must not know rounds or trees.
"""

from collections.abc import Sequence
from typing import Any, Final

import structlog
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, KafkaError, Message, TopicPartition

from stream_processors.audit.entry import NO_SALT, SALT_BYTES, EntryRefused, entry_bytes
from stream_processors.engine.faults import tolerate
from stream_processors.sequencer.contract import SequencerFault, SequencerSettings
from stream_processors.sequencer.metrics import ODD_SALTS
from transport import kafka
from transport.metrics import EVENTS_CONSUMED

SALT_HEADER: Final = "salt"
AT_ONCE: Final = 5_000
_GONE: Final = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})  # noqa: SLF001  public name
_LOG: Final = structlog.get_logger(__name__)


class Leaves:
    """Entries read and not taken, by partition in the order of offsets."""

    def __init__(self, topic: str, partitions: int, consumer: Any, most_kept: int) -> None:
        self._topic = topic
        self._consumer = consumer
        self._most_kept = most_kept
        self._next = [0] * partitions
        self._kept: list[list[bytes]] = [[] for _ in range(partitions)]
        self._paused: set[int] = set()

    def start(self, offsets: Sequence[int]) -> None:
        """Forget everything and read each partition from this offset on."""
        self._next = [*offsets]
        self._kept = [[] for _ in offsets]
        self._paused = set()
        places = [TopicPartition(self._topic, place, at) for place, at in enumerate(offsets)]
        self._consumer.assign(places)
        self._consumer.resume(places)  # a pause may outlive an assignment

    @property
    def count(self) -> int:
        """Entries that are kept."""
        return sum(map(len, self._kept))

    def ends(self) -> tuple[int, ...]:
        """Return, by partition, the offset after the last entry that was read."""
        return tuple(self._next)

    def take(self, seconds: float, wanted: Sequence[int] | None = None) -> None:
        """Read what comes within these seconds and all that lies ready by then, as far as memory allows.

        A partition that is read to what is `wanted` of it is not read much further.
        """
        self._pause(wanted or self._next)
        messages = self._consumer.consume(AT_ONCE, seconds)
        self._keep(messages)
        while len(messages) == AT_ONCE and self.count < self._most_kept:
            messages = self._consumer.consume(AT_ONCE, 0)
            self._keep(messages)

    def has(self, cut: Sequence[int]) -> bool:
        """Tell whether everything below the cut was read."""
        return all(at >= end for at, end in zip(self._next, cut, strict=True))

    def below(self, cut: Sequence[int]) -> list[bytes]:
        """Return the kept entries below the cut in the order of leaves: by partition, then offset."""
        found: list[bytes] = []
        for kept, at, end in zip(self._kept, self._next, cut, strict=True):
            found += kept[: max(0, len(kept) - max(0, at - end))]
        return found

    def release(self, cut: Sequence[int]) -> None:
        """Keep nothing below the cut any more."""
        for kept, at, end in zip(self._kept, self._next, cut, strict=True):
            del kept[: max(0, len(kept) - (at - end))]

    def lags(self) -> dict[int, tuple[int, int]]:
        """Return, by partition, the next offset to be read and the end as the client last heard of it (-1: not yet)."""
        found = {}
        for partition, at in enumerate(self._next):
            limits = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), cached=True)
            found[partition] = (at, limits[1] if limits is not None else -1)
        return found

    def close(self) -> None:
        """End the reader."""
        self._consumer.close()

    def _keep(self, messages: Sequence[Message]) -> None:
        keep, expected = [kept.append for kept in self._kept], self._next
        for message in messages:
            if (error := message.error()) is not None:
                _pass(error)
                continue
            partition, offset = message.partition() or 0, message.offset() or 0
            if offset != expected[partition]:
                raise SequencerFault("HOLE", f"partition {partition} has {offset} after {expected[partition] - 1}")
            keep[partition](_entry(message, partition, offset))
            expected[partition] = offset + 1
        EVENTS_CONSUMED.labels(self._topic).inc(len(messages))

    def _pause(self, wanted: Sequence[int]) -> None:
        """Stop fetching what is far ahead, and fetch again what no longer is."""
        far = {
            place
            for place, kept in enumerate(self._kept)
            if len(kept) > self._most_kept and self._next[place] >= wanted[place]
        }
        if stop := far - self._paused:
            self._consumer.pause([TopicPartition(self._topic, place) for place in stop])
        if go_on := self._paused - far:
            self._consumer.resume([TopicPartition(self._topic, place) for place in go_on])
        self._paused = far


def kafka_leaves(settings: SequencerSettings, partitions: int) -> Leaves:
    """Return what reads the audit topic of a broker; a start that is gone is a fault, never another start."""
    consumer: Consumer = kafka.reader(
        settings.bootstrap,
        # The topic has no transactional writer; a marker of one would show as a hole.
        isolation_level="read_uncommitted",
        enable_partition_eof=False,
        auto_offset_reset="error",
        fetch_wait_max_ms=100,
        fetch_message_max_bytes=4 << 20,
        queued_min_messages=100_000,
        queued_max_messages_kbytes=64 << 10,
    )
    return Leaves(settings.audit_topic, partitions, consumer, settings.most_in_a_round)


def _entry(message: Message, partition: int, offset: int) -> bytes:
    kind, milliseconds = message.timestamp()
    if kind != TIMESTAMP_LOG_APPEND_TIME:
        raise SequencerFault("NOT_APPEND_TIME", f"partition {partition} offset {offset} has not the broker's time")
    salt = _salt(message.headers(), partition, offset)
    try:
        return entry_bytes(partition, offset, milliseconds, salt, message.value() or b"")
    except EntryRefused as refused:
        raise SequencerFault(refused.code, f"partition {partition} offset {offset}") from refused


def _salt(headers: Any, partition: int, offset: int) -> bytes:
    """Return the one header `salt` of 16 bytes; anything else is zeros and an alarm."""
    found = [value for name, value in headers or () if name == SALT_HEADER]
    if len(found) == 1 and isinstance(found[0], bytes) and len(found[0]) == SALT_BYTES:
        return found[0]
    ODD_SALTS.inc()
    _LOG.error("audit_entry_without_salt", partition=partition, offset=offset)
    return NO_SALT


def _pass(error: KafkaError) -> None:
    """Let pass what the client mends by itself; raises everything else."""
    if error.code() in _GONE:
        raise SequencerFault("AUDIT_GONE", "records of the audit topic that were to be read are not there any more")
    tolerate(error)
