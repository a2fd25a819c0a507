"""A workbook that gives a file back to be mended: its rows as they were sent, each fault as a comment on its cell.

The heads are those of the layout, so that the mended workbook can be sent as it is. It holds what the file holds: it is
for whoever sent the file, readable by its owner alone; while it is made, its parts lie in the same folder and nowhere
else. Must not know sources.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill

from producers.report import FIELDS, Line
from producers.tables import Layout, Table
from producers.tables.written import Cell

_AUTHOR: Final = "Jejak"
_FILL: Final = {
    "reject": PatternFill("solid", fgColor="FFC7CE"),
    "warn": PatternFill("solid", fgColor="FFEB9C"),
    "flag": PatternFill("solid", fgColor="DDEBF7"),
}
_LIST: Final = "Kesalahan"
_LONGEST: Final = 32_767  # what a cell of a workbook takes


def write(path: Path, layout: Layout, table: Table | None, lines: Iterable[Line]) -> None:
    """Write the workbook; without a table (the file as a whole is refused) it has the heads and the list of faults."""
    found = list(lines)
    by_row: dict[int, list[Line]] = defaultdict(list)
    for line in found:
        by_row[line.row].append(line)
    book = Workbook(write_only=True)
    with _parts_beside(path):
        _table(book.create_sheet(layout.source[:31]), layout, table, by_row)
        _faults(book.create_sheet(_LIST), found)
        path.touch(mode=0o600)
        path.chmod(0o600)
        book.save(path)


@contextmanager
def _parts_beside(path: Path) -> Iterator[None]:
    """Have the library write its unfinished parts, plain rows, into a folder beside the file that ends with them."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        before, tempfile.tempdir = tempfile.tempdir, folder
        try:
            yield
        finally:
            tempfile.tempdir = before


def _table(sheet: Any, layout: Layout, table: Table | None, by_row: dict[int, list[Line]]) -> None:
    names = _heads(layout, table)
    if table is not None:
        for label, text in _above(table):
            sheet.append([_text(sheet, label), _text(sheet, text)])
    sheet.append([_text(sheet, name) for name in names])
    for number, cells in table.rows() if table is not None else ():
        sheet.append(_commented(sheet, names, cells, by_row.get(number, ())))


def _heads(layout: Layout, table: Table | None) -> list[str]:
    if table is None:
        return [column.name for column in layout.columns if not column.above]
    return [name or printed for name, printed in zip(table.names, table.head, strict=True)]


def _above(table: Table) -> Iterable[tuple[str, str]]:
    for name, value in table.above_printed.items():
        yield f"{name}:", value


def _commented(sheet: Any, names: Sequence[str], cells: Sequence[Cell], lines: Sequence[Line]) -> list[Any]:
    made = [_text(sheet, cell if isinstance(cell, str) else _shown(cell.number)) for cell in cells]
    made += [_text(sheet, "") for _ in range(len(names) - len(made))]
    said: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        said[names.index(line.column) if line.column in names else 0].append(line)
    for place, found in said.items():
        text = "\n\n".join(f"{line.rule}: {line.penjelasan}\n{line.explanation}" for line in found)
        made[place].comment = Comment(text, _AUTHOR, width=320, height=120)
        made[place].fill = _FILL[found[0].severity]
    return made


def _shown(number: float | None) -> str:
    return "" if number is None else str(number)


def _text(sheet: Any, text: str) -> Any:
    """Return a cell that holds the text as text: never a formula, and never a number whose digits are lost."""
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\ufffd", text)[:_LONGEST])
    cell.data_type = "s"
    cell.number_format = "@"
    return cell


def _faults(sheet: Any, lines: Iterable[Line]) -> None:
    sheet.append([_text(sheet, name) for name in FIELDS])
    for line in lines:
        row = line.as_row()
        sheet.append([row[name] if name == "row" else _text(sheet, row[name]) for name in FIELDS])
