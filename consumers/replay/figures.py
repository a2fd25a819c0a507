"""Indicators at another time: daily snapshots tell what was known, a recount of every family tells what was true.

Past the door: sums name nobody. Knows the log and whoever holds the snapshots; must not know who asks.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from consumers.replay import cut, log, moments, rules, two_times
from consumers.replay.cut import Cut
from consumers.replay.moments import Moments
from consumers.replay.two_times import BEFORE_FIRST_EVENT, Then, TwoTimes
from schemas import catalogue
from stream_processors.indicators import counts, definitions
from stream_processors.registry.decision import Event, event_of
from stream_processors.registry.rulebook import RuleBook

_UNITS: Final = {indicator.name: indicator.unit for indicator in definitions.INDICATORS}
EVERYWHERE: Final = ""


class Figure(NamedTuple):
    """One cell of an indicator."""

    region: str
    category: str
    unit: str
    sum: int


@dataclass(frozen=True, slots=True)
class Source:
    """Where accepted events and activated rules are read: the catalogue's topics, unless a test makes its own."""

    bootstrap: str
    events: str = catalogue.EVENTS_TOPIC
    rules: str = catalogue.RULES_TOPIC


@dataclass(frozen=True, slots=True)
class Figures:
    """The cells of each indicator asked for, and the moments (µs) that they are true for.

    Asked for what was known within a day, `moments` name the end of the day before: the last snapshot there is.
    """

    moments: Moments
    cells: dict[str, tuple[Figure, ...]]


@dataclass(frozen=True, slots=True)
class FiguresRefused:
    """No figures, and why: nothing was known, or nothing was true, by the times asked for."""

    code: str = BEFORE_FIRST_EVENT


class Snapshots(Protocol):
    """Where the sums at the end of each day are kept."""

    def indicators_on(
        self, definition_version: str, indicator: str, day: str, region: str = ...
    ) -> Sequence[tuple[str, str, str, int]]:
        """Return region, class, unit and sum of each cell at the end of a day (WIB), as 2025-07-31."""


def at(
    source: Source, snapshots: Snapshots, names: Iterable[str], region: str, asked: Moments
) -> Figures | FiguresRefused:
    """Return the indicators within a region (Kemendagri; empty: everywhere) at the moments asked for.

    Known at a time alone is a read of snapshots; true as of a time folds the whole log. Raises what the log does.
    """
    try:
        if asked.as_of is None and asked.known_at is not None:
            return _known(source, snapshots, names, region, asked.known_at)
        whole = _cut(source, asked.known_at)
    except cut.CutRefused as refused:
        if refused.code != cut.BEFORE_FIRST_EVENT:
            raise
        return FiguresRefused(refused.code)
    return _true(source, whole, names, region, asked)


def _cut(source: Source, known_at: int | None) -> Cut:
    """Return where the events known at a time end; raises CutRefused."""
    if known_at is None:
        return cut.at_end(source.bootstrap, source.events)
    return cut.at_time(source.bootstrap, known_at, source.events)


def _known(
    source: Source, snapshots: Snapshots, names: Iterable[str], region: str, known_at: int
) -> Figures | FiguresRefused:
    day = moments.last_whole_day(known_at)
    end = moments.end_of_day(day)
    _cut(source, end)  # refuses a time before the first event
    cells = {
        name: tuple(Figure(*cell) for cell in snapshots.indicators_on(definitions.VERSION, name, str(day), region))
        for name in names
    }
    return Figures(Moments(known_at=end), cells)


def _true(source: Source, whole: Cut, names: Iterable[str], region: str, asked: Moments) -> Figures | FiguresRefused:
    book = rules.book(source.bootstrap, source.rules)
    total: Counter[counts.Cell] = Counter()
    families = 0
    for number in whole.ends:  # one partition's families at a time are held
        found = (
            event_of(value) for _, _, _, value in log.events(source.bootstrap, whole, [number], topic=source.events)
        )
        for then in folded(found, asked, book):
            families += 1
            total.update(counts.cells(then.state))
    if not families:
        return FiguresRefused()
    return Figures(asked, {name: _of(total, name, region) for name in names})


def folded(events: Iterable[Event], asked: Moments, book: RuleBook) -> Iterator[Then]:
    """Yield each family that there was at the moments, from the events of whole families in any mixture of them."""
    families: dict[str, TwoTimes] = {}
    for event in events:
        families.setdefault(event.prefix.family_id, TwoTimes(asked)).add(event)
    rule_sets = two_times.in_force(book, asked)
    for family in families.values():
        then = family.then(rule_sets)
        if isinstance(then, Then):
            yield then


def _of(total: Counter[counts.Cell], name: str, region: str) -> tuple[Figure, ...]:
    inside = [(cell, number) for cell, number in total.items() if cell.indicator == name and _in(cell.region, region)]
    return tuple(Figure(cell.region, cell.category, _UNITS[name], number) for cell, number in sorted(inside))


def _in(code: str, region: str) -> bool:
    return region in {EVERYWHERE, code} or code.startswith(f"{region}.")
