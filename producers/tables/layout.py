"""The columns of a source as data: their names and synonyms, what each holds, what a shift of columns looks like.

Read from a TOML file in `producers/layouts`. Must not know files or rows; kinds.py has the kinds of cells there are.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from producers.tables.written import Record

_LAYOUTS: Final = files("producers.layouts")
_NOT_LETTERS: Final = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `also` are heads that mean it; `above` says it may stand above the head, once for the whole table.

    A column that isn't `required` may be missing; a cell that isn't `filled` may be blank. `codes` maps a printed code
    to the code meant; `first` and `last` bound a whole number, which `words` may say instead; `form` is what its
    cells look like, to see a shift.
    """

    name: str
    kind: str
    also: tuple[str, ...] = ()
    required: bool = True
    filled: bool = True
    above: bool = False
    codes: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, int] = field(default_factory=dict)
    first: int | None = None
    last: int | None = None
    form: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """A source's columns and the formats of its numbers and dates; both may be set anew for one table."""

    source: str
    columns: tuple[Column, ...]
    dates: tuple[str, ...]
    numbers: str
    aside: frozenset[str]
    totals: frozenset[str]
    shift: int
    names: Mapping[str, str] = field(repr=False)

    def column(self, name: str) -> Column:
        """Return the column with this name; a name the layout lacks is a fault."""
        return next(one for one in self.columns if one.name == name)

    def meant(self, printed: str) -> str | None:
        """Return the column a printed head means, None when the layout knows no such head."""
        return self.names.get(spelled(printed))

    def looks_shifted(self, names: Sequence[str], cells: Record) -> bool:
        """Tell whether the cells fit their columns better when moved by one place, to the left or to the right."""
        texts = [cell if isinstance(cell, str) else "" for cell in cells]
        forms = [self.column(name).form if name else None for name in names]
        as_is = _fits(forms, texts)
        return any(_fits(forms, moved) >= as_is + self.shift for moved in (["", *texts[:-1]], [*texts[1:], ""]))


def spelled(printed: str) -> str:
    """Return a head or label as it is compared: letters and digits alone, in lower case, one space between words."""
    return _NOT_LETTERS.sub(" ", printed).strip().casefold()


@cache
def layout(source: str) -> Layout:
    """Return the layout of a source; a file that is no layout is a fault."""
    return parsed(tomllib.loads((_LAYOUTS / f"{source.replace('-', '_')}.toml").read_text("utf-8")))


def parsed(table: Mapping[str, Any]) -> Layout:
    """Return the layout that a TOML document says; two columns with one head are a ValueError."""
    columns = tuple(_column(one) for one in table["column"])
    names: dict[str, str] = {}
    for column in columns:
        for head in dict.fromkeys(spelled(one) for one in (column.name, *column.also)):
            if head in names:
                raise ValueError(f"{table['source']}: {head!r} means both {names[head]} and {column.name}")
            names[head] = column.name
    return Layout(
        source=table["source"],
        columns=columns,
        dates=tuple(table["dates"]),
        numbers=table["numbers"],
        aside=frozenset(spelled(one) for one in table.get("aside", ())),
        totals=frozenset(spelled(one) for one in table.get("totals", ())),
        shift=table.get("shift", 5),
        names=MappingProxyType(names),
    )


def _column(said: Mapping[str, Any]) -> Column:
    given = dict(said)
    codes = given.pop("codes", {})
    if not isinstance(codes, Mapping):
        codes = {one: [] for one in codes}
    form, words = given.pop("form", None), given.pop("words", {})
    return Column(
        codes=MappingProxyType({spelled(word): code for code, words in codes.items() for word in (code, *words)}),
        words=MappingProxyType(_words(words)),
        form=re.compile(form) if form else None,
        also=tuple(given.pop("also", ())),
        **given,
    )


def _words(said: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the code that each word says; a word of two codes is a ValueError."""
    found: dict[str, int] = {}
    for code, words in said.items():
        for word in words:
            if found.setdefault(spelled(word), int(code)) != int(code):
                raise ValueError(f"{word!r} says two codes")
    return found


def _fits(forms: Sequence[re.Pattern[str] | None], cells: Sequence[str]) -> int:
    pairs = zip(forms, cells, strict=False)
    return sum(form is not None and form.fullmatch(cell) is not None for form, cell in pairs)
