"""A workbook (XLSX, XLS) as sheets of records. Must not know what a column means.

XLSX is gone through once, a piece at a time; its rows then wait sealed outside memory (scratch.py), however many they
are. XLS ends at 65,536 rows and is held as a whole.
"""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, SheetVisibleEnum

from producers.messages import Fault
from producers.tables import package
from producers.tables.markup import Damaged
from producers.tables.package import Package, TooLarge
from producers.tables.scratch import Scratch
from producers.tables.sheet import SheetRows
from producers.tables.spool import Spool
from producers.tables.strings import SharedStrings, shared_strings
from producers.tables.written import Cell, Dialect, NotText, Record

_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_EXACT_INTEGER: Final = 10**15  # beyond it a spreadsheet's number has lost digits
_MOST_XLS_BYTES: Final = 256 << 20
_FARTHEST: Final = 10_000  # blank rows between two that hold something
# All that reading a damaged or locked archive raises.
_BROKEN_ARCHIVE: Final = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    Damaged,
)
Merged = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet; rows of merged cells as (first row, last row, first column's place), apart and in order."""

    rows: "Spool | _Xls"
    dialect: Dialect
    merged: Merged
    last_row: int

    def records(self) -> Iterator[Record]:
        """Yield the records from the sheet's first row on, blank leading columns too."""
        return self.rows.records()

    def broken_off(self, _width: int) -> bool:
        """Tell that a workbook never ends within a row: its directory stands at its end."""
        return False

    def end_of_merged(self, row: int) -> int:
        """Return the last row of the cells that are merged from this row down."""
        return max((last for first, last, _ in self.merged if first <= row <= last), default=row)


def is_workbook(path: Path) -> bool:
    """Tell whether the file is a workbook by its first bytes, or by its name calls itself one."""
    with path.open("rb") as file:
        start = file.read(len(_OLE))
    return bool(start) and (start.startswith((_ZIP, _OLE)) or path.suffix.lower() in {".xlsx", ".xls"})


def sheets_of(path: Path) -> list[Sheet] | Fault:
    """Return the visible sheets that hold anything, or why the workbook can't be read."""
    return _xlsx(path) if zipfile.is_zipfile(path) else _xls(path)


def _xlsx(path: Path) -> list[Sheet] | Fault:
    try:
        found = package.opened(path)
        with closing(found.file):
            return list(_spooled(found))
    except TooLarge:
        return Fault("FILE_TOO_LARGE")
    except _BROKEN_ARCHIVE:
        return Fault("WORKBOOK")


def _spooled(found: Package) -> Iterator[Sheet]:
    scratch, dialect = Scratch(), Dialect("XLSX", "utf-8", "", bom=False)
    shared: SharedStrings | None = None
    if found.strings is not None:
        with found.file.open(found.strings) as part:
            shared = shared_strings(part, scratch)
    for member in found.sheets:
        rows, spool = SheetRows(shared, found.dates, since_1904=found.since_1904), Spool(Scratch())
        with found.file.open(member) as part:
            for number, cells in rows.read(part):
                if number - spool.count > _FARTHEST:
                    raise TooLarge
                spool.put(number, cells)
        spool.close()
        if spool.count:
            yield Sheet(spool, dialect, _apart(rows.merged, spool.count), spool.count)


def _apart(ranges: list[tuple[int, int, int]], last_row: int) -> Merged:
    """Return the rows that merged cells cover, overlapping ranges joined."""
    joined: list[tuple[int, int, int]] = []
    for top, bottom, left in sorted((first, min(last, last_row), left) for first, last, left in ranges):
        if joined and top <= joined[-1][1]:
            first, last, place = joined[-1]
            joined[-1] = (first, max(last, bottom), min(place, left))
        elif top <= bottom:
            joined.append((top, bottom, left))
    return tuple(joined)


@dataclass(frozen=True, slots=True)
class _Xls:
    """A sheet of an old workbook, held by its library."""

    sheet: CalamineSheet

    def records(self) -> Iterator[Record]:
        left = [""] * (self.sheet.start[1] if self.sheet.start else 0)
        for values in self.sheet.iter_rows():
            yield [*left, *map(_cell, values)]


def _xls(path: Path) -> list[Sheet] | Fault:
    if path.stat().st_size > _MOST_XLS_BYTES:
        return Fault("FILE_TOO_LARGE")
    try:
        book = CalamineWorkbook.from_path(str(path))
        shown = [one.name for one in book.sheets_metadata if one.visible is SheetVisibleEnum.Visible]
        sheets = [_held(book.get_sheet_by_name(name)) for name in shown]
    except PasswordError:
        return Fault("PASSWORD")
    except CalamineError:  # the base of all that the library says of a file it can't read
        return Fault("WORKBOOK")
    return [sheet for sheet in sheets if sheet.last_row]


def _held(sheet: CalamineSheet) -> Sheet:
    rows, last_row = _Xls(sheet), 0
    for number, cells in enumerate(rows.records(), 1):
        if any(not isinstance(cell, str) or cell.strip() for cell in cells):
            last_row = number
    ranges = [(top + 1, bottom + 1, left) for (top, left), (bottom, _) in sheet.merged_cell_ranges or ()]
    return Sheet(rows, Dialect("XLS", "utf-8", "", bom=False), _apart(ranges, last_row), last_row)


def _cell(value: Any) -> Cell:
    """Return what a spreadsheet's cell shows where that is certain: text, whole numbers, dates."""
    if isinstance(value, str):
        return value
    match value:
        case None:
            return ""
        case datetime() | date():
            return value.isoformat()[:10]
        case bool():
            return NotText()
        case int() | float() if abs(value) < _EXACT_INTEGER:  # neither an infinity nor what is no number
            return str(int(value)) if value == int(value) else NotText(value)
        case _:
            return NotText()
