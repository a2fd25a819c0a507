"""What can be published from here: a district's file, a synthetic nation, the seeds' tables, rule sets.

Joins a source with the registry's intake and publisher; holds no rule of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from jejak.composition import Registry
from producers import reference
from producers.draft import Draft, Noted, RowRefused
from producers.outgoing import Outgoing
from producers.publish import Progress, Published, Publisher, PublishFailed
from producers.reading import Item, Reading
from producers.seeds import load_tables
from producers.seeds.tables import ReferenceTable
from producers.simulation.nation import Nation
from producers.simulation.poison import poison
from producers.simulation.stream import simulate
from schemas import catalogue
from stream_processors.folds.activation import activation
from stream_processors.registry import rulebook
from transport import kafka

SIMULATOR = "registry"
BATCH = 10_000  # owners are looked up and made in one round of requests
DEADLINE_SECONDS = 30.0


def file(
    registry: Registry, reading: Reading, agency: str, progress: Progress, report: Callable[[Item], None]
) -> Published:
    """Publish what a file says; each row that is refused goes to `report` and, as a refusal, to the agency.

    Rows that are no data, and what is warned of, go to `report` alone.
    """
    intake = registry.intake()

    def told() -> Iterator[Draft | RowRefused | ReferenceTable]:
        for item in reading:
            if not isinstance(item, RowRefused):
                report(item)
            if not isinstance(item, Noted):
                yield item

    def prepared(items: Sequence[Draft | RowRefused | ReferenceTable]) -> Iterator[Outgoing | RowRefused]:
        yield from intake.take([item for item in items if not isinstance(item, ReferenceTable)])
        yield from reference.rows(item for item in items if isinstance(item, ReferenceTable))

    return registry.publisher(BATCH).publish(
        (agency, reading.digest), told(), prepared, progress=progress, report=report
    )


def nation(registry: Registry, simulated: Nation, progress: Progress) -> Published:
    """Publish a synthetic nation and its handful of poison; what was published before is not published again."""
    publisher = registry.publisher(BATCH)
    name = simulated.digest
    publisher.publish((SIMULATOR, f"{name}/poison"), poison(simulated), _as_they_are)
    drafts: Iterable[Draft] = (step.draft for step in simulate(simulated))
    return publisher.publish((SIMULATOR, name), drafts, registry.intake().take, progress=progress)


def tables(registry: Registry) -> Published:
    """Publish the printed tables of the seed documents, row by row."""
    publisher: Publisher = registry.publisher(BATCH)
    return publisher.publish((SIMULATOR, "seeds/1"), reference.rows(load_tables()), _as_they_are)


def rules(registry: Registry, effective_at: int) -> tuple[str, ...]:
    """Put the standard rule sets (PKH, Sembako) in force from a time on (microseconds); return what was activated.

    Raises PublishFailed when the broker did not acknowledge all of them.
    """
    producer = kafka.producer(registry.endpoints.kafka)
    acknowledged: list[str] = []

    def delivered(error: object, message: Any) -> None:
        if error is None:
            acknowledged.append(message.key())

    for one in rulebook.standard():
        value = activation(one, effective_at)
        producer.produce(catalogue.RULES_TOPIC, key=one.name.encode(), value=value, on_delivery=delivered)
    producer.flush(DEADLINE_SECONDS)
    if len(acknowledged) < len(rulebook.standard()):
        raise PublishFailed("the broker did not take every activation")
    return tuple(f"{one.name} {one.version}" for one in rulebook.standard())


def _as_they_are(messages: Sequence[Outgoing]) -> Sequence[Outgoing]:
    return messages
