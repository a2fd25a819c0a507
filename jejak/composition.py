"""Puts the rooms together: who gets which address, key, session and producer.

The only place that knows every package; holds no rule and no loop of its own.
"""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from consumers.gateway.waiting import left_to_read
from consumers.read_model import tables as read_tables
from consumers.read_model.serving import served, served_accesses
from identity import tables as identity_tables
from identity.families import Aliases
from identity.keys_cassandra import CassandraKeyStore
from jejak import health, stack
from jejak.rebuild.pointer import READ_MODEL, STATE, Serving
from jejak.rebuild.serving import Pointers, pointers
from producers.intake import Intake
from producers.ledger import CassandraLedger, create_ledger_table
from producers.publish import Publisher
from schemas import catalogue
from transport import cassandra, kafka

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from consumers.gateway.disclosure import Door
    from consumers.read_model.audit_queries import Accesses
    from consumers.read_model.queries import Figures, ReadModel
    from jejak.settings import Settings
    from transport.pulse import Pulse

FOLD_GROUP = "families-fold-v1"
PERSONS_GROUP = "persons-fold-v1"
FOLD_OUTPUTS = tuple(topic.name for topic in catalogue.TOPICS if "families fold" in topic.writer)


def now() -> int:
    """Return the time in microseconds since 1970 (UTC)."""
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True)
class Registry:
    """A running registry: where its broker is, and an open session with its database."""

    settings: Settings
    endpoints: stack.Endpoints
    session: Any
    serving: Pointers

    def in_time(self) -> Registry:
        """Return this registry for who answers looks: a database that hangs is given up in time to refuse them."""
        left = partial(left_to_read, self.settings.read_seconds)
        return replace(self, session=cassandra.hasty(self.session, left))

    def read_model(self) -> ReadModel:
        """Return the read model: of the version that serves at each question."""
        return served(self.session, lambda: self.serving.lately(READ_MODEL).version)

    def accesses(self) -> Accesses:
        """Return who saw whom, and which emergencies wait for a review: of the version that serves at each question."""
        return served_accesses(self.session, lambda: self.serving.lately(READ_MODEL).version)

    def key_store(self) -> CassandraKeyStore:
        """Return the data keys of persons and families."""
        return CassandraKeyStore(self.session, self.settings.master_key())

    def aliases(self) -> Aliases:
        """Return the table of family cards."""
        return Aliases(self.session)

    def intake(self) -> Intake:
        """Return what makes sealed changes of drafts."""
        return Intake(self.settings.reference_key(), self.aliases(), self.key_store())

    def publisher(self, batch: int) -> Publisher:
        """Return the one publisher, with its ledger, for documents of batches of this size."""
        producer: Any = kafka.producer(self.endpoints.kafka)
        return Publisher(producer, CassandraLedger(self.session), now, batch)

    @contextmanager
    def door(self, *, under_agreement: bool = False) -> Iterator[Door]:
        """Lend the one door to persons' data; its chain of audit entries is closed afterwards.

        `under_agreement` is for who asks once, under an agreement: they are known then. Raises TimeoutError otherwise.
        """
        # Policies, tokens and signatures take a second to load, and most workers open no door.
        from consumers.gateway.break_glass import KeptReviews  # noqa: PLC0415
        from consumers.gateway.disclosure import door  # noqa: PLC0415
        from consumers.replay import rules  # noqa: PLC0415
        from identity.audit_reference import load_or_create_epoch_key  # noqa: PLC0415
        from jejak.audit import admission, gateway  # noqa: PLC0415

        year = time.gmtime().tm_year
        epoch_key = load_or_create_epoch_key(self.settings.key_folder(), year)
        bootstrap, hasty = self.endpoints.kafka, self.in_time()
        reviews = KeptReviews(hasty.accesses())
        with (
            admission.gate(self.settings, bootstrap, reviews, under_agreement=under_agreement) as gate,
            gateway.trail(self.settings, bootstrap, gate.policies) as trail,
        ):
            yield door(hasty.read_model(), hasty.key_store(), trail, epoch_key, partial(rules.book, bootstrap), gate)

    def figures(self) -> Figures:
        """Return what may be read past the door; a person's data is asked for through `door` alone."""
        return self.read_model()


def find(settings: Settings) -> stack.Endpoints:
    """Return where Kafka and Cassandra answer; raises NotRunning when neither is set nor started."""
    found = stack.endpoints(settings.data)
    if found is None:
        raise stack.NotRunning(settings.data.resolve())
    return found


def prepare(registry: Registry) -> None:
    """Make every topic and table exist that serves; what exists is left as it is, and no other version comes back."""
    kafka.create_topics(registry.endpoints.kafka, topics_for(registry.serving.of(STATE)))
    replication = registry.settings.replication()
    identity_tables.create_tables(registry.session, replication)
    create_ledger_table(registry.session, replication)
    read_tables.create(registry.session, replication, registry.serving.of(READ_MODEL).version)


def topics_for(state: Serving) -> tuple[catalogue.Topic, ...]:
    """Return the topics to make: once a version of the state was chosen, never an empty one in its place."""
    return tuple(topic for topic in catalogue.TOPICS if not state.step or topic.name != catalogue.FAMILIES_TOPIC)


def fold_outputs(state_topic: str) -> tuple[str, ...]:
    """Return every topic that the fold writes to while its state is in this one."""
    return tuple(state_topic if name == catalogue.FAMILIES_TOPIC else name for name in FOLD_OUTPUTS)


@contextmanager
def connected(settings: Settings) -> Iterator[Registry]:
    """Lend a registry whose topics and tables exist."""
    endpoints = find(settings)
    with cassandra.closing_session(endpoints.cassandra) as session, pointers(endpoints.kafka) as serving:
        registry = Registry(settings, endpoints, session, serving)
        prepare(registry)
        yield registry


def serve_metrics(settings: Settings, pulse: Pulse | None = None) -> None:
    """Have this worker's metrics and health answer on loopback, where a port is set."""
    if settings.metrics_port:
        health.serve(stack.LOOPBACK, settings.metrics_port, pulse)


def run_deadlines(settings: Settings) -> None:
    """Publish due dates that have come, until stopped."""
    endpoints = find(settings)
    serve_metrics(settings)
    from stream_processors.agents import app as agents  # noqa: PLC0415  Faust takes a second to load: only where it runs

    with pointers(endpoints.kafka) as serving:
        families = catalogue.families_topic(serving.of(STATE).version)
    agents.main(endpoints.kafka, families, settings.reevaluations_per_second)


def on_stop(stop: Callable[[], None]) -> None:
    """Call `stop` on SIGTERM and SIGINT."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
