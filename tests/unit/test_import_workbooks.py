"""Workbooks as they come: any length in the memory of a few rows, no person in plain on the disk, no bombs."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from datetime import date
from typing import TYPE_CHECKING

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from jejak.bench import importing
from producers.tables import NotText
from producers.tables.markup import Damaged
from producers.tables.scratch import Scratch, ScratchFull
from producers.tables.spool import Spool
from producers.tables.strings import SharedStrings, unescaped
from producers.tables.workbook import Sheet, sheets_of
from tests.unit.import_files import EXAMPLES, KK, read, report, rules, said, workbook, written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SHEET = "xl/worksheets/sheet1.xml"
CELLS = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), st.just(""), st.just(NotText(1.5)))


def changed(path: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    """Write the workbook anew with one of its parts changed."""
    with zipfile.ZipFile(path) as book:
        parts = {one.filename: book.read(one) for one in book.infolist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name, content)
    return path


def example(folder: Path) -> Path:
    path = folder / "ranking.xlsx"
    workbook(EXAMPLES["ranking"].lines).save(path)
    return path


def one_sheet(path: Path) -> list[list[object]]:
    found = sheets_of(path)
    assert isinstance(found, list)
    (sheet,) = found
    return [list(cells) for cells in sheet.records()]


def sheet_of(folder: Path, rows: str, more: str = "") -> Path:
    """Return a workbook with these rows of markup."""
    content = f'<x:worksheet xmlns:x="{importing._MAIN}"><x:sheetData>{rows}</x:sheetData>{more}</x:worksheet>'
    path = folder / "made.xlsx"
    with zipfile.ZipFile(path, "w") as book:
        for name, text in importing._PARTS.items():
            book.writestr(name, text.replace("<Relationship Id=", "<Relationship Id=", 1))
        book.writestr("xl/sharedStrings.xml", f'<sst xmlns="{importing._MAIN}"><si><t>one</t></si></sst>')
        book.writestr(SHEET, content)
    return path


READ = """
import sys
from pathlib import Path
from jejak.bench.resident import peak
from producers.tables.workbook import sheets_of
(sheet,) = sheets_of(Path(sys.argv[1]))
print(sum(1 for _ in sheet.records()), peak() >> 20)
"""


def test_ten_times_the_rows_of_a_workbook_take_no_more_memory(tmp_path: Path) -> None:
    peaks = []
    for rows in (2_000, 20_000):
        path = tmp_path / f"{rows}.xlsx"
        importing.write(path, rows)
        told = subprocess.run([sys.executable, "-c", READ, str(path)], check=True, capture_output=True, timeout=120)
        count, peak = map(int, told.stdout.split())
        assert count == rows + 1
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 12, peaks  # a reader that holds the rows takes 25 MB more


def test_a_workbook_of_shared_texts_says_the_same_as_the_csv(tmp_path: Path) -> None:
    importing.write(tmp_path / "a.xlsx", 1_200)
    importing.write(tmp_path / "a.csv", 1_200)
    assert said(read(tmp_path / "a.xlsx", "sik-ng")) == said(read(tmp_path / "a.csv", "sik-ng"))


def test_nothing_of_a_person_lies_in_plain_in_a_temporary_file() -> None:
    scratch = Scratch(in_memory=1)
    block = b"3571010403800101 Slamet" * 100
    for _ in range(3):
        scratch.put(block)
    scratch._file.seek(0)
    on_disk = scratch._file.read()
    assert len(on_disk) == scratch._ends[-1]
    assert b"Slamet" not in on_disk
    assert [scratch.get(at) for at in (2, 0, 1)] == [block] * 3
    assert len({on_disk[start:end] for start, end in zip(scratch._ends, scratch._ends[1:], strict=False)}) == 3


def test_a_temporary_file_that_was_changed_is_a_fault() -> None:
    scratch = Scratch(in_memory=1)
    scratch.put(b"one")
    scratch._file.seek(0)
    scratch._file.write(b"\x00\x00")
    with pytest.raises(InvalidTag):
        scratch.get(0)


def test_a_full_disk_is_a_fault_and_no_damaged_workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Scratch, __: bytes) -> int:
        raise ScratchFull("no room")

    monkeypatch.setattr(Scratch, "put", full)
    with pytest.raises(ScratchFull):
        sheets_of(example(tmp_path))


@given(rows=st.lists(st.lists(CELLS, max_size=5), max_size=40))
def test_rows_come_back_as_they_were_put_and_at_their_numbers(rows: list[list[object]]) -> None:
    spool = Spool(Scratch())
    for number, cells in enumerate(rows, 1):
        spool.put(number, cells)  # type: ignore[arg-type]
    spool.close()
    back = list(spool.records())
    assert len(back) == spool.count <= len(rows)
    for cells, found in zip(rows, back, strict=False):
        blank = all(isinstance(cell, str) and not cell.strip() for cell in cells)
        assert list(found[: len(cells)]) == ([""] * len(found[: len(cells)]) if blank else cells)
        assert all(cell == "" for cell in found[len(cells) :])


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00_"), max_size=9)))
def test_shared_texts_are_found_by_their_place(texts: list[str]) -> None:
    shared = SharedStrings(Scratch())
    for text in texts:
        shared.add(text)
    shared.close()
    assert [shared[at] for at in range(len(texts))] == texts
    with pytest.raises(Damaged):
        shared[len(texts)]


def test_more_shared_texts_than_are_held_at_once_are_still_found() -> None:
    shared = SharedStrings(Scratch())
    for number in range(60_000):
        shared.add(f"text {number}")
    shared.close()
    assert [shared[at] for at in range(0, 60_000, 517)] == [f"text {at}" for at in range(0, 60_000, 517)]
    assert len(shared._hot) <= 64


@pytest.mark.parametrize(
    ("text", "meant"),
    [("a_x000D_b", "a\rb"), ("_x005F_x000D_", "_x000D_"), ("_xD800_", "\ufffd"), ("KODE_x", "KODE_x")],
)
def test_escapes_of_a_workbook_are_the_characters_they_stand_for(text: str, meant: str) -> None:
    assert unescaped(text) == meant


def test_what_a_cell_shows_is_read_and_what_is_no_text_is_told(tmp_path: Path) -> None:
    cells = (
        '<x:c r="A1" t="s"><x:v>0</x:v></x:c><x:c r="B1" t="inlineStr"><x:is><x:r><x:t>a</x:t></x:r><x:rPh>'
        '<x:t>no</x:t></x:rPh><x:r><x:t>b</x:t></x:r></x:is></x:c><x:c r="C1" t="str"><x:f>A1</x:f><x:v>two</x:v></x:c>'
        '<x:c r="D1"><x:v>007</x:v></x:c><x:c r="E1"><x:v>1.5E1</x:v></x:c><x:c r="F1"><x:v>0.5</x:v></x:c>'
        '<x:c r="G1"><x:f>SUM(A1)</x:f></x:c><x:c r="H1" t="e"><x:v>#N/A</x:v></x:c><x:c r="I1" t="b">'
        "<x:v>1</x:v></x:c>"
        '<x:c r="J1"><x:v>3571010403800101</x:v></x:c><x:c r="K1" s="9"/>'
        '<x:c r="M1" t="d"><x:v>2025-01-15T00:00</x:v></x:c>'
        "<x:c><x:v>1_0</x:v></x:c>"
    )
    (row,) = one_sheet(sheet_of(tmp_path, f'<x:row r="1">{cells}</x:row>'))
    assert row == [
        *("one", "ab", "two", "7", "15", NotText(0.5), NotText(rule="FORMULA_UNCOMPUTED"), NotText(rule="CELL_ERROR")),
        *(NotText(), NotText(), "", "", "2025-01-15", NotText()),
    ]


@pytest.mark.parametrize(
    ("printed", "day"),
    [(date(1900, 1, 1), "1900-01-01"), (date(1900, 3, 1), "1900-03-01"), (date(2025, 1, 15), "2025-01-15")],
)
@pytest.mark.parametrize("form", ["dd/mm/yyyy", "[$-421]dd mmmm yyyy;@", "yyyy-mm-dd"])
def test_a_date_is_its_day_however_it_is_shown(tmp_path: Path, printed: date, day: str, form: str) -> None:
    book = workbook([("a",)])
    book.active["A1"] = printed
    book.active["A1"].number_format = form
    book.active["B1"] = 12
    book.active["B1"].number_format = '"Rp"#,##0;[Red]-"Rp"#,##0'
    book.save(tmp_path / "dates.xlsx")
    assert one_sheet(tmp_path / "dates.xlsx") == [[day, "12"]]


def test_days_since_1904_are_told_by_the_workbook(tmp_path: Path) -> None:
    from openpyxl.utils.datetime import CALENDAR_MAC_1904  # noqa: PLC0415  this test's alone

    book = workbook([("a",)])
    book.epoch = CALENDAR_MAC_1904
    book.active["A1"] = date(2025, 1, 15)
    book.save(tmp_path / "mac.xlsx")
    assert one_sheet(tmp_path / "mac.xlsx") == [["2025-01-15"]]


@pytest.mark.parametrize(
    "rows",
    [
        '<x:row r="2"/><x:row r="1"/>',
        '<x:row r="1048577"/>',
        '<x:row r="x"/>',
        '<x:row r="1"><x:c r="A2"><x:v>1</x:v></x:c></x:row>',
        '<x:row r="1"><x:c r="ZZZZ1"><x:v>1</x:v></x:c></x:row>',
        '<x:row r="1"><x:c r="A1"><x:v>1</x:v></x:c><x:c r="A1"><x:v>2</x:v></x:c></x:row>',
        '<x:row r="1"><x:c r="A1" t="s"><x:v>9</x:v></x:c></x:row>',
        '<x:row r="1"><x:c r="A1" t="s"><x:v>-1</x:v></x:c></x:row>',
        '<x:c r="A1"><x:v>1</x:v></x:c>',
        f'<x:row r="1"><x:c r="A1" t="str"><x:v>{"x" * 2_000_000}</x:v></x:c></x:row>',
        f'<x:row r="{"1" * 2_000_000}"/>',
    ],
)
def test_markup_that_no_spreadsheet_writes_is_a_damaged_workbook(tmp_path: Path, rows: str) -> None:
    assert rules(read(sheet_of(tmp_path, rows), "ranking")) == {"WORKBOOK"}


def test_entities_are_refused_before_any_is_unfolded(tmp_path: Path) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    for part in (SHEET, "xl/workbook.xml", "xl/sharedStrings.xml", "xl/_rels/workbook.xml.rels"):
        importing.write(tmp_path / "a.xlsx", 8)
        path = changed(tmp_path / "a.xlsx", part, bomb.__add__)
        assert report(read(path, "sik-ng")) == [(0, "", "WORKBOOK")], part


def test_an_archive_that_unfolds_beyond_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = example(tmp_path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as book, book.open("xl/bomb", "w") as part:
        for _ in range(2):
            part.write(b"\x00" * (1 << 20))
    content = bytearray(path.read_bytes())
    at = content.rfind(b"PK\x01\x02")
    content[at + 24 : at + 28] = (0xFFFFFFF0).to_bytes(4, "little")  # says that it unfolds to 4 GB
    path.write_bytes(bytes(content))
    assert report(read(path, "ranking")) == [(0, "", "FILE_TOO_LARGE")]


def test_two_parts_of_one_name_are_no_workbook(tmp_path: Path) -> None:
    path = example(tmp_path)
    with zipfile.ZipFile(path, "a") as book:
        book.writestr("XL/worksheets/SHEET1.xml", b"<worksheet/>")
    assert report(read(path, "ranking")) == [(0, "", "WORKBOOK")]


def test_a_directory_too_large_to_be_held_is_refused(tmp_path: Path) -> None:
    content = bytearray(example(tmp_path).read_bytes())
    at = content.rfind(b"PK\x05\x06")
    content[at + 12 : at + 16] = (1 << 30).to_bytes(4, "little")
    (tmp_path / "directory.xlsx").write_bytes(bytes(content))
    assert report(read(tmp_path / "directory.xlsx", "ranking")) == [(0, "", "FILE_TOO_LARGE")]


def test_blank_formatted_cells_below_and_beside_the_table_are_nothing(tmp_path: Path) -> None:
    book = workbook(EXAMPLES["ranking"].lines)
    book.active["XFD40000"].number_format = "@"
    book.save(tmp_path / "formatted.xlsx")
    assert said(read(tmp_path / "formatted.xlsx", "ranking")) == said(
        read(written(tmp_path, EXAMPLES["ranking"]), "ranking")
    )


def test_a_formula_without_a_result_is_told_and_never_taken_for_a_blank_cell(tmp_path: Path) -> None:
    book = workbook(EXAMPLES["ranking"].lines)
    first = EXAMPLES["ranking"].first
    book.active[f"B{first}"] = "=1+1"
    book.save(tmp_path / "formula.xlsx")
    assert report(read(tmp_path / "formula.xlsx", "ranking")) == [(first, "DESIL", "FORMULA_UNCOMPUTED")]


def test_hidden_sheets_and_charts_are_not_looked_at(tmp_path: Path) -> None:
    book = workbook(EXAMPLES["ranking"].lines)
    for name, state in (("Lama", "hidden"), ("Rumus", "veryHidden")):
        other = book.create_sheet(name)
        other.sheet_state = state
        for line in EXAMPLES["ranking"].lines:
            other.append(list(line))
    book.create_chartsheet("Grafik")
    book.save(tmp_path / "hidden.xlsx")
    assert report(read(tmp_path / "hidden.xlsx", "ranking")) == []


def test_a_spreadsheet_of_another_form_is_told_to_be_no_workbook(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        book.writestr("content.xml", "<x/>")
    (tmp_path / "a.ods").write_bytes(out.getvalue())
    assert report(read(tmp_path / "a.ods", "ranking")) == [(0, "", "WORKBOOK")]


def test_rows_are_as_wide_as_the_head_even_where_their_last_cells_are_blank(tmp_path: Path) -> None:
    found = sheets_of(example(tmp_path))
    assert isinstance(found, list)
    (sheet,) = found
    assert isinstance(sheet, Sheet)
    assert {len(cells) for cells in sheet.records()} == {4}
    assert [cells[0] for cells in sheet.records()][-1] == KK[3]
