"""The topic of rounds and checkpoints: its one partition is the lock of the sequencers, and what all of them read.

Assignment in a plain consumer group makes a sequencer the active one. Losing it only ever means to stop soon: what
keeps the log one is that the first record of a round number wins. Must not know trees, disks or signatures.
"""

import time
from collections.abc import Callable
from typing import Any, Final, NoReturn

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from schemas import codec
from schemas.records import CheckpointPublished, RoundOpened
from stream_processors.engine.faults import tolerate
from stream_processors.sequencer.contract import SequencerFault, SequencerSettings
from transport import kafka

Record = RoundOpened | CheckpointPublished
_AT_ONCE: Final = 1_000
_TURN_S: Final = 0.1


class Dethroned(Exception):
    """The lock is another's, or was in between: what this sequencer holds of the log may be old."""


class Checkpoints:
    """The topic as one sequencer reads and writes it, while it holds the lock."""

    def __init__(self, topic: str, consumer: Any, producer: Any, patience_s: float) -> None:
        self._topic = topic
        self._consumer = consumer
        self._producer = producer
        self._patience_s = patience_s
        self._begin: Callable[[], int] = int
        self._held = self._was_held = False
        self._next = 0
        self._ahead: list[Message] = []

    @property
    def next_offset(self) -> int:
        """The offset after the last record that was read."""
        return self._next

    def join(self, begin: Callable[[], int]) -> None:
        """Ask for the lock; once it is this one's, `begin` says from which offset on records are read."""
        self._begin = begin
        self._consumer.subscribe([self._topic], on_assign=self._assigned, on_revoke=self._lost, on_lost=self._lost)

    def wait(self, seconds: float) -> bool:
        """Wait so long for the lock; tell whether it is held now, from `begin` on."""
        self._was_held = False
        # A record may come with the lock: it is the first that `read` returns.
        self._ahead += self._polled(seconds)
        self._was_held = self._held
        return self._held

    def read(self, seconds: float) -> list[tuple[int, Record]]:
        """Return what lies ready, waiting so long for the first; each with its offset; raises Dethroned."""
        messages = self._ahead or self._polled(seconds)
        self._ahead = []
        messages += [message for message in self._consumer.consume(_AT_ONCE, 0) if _is_record(message)]
        if not (self._held and self._was_held):
            raise Dethroned
        return [self._opened(message) for message in messages]

    def end(self) -> int:
        """Return the offset after the last record of the topic now."""
        ends = kafka_end(self._consumer, self._topic, self._patience_s)
        return max(ends, self._next)

    def append(self, record: Record) -> int:
        """Return the offset of the record once every replica has it; raises KafkaException or TimeoutError."""
        told: list[tuple[KafkaError | None, Message]] = []
        self._producer.produce(
            self._topic,
            partition=0,
            key=record.origin.encode(),
            value=codec.encode(record),
            on_delivery=lambda error, message: told.append((error, message)),
        )
        deadline = time.monotonic() + self._patience_s
        while not told:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._topic} took no record in {self._patience_s:.0f} s")
            self._producer.poll(_TURN_S)
        error, message = told[0]
        if error is not None:
            raise KafkaException(error)
        return message.offset() or 0

    def close(self) -> None:
        """Give the lock back at once."""
        self._held = False
        self._consumer.close()

    def _polled(self, seconds: float) -> list[Message]:
        message = self._consumer.poll(seconds)
        return [message] if message is not None and _is_record(message) else []

    def _opened(self, message: Message) -> tuple[int, Record]:
        offset = message.offset() or 0
        self._next = offset + 1
        try:
            record = codec.decode(message.value() or b"")
        except codec.Undecodable as refused:
            raise SequencerFault(refused.code, f"{self._topic} offset {offset} is no record of the contract") from None
        if not isinstance(record, RoundOpened | CheckpointPublished):
            _foreign(self._topic, offset)
        return offset, record

    def _assigned(self, consumer: Any, places: list[TopicPartition]) -> None:
        if not places:
            return
        self._ahead = []
        self._next = self._begin()
        consumer.incremental_assign([TopicPartition(self._topic, 0, self._next)])
        self._held = True

    def _lost(self, consumer: Any, places: list[TopicPartition]) -> None:
        if places:
            self._held = self._was_held = False
            consumer.incremental_unassign(places)


def kafka_checkpoints(settings: SequencerSettings) -> Checkpoints:
    """Return the topic of a broker, asked for in the group of all sequencers of this log."""
    consumer = kafka.consumer(
        settings.bootstrap,
        settings.group,
        isolation_level="read_uncommitted",
        auto_offset_reset="error",
        session_timeout_ms=settings.session_timeout_ms,
        heartbeat_interval_ms=min(1_000, settings.session_timeout_ms // 3),
        fetch_wait_max_ms=20,
    )
    producer = kafka.producer(settings.bootstrap, linger_ms=0, message_timeout_ms=int(settings.patience_s * 1_000))
    return Checkpoints(settings.checkpoints_topic, consumer, producer, settings.patience_s)


def kafka_end(consumer: Any, topic: str, patience_s: float) -> int:
    """Return where the topic ends; asked again while the broker is away, then raises KafkaException."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return int(consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=patience_s)[1])
        except KafkaException:
            if time.monotonic() > deadline:
                raise
        time.sleep(_TURN_S)


def _is_record(message: Message) -> bool:
    error = message.error()
    if error is not None:
        tolerate(error)
    return error is None


def _foreign(topic: str, offset: int) -> NoReturn:
    raise SequencerFault("FOREIGN_RECORD", f"{topic} offset {offset} is no round and no checkpoint")
