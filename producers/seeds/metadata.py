"""Checks shared by the metadata forms of statistical activities (Bangka Belitung, Dairi, Kota Kediri).

Each check looks at one rule of section 9 of the domain guide and yields what deviates; nothing is repaired. Must not
know which of the forms it reads.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from producers.seeds import places
from producers.seeds.tables import WITHHELD, Document, Finding
from schemas import regions
from schemas.regions import Level

Check = Callable[[Document], Iterator[Finding]]

_RECOMMENDATION: Final = re.compile(r"K-([0-9]{2})\.([0-9]{4})\.[0-9]{3}")


def stages_ending_too_early(document: Document) -> Iterator[Finding]:
    """Yield a warning for each stage of the schedule that ends before a stage that precedes it."""
    schedule, latest, before = document["jadwal"], "", ""
    for row in schedule.rows:
        end = row.text("selesai")
        if end and end < latest:
            message = f"the stage ends on {end}, before {before} ends on {latest}"
            yield schedule.finding("JADWAL_BERAKHIR_TERLALU_DINI", "warn", message, row=row.key, column="selesai")
        if end > latest:
            latest, before = end, row.key


def releases_after_dissemination(document: Document) -> Iterator[Finding]:
    """Yield a warning for each release planned after dissemination has ended."""
    end = document["jadwal"].row("diseminasi").text("selesai")
    for row in document["rilis"].rows:
        if row.text("tanggal") > end:
            message = f"released on {row.text('tanggal')}, dissemination ends on {end}"
            yield document["rilis"].finding("RILIS_SETELAH_DISEMINASI", "warn", message, row=row.key, column="tanggal")


def persons_as_units(document: Document) -> Iterator[Finding]:
    """Yield a flag where the unit in charge (eselon) is filled with a person's name."""
    for row in document["kegiatan"].rows:
        if row.key.startswith("eselon_") and row.cell("isi").printed == WITHHELD:
            message = "the field asks for a unit and holds the name of a person"
            yield document["kegiatan"].finding("ESELON_BERISI_NAMA", "flag", message, row=row.key, column="isi")


def regions_not_known(document: Document) -> Iterator[Finding]:
    """Yield a flag for each province or kabupaten/kota of the activity that the Kemendagri list does not hold."""
    yield from places.unknown_names(document["wilayah"], "provinsi", Level.PROVINSI)
    yield from places.unknown_names(document["wilayah"], "kabkota", Level.KABKOTA, province="provinsi")


def recommendation(document: Document) -> Iterator[Finding]:
    """Yield what is wrong with a printed recommendation id; none at all is valid."""
    table = document["kegiatan"]
    printed = table.row("rekomendasi").text("isi")
    found = _RECOMMENDATION.fullmatch(printed)
    if printed and found is None:
        message = "an id is K-, two digits of the year, four of the BPS code, three of the serial"
        yield table.finding("REKOMENDASI_SALAH_BENTUK", "reject", message, row="rekomendasi", column="isi")
    if found and found[1] != table.row("tahun").text("isi")[-2:]:
        message = "the id's year is not the year of the activity"
        yield table.finding("REKOMENDASI_BEDA_TAHUN", "flag", message, row="rekomendasi", column="isi")
    if found:
        name = document["wilayah"].rows[0].text("kabkota")
        yield from places.code_against_name(table, regions.bps(found[2]), name, "rekomendasi")


def variables_not_described(document: Document) -> Iterator[Finding]:
    """Yield a flag when not one variable collected is among those described."""
    collected = {row.text("nama") for row in document["variabel-dikumpulkan"].rows}
    described = {row.text("nama") for row in document["variabel"].rows}
    if not collected & described:
        message = f"none of the {len(collected)} variables collected is among the {len(described)} described"
        yield document["variabel"].finding("VARIABEL_TIDAK_BERPOTONGAN", "flag", message, column="nama")


def shared_questions(document: Document) -> Iterator[Finding]:
    """Yield a flag when every described variable is asked by one and the same question."""
    table = document["variabel"]
    if len(table.rows) > 1 and len({row.text("pertanyaan") for row in table.rows}) == 1:
        message = f"{len(table.rows)} variables share one question"
        yield table.finding("PERTANYAAN_SAMA", "flag", message, column="pertanyaan")


def questions_for_a_number(document: Document) -> Iterator[Finding]:
    """Yield a flag for a nominal variable whose question asks for a number: its class must be derived."""
    for row in document["variabel"].rows:
        if row.text("tipe_data") == "Nominal" and row.text("pertanyaan").startswith("Berapa"):
            message = "the question asks for a number, the answer is a class: derive the class"
            yield document["variabel"].finding(
                "PERTANYAAN_TIDAK_SESUAI", "flag", message, row=row.key, column="pertanyaan"
            )


def indicators_by_level(document: Document) -> Iterator[Finding]:
    """Yield a flag for an indicator whose presentation class is its level of estimation."""
    for row in document["indikator"].rows:
        if row.text("klasifikasi_penyajian") == row.text("level_estimasi"):
            message = "the presentation class is the level of estimation, not a classification"
            yield document["indikator"].finding(
                "KLASIFIKASI_PENYAJIAN_SALAH", "flag", message, row=row.key, column="klasifikasi_penyajian"
            )


def indicators_without_classes(document: Document) -> Iterator[Finding]:
    """Yield a rejection for an indicator of shares whose variable has no classes: its shares could not sum to 100."""
    classified = {row.text("variabel").lower() for row in document["klasifikasi"].rows}
    for row in document["indikator"].rows:
        if not any(row.text("variabel_pembangun").lower().startswith(name) for name in classified):
            message = "the indicator's variable has no printed classes"
            yield document["indikator"].finding(
                "INDIKATOR_TANPA_KELAS", "reject", message, row=row.key, column="variabel_pembangun"
            )


FORM: Final[tuple[Check, ...]] = (
    stages_ending_too_early,
    releases_after_dissemination,
    persons_as_units,
    regions_not_known,
)
"""What holds for every metadata form."""
