"""However a file is written, it says the same; what can't be read surely is refused as a whole, by its code."""

from __future__ import annotations

import codecs
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from producers.draft import Draft, Noted, RowRefused
from producers.report import Tally
from producers.seeds.tables import ReferenceTable
from producers.sources import SOURCES
from producers.tables.kinds import Formats
from producers.tables.written import letters
from tests.unit.import_files import EXAMPLES, KK, Example, csv_bytes, read, report, rules, said, workbook, written

if TYPE_CHECKING:
    from pathlib import Path

    from producers.reading import Reading

ALL = sorted(EXAMPLES)
COUNTS = {"sik-ng": 6, "forum": 6, "musdes": 5, "ranking": 4, "dukcapil": 6, "aid": 4}


def tally(reading: Reading, source: str) -> Tally:
    found = Tally()
    for item in reading:
        found.add(item, SOURCES[source].row_records)
    return found


@pytest.mark.parametrize("source", ALL)
def test_every_row_of_a_right_file_is_accepted(tmp_path: Path, source: str) -> None:
    found = read(written(tmp_path, EXAMPLES[source]), source)
    assert report(found) == []
    assert tally(found, source) == Tally(accepted=4)
    assert sum(isinstance(item, Draft | ReferenceTable) for item in found) == COUNTS[source] - (source == "forum")


@pytest.mark.parametrize("source", ALL)
@pytest.mark.parametrize(
    ("delimiter", "encoding", "name", "bom"),
    [
        (",", "utf-8", "utf-8", False),
        ("\t", "utf-8", "utf-8", False),
        ("|", "utf-8-sig", "utf-8", True),
        (";", "cp1252", "cp1252", False),
        (";", "utf-16", "utf-16", True),
        (",", "utf-16-le", "utf-16-le", False),
        (";", "utf-16-be", "utf-16-be", False),
    ],
)
def test_a_file_says_the_same_in_every_encoding_and_with_every_separator(  # noqa: PLR0913  one row of the table
    tmp_path: Path, source: str, delimiter: str, encoding: str, name: str, *, bom: bool
) -> None:
    expected = said(read(written(tmp_path, EXAMPLES[source]), source))
    found = read(written(tmp_path, EXAMPLES[source], delimiter, encoding), source)
    assert found.dialect is not None
    assert (found.dialect.encoding, found.dialect.bom, found.dialect.delimiter) == (name, bom, delimiter)
    assert said(found) == expected


@pytest.mark.parametrize("source", ALL)
def test_a_workbook_says_the_same_as_the_csv(tmp_path: Path, source: str) -> None:
    expected = said(read(written(tmp_path, EXAMPLES[source]), source))
    workbook(EXAMPLES[source].lines).save(tmp_path / "same.xlsx")
    assert said(read(tmp_path / "same.xlsx", source)) == expected


@pytest.mark.parametrize("source", ALL)
def test_an_empty_file_and_one_without_rows_are_refused_whole(tmp_path: Path, source: str) -> None:
    (tmp_path / "empty.csv").write_bytes(b" \r\n")
    assert report(read(tmp_path / "empty.csv", source)) == [(0, "", "EMPTY")]
    bare = written(tmp_path, EXAMPLES[source].with_rows([]))
    assert report(read(bare, source)) == [(0, "", "EMPTY_BELOW")]


@pytest.mark.parametrize("source", ALL)
def test_a_file_without_a_head_is_refused_whole(tmp_path: Path, source: str) -> None:
    path = tmp_path / "headless.csv"
    path.write_bytes(csv_bytes(list(EXAMPLES[source].rows)))
    assert report(read(path, source)) == [(0, "", "HEADER_MISSING")]


@pytest.mark.parametrize("source", ALL)
def test_a_head_that_lacks_a_column_names_it(tmp_path: Path, source: str) -> None:
    example = EXAMPLES[source]
    at = example.head.index(example.filled)
    cut = replace(
        example, head=example.head[:at] + example.head[at + 1 :], rows=tuple(r[:at] + r[at + 1 :] for r in example.rows)
    )
    ((row, column, rule),) = report(read(written(tmp_path, cut), source))
    assert (row, rule) == (0, "HEADER_INCOMPLETE")
    assert column == SOURCES[source].layout.meant(example.filled)


@pytest.mark.parametrize("source", ALL)
def test_an_unknown_head_is_named_by_its_letter_alone(tmp_path: Path, source: str) -> None:
    example = EXAMPLES[source]
    odd = replace(example, head=(*example.head, "Budi"), rows=tuple((*row, "x") for row in example.rows))
    found = read(written(tmp_path, odd), source)
    (refused,) = [item for item in found if isinstance(item, RowRefused)]
    assert refused.rule == "HEADER_UNKNOWN"
    assert letters(len(example.head)) in refused.explanation
    assert "Budi" not in refused.explanation


@pytest.mark.parametrize("source", ALL)
def test_what_is_wrong_below_a_wrong_head_is_told_with_it_and_no_row_is_right(tmp_path: Path, source: str) -> None:
    example = EXAMPLES[source]
    place = example.head.index(example.filled)
    rows = [(*row[:place], "", *row[place + 1 :], "x") for row in example.rows]
    odd = replace(example, head=(*example.head, "Budi"), rows=tuple(rows))
    found = read(written(tmp_path, odd), source)
    assert {(row > 0, rule) for row, _, rule in report(found)} >= {(False, "HEADER_UNKNOWN"), (True, "BLANK")}
    assert {type(item) for item in found} <= {RowRefused, Noted}


@pytest.mark.parametrize("source", ALL)
def test_a_column_named_twice_is_refused_whole(tmp_path: Path, source: str) -> None:
    example = EXAMPLES[source]
    twice = replace(example, head=(*example.head, example.filled), rows=tuple((*row, "x") for row in example.rows))
    assert "HEADER_DOUBLED" in rules(read(written(tmp_path, twice), source))


@pytest.mark.parametrize("source", ALL)
def test_a_file_cut_off_within_a_row_is_refused_whole(tmp_path: Path, source: str) -> None:
    path = written(tmp_path, EXAMPLES[source])
    path.write_bytes(path.read_bytes().rsplit(b";", 3)[0])
    assert report(read(path, source)) == [(0, "", "TRUNCATED")]
    path.write_bytes(csv_bytes(EXAMPLES[source].lines) + b'"35')
    assert report(read(path, source)) == [(0, "", "TRUNCATED")]


@pytest.mark.parametrize("source", ALL)
def test_a_damaged_workbook_is_refused_whole(tmp_path: Path, source: str) -> None:
    workbook(EXAMPLES[source].lines).save(tmp_path / "cut.xlsx")
    whole = (tmp_path / "cut.xlsx").read_bytes()
    (tmp_path / "cut.xlsx").write_bytes(whole[: len(whole) // 2])
    assert report(read(tmp_path / "cut.xlsx", source)) == [(0, "", "WORKBOOK")]
    (tmp_path / "named.xlsx").write_bytes(b"no workbook at all")
    assert report(read(tmp_path / "named.xlsx", source)) == [(0, "", "WORKBOOK")]


@pytest.mark.parametrize("source", ALL)
def test_a_row_with_merged_cells_is_refused_and_a_merged_title_is_not(tmp_path: Path, source: str) -> None:
    example = EXAMPLES[source]
    titled = replace(example, above=(("DAFTAR",), *example.above))
    book = workbook(titled.lines)
    book.active.merge_cells("A1:C1")
    first = titled.first
    book.active.merge_cells(f"A{first}:A{first + 1}")
    book.save(tmp_path / "merged.xlsx")
    refused = [(row, rule) for row, _, rule in report(read(tmp_path / "merged.xlsx", source))]
    assert sorted(refused) == [(first, "MERGED_CELLS"), (first + 1, "MERGED_CELLS")]


@pytest.mark.parametrize("source", ALL)
def test_blank_short_and_repeated_rows_are_told_and_the_others_taken(tmp_path: Path, source: str) -> None:
    example = EXAMPLES[source]
    blank = ("",) * len(example.head)
    lines = [*example.above, example.head, example.rows[0], blank, example.head, example.rows[1], ("x",)]
    (tmp_path / "rows.csv").write_bytes(csv_bytes([*lines, *example.rows[2:]]))
    found, first = read(tmp_path / "rows.csv", source), example.first
    told = {row: rule for row, _, rule in report(found)}
    expected = {first + 1: "BLANK_ROW", first + 2: "HEADER_REPEATED", first + 4: "ROW_SHORT"}
    assert told == (
        {at: rule for at, rule in expected.items() if rule != "BLANK_ROW"} if source == "forum" else expected
    )
    assert tally(found, source).accepted == 4


@pytest.mark.parametrize("source", ALL)
def test_a_doubled_row_is_refused_by_the_row_it_repeats(tmp_path: Path, source: str) -> None:
    example = EXAMPLES[source]
    found = read(written(tmp_path, example.with_rows([*example.rows, example.rows[0]])), source)
    (refused,) = [item for item in found if isinstance(item, RowRefused)]
    assert (refused.row, refused.rule) == (example.first + 4, "DOUBLED_ROW")
    assert str(example.first) in refused.explanation


@pytest.mark.parametrize("source", ALL)
def test_shifted_columns_are_told_as_such(tmp_path: Path, source: str) -> None:
    example = EXAMPLES[source]
    rows = [list(row) for row in example.rows]
    rows[3] = ["", *rows[3][:-1]]
    found = report(read(written(tmp_path, example.with_rows(rows)), source))
    assert [(row, rule) for row, _, rule in found if row == example.first + 3] == [
        (example.first + 3, "SHIFTED_COLUMNS")
    ]


@pytest.mark.parametrize("source", ALL)
def test_a_cell_beyond_the_columns_is_refused_and_a_blank_one_is_not(tmp_path: Path, source: str) -> None:
    example = EXAMPLES[source]
    rows = [(*example.rows[0], ""), (*example.rows[1], "", "x"), *example.rows[2:]]
    found = report(read(written(tmp_path, example.with_rows(rows)), source))
    assert (example.first + 1, "", "SHIFTED_COLUMNS") in found
    assert all(row != example.first for row, _, _ in found if source != "sik-ng")


@pytest.mark.parametrize("source", ALL)
def test_a_blank_cell_and_an_unknown_code_are_told_together(tmp_path: Path, source: str) -> None:
    example = EXAMPLES[source].changed(2, EXAMPLES[source].filled, " ")
    if example.coded:
        example = example.changed(2, example.coded, "77")
    found = read(written(tmp_path, example), source)
    (refused,) = [item for item in found if isinstance(item, RowRefused) and item.row == example.first + 2]
    told = {fault.rule for fault in refused.faults}
    assert "BLANK" in told
    assert not example.coded or told & {"CODE_UNKNOWN", "CODE_UNKNOWN_WORD"}


@pytest.mark.parametrize("source", [one for one in ALL if EXAMPLES[one].above and one != "forum"])
def test_what_stands_above_the_head_may_be_a_column_and_must_be_somewhere(tmp_path: Path, source: str) -> None:
    example = EXAMPLES[source]
    lines = [tuple(part for cell in line for part in cell.split(": ")) for line in example.above]
    told = [line for line in lines if len(line) == 2]
    beside = replace(
        example,
        above=(),
        head=(*example.head, *(label for label, _ in told)),
        rows=tuple((*row, *(value for _, value in told)) for row in example.rows),
    )
    expected = [one[1:] for one in said(read(written(tmp_path, example), source))]
    assert [one[1:] for one in said(read(written(tmp_path, beside), source))] == expected

    without = replace(example, above=())
    assert rules(read(written(tmp_path, without), source)) == {"ABOVE_MISSING"}


def test_two_values_above_the_head_are_a_contradiction(tmp_path: Path) -> None:
    example = EXAMPLES["ranking"]
    twice = replace(example, above=(*example.above, ("Model", "PMT-2025.2")))
    assert report(read(written(tmp_path, twice), "ranking")) == [(0, "VERSI_MODEL", "ABOVE_TWICE")]


def test_noise_and_a_file_of_two_encodings_are_refused_whole(tmp_path: Path) -> None:
    path = tmp_path / "mixed.csv"
    path.write_bytes(csv_bytes(EXAMPLES["sik-ng"].lines) + "é".encode("cp1252"))
    assert report(read(path, "sik-ng")) == [(0, "", "ENCODING_MIXED")]
    path.write_bytes(csv_bytes(EXAMPLES["sik-ng"].lines).replace("é".encode(), b"\x81"))
    assert report(read(path, "sik-ng")) == [(0, "", "ENCODING")]
    path.write_bytes(codecs.BOM_UTF16_LE + csv_bytes(EXAMPLES["sik-ng"].lines, encoding="utf-16-le") + b"x")
    assert report(read(path, "sik-ng")) == [(0, "", "ENCODING")]


def test_of_two_sheets_with_a_head_none_is_guessed_and_other_sheets_don_t_matter(tmp_path: Path) -> None:
    book = workbook(EXAMPLES["ranking"].lines)
    other = book.create_sheet("Petunjuk", 0)
    other.append(["Isi lembar Data."])
    book.save(tmp_path / "two.xlsx")
    assert report(read(tmp_path / "two.xlsx", "ranking")) == []
    for line in EXAMPLES["ranking"].lines:
        other.append(list(line))
    book.save(tmp_path / "two.xlsx")
    assert report(read(tmp_path / "two.xlsx", "ranking")) == [(0, "", "SHEETS_SEVERAL")]


def test_a_workbook_whose_cells_stand_far_apart_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    book = workbook(EXAMPLES["ranking"].lines)
    book.active["XFD1048576"] = "x"
    book.save(tmp_path / "far.xlsx")
    assert report(read(tmp_path / "far.xlsx", "ranking")) == [(0, "", "FILE_TOO_LARGE")]


def test_typed_cells_of_a_workbook_are_read_as_what_they_are(tmp_path: Path) -> None:
    book = workbook(EXAMPLES["ranking"].lines)
    sheet, first = book.active, EXAMPLES["ranking"].first
    sheet["B3"] = date(2025, 5, 20)
    sheet[f"B{first}"], sheet[f"C{first}"] = 2, 15.27
    sheet[f"A{first + 1}"] = int(KK[1])
    book.save(tmp_path / "typed.xlsx")
    found = read(tmp_path / "typed.xlsx", "ranking")
    assert report(found) == [(first + 1, "NOMOR_KK", "NUMBER_FORMAT")]
    assert said(found)[0] == said(read(written(tmp_path, EXAMPLES["ranking"]), "ranking"))[0]


@pytest.mark.parametrize(
    ("printed", "numbers", "hundredths"),
    [("15,27", "dots", 1527), ("15.27", "commas", 1527), ("15", "dots", 1500), ("15", "commas", 1500)],
)
def test_a_number_means_what_its_table_s_format_says(
    tmp_path: Path, printed: str, numbers: str, hundredths: int
) -> None:
    example = EXAMPLES["ranking"].changed(0, "Persentil", printed)
    formats = Formats(("dmy",), numbers)  # type: ignore[arg-type]
    first = next(
        item for item in read(written(tmp_path, example.with_rows(list(example.rows[:1]))), "ranking", formats)
    )
    assert isinstance(first, Draft)
    assert first.body["percentile"] == hundredths


@pytest.mark.parametrize(("printed", "numbers"), [("15.27", "dots"), ("15,27", "commas"), ("1,5,2", "commas")])
def test_a_number_of_another_format_is_refused_and_never_read_as_a_thousandfold(
    tmp_path: Path, printed: str, numbers: str
) -> None:
    example = EXAMPLES["ranking"].changed(0, "Persentil", printed)
    found = read(written(tmp_path, example.with_rows(list(example.rows[:1]))), "ranking", Formats(("dmy",), numbers))  # type: ignore[arg-type]
    assert report(found) == [(EXAMPLES["ranking"].first, "PERSENTIL", "NUMBER_PRINTED")]


@pytest.mark.parametrize(
    ("printed", "right"),
    [
        ("14-03-2025", True),
        ("14/3/2025", True),
        ("14.03.2025", True),
        ("14 Maret 2025", True),
        ("Jum'at, 14 maret 2025", True),
        ("2025-03-14", True),
        ("03-14-2025", False),
        ("14 March 2025", False),
        ("14-03/2025", False),
        ("14-03-25", False),
        ("31 Juni 2025", False),
    ],
)
def test_a_date_is_read_as_indonesian_offices_write_it_or_refused(tmp_path: Path, printed: str, *, right: bool) -> None:
    example = replace(EXAMPLES["aid"], rows=EXAMPLES["aid"].rows[:1]).changed(0, "Tanggal", printed)
    example = example.changed(0, "Periode", "2025-03")
    found = list(read(written(tmp_path, example), "aid"))
    if right:
        assert isinstance(found[0], Draft)
        assert found[0].body["received_on"] == (date(2025, 3, 14) - date(1970, 1, 1)).days
    else:
        (rule,) = [item.rule for item in found if isinstance(item, RowRefused)]
        assert rule in {"DATE_FORMAT", "DATE_ABSENT", "DATE_YEAR_SHORT"}


def test_lost_characters_are_refused_where_they_stand(tmp_path: Path) -> None:
    found = read(written(tmp_path, EXAMPLES["sik-ng"].changed(3, "Nama Lengkap", "Dewi \ufffd")), "sik-ng")
    assert report(found) == [(5, "NAMA", "CHARACTERS")]


def test_rows_of_one_family_may_stand_anywhere(tmp_path: Path) -> None:
    example = EXAMPLES["sik-ng"]
    mixed: Example = example.with_rows([example.rows[at] for at in (0, 2, 1, 3)])
    found = read(written(tmp_path, mixed), "sik-ng")
    assert report(found) == []
    assert [item.record for item in found if isinstance(item, Draft)].count("FamilyRegistered") == 2
