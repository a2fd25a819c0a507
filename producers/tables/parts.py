"""Rows laid out in parts, sealed outside memory, so that each part can be held by itself. Must not know columns."""

import json
from array import array
from collections.abc import Iterator
from typing import Final

from producers.tables.scratch import Scratch
from producers.tables.spool import cell_of, plain
from producers.tables.written import Record

_HELD: Final = 2 << 20  # characters over all parts
_LEAST: Final = 4 << 10


class Parts:
    """So many parts of rows; each part's rows come back in the order they were put."""

    def __init__(self, count: int, scratch: Scratch) -> None:
        self.count = count
        self._scratch = scratch
        self._most = max(_LEAST, _HELD // count)
        self._blocks = [array("Q") for _ in range(count)]
        self._open: list[list[str]] = [[] for _ in range(count)]
        self._held = [0] * count

    def put(self, part: int, number: int, cells: Record) -> None:
        """Keep a row with its number in a part."""
        row = json.dumps((number, cells), default=plain)
        self._open[part].append(row)
        self._held[part] += len(row)
        if self._held[part] >= self._most:
            self._blocks[part].append(self._scratch.put(f"[{','.join(self._open[part])}]".encode()))
            self._open[part], self._held[part] = [], 0

    def rows(self, part: int) -> Iterator[tuple[int, Record]]:
        """Yield the rows of a part, each with its number."""
        for block in self._blocks[part]:
            yield from json.loads(self._scratch.get(block), object_hook=cell_of)
        yield from json.loads(f"[{','.join(self._open[part])}]", object_hook=cell_of)
