"""A file of separated values, read a record at a time. Must not know what a column means."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from producers.messages import Fault
from producers.tables.encoding import Encoding, encoding_of
from producers.tables.layout import Layout
from producers.tables.written import Dialect, Record

DELIMITERS: Final = (",", ";", "\t", "|")
_FIRST_LINES: Final = 30
_LINE_BYTES: Final = 1 << 16
_TAIL: Final = 4


@dataclass(slots=True)
class CsvFile:
    """How the file is written, and once surveyed, where its last row that isn't blank stands."""

    path: Path
    encoding: Encoding
    delimiter: str
    last_row: int = 0
    merged: tuple[tuple[int, int, int], ...] = ()
    _last_width: int = field(default=0, repr=False)

    @classmethod
    def of(cls, path: Path, layout: Layout) -> "CsvFile | Fault":
        """Return the file, or why its characters can't be read."""
        encoding = encoding_of(path)
        if isinstance(encoding, str):
            return Fault(encoding)
        return cls(path, encoding, _delimiter(path, encoding, layout))

    @property
    def dialect(self) -> Dialect:
        """How the file is written."""
        return Dialect("CSV", self.encoding.name, self.delimiter, self.encoding.bom)

    def records(self) -> Iterator[Record]:
        """Yield the records; a quote that doesn't end is a csv.Error, which the survey has ruled out."""
        with self.path.open(encoding=self.encoding.codec, newline="") as file:
            yield from csv.reader(file, delimiter=self.delimiter, strict=True)

    def survey(self) -> Fault | None:
        """Go through the whole file; return why it can't be read to its end."""
        number = 0
        try:
            for number, cells in enumerate(self.records(), 1):
                if any(map(str.strip, cells)):  # type: ignore[arg-type]  # a record of this file is text
                    self.last_row, self._last_width = number, len(cells)
        except csv.Error:
            return Fault("TRUNCATED", "", {"row": number + 1})
        return None

    def broken_off(self, width: int) -> bool:
        """Tell whether the file ends in the middle of a row of this width: too short, and no line's end after it."""
        with self.path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL))
            tail = file.read().rstrip(b"\x00")
        return self._last_width < width and not tail.endswith((b"\n", b"\r"))

    def end_of_merged(self, row: int) -> int:
        """Return the row itself: no cells are merged in such a file."""
        return row


def _delimiter(path: Path, encoding: Encoding, layout: Layout) -> str:
    """Return the delimiter under which one of the first lines names most of the layout's columns."""
    with path.open(encoding=encoding.codec, newline="") as file:
        lines = list(islice(iter(lambda: file.readline(_LINE_BYTES), ""), _FIRST_LINES))
    return max(DELIMITERS, key=lambda one: max((_known(line.split(one), layout) for line in lines), default=0))


def _known(cells: list[str], layout: Layout) -> int:
    return len({layout.meant(cell.strip(' "\r\n\ufeff')) for cell in cells} - {None})
