"""The rows of one sheet of a workbook (XLSX), a row at a time: what each cell shows where that is certain.

Dates and whole numbers are text as a spreadsheet shows them; what is no text is a NotText, with its reason. Must not
know columns.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import IO, Final

from producers.tables.markup import Attributes, Damaged, Markup
from producers.tables.package import TooLarge
from producers.tables.strings import Runs, SharedStrings, unescaped
from producers.tables.written import Cell, NotText, letters

LAST_ROW: Final = 1_048_576
_COLUMNS: Final = {letters(place): place for place in range(16_384)}
_EXACT: Final = 10**15  # beyond it a spreadsheet's number has lost digits
_SURE_DIGITS: Final = 15
_MOST_TEXT: Final = 1 << 20  # characters of one row
_MOST_MERGED: Final = 100_000
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_RANGE: Final = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})(?::\$?([A-Z]{1,3})\$?([0-9]{1,7}))?")
_DIGITS: Final = "0123456789"
_LEAP: Final = 60  # 29 February 1900, a day that a spreadsheet counts and the calendar lacks
_LAST_DAY: Final = 2_958_465  # 31 December 9999
Numbered = tuple[int, list[Cell]]


class SheetRows:
    """Reads a sheet's part; `merged` holds (first row, last row, first column's place) once it was read."""

    def __init__(self, shared: SharedStrings | None, dates: frozenset[str], *, since_1904: bool) -> None:
        self.merged: list[tuple[int, int, int]] = []
        self._shared, self._dates = shared, dates
        self._epoch = date(1904, 1, 1) if since_1904 else date(1899, 12, 30)
        self._since_1904 = since_1904
        self._ready: list[Numbered] = []
        self._row = 0
        self._cells: list[Cell] | None = None
        self._length = 0
        self._place, self._kind, self._style = -1, "n", ""
        self._value: str | None = None
        self._formula = False
        self._show: dict[str, Callable[[str], Cell]] = {
            "n": self._number,
            "s": self._text,
            "str": unescaped,
            "d": lambda value: value[: len("2025-01-15")],
            "e": lambda _: NotText(rule="CELL_ERROR"),
        }
        self._runs = Runs()
        self._markup = self._runs.markup = Markup(
            {
                "row": self._row_start,
                "c": self._cell_start,
                "v": self._value_start,
                "f": self._formula_start,
                "t": self._runs.begin,
                "rPh": self._runs.phonetic,
                "mergeCell": self._merge,
            },
            {
                "row": self._row_end,
                "c": self._cell_end,
                "v": self._value_end,
                "t": self._runs.end,
                "rPh": self._runs.spoken,
            },
        )

    def read(self, part: IO[bytes]) -> Iterator[Numbered]:
        """Yield each row that holds anything, with its number, blank cells at its end left out; raises Damaged."""
        for _ in self._markup.read(part):
            yield from self._ready
            self._ready.clear()

    def _row_start(self, said: Attributes) -> None:
        number = said.get("r")
        at = self._row + 1 if number is None else int(number) if number.isascii() and number.isdigit() else 0
        if not self._row < at <= LAST_ROW or self._cells is not None:
            raise Damaged("rows out of their order")
        self._row, self._cells, self._place, self._length = at, [], -1, 0

    def _row_end(self) -> None:
        if self._cells:
            self._ready.append((self._row, self._cells))
        self._cells = None

    def _cell_start(self, said: Attributes) -> None:
        ref = said.get("r")
        self._place = self._place + 1 if ref is None else self._at(ref)
        self._kind, self._style = said.get("t", "n"), said.get("s", "")
        self._value, self._formula = None, False
        if self._runs.parts:
            self._runs.drop()

    def _at(self, ref: str) -> int:
        column = ref.rstrip(_DIGITS)
        if column not in _COLUMNS or ref[len(column) :] != str(self._row):
            raise Damaged("a cell outside its row")
        return _COLUMNS[column]

    def _value_start(self, _: Attributes) -> None:
        self._markup.text.clear()
        self._markup.inside = True

    def _value_end(self) -> None:
        text = self._markup.text
        self._value = text[0] if len(text) == 1 else "".join(text)
        self._markup.inside = False

    def _formula_start(self, _: Attributes) -> None:
        self._formula = True

    def _cell_end(self) -> None:
        cells = self._cells
        if cells is None:
            raise Damaged("a cell outside any row")
        cell = self._shown()
        if cell.__class__ is str:
            if not cell:
                return
            self._length += len(cell)
            if self._length > _MOST_TEXT:
                raise TooLarge
        if self._place == len(cells):
            cells.append(cell)
        else:
            self._put(cells, cell)

    def _put(self, cells: list[Cell], cell: Cell) -> None:
        """Put a cell before or beyond the last one of its row."""
        place = self._place
        if place >= len(_COLUMNS):
            raise Damaged("a cell beyond the last column")
        cells.extend([""] * (place + 1 - len(cells)))
        if cells[place]:
            raise Damaged("two cells in one place")
        cells[place] = cell

    def _shown(self) -> Cell:
        value, kind = self._value, self._kind
        if kind == "inlineStr":
            return unescaped(self._runs.taken())
        if value is None:
            return NotText(rule="FORMULA_UNCOMPUTED") if self._formula else ""
        show = self._show.get(kind)
        return NotText() if show is None else show(value)

    def _text(self, value: str) -> str:
        if self._shared is None or not (value.isascii() and value.strip().isdigit()):
            raise Damaged("a cell names a text that isn't there")
        return self._shared[int(value[:_SURE_DIGITS])]

    def _number(self, value: str) -> Cell:
        if self._style in self._dates:
            return self._day(value)
        if value.isascii() and value.isdigit() and len(value) <= _SURE_DIGITS:
            return value.lstrip("0") or "0"
        if not value.strip():
            return NotText(rule="FORMULA_UNCOMPUTED") if self._formula else ""
        if _NUMBER.fullmatch(value.strip()) is None:
            return NotText()
        number = float(value)
        if abs(number) >= _EXACT:
            return NotText()
        return str(int(number)) if number == int(number) else NotText(number)

    def _day(self, value: str) -> Cell:
        """Return the day of a date or a time of a day; a time without a day is no text."""
        if _NUMBER.fullmatch(value) is None or not 0 < float(value) < _LAST_DAY + 1:
            return NotText()
        serial = int(float(value))
        if not self._since_1904:
            if serial in {0, _LEAP}:
                return NotText()
            serial += serial < _LEAP
        return (self._epoch + timedelta(serial)).isoformat()

    def _merge(self, said: Attributes) -> None:
        found = _RANGE.fullmatch(said.get("ref", ""))
        if found is None or found[1] not in _COLUMNS:
            raise Damaged("merged cells that are no range")
        if len(self.merged) >= _MOST_MERGED:
            raise TooLarge
        first, last = int(found[2]), int(found[4] or found[2])
        self.merged.append((min(first, last), max(first, last), _COLUMNS[found[1]]))
