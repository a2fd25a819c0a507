"""What is counted: the counts of counts.toml, each with unit, level and source, over the closed list of measures.

Families and persons never share a counter (domain guide 1 and 9). Knows a family's state; must not know any stream.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from stream_processors.indicators import measures
from stream_processors.indicators.measures import (
    ACTIVE,
    ELIGIBLE,
    FAMILY_ACTIVE,
    FILE,
    NO_DECILE,
    NOT_MATCHED,
    Measure,
    decile,
)

__all__ = [
    "ACTIVE",
    "COUNTS",
    "DERIVED",
    "ELIGIBLE",
    "FAMILY_ACTIVE",
    "FINEST",
    "INDICATORS",
    "LEVELS",
    "NOT_MATCHED",
    "NO_DECILE",
    "VERSION",
    "Count",
    "Derived",
    "Indicator",
    "decile",
    "region_at",
]

VERSION: Final[str] = FILE["version"]  # another version is another version of the fold: a state carries what it counts
FINEST: Final = "kecamatan"
LEVELS: Final[Mapping[str, int]] = {"provinsi": 2, "kabkota": 5, "kecamatan": 8}
_UNITS: Final = frozenset({"keluarga", "jiwa", "usulan"})


@dataclass(frozen=True, slots=True)
class Indicator:
    """One count: `classes` yields the class of each thing counted, one per unit."""

    name: str
    unit: str
    level: str
    source: str
    measure: Measure

    @property
    def reads(self) -> tuple[str, ...]:
        """The parts it reads, beside status and region, which every count depends on."""
        return self.measure.parts

    @property
    def classes(self) -> measures.Classes:
        """What yields the classes from a state."""
        return self.measure.classes


def _indicator(row: Mapping[str, Any]) -> Indicator:
    if row["unit"] not in _UNITS or row["level"] not in LEVELS:
        raise ValueError(f"count {row['id']}: unit is one of {sorted(_UNITS)}, level one of {sorted(LEVELS)}")
    return Indicator(row["id"], row["unit"], row["level"], row["source"], measures.MEASURES[row["measure"]])


@dataclass(frozen=True, slots=True)
class Derived:
    """A count that nothing counts: it follows from the classes of another one, in its unit and at its level."""

    name: str
    of: Indicator
    classes: Mapping[str, str]
    otherwise: str
    source: str

    @property
    def unit(self) -> str:
        """What it counts: as the count that it follows from."""
        return self.of.unit

    @property
    def level(self) -> str:
        """The finest level that it is known at."""
        return self.of.level

    def class_of(self, category: str) -> str:
        """Return the class here of one there."""
        return self.classes.get(category, self.otherwise)


def _derived(row: Mapping[str, Any]) -> Derived:
    of = next((one for one in INDICATORS if one.name == row["of"]), None)
    if of is None:
        raise ValueError(f"count {row['id']}: follows from a count of this file")
    return Derived(row["id"], of, row["classes"], row["otherwise"], row["source"])


INDICATORS: Final = tuple(_indicator(row) for row in FILE["count"])


DERIVED: Final = tuple(_derived(row) for row in FILE.get("derived", ()))
Count = Indicator | Derived
COUNTS: Final[Mapping[str, Count]] = MappingProxyType(
    {one.name: one for one in INDICATORS} | {one.name: one for one in DERIVED}
)


def region_at(code: str, level: str) -> str:
    """Return the part of a Kemendagri code at a level; a shorter or foreign code stays as it is."""
    return code[: LEVELS[level]] if "." in code else code
