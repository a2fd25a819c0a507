"""The accepted events as they lie in the log, read exactly to a cut; nothing is committed and nothing written.

Knows partitions and offsets of the events topic; must not know what events mean.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas import catalogue
from transport import kafka

if TYPE_CHECKING:
    from consumers.replay.cut import Cut

AT_ONCE = 10_000
_FETCH_BYTES = 4 << 20
# A partition mostly ends with a marker, past which only an empty answer shows: the broker shall not wait to give it.
_WAIT_MILLISECONDS = 10

BEGINNING_MISSING = "BEGINNING_MISSING"

Batch = list[Message]
"""Records of one partition in the order of the log."""


class LogRefused(Exception):
    """The log isn't whole, so that nothing can be told from it; `code` says why and `text` where."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


def events(
    bootstrap: str,
    cut: "Cut",
    partitions: Iterable[int] | None = None,
    starts: Mapping[int, int] | None = None,
    *,
    topic: str = catalogue.EVENTS_TOPIC,
) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Yield partition, offset, key and value of each committed event below the cut, one partition after the other.

    Reads `partitions` (by default all of the cut) from the offsets in `starts` on, or from the beginning. Raises
    LogRefused where the log begins later, TimeoutError when it falls silent before the cut, KafkaException for any
    other fault of the broker.
    """
    begun = starts or {}
    with reader(bootstrap) as source:
        for number in sorted(cut.ends if partitions is None else partitions):
            for batch in batches(source, TopicPartition(topic, number, begun.get(number, 0)), cut.ends[number]):
                for message in batch:
                    yield number, message.offset() or 0, message.key() or b"", message.value() or b""


def reader(bootstrap: str) -> AbstractContextManager[Consumer]:
    """Lend a consumer of no group, set for long reads."""
    return kafka.closing_reader(bootstrap, fetch_message_max_bytes=_FETCH_BYTES, fetch_wait_max_ms=_WAIT_MILLISECONDS)


def batches(source: Consumer, start: TopicPartition, end: int) -> Iterator[Batch]:
    """Yield the committed records of one partition from the place `start` to below offset `end`, as they come in.

    The end is a position, never a count: transaction markers and aborted records take offsets too. Raises LogRefused
    where the log begins after the start: families that lay there alone would be missing without a sign.
    """
    if start.offset >= end:
        return
    _check_begun(source, start)
    source.assign([start])
    try:
        over = False
        while not over:
            batch, over = _within(_next(source, start), end)
            if batch:
                yield batch
    finally:
        source.unassign()


def _check_begun(source: Consumer, start: TopicPartition) -> None:
    limits = source.get_watermark_offsets(start, timeout=kafka.CALL_SECONDS)
    if limits is None:
        raise TimeoutError(f"the broker did not tell where {start.topic}[{start.partition}] begins")
    if limits[0] > start.offset:
        text = f"partition {start.partition} begins at offset {limits[0]}: what lay before from {start.offset} is gone"
        raise LogRefused(BEGINNING_MISSING, text)


def _next(source: Consumer, start: TopicPartition) -> Batch:
    # `consume` alone would wait for a full batch; this waits for the first and takes what lies ready.
    first = source.poll(kafka.IDLE_SECONDS)
    if first is None:
        raise TimeoutError(f"{start.topic}[{start.partition}]: nothing for {kafka.IDLE_SECONDS:.0f} s")
    return [first, *source.consume(AT_ONCE, timeout=0)]


def _within(batch: Batch, end: int) -> tuple[Batch, bool]:
    """Return the records below the end, and whether the end is reached."""
    last = batch[-1]
    if (last.offset() or 0) + 1 < end and all(message.error() is None for message in batch):
        return batch, False
    kept: Batch = []
    for message in batch:
        offset = message.offset() or 0
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  the library's public name
            raise KafkaException(error)
        if error is None and offset < end:
            kept.append(message)
        if offset + (error is None) >= end:
            return kept, True
    return kept, False
