"""A file as a table: how it is written, its head and its rows as text. Nothing in it is repaired.

A fault of the whole file is a `FileFault` with a code. It must not know what a column means.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import charset_normalizer
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from producers.sik_ng import layout

_BOM: Final = b"\xef\xbb\xbf"
_DELIMITERS: Final = (",", ";", "\t", "|")
_ZIP: Final = b"PK"
_EXACT_INTEGER: Final = 10**15  # beyond it a spreadsheet's number has lost digits


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written, as detected; told to whoever sent it. A delimiter is empty for XLSX."""

    form: str
    encoding: str
    delimiter: str
    bom: bool


@dataclass(frozen=True, slots=True)
class NotText:
    """A cell of a spreadsheet that holds a number where digits can have been lost."""


Cell = str | NotText


@dataclass(frozen=True, slots=True)
class Table:
    """Head and rows; a row's number is the one a spreadsheet shows, the head is row 1."""

    dialect: Dialect
    head: tuple[str, ...]
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]


@dataclass(frozen=True, slots=True)
class FileFault:
    """Why nothing of the file can be read; never quotes a cell that isn't part of the head."""

    rule: str
    column: str
    explanation: str
    dialect: Dialect | None = None


def open_table(path: Path) -> Table | FileFault:
    """Return the file as a table, XLSX by its first bytes or its name, else CSV; raises OSError when it can't."""
    data = path.read_bytes()
    if not data.removeprefix(_BOM).strip():
        return FileFault("EMPTY", "", "the file is empty")
    if data.startswith(_ZIP) or path.suffix.lower() == ".xlsx":
        return _xlsx(data)
    return _csv(data)


def _csv(data: bytes) -> Table | FileFault:
    bom = data.startswith(_BOM)
    encoding, text = _decoded(data)
    if text is None:
        return FileFault("ENCODING", "", "the characters are in no encoding that is known")
    delimiter = _delimiter(text)
    dialect = Dialect("CSV", encoding, delimiter, bom)
    try:
        read: list[Sequence[Cell]] = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return FileFault("TRUNCATED", "", "a quoted cell doesn't end, or ends in the middle of a row", dialect)
    records = _without_trailing_blanks(read)
    table = _table(dialect, records)
    if isinstance(table, Table) and not text.endswith("\n") and len(records[-1]) < len(table.head):
        return FileFault("TRUNCATED", "", f"the file ends in the middle of row {len(records)}", dialect)
    return table


def _decoded(data: bytes) -> tuple[str, str | None]:
    """Return the encoding and the text: UTF-8 where it is that, else what the characters' statistics say."""
    try:
        return "utf-8", data.decode("utf-8-sig")
    except UnicodeDecodeError:
        best = charset_normalizer.from_bytes(data).best()
    return (best.encoding, str(best)) if best is not None else ("", None)


def _delimiter(text: str) -> str:
    """Return the delimiter under which the first line holds most of the layout's columns, a comma where none does."""
    first = text.split("\n", 1)[0].strip()
    known = set(layout.COLUMNS)
    return max(_DELIMITERS, key=lambda one: len(known & {cell.strip(' "') for cell in first.split(one)}))


def _xlsx(data: bytes) -> Table | FileFault:
    dialect = Dialect("XLSX", "utf-8", "", bom=False)
    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0)
        return _sheet(dialect, sheet)
    except CalamineError:  # the base of all that the library says of a file it can't read
        return FileFault("TRUNCATED", "", "the workbook ends before its directory, or is no workbook", dialect)


def _sheet(dialect: Dialect, sheet: CalamineSheet) -> Table | FileFault:
    merged = sheet.merged_cell_ranges
    if merged:
        (top, left), _ = merged[0]
        return FileFault("MERGED_CELLS", "", f"cells are merged from row {top + 1}, column {left + 1} on", dialect)
    records = [[_cell(value) for value in row] for row in sheet.to_python(skip_empty_area=False)]
    return _table(dialect, _without_trailing_blanks(records))


def _cell(value: Any) -> Cell:
    """Return what a spreadsheet's cell shows where that is certain: text, whole numbers, dates."""
    match value:
        case str():
            return value
        case None:
            return ""
        case datetime():
            return value.date().isoformat()
        case date():
            return value.isoformat()
        case int() | float() if not isinstance(value, bool) and abs(value) < _EXACT_INTEGER and value == int(value):
            return str(int(value))
        case _:
            return NotText()


def _without_trailing_blanks(records: Sequence[Sequence[Cell]]) -> list[Sequence[Cell]]:
    end = len(records)
    while end and not any(records[end - 1]):
        end -= 1
    return list(records[:end])


def _table(dialect: Dialect, records: Sequence[Sequence[Cell]]) -> Table | FileFault:
    if not records:
        return FileFault("EMPTY", "", "the file has no row", dialect)
    head = tuple([cell.strip() if isinstance(cell, str) else "" for cell in records[0]])
    missing = [name for name in layout.COLUMNS if name not in head]
    if len(missing) == len(layout.COLUMNS):
        return FileFault("HEADER_MISSING", "", "the first row names none of the columns", dialect)
    if missing:
        return FileFault("HEADER_INCOMPLETE", missing[0], f"the first row lacks {', '.join(missing)}", dialect)
    if len(set(head)) != len(layout.COLUMNS) or len(head) != len(layout.COLUMNS):
        return FileFault("HEADER_UNKNOWN", "", "the first row names a column twice, or one that isn't known", dialect)
    rows = tuple([(number, tuple(cells)) for number, cells in enumerate(records[1:], 2)])
    return Table(dialect, head, rows) if rows else FileFault("EMPTY", "", "there is no row under the head", dialect)
