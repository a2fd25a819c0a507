"""Keeps the read model at the head of the topics: read a batch, write its rows, then let its offsets be committed.

Offsets are committed only after the database acknowledged the rows, so a crash repeats work and never skips any; rows
are the same however often they are written. Knows Kafka and the store; what a record means is in `rows`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumers.read_model import rows
from consumers.read_model.audit_rows import AccessRows, AuditEntry, audit_entry
from consumers.read_model.cards import Cards
from consumers.read_model.dead_letters import DeadLetters
from consumers.read_model.health import Vitals
from consumers.read_model.state_record import StateRecord, state_record
from consumers.read_model.tables import KECAMATAN, VERSION
from consumers.read_model.writes import Store
from schemas import catalogue
from schemas.codec import Undecodable
from transport import kafka
from transport.pulse import Pulse

AT_ONCE: Final = 20_000
BATCH_SECONDS: Final = 0.2
COMMIT_MS: Final = 250
_FIRST_WAIT: Final = 0.25
_LONGEST_WAIT: Final = 5.0

_LOG: Final = structlog.get_logger(__name__)

# The broker was away, or we were: the client goes on by itself.
_PASSING: Final = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001  the library's public name
        KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001  idem
        KafkaError._TRANSPORT,  # noqa: SLF001  idem
        KafkaError._TIMED_OUT,  # noqa: SLF001  idem
    }
)


class Stopped(Exception):
    """The projector was told to end while the database was away; what it held is read again at the next start."""


@dataclass(frozen=True, slots=True)
class Topics:
    """The names of the topics that are projected; the catalogue's, unless a test makes its own."""

    events: str = catalogue.EVENTS_TOPIC
    families: str = catalogue.FAMILIES_TOPIC
    indicators: str = catalogue.INDICATORS_TOPIC
    refusals: str = catalogue.REFUSALS_TOPIC
    reference: str = catalogue.REFERENCE_TOPIC
    audit: str = catalogue.AUDIT_TOPIC
    dead_letters: str = catalogue.DEAD_LETTERS_TOPIC

    @property
    def sources(self) -> tuple[str, ...]:
        """The topics that are read."""
        return (self.events, self.families, self.indicators, self.refusals, self.reference, self.audit)


def group_of(version: str = VERSION) -> str:
    """Return the consumer group of a version of the projection."""
    return f"read-model-{version}"


def member(bootstrap: str, group: str, **overrides: Any) -> Consumer:
    """Return a consumer that also reports where a partition ends, so that offsets past transaction markers commit."""
    fetch = {"enable_partition_eof": True, "queued_min_messages": 50_000, "fetch_message_max_bytes": 4 * 2**20}
    # Commits what the projector stores, which is what was acknowledged, and nothing else.
    commit = {"enable_auto_commit": True, "enable_auto_offset_store": False, "auto_commit_interval_ms": COMMIT_MS}
    return kafka.consumer(bootstrap, group, **{**fetch, **commit, **overrides})


class Projector:
    """One member of the projection's consumer group."""

    def __init__(  # noqa: PLR0913, PLR0917  each is a thing that the composition or a test gives it
        self,
        consumer: Consumer,
        connect: Callable[[Callable[[int, str], None]], Store],
        dead_letters: DeadLetters,
        topics: Topics = Topics(),
        stopping: Callable[[], bool] = lambda: False,
        pulse: Pulse | None = None,
        cards: Cards | None = None,
    ) -> None:
        self._cards = cards
        self._vitals = Vitals(Pulse() if pulse is None else pulse)
        self._consumer = consumer
        self._dead_letters = dead_letters
        self._topics = topics
        self._stopping = stopping
        self._store = connect(self._wait)
        self._held: list[Message] = []
        self._areas: set[tuple[Any, ...]] = set()
        self._accesses = AccessRows()
        consumer.subscribe(list(topics.sources))

    def run(self) -> None:
        """Project until told to stop; whatever was read by then is either written and committed, or read again."""
        try:
            while not self._stopping():
                self.step()
        except Stopped:
            _LOG.info("projector_stopped_while_waiting")

    def step(self, seconds: float = BATCH_SECONDS) -> int:
        """Project one batch of what arrives within `seconds`; return the number of its records."""
        started = time.perf_counter()
        messages = self._held + self._consumer.consume(AT_ONCE, timeout=seconds)
        self._held = []
        count = self._taken(messages, started) if messages else 0
        self._vitals.look(self._consumer)
        return count

    def _taken(self, messages: Sequence[Message], started: float) -> int:
        """Write what was read; return the number of its records."""
        read = time.perf_counter()
        by_topic, next_offsets, count = self._sorted(messages)
        self._project(by_topic)
        self._dead_letters.flush()
        self._done(next_offsets)
        self._vitals.stage("read", read - started)
        self._vitals.stage("project", time.perf_counter() - read)
        self._vitals.acknowledged(next_offsets, by_topic)
        return count

    def _sorted(
        self, messages: Sequence[Message]
    ) -> tuple[Mapping[str, list[Message]], Mapping[tuple[str, int], int], int]:
        by_topic: dict[str, list[Message]] = {topic: [] for topic in self._topics.sources}
        next_offsets: dict[tuple[str, int], int] = {}
        count = 0
        for message in messages:
            error, topic, partition, offset = message.error(), message.topic(), message.partition(), message.offset()
            if error is not None and error.code() in _PASSING:
                _LOG.warning("broker_away", fault=error.name())
                self._vitals.waiting("BROKER_AWAY")
                continue
            if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  the library's public name
                raise KafkaException(error)
            if topic is None or partition is None or offset is None:
                raise TypeError("a message without a place")
            if error is None:
                by_topic[topic].append(message)
                count += 1
            else:
                self._vitals.ended((topic, partition), offset)
            next_offsets[topic, partition] = offset if error is not None else offset + 1
        return by_topic, next_offsets, count

    def _project(self, by_topic: Mapping[str, list[Message]]) -> None:
        topics = self._topics
        written: list[rows.Write] = []
        for topic, project in (
            (topics.events, _event),
            (topics.indicators, _indicator),
            (topics.refusals, _refusal),
            (topics.reference, _reference_row),
        ):
            for message in by_topic[topic]:
                written += self._readable(message, project) or ()
        written += self._looks(by_topic[topics.audit])
        begun = self._store.begin(written)
        self._learn_cards(by_topic[topics.events])
        families = rows.by_family(self._states(by_topic[topics.families]))
        previous = self._store.placed(families)
        first: list[rows.Write] = []
        then: list[rows.Write] = []
        for family_id, states in families.items():
            writes = rows.family_writes(states, previous.get(family_id))
            first += writes.first
            then += writes.then
        self._store.write(self._unknown(first))
        self._store.finish(begun)
        self._store.write(then)

    def _learn_cards(self, events: Sequence[Message]) -> None:
        """Let reissued cards lead to their families; what isn't readable was a dead letter before."""
        cards = self._cards
        if cards is None:
            return
        for message in events:
            with suppress(Undecodable):
                cards.learn(_value(message))

    def _looks(self, messages: Sequence[Message]) -> list[rows.Write]:
        """Return the rows of audit entries, once what they are about is known again."""
        entries = [entry for message in messages if (entry := self._readable(message, _audited)) is not None]
        if forgotten := self._accesses.forgotten(entries):
            self._accesses.learn(self._store.intents(forgotten))
        return self._accesses.writes(entries)

    def _unknown(self, writes: Sequence[rows.Write]) -> list[rows.Write]:
        """Return the writes without the areas that are in the tables already, and remember those that will be."""
        left = []
        for write in writes:
            if write.table is KECAMATAN:
                area = (write.partition, write.values)
                if area in self._areas:
                    continue
                self._areas.add(area)
            left.append(write)
        return left

    def _states(self, messages: Sequence[Message]) -> list[StateRecord]:
        found = (self._readable(m, _state) for m in messages if not rows.is_position(m.key()))
        return [state for state in found if state is not None]

    def _readable(self, message: Message, project: Callable[[Message], Any]) -> Any:
        try:
            projected = project(message)
        except Undecodable as poison:
            self._dead_letters.send(message, poison.code)
            return None
        self._dead_letters.readable()
        return projected

    def _done(self, next_offsets: Mapping[tuple[str, int], int]) -> None:
        """Hand over what may be committed; the client commits it soon, again after a fault, and before it leaves."""
        # Not those lost meanwhile: their next owner reads these records again and writes the same rows.
        owned = {(place.topic, place.partition) for place in self._consumer.assignment()}
        offsets = [TopicPartition(*place, at) for place, at in next_offsets.items() if place in owned]
        if offsets:
            self._consumer.store_offsets(offsets=offsets)

    def _wait(self, attempt: int, fault: str) -> None:
        """Stay in the group while the database is away; raises Stopped when told to end."""
        if self._stopping():
            raise Stopped
        seconds = min(_FIRST_WAIT * 2 ** min(attempt - 1, 10), _LONGEST_WAIT)
        self._vitals.waiting("DATABASE_AWAY")
        _LOG.warning("database_away", attempt=attempt, fault=fault, next_try_seconds=seconds)
        assigned = self._consumer.assignment()
        if assigned:
            self._consumer.pause(assigned)
        arrived = self._consumer.poll(seconds)
        if arrived is not None:  # of a partition assigned meanwhile: kept for the next batch
            self._held.append(arrived)
        still = self._consumer.assignment()
        if still:
            self._consumer.resume(still)


def _value(message: Message) -> bytes:
    value = message.value()
    if value is None:
        raise Undecodable("NO_VALUE", "a tombstone stands where none may")
    return value


def _offset(message: Message) -> int:
    return int(message.offset() or 0)


def _event(message: Message) -> list[rows.Write]:
    return rows.event_writes(_value(message))


def _state(message: Message) -> StateRecord:
    return state_record(_value(message))


def _indicator(message: Message) -> list[rows.Write]:
    return rows.indicator_writes(_value(message), _offset(message))


def _refusal(message: Message) -> list[rows.Write]:
    partition, at_ms = int(message.partition() or 0), message.timestamp()[1]
    return rows.refusal_writes(_value(message), at_ms, partition, _offset(message))


def _audited(message: Message) -> AuditEntry | None:
    place = (int(message.partition() or 0), _offset(message), message.timestamp()[1] * 1_000)
    return audit_entry(_value(message), *place)


def _reference_row(message: Message) -> list[rows.Write]:
    return rows.reference_row_writes(_value(message), _offset(message))
