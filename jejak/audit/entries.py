"""Entries of the audit topic by their place, by their time, and after one another: parts of it, never the whole.

The broker keeps an index of places by its own time. Must not know what is asked of an entry, nor who asks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import TopicPartition

from schemas import codec
from schemas.catalogue import AUDIT_TOPIC
from transport import kafka

_CALL_SECONDS: Final = 10.0
_AT_THE_END: Final = -1  # the broker's answer where nothing is as late


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry, its place on the topic, and the broker's time of it (ms since 1970, UTC)."""

    record: Any
    partition: int
    offset: int
    appended_ms: int


class AuditTopic:
    """The audit topic of a broker, read in parts."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    def at(self, partition: int, offset: int) -> Entry | None:
        """Return the entry at a place; None where there is none (yet). Raises TimeoutError, KafkaException."""
        end = kafka.end_offsets(self._bootstrap, AUDIT_TOPIC).get(partition, 0)
        if not 0 <= offset < end:
            return None
        return next(self._read({partition: (offset, offset + 1)}))

    def appended(self, first_ms: int, last_ms: int) -> Iterator[Entry]:
        """Yield what the broker took from the one time (ms) to before the other; raises as `at`."""
        ends = kafka.end_offsets(self._bootstrap, AUDIT_TOPIC)
        first, last = self._places(ends, first_ms), self._places(ends, last_ms)
        yield from self._read({partition: (first[partition], last[partition]) for partition in ends})

    def after(self, entry: Entry, until_ms: int | None = None) -> Iterator[Entry]:
        """Yield what follows an entry in its partition, up to a time (ms) where one is given; raises as `at`."""
        ends = {entry.partition: kafka.end_offsets(self._bootstrap, AUDIT_TOPIC)[entry.partition]}
        last = ends if until_ms is None else self._places(ends, until_ms)
        yield from self._read({entry.partition: (entry.offset + 1, last[entry.partition])})

    def _places(self, ends: Mapping[int, int], milliseconds: int) -> dict[int, int]:
        """Return, by partition, the offset of the first entry that is not before a time; its end where none is."""
        asked = [TopicPartition(AUDIT_TOPIC, partition, milliseconds) for partition in ends]
        with kafka.closing_reader(self._bootstrap) as reader:
            found = reader.offsets_for_times(asked, timeout=_CALL_SECONDS)
        return {
            place.partition: ends[place.partition] if place.offset == _AT_THE_END else place.offset for place in found
        }

    def _read(self, parts: Mapping[int, tuple[int, int]]) -> Iterator[Entry]:
        """Yield the entries of each partition from one offset to before another."""
        for message in kafka.read_between(self._bootstrap, AUDIT_TOPIC, parts):
            place = (message.partition() or 0, message.offset() or 0)
            yield Entry(codec.decode(message.value() or b""), *place, message.timestamp()[1])
