"""Absolute sums of one partition: a transition retracts the old state's cells and adds the new one's.

Sums are never restored: they are recounted from the restored states, so that a count can't drift from what it counts.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from schemas.records import FamilyState
from stream_processors.indicators import definitions
from stream_processors.indicators.definitions import INDICATORS


class Cell(NamedTuple):
    """One counter: an indicator, a region at its level, and a class."""

    indicator: str
    region: str
    category: str


def cells(state: FamilyState | None) -> Counter[Cell]:
    """Return what one family adds to each cell; a family that isn't active counts nowhere."""
    found: Counter[Cell] = Counter()
    if state is None or state.status != "AKTIF":
        return found
    for indicator in INDICATORS:
        region = definitions.region_at(state.region.code, indicator.level)
        for category in indicator.classes(state):
            found[Cell(indicator.name, region, category)] += 1
    return found


class Counts:
    """The sums of one partition, and which of them changed since they were last taken."""

    def __init__(self) -> None:
        self._sums: dict[Cell, int] = {}
        self._changed: set[Cell] = set()

    def know(self, cell: Cell) -> None:
        """Make a cell known with whatever sum it has, zero included: it will be published again."""
        self._sums.setdefault(cell, 0)
        self._changed.add(cell)

    def move(self, before: FamilyState | None, after: FamilyState | None) -> None:
        """Retract the old state's cells and add the new one's."""
        old, new = cells(before), cells(after)
        for cell in old.keys() | new.keys():
            change = new[cell] - old[cell]
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
