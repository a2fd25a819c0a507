"""What of counts is not published: small cells, and enough others that none of them can be computed.

A table is all regions below one region (kabupaten below their provinsi, kecamatan below their kabupaten) by all classes
of a count, with the total of each region, of each class below the region, and of all. Every row and every column of it
is an equation. A count from 1 to the threshold less one is small. Small ones are hidden; then further ones, the
smallest first, until in no row and no column one hidden cell stands alone, those hidden come to less than the
threshold together, or a hidden cell follows from several equations. Pure; must not know where cells come from.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from stream_processors.indicators.counts import Cell
from stream_processors.indicators.definitions import COUNTS, region_at

TOTAL: Final = "\x00total"
_ABOVE: Final = {"kecamatan": "kabkota", "kabkota": "provinsi"}
_LEVEL_OF: Final = {name: one.level for name, one in COUNTS.items()}
Place = tuple[str, str]  # region (the upper one in the row of sums) and class, or TOTAL
Table = dict[Place, int]


@dataclass(frozen=True, slots=True)
class Hidden:
    """The hidden cells of counts, those of sums too, by count, region and class; nothing is small below threshold 0."""

    threshold: int
    places: frozenset[tuple[str, str, str]]

    def of(self, count: str, region: str, level: str, category: str) -> bool:
        """Tell whether a class of a count, or its TOTAL, is hidden in a region; one of a level unknown here is."""
        if self.threshold == 0:
            return False
        finest = _LEVEL_OF[count]
        return level not in {finest, _ABOVE[finest]} or (count, region, category) in self.places

    def is_small(self, number: int) -> bool:
        """Tell whether a number is too small to be published."""
        return 0 < number < self.threshold


NOTHING: Final = Hidden(0, frozenset())


def hidden(cells: Mapping[Cell, int], threshold: int) -> Hidden:
    """Return what is not published of these cells, which are all cells of each count that they are of."""
    by_table: defaultdict[tuple[str, str], dict[Place, int]] = defaultdict(dict)
    for cell, total in cells.items():
        above = region_at(cell.region, _ABOVE[_LEVEL_OF[cell.indicator]])
        by_table[cell.indicator, above][cell.region, cell.category] = total
    places = {
        (count, *place)
        for (count, above), inner in by_table.items()
        for place in _hidden_of(_with_totals(inner, above), threshold)
    }
    return Hidden(threshold, frozenset(places))


def _with_totals(inner: Mapping[Place, int], above: str) -> Table:
    """Return a table with the row and the column of sums; a region that is its own upper one has none beside itself."""
    regions = sorted({region for region, _ in inner} - {above})
    categories = sorted({category for _, category in inner})
    table: Table = {
        (region, category): inner.get((region, category), 0) for region in regions for category in categories
    }
    for category in categories:
        table[above, category] = sum(inner.get((region, category), 0) for region in (*regions, above))
    for region in (*regions, above):
        table[region, TOTAL] = sum(table[region, category] for category in categories)
    return table


def _hidden_of(table: Table, threshold: int) -> set[Place]:
    found = {place for place, total in table.items() if 0 < total < threshold}
    lines = _lines(table)
    while True:
        unsafe = next((line for line in lines if _is_unsafe(line, found, table, threshold)), None)
        if unsafe is None:
            determined = _determined(found)
            if not determined:
                return found
            unsafe = next((line for line in lines if determined & {*line} and _open(line, found, table)), None)
        if unsafe is None or not (left := _open(unsafe, found, table)):
            return {place for place, total in table.items() if total}  # nothing can be told of it at all
        found.add(left[0])


def _lines(table: Table) -> list[list[Place]]:
    rows: defaultdict[str, list[Place]] = defaultdict(list)
    columns: defaultdict[str, list[Place]] = defaultdict(list)
    for place in table:
        rows[place[0]].append(place)
        columns[place[1]].append(place)
    return [*rows.values(), *columns.values()]


def _is_unsafe(line: Iterable[Place], found: set[Place], table: Table, threshold: int) -> bool:
    """Tell whether what is hidden of a line is one cell alone, or so little together that each part is known."""
    inside = [table[place] for place in line if place in found]
    return bool(inside) and (len(inside) == 1 or sum(inside) < threshold)


def _open(line: Iterable[Place], found: set[Place], table: Table) -> list[Place]:
    """Return what of a line is not hidden and not zero, the smallest first, sums last."""
    left = [place for place in line if place not in found and table[place]]
    return sorted(left, key=lambda place: (place[1] == TOTAL, table[place], place))


def _determined(found: set[Place]) -> set[Place]:
    """Return the hidden cells that the equations determine together: in the graph of rows and columns, its bridges."""
    neighbours: defaultdict[str, list[tuple[str, Place]]] = defaultdict(list)
    for place in found:
        row, column = f"r{place[0]}", f"c{place[1]}"
        neighbours[row].append((column, place))
        neighbours[column].append((row, place))
    return {place for place in found if not _meet(f"r{place[0]}", f"c{place[1]}", place, neighbours)}


def _meet(start: str, end: str, without: Place, neighbours: Mapping[str, list[tuple[str, Place]]]) -> bool:
    reached, waiting = {start}, [start]
    while waiting:
        for node, place in _from(waiting.pop(), neighbours):
            if place != without and node not in reached:
                if node == end:
                    return True
                reached.add(node)
                waiting.append(node)
    return False


def _from(node: str, neighbours: Mapping[str, list[tuple[str, Place]]]) -> Iterator[tuple[str, Place]]:
    return iter(neighbours.get(node, ()))
