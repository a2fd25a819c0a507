"""A workbook (XLSX, XLS) as sheets of records. Must not know what a column means.

The reader holds a whole sheet, in native memory: what would fill the machine is refused before it is opened.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, SheetVisibleEnum

from producers.messages import Fault
from producers.tables.written import Cell, Dialect, NotText, Record

_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_EXACT_INTEGER: Final = 10**15  # beyond it a spreadsheet's number has lost digits
_MOST_BYTES: Final = 2 << 30
_MOST_CELLS: Final = 16_000_000  # about 1.5 GB, as measured: 95 bytes a cell
_CHUNK: Final = 1 << 20
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
)
_PLACE: Final = re.compile(rb'r="([A-Z]{1,3})([0-9]{1,7})"')


@dataclass(slots=True)
class Sheet:
    """One sheet; rows of merged cells as (first row, last row, first column's place), apart and in order."""

    sheet: CalamineSheet
    dialect: Dialect
    merged: tuple[tuple[int, int, int], ...] = ()
    last_row: int = field(default=0)

    def records(self) -> Iterator[Record]:
        """Yield the records from the sheet's first row on, blank leading columns too."""
        left = [""] * (self.sheet.start[1] if self.sheet.start else 0)
        for values in self.sheet.iter_rows():
            yield [*left, *map(_cell, values)]

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
    fault = _too_large(path)
    if fault is not None:
        return fault
    try:
        book = CalamineWorkbook.from_path(str(path))
        dialect = Dialect("XLSX" if zipfile.is_zipfile(path) else "XLS", "utf-8", "", bom=False)
        shown = [one.name for one in book.sheets_metadata if one.visible is SheetVisibleEnum.Visible]
        sheets = [_surveyed(book.get_sheet_by_name(name), dialect) for name in shown]
    except PasswordError:
        return Fault("PASSWORD")
    except CalamineError:  # the base of all that the library says of a file it can't read
        return Fault("WORKBOOK")
    return [sheet for sheet in sheets if sheet.last_row]


def _surveyed(sheet: CalamineSheet, dialect: Dialect) -> Sheet:
    found = Sheet(sheet, dialect)
    for number, cells in enumerate(found.records(), 1):
        if any(not isinstance(cell, str) or cell.strip() for cell in cells):
            found.last_row = number
    found.merged = _apart(sheet, found.last_row)
    return found


def _apart(sheet: CalamineSheet, last_row: int) -> tuple[tuple[int, int, int], ...]:
    """Return the rows that merged cells cover, overlapping ranges joined."""
    merged = sheet.merged_cell_ranges or ()
    ranges = sorted((top + 1, min(bottom + 1, last_row), left) for (top, left), (bottom, _) in merged)
    joined: list[tuple[int, int, int]] = []
    for top, bottom, left in ranges:
        if joined and top <= joined[-1][1]:
            first, last, place = joined[-1]
            joined[-1] = (first, max(last, bottom), min(place, left))
        else:
            joined.append((top, bottom, left))
    return tuple(joined)


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


def _too_large(path: Path) -> Fault | None:
    """Return a fault where a sheet would fill the memory: by its bytes, or by cells that stand far apart."""
    if not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as book:
            if sum(one.file_size for one in book.infolist()) > _MOST_BYTES:
                return Fault("FILE_TOO_LARGE")
            for one in book.infolist():
                if one.filename.startswith("xl/worksheets/") and _cells_spanned(book, one) > _MOST_CELLS:
                    return Fault("FILE_TOO_LARGE")
    except _BROKEN_ARCHIVE:
        return Fault("WORKBOOK")
    return None


def _cells_spanned(book: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Return how many cells lie between the first cell of a sheet and its furthest column and row."""
    columns, rows, rest = 0, 0, b""
    with book.open(member) as sheet:
        while chunk := sheet.read(_CHUNK):
            found = _PLACE.findall(rest + chunk)
            if found:
                columns = max(columns, *map(_place, {column for column, _ in found}))
                rows = max(rows, int(max((row for _, row in found), key=int)))
            rest = chunk[-16:]
    return columns * rows


def _place(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number
