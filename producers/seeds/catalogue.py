"""The catalogue of activities, variables and indicators as the metadata seeds print it.

Taken from the transcribed tables, which hold no staff's names, telephones or addresses; fields that name who is in
charge are left out besides. Must not know what of it is computed here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from producers.seeds import load_tables
from producers.seeds.tables import WITHHELD, ReferenceRow, ReferenceTable

ACTIVITIES: Final = ("babel-2023", "dairi-2023", "kediri-2024")
_IN_CHARGE: Final = ("eselon_",)
_COLLECTED, _DESCRIBED, _INDICATORS = "variabel-dikumpulkan", "variabel", "indikator"


@dataclass(frozen=True, slots=True)
class Entry:
    """One variable or indicator: its printed fields by their names, those that are ours (not printed) marked so."""

    id: str
    kind: str
    name: str
    printed: tuple[tuple[str, str], ...]
    ours: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """One statistical activity: the printed form without persons, its variables and indicators, what deviates."""

    id: str
    seed: str
    title: str
    form: tuple[tuple[str, str], ...]
    regions: tuple[str, ...]
    entries: tuple[Entry, ...]
    deviations: tuple[tuple[str, str, str], ...]


def activities() -> tuple[Activity, ...]:
    """Return every activity in the order of the documents."""
    return tuple(_activity(name) for name in ACTIVITIES)


def activity(name: str) -> Activity | None:
    """Return the activity with this id."""
    return _activity(name) if name in ACTIVITIES else None


def entry(name: str) -> Entry | None:
    """Return the variable or indicator with this id, as babel-2023.status_nik."""
    found = activity(name.partition(".")[0])
    return next((one for one in found.entries if one.id == name), None) if found else None


def _activity(name: str) -> Activity:
    tables = {one.name.partition("/")[2]: one for one in load_tables() if one.name.startswith(f"{name}/")}
    form = [
        (row.text("isian"), row.cell("isi").printed)
        for row in tables["kegiatan"].rows
        if not row.key.startswith(_IN_CHARGE) and row.cell("isi").printed != WITHHELD
    ]
    regions = [f"{row.text('provinsi')}, {row.text('kabkota')}" for row in tables["wilayah"].rows]
    found = [one for table in tables.values() for one in table.findings]
    return Activity(
        name,
        tables["kegiatan"].source.seed,
        tables["kegiatan"].row("judul").text("isi"),
        tuple(form),
        tuple(regions),
        tuple(_entries(name, tables[_COLLECTED], tables[_DESCRIBED], tables[_INDICATORS])),
        tuple((one.code, "/".join(filter(None, (one.table.partition("/")[2], one.row))), one.message) for one in found),
    )


def _entries(
    name: str, collected: ReferenceTable, described: ReferenceTable, indicators: ReferenceTable
) -> Iterator[Entry]:
    """Yield indicators by their keys, variables by theirs with what each is: one may be collected and described."""
    for table, kind, infix in (
        (collected, "variable collected", "dikumpulkan."),
        (described, "variable described", "variabel."),
        (indicators, "indicator", ""),
    ):
        for row in table.rows:
            yield Entry(f"{name}.{infix}{row.key}", kind, _name(row), *_fields(row))


def _name(row: ReferenceRow) -> str:
    """Return the printed name; of a definition printed without one the name that is ours, in brackets."""
    printed = row.text("nama")
    ours = next((str(one.value) for one in row.cells if one.column == "nama_kami" and one.value), "")
    return printed or f"({ours})"


def _fields(row: ReferenceRow) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    printed = tuple((one.column, one.printed) for one in row.cells if not one.computed)
    ours = tuple((one.column, str(one.value)) for one in row.cells if one.computed and one.value is not None)
    return printed, ours
