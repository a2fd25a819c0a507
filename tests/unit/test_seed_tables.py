"""The transcribed tables of the source documents: figures, computed values, deviations, and truth to the source."""

import os
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.seeds import FILES, Finding, ReferenceTable, load_tables, read_tables
from producers.seeds.briefing import instructors
from producers.seeds.printed import (
    NumberFormat,
    PrintedValueError,
    parse_date,
    parse_decimal,
    parse_integer,
    parse_number,
)
from producers.seeds.tables import WITHHELD
from schemas.regions import BPS_EDITION, Region, kemendagri

ROOT = Path(__file__).resolve().parents[2]
SEEDS = Path(os.environ.get("JEJAK_SHARED", str(ROOT.parent / "shared"))) / "seeds"
TABLES: Mapping[str, ReferenceTable] = {table.name: table for table in load_tables()}
FIGURES = {  # seed -> (table, row, column) -> as the document prints it
    "000": {
        ("babel-2023/petugas", "pencacah", "jumlah"): "408",
        ("babel-2023/jadwal", "analisis", "selesai"): "2023-12-14",
        ("babel-2023/jadwal", "pengolahan", "selesai"): "2023-12-31",
    },
    "001": {
        ("dairi-2023/rilis", "digital", "tanggal"): "28 Desember 2023",
        ("dairi-2023/jadwal", "pengumpulan", "mulai"): "13 Desember 2023",
    },
    "002": {
        ("kediri-2024/kegiatan", "rekomendasi", "isi"): "K-24.3571.017",
        ("kediri-2024/jadwal", "pengumpulan", "selesai"): "2024-12-12",
    },
    "003": {
        ("groundcheck-2025/nasional", "penduduk", "jumlah"): "285.579.122",
        ("groundcheck-2025/nasional", "keluarga", "jumlah"): "93.025.360",
        ("groundcheck-2025/petugas", "pendamping", "jumlah"): "33.603",
        ("groundcheck-2025/pendamping-innas", "14", "pendamping"): "5,215",
        ("groundcheck-2025/pendamping-innas", "14", "innas"): "174",
        ("groundcheck-2025/pendamping-innas", "36", "provinsi"): "P A P U A",
    },
    "004": {
        ("tnp2k-2017/kemiskinan-nasional", "nasional", "miskin"): "27,77",
        ("tnp2k-2017/kemiskinan-tanjung-balai", "tanjung_balai", "miskin"): "25.090",
        ("tnp2k-2017/kemiskinan-tanjung-balai", "tanjung_balai", "persen"): "15.08",
        ("tnp2k-2017/rumah-tangga-nasional", "total_rumah_tangga", "jumlah"): "26,589,774",
        ("tnp2k-2017/tanjung-balai", "tanjung_balai", "rumah_tangga"): "14.500",
        ("tnp2k-2017/berita-acara-wilayah", "kecamatan", "kode"): "030",
        ("tnp2k-2017/berita-acara-sls", "11", "jumlah"): "449",
    },
}
EXPECTED_FINDINGS = {
    "babel-2023": {
        "ESELON_BERISI_NAMA": 1,
        "SINGKATAN_DUA_ARTI": 1,
        "JADWAL_BERAKHIR_TERLALU_DINI": 1,
        "DEFINISI_BUKAN_VARIABEL": 1,
        "PERTANYAAN_TIDAK_SESUAI": 1,
        "KLASIFIKASI_PENYAJIAN_SALAH": 1,
    },
    "dairi-2023": {
        "KRITERIA_TIDAK_LENGKAP": 2,
        "RILIS_SETELAH_DISEMINASI": 2,
        "SATUAN_BERBEDA": 1,
        "VARIABEL_TIDAK_BERPOTONGAN": 1,
        "PERTANYAAN_SAMA": 1,
        "TIPE_DATA_SALAH": 5,
        "DEFINISI_TERLALU_SEMPIT": 1,
        "KODE_TIDAK_LENGKAP": 1,
    },
    "kediri-2024": {
        "ESELON_BERISI_NAMA": 1,
        "SATUAN_BERBEDA": 1,
        "NAMA_KOSONG": 11,
        "ISTILAH_BERBEDA": 1,
        "INDIKATOR_TANPA_PENYEBUT": 1,
        "USIA_TIDAK_DISEBUT": 1,
    },
    "groundcheck-2025": {"ANGKA_BERTENTANGAN": 1, "NAMA_BERSPASI": 1, "FORMAT_ANGKA_CAMPUR": 1},
    "tnp2k-2017": {
        "FORMAT_ANGKA_CAMPUR": 1,
        "WILAYAH_NAMA_KODE_BEDA": 1,
        "SISTEM_KODE_TIDAK_DICETAK": 1,
        "ISIAN_KOSONG": 3,
        "TOTAL_KOSONG": 1,
        "BARIS_KOSONG": 1,
        "KEPALA_KOLOM_RUSAK": 1,
        "LABEL_SLS_TIDAK_DIKENAL": 1,
        "LABEL_SLS_CAMPUR": 1,
        "SATUAN_TERCAMPUR": 1,
        "WILAYAH_NAMA_TIDAK_DIKENAL": 1,
    },
}


def transcription(number: str) -> str:
    name = next(name for name in FILES if name.startswith(number))
    return (ROOT / "producers" / "seeds" / name).read_text(encoding="utf-8")


def tampered(number: str, old: str, new: str) -> list[Finding]:
    text = transcription(number)
    assert text.count(old) == 1, "the tampering must touch one place"
    return [finding for table in read_tables(text.replace(old, new)) for finding in table.findings]


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text).replace("**", ""))


@pytest.mark.parametrize("document", EXPECTED_FINDINGS)
def test_each_document_is_reported_with_its_deviations_and_no_other(document: str) -> None:
    found: dict[str, int] = {}
    for table in TABLES.values():
        for finding in table.findings:
            if table.name.startswith(document):
                found[finding.code] = found.get(finding.code, 0) + 1

    assert found == EXPECTED_FINDINGS[document]


def test_no_real_table_is_rejected() -> None:
    assert [f for table in TABLES.values() for f in table.findings if f.severity == "reject"] == []


@pytest.mark.parametrize("seed", FIGURES)
def test_the_transcribed_figures_are_those_of_the_document(seed: str) -> None:
    """Known figures always; where the documents are at hand, every printed cell must occur in its own document."""
    for (table, row, column), printed in FIGURES[seed].items():
        assert TABLES[table].row(row).cell(column).printed == printed
    for document in SEEDS.glob(f"{seed}_*.txt"):
        source = one_line(document.read_text(encoding="utf-8"))
        for table_ in (t for t in TABLES.values() if t.source.seed == document.name):
            printed_cells = {cell.printed for row_ in table_.rows for cell in row_.cells} - {"", WITHHELD}
            absent = [text for text in printed_cells if one_line(text) not in source]
            assert absent == [], table_.name


def test_every_table_says_where_it_is_printed_and_for_when() -> None:
    assert len(TABLES) == len(load_tables())
    for table in TABLES.values():
        assert re.fullmatch(r"00[0-4]_[0-9a-f]{16}\.txt", table.source.seed)
        assert table.source.place
        assert re.fullmatch(r"[0-9]{4}(-[0-9]{2}){0,2}", table.period)
        assert all({cell.column for cell in row.cells} == {c.name for c in table.columns} for row in table.rows)


def test_the_38_provinces_have_33603_field_staff_and_the_instructors_that_follow() -> None:
    table = TABLES["groundcheck-2025/pendamping-innas"]

    assert len(table.rows) == 38
    assert sum(table.numbers("pendamping")) == 33_603
    assert sum(table.numbers("innas")) == 1_120
    assert len({row.text("kode") for row in table.rows}) == 38
    assert table.row("36").text("kode") == "91"
    assert table.row("38").cell("beban").value == Decimal("30.33")
    assert table.row("38").cell("beban").computed


def test_the_mean_family_is_computed_and_marked_so() -> None:
    mean = TABLES["groundcheck-2025/nasional"].row("rata_rata_anggota").cell("jumlah")

    assert (mean.value, mean.printed, mean.computed) == (Decimal("3.07"), "", True)


@given(st.integers(0, 10_000))
def test_instructors_are_staff_over_thirty_rounded_half_up(staff: int) -> None:
    assert instructors(staff) == int(Decimal(staff) / 30 + Decimal("0.5"))


def test_the_blank_total_of_the_minutes_is_computed_and_marked_so() -> None:
    table = TABLES["tnp2k-2017/berita-acara-sls"]
    total = table.row("total")

    assert [total.cell(c).value for c in ("rts_ada", "rts_tambahan", "jumlah")] == [1_417, 72, 1_489]
    assert all(total.cell(c).computed and not total.cell(c).printed for c in ("rts_ada", "rts_tambahan", "jumlah"))
    assert len(table.rows) == 12


def test_rw_labels_keep_their_print_beside_a_number_and_an_unreadable_one_is_not_guessed() -> None:
    table = TABLES["tnp2k-2017/berita-acara-sls"]
    read = {row.cell("sls").printed: row.cell("rw").value for row in table.rows}

    assert read["RW I"] == "01"
    assert read["RW IX"] == "09"
    assert read["RW 03"] == "03"
    assert read["RW E"] is None


def test_the_minutes_belong_to_a_bps_desa_and_the_metadata_to_tagged_regions() -> None:
    minutes = TABLES["tnp2k-2017/berita-acara-wilayah"]

    assert minutes.region == Region("BPS", BPS_EDITION, "3376030005")
    assert minutes.row("desa").text("kode_lengkap") == "3376030005"
    assert TABLES["dairi-2023/kegiatan"].region == kemendagri("12.11")
    assert TABLES["kediri-2024/kegiatan"].region == Region("BPS", BPS_EDITION, "3571")
    assert TABLES["groundcheck-2025/nasional"].region is None


def test_households_and_families_keep_their_units_and_ratios() -> None:
    table = TABLES["tnp2k-2017/rumah-tangga-nasional"]

    assert table.row("rumah_tangga_bdt").text("satuan") == "rumah tangga"
    assert table.row("keluarga_pkh_non_bdt").text("satuan") == "keluarga"
    assert table.row("keluarga_per_rumah_tangga").cell("jumlah").value == Decimal("1.0714")
    assert TABLES["tnp2k-2017/tanjung-balai"].rows[0].cell("rata_rata_anggota").value == Decimal("4.6680")


def test_the_population_that_the_poverty_rate_implies_is_computed() -> None:
    assert TABLES["tnp2k-2017/kemiskinan-nasional"].rows[0].cell("penduduk_tersirat").value == Decimal("261.00")
    assert TABLES["tnp2k-2017/kemiskinan-tanjung-balai"].rows[0].cell("penduduk_tersirat").value == Decimal(166_379)


def test_kediri_encodes_five_indicators_of_which_one_is_a_count() -> None:
    formulas = {
        row.key: (row.text("pembilang"), row.text("penyebut"), row.number("pengali"), row.text("satuan_hitung"))
        for row in TABLES["kediri-2024/indikator"].rows
    }

    assert formulas["odkb"] == ("penerima bansos ODKB", "ODKB terdata", 100, "orang")
    assert formulas["bpnt"] == ("keluarga penerima sembako/BPNT", "semua keluarga", 100, "keluarga")
    assert formulas["anak_yatim"] == ("penerima bansos anak yatim", "", None, "orang")
    assert len(formulas) == 5
    assert all(row.cell("pembilang").computed for row in TABLES["kediri-2024/indikator"].rows)


def test_kediris_unnamed_definitions_are_named_after_the_collected_variable_and_marked_computed() -> None:
    rows = TABLES["kediri-2024/variabel"].rows

    assert {row.text("nama_kami") for row in rows} == {
        row.text("nama") for row in TABLES["kediri-2024/variabel-dikumpulkan"].rows
    }
    assert all(row.cell("nama").printed == "-" and row.cell("nama_kami").computed for row in rows)


def test_dairi_collects_three_describes_five_and_has_no_indicator() -> None:
    counts = [len(TABLES[f"dairi-2023/{name}"].rows) for name in ("variabel-dikumpulkan", "variabel", "indikator")]

    assert counts == [3, 5, 0]
    assert TABLES["dairi-2023/jadwal"].row("pengumpulan").text("mulai") == "2023-12-13"
    assert TABLES["dairi-2023/kegiatan"].row("frekuensi").text("isi") == "Bulanan"


def test_bangka_belitung_covers_seven_regions_and_describes_three_of_six_variables() -> None:
    counts = [len(TABLES[f"babel-2023/{name}"].rows) for name in ("wilayah", "variabel-dikumpulkan", "variabel")]

    assert counts == [7, 6, 3]
    assert TABLES["babel-2023/kegiatan"].row("rekomendasi").cell("isi").value is None


def test_no_persons_name_address_or_number_is_transcribed() -> None:
    text = "".join(transcription(name[:3]) for name in FILES)

    assert text.count(WITHHELD) == 2
    assert not re.search(r"@|\+62|\b0[0-9]{3,}\b|\b(Jl|Jalan|S\.Ag|S\.STP|S\. ?Sos|M\.Si)\b", text)


@pytest.mark.parametrize(
    ("seed", "old", "new", "code", "severity"),
    [
        ("003", '"5,215", "174"', '"5,215", "173"', "INNAS_SALAH", "reject"),
        ("003", '"5,215", "174"', '"5,216", "174"', "JUMLAH_KOLOM_SALAH", "reject"),
        ("003", '"14", "JAWA TIMUR"', '"14", "JAWA TENGAH"', "JUMLAH_BARIS_SALAH", "reject"),
        ("003", '"14", "JAWA TIMUR"', '"14", "JAWA UTARA"', "WILAYAH_NAMA_TIDAK_DIKENAL", "flag"),
        ("003", '"5,215", "174"', '"5.215", "174"', "NILAI_TIDAK_TERBACA", "reject"),
        ("003", '"5,215", "174"', '"5,215", "12"', "BEBAN_DI_LUAR_KELAS", "flag"),
        ("003", '"Variabel Individu", "13"', '"Variabel Individu", "14"', "JUMLAH_SALAH", "reject"),
        ("003", '["38", "PAPUA TENGAH"', '["37", "PAPUA TENGAH"', "KUNCI_GANDA", "reject"),
        ("004", '"RW 11", "406", "43", "449"', '"RW 11", "406", "43", "448"', "JUMLAH_SALAH", "reject"),
        ("004", '"815,569"', '"815,568"', "JUMLAH_SALAH", "reject"),
        ("004", '"TEGAL", "76"', '"KOTA TEGAL", "71"', "WILAYAH_TIDAK_ADA", "reject"),
        ("002", "K-24.3571.017", "K-24.3571.17", "REKOMENDASI_SALAH_BENTUK", "reject"),
        ("002", "K-24.3571.017", "K-23.3571.017", "REKOMENDASI_BEDA_TAHUN", "flag"),
        ("002", "K-24.3571.017", "K-24.3376.017", "WILAYAH_NAMA_KODE_BEDA", "flag"),
        ("000", '"3", "Rentan Miskin"', '"3", "Hampir Miskin"', "KODE_TIDAK_SESUAI", "reject"),
        ("000", '"BELITUNG TIMUR"', '"BELITUNG"', "JUMLAH_BARIS_SALAH", "reject"),
    ],
)
def test_a_changed_figure_is_reported_by_its_rule(seed: str, old: str, new: str, code: str, severity: str) -> None:
    assert (code, severity) in {(finding.code, finding.severity) for finding in tampered(seed, old, new)}


@pytest.mark.parametrize(
    ("seed", "old", "new", "code"),
    [
        ("004", '"TEGAL", "76"', '"KOTA TEGAL", "76"', "WILAYAH_NAMA_KODE_BEDA"),
        ("000", '"2023-12-01", "2023-12-14"', '"2023-12-01", "2023-12-31"', "JADWAL_BERAKHIR_TERLALU_DINI"),
        ("003", '"P A P U A"', '"PAPUA"', "NAMA_BERSPASI"),
        ("001", '"27 Desember 2023"', '"24 Desember 2023"', "tercetak"),
    ],
)
def test_a_deviation_that_is_mended_in_the_source_is_no_longer_reported(
    seed: str, old: str, new: str, code: str
) -> None:
    before = [f for table in read_tables(transcription(seed)) for f in table.findings if code in (f.code, f.row)]
    after = [finding for finding in tampered(seed, old, new) if code in (finding.code, finding.row)]

    assert len(before) == 1
    assert after == []


@pytest.mark.parametrize(
    ("printed", "number_format", "value"),
    [
        ("285.579.122", "dots", 285_579_122),
        ("26,589,774", "commas", 26_589_774),
        ("27,77", "dots", Decimal("27.77")),
        ("15.08", "commas", Decimal("15.08")),
        ("14.500", "dots", 14_500),
        ("14.500", "commas", Decimal("14.500")),
        ("2023", "plain", 2023),
        (" 0 ", "commas", 0),
    ],
)
def test_a_figure_is_read_under_its_tables_format(
    printed: str, number_format: NumberFormat, value: int | Decimal
) -> None:
    read = parse_number(printed, number_format)

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("printed", "number_format", "rule"),
    [
        ("1,158", "plain", "digits only"),
        ("1158", "commas", "groups of three"),
        ("1.58.000", "dots", "groups of three"),
        ("1,158,", "commas", "groups of three"),
        ("-5", "plain", "digits only"),
        ("", "dots", "groups of three"),
        ("\u0661", "plain", "digits only"),
    ],
)
def test_a_figure_of_another_format_is_refused_by_the_rule_it_breaks_without_repeating_it(
    printed: str, number_format: NumberFormat, rule: str
) -> None:
    with pytest.raises(PrintedValueError, match=rule) as error:
        parse_number(printed, number_format)

    assert not printed or printed not in str(error.value)


def test_a_whole_number_is_never_rounded_from_decimals() -> None:
    with pytest.raises(PrintedValueError, match="without decimals"):
        parse_integer("25.09", "commas")


@given(st.integers(0, 10**12), st.integers(0, 999))
def test_grouped_figures_are_read_back_in_both_formats(whole: int, decimals: int) -> None:
    printed = f"{whole:,}.{decimals:03}"

    assert parse_decimal(printed, "commas") == Decimal(f"{whole}.{decimals:03}")
    assert parse_decimal(printed.translate(str.maketrans(",.", ".,")), "dots") == Decimal(f"{whole}.{decimals:03}")


@given(st.dates())
def test_a_day_is_read_from_both_printed_forms(day: date) -> None:
    months = ("Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober")

    assert parse_date(day.isoformat()) == day
    assert parse_date(f"{day.day} {(*months, 'November', 'Desember')[day.month - 1]} {day.year:04}") == day


@pytest.mark.parametrize("printed", ["31 Februari 2023", "2023-13-01", "17 Brumaire 2023", "besok"])
def test_a_day_that_does_not_exist_is_refused(printed: str) -> None:
    with pytest.raises(PrintedValueError, match="a day that exists"):
        parse_date(printed)
