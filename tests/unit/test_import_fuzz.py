"""Whatever is sent: no traceback, no row lost, no value of a person in the report, whichever source reads it."""

from __future__ import annotations

import io
import os
import re
import tempfile
import zipfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.utils.exceptions import IllegalCharacterError

from jejak.bench import importing
from producers import corrected
from producers import report as reports
from producers.draft import Noted, RowRefused
from producers.report import Tally
from producers.sources import SOURCES
from tests.unit.import_files import EXAMPLES, Example, csv_bytes, read, workbook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from producers.reading import Reading

ALL = sorted(EXAMPLES)
# `JEJAK_FUZZ=5000` for a long run; the suite's own is short.
FUZZED = settings(
    max_examples=int(os.environ.get("JEJAK_FUZZ", "60")), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
NAMES = st.sampled_from(["a.csv", "a.xlsx", "a.xls", "a.txt"])
STARTS = st.sampled_from(
    [b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\xff\xfe", b"\xef\xbb\xbf", b"sep=;\n"]
)


@contextmanager
def a_file(name: str, content: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        yield path


def counted(reading: Reading, source: str) -> Tally:
    tally = Tally()
    for item in reading:
        tally.add(item, SOURCES[source].row_records)
        list(reports.lines(item))
    return tally


def held(reading: Reading, source: str) -> None:
    """Hold that each row ended as a change, a refusal or a note; of a file that is refused whole none is right."""
    tally = counted(reading, source)
    if reading.table is None or any(item.row == 0 for item in reading if isinstance(item, RowRefused)):
        assert tally.accepted == 0
        assert 1 <= tally.refused <= 1 + (0 if reading.table is None else reading.table.count)
    else:
        assert tally.accepted + tally.refused + tally.noted == reading.table.count
        assert source != "forum" or not lost(reading)


def lost(reading: Reading) -> list[int]:
    """Return the rows of a form that name a unit and a figure of it, and yet are told as no data."""
    assert reading.table is not None
    noted = {item.row for item in reading if isinstance(item, Noted)}
    found = []
    for number, cells in reading.table.rows():
        said = dict(zip(reading.table.names, (one if isinstance(one, str) else "" for one in cells), strict=False))
        unit = re.fullmatch(r"(RW|RT|Dusun) [A-Z0-9]+", said.get("SLS", ""))
        figures = [said.get(one, "") for one in ("RTS_ADA", "RTS_TAMBAHAN", "JUMLAH_RTS")]
        if number in noted and unit and any(re.fullmatch("0|[1-9][0-9]{0,5}", one) for one in figures):
            found.append(number)
    return found


@FUZZED
@given(content=st.binary(max_size=600), start=STARTS, name=NAMES, source=st.sampled_from(ALL))
def test_arbitrary_bytes_are_refused_and_never_a_fault(content: bytes, start: bytes, name: str, source: str) -> None:
    with a_file(name, start + content) as path:
        held(read(path, source), source)


@cache
def _workbook(source: str) -> bytes:
    """Return one workbook for all examples: each that is saved holds its own time."""
    out = io.BytesIO()
    workbook(EXAMPLES[source].lines).save(out)
    return out.getvalue()


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, str, bytes]:
    """Draw a right file with some of its bytes lost, doubled or made others."""
    source = draw(st.sampled_from(ALL))
    example = EXAMPLES[source]
    if draw(st.booleans()):
        name, content = "a.xlsx", bytearray(_workbook(source))
    else:
        name, content = (
            "a.csv",
            bytearray(csv_bytes(example.lines, encoding=draw(st.sampled_from(["utf-8", "utf-16"])))),
        )
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(content) - 2))
        content[at : at + draw(st.integers(0, 40))] = draw(st.binary(max_size=6))
    return source, name, bytes(content) or b"x"


@FUZZED
@given(damaged())
def test_a_damaged_file_is_read_or_refused_and_its_rows_add_up(file: tuple[str, str, bytes]) -> None:
    source, name, content = file
    with a_file(name, content) as path:
        held(read(path, source), source)


@cache
def _parts() -> dict[str, bytes]:
    """Return the parts of a workbook whose texts are shared, with formats, merged cells and a date."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.xlsx"
        importing.write(path, 12)
        with zipfile.ZipFile(path) as book:
            found = {one: book.read(one) for one in book.namelist()}
    with zipfile.ZipFile(io.BytesIO(_workbook("sik-ng"))) as book:
        found["xl/styles.xml"] = book.read("xl/styles.xml")
    end = b'</sheetData><mergeCells count="1"><mergeCell ref="A3:B4"/></mergeCells></worksheet>'
    found["xl/worksheets/sheet1.xml"] = found["xl/worksheets/sheet1.xml"].replace(b"</sheetData></worksheet>", end)
    return found


@st.composite
def damaged_markup(draw: st.DrawFn) -> bytes:
    """Draw a workbook whose archive is whole and one of whose parts has bytes lost, doubled or made others."""
    parts = dict(_parts())
    name = draw(st.sampled_from(sorted(parts)))
    content = bytearray(parts[name])
    pieces = st.sampled_from(
        [b"", b"<c>", b"</row>", b'r="A1"', b't="s"', b"-1", b"1e999", b"&#0;", b"&x;", b"\xff", b"<v/>"]
    )
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content) - 2))
        content[at : at + draw(st.integers(0, 12))] = draw(pieces)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        for one, text in {**parts, name: bytes(content)}.items():
            book.writestr(one, text)
    return out.getvalue()


@FUZZED
@given(content=damaged_markup())
def test_damaged_markup_within_a_whole_workbook_is_read_or_refused_and_its_rows_add_up(content: bytes) -> None:
    with a_file("a.xlsx", content) as path:
        held(read(path, "sik-ng"), "sik-ng")


@st.composite
def tables(draw: st.DrawFn) -> Example:
    """Draw a right head with rows of cells that are right, another column's, blank, or anything at all."""
    example = EXAMPLES[draw(st.sampled_from(ALL))]
    right = [cell for row in example.rows for cell in row]
    cell = st.one_of(
        st.sampled_from(right), st.sampled_from(["", " ", "=1+1", "Total", "1e5", "\x00"]), st.text(max_size=12)
    )
    width = st.one_of(st.just(len(example.head)), st.integers(0, len(example.head) + 2))
    row = width.flatmap(lambda n: st.lists(cell, min_size=n, max_size=n).map(tuple))
    total = ("Total", *[""] * (len(example.head) - 1))
    whole = st.sampled_from([*example.rows, example.head, total, ("",) * len(example.head)])
    return example.with_rows(draw(st.lists(st.one_of(row, whole), max_size=12)))


def _sent(example: Example, encoding: str = "utf-8") -> bytes:
    return "".join(
        ";".join('"' + cell.replace('"', '""') + '"' for cell in line) + "\r\n" for line in example.lines
    ).encode(encoding, "replace")


@FUZZED
@given(example=tables())
def test_every_row_of_any_table_is_a_change_or_a_line_of_the_report(example: Example) -> None:
    with a_file("a.csv", _sent(example)) as path:
        held(read(path, example.source), example.source)


@st.composite
def forms(draw: st.DrawFn) -> Example:
    """Draw a form whose rows, totals and lines of signatures stand in any order, cells of them lost or moved."""
    example = EXAMPLES["forum"]
    late = [("5.", "RW 5", "10", "1", "11", "", ""), ("6.", "RW 6", "3", "0", "3")]
    others = [("Total", "", "", "", "", "", ""), ("", "Total", "9", "9", "18", "", ""), ("", "Kepala Desa", "", "")]
    rows = draw(st.lists(st.sampled_from([*example.rows, *late, *others]), max_size=9))
    blank = draw(st.sets(st.tuples(st.integers(0, 8), st.integers(0, 4)), max_size=3))
    return example.with_rows(
        [tuple("" if (at, place) in blank else cell for place, cell in enumerate(row)) for at, row in enumerate(rows)]
    )


@FUZZED
@given(example=forms())
def test_no_row_of_a_form_is_lost_wherever_its_totals_stand(example: Example) -> None:
    with a_file("a.csv", _sent(example)) as path:
        held(read(path, "forum"), "forum")


@FUZZED
@given(example=tables())
def test_no_report_holds_a_number_of_a_person(example: Example) -> None:
    with a_file("a.csv", _sent(example)) as path:
        told = [line for item in read(path, example.source) for line in reports.lines(item)]
    assert not any(number in f"{line}" for line in told for number in ("3571011001", "3571010403"))


@FUZZED
@given(example=tables())
def test_any_table_can_be_given_back_with_its_errors_on_its_cells(example: Example) -> None:
    with a_file("a.csv", _sent(example)) as path:
        reading = read(path, example.source)
        told = [line for item in reading for line in reports.lines(item)]
        try:
            corrected.write(path.with_suffix(".out.xlsx"), SOURCES[example.source].layout, reading.table, told)
        except IllegalCharacterError:  # pragma: no cover  would be the fault that is looked for
            pytest.fail("a character that a workbook can't hold was written")
        held(read(path.with_suffix(".out.xlsx"), example.source), example.source)
