"""One row: its cells against the layout, one rule after the other; the first that is broken refuses it.

It must not know other rows, nor repair: a cell is taken as it stands or refused with its column and a rule's code.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from producers.sik_ng import layout
from producers.sik_ng.table import Cell, NotText
from schemas import regions

_ISO: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FIRST_BIRTH: Final = 1900  # V3
_DESA: Final = regions.Level.DESA


@dataclass(frozen=True, slots=True)
class Row:
    """A row whose cells hold what their columns ask for; identity is not checked yet."""

    number: int
    cells: Mapping[str, str] = field(repr=False)
    born: date = field(repr=False)
    surveyed: date
    region: regions.Region
    findings: tuple[str, ...]

    def code(self, column: str) -> int:
        """Return the code in a column."""
        return int(self.cells[column])


@dataclass(frozen=True, slots=True)
class Broken:
    """The rule a row breaks, and in which column; never a value."""

    number: int
    column: str
    rule: str
    explanation: str
    card: str = field(default="", repr=False)


def checked(number: int, head: Sequence[str], cells: Sequence[Cell]) -> Row | Broken:
    """Return the row, or the first rule it breaks; `card` of a broken row is its KK number where one can be read."""
    found = _broken(head, cells)
    if found is not None:
        card = cells[head.index(layout.KK)] if len(cells) == len(head) else ""
        return Broken(number, *found, card if isinstance(card, str) else "")
    named = {name: cell for name, cell in zip(head, cells, strict=True) if isinstance(cell, str)}
    region = _region(named)
    flag = _flag(region, named[layout.DISTRICT_NAME])
    born, surveyed = (date.fromisoformat(named[name]) for name in layout.DATES)
    return Row(number, named, born, surveyed, region, flag)


Found = tuple[str, str, str]


def _broken(head: Sequence[str], cells: Sequence[Cell]) -> Found | None:
    texts = [cell if isinstance(cell, str) else "" for cell in cells]
    if not any(texts):
        return "", "BLANK", "the row is blank"
    if texts[: len(head)] == list(head):
        return "", "HEADER_REPEATED", "the row repeats the head"
    if len(cells) != len(head):
        return "", "SHIFTED_COLUMNS", f"the row has {len(cells)} cells, the head {len(head)}"
    if layout.looks_shifted(head, texts):
        return "", "SHIFTED_COLUMNS", "the cells fit their columns only when moved by one"
    named = dict(zip(head, cells, strict=True))
    for rule in (_numbers, _blanks, _codes, _dates, _births, _regions):
        found = rule(named)
        if found is not None:
            return found
    return None


def _numbers(named: Mapping[str, Cell]) -> Found | None:
    """Refuse numbers where text is due, and KK numbers or NIKs written with separators or as powers of ten."""
    for name, cell in named.items():
        if isinstance(cell, NotText):
            return name, "NUMBER_FORMAT", "the cell holds a number, whose digits may be lost; text is due"
    for name in (layout.KK, layout.NIK):
        if any(sign in str(named[name]) for sign in ".,+ Ee'"):
            return name, "NUMBER_FORMAT", "digits alone are due: no separators, spaces or powers of ten"
    return None


def _blanks(named: Mapping[str, Cell]) -> Found | None:
    for name, cell in named.items():
        if name not in layout.MAY_BE_BLANK and not str(cell).strip():
            return name, "BLANK", "the cell is blank"
    return None


def _codes(named: Mapping[str, Cell]) -> Found | None:
    for name, allowed in layout.CODES.items():
        cell = str(named[name])
        if not (cell.isascii() and cell.isdigit()):
            return name, "NUMBER_FORMAT", "a code is a whole number in digits"
        if int(cell) not in allowed:
            return name, "CODE_UNKNOWN", f"the codes are {allowed[0]} to {allowed[-1]}"
    if named[layout.SYSTEM] not in layout.SYSTEMS:
        return layout.SYSTEM, "CODE_UNKNOWN", "the code systems are KEMENDAGRI and BPS"
    return None


def _dates(named: Mapping[str, Cell]) -> Found | None:
    for name in layout.DATES:
        cell = str(named[name])
        if not _ISO.fullmatch(cell):
            return name, "DATE_FORMAT", "a date is written YYYY-MM-DD"
        try:
            date.fromisoformat(cell)
        except ValueError:
            return name, "DATE_FORMAT", "the calendar has no such day"
    return None


def _births(named: Mapping[str, Cell]) -> Found | None:
    """Refuse births before 1900 or after the survey (V3)."""
    born, surveyed = (date.fromisoformat(str(named[name])) for name in layout.DATES)
    if born.year < _FIRST_BIRTH or born > surveyed:
        return layout.BORN, "V3", "a birth is not before 1900 and not after the survey"
    return None


def _region(named: Mapping[str, Cell]) -> regions.Region:
    code = str(named[layout.REGION])
    return regions.kemendagri(code) if named[layout.SYSTEM] == "KEMENDAGRI" else regions.bps(code)


def _regions(named: Mapping[str, Cell]) -> Found | None:
    region = _region(named)
    finding = regions.check(region, None)
    if finding is not None:
        return layout.REGION, finding.code, finding.message
    if regions.level_of(region) is not _DESA:
        return layout.REGION, "WILAYAH_BUKAN_DESA", "a family lives in a desa or kelurahan"
    return None


def _flag(region: regions.Region, printed: str) -> tuple[str, ...]:
    """Return WILAYAH_NAMA_KODE_BEDA where the printed kabupaten or kota isn't the code's: flagged, never repaired."""
    district = regions.kabkota_of(region)
    finding = regions.check(district, printed) if district is not None else None
    return (finding.code,) if finding is not None else ()
