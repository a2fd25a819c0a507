"""Checks of the TNP2K slides of 2017 with the forum's Berita Acara of Tegal Timur (domain guide, 9.5)."""

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from itertools import accumulate
from types import MappingProxyType
from typing import Final

from producers.seeds import computed, places
from producers.seeds.metadata import Check
from producers.seeds.tables import Document, Finding, ReferenceRow, ReferenceTable, Value
from schemas import regions
from schemas.regions import Level

_SLS_COLUMNS: Final = ("rts_ada", "rts_tambahan", "jumlah")
_RW_DIGITS: Final = re.compile(r"RW ([0-9]{1,2})")
_RW_ROMAN: Final = re.compile(r"RW ([IVX]+)")
_ROMAN: Final = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV")
_FORM_YEAR: Final = "2015"
_BPS_KECAMATAN_DIGITS: Final = 3
_FIELDS: Final = ("hari_tanggal", "pukul", "tempat")
_RATIO: Final = Decimal("0.0001")


def compute(document: Document) -> Document:
    """Return the tables with totals, ratios, implied populations, whole codes and RW ids, all marked computed."""
    return MappingProxyType(
        {
            **document,
            "berita-acara-sls": _with_totals(document["berita-acara-sls"]),
            "berita-acara-wilayah": _with_whole_codes(document["berita-acara-wilayah"]),
            "kemiskinan-nasional": _with_population(document["kemiskinan-nasional"], "juta orang"),
            "kemiskinan-tanjung-balai": _with_population(document["kemiskinan-tanjung-balai"], "orang"),
            "rumah-tangga-nasional": _with_ratio(document["rumah-tangga-nasional"]),
            "tanjung-balai": computed.with_column(
                document["tanjung-balai"],
                "rata_rata_anggota",
                "individu per rumah tangga",
                lambda row: _ratio(row.number("individu"), row.number("rumah_tangga")),
            ),
        }
    )


def sums_per_row(document: Document) -> Iterator[Finding]:
    """Yield a rejection for each SLS whose existing and added target households do not add up to its total."""
    table = document["berita-acara-sls"]
    for row in table.rows:
        there, added, total = (row.number(column) for column in _SLS_COLUMNS)
        if there is not None and added is not None and there + added != total:
            yield table.finding("JUMLAH_SALAH", "reject", "a + b is not the total", row=row.key, column="jumlah")


def blank_total(document: Document) -> Iterator[Finding]:
    """Yield a warning when the form's Total is blank: the one here is computed."""
    table = document["berita-acara-sls"]
    if all(not table.row("total").cell(column).printed for column in _SLS_COLUMNS):
        yield table.finding("TOTAL_KOSONG", "warn", "the Total is blank; computed from the rows", row="total")


def blank_rows(document: Document) -> Iterator[Finding]:
    """Yield a flag when the form has more numbered rows than were filled."""
    table = document["berita-acara-sls"]
    last = document["berita-acara-isian"].row("nomor_baris_terakhir").text("isi").rstrip(".")
    filled = len(table.rows) - 1
    if filled != int(last):
        yield table.finding("BARIS_KOSONG", "flag", f"{filled} of {last} numbered rows are filled")


def column_heads(document: Document) -> Iterator[Finding]:
    """Yield a flag for each head that names another year than the form: our reading of the columns is used."""
    table = document["berita-acara-sls"]
    for column in table.columns:
        years = re.findall(r"\b20[0-9]{2}\b", column.printed_head)
        if years and years != [_FORM_YEAR]:
            message = f"the head names {years[0]} on a form of {_FORM_YEAR}; read as added households"
            yield table.finding("KEPALA_KOLOM_RUSAK", "flag", message, column=column.name)


def rw_labels(document: Document) -> Iterator[Finding]:
    """Yield a flag for each RW label that is no number, and one when the labels mix Roman and Arabic numbers."""
    table = document["berita-acara-sls"]
    labels = [(row.key, row.text("sls")) for row in table.rows if row.text("sls")]
    for key, label in labels:
        if _rw(label) is None:
            message = "the label is neither a Roman nor an Arabic number"
            yield table.finding("LABEL_SLS_TIDAK_DIKENAL", "flag", message, row=key, column="sls")
    if any(_RW_ROMAN.fullmatch(label) for _, label in labels) and any(_RW_DIGITS.fullmatch(la) for _, la in labels):
        yield table.finding("LABEL_SLS_CAMPUR", "flag", "the labels mix Roman and Arabic numbers", column="sls")


def blank_fields(document: Document) -> Iterator[Finding]:
    """Yield a warning for each blank field of the minutes that says when and where the forum was."""
    table = document["berita-acara-isian"]
    for key in _FIELDS:
        if not table.row(key).text("isi"):
            yield table.finding("ISIAN_KOSONG", "warn", "the field is blank", row=key, column="isi")


def codes_against_names(document: Document) -> Iterator[Finding]:
    """Yield what is wrong with the codes and names of the four levels, and that no code system is printed."""
    table = document["berita-acara-wilayah"]
    for row in table.rows:
        yield from places.code_against_name(table, regions.bps(row.text("kode_lengkap")), row.text("nama"), row.key)
    province = replace(table, rows=(table.row("provinsi"),))
    yield from places.unknown_names(province, "nama", Level.PROVINSI)
    if len(table.row("kecamatan").text("kode")) == _BPS_KECAMATAN_DIGITS:
        message = "no code system or edition is printed; three digits of kecamatan are BPS's form, the edition is ours"
        yield table.finding("SISTEM_KODE_TIDAK_DICETAK", "flag", message, column="kode")


def households_and_families(document: Document) -> Iterator[Finding]:
    """Yield a flag that families were added to households, and a rejection when the sum does not even hold."""
    table = document["rumah-tangga-nasional"]
    parts = [table.row(key) for key in ("rumah_tangga_bdt", "keluarga_pkh_non_bdt")]
    if sum(part.number("jumlah") or 0 for part in parts) != table.row("total_rumah_tangga").number("jumlah"):
        message = "the parts do not add up to the total"
        yield table.finding("JUMLAH_SALAH", "reject", message, row="total_rumah_tangga", column="jumlah")
    if len({part.text("satuan") for part in parts}) > 1:
        message = "the total of households adds families to households"
        yield table.finding("SATUAN_TERCAMPUR", "flag", message, row="total_rumah_tangga", column="jumlah")


def number_formats(document: Document) -> Iterator[Finding]:
    """Yield a flag when one line prints a dot as grouping mark and as decimal mark."""
    table = document["kemiskinan-tanjung-balai"]
    row = table.row("tanjung_balai")
    if "." in row.cell("miskin").printed and "." in row.cell("persen").printed:
        message = "the dot groups thousands in one figure and marks decimals in the next"
        yield table.finding("FORMAT_ANGKA_CAMPUR", "flag", message, row=row.key, column="persen")


def region_names(document: Document) -> Iterator[Finding]:
    """Yield a flag for each heading that names no kabupaten or kota of the Kemendagri list."""
    for name in ("kemiskinan-tanjung-balai", "tanjung-balai"):
        yield from places.unknown_names(document[name], "wilayah", Level.KABKOTA)


def _with_totals(table: ReferenceTable) -> ReferenceTable:
    sums: dict[str, Value] = {column: sum(table.numbers(column)) for column in _SLS_COLUMNS}
    return computed.with_column(
        computed.with_values(table, "total", sums), "rw", "nomor RW", lambda row: _rw(row.text("sls"))
    )


def _with_whole_codes(table: ReferenceTable) -> ReferenceTable:
    codes = dict(zip((row.key for row in table.rows), accumulate(r.text("kode") for r in table.rows), strict=True))
    return computed.with_column(table, "kode_lengkap", "kode BPS", lambda row: codes[row.key])


def _with_population(table: ReferenceTable, unit: str) -> ReferenceTable:
    return computed.with_column(table, "penduduk_tersirat", unit, _population)


def _population(row: ReferenceRow) -> Value:
    poor, percent = row.number("miskin"), row.number("persen")
    if poor is None or not percent:
        return None
    whole = Decimal(poor) * 100 / percent
    return whole.quantize(Decimal("0.01") if isinstance(poor, Decimal) else Decimal(1), ROUND_HALF_UP)


def _with_ratio(table: ReferenceTable) -> ReferenceTable:
    families, households = (table.row(key).number("jumlah") for key in ("total_keluarga", "total_rumah_tangga"))
    values: dict[str, Value] = {"jumlah": _ratio(families, households), "satuan": "keluarga per rumah tangga"}
    return computed.with_row(table, "keluarga_per_rumah_tangga", values)


def _ratio(part: Decimal | int | None, whole: Decimal | int | None) -> Decimal | None:
    return (Decimal(part) / whole).quantize(_RATIO, ROUND_HALF_UP) if part is not None and whole else None


def _rw(label: str) -> str | None:
    if found := _RW_DIGITS.fullmatch(label):
        return f"{int(found[1]):02}"
    if (found := _RW_ROMAN.fullmatch(label)) and found[1] in _ROMAN:
        return f"{_ROMAN.index(found[1]) + 1:02}"
    return None


CHECKS: Final[tuple[Check, ...]] = (
    sums_per_row,
    blank_total,
    blank_rows,
    column_heads,
    rw_labels,
    blank_fields,
    codes_against_names,
    households_and_families,
    number_formats,
    region_names,
)
