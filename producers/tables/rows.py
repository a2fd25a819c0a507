"""One row against its layout: every cell read, every fault of it named at once.

A row comes out right, with its values, or broken, with all its faults; nothing in between and nothing repaired. Must
not know other rows, nor what a source makes of a row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from producers.messages import Fault
from producers.tables import kinds
from producers.tables.layout import Column, spelled
from producers.tables.opening import Table
from producers.tables.written import Cell, Record, letters


@dataclass(frozen=True, slots=True)
class Row:
    """A row whose cells hold what their columns ask for: values by column, None where a cell may be blank and is."""

    number: int
    values: Mapping[str, Any] = field(repr=False)
    findings: tuple[str, ...] = ()

    def __getitem__(self, column: str) -> Any:
        """Return the column's value, None when the table lacks the column."""
        return self.values.get(column)


@dataclass(frozen=True, slots=True)
class Broken:
    """The rules a row breaks, at least one; `values` are those of its cells that could be read."""

    number: int
    faults: tuple[Fault, ...]
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __getitem__(self, column: str) -> Any:
        """Return the column's value where it could be read."""
        return self.values.get(column)


class Checker:
    """Checks the rows of one table."""

    def __init__(self, table: Table) -> None:
        layout = table.layout
        self._table = table
        self._names = table.names
        self._width = len(table.names)
        self._readers: list[tuple[int, str, Column, Callable[[Any], Any]]] = [
            (place, name, layout.column(name), kinds.reader(layout.column(name), table.formats))
            for place, name in enumerate(table.names)
            if name
        ]
        self._outside = [place for place, name in enumerate(table.names) if not name and place not in table.aside]
        self._above = dict(table.above)

    def check(self, number: int, cells: Record) -> Row | Broken:
        """Return the row with the values that stand above the head, or all the rules it breaks."""
        whole = self._whole(number, cells)
        if whole is not None:
            return Broken(number, (whole,), self._read(cells)[0])
        values, faults = self._read(cells)
        if not faults:
            return Row(number, values)
        if self._table.layout.looks_shifted(self._names, cells):
            return Broken(number, (Fault("SHIFTED_COLUMNS"),))
        return Broken(number, tuple(faults), values)

    def _read(self, cells: Record) -> tuple[dict[str, Any], list[Fault]]:
        """Return the values of the cells that hold one, after those above the head, and the faults of the others."""
        values, faults, there = dict(self._above), list[Fault](), len(cells)
        for place, name, column, read in self._readers:
            cell = cells[place] if place < there else ""
            if cell.__class__ is not str:
                value = _not_text(column, cell)
            elif cell and not cell.isspace():
                value = read(cell)
            else:
                value = Fault("BLANK", name) if column.filled else None
            if value.__class__ is Fault:
                faults.append(value)
            else:
                values[name] = value
        return values, faults

    def _whole(self, number: int, cells: Record) -> Fault | None:
        """Return what is wrong with the row as a whole, so that its cells are not looked at one by one."""
        first = cells[0] if cells and cells[0] else next((cell for cell in cells if not _empty(cell)), None)
        if first is None or (_empty(first) and all(map(_empty, cells))):
            return Fault("BLANK_ROW")
        if len(cells) < self._width:
            return Fault("ROW_SHORT", "", {"cells": len(cells), "columns": self._width})
        if len(cells) > self._width or self._outside:
            outside = chain(cells[self._width :], (cells[place] for place in self._outside))
            if not all(map(_empty, outside)):
                return Fault("SHIFTED_COLUMNS")
        return self._no_data(first, cells) or self._merged(number) or self._numbered(cells)

    def _no_data(self, first: Cell, cells: Record) -> Fault | None:
        if self._table.repeats_head(cells):
            return Fault("HEADER_REPEATED")
        is_total = isinstance(first, str) and not first[:1].isdigit() and spelled(first) in self._table.layout.totals
        return Fault("TOTAL_ROW") if is_total else None

    def _numbered(self, cells: Record) -> Fault | None:
        """Return a flag for a line of a form that is numbered and otherwise left blank."""
        if not self._table.aside or any(not _empty(cells[place]) for place, *_ in self._readers):
            return None
        return Fault("BARIS_KOSONG")

    def _merged(self, number: int) -> Fault | None:
        place = self._table.merged_at(number) if self._table.source.merged else None
        if place is None:
            return None
        return Fault("MERGED_CELLS", self._names[place] if place < self._width else "", {"place": letters(place)})


def _not_text(column: Column, cell: Any) -> Any:
    """Return the value of a workbook's cell that holds no text, a Fault in most columns."""
    return Fault(cell.rule, column.name) if cell.number is None else kinds.fraction(column, cell.number)


def _empty(cell: Cell) -> bool:
    return isinstance(cell, str) and (not cell or cell.isspace())
