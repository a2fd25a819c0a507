"""What deviates in the metadata of Bangka Belitung's enumeration of 2023 (domain guide, 9.1)."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from producers.seeds import metadata
from producers.seeds.metadata import Check
from producers.seeds.tables import Document, Finding

_KABKOTA: Final = 7
_CLASSES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Status Kepemilikan NIK": ("1 Memiliki NIK", "2 Tidak memiliki NIK"),
        # Regsosek field 408, and the classes of the public consultation forum of 2023 (domain guide, 5.2 and 5.4)
        "Status Perkawinan": ("1 Belum Kawin", "2 Kawin", "3 Cerai Hidup", "4 Cerai Mati"),
        "Status Kesejahteraan": ("1 Sangat Miskin", "2 Miskin", "3 Rentan Miskin", "4 Tidak Miskin"),
    }
)


def expansions(document: Document) -> Iterator[Finding]:
    """Yield a warning for an abbreviation that the document expands in more than one way."""
    table, first = document["istilah"], dict[str, str]()
    for row in table.rows:
        meaning = first.setdefault(row.text("singkatan"), row.text("kepanjangan"))
        if meaning != row.text("kepanjangan"):
            message = "the abbreviation is expanded in two ways"
            yield table.finding("SINGKATAN_DUA_ARTI", "warn", message, row=row.key, column="kepanjangan")


def identifier_defined_as_database(document: Document) -> Iterator[Finding]:
    """Yield a flag for a variable that is an identifier and is defined as the database it belongs to."""
    table = document["variabel-dikumpulkan"]
    for row in table.rows:
        if row.text("nama").startswith("ID ") and "data induk" in row.text("definisi"):
            message = "an identifier of a record is defined as the database"
            yield table.finding("DEFINISI_BUKAN_VARIABEL", "flag", message, row=row.key, column="definisi")


def number_of_regions(document: Document) -> Iterator[Finding]:
    """Yield a rejection when the activity does not cover the province's seven kabupaten and kota."""
    table = document["wilayah"]
    if len({row.text("kabkota") for row in table.rows}) != _KABKOTA:
        yield table.finding("JUMLAH_BARIS_SALAH", "reject", f"the province has {_KABKOTA} kabupaten and kota")


def classes(document: Document) -> Iterator[Finding]:
    """Yield a rejection for a variable whose printed classes are not those of its code list."""
    table = document["klasifikasi"]
    for variable, expected in _CLASSES.items():
        printed = tuple(f"{r.text('kode')} {r.text('label')}" for r in table.rows if r.text("variabel") == variable)
        if printed != expected:
            message = f"the classes of {variable} are not those of its code list"
            yield table.finding("KODE_TIDAK_SESUAI", "reject", message, column="label")


CHECKS: Final[tuple[Check, ...]] = (
    *metadata.FORM,
    metadata.recommendation,
    metadata.variables_not_described,
    metadata.shared_questions,
    metadata.questions_for_a_number,
    metadata.indicators_by_level,
    metadata.indicators_without_classes,
    expansions,
    identifier_defined_as_database,
    number_of_regions,
    classes,
)
