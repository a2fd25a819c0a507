"""What deviates in the metadata of Kabupaten Dairi's DTKS compilation of 2023 (domain guide, 9.2)."""

from collections.abc import Iterator
from typing import Final

from producers.seeds import metadata
from producers.seeds.metadata import Check
from producers.seeds.tables import Document, Finding

_CRITERIA: Final = (  # Permensos 3/2021
    "kemiskinan",
    "ketelantaran",
    "kecacatan",
    "keterpencilan",
    "ketunaan sosial dan penyimpangan perilaku",
    "korban bencana",
    "korban tindak kekerasan, eksploitasi dan diskriminasi",
    "kriteria lain",
)
_RELATIONS: Final = (  # Regsosek field 409
    "kepala keluarga",
    "istri/suami",
    "anak",
    "menantu",
    "cucu",
    "orang tua/mertua",
    "pembantu/sopir",
    "lainnya",
)


def texts_typed_as_numbers(document: Document) -> Iterator[Finding]:
    """Yield a warning for each variable typed Integer: identifiers, names, addresses and codes are kept as text."""
    for row in document["variabel"].rows:
        if row.text("tipe_data") == "Integer":
            message = "typed Integer, kept as text"
            yield document["variabel"].finding("TIPE_DATA_SALAH", "warn", message, row=row.key, column="tipe_data")


def missing_criteria(document: Document) -> Iterator[Finding]:
    """Yield a flag for each criterion of Permensos 3/2021 that the activity's aim leaves out."""
    printed = {row.text("kriteria").lower() for row in document["kriteria"].rows}
    for criterion in _CRITERIA:
        if criterion not in printed:
            message = f"of Permensos 3/2021 the criterion is missing: {criterion}"
            yield document["kriteria"].finding("KRITERIA_TIDAK_LENGKAP", "flag", message, column="kriteria")


def family_of_two_or_more(document: Document) -> Iterator[Finding]:
    """Yield a flag when a family is defined by two or more persons: a card may hold one."""
    row = document["variabel"].row("keluarga")
    if "dua atau lebih" in row.text("definisi"):
        message = "the definition wants two or more persons, a kartu keluarga may hold one"
        yield document["variabel"].finding("DEFINISI_TERLALU_SEMPIT", "flag", message, row=row.key, column="definisi")


def missing_relations(document: Document) -> Iterator[Finding]:
    """Yield a flag naming the relations of Regsosek field 409 that the printed classes lack."""
    table = document["klasifikasi"]
    printed = {row.text("label").lower() for row in table.rows}
    missing = [name for name in _RELATIONS if not printed & {name, *name.split("/")}]
    if missing:
        message = f"of Regsosek field 409 the classes are missing: {', '.join(missing)}"
        yield table.finding("KODE_TIDAK_LENGKAP", "flag", message, column="label")


def persons_counted_as_households(document: Document) -> Iterator[Finding]:
    """Yield a flag for PBI-JKN counted in households: it is granted per person."""
    table = document["variabel-dikumpulkan"]
    for row in table.rows:
        if "PBI-JKN" in row.text("nama") and " RT " in row.text("nama"):
            message = "PBI-JKN is granted per person and counted in households"
            yield table.finding("SATUAN_BERBEDA", "flag", message, row=row.key, column="nama")


CHECKS: Final[tuple[Check, ...]] = (
    *metadata.FORM,
    metadata.variables_not_described,
    metadata.shared_questions,
    metadata.questions_for_a_number,
    texts_typed_as_numbers,
    missing_criteria,
    family_of_two_or_more,
    missing_relations,
    persons_counted_as_households,
)
