"""A version of the fold's state built beside the one that serves: accepted events through `evolve`, never `decide`.

A transaction holds the states of some events and how far the events were taken, so that a build that was killed goes
on where it was, and a second builder ends the first. The topics of deadlines, decisions and counts are not written
again. Knows the events topic and one state topic; must not know which version serves.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas import catalogue, codec
from schemas.codec import Undecodable
from schemas.records import FamilyState, FoldPosition
from stream_processors.folds.families import POSITION_PREFIX
from stream_processors.registry import digest
from stream_processors.registry.decision import EventRecord, SequenceGap, event_of
from stream_processors.registry.family import FOLD_VERSION, evolve
from transport import kafka

EVENTS_A_TRANSACTION: Final = 5_000
_CALL_SECONDS: Final = 30.0
_TRANSACTION_MS: Final = 60_000
_DECODED: Final = 50_000
_LONG_READS: Final[dict[str, Any]] = {
    "fetch_message_max_bytes": 4 << 20,
    # One partition is read after the other: at the end of one the broker must not hold the request for the next.
    "fetch_wait_max_ms": 20,
}

Standing = Literal["equal", "moving", "differing"]


def standing(older: bytes | None, newer: bytes | None, before: bytes | None) -> Standing:
    """Return how two states of one family stand to each other while the fold goes on.

    `newer` has folded at least what `older` held at an earlier look, `before`; and `older` was read after `newer`.
    Only a newer one that lags behind `older` for no longer than that is moving: anything else differs.
    """
    if older == newer:
        return "equal"
    if older is None or (newer is None and before is not None):
        return "differing"
    if newer is None:
        return "moving"
    reached = _sequence(newer)
    waited = before is not None and reached >= _sequence(before)
    return "moving" if waited and reached < _sequence(older) else "differing"


def _sequence(framed: bytes) -> int:
    state: FamilyState = codec.decode(framed)
    return state.sequence


class OtherFoldVersion(Exception):
    """A version holds states that another version of the fold made: events folded onto them would mix the two."""

    def __init__(self, topic: str, made_by: str) -> None:
        super().__init__(f"{topic} holds states of fold version {made_by}, and this is {FOLD_VERSION}")


class BuildStopped(Exception):
    """The accepted events don't add up to a state; the text names partition and offset, and nothing of a person."""


@dataclass(slots=True)
class StateLog:
    """One partition of a state topic as far as it was read: each family's newest framed state, and the position."""

    topic: str
    number: int
    next_offset: int = 0
    position: FoldPosition | None = None
    framed: dict[bytes, bytes] = field(default_factory=dict)

    def take(self, source: Consumer, end: int) -> None:
        """Take in every committed record below the offset `end`."""
        for message in _records(source, TopicPartition(self.topic, self.number, self.next_offset), end):
            self._keep(message.key() or b"", message.value() or b"")
        self.next_offset = max(self.next_offset, end)

    def _keep(self, key: bytes, value: bytes) -> None:
        if key.startswith(POSITION_PREFIX):
            self.position = codec.decode(value)
        else:
            self.framed[key] = value

    def digest(self) -> bytes:
        """Return the digest of the states."""
        return digest.partition_digest({key.decode(): digest.leaf(framed) for key, framed in self.framed.items()})


class Shadow:
    """One partition of the version that is built, and how far the events were folded into it."""

    def __init__(self, log: StateLog, next_event: int) -> None:
        self.log = log
        self.next_event = next_event
        self._decoded: dict[bytes, FamilyState] = {}

    def fold(self, messages: list[Message]) -> dict[bytes, FamilyState]:
        """Return the newest state of every family that these events changed; raises BuildStopped."""
        changed: dict[bytes, FamilyState] = {}
        for message in messages:
            key = message.key() or b""
            before = changed.get(key) or self._state(key)
            after = self._after(before, message)
            if after is not before:
                changed[key] = after
        return changed

    def _after(self, before: FamilyState | None, message: Message) -> FamilyState:
        place = f"partition {self.log.number}, offset {message.offset()}"
        try:
            event = event_of(message.value() or b"")
            if event.prefix.family_id.encode() != message.key():
                raise BuildStopped(f"{place}: an event stands under another family's key")
            if not isinstance(event.record, EventRecord):
                raise BuildStopped(f"{place}: {codec.name_of(event.record)} is no event that the fold takes")
            return evolve(before, event)
        except (SequenceGap, Undecodable) as fault:
            raise BuildStopped(f"{place}: {type(fault).__name__}: {fault}") from fault
        except LookupError as fault:  # a step out of order, as no fold accepts it
            raise BuildStopped(f"{place}: no such step where the family stands") from fault

    def _state(self, key: bytes) -> FamilyState | None:
        found = self._decoded.get(key)
        if found is None and (framed := self.log.framed.get(key)) is not None:
            found = codec.decode(framed)
        return found

    def keep(self, key: bytes, state: FamilyState, framed: bytes) -> None:
        """Take over a state that goes out."""
        if len(self._decoded) >= _DECODED:
            self._decoded.clear()
        self._decoded[key] = state
        self.log.framed[key] = framed


class Builder:
    """The one that builds a version: a second one of the same version ends the first. Use as a context manager."""

    def __init__(self, bootstrap: str, state_topic: str, events_topic: str = catalogue.EVENTS_TOPIC) -> None:
        self._bootstrap = bootstrap
        self._topic = state_topic
        self._events = events_topic
        self._group = group_of(state_topic)
        self._source = kafka.reader(bootstrap, group_id=self._group, **_LONG_READS)
        self._producer = kafka.transactional_producer(
            bootstrap,
            self._group,
            transaction_timeout_ms=_TRANSACTION_MS,
            message_max_bytes=catalogue.LARGEST_STATE_BYTES,
        )
        self._producer.init_transactions(_CALL_SECONDS)

    def __enter__(self) -> Self:
        """Lend the builder."""
        return self

    def __exit__(self, *_: object) -> None:
        """End its reader."""
        self._source.close()

    def open(self, number: int) -> Shadow:
        """Return the partition with all that was built of it so far; raises OtherFoldVersion."""
        log = StateLog(self._topic, number)
        self.read([log])
        if log.position is not None and log.position.fold_version != FOLD_VERSION:
            raise OtherFoldVersion(self._topic, log.position.fold_version)
        return Shadow(log, self.done([number])[number])

    def read(self, logs: Iterable[StateLog]) -> None:
        """Read the logs of one topic up to its present end."""
        asked = {log.number: log for log in logs}
        topic = next(iter(asked.values())).topic
        for number, end in kafka.end_offsets(self._bootstrap, topic, among=[*asked]).items():
            asked[number].take(self._source, end)

    def done(self, numbers: Iterable[int]) -> dict[int, int]:
        """Return below which offset each partition's events were folded."""
        return _done(self._source, self._events, numbers)

    def advance(self, shadow: Shadow, end: int, look: Callable[[int], None] = lambda _: None) -> None:
        """Fold the events below `end` into the partition; `look` is told how many offsets were done each time."""
        place = TopicPartition(self._events, shadow.log.number, shadow.next_event)
        batch: list[Message] = []
        for message in _records(self._source, place, end):
            batch.append(message)
            if len(batch) >= EVENTS_A_TRANSACTION:
                self._commit(shadow, batch, (message.offset() or 0) + 1, look)
                batch = []
        if shadow.next_event < end:
            self._commit(shadow, batch, end, look)

    def _commit(self, shadow: Shadow, batch: list[Message], next_event: int, look: Callable[[int], None]) -> None:
        changed = shadow.fold(batch)
        self._producer.begin_transaction()
        if shadow.log.position is None:
            # Says by whom the states are made from the first of them on; where the fold goes on is written at a switch.
            shadow.log.position = FoldPosition(
                partition=shadow.log.number, next_offset=0, recorded_at=0, events=0, fold_version=FOLD_VERSION
            )
            self._produce(shadow, _position_key(shadow.log.number), codec.encode(shadow.log.position))
        for key, state in changed.items():
            framed = codec.encode(state)
            shadow.keep(key, state, framed)
            self._produce(shadow, key, framed)
        self._finish({shadow.log.number: next_event})
        look(next_event - shadow.next_event)
        shadow.next_event = next_event

    def place(self, shadows: Mapping[int, Shadow], positions: Mapping[int, FoldPosition | None]) -> None:
        """Write where the fold goes on with this version: the positions of the state that it equals."""
        self._producer.begin_transaction()
        for number, position in positions.items():
            if position is not None:
                own = replace(position, fold_version=FOLD_VERSION)
                self._produce(shadows[number], _position_key(number), codec.encode(own))
        self._finish({number: shadow.next_event for number, shadow in shadows.items()})

    def mark(self, next_events: Mapping[int, int]) -> None:
        """Note that the version holds every event below these offsets, by whoever folded them."""
        self._producer.begin_transaction()
        self._finish(next_events)

    def _produce(self, shadow: Shadow, key: bytes, framed: bytes) -> None:
        while True:
            try:
                self._producer.produce(self._topic, key=key, value=framed, partition=shadow.log.number)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _finish(self, next_events: Mapping[int, int]) -> None:
        offsets = [TopicPartition(self._events, number, at) for number, at in next_events.items()]
        self._producer.send_offsets_to_transaction(offsets, self._source.consumer_group_metadata(), _CALL_SECONDS)
        self._producer.commit_transaction(_CALL_SECONDS)


def _position_key(number: int) -> bytes:
    return POSITION_PREFIX + str(number).encode()


def group_of(state_topic: str) -> str:
    """Return the group whose offsets tell how far the events were folded into a state topic outside of the fold."""
    return f"rebuild-{state_topic}"


def done(
    bootstrap: str, state_topic: str, numbers: Iterable[int], events_topic: str = catalogue.EVENTS_TOPIC
) -> dict[int, int]:
    """Return below which offset each partition's events were folded, without disturbing who folds them."""
    with kafka.closing_reader(bootstrap, group_id=group_of(state_topic)) as source:
        return _done(source, events_topic, numbers)


def _done(source: Consumer, events_topic: str, numbers: Iterable[int]) -> dict[int, int]:
    answers = source.committed([TopicPartition(events_topic, number) for number in numbers], timeout=_CALL_SECONDS)
    for told in answers:
        if told.error is not None:
            raise KafkaException(told.error)
    # Without an offset, or an older one, events are taken again: `evolve` knows those it has.
    return {told.partition: max(told.offset, 0) for told in answers}


def _records(source: Consumer, start: TopicPartition, end: int) -> Iterator[Message]:
    """Yield the committed records of a partition from `start` to below `end`: a position, as markers take offsets."""
    if start.offset >= end:
        return
    source.assign([start])
    while True:
        first = source.poll(kafka.IDLE_SECONDS)
        if first is None:
            raise TimeoutError(f"{start.topic}/{start.partition}: nothing for {kafka.IDLE_SECONDS:.0f} s")
        for message in (first, *source.consume(kafka.AT_ONCE, timeout=0)):
            error, offset = message.error(), message.offset() or 0
            if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  the library's public name
                raise KafkaException(error)
            if error is None and offset < end:
                yield message
            if (offset if error is not None else offset + 1) >= end:
                source.unassign()
                return
