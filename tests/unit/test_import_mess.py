"""Files as a village or a statistics office really saves them: titles, two-line heads, words, signature lines.

Everybody in them is invented.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
import typer
from openpyxl import Workbook, load_workbook
from typer.testing import CliRunner

from jejak.cli import files
from producers import corrected
from producers import report as reports
from producers.draft import Draft
from producers.messages import Fault
from producers.report import Tally
from producers.seeds.tables import ReferenceTable
from producers.sources import SOURCES
from producers.tables import Table, dates
from producers.tables.head import numbers_columns
from producers.tables.layout import parsed
from tests.unit.import_files import KK, NIK, csv_bytes, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from producers.tables.written import Record

WOMAN = "3571014403820102"
APP = typer.Typer()
files.register(APP)

VILLAGE = [
    ("DAFTAR KELUARGA DESA CAMPUREJO",),
    ("Sistem kode: KEMENDAGRI",),
    ("Kode Desa", ":", "35.71.01.1001"),
    ("1. Kab/Kota", ": Kota Kediri"),
    ("Tanggal pendataan: 3 Januari 2024",),
    (),
    (
        *("NO", "NO. KK", "NIK", "NAMA LENGKAP", "HUB. KELUARGA", "L/P", "TEMPAT LAHIR", "TGL. LAHIR", "STATUS KAWIN"),
        *("KEBERADAAN", "ALAMAT", "RT", "RW", "NO. HP", "KETERANGAN"),
    ),
    tuple(f"({number})" for number in range(1, 16)),
    (
        *("1", KK[0], NIK[0], "SLAMET SANTOSO", "Kepala Keluarga", "L", "KEDIRI", "4 Maret 1980", "Kawin", "1"),
        *("Jl. Café No. 1", "001", "002", "", "-"),
    ),
    (
        *("2", KK[0], WOMAN, "SITI RAHAYU", "Istri", "P", "KEDIRI", "04-03-1982", "KAWIN", "1"),
        *("Jl. Café No. 1", "001", "002", "", ""),
    ),
    (
        *("3", KK[0], "'3571014403120103", "DEWI", "Anak", "P", "KEDIRI", "04-03-12", "Belum Kawin", "1"),
        *("Jl. Café No. 1", "001", "002", "", ""),
    ),
    ("4", *[""] * 14),
    ("", *[""] * 14),
    ("JUMLAH", "", "3", *[""] * 12),
]


def lines(path: Path, source: str) -> tuple[Tally, list[tuple[int, str, str]]]:
    tally, told = Tally(), []
    for item in read(path, source):
        tally.add(item, SOURCES[source].row_records)
        told += [(line.row, line.column, line.rule) for line in reports.lines(item)]
    return tally, sorted(told)


def made(path: Path, source: str) -> list[dict[str, Any]]:
    return [dict(item.body) for item in read(path, source) if isinstance(item, Draft)]


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [("\t", "utf-16"), (";", "cp1252"), (",", "utf-8-sig"), (";", "utf-8")]
)
def test_a_village_s_own_list_is_read_and_every_fault_of_it_told_at_once(
    tmp_path: Path, delimiter: str, encoding: str
) -> None:
    path = tmp_path / "desa.csv"
    path.write_bytes(csv_bytes(VILLAGE, delimiter, encoding))
    tally, told = lines(path, "sik-ng")
    assert tally == Tally(accepted=2, refused=2, noted=2)
    assert told == [
        (11, "NIK", "NUMBER_SEPARATED"),
        (11, "TANGGAL_LAHIR", "DATE_YEAR_SHORT"),
        (12, "", "BARIS_KOSONG"),
        (13, "", "BLANK_ROW"),
        (14, "", "TOTAL_ROW"),
    ]
    claims = [one for one in made(path, "sik-ng") if "relationship" in one]
    assert [(one["relationship"], one["sex"], one["marital_status"]) for one in claims] == [(1, 1, 2), (2, 2, 2)]
    assert [(one["birth_year"], one["birth_month"], one["birth_day"]) for one in claims] == [
        (1980, 3, "04"),
        (1982, 3, "04"),
    ]


def test_the_village_s_list_comes_back_with_comments_and_once_mended_matches_what_was_right(tmp_path: Path) -> None:
    path, out, match = tmp_path / "desa.csv", tmp_path / "back.xlsx", tmp_path / "match.csv"
    path.write_bytes(csv_bytes(VILLAGE, ";", "cp1252"))
    run(path, "--out", str(out))

    book = load_workbook(out)
    sheet = book.worksheets[0]
    commented = {cell.value: cell for row in sheet.iter_rows() for cell in row if cell.comment is not None}
    assert {"'3571014403120103", "04-03-12"} <= set(commented)
    for value, rule in (("'3571014403120103", "NUMBER_SEPARATED"), ("04-03-12", "DATE_YEAR_SHORT")):
        text = commented[value].comment.text
        assert rule in text
        assert all(Fault(rule).sentence(language) in text for language in ("id", "en"))
    commented["'3571014403120103"].value = "3571014403120103"
    commented["04-03-12"].value = "04-03-2012"
    book.save(out)

    told = run(out, "--against", str(path), "--match-report", str(match))
    assert told["tally"]["accepted"] == 3
    assert told["match"]["known"] == 3  # the registration and both claims that were right before
    assert told["match"]["new"] == 1
    rows = [row["match"] for row in csv.DictReader(io.StringIO(match.read_text("utf-8"))) if row["record"]]
    assert sorted(rows) == ["known", "known", "known", "new"]


def run(path: Path, *more: str) -> dict[str, Any]:
    told = CliRunner().invoke(APP, ["sik-ng", str(path), "--agency", "dinsos/35.71", "--check", "--json", *more])
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def test_rows_given_back_lie_in_no_other_folder_while_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, here = tmp_path / "tmp", tmp_path / "here"
    elsewhere.mkdir()
    here.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    path, seen = here / "desa.csv", set[str]()
    path.write_bytes(csv_bytes(VILLAGE))
    rows = Table.rows

    def watched(self: Table) -> Iterator[tuple[int, Record]]:
        for row in rows(self):
            yield row
            seen.update(one.name for one in elsewhere.iterdir())
            seen.update("beside" for one in here.iterdir() if one.is_dir() and any(one.iterdir()))

    monkeypatch.setattr(Table, "rows", watched)
    reading = read(path, "sik-ng")
    corrected.write(here / "back.xlsx", SOURCES["sik-ng"].layout, reading.table, [])
    assert seen == {"beside"}
    assert {one.name for one in here.iterdir()} == {"desa.csv", "back.xlsx"}
    assert tempfile.tempdir == str(elsewhere)


FORUM = [
    ("BERITA ACARA FORUM KONSULTASI PUBLIK",),
    ("1. Provinsi", "JAWA TENGAH", "33"),
    ("2. Kabupaten/Kota *)", "KOTA TEGAL", "76"),
    ("3. Kecamatan", "TEGAL TIMUR", "030"),
    ("4. Desa/Kelurahan*)", "MINTARAGEN", "005"),
    ("Hari/Tanggal : Senin, 14 September 2015",),
    ("Pukul : 09.00 WIB s.d. selesai",),
    ("Tempat : Balai Kelurahan",),
    ("No.", "Nama SLS", "Jumlah RTS", "", "Jumlah", "Nama Ketua SLS", "Tanda Tangan"),
    ("", "", "PBDT 2015", "Tambahan", "", "", ""),
    ("1", "RW 01", "72", "0", "72", "Pak Budi", ""),
    ("2", "RW. 2", "1.246", "4", "1.250", "", ""),
    ("3", "RW III", "33", "2", "35", "", ""),
    ("4", "rw 004", "3", "2", "5", "", ""),
    ("5", "", "", "", "", "", ""),
    ("", "Total", "1.354", "8", "1.363", "", ""),
    ("Kepala Desa", "", "", "", "", "", ""),
]


def test_a_forum_s_two_line_head_is_one_head_and_its_wrong_total_is_told(tmp_path: Path) -> None:
    (tmp_path / "forum.csv").write_bytes(csv_bytes(FORUM, ";", "cp1252"))
    tally, told = lines(tmp_path / "forum.csv", "forum")
    assert tally.accepted == 4
    assert (16, "JUMLAH_RTS", "JUMLAH_SALAH") in told
    units = [
        item.rows[0].cells[1].value
        for item in read(tmp_path / "forum.csv", "forum")
        if isinstance(item, ReferenceTable)
    ]
    assert units[:4] == ["rw-01", "rw-02", "rw-03", "rw-04"]


def test_an_office_s_workbook_with_merged_heads_a_hidden_sheet_and_a_formula_is_read(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    for line in [
        ["HASIL PEMERINGKATAN"],
        ["Run", "DTSEN-2025-T2"],
        ["Tanggal", "20 Mei 2025"],
        *(["Basis", "Keluarga"], ["Cakupan", "Nasional"], ["Model", "PMT-2025.1"], ["DPIA", "DPIA-3"]),
        ["No", "Nomor KK", "Peringkat", None, "Ket."],
        [None, None, "Desil", "Persentil", None],
        [1, KK[0], 2, 15.27, None],
        [2, KK[1], None, None, None],
        [3, KK[2], 3, "25,4", None],
        [4, KK[3], "=1+2", "25,4", None],
    ]:
        sheet.append(line)
    for cells in ("A1:E1", "A8:A9", "B8:B9", "C8:D8", "E8:E9"):
        sheet.merge_cells(cells)
    book.create_sheet("lama").sheet_state = "hidden"
    book.save(tmp_path / "rank.xlsx")
    tally, told = lines(tmp_path / "rank.xlsx", "ranking")
    assert tally == Tally(accepted=2, refused=2)
    assert {(11, "ALASAN", "REASON_MISSING"), (13, "DESIL", "FORMULA_UNCOMPUTED")} <= set(told)


def test_a_list_of_aid_with_an_office_s_heads_dates_and_amounts_is_read(tmp_path: Path) -> None:
    aid = [
        ("DAFTAR PENERIMA BANTUAN",),
        ("Nomor SK: 400/12/2024",),
        ("Jenis Bantuan : Bantuan Pangan Non Tunai Daerah",),
        ("Tahap", "Juli 2024"),
        ("No", "No. KK", "NIK", "Nama Penerima", "Alamat", "Nominal (Rp)", "Tgl Penyaluran", "No. Rek"),
        ("1", KK[0], "", "x", "y", "200.000", "3-Jul-2024", "01"),
        ("2", KK[1], "", "x", "y", "Rp 200.000,00", "03-07-24", ""),
        ("3", KK[2], "", "x", "y", "200,000.00", "3 Juli 2024", ""),
        ("Jumlah", "", "", "", "", "600.000", "", ""),
    ]
    (tmp_path / "aid.csv").write_bytes(csv_bytes(aid, ";", "cp1252"))
    tally, told = lines(tmp_path / "aid.csv", "aid")
    assert told == [(7, "TANGGAL_TERIMA", "DATE_YEAR_SHORT"), (8, "JUMLAH", "NUMBER_PRINTED"), (9, "", "TOTAL_ROW")]
    assert tally == Tally(accepted=1, refused=2, noted=1)
    assert [(one["period"], one["amount_rupiah"]) for one in made(tmp_path / "aid.csv", "aid")] == [
        ("2024-07", 200_000)
    ]


def test_answers_of_the_civil_registry_and_a_meeting_s_list_are_read_under_an_office_s_heads(tmp_path: Path) -> None:
    answers = [
        ("sep=;",),
        ("Batch", "PADAN-1"),
        ("Tgl Padan", "14/05/2025"),
        ("NO", "NIK", "NO KK", "NAMA LGKP", "TGL LHR", "RESPON"),
        ("1", NIK[0], KK[0], "SLAMET", "04-03-1980", "Data Sesuai"),
        ("2", WOMAN, KK[0], "SITI", "", "Tidak Ditemukan"),
    ]
    (tmp_path / "d.csv").write_bytes(csv_bytes(answers))
    assert lines(tmp_path / "d.csv", "dukcapil") == (Tally(accepted=2), [])
    meeting = [
        ("DAFTAR HASIL MUSDES",),
        ("No. Berita Acara", "12/BA/2025"),
        ("Hari, Tanggal", "Jumat, 14 Maret 2025"),
        ("a) Jumlah Peserta Hadir", "45"),
        ("b) Jumlah Tanda Tangan", "40"),
        ("NO", "NO KK", "NIK", "NAMA KEPALA KELUARGA", "ALAMAT", "USULAN", "HASIL MUSDES", "KET"),
        ("1", KK[0], NIK[0], "A", "B", "Usulan Baru", "USUL", ""),
        ("2", KK[1], "", "A", "B", "Hapus", "Usul", "sudah mampu"),
    ]
    (tmp_path / "m.csv").write_bytes(csv_bytes(meeting))
    assert lines(tmp_path / "m.csv", "musdes") == (Tally(accepted=2), [])


def test_a_row_of_data_is_never_taken_for_the_second_line_of_a_head(tmp_path: Path) -> None:
    ranking = [
        *(
            ("Run", "R"),
            ("Tanggal", "2025-05-20"),
            ("Basis", "Keluarga"),
            ("Cakupan", "N"),
            ("Model", "M"),
            ("DPIA", "D"),
        ),
        ("No KK", "Desil", ""),
        (KK[0], "2", "Persentil"),
        (KK[1], "3", ""),
    ]
    (tmp_path / "r.csv").write_bytes(csv_bytes(ranking))
    _, told = lines(tmp_path / "r.csv", "ranking")
    assert (8, "", "SHIFTED_COLUMNS") in told


@pytest.mark.parametrize(
    ("cells", "numbered"),
    [
        (["1", "2", "3"], True),
        (["(1)", "(2)", "(3)", "(4)"], True),
        (["1", "2"], False),
        (["1", "2", "4"], False),
        (["1", "", "3"], False),
        ([KK[0], "2", "3"], False),
    ],
)
def test_a_line_that_numbers_the_columns_is_known_by_all_its_cells(cells: list[str], *, numbered: bool) -> None:
    assert numbers_columns(cells) is numbered


@pytest.mark.parametrize(
    ("printed", "period"),
    [
        ("2025", "2025"),
        ("2025-T2", "2025-T2"),
        ("2025-07", "2025-07"),
        ("Juli 2025", "2025-07"),
        ("Triwulan II 2025", "2025-T2"),
        ("TW 3 2025", "2025-T3"),
        ("Tahap 2 2025", None),
        ("July 2025", None),
        ("2025-13", None),
        ("T2-2024", None),
    ],
)
def test_a_period_is_a_year_a_quarter_or_a_month(printed: str, period: str | None) -> None:
    assert dates.period(printed) == period


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        ("03-01-24", "DATE_YEAR_SHORT"),
        ("3 Januari '24", "DATE_YEAR_SHORT"),
        ("3-Jan-24", "DATE_YEAR_SHORT"),
        ("3 January 2024", "DATE_ABSENT"),
        ("01/13/2024", "DATE_ABSENT"),
        ("Januari", "DATE_FORMAT"),
    ],
)
def test_a_date_that_could_be_two_days_is_refused_by_its_reason(printed: str, found: str) -> None:
    assert dates.read(printed, ("dmy", "long")) == found


def test_a_word_for_a_code_is_the_code_and_no_layout_gives_a_word_two_codes() -> None:
    for source in SOURCES.values():
        for column in source.layout.columns:
            assert all((column.first or 0) <= code <= (column.last or 0) for code in column.words.values())
    table = {
        "source": "x",
        "dates": [],
        "numbers": "plain",
        "column": [{"name": "A", "kind": "code", "first": 1, "last": 2, "words": {"1": ["L"], "2": ["l."]}}],
    }
    with pytest.raises(ValueError, match="two codes"):
        parsed(table)
