"""Opens a file as a table: finds its encoding, separator, sheet, head and what stands above it, holding no rows.

Everything that would make the whole file unreadable is found here, by going through it once, before any row of it is
taken: a file is read to its end or not at all. Must not know what a column means.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from producers.messages import Fault
from producers.tables import kinds
from producers.tables.csv_file import CsvFile
from producers.tables.head import Head, head_among, numbers_columns
from producers.tables.kinds import Formats
from producers.tables.layout import Layout, spelled
from producers.tables.workbook import Sheet, is_workbook, sheets_of
from producers.tables.written import Dialect, Record, letters

LINES_ABOVE: Final = 30  # a title, a letter's head and the fields of a form fit; data below no head is found soon
_HALF: Final = 2
_NUMBERED: Final = re.compile(r"^(?:[0-9]{1,2}|[a-zA-Z])[.)] *(?=[^\W\d_]{2})")  # `1. Provinsi`, `a) Tanggal`
Source = CsvFile | Sheet


@dataclass(frozen=True, slots=True)
class FileFault:
    """Why nothing of the file may be published: all that was found; never quotes a cell that isn't part of the head.

    `table` is what stands below a head that is mostly known: only to be told what is wrong with its cells.
    """

    faults: tuple[Fault, ...]
    dialect: Dialect | None = None
    table: "Table | None" = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Table:
    """A file whose rows can be read, as often as asked for, one at a time.

    A row's number is the one a spreadsheet shows. `names` are the columns meant by the head's cells, empty for those
    that are set `aside` or have no head; `above` are the values that stand above the head, `above_printed` their texts.
    """

    layout: Layout
    dialect: Dialect
    formats: Formats
    names: tuple[str, ...]
    aside: frozenset[int]
    head: tuple[str, ...]
    above: Mapping[str, Any] = field(repr=False)
    above_printed: Mapping[str, str] = field(repr=False)
    head_row: int
    first_row: int
    last_row: int
    source: Source = field(repr=False)

    @property
    def count(self) -> int:
        """How many rows the table has, blank ones within it too."""
        return self.last_row - self.first_row + 1

    def rows(self) -> Iterator[tuple[int, Record]]:
        """Yield each row with its number."""
        yield from enumerate(islice(self.source.records(), self.first_row - 1, self.last_row), self.first_row)

    def repeats_head(self, cells: Record) -> bool:
        """Tell whether the row repeats the head."""
        return cells[0] == self.head[0] and tuple(cells[: len(self.head)]) == self.head

    def merged_at(self, row: int) -> int | None:
        """Return the first merged column's place where cells of this row are merged."""
        merged = self.source.merged
        at = bisect_right(merged, row, key=lambda one: one[0]) - 1
        return merged[at][2] if at >= 0 and row <= merged[at][1] else None


def open_table(path: Path, layout: Layout, formats: Formats | None = None) -> Table | FileFault:
    """Return the file as a table, a workbook by its first bytes or its name, else CSV; raises OSError when it can't."""
    if is_workbook(path):
        return _workbook(sheets_of(path), layout, formats)
    source = CsvFile.of(path, layout)
    if isinstance(source, Fault):
        return FileFault((source,))
    fault = source.survey()
    if fault is not None:
        return FileFault((fault,), source.dialect)
    return _table(source, _head(source, layout), layout, formats)


def _workbook(sheets: list[Sheet] | Fault, layout: Layout, formats: Formats | None) -> Table | FileFault:
    """Return the one sheet that has a head as a table: where several have one, which is meant is not guessed."""
    dialect = Dialect("XLSX", "utf-8", "", bom=False)
    if isinstance(sheets, Fault):
        return FileFault((sheets,), dialect)
    if not sheets:
        return FileFault((Fault("EMPTY"),), dialect)
    found = [(sheet, _head(sheet, layout)) for sheet in sheets]
    with_head = [one for one in found if one[1].score * _HALF > _due(layout)]
    if len(with_head) > 1:
        return FileFault((Fault("SHEETS_SEVERAL", "", {"sheets": len(with_head)}),), dialect)
    best = with_head[0] if with_head else max(found, key=lambda one: one[1].score)
    return _table(*best, layout, formats)


def _due(layout: Layout) -> int:
    return sum(column.required and not column.above for column in layout.columns)


def _head(source: Source, layout: Layout) -> Head:
    return head_among(list(islice(source.records(), LINES_ABOVE + 1)), layout, LINES_ABOVE)


def _table(source: Source, head: Head, layout: Layout, formats: Formats | None) -> Table | FileFault:
    if source.last_row == 0:
        return FileFault((Fault("EMPTY"),), source.dialect)
    if head.score == 0:
        return FileFault((Fault("HEADER_MISSING", "", {"lines": LINES_ABOVE}),), source.dialect)
    used = formats or Formats(layout.dates, layout.numbers)  # type: ignore[arg-type]  # a layout's word, held by a test
    printed, faults = _labelled(source, head, layout)
    above, wrong = _above(printed, head, layout, used)
    faults = (*_head_faults(head, layout), *faults, *wrong)
    width = max((place for place, cell in enumerate(head.printed) if cell), default=0) + 1
    first = source.end_of_merged(head.last) + 1
    first += any(numbers_columns(cells[:width]) for cells in islice(source.records(), first - 1, first))
    names = tuple("" if name in head.names[:place] else name for place, name in enumerate(head.names[:width]))
    table = Table(
        layout=layout,
        dialect=source.dialect,
        formats=used,
        names=names,
        aside=frozenset(place for place, cell in enumerate(head.printed[:width]) if cell and not names[place]),
        head=head.printed[:width],
        above=above,
        above_printed=printed,
        head_row=head.row,
        first_row=first,
        last_row=source.last_row,
        source=source,
    )
    if faults:
        return FileFault(faults, source.dialect, table if head.score * _HALF > _due(layout) else None)
    if source.last_row < first:
        return FileFault((Fault("EMPTY_BELOW"),), source.dialect)
    if source.broken_off(width):
        return FileFault((Fault("TRUNCATED", "", {"row": source.last_row}),), source.dialect)
    return table


def _head_faults(head: Head, layout: Layout) -> Iterator[Fault]:
    missing = [one.name for one in layout.columns if one.required and not one.above and one.name not in head.names]
    if missing:
        yield Fault("HEADER_INCOMPLETE", missing[0], {"columns": ", ".join(missing)})
    for place, (printed, name) in enumerate(zip(head.printed, head.names, strict=True)):
        if name and name in head.names[:place]:
            yield Fault("HEADER_DOUBLED", name, {"place": letters(place)})
        elif printed and not name and spelled(printed) not in layout.aside:
            yield Fault("HEADER_UNKNOWN", "", {"place": letters(place)})


def _above(
    printed: Mapping[str, str], head: Head, layout: Layout, formats: Formats
) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    """Return the values that stand above the head, by column, and what is wrong with them."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for column in (one for one in layout.columns if one.above and one.name not in head.names):
        value = None
        if column.name in printed:
            value = kinds.reader(column, formats)(printed[column.name])
        elif column.required and column.filled:
            value = Fault("ABOVE_MISSING", column.name)
        if isinstance(value, Fault):
            faults.append(value)
        values[column.name] = value
    return values, tuple(faults)


def _labelled(source: Source, head: Head, layout: Layout) -> tuple[dict[str, str], tuple[Fault, ...]]:
    """Return what the lines above the head say under labels the layout knows: `label: value`, or in cells of one line.

    Several cells after a label are one text with tabs between. A line left to be filled in says nothing.
    """
    found: dict[str, str] = {}
    faults: list[Fault] = []
    for cells in islice(source.records(), max(head.row - 1, 0)):
        for name, text in _labels_of(cells, layout):
            if found.setdefault(name, text) != text:
                faults.append(Fault("ABOVE_TWICE", name))
    return found, tuple(faults)


def _labels_of(cells: Record, layout: Layout) -> Iterator[tuple[str, str]]:
    label, texts = "", list[str]()
    for cell in (*_texts(cells), None):
        before, colon, after = ("", "", "") if cell is None else cell.partition(":")
        meant = layout.meant(_NUMBERED.sub("", before)) if cell is not None else None
        if cell is None or (meant and layout.column(meant).above):
            if label and any(map(_says_something, texts)):
                yield label, "\t".join(filter(_says_something, texts))
            label, texts = meant or "", [after.strip()] if colon else []
        elif label:
            texts.append(cell.removeprefix(":").strip())


def _says_something(text: str) -> bool:
    return any(map(str.isalnum, text))


def _texts(cells: Record) -> Iterator[str]:
    return (cell.strip() for cell in cells if isinstance(cell, str) and cell.strip())
