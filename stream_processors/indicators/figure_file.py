"""Reads figures.toml: which indicators there are over the counts, and from which count on what is published is small.

Every row is held to the counts it names when it is read. Pure given the file; must not know any stream.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

from stream_processors.indicators import definitions

Kind = Literal["share", "ratio", "count"]


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a formula: a count's classes (all where none is named), or why nothing tells it.

    Of a count by year, `programme` names the classes of one programme in the figure's year.
    """

    count: str = ""
    classes: tuple[str, ...] = ()
    age_from: int = 0
    programme: str = ""
    not_counted: str = ""

    def holds(self, category: str, year: int) -> bool:
        """Tell whether a class is of this term; an age is reached within the year."""
        if self.age_from:
            return int(category) <= year - self.age_from
        if self.programme:
            return category == f"{self.programme}/{year}"
        return not self.classes or category in self.classes


@dataclass(frozen=True, slots=True)
class Definition:
    """One indicator: what it is of, in which unit and at which level, and whence."""

    id: str
    name: str
    kind: Kind
    unit: str
    counted: str
    level: str
    period: str
    source: str
    numerator: Term
    denominator: Term | None
    classes: Mapping[str, str]
    deviations: tuple[str, ...]

    @property
    def terms(self) -> tuple[Term, ...]:
        """Numerator and, of a ratio, denominator."""
        return (self.numerator,) if self.denominator is None else (self.numerator, self.denominator)

    @property
    def not_counted(self) -> str:
        """Why it can't be counted; empty where it can."""
        return next((one.not_counted for one in self.terms if one.not_counted), "")


@dataclass(frozen=True, slots=True)
class Definitions:
    """All indicators of one version, and the smallest count that is published."""

    version: str
    threshold: int
    figures: tuple[Definition, ...]

    def named(self, name: str) -> Definition | None:
        """Return the indicator with this id."""
        return next((one for one in self.figures if one.id == name), None)


def read(text: str) -> Definitions:
    """Return what a text defines; a row that names no count, another unit or a finer level raises ValueError."""
    data = tomllib.loads(text)
    version = f"{definitions.VERSION}.{data['version']}"
    return Definitions(version, data["public"]["threshold"], tuple(_definition(row) for row in data["figure"]))


@cache
def shipped() -> Definitions:
    """Return the definitions of figures.toml."""
    return read(files("stream_processors.indicators").joinpath("figures.toml").read_text(encoding="utf-8"))


def _definition(row: Mapping[str, Any]) -> Definition:
    found = Definition(
        **{name: row[name] for name in ("id", "name", "kind", "unit", "counted", "level", "period", "source")},
        numerator=_term(row["numerator"]),
        denominator=_term(row["denominator"]) if "denominator" in row else None,
        classes=MappingProxyType(row.get("classes", {})),
        deviations=tuple(row.get("deviations", ())),
    )
    for term in found.terms:
        if not term.not_counted:
            _fits(found, definitions.COUNTS.get(term.count))
    if (found.kind == "ratio") != (found.denominator is not None):
        raise ValueError(f"{found.id}: a ratio has a denominator, and nothing else has")
    return found


def _fits(found: Definition, count: definitions.Count | None) -> None:
    if count is None:
        raise ValueError(f"{found.id}: a term names a count of counts.toml")
    if count.unit != found.counted:
        raise ValueError(f"{found.id}: counts {found.counted}, and {count.name} counts {count.unit}")
    if definitions.LEVELS[found.level] > definitions.LEVELS[count.level]:
        raise ValueError(f"{found.id}: {count.name} is counted at {count.level}, no finer")


def _term(row: Mapping[str, Any]) -> Term:
    values: dict[str, Any] = {**row, "classes": tuple(row.get("classes", ()))}
    return Term(**values)
