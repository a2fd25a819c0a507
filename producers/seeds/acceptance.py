"""Holds every printed figure of the five documents to what their rows give, and deviations to the list of those known.

What is computed, and how, stands in acceptance.toml over the closed list of computations here. Nothing is repaired: a
figure that its rows don't give differs, whatever finding there is beside it, unless the list foretells that finding.
Must not know topics, families or persons.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal

from producers.seeds import load_tables
from producers.seeds.tables import Finding, ReferenceRow, ReferenceTable, Value
from schemas import regions
from schemas.regions import Level

Tables = Mapping[str, ReferenceTable]
Verdict = Literal["same", "flagged", "basis", "computed", "DIFFERS"]

_TOTAL: Final = "total"
_NUMBER: Final = re.compile(r"[0-9]+\.?")
_RECOMMENDATION: Final = re.compile(r"K-[0-9]{2}\.[0-9]{4}\.([0-9]{3})")
_KINDS: Final = MappingProxyType({"Kompilasi Produk Administrasi": "K"})  # domain guide 9.3: kind K is a compilation


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure: as printed, as computed here (empty where nothing gives it), what the two come to, and why."""

    table: str
    row: str
    column: str
    unit: str
    printed: str
    ours: str
    verdict: Verdict
    note: str


@dataclass(frozen=True, slots=True)
class Deviation:
    """How often a document is known for a finding, and how often it was found."""

    document: str
    code: str
    known: int
    found: int


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The comparison of all figures, and of all deviations."""

    figures: tuple[Compared, ...]
    deviations: tuple[Deviation, ...]

    @property
    def holds(self) -> bool:
        """Whether every figure is the same, flagged, a basis or computed, and the deviations are those known."""
        same = all(one.known == one.found for one in self.deviations)
        return same and all(one.verdict != "DIFFERS" for one in self.figures)


@cache
def expected() -> Mapping[str, Any]:
    """Return acceptance.toml."""
    return tomllib.loads(files("producers.seeds").joinpath("acceptance.toml").read_text(encoding="utf-8"))


def compared(tables: Iterable[ReferenceTable] | None = None) -> Acceptance:
    """Return the acceptance of the tables, by default those of the five documents; pure given them."""
    by_name = {table.name: table for table in (load_tables() if tables is None else tables)}
    listed = list(_listed(by_name))
    seen = {(one.table, one.row, one.column) for one in listed}
    rest = [one for one in _rest(by_name.values()) if (one.table, one.row, one.column) not in seen]
    order = {name: at for at, name in enumerate(by_name)}
    return Acceptance(
        tuple(sorted((*listed, *rest), key=lambda one: order[one.table])), tuple(_deviations(by_name.values()))
    )


def _listed(tables: Tables) -> Iterator[Compared]:
    for entry in expected()["figure"]:
        document, name, key, column = entry["cell"].split("/")
        table = tables[f"{document}/{name}"]
        for row in table.rows:
            if row.key == key or (key == "*" and row.key != _TOTAL):
                yield _judged(entry, tables, table, row, column)


def _judged(
    entry: Mapping[str, Any], tables: Tables, table: ReferenceTable, row: ReferenceRow, column: str
) -> Compared:
    cell, flag = row.cell(column), entry.get("flag", "")
    ours = _BY[entry["by"]](entry, tables, table, row) if "by" in entry else None
    found = [one for one in table.findings if one.code == flag and one.row == row.key and one.column == column]
    note = " ".join(filter(None, (entry.get("by") or f"for {entry['for']}", flag)))
    verdict: Verdict
    as_printed = "by" not in entry or _text(ours) == _text(cell.value).rstrip(".")
    if cell.value is None or bool(flag) != bool(found) or not as_printed:
        verdict = "DIFFERS"
    else:
        verdict = "flagged" if flag else "same" if "by" in entry else "basis"
    return Compared(table.name, row.key, column, _unit(table, row, column), cell.printed, _text(ours), verdict, note)


def _rest(tables: Iterable[ReferenceTable]) -> Iterator[Compared]:
    """Yield what is computed where nothing is printed, and every printed figure: those not listed differ."""
    for table in tables:
        for row in table.rows:
            for cell in row.cells:
                number = isinstance(cell.value, int | Decimal)
                about = (table.name, row.key, cell.column, _unit(table, row, cell.column), cell.printed)
                if cell.computed and number:
                    yield Compared(*about, _text(cell.value), "computed", "nothing is printed")
                elif not cell.computed and (number or _NUMBER.fullmatch(cell.printed)) and not _is_year(row):
                    yield Compared(*about, "", "DIFFERS", "a printed figure that acceptance.toml does not name")


def _is_year(row: ReferenceRow) -> bool:
    return row.key == "tahun"


def _deviations(tables: Iterable[ReferenceTable]) -> Iterator[Deviation]:
    found: Counter[tuple[str, str]] = Counter()
    for table in tables:
        found.update((_document(one), one.code) for one in table.findings)
    known = {(document, code): n for document, codes in expected()["deviations"].items() for code, n in codes.items()}
    for place in dict.fromkeys((*known, *sorted(found))):
        yield Deviation(*place, known.get(place, 0), found.get(place, 0))


def _document(finding: Finding) -> str:
    return finding.table.partition("/")[0]


def _unit(table: ReferenceTable, row: ReferenceRow, column: str) -> str:
    """Return the unit of a cell: the row's own where a table prints one for each row, else the column's."""
    if any(one.name == "satuan" for one in table.columns) and row.text("satuan"):
        return row.text("satuan")
    return next(one.unit for one in table.columns if one.name == column)


def _text(value: Value) -> str:
    return "" if value is None else str(value)


# --- the closed list of computations ---


def _rows(entry: Mapping[str, Any], tables: Tables, _: ReferenceTable, __: ReferenceRow) -> Value:
    """Return how many rows another table has."""
    return len(tables[entry["table"]].rows)


def _sum(entry: Mapping[str, Any], tables: Tables, _: ReferenceTable, __: ReferenceRow) -> Value:
    """Return the sum of another table's column."""
    return sum(tables[entry["table"]].numbers(entry["column"]))


def _sum_of_cells(entry: Mapping[str, Any], tables: Tables, _: ReferenceTable, __: ReferenceRow) -> Value:
    """Return the sum of cells named one by one."""
    places = (cell.rsplit("/", 2) for cell in entry["cells"])
    return sum(tables[table].row(row).number(column) or 0 for table, row, column in places)


def _across(entry: Mapping[str, Any], _: Tables, __: ReferenceTable, row: ReferenceRow) -> Value:
    """Return the sum of other columns of the same row."""
    return sum(row.number(column) or 0 for column in entry["columns"])


def _half_up(entry: Mapping[str, Any], _: Tables, __: ReferenceTable, row: ReferenceRow) -> Value:
    """Return another column of the same row over a divisor, rounded half up."""
    value = row.number(entry["column"])
    whole = Decimal(1)
    return None if value is None else int((Decimal(value) / entry["divisor"]).quantize(whole, ROUND_HALF_UP))


def _number_within(entry: Mapping[str, Any], _: Tables, table: ReferenceTable, row: ReferenceRow) -> Value:
    """Return the row's number, from 1, among those that have the same value in a column, or among all."""
    column = entry.get("column")
    alike = [one for one in table.rows if column is None or one.text(column) == row.text(column)]
    return alike.index(row) + 1


def _recommendation(entry: Mapping[str, Any], tables: Tables, table: ReferenceTable, row: ReferenceRow) -> Value:
    """Return the id that kind of activity, year and BPS code of the city give; its serial number is the printed one."""
    del entry
    form = _RECOMMENDATION.fullmatch(row.text("isi"))
    city = tables[f"{table.name.partition('/')[0]}/wilayah"].rows[0].text("kabkota")
    found = regions.named(city, Level.KABKOTA, "BPS", regions.BPS_EDITION)
    kind = _KINDS.get(table.row("cara_pengumpulan").text("isi"))
    if form is None or len(found) != 1 or kind is None:
        return None
    return f"{kind}-{table.row('tahun').text('isi')[-2:]}.{found[0].code}.{form[1]}"


_BY: Final[Mapping[str, Callable[[Mapping[str, Any], Tables, ReferenceTable, ReferenceRow], Value]]] = MappingProxyType(
    {
        "rows": _rows,
        "sum": _sum,
        "sum_of_cells": _sum_of_cells,
        "across": _across,
        "half_up": _half_up,
        "number_within": _number_within,
        "recommendation": _recommendation,
    }
)
