"""Finds the head of a table: one line that names its columns, or two, a group's name above those of its columns.

Below it a line may number the columns. Must not know what a column means, nor files.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from producers.tables.layout import Layout, spelled
from producers.tables.written import Record

_LEAST_NUMBERED: Final = 3
_COLUMN_NUMBER: Final = re.compile(r"\(?([0-9]{1,3})\)?")


@dataclass(frozen=True, slots=True)
class Head:
    """A head: its first row and its last, the columns meant by its cells, its cells as printed.

    `score` is how many columns it names that aren't said above a table.
    """

    row: int
    last: int
    names: tuple[str, ...]
    printed: tuple[str, ...]
    score: int


def head_among(lines: Sequence[Record], layout: Layout, most: int) -> Head:
    """Return the first of so many lines that names most of the columns; score 0 where none names any.

    Two lines are one head where they name more than either alone and the lower one holds nothing but heads: a row of
    data is never taken for a part of the head.
    """
    best = Head(0, 0, (), (), 0)
    texts = [_texts(line) for line in lines]
    for number, line in enumerate(texts[:most], 1):
        best = _better(best, _head(number, number, line, layout))
    for number, (upper, lower) in enumerate(pairwise(texts), 1):
        both = list(_both(upper, lower, layout))
        if None not in both:
            best = _better(best, _head(number, number + 1, [one or "" for one in both], layout))
    return best


def numbers_columns(cells: Record) -> bool:
    """Tell whether the cells number their columns: 1, 2, 3 or (1), (2), (3), to the last of them."""
    found = [_COLUMN_NUMBER.fullmatch(text) for text in _texts(cells)]
    return len(found) >= _LEAST_NUMBERED and all(
        one is not None and int(one[1]) == place for place, one in enumerate(found, 1)
    )


def _better(best: Head, other: Head) -> Head:
    return other if other.score > best.score else best


def _texts(cells: Record) -> list[str]:
    return [cell.strip() if isinstance(cell, str) else "" for cell in cells]


def _head(first: int, last: int, printed: Sequence[str], layout: Layout) -> Head:
    names = tuple([(layout.meant(cell) or "") if cell else "" for cell in printed])
    score = len({name for name in names if name and not layout.column(name).above})
    return Head(first, last, names, tuple(printed), score)


def _both(upper: Sequence[str], lower: Sequence[str], layout: Layout) -> Iterator[str | None]:
    """Yield what two lines say in each place together; None where the lower one holds what is no head."""
    group = ""
    for place in range(max(len(upper), len(lower))):
        above = upper[place] if place < len(upper) else ""
        below = lower[place] if place < len(lower) else ""
        group = above or group
        if not below:
            yield above
        else:
            yield next((one for one in (f"{group} {below}", below) if _known(one, layout)), None)


def _known(printed: str, layout: Layout) -> bool:
    return layout.meant(printed) is not None or spelled(printed) in layout.aside
