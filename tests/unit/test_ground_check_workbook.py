"""Kobo's workbook export: what its two sheets say is what the CSV tables and the XML say, with the same report."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from producers import report
from producers.draft import Draft, RowRefused
from producers.ground_check import reader
from tests.unit.test_ground_check_import import FUZZED, PERSON, WIFE, broken, ends, form, read, tables, visit

Rows = list[list[Any]]


def rows_of(table: bytes) -> Rows:
    return list(csv.reader(io.StringIO(table.decode("utf-8-sig")), delimiter=";"))


def exported(*people: dict[str, str]) -> tuple[Rows, Rows]:
    """Return the rows of both sheets as Kobo writes them."""
    visits, persons = tables("kobo", *people)
    return rows_of(visits), rows_of(persons)


def book(*sheets: Rows) -> bytes:
    made, out = Workbook(), io.BytesIO()
    made.remove(made.active)
    for number, rows in enumerate(sheets):
        sheet = made.create_sheet(("Ground check DTSEN", "members", "more")[number])
        for row in rows:
            sheet.append(row)
    made.save(out)
    return out.getvalue()


WHOLE = book(*exported())


def put(rows: Rows, row: int, head: str, value: Any) -> Rows:
    """Return the rows with another cell under this head."""
    rows[row][rows[0].index(head)] = value
    return rows


def test_a_workbook_says_what_the_xml_says() -> None:
    draft = visit(book(*exported()), suffix=".xlsx")
    assert draft.body == visit(form()).body
    assert (draft.channel, draft.occurred_at, draft.row) == (visit(form()).channel, visit(form()).occurred_at, 2)


def test_the_order_of_the_sheets_and_blank_sheets_and_rows_make_no_difference() -> None:
    visits, persons = exported()
    persons.insert(1, [None] * len(persons[0]))
    assert visit(book(persons, [], visits), suffix=".xlsx").body == visit(form()).body


def test_numbers_and_dates_of_a_spreadsheet_are_read_as_what_they_show() -> None:
    visits, persons = exported()
    put(put(visits, 1, "family/floor_area", 54), 1, "family/geotag", visits[1][visits[0].index("family/geotag")])
    put(put(persons, 1, "members/birth_date", date(1980, 3, 4)), 1, "members/hours", 40.0)
    assert visit(book(visits, persons), suffix=".xlsx").body == visit(form()).body


@pytest.mark.parametrize(
    ("head", "value"), [("members/national_id", 3571010403800001), ("members/hours", 40.5), ("members/works", True)]
)
def test_a_cell_whose_digits_may_be_lost_or_that_is_no_answer_is_told_by_its_question(head: str, value: Any) -> None:
    visits, persons = exported()
    told = broken(book(visits, put(persons, 1, head, value)), suffix=".xlsx")
    assert ("NUMBER_FORMAT", f"members[1]/{head.removeprefix('members/')}") in told


def test_a_column_that_no_form_asks_for_is_told_also_beyond_the_last_head() -> None:
    visits, persons = exported()
    persons[0].append("members/pets")
    persons[1].append("3")
    assert broken(book(visits, persons), suffix=".xlsx") == {("QUESTION_UNKNOWN", "members[1]")}
    visits, persons = exported()
    persons[1].append("3")
    assert broken(book(visits, persons), suffix=".xlsx") == {("QUESTION_UNKNOWN", "members[1]")}


def test_each_rule_is_told_by_the_row_of_the_sheet() -> None:
    visits, persons = exported(PERSON, {**WIFE, "chronic_illness": "19"})
    (item,) = read(book(put(visits, 1, "family/floor", "10"), persons), suffix=".xlsx")
    assert isinstance(item, RowRefused)
    assert {(line.row, line.column, line.rule) for line in report.lines(item)} == {
        (2, "floor", "CODE_UNKNOWN_WORD"),
        (2, "members[2]/chronic_illness", "CODE_UNKNOWN_WORD"),
    }


def test_a_person_without_a_visit_and_a_second_table_of_visits_are_told() -> None:
    visits, persons = exported()
    stranger = [*persons[1]]
    stranger[persons[0].index("_submission__uuid")] = "00000000-90c5-4b0e-9d6f-6e9a5a2f7f41"
    items = read(book(visits, [*persons, stranger]), suffix=".xlsx")
    assert [item.rule for item in items if isinstance(item, RowRefused)] == ["VISIT_MISSING"]
    assert isinstance(items[0], Draft)
    assert broken(book(visits, persons, visits), suffix=".xlsx") == {("EXPORT_SEVERAL", "")}


@pytest.mark.parametrize(("content", "rule"), [(b"PK\x03\x04 broken", "WORKBOOK"), (book([]), "EMPTY")])
def test_a_workbook_that_cant_be_read_is_a_line(content: bytes, rule: str) -> None:
    assert broken(content, suffix=".xlsx") == {(rule, "")}


def test_a_workbook_is_not_read_together_with_csv_or_xml() -> None:
    with pytest.raises(reader.MixedFiles):
        read(book(*exported()), b"a,b", names=("a.xlsx", "b.csv"))


@FUZZED
@given(st.data())
def test_a_damaged_workbook_is_a_visit_or_a_line(data: st.DataObject) -> None:
    content = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 2))
        content[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=6))
    ends(read(bytes(content), suffix=".xlsx"), 0)


@FUZZED
@given(st.data())
def test_arbitrary_cells_are_a_visit_or_a_line(data: st.DataObject) -> None:
    visits, persons = exported()
    cells = st.one_of(st.none(), st.booleans(), st.integers(-9, 10**16), st.floats(), st.text("a1 ", max_size=4))
    for rows in (visits, persons):
        place = data.draw(st.integers(0, len(rows[0]) - 1))
        rows[data.draw(st.integers(0, 1))][place] = data.draw(cells)
    ends(read(book(visits, persons), suffix=".xlsx"), 1)
