"""What can be published from here: a district's file, a synthetic nation, the seeds' tables, rule sets.

Joins a source with the registry's intake and publisher; holds no rule of its own.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from jejak.composition import Registry
from producers import reference, sik_ng
from producers.draft import Channel, Draft, RowRefused
from producers.outgoing import Outgoing
from producers.publish import Progress, Published, Publisher, PublishFailed
from producers.seeds import load_tables
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
    registry: Registry, path: Path, channel: Channel, progress: Progress, report: Callable[[RowRefused], None]
) -> Published:
    """Publish a SIK-NG style file; each row that is refused goes to `report` and, as a refusal, to the agency."""
    reading = sik_ng.read(path, channel)
    document = (channel.agency, reading.digest)
    return registry.publisher(BATCH).publish(
        document, reading.items, registry.intake().take, progress=progress, report=report
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
    """Put every rule set of this build in force from a time on (microseconds); return what was activated.

    Raises PublishFailed when the broker did not acknowledge all of them.
    """
    producer = kafka.producer(registry.endpoints.kafka)
    acknowledged: list[str] = []

    def delivered(error: object, message: Any) -> None:
        if error is None:
            acknowledged.append(message.key())

    for one in rulebook.shipped():
        value = activation(one, effective_at)
        producer.produce(catalogue.RULES_TOPIC, key=one.name.encode(), value=value, on_delivery=delivered)
    producer.flush(DEADLINE_SECONDS)
    if len(acknowledged) < len(rulebook.shipped()):
        raise PublishFailed("the broker did not take every activation")
    return tuple(f"{one.name} {one.version}" for one in rulebook.shipped())


def _as_they_are(messages: Sequence[Outgoing]) -> Sequence[Outgoing]:
    return messages
