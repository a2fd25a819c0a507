"""Absolute sums of one partition: a transition retracts the old state's cells and adds the new one's.

Sums are never restored: they are recounted from the restored states, so that a count can't drift from what it counts.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from schemas.records import FamilyState
from stream_processors.indicators import definitions
from stream_processors.indicators.definitions import INDICATORS, Indicator

_ALWAYS_READ = ("status", "region")
_COUNTED_FIELDS = {*_ALWAYS_READ, *(field for indicator in INDICATORS for field in indicator.reads)}


class Cell(NamedTuple):
    """One counter: an indicator, a region at its level, and a class."""

    indicator: str
    region: str
    category: str


def cells(state: FamilyState | None) -> Counter[Cell]:
    """Return what one family adds to each cell; a family that isn't active counts nowhere."""
    found: Counter[Cell] = Counter()
    for indicator in INDICATORS:
        found.update(_cells(indicator, *_counted(indicator, state)))
    return found


def _touched(before: FamilyState | None, after: FamilyState | None) -> Iterable[Indicator]:
    """Return the indicators that a transition can move: states share what a change left as it was."""
    if before is None or after is None:
        return INDICATORS
    changed = {field for field in _COUNTED_FIELDS if getattr(before, field) is not getattr(after, field)}
    if not changed.isdisjoint(_ALWAYS_READ):
        return INDICATORS
    return [indicator for indicator in INDICATORS if not changed.isdisjoint(indicator.reads)]


def _counted(indicator: Indicator, state: FamilyState | None) -> tuple[str, list[str]]:
    if state is None or state.status != "AKTIF":
        return "", []
    return definitions.region_at(state.region.code, indicator.level), list(indicator.classes(state))


def _cells(indicator: Indicator, region: str, categories: list[str]) -> list[Cell]:
    return [Cell(indicator.name, region, category) for category in categories]


class Counts:
    """The sums of one partition, and which of them changed since they were last taken."""

    def __init__(self) -> None:
        self._sums: dict[Cell, int] = {}
        self._changed: set[Cell] = set()

    def move(self, before: FamilyState | None, after: FamilyState | None) -> None:
        """Retract the old state's cells and add the new one's."""
        for indicator in _touched(before, after):
            old, new = _counted(indicator, before), _counted(indicator, after)
            if old != new:
                self._move(_cells(indicator, *old), _cells(indicator, *new))

    def _move(self, old: list[Cell], new: list[Cell]) -> None:
        difference = Counter(new)
        difference.subtract(old)
        for cell, change in difference.items():
            if change:
                self._sums[cell] = self._sums.get(cell, 0) + change
                self._changed.add(cell)

    def take_changed(self) -> dict[Cell, int]:
        """Return the changed cells with their absolute sums, in order; none are changed afterwards."""
        taken = {cell: self._sums[cell] for cell in sorted(self._changed)}
        self._changed.clear()
        return taken

    def sums(self) -> dict[Cell, int]:
        """Return every known cell with its sum."""
        return dict(self._sums)


def recount(states: Iterable[FamilyState]) -> Counter[Cell]:
    """Return the sums over states counted from nothing: the plain twin of the running counts."""
    total: Counter[Cell] = Counter()
    for state in states:
        total.update(cells(state))
    return total
