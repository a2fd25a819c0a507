"""What the indicators' sums were at the end of each day, counted again from the accepted events alone."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from consumers.replay import cut, log
from schemas.records import FamilyState, IndicatorSum
from stream_processors.indicators import definitions
from stream_processors.indicators.counts import Counts
from stream_processors.registry import calendar
from stream_processors.registry.decision import Event, event_of
from stream_processors.registry.family import evolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_UNITS: Final = {indicator.name: indicator.unit for indicator in definitions.INDICATORS}


def sums(bootstrap: str, topic: str) -> Iterator[IndicatorSum]:
    """Yield every sum that changed on a day (WIB), as it was at the day's end."""
    found = log.events(bootstrap, cut.at_end(bootstrap, topic), topic=topic)
    for number, events in groupby(found, itemgetter(0)):
        yield from of_partition(number, (event_of(value) for _, _, _, value in events))


def of_partition(number: int, events: Iterable[Event]) -> Iterator[IndicatorSum]:
    """Yield the sums by day of one partition's events, in the order of its log."""
    states: dict[str, FamilyState] = {}
    counts = Counts()
    recorded_at = midnight = 0
    for event in events:
        if event.prefix.recorded_at >= midnight:
            yield from _changed(counts, number, recorded_at)
            midnight = calendar.next_midnight(event.prefix.recorded_at)
        recorded_at = event.prefix.recorded_at
        before = states.get(event.prefix.family_id)
        after = evolve(before, event)
        counts.move(None if before is None else before.counted, after.counted)
        states[event.prefix.family_id] = after
    yield from _changed(counts, number, recorded_at)


def _changed(counts: Counts, number: int, recorded_at: int) -> Iterator[IndicatorSum]:
    for cell, total in counts.take_changed().items():
        yield IndicatorSum(
            definition_version=definitions.VERSION,
            indicator=cell.indicator,
            region=cell.region,
            category=cell.category,
            partition=number,
            sum=total,
            unit=_UNITS[cell.indicator],
            next_offset=0,
            recorded_at=recorded_at,
        )
