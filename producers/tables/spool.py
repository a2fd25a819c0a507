"""Records that were read once and are asked for again, sealed outside memory. Must not know what a cell means."""

import json
from array import array
from collections.abc import Iterator
from typing import Any, Final

from producers.tables.scratch import Scratch
from producers.tables.written import Cell, NotText, Record

_ROWS: Final = 256
_CHARACTERS: Final = 1 << 18
_FIRST_LINES: Final = 30  # those in which a head may stand: a row is at least as wide as they are


class Spool:
    """Rows by their numbers, from 1, without those at the end that hold nothing; read as often as one likes."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._blocks = array("Q")
        self._open: list[str] = []
        self._held = self.count = self._width = 0

    def put(self, number: int, cells: list[Cell]) -> None:
        """Keep a row, after those before it; numbers between hold nothing. A row of blanks alone is not kept."""
        if all(isinstance(cell, str) and not cell.strip() for cell in cells):
            return
        while self.count < number - 1:
            self._add("[]")
        self._add(json.dumps(cells, default=plain))
        if number <= _FIRST_LINES:
            self._width = max(self._width, len(cells))

    def close(self) -> None:
        """Keep what is still open; rows are asked for afterwards."""
        if self._open:
            self._blocks.append(self._scratch.put(f"[{','.join(self._open)}]".encode()))
            self._open, self._held = [], 0

    def records(self) -> Iterator[Record]:
        """Yield each row from the first on, blank cells where it ends before the widest of the first lines."""
        for block in self._blocks:
            for cells in json.loads(self._scratch.get(block), object_hook=cell_of):
                if len(cells) < self._width:
                    cells.extend([""] * (self._width - len(cells)))
                yield cells

    def _add(self, record: str) -> None:
        self.count += 1
        self._open.append(record)
        self._held += len(record)
        if len(self._open) >= _ROWS or self._held >= _CHARACTERS:
            self.close()


def plain(cell: Any) -> dict[str, Any]:
    """Return a cell that is no text as JSON has it."""
    return {"number": cell.number, "rule": cell.rule}


def cell_of(said: dict[str, Any]) -> NotText:
    """Return the cell that is no text from what JSON has of it."""
    return NotText(**said)
