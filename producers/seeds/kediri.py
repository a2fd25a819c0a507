"""What deviates in the metadata of Kota Kediri's own aid of 2024, and the names it leaves out (domain guide, 9.3)."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from producers.seeds import computed, metadata
from producers.seeds.metadata import Check
from producers.seeds.tables import Document, Finding


def compute(document: Document) -> Document:
    """Return the tables with each unnamed definition's variable named: the collected one of the same definition."""
    names = {row.text("definisi"): row.text("nama") for row in document["variabel-dikumpulkan"].rows}
    named = computed.with_column(
        document["variabel"], "nama_kami", "variabel", lambda row: names.get(row.text("definisi"))
    )
    return MappingProxyType({**document, "variabel": named})


def definitions_without_names(document: Document) -> Iterator[Finding]:
    """Yield a flag for each variable and indicator whose definition is printed without a name."""
    for table in (document["variabel"], document["indikator"]):
        for row in table.rows:
            if not row.text("nama"):
                message = "a definition is printed without a name"
                yield table.finding("NAMA_KOSONG", "flag", message, row=row.key, column="nama")


def families_counted_as_persons(document: Document) -> Iterator[Finding]:
    """Yield a flag for each variable that counts families while the activity's unit is the person."""
    table = document["variabel-dikumpulkan"]
    unit = document["kegiatan"].row("unit_analisis").text("isi")
    for row in table.rows:
        if unit == "Individu" and "keluarga penerima manfaat" in row.text("definisi"):
            message = "the unit of the activity is individu, the variable counts families"
            yield table.finding("SATUAN_BERBEDA", "flag", message, row=row.key, column="definisi")


def orphan_terms(document: Document) -> Iterator[Finding]:
    """Yield a flag when variable and indicator do not mean the same orphans (piatu, or yatim dan/atau piatu)."""
    indicator = document["indikator"].row("anak_yatim").text("definisi")
    variable = document["variabel-dikumpulkan"].row("anak_yatim").text("definisi")
    if "anak yatim piatu" in variable and "Yatim dan/atau piatu" in indicator:
        message = "the variable says yatim piatu, the indicator yatim dan/atau piatu"
        yield document["indikator"].finding("ISTILAH_BERBEDA", "flag", message, row="anak_yatim", column="definisi")


def indicators_without_denominator(document: Document) -> Iterator[Finding]:
    """Yield a flag for each indicator whose definition gives no denominator: it is a count."""
    for row in document["indikator"].rows:
        if not row.text("penyebut"):
            message = "the definition gives no denominator: a count, no share"
            yield document["indikator"].finding("INDIKATOR_TANPA_PENYEBUT", "flag", message, row=row.key)


def ages_not_stated(document: Document) -> Iterator[Finding]:
    """Yield a flag for each indicator about the elderly that states no age: the age is a parameter."""
    for row in document["indikator"].rows:
        definition = row.text("definisi")
        if "lanjut usia" in definition and "umur" not in definition:
            message = "no age is stated for the elderly: a parameter, 60 years and over until set"
            yield document["indikator"].finding("USIA_TIDAK_DISEBUT", "flag", message, row=row.key, column="definisi")


CHECKS: Final[tuple[Check, ...]] = (
    *metadata.FORM,
    metadata.recommendation,
    definitions_without_names,
    families_counted_as_persons,
    orphan_terms,
    indicators_without_denominator,
    ages_not_stated,
)
