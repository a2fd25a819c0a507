"""The two topics that anyone may rebuild the tree from, read for comparison; nothing is committed or written.

Knows Kafka and the form of an entry; must not know trees. Its clients are its own: an auditor shares no code with what
it audits.
"""

import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from consumers.auditor.rounds import Stretch
from consumers.auditor.verdict import Broken, at_leaf
from schemas.catalogue import AUDIT_TOPIC, CHECKPOINTS_TOPIC

DEADLINE_SECONDS: Final = 30.0
_SALT: Final = 16
_HEAD: Final = struct.Struct(">BIQQ")
_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the two topics of a log are."""

    bootstrap: str
    audit: str = AUDIT_TOPIC
    checkpoints: str = CHECKPOINTS_TOPIC


def reader(bootstrap: str) -> Consumer:
    """Return a consumer that joins no group and commits nothing."""
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "jejak-auditor",  # the client wants a name; with partitions assigned by hand it joins nothing
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_uncommitted",
        }
    )


def entry_of(message: Message) -> bytes:
    """Return the entry that a record of the audit topic makes (audit.md 4.1): a missing or odd salt is zeros."""
    headers: Any = message.headers() or ()
    salts = [value for name, value in headers if name == "salt"]
    salt = salts[0] if len(salts) == 1 and isinstance(salts[0], bytes) and len(salts[0]) == _SALT else bytes(_SALT)
    _, milliseconds = message.timestamp()
    return _HEAD.pack(1, message.partition(), message.offset(), milliseconds) + salt + (message.value() or b"")


def read(source: Consumer, topic: str, partition: int, start: int, end: int) -> Iterator[Message]:
    """Yield the records from `start` up to `end`; ends early at a hole. Raises TimeoutError, KafkaException."""
    if start >= end:
        return
    source.assign([TopicPartition(topic, partition, start)])
    last = time.monotonic()
    while start < end:
        for message in source.consume(min(_AT_ONCE, end - start), timeout=0.5):
            if fault := message.error():
                raise KafkaException(fault)
            if message.offset() != start:
                return
            yield message
            start, last = start + 1, time.monotonic()
            if start == end:
                return
        if time.monotonic() - last > DEADLINE_SECONDS:
            raise TimeoutError(f"{topic} [{partition}] gives nothing at offset {start}")


class Entries:
    """The entries of the audit topic that a segment should hold."""

    def __init__(self, broker: Broker) -> None:
        self._topic = broker.audit
        self._source = reader(broker.bootstrap)
        self._entries: dict[tuple[int, int], bytes] = {}

    def fetch(self, parts: Sequence[Stretch]) -> None:
        """Read what the stretches name."""
        spans: dict[int, tuple[int, int]] = {}
        for part in parts:
            start, _ = spans.get(part.partition, (part.offset, 0))
            spans[part.partition] = (start, part.offset + part.count)
        for partition, (start, end) in spans.items():
            low, high = self._source.get_watermark_offsets(TopicPartition(self._topic, partition), DEADLINE_SECONDS)
            if low > start or high < end:
                continue  # what isn't there any more is told of leaf by leaf
            for message in read(self._source, self._topic, partition, start, end):
                self._entries[partition, message.offset() or 0] = entry_of(message)

    def differs(self, leaf: int, partition: int, offset: int, entry: bytes) -> Broken | None:
        """Return how the log's entry is not what the topic holds."""
        found = self._entries.get((partition, offset))
        if found == entry:
            return None
        text = "the topic has no such record" if found is None else "the topic's record is another"
        return Broken("TOPIC_DIFFERS", at_leaf(leaf, partition, offset), text)

    def close(self) -> None:
        """Leave the broker."""
        self._source.close()


def checkpoint_records(broker: Broker, decode: Callable[[bytes], Any]) -> Iterator[tuple[int, Any]]:
    """Yield the records of the checkpoints topic, as long as it is now, each with its offset."""
    source = reader(broker.bootstrap)
    try:
        _, end = source.get_watermark_offsets(TopicPartition(broker.checkpoints, 0), DEADLINE_SECONDS)
        for message in read(source, broker.checkpoints, 0, 0, end):
            yield message.offset() or 0, decode(message.value() or b"")
    finally:
        source.close()
