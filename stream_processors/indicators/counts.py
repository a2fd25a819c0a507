"""Absolute sums of one partition: a transition retracts what the old state counted and adds what the new one does.

Sums are never restored: they are recounted from the restored states, so that a count can't drift from what it counts.
`cells` and `recount` count from the fields of states: the plain twin of the sums, which know counted bytes alone.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from schemas.records import FamilyState
from stream_processors.indicators import counted, definitions
from stream_processors.indicators.counted import PARTS
from stream_processors.indicators.definitions import INDICATORS, Indicator

_CACHED = 16_384
_LEVELS = tuple(dict.fromkeys(indicator.level for indicator in INDICATORS))


class Cell(NamedTuple):
    """One counter: an indicator, a region at its level, and a class."""

    indicator: str
    region: str
    category: str


Slice = tuple[str, ...]  # a region at an indicator's level, and the parts it reads; empty for what counts nowhere
Deltas = tuple[tuple[Cell, int], ...]


def cells(state: FamilyState | None) -> Counter[Cell]:
    """Return what one family adds to each cell; a family that isn't active counts nowhere."""
    found: Counter[Cell] = Counter()
    if state is not None and state.status == definitions.FAMILY_ACTIVE:
        for indicator in INDICATORS:
            region = definitions.region_at(state.region.code, indicator.level)
            found.update(Cell(indicator.name, region, category) for category in indicator.classes(state))
    return found


def recount(states: Iterable[FamilyState]) -> Counter[Cell]:
    """Return the sums over states counted from nothing, field by field."""
    total: Counter[Cell] = Counter()
    for state in states:
        total.update(cells(state))
    return total


class _Reader:
    """What one indicator takes of counted bytes, and what it makes of it.

    `slice` gives all that the indicator depends on, of the regions at every level and the parts.
    """

    def __init__(self, indicator: Indicator) -> None:
        self.name = indicator.name
        self.classes = indicator.measure.of_parts
        places = [len(_LEVELS) + PARTS.index(field) for field in indicator.reads]
        self.slice: Callable[[Slice], Slice] = itemgetter(_LEVELS.index(indicator.level), *places)
        self.moved = lru_cache(_CACHED)(self._moved)

    def _moved(self, old: Slice, new: Slice) -> Deltas:
        changes: dict[tuple[str, str], int] = {}
        for slice_, sign in ((old, -1), (new, 1)):
            if slice_:
                region = slice_[0]
                for category in self.classes(*slice_[1:]):
                    changes[region, category] = changes.get((region, category), 0) + sign
        return tuple([(Cell(self.name, *place), change) for place, change in changes.items() if change])


_READERS = tuple(_Reader(indicator) for indicator in INDICATORS)
_MOVED = tuple(reader.moved for reader in _READERS)
_NOWHERE: tuple[Slice, ...] = ((),) * len(_READERS)


@lru_cache(_CACHED)
def _slices(counted_bytes: bytes) -> tuple[Slice, ...]:
    parts = counted.parts(counted_bytes)
    if not parts:
        return _NOWHERE
    code = parts[0]
    whole = (*[definitions.region_at(code, level) for level in _LEVELS], *parts[1:])
    return tuple([reader.slice(whole) for reader in _READERS])


class Counts:
    """The sums of one partition, and which of them changed since they were last taken.

    Counts from counted bytes under the present definitions; of no others may be told here.
    """

    def __init__(self) -> None:
        self._sums: dict[Cell, int] = {}
        self._changed: set[Cell] = set()

    def move(self, before: bytes | None, after: bytes) -> None:
        """Retract what the old state counted, if there was one, and add what the new one does."""
        if before == after:
            return
        sums, changed = self._sums, self._changed
        for moved, old, new in zip(_MOVED, _slices(before or b""), _slices(after), strict=True):
            if old != new:
                for cell, change in moved(old, new):
                    sums[cell] = sums.get(cell, 0) + change
                    changed.add(cell)

    def add(self, families: Counter[bytes]) -> None:
        """Add families by what each counts: the sums of a restore, each different slice looked at once."""
        gathered: tuple[dict[Slice, int], ...] = tuple({} for _ in _READERS)
        for counted_bytes, number in families.items():
            for by_slice, slice_ in zip(gathered, _slices(counted_bytes), strict=True):
                by_slice[slice_] = by_slice.get(slice_, 0) + number
        for reader, by_slice in zip(_READERS, gathered, strict=True):
            self._add(reader, by_slice)

    def _add(self, reader: _Reader, by_slice: dict[Slice, int]) -> None:
        by_class: dict[tuple[str, str], int] = {}
        for slice_, number in by_slice.items():
            if slice_:
                region = slice_[0]
                for category in reader.classes(*slice_[1:]):
                    by_class[region, category] = by_class.get((region, category), 0) + number
        for (region, category), number in by_class.items():
            cell = Cell(reader.name, region, category)
            self._sums[cell] = self._sums.get(cell, 0) + number
            self._changed.add(cell)

    def take_changed(self) -> dict[Cell, int]:
        """Return the changed cells with their absolute sums, in order; none are changed afterwards."""
        taken = {cell: self._sums[cell] for cell in sorted(self._changed)}
        self._changed.clear()
        return taken

    def sums(self) -> dict[Cell, int]:
        """Return every known cell with its sum."""
        return dict(self._sums)
