"""The Berita Acara of seed 004 as a file: labels kept beside ids, the Total computed and marked, nothing repaired."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from producers import reference
from producers.draft import Noted, RowRefused
from producers.seeds import load_tables
from producers.seeds.tables import ReferenceTable
from producers.sls_label import sls_id
from schemas import codec
from tests.unit.import_files import EXAMPLES, Example, csv_bytes, read, report

if TYPE_CHECKING:
    from pathlib import Path

    from producers.reading import Reading

SEED = next(table for table in load_tables() if table.name.endswith("berita-acara-sls"))
SUMS = {"RTS_ADA": "rts_ada", "RTS_TAMBAHAN": "rts_tambahan", "JUMLAH_RTS": "jumlah"}
_FORM = EXAMPLES["forum"]


def the_seed_s_form() -> Example:
    """Return the form as the seed prints it: eleven rows filled, four numbered lines and the Total left blank."""
    rows = [
        (row.text("nomor"), row.text("sls"), *(row.cell(column).printed for column in SUMS.values()), "Ketua", "")
        for row in SEED.rows
        if row.key != "total"
    ]
    blank = [(f"{number}.", "", "", "", "", "", "") for number in range(12, 16)]
    below = [("Total", "", "", "", "", "", ""), ("Catatan: ____", "", "", "", "", "", ""), ("Kepala Desa",)]
    return _FORM.with_rows([*rows, *blank, *below])


def form(folder: Path, example: Example) -> Reading:
    path = folder / "ba.csv"
    path.write_bytes(csv_bytes(example.lines))
    return read(path, "forum")


def rows_of(found: Reading) -> list[ReferenceTable]:
    return [item for item in found if isinstance(item, ReferenceTable)]


def test_the_seed_s_form_gives_the_seed_s_figures_and_its_total_is_computed(tmp_path: Path) -> None:
    found = form(tmp_path, the_seed_s_form())

    *sls, total = rows_of(found)

    assert report(found) == []
    seeds = {row.text("sls"): row for row in SEED.rows if row.key != "total"}
    assert [table.rows[0].text("SLS") for table in sls] == list(seeds)
    for table in sls:
        row = table.rows[0]
        assert {own: row.number(own) for own in SUMS} == {
            own: seeds[row.text("SLS")].number(s) for own, s in SUMS.items()
        }
    assert total.rows[0].key == "total"
    assert {own: total.rows[0].number(own) for own in SUMS} == {
        own: SEED.row("total").number(s) for own, s in SUMS.items()
    }
    assert all(cell.computed for cell in total.rows[0].cells)
    assert {one.code for one in total.findings} >= {"TOTAL_KOSONG", "LABEL_SLS_CAMPUR"}


def test_blank_lines_and_what_stands_below_the_table_are_told_as_no_data(tmp_path: Path) -> None:
    found = form(tmp_path, the_seed_s_form())
    noted = [item.fault.rule for item in found if isinstance(item, Noted) and item.row]
    assert sorted(noted) == [*["BARIS_KOSONG"] * 4, *["BELOW_TABLE"] * 2, "TOTAL_ROW"]


def test_the_form_s_deviations_are_told_once(tmp_path: Path) -> None:
    bare = tuple(tuple("TEGAL" if cell == "KOTA TEGAL" else cell for cell in line) for line in _FORM.above[:-2])
    found = form(tmp_path, Example("forum", bare, _FORM.head, _FORM.rows, "", ""))
    told = [item.fault.rule for item in found if isinstance(item, Noted) and not item.row]
    assert told == ["SISTEM_KODE_TIDAK_DICETAK", "WILAYAH_NAMA_KODE_BEDA", "ISIAN_KOSONG"]


def test_a_printed_label_is_kept_beside_its_id(tmp_path: Path) -> None:
    labels = [(t.rows[0].cell("SLS").printed, t.rows[0].text("ID_SLS")) for t in rows_of(form(tmp_path, _FORM))[:-1]]
    assert labels == [("RW I", "rw-01"), ("RW 03", "rw-03"), ("RW IX", "rw-09"), ("RW E", "")]


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("RW I", "rw-01"),
        ("RW 01", "rw-01"),
        ("Rw. 1", "rw-01"),
        ("RW.001", "rw-01"),
        ("rw-1", "rw-01"),
        ("RW XIV", "rw-14"),
        ("RW XX", "rw-20"),
        ("RT 02/RW 05", "rw-05/rt-02"),
        ("RW V, RT 2", "rw-05/rt-02"),
        ("Lingkungan III", "lingkungan-03"),
        ("Dsn. Krajan Wetan", "dusun-krajan-wetan"),
        ("Jorong Koto", "jorong-koto"),
        ("RW E", None),
        ("RW", None),
        ("RW 1O", None),
        ("RW 1 lama", None),
        ("RW IIII", None),
        ("RW 2 dan 3", None),
        ("", None),
    ],
)
def test_the_spellings_of_a_label_share_an_id_or_have_none(printed: str, expected: str | None) -> None:
    assert sls_id(printed) == expected


def test_a_row_whose_parts_do_not_add_up_is_refused_and_no_total_is_told(tmp_path: Path) -> None:
    found = form(tmp_path, _FORM.changed(1, "Jumlah", "36"))
    assert report(found) == [(_FORM.first + 1, "JUMLAH_RTS", "JUMLAH_SALAH")]
    assert [table.rows[0].key for table in rows_of(found)].count("total") == 0
    assert any(isinstance(item, Noted) and item.fault.rule == "TOTAL_INCOMPLETE" for item in found)


@pytest.mark.parametrize("label", ["RW V", "RW5", "Dusun Krajan", "RW E"])
@pytest.mark.parametrize("word", ["Total", "Jumlah"])
def test_a_row_that_says_total_and_names_an_sls_is_refused_and_no_total_is_told(
    tmp_path: Path, label: str, word: str
) -> None:
    late = ("5.", "RW 6", "10", "1", "11", "", "")
    found = form(tmp_path, _FORM.with_rows([*_FORM.rows, (word, label, "10", "1", "11", "", ""), late]))
    at = _FORM.first + len(_FORM.rows)
    assert report(found) == [(at, "SLS", "TOTAL_NAMES_SLS")]
    assert [table.rows[0].text("SLS") for table in rows_of(found)] == [*[row[1] for row in _FORM.rows], "RW 6"]
    assert any(isinstance(item, Noted) and item.fault.rule == "TOTAL_INCOMPLETE" for item in found)


def test_a_row_below_the_total_that_says_total_and_names_an_sls_is_refused(tmp_path: Path) -> None:
    rows = [*_FORM.rows, ("Total", "", "", "", "", "", ""), ("Total", "RW V", "10", "1", "11", "", "")]
    found = form(tmp_path, _FORM.with_rows(rows))
    (refused,) = [item for item in found if isinstance(item, RowRefused)]
    assert [fault.rule for fault in refused.faults] == ["SLS_BELOW_TOTAL", "TOTAL_NAMES_SLS"]


def test_a_total_that_says_of_what_is_a_total(tmp_path: Path) -> None:
    found = form(tmp_path, _FORM.with_rows([*_FORM.rows, ("Jumlah", "RTS", "", "", "", "", "")]))
    assert report(found) == []
    assert [table.rows[0].key for table in rows_of(found)].count("total") == 1


_LATE = ("5.", "RW 5", "10", "1", "11", "", "")


@pytest.mark.parametrize(
    ("late", "codes"),
    [
        (_LATE, ["SLS_BELOW_TOTAL"]),
        (("5.", "RW 5", "10", "x", "11", "", ""), ["SLS_BELOW_TOTAL", "NUMBER_PRINTED"]),
        (("5.", "", "10", "1", "11", "", ""), ["SLS_BELOW_TOTAL", "BLANK"]),
        (("5.", "RW 5", "10", "1", "11"), ["SLS_BELOW_TOTAL", "ROW_SHORT"]),
        (("", "5.", "RW 5", "10", "1", "11", ""), ["SLS_BELOW_TOTAL", "SHIFTED_COLUMNS"]),
    ],
)
@pytest.mark.parametrize("total", ["", "1.555"])
def test_a_row_of_an_sls_below_a_page_s_total_is_refused_and_no_total_is_told(
    tmp_path: Path, late: tuple[str, ...], codes: list[str], total: str
) -> None:
    page = ("Jumlah", "", total, "", "", "", "")
    found = form(tmp_path, _FORM.with_rows([*_FORM.rows, page, late, ("Total", "", "", "", "", "", "")]))
    at = _FORM.first + len(_FORM.rows) + 1
    (refused,) = [item for item in found if isinstance(item, RowRefused)]
    assert (refused.row, [fault.rule for fault in refused.faults]) == (at, codes)
    assert [table.rows[0].text("SLS") for table in rows_of(found)] == [row[1] for row in _FORM.rows]
    noted = {item.row: item.fault.rule for item in found if isinstance(item, Noted) and item.row}
    assert noted == {at - 1: "TOTAL_INCOMPLETE", at + 1: "BELOW_TABLE"}


@pytest.mark.parametrize(
    "line",
    [
        ("", "Kepala Desa", "", "", "Fasilitator", "", ""),
        ("", "Tegal, 14 September 2015", "", "", "", "", ""),
        ("", "Total", "1.555", "8", "1.563", "", ""),
        ("NIP 197001011990", "", "", "", "", "", ""),
        ("", "", "", "", "3", "", ""),
    ],
)
def test_what_is_signed_below_the_total_is_no_row_and_the_total_stands(tmp_path: Path, line: tuple[str, ...]) -> None:
    found = form(tmp_path, _FORM.with_rows([*_FORM.rows, ("Total", "", "", "", "", "", ""), line]))
    assert report(found) == []
    assert [item.fault.rule for item in found if isinstance(item, Noted) and item.row] == ["BELOW_TABLE", "TOTAL_ROW"]
    assert rows_of(found)[-1].rows[0].key == "total"


@pytest.mark.parametrize(("printed", "right"), [("1.555", True), ("1.556", False)])
def test_a_printed_total_must_be_the_sum_and_is_still_marked_computed(
    tmp_path: Path, printed: str, *, right: bool
) -> None:
    total = ("Total", "", printed, "8", "1.563", "", "") if right else ("Total", "", printed, "", "", "", "")
    found = form(tmp_path, _FORM.with_rows([*_FORM.rows, total]))
    assert right == (not any(isinstance(item, RowRefused) for item in found))
    assert right == ("total" in [table.rows[0].key for table in rows_of(found)])


def test_two_spellings_of_one_unit_are_one_unit_named_twice(tmp_path: Path) -> None:
    found = form(tmp_path, _FORM.changed(3, "Nama SLS satu tingkat di bawah desa/kecamatan", "RW. 1"))
    assert report(found) == [(_FORM.first + 3, "SLS", "SLS_GANDA")]


def test_no_name_of_a_person_on_the_form_is_published(tmp_path: Path) -> None:
    found = form(tmp_path, the_seed_s_form())
    sent = b"".join(message.value for message in reference.rows(rows_of(found)))
    assert b"Ketua" not in sent
    assert b"RW IX" in sent


def test_what_is_published_says_where_it_was_printed_and_what_is_computed(tmp_path: Path) -> None:
    (total,) = [m for m in reference.rows(rows_of(form(tmp_path, _FORM))) if m.key.endswith(b"/total")]
    record = codec.decode(total.value)
    assert record.region.code == "3376030005"
    assert record.period == "2015-09-14"
    assert all(cell.computed for cell in record.cells)


def test_a_place_that_is_nowhere_refuses_the_form(tmp_path: Path) -> None:
    above = tuple(
        ("1", "Provinsi", "JAWA TENGAH", "99") if line[1:2] == ("Provinsi",) else line for line in _FORM.above
    )
    found = form(tmp_path, Example("forum", above, _FORM.head, _FORM.rows, "", ""))
    assert report(found) == [(0, "DESA", "WILAYAH_TIDAK_ADA")]
