"""How a file is written, and what a cell can hold. Must not know columns."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written, as detected; told to whoever sent it. A delimiter is empty for a workbook."""

    form: str
    encoding: str
    delimiter: str
    bom: bool


@dataclass(frozen=True, slots=True)
class NotText:
    """A cell of a workbook that holds no text: a fraction, a truth value, a number whose digits may be lost.

    `number` is its value where it is a finite fraction; a column of decimals takes it, no other does. `rule` is the
    code of what is wrong with the cell.
    """

    number: float | None = field(default=None, repr=False)
    rule: str = "NUMBER_FORMAT"


Cell = str | NotText
Record = Sequence[Cell]


def letters(place: int) -> str:
    """Return the letters a spreadsheet shows for the column at this place, from 0: A, ..., Z, AA."""
    found = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        found = chr(ord("A") + rest) + found
    return found
