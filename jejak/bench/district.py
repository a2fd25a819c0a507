"""The benchmark: a synthetic district through intake, fold and projection, one after the other.

A broker and a database of its own, begun empty each time, so that figures of two runs compare.
"""

from collections.abc import Callable, Iterator
from itertools import islice

from consumers.read_model.projector import Topics, group_of
from identity.families import InMemoryAliases
from identity.keys import InMemoryKeyStore
from jejak import composition, publishing, stack
from jejak.bench.measure import Figure, timed, worker
from jejak.composition import FOLD_GROUP, Registry
from jejak.processes import Children
from jejak.settings import Settings
from producers.intake import Intake
from producers.simulation.nation import Nation
from producers.simulation.stream import simulate
from schemas import catalogue
from transport import kafka

RULES_SINCE = 1_735_689_600_000_000
DEADLINE_SECONDS = 900.0
_BATCH = 10_000


def run(settings: Settings, families: int, progress: Callable[[str], None]) -> tuple[Figure, ...]:
    """Return the figures of one run; the bench's own stack is stopped and deleted afterwards."""
    own = settings.model_copy(update={"data": settings.data.resolve() / "bench"})
    stack.reset(own.data)
    stack.up(own.data, kafka_heap="1g", progress=progress)
    try:
        with composition.connected(own) as registry:
            return tuple(_figures(registry, families, progress))
    finally:
        stack.reset(own.data)


def _figures(registry: Registry, families: int, progress: Callable[[str], None]) -> Iterator[Figure]:
    nation = Nation(families=families, seed=1, poison=0)
    publishing.rules(registry, RULES_SINCE)
    progress("intake, keys in memory")
    yield timed("intake: check, refer, seal, encode (keys in memory)", "changes", lambda: _intake(registry, nation))
    progress("intake and publish, keys in Cassandra, all new")
    yield timed(
        "intake and publish (keys in Cassandra, all new)",
        "changes",
        lambda: publishing.nation(registry, nation, lambda _: None).sent,
    )
    bootstrap = registry.endpoints.kafka
    progress("client library alone: read every change")
    yield timed("floor: consume only", "changes", lambda: _consume(bootstrap))
    environment = {
        "JEJAK_DATA": str(registry.settings.data),
        "JEJAK_KAFKA": bootstrap,
        "JEJAK_CASSANDRA": registry.endpoints.cassandra,
    }
    with Children(registry.settings.data / "logs", environment) as children:
        progress("fold")
        children.start("fold", "run", "fold")
        yield worker(
            "fold, everything emitted and durable", "changes", bootstrap, FOLD_GROUP,
            (catalogue.CHANGES_TOPIC,), children.running()["fold"], DEADLINE_SECONDS,
        )  # fmt: skip
        progress("projection")
        children.start("read-model", "run", "read-model")
        yield worker(
            "projection into Cassandra", "records", bootstrap, group_of(),
            Topics().sources, children.running()["read-model"], DEADLINE_SECONDS,
        )  # fmt: skip


def _consume(bootstrap: str) -> int:
    return sum(1 for _ in kafka.read_all(bootstrap, catalogue.CHANGES_TOPIC))


def _intake(registry: Registry, nation: Nation) -> int:
    intake = Intake(registry.settings.reference_key(), InMemoryAliases(), InMemoryKeyStore())
    drafts = iter([step.draft for step in simulate(nation)])
    count = 0
    while batch := list(islice(drafts, _BATCH)):
        count += sum(1 for _ in intake.take(batch))
    return count
