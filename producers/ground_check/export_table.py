"""A table of an export, of visits or of persons: a CSV file, or a sheet of a workbook.

ODK writes CSV, Kobo both. Must not know questionnaires, nor which visit a person belongs to.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from producers.ground_check import columns
from producers.messages import Fault
from producers.tables.workbook import sheets_of
from producers.tables.written import Cell

_LARGEST: Final = 256 << 20
_LARGEST_WORKBOOK: Final = 32 << 20  # about ten times as much as CSV
_MOST_ROWS: Final = 1_000_000
WORKBOOK: Final = ".xlsx"


@dataclass(frozen=True, slots=True)
class Table:
    """A table's head and its rows that hold anything, each with its line or its row in the sheet."""

    path: Path
    heads: tuple[str, ...]
    rows: tuple[tuple[int, tuple[Cell, ...]], ...] = field(repr=False)

    def cell(self, cells: Sequence[Cell], wanted: Iterable[str]) -> str:
        """Return the first text that isn't blank under one of these heads, or an empty text."""
        places = (self.heads.index(head) for head in wanted if head in self.heads)
        found = (cells[at] for at in places if at < len(cells))
        return next((cell.strip() for cell in found if isinstance(cell, str) and cell.strip()), "")

    @property
    def of_persons(self) -> bool:
        """Whether its rows are persons, each naming its visit."""
        return any(head in self.heads for head in columns.PARENT)


def tables(path: Path) -> list[Table | Fault]:
    """Return the table of a CSV file, or those of a workbook's visible sheets; a fault where one can't be read."""
    book = path.suffix.lower() == WORKBOOK
    most = _LARGEST_WORKBOOK if book else _LARGEST
    if path.stat().st_size > most:
        return [Fault("SUBMISSION_TOO_LARGE", "", {"most": most})]
    return _of_sheets(path) if book else [_of_csv(path)]


def _of_sheets(path: Path) -> list[Table | Fault]:
    sheets = sheets_of(path)
    if isinstance(sheets, Fault):
        return [sheets]
    if sum(sheet.last_row for sheet in sheets) > _MOST_ROWS:
        return [Fault("FILE_TOO_LARGE")]
    return [_made(path, enumerate(sheet.records(), 1)) for sheet in sheets] or [Fault("EMPTY")]


def _of_csv(path: Path) -> Table | Fault:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        return Fault("ENCODING")
    first = text.split("\n", 1)[0]
    separator = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return _made(path, ((reader.line_num, cells) for cells in reader))
    except csv.Error:
        return Fault("TRUNCATED", "", {"row": reader.line_num})


def _made(path: Path, lines: Iterable[tuple[int, Sequence[Cell]]]) -> Table | Fault:
    rows = [(number, tuple(cells)) for number, cells in lines if any(map(_says_something, cells))]
    if not rows:
        return Fault("EMPTY")
    heads = tuple(cell.strip() if isinstance(cell, str) else "" for cell in rows[0][1])
    found = Table(path, heads, tuple(rows[1:]))
    return found if found.rows or found.of_persons else Fault("EMPTY_BELOW")


def _says_something(cell: Cell) -> bool:
    return not isinstance(cell, str) or bool(cell.strip())
