"""Files as agencies send them: what becomes a change, what a line of the report, and how the file is described."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from producers.draft import Draft, RowRefused
from producers.sik_ng import Dialect, Reading, channel_for, read
from producers.tables import NotText, workbook

FILES = Path(__file__).parent.parent / "fixtures" / "sik_ng"
CSV = Dialect("CSV", "utf-8", ",", bom=False)
XLSX = Dialect("XLSX", "utf-8", "", bom=False)
ALL_GOOD = [
    (2, "FamilyRegistered"),
    (2, "MembershipClaimed"),
    (3, "MembershipClaimed"),
    (4, "MembershipClaimed"),
    (5, "FamilyRegistered"),
    (5, "MembershipClaimed"),
    (6, "MembershipClaimed"),
]
FIRST, SECOND = ALL_GOOD[:4], ALL_GOOD[4:]


def reading(name: str, number: str = "") -> Reading:
    path = FILES / name
    return read(path, channel_for(path, "desa/35.71.01.1001", "operator-1", number))


def drafts(found: Reading) -> list[tuple[int, str]]:
    return [(item.row, item.record) for item in found.items if isinstance(item, Draft)]


def report(found: Reading) -> list[tuple[int, str, str]]:
    return [(item.row, item.column, item.rule) for item in found.items if isinstance(item, RowRefused)]


BAD_FILES = [
    ("bom.csv", Dialect("CSV", "utf-8", ",", bom=True), ALL_GOOD, []),
    ("semicolons.csv", Dialect("CSV", "utf-8", ";", bom=False), ALL_GOOD, []),
    (
        "mixed_formats.csv",
        CSV,
        [],
        [
            (5, "NOMOR_KK", "NUMBER_SEPARATED"),  # names no card: told before the families
            (2, "NIK", "NUMBER_SEPARATED"),
            (3, "HUBUNGAN", "HEAD_REFUSED"),
            (4, "TANGGAL_LAHIR", "DATE_YEAR_SHORT"),
            (6, "HUBUNGAN", "CODE_FORMAT"),
        ],
    ),
    (
        "blank_cells.csv",
        CSV,
        [FIRST[0], FIRST[1], FIRST[3], SECOND[0], SECOND[1]],  # the blank row 6 moves the last row down
        [(6, "", "BLANK_ROW"), (3, "NIK", "BLANK"), (7, "TANGGAL_LAHIR", "BLANK")],
    ),
    ("doubled_rows.csv", CSV, ALL_GOOD, [(7, "", "DOUBLED_ROW"), (8, "NIK", "NIK_GANDA")]),
    (
        "shifted_columns.csv",
        CSV,
        [FIRST[0], FIRST[1], SECOND[0], SECOND[1]],
        [(row, "", "SHIFTED_COLUMNS") for row in (3, 6, 4)],  # moved by one, they name no card
    ),
    ("nik_15_digits.csv", CSV, [*FIRST[:3], *SECOND], [(4, "NIK", "V1")]),
    ("truncated.csv", CSV, [], [(0, "", "TRUNCATED")]),
    ("merged_cells.xlsx", XLSX, SECOND, [(row, "NOMOR_KK", "MERGED_CELLS") for row in (3, 4, 2)]),
    (
        "wrong_code_system.csv",
        CSV,
        SECOND,
        [(row, "KODE_WILAYAH", "WILAYAH_TIDAK_ADA") for row in (2, 3, 4)],
    ),
    ("empty.csv", None, [], [(0, "", "EMPTY")]),
    ("two_heads.csv", CSV, SECOND, [(row, "HUBUNGAN", "V14") for row in (2, 3, 4)]),
    (
        "two_header_rows.csv",
        CSV,
        [*FIRST, (6, "FamilyRegistered"), (6, "MembershipClaimed"), (7, "MembershipClaimed")],
        [(5, "", "HEADER_REPEATED")],
    ),
    ("no_header.csv", CSV, [], [(0, "", "HEADER_MISSING")]),
    ("truncated.xlsx", XLSX, [], [(0, "", "WORKBOOK")]),
    ("good.csv", CSV, ALL_GOOD, []),
    ("good.xlsx", XLSX, ALL_GOOD, []),
]


@pytest.mark.parametrize(("name", "dialect", "said", "refused"), BAD_FILES, ids=[row[0] for row in BAD_FILES])
def test_a_file_is_reported_exactly(
    name: str, dialect: Dialect | None, said: list[tuple[int, str]], refused: list[tuple[int, str, str]]
) -> None:
    found = reading(name)

    assert found.dialect == dialect
    assert drafts(found) == said
    assert report(found) == refused


@pytest.mark.parametrize("name", [row[0] for row in BAD_FILES])
def test_every_row_is_a_claim_or_a_line_of_the_report(name: str) -> None:
    found = reading(name)

    claims = [row for row, record in drafts(found) if record == "MembershipClaimed"]
    rows = claims + [row for row, _, _ in report(found)]

    assert len(set(rows)) == len(rows)
    assert sorted(rows) == [0] or sorted(rows) == list(range(2, 2 + len(rows)))


@pytest.mark.parametrize("name", [row[0] for row in BAD_FILES])
def test_no_report_line_holds_a_number_or_a_name_of_a_person(name: str) -> None:
    found = reading(name)

    lines = " ".join(f"{item.explanation} {item.column}" for item in found.items if isinstance(item, RowRefused))

    assert "357101" not in lines.replace("3571010001", "")
    assert not any(word in lines for word in ("Slamet", "Santoso", "Siti", "Mawar", "1980"))


def test_a_code_whose_digits_name_another_place_is_flagged_and_kept_as_printed() -> None:
    found = reading("wrong_code_system.csv")

    registered = next(item for item in found.items if isinstance(item, Draft) and item.record == "FamilyRegistered")

    assert registered.findings == ("WILAYAH_NAMA_KODE_BEDA",)
    assert registered.body["region"]["code"] == "12.10.02.2001"
    assert registered.body["region"]["system"] == "KEMENDAGRI"


def test_csv_and_xlsx_of_the_same_rows_say_the_same() -> None:
    one, other = reading("good.csv", "BA-7"), reading("good.xlsx", "BA-7")

    assert list(one.items) == list(other.items)


def test_a_document_is_named_by_its_digest_unless_the_agency_numbers_it() -> None:
    by_digest, by_number = next(iter(reading("good.csv"))), next(iter(reading("good.csv", "BA-7")))

    assert isinstance(by_digest, Draft)
    assert isinstance(by_number, Draft)
    assert by_digest.channel.document == reading("good.csv", "BA-7").digest
    assert by_number.channel.document == "BA-7"


def test_a_file_in_an_old_encoding_is_read_and_its_encoding_told(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    text = (FILES / "good.csv").read_text("utf-8").replace("Jl. Mawar", "Jl. Café Désa Rénové")
    path.write_bytes(text.encode("cp1252"))

    found = read(path, channel_for(path, "kemensos", "x"))

    assert found.dialect is not None
    assert found.dialect.encoding != "utf-8"
    assert drafts(found) == ALL_GOOD


def test_a_number_in_a_spreadsheet_cell_is_refused_where_digits_can_be_lost(tmp_path: Path) -> None:
    from openpyxl import load_workbook  # noqa: PLC0415  only this test writes a workbook

    book = load_workbook(FILES / "good.xlsx")
    book.active["B4"] = int(book.active["B4"].value)
    book.save(tmp_path / "number.xlsx")

    found = read(tmp_path / "number.xlsx", channel_for(tmp_path / "number.xlsx", "kemensos", "x"))

    assert report(found) == [(4, "NIK", "NUMBER_FORMAT")]


def test_an_unfinished_quote_is_a_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "quote.csv"
    path.write_bytes((FILES / "good.csv").read_bytes() + b'"35')

    assert report(read(path, channel_for(path, "kemensos", "x"))) == [(0, "", "TRUNCATED")]


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("HUBUNGAN", "9", "CODE_UNKNOWN"),
        ("SISTEM_KODE", "DEPDAGRI", "CODE_UNKNOWN_WORD"),
        ("TANGGAL_LAHIR", "1899-12-31", "V3"),
        ("TANGGAL_LAHIR", "2025-01-16", "V3"),
        ("TANGGAL_LAHIR", "2012-02-30", "DATE_ABSENT"),
        ("KODE_WILAYAH", "35.71.01", "WILAYAH_BUKAN_DESA"),
        ("ALAMAT", "Jl. Lain", "FAMILY_ROWS_DIFFER"),
    ],
)
def test_a_cell_outside_its_list_is_refused(tmp_path: Path, column: str, value: str, rule: str) -> None:
    head, *rows = csv.reader((FILES / "good.csv").read_text("utf-8").splitlines())
    rows[2][head.index(column)] = value
    path = tmp_path / "cell.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *rows])

    found = read(path, channel_for(path, "kemensos", "x"))

    assert {item.rule for item in found.items if isinstance(item, RowRefused)} == {rule}


def test_dates_and_whole_numbers_of_a_spreadsheet_are_read_as_they_show(tmp_path: Path) -> None:
    from openpyxl import load_workbook  # noqa: PLC0415  only these tests write a workbook

    book = load_workbook(FILES / "good.xlsx")
    sheet = book.active
    for row in range(2, 7):
        sheet[f"F{row}"] = date.fromisoformat(sheet[f"F{row}"].value)
        sheet[f"D{row}"] = float(sheet[f"D{row}"].value)
    book.save(tmp_path / "typed.xlsx")

    found = read(tmp_path / "typed.xlsx", channel_for(tmp_path / "typed.xlsx", "desa/35.71.01.1001", "o", "BA-7"))

    assert [item.body for item in found.items if isinstance(item, Draft)] == [
        item.body for item in reading("good.csv", "BA-7").items if isinstance(item, Draft)
    ]


@pytest.mark.parametrize("value", [True, False, 1.5, 1e15, float("nan"), float("inf"), -float("inf")])
def test_a_spreadsheet_s_value_that_is_no_text_is_never_taken_for_blank_nor_a_fault(value: object) -> None:
    assert isinstance(workbook._cell(value), NotText)
