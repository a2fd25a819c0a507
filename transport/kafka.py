"""Configured Kafka clients: what every producer, consumer and reader of the registry sets, once.

Knows brokers, topics, offsets and isolation; nothing of what the messages mean. The clients' own log lines go to the
standard logger `transport.kafka` and are silent until somebody listens to it.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported without saying so
    AdminClient,
    NewTopic,
    OffsetSpec,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Isolation = Literal["read_committed", "read_uncommitted"]

LOGGER: Final = logging.getLogger(__name__)
LOGGER.addHandler(logging.NullHandler())

CALL_SECONDS: Final = 30.0
TRANSACTION_MILLISECONDS: Final = 10_000
# Right after a topic is made or a leader changes, a broker may answer before it knows what it leads.
_UNSETTLED: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        # A broker that comes back leads by an epoch that some of its parts have not heard of yet.
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.FENCED_LEADER_EPOCH,
    }
)
_PAUSE_SECONDS: Final = 0.1
LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]
AT_ONCE: Final = 1_000
# An idle read that lasts longer than a lost owner's transaction may, and than a broker's restart.
IDLE_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 0.9
"""For the broker to say that it is there, where somebody waits to be refused: two seconds more are the audit's own."""

_ANY_CLIENT: Final = {
    # A broker that was away for a moment is found again within a second, not ten.
    "reconnect.backoff.ms": 100,
    "reconnect.backoff.max.ms": 1_000,
}
_PRODUCER: Final = {
    **_ANY_CLIENT,
    "acks": "all",
    "enable.idempotence": True,
    # Java's partitioner: librdkafka's own default would put the same key elsewhere.
    "partitioner": "murmur2_random",
    "compression.type": "lz4",
    "linger.ms": 20,
    "batch.size": 262_144,
}
_READER: Final = {
    **_ANY_CLIENT,
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_committed",
}


class TopicSpec(Protocol):
    """What a topic is made of."""

    @property
    def name(self) -> str:
        """The topic's name."""

    @property
    def partitions(self) -> int:
        """Its partitions, fixed for life."""

    @property
    def config(self) -> Mapping[str, str]:
        """Its settings by Kafka's names."""


class PartitionsDiffer(Exception):
    """A topic exists with another number of partitions than the catalogue's, which is fixed for life."""

    def __init__(self, topic: str, wanted: int, found: int) -> None:
        super().__init__(f"topic {topic} has {found} partitions and must have {wanted}: keys would change places")
        self.topic = topic


def producer(bootstrap: str, **overrides: Any) -> Producer:
    """Return an idempotent producer that waits for all replicas; override settings with `_` written for `.`."""
    return Producer(_settings(bootstrap, _PRODUCER, overrides), logger=LOGGER)


def transactional_producer(bootstrap: str, transactional_id: str, **overrides: Any) -> Producer:
    """Return a producer for transactions of at most 10 s; the caller calls `init_transactions`, which fences others."""
    own = {"transactional.id": transactional_id, "transaction.timeout.ms": TRANSACTION_MILLISECONDS}
    return Producer(_settings(bootstrap, {**_PRODUCER, **own}, overrides), logger=LOGGER)


def consumer(bootstrap: str, group: str, **overrides: Any) -> Consumer:
    """Return a member of a cooperative group that reads committed records and commits only when told to."""
    own = {"group.id": group, "partition.assignment.strategy": "cooperative-sticky", "session.timeout.ms": 10_000}
    return Consumer(_settings(bootstrap, {**_READER, **own}, overrides), logger=LOGGER)


def reader(bootstrap: str, **overrides: Any) -> Consumer:
    """Return a consumer of no group, to be assigned partitions, that reads committed records and reports ends."""
    # The client insists on a group's name; it is never joined.
    own = {"group.id": "none", "enable.partition.eof": True}
    return Consumer(_settings(bootstrap, {**_READER, **own}, overrides), logger=LOGGER)


def admin(bootstrap: str) -> AdminClient:
    """Return a client for topics and offsets."""
    return AdminClient({"bootstrap.servers": bootstrap, **_ANY_CLIENT}, logger=LOGGER)


def require_answer(client: AdminClient, topic: str, seconds: float = ANSWER_SECONDS) -> None:
    """Return once the broker answers about a topic; raises KafkaException if it doesn't within so many seconds."""
    client.list_topics(topic, timeout=seconds)


def _settings(bootstrap: str, own: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    changed = {name.replace("_", "."): value for name, value in overrides.items()}
    return {"bootstrap.servers": bootstrap, **own, **changed}


def create_topics(bootstrap: str, specs: Iterable[TopicSpec]) -> tuple[str, ...]:
    """Make the topics exist; return the names of those that did not. Replication is the cluster's default.

    Raises PartitionsDiffer, before anything is made, if one exists with another number of partitions.
    """
    client, wanted = admin(bootstrap), {spec.name: spec for spec in specs}
    existing = client.list_topics(timeout=CALL_SECONDS).topics
    for name in wanted.keys() & existing.keys():
        _check_partitions(wanted[name], len(existing[name].partitions))
    lacking = [
        NewTopic(spec.name, num_partitions=spec.partitions, replication_factor=-1, config=dict(spec.config))
        for spec in wanted.values()
        if spec.name not in existing
    ]
    if not lacking:
        return ()
    made = client.create_topics(lacking, operation_timeout=CALL_SECONDS, request_timeout=CALL_SECONDS)
    return tuple(name for name, outcome in made.items() if _was_made(outcome))


def _check_partitions(spec: TopicSpec, found: int) -> None:
    if found != spec.partitions:
        raise PartitionsDiffer(spec.name, spec.partitions, found)


def _was_made(outcome: Any) -> bool:
    """Tell whether a topic was made now; False if another process was faster."""
    try:
        outcome.result(CALL_SECONDS)
    except KafkaException as fault:
        if fault.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise
    return True


def partitions(bootstrap: str, topic: str, client: AdminClient | None = None) -> tuple[int, ...]:
    """Return a topic's partitions in order; raise KafkaException if there is no such topic."""
    client = admin(bootstrap) if client is None else client
    found = client.list_topics(topic, timeout=CALL_SECONDS).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    return tuple(sorted(found.partitions))


def end_offsets(
    bootstrap: str,
    topic: str,
    isolation: Isolation = "read_committed",
    among: Sequence[int] | None = None,
    *,
    client: AdminClient | None = None,
) -> dict[int, int]:
    """Return, by partition, the offset after the last record that a reader of this isolation can get to now.

    `client` is asked if given, otherwise one is made for this question alone. Asked again, for as long as a call may
    take, while leaders are not settled; then, and for any other fault, raises KafkaException.
    """
    level = IsolationLevel.READ_COMMITTED if isolation == "read_committed" else IsolationLevel.READ_UNCOMMITTED
    asked = {TopicPartition(topic, p): LATEST for p in among or partitions(bootstrap, topic, client)}
    # The client must outlive its answers: without it they never come.
    client = admin(bootstrap) if client is None else client
    deadline = time.monotonic() + CALL_SECONDS
    while True:
        told = client.list_offsets(asked, isolation_level=level, request_timeout=CALL_SECONDS)
        try:
            # Waited for a little longer than the client asks, so that it is the client that says why nobody answered.
            return {place.partition: outcome.result(CALL_SECONDS + 5).offset for place, outcome in told.items()}
        except KafkaException as fault:
            if fault.args[0].code() not in _UNSETTLED or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE_SECONDS)


def read_all(
    bootstrap: str,
    topic: str,
    isolation: Isolation = "read_committed",
    partitions: Sequence[int] | None = None,  # noqa: A002, RUF100  the word of Kafka; hides this module's function here
    idle_seconds: float = IDLE_SECONDS,
) -> Iterator[Message]:
    """Yield a topic's records from its beginning to its end at the time of the call, in order within a partition.

    Ends are compared with positions, never with counts: transaction markers and compacted records take offsets too.
    Raises TimeoutError if nothing arrives for `idle_seconds`, KafkaException for any other fault.
    """
    ends = end_offsets(bootstrap, topic, isolation, partitions)
    yield from read_between(bootstrap, topic, {part: (0, end) for part, end in ends.items()}, isolation, idle_seconds)


def read_between(
    bootstrap: str,
    topic: str,
    parts: Mapping[int, tuple[int, int]],
    isolation: Isolation = "read_committed",
    idle_seconds: float = IDLE_SECONDS,
) -> Iterator[Message]:
    """Yield the records of each partition from one offset to before another; raises as `read_all`.

    Of a partition whose offsets end before that, nothing more comes: TimeoutError.
    """
    open_ends = {partition: end for partition, (start, end) in parts.items() if start < end}
    with closing_reader(bootstrap, isolation_level=isolation) as source:
        source.assign([TopicPartition(topic, partition, parts[partition][0]) for partition in open_ends])
        while open_ends:
            # `consume` alone would wait for a full batch; this waits for the first and takes what lies ready.
            if (first := source.poll(idle_seconds)) is None:
                raise TimeoutError(f"{topic}: nothing for {idle_seconds:.0f} s, unread partitions {sorted(open_ends)}")
            for message in (first, *source.consume(AT_ONCE, timeout=0)):
                yield from _within(message, open_ends)
            _drop_read(source, topic, open_ends)


def _within(message: Message, open_ends: dict[int, int]) -> Iterator[Message]:
    """Yield the message if it lies before its partition's end; forget a partition whose end is reached."""
    partition, offset, error = message.partition(), message.offset(), message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  the library's public name
        raise KafkaException(error)
    if partition is None or offset is None or (end := open_ends.get(partition)) is None:
        return
    if error is None and offset < end:
        yield message
    position = offset if error is not None else offset + 1
    if position >= end:
        del open_ends[partition]


def _drop_read(source: Consumer, topic: str, open_ends: Mapping[int, int]) -> None:
    """Stop fetching partitions that are read to their end."""
    over = [place for place in source.assignment() if place.topic == topic and place.partition not in open_ends]
    if over:
        source.incremental_unassign(over)


@contextmanager
def closing_reader(bootstrap: str, **overrides: Any) -> Iterator[Consumer]:
    """Lend a reader and close it afterwards."""
    lent = reader(bootstrap, **overrides)
    try:
        yield lent
    finally:
        lent.close()
