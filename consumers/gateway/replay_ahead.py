"""Finishes what dead gateways left: entries that are durable on this disk and didn't reach the broker follow now.

For each gateway's files whose lock nobody holds: what arrived is read back from the topic, what is missing is produced
in order with the same bytes, and a closing heartbeat ends the chain; then the files go. Nothing is made up: an intent
without an outcome stays so, and counts as disclosed. Must not know what entries are about but for their place.

A request that its gateway had sent when it died, and that the broker takes only after it was asked here where the topic
ends, puts an entry on the topic twice: same bytes, same event_id. The wait before reading back makes that rare.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from consumers.gateway import audit_metrics as metrics
from consumers.gateway import chain
from consumers.gateway.chain import Head
from consumers.gateway.frames import Damaged, Entry, Segment
from consumers.gateway.write_ahead import Held, Lock, WriteAhead, leftovers, read, segments
from schemas import codec, records
from schemas.catalogue import AUDIT_TOPIC
from transport import kafka

SETTLE_SECONDS: Final = 1.0
FLUSH_SECONDS: Final = 30.0
# A gateway's first entry can't be older than its file; its clock may be wrong by this much before that isn't so.
_CLOCKS_DIFFER_MS: Final = 3_600_000

_LOG: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What one dead gateway had left: entries on its disk, and how many of them the topic lacked."""

    gateway_id: str
    entries: int
    missing: int


class NotReplayed(Exception):
    """The broker did not take all that was missing; the files stay, to be replayed again."""


class Contradicted(Exception):
    """The topic has another entry under a number of this file: somebody else wrote this gateway's chain."""


def replay(
    folder: Path, bootstrap: str, topic: str = AUDIT_TOPIC, *, settle_seconds: float = SETTLE_SECONDS
) -> Iterator[Replayed]:
    """Replay the files of each dead gateway, and yield what became of them; those of living ones are left alone.

    Raises NotReplayed or KafkaException when the broker doesn't take part: nothing is lost by it. Files that can't be
    read, or that the topic contradicts, are set aside under names that end in `.aside`, and said so in the log.
    """
    for gateway_id in list(leftovers(folder)):
        try:
            lock = Lock(folder / f"{gateway_id}.lock")
        except Held:
            continue
        ahead, done = WriteAhead(folder, gateway_id, lock=lock), False
        try:
            found = read(folder, gateway_id)
            if found is not None:
                _wait_until_quiet(segments(folder, gateway_id), settle_seconds)
                yield _replayed(ahead, found, bootstrap, topic)
            done = True
        except (Damaged, Contradicted) as fault:
            _LOG.critical("audit_file_set_aside", gateway=gateway_id, why=type(fault).__name__)
            for path in segments(folder, gateway_id):
                path.rename(path.with_suffix(".aside"))
            done = True
        finally:
            ahead.close(finished=done)


def _wait_until_quiet(files: Iterable[Path], seconds: float) -> None:
    newest = max(path.stat().st_mtime for path in files)
    time.sleep(min(max(newest + seconds - time.time(), 0.0), seconds))


def _replayed(ahead: WriteAhead, found: Segment, bootstrap: str, topic: str) -> Replayed:
    on_topic = _read_back(found, bootstrap, topic)
    numbered = dict(enumerate(found.entries, found.first))
    for number, value in on_topic.items():
        if number in numbered and numbered[number].value != value:
            raise Contradicted(found.gateway_id)
    missing = {n: entry for n, entry in numbered.items() if n > found.arrived.number and n not in on_topic}
    if not (numbered or on_topic):  # it died before its first entry was durable
        return Replayed(found.gateway_id, 0, 0)
    last, value = max([(n, entry.value) for n, entry in numbered.items()] + [*on_topic.items()])
    if not _closes(value):
        missing[last + 1] = _closing(found.gateway_id, last, value)
        # Durable before it is sent: whoever replays after a crash in here sends the same one, and makes no other.
        ahead.write(last + 1, (missing[last + 1],), found.arrived)
    _produce(bootstrap, topic, found.gateway_id, [missing[n] for n in sorted(missing)])
    metrics.REPLAYED.inc(len(missing))
    return Replayed(found.gateway_id, len(numbered), len(missing))


def _closes(value: bytes) -> bool:
    entry = codec.decode(value)
    return isinstance(entry, records.GatewayHeartbeat) and entry.closing


def _closing(gateway_id: str, last: int, value: bytes) -> Entry:
    head = Head(last, hashlib.sha256(value).digest())
    (link,) = chain.extended(gateway_id, head, (chain.heartbeat(closing=True),), time.time_ns() // 1_000)
    return link.entry


def _read_back(found: Segment, bootstrap: str, topic: str) -> dict[int, bytes]:
    """Return by number what the topic has of this gateway's entries after the last that is known to have arrived."""
    mine: dict[int, bytes] = {}
    for message in _from(bootstrap, topic, lambda source: _starts(source, found, bootstrap, topic)):
        if message.key() == found.gateway_id.encode():
            value = message.value() or b""
            mine[codec.decode(value).gateway_seq] = value
    return mine


def _starts(source: Any, found: Segment, bootstrap: str, topic: str) -> list[TopicPartition]:
    """Return from where on entries may lie that aren't known to have arrived, by partition."""
    if found.arrived.number:
        return [TopicPartition(topic, found.arrived.partition, found.arrived.offset + 1)]
    since = found.made_at // 1_000 - _CLOCKS_DIFFER_MS
    asked = [TopicPartition(topic, partition, since) for partition in kafka.partitions(bootstrap, topic)]
    told = source.offsets_for_times(asked, timeout=kafka.CALL_SECONDS)
    for place in told:
        if place.error is not None:  # not to be taken for a partition that has nothing as new
            raise KafkaException(place.error)
    return [place for place in told if place.offset >= 0]  # below 0: nothing is as new as that


def _from(bootstrap: str, topic: str, starts: Callable[[Any], Sequence[TopicPartition]]) -> Iterator[Message]:
    """Yield the records from these places on to where each partition ends now."""
    with kafka.closing_reader(bootstrap, isolation_level="read_uncommitted") as source:
        places = {place.partition: place for place in starts(source)}
        if not places:
            return
        ends = kafka.end_offsets(bootstrap, topic, "read_uncommitted", sorted(places))
        open_ends = {partition: end for partition, end in ends.items() if end > places[partition].offset}
        source.assign([places[partition] for partition in open_ends])
        while open_ends:
            message = source.poll(kafka.IDLE_SECONDS)
            if message is None:
                raise NotReplayed("the broker sends nothing")
            if (error := message.error()) is not None:
                if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  the library's public name
                    continue
                raise KafkaException(error)
            partition, offset = int(message.partition() or 0), int(message.offset() or 0)
            if partition in open_ends and offset < open_ends[partition]:
                yield message
                if offset + 1 == open_ends[partition]:
                    del open_ends[partition]


def _produce(bootstrap: str, topic: str, gateway_id: str, entries: Sequence[Entry]) -> None:
    """Return once the broker has all these entries, in this order; raises NotReplayed."""
    refused: list[KafkaError] = []
    producer = kafka.producer(
        bootstrap,
        linger_ms=0,
        message_timeout_ms=int(FLUSH_SECONDS * 1_000),
        batch_size=chain.LONGEST_VALUE,
        enable_gapless_guarantee=True,
    )

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            refused.append(error)

    for entry in entries:
        producer.produce(
            topic, key=gateway_id.encode(), value=entry.value, headers={"salt": entry.salt}, on_delivery=delivered
        )
        producer.poll(0)
    if producer.flush(FLUSH_SECONDS + 5) or refused:
        raise NotReplayed(refused[0].name() if refused else "the broker takes nothing")
