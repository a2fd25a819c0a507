"""What the command line reads: sums and dead letters, which name nobody, past the door; refusals through it.

Refusals and dead letters are told by rule, place and reference; their payloads stay where they are.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from consumers.gateway.request import Caller, Purpose, RefusalsDisclosed, Withheld
from consumers.read_model.queries import IndicatorCell
from consumers.replay import figures
from consumers.replay.figures import Figures, FiguresRefused
from consumers.replay.moments import Moments
from jejak.composition import Registry
from schemas import catalogue, records
from schemas.dead_letters import Origin, origin_of
from stream_processors.indicators import definitions
from transport import kafka


class DeadLetter(NamedTuple):
    """One value that was no change: where it stood, why, and how long it is."""

    origin: Origin
    size: int


def indicator_cells(registry: Registry, indicator: str, region: str) -> tuple[IndicatorCell, ...]:
    """Return the cells of an indicator within a region (empty: everywhere), summed over partitions."""
    return registry.figures().indicators(definitions.VERSION, indicator, region)


def indicator_figures(
    registry: Registry, names: Iterable[str], region: str, moments: Moments
) -> Figures | FiguresRefused:
    """Return indicators within a region at other times than now, and the times that they are true for."""
    return figures.at(figures.Source(registry.endpoints.kafka), registry.figures(), names, region, moments)


def indicator_names() -> tuple[str, ...]:
    """Return the name of every indicator there is."""
    return tuple(indicator.name for indicator in definitions.INDICATORS)


class Which(NamedTuple):
    """Which refusals: the newest addressed to this agency, so many at most, and of this family alone where one is."""

    agency: str
    limit: int
    family_id: str = ""


def refusals(registry: Registry, caller: Caller, purpose: Purpose, which: Which) -> RefusalsDisclosed | Withheld:
    """Return refusals of the caller's own agency, newest first; the look is on record before it is made."""
    tables = registry.in_time().read_model()

    def read() -> list[dict[str, Any]]:
        if not which.family_id:
            return [_line(one) for one in tables.refusals(which.agency, limit=which.limit)]
        own = (one for one in tables.refusals_of(which.family_id) if one.header.agency == which.agency)
        return [_line(one) for one in islice(own, which.limit)]

    with registry.door() as door:
        return door.refusals(caller, purpose, which.agency, read)


def _line(one: records.ChangeRefused) -> dict[str, Any]:
    return {
        "family_id": one.header.family_id,
        "record": one.record,
        "rule": one.rule,
        "pointer": one.pointer,
        "explanation": one.explanation,
        "source": f"{one.source_topic}[{one.source_partition}]@{one.source_offset}",
    }


def dead_letters(registry: Registry) -> Iterator[DeadLetter]:
    """Yield every dead letter's origin and length; never its bytes."""
    for message in kafka.read_all(registry.endpoints.kafka, catalogue.DEAD_LETTERS_TOPIC):
        yield DeadLetter(origin_of(message.headers() or []), len(message.value() or b""))
