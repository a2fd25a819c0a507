"""Checks of the ground check briefing of 25 February 2025 (domain guide, 9.4).

Instructors (innas) per province are the field staff (pendamping) over 30, rounded half up.
"""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import Final

from producers.seeds import computed, places
from producers.seeds.metadata import Check
from producers.seeds.tables import Document, Finding, ReferenceRow, Value
from schemas.regions import Level

_STAFF_PER_INSTRUCTOR: Final = 30
_OTHER_PRINTED_POPULATION: Final = 285_570_129  # domain guide, open point O3
_POPULATION: Final = 285_579_122
_HUNDREDTH: Final = Decimal("0.01")


def instructors(staff: int) -> int:
    """Return the instructors that a number of field staff needs: staff / 30 rounded half up."""
    return (staff + _STAFF_PER_INSTRUCTOR // 2) // _STAFF_PER_INSTRUCTOR


def compute(document: Document) -> Document:
    """Return the tables with codes and loads per province and the mean family size, all marked computed."""
    provinces = computed.with_column(document["pendamping-innas"], "kode", "kode Kemendagri", _code)
    provinces = computed.with_column(provinces, "beban", "pendamping per innas", _load)
    nation = document["nasional"]
    persons, families = (nation.row(key).number("jumlah") for key in ("penduduk", "keluarga"))
    if persons is not None and families:
        size = (Decimal(persons) / families).quantize(_HUNDREDTH, ROUND_HALF_UP)
        nation = computed.with_row(nation, "rata_rata_anggota", {"jumlah": size, "satuan": "penduduk per keluarga"})
    return MappingProxyType({**document, "pendamping-innas": provinces, "nasional": nation})


def rows_and_sum(document: Document) -> Iterator[Finding]:
    """Yield a rejection when the provinces or the column's sum are not those printed in the text."""
    table, printed = document["pendamping-innas"], document["petugas"]
    if len({row.text("provinsi") for row in table.rows}) != printed.row("provinsi").number("jumlah"):
        yield table.finding("JUMLAH_BARIS_SALAH", "reject", "the text prints another number of provinces")
    if sum(table.numbers("pendamping")) != printed.row("pendamping").number("jumlah"):
        yield table.finding("JUMLAH_KOLOM_SALAH", "reject", "the text prints another sum", column="pendamping")


def innas_per_row(document: Document) -> Iterator[Finding]:
    """Yield a rejection for each province whose instructors are not its staff over 30, rounded half up."""
    table = document["pendamping-innas"]
    for row in table.rows:
        staff, printed = row.number("pendamping"), row.number("innas")
        if staff is not None and printed is not None and instructors(int(staff)) != printed:
            message = f"{instructors(int(staff))} instructors follow from the staff, rounded half up"
            yield table.finding("INNAS_SALAH", "reject", message, row=row.key, column="innas")


def class_sizes(document: Document) -> Iterator[Finding]:
    """Yield a flag for each province whose staff per instructor is outside the printed class size."""
    table, printed = document["pendamping-innas"], document["petugas"]
    least, most = (printed.row(key).number("jumlah") for key in ("peserta_minimum", "peserta_maksimum"))
    for row in table.rows:
        load = row.number("beban")
        if load is not None and least is not None and most is not None and not least <= load <= most:
            message = f"{load} staff per instructor, classes are of {least} to {most}"
            yield table.finding("BEBAN_DI_LUAR_KELAS", "flag", message, row=row.key, column="beban")


def province_names(document: Document) -> Iterator[Finding]:
    """Yield a flag for each name that is no province's, or is printed with its letters set apart."""
    table = document["pendamping-innas"]
    yield from places.unknown_names(table, "provinsi", Level.PROVINSI)
    for row in table.rows:
        if all(len(word) == 1 for word in row.text("provinsi").split()):
            message = "the letters of the name are set apart; compared without spaces, kept as printed"
            yield table.finding("NAMA_BERSPASI", "flag", message, row=row.key, column="provinsi")


def number_formats(document: Document) -> Iterator[Finding]:
    """Yield a flag when text and table group thousands by different marks."""
    text, table = document["petugas"], document["pendamping-innas"]
    dotted = any("." in row.cell("jumlah").printed for row in text.rows)
    if dotted and any("," in row.cell("pendamping").printed for row in table.rows):
        message = "thousands are grouped by dots in the text and by commas in the table"
        yield table.finding("FORMAT_ANGKA_CAMPUR", "flag", message, column="pendamping")


def variable_groups(document: Document) -> Iterator[Finding]:
    """Yield a rejection when the two groups of variables do not add up to all of them."""
    table = document["variabel-ground-check"]
    parts, whole = [table.row(key).number("jumlah") for key in ("individu", "keluarga")], table.row("semua")
    if sum(part or 0 for part in parts) != whole.number("jumlah"):
        yield table.finding("JUMLAH_SALAH", "reject", "the groups do not add up", row="semua", column="jumlah")


def population_printed_twice(document: Document) -> Iterator[Finding]:
    """Yield a flag that the population is printed otherwise in another official statement; this one is used."""
    table = document["nasional"]
    if table.row("penduduk").number("jumlah") == _POPULATION:
        message = f"another statement prints {_OTHER_PRINTED_POPULATION}; the figure here is used"
        yield table.finding("ANGKA_BERTENTANGAN", "flag", message, row="penduduk", column="jumlah")


def _code(row: ReferenceRow) -> Value:
    region = places.region_named(row.text("provinsi"), Level.PROVINSI)
    return None if region is None else region.code


def _load(row: ReferenceRow) -> Value:
    staff, innas = row.number("pendamping"), row.number("innas")
    return (Decimal(staff) / innas).quantize(_HUNDREDTH, ROUND_HALF_UP) if staff is not None and innas else None


CHECKS: Final[tuple[Check, ...]] = (
    rows_and_sum,
    innas_per_row,
    class_sizes,
    province_names,
    number_formats,
    variable_groups,
    population_printed_twice,
)
