"""What every source says is taken by the intake, sealed; many rows are read in the memory of few."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest

from jejak.bench import importing
from producers import dukcapil
from producers.civil_registry import asked_of
from producers.draft import Channel, Draft, RowRefused
from producers.outgoing import Outgoing
from producers.sik_ng import families
from producers.tables.csv_file import CsvFile
from producers.tables.seen import Said, Seen, Statement
from schemas import codec
from tests.unit.import_files import EXAMPLES, KK, NIK, person, read, report, said, written
from tests.unit.test_intake import an_intake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from producers.intake import Intake
    from producers.tables.written import Record

RECORDS = {
    "sik-ng": {"FamilyRegistered", "MembershipClaimed"},
    "musdes": {"VillageMeetingHeld", "ProposalDrafted", "ProposalSubmitted"},
    "ranking": {"FamilyRanked"},
    "dukcapil": {"CivilRegistryMatched", "ProposalIdentityMatched", "MembershipEnded"},
    "aid": {"AidReceived"},
}


def taken(path: Path, source: str) -> list[Outgoing]:
    intake: Intake = an_intake()
    items = list(intake.take(item for item in read(path, source) if isinstance(item, Draft | RowRefused)))
    assert all(isinstance(item, Outgoing) for item in items)
    return [item for item in items if isinstance(item, Outgoing)]


@pytest.mark.parametrize("source", sorted(RECORDS))
def test_every_change_of_a_source_is_made_and_no_number_travels_in_clear(tmp_path: Path, source: str) -> None:
    sent = taken(written(tmp_path, EXAMPLES[source]), source)
    names = {codec.name_of(codec.decode(message.value)).removeprefix("jejak.") for message in sent}
    assert names == RECORDS[source]
    wire = b"".join(message.value + message.key for message in sent)
    assert not any(number.encode() in wire for number in (*KK, *NIK))


@pytest.mark.parametrize("source", sorted(set(RECORDS) - {"musdes"}))
def test_a_corrected_file_under_the_same_number_says_only_what_was_corrected(tmp_path: Path, source: str) -> None:
    example = EXAMPLES[source]
    wrong = example.changed(3, example.filled, "")
    if source == "sik-ng":
        wrong = example.changed(3, "NIK", "1")
    first = {message.change_id for message in taken_some(written(tmp_path, wrong), source)}
    second = {message.change_id for message in taken(written(tmp_path, example), source)}
    assert first < second
    assert len(second - first) == 1


def taken_some(path: Path, source: str) -> list[Outgoing]:
    items = an_intake().take(item for item in read(path, source) if isinstance(item, Draft | RowRefused))
    return [item for item in items if isinstance(item, Outgoing)]


def test_aid_of_a_person_refers_to_the_person_and_aid_of_a_family_to_nobody(tmp_path: Path) -> None:
    records = [codec.decode(message.value) for message in taken(written(tmp_path, EXAMPLES["aid"]), "aid")]
    assert [(one.programme, one.person_ref is not None, one.amount_rupiah) for one in records] == [
        ("BPNTD", False, 200_000),
        ("ABH", True, 600_000),
        ("ANAK_YATIM", True, 1_200_000),
        ("ODKB", True, 750_000),
    ]


def test_an_answer_is_compared_with_what_was_asked_where_that_file_is_named(tmp_path: Path) -> None:
    path, asked = written(tmp_path, EXAMPLES["dukcapil"]), read(written(tmp_path, EXAMPLES["sik-ng"]), "sik-ng")
    found = dukcapil.read(path, Channel("dukcapil", "o", "D-1"), None, asked_of(asked))
    status = {item.row: item.body["status"] for item in found if isinstance(item, Draft) and "status" in item.body}
    assert status == {4: "NAMA_BEDA", 5: "NAMA_BEDA", 6: "MENINGGAL", 7: "PADAN"}


@pytest.mark.parametrize("held", [2, 3, 5])
def test_families_whose_rows_are_scattered_are_laid_out_in_parts_and_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    rows = [person(at % 5, 0, at // 5 + 1, "Budi") for at in range(15)]
    rows = [(row[0], f"{NIK[0][:12]}{at + 1:04}", *row[2:]) for at, row in enumerate(rows)]
    path = written(tmp_path, EXAMPLES["sik-ng"].with_rows([*rows, ("",) * 14, rows[0]]))
    expected = sorted(said(read(path, "sik-ng")), key=repr)
    monkeypatch.setattr(families, "HELD", held)
    assert sorted(said(read(path, "sik-ng")), key=repr) == expected
    assert {rule for _, _, rule in report(read(path, "sik-ng"))} == {"BLANK_ROW", "DOUBLED_ROW"}


def test_families_whose_rows_stand_together_are_read_in_one_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.csv"
    importing.write(path, 40)
    expected = said(read(path, "sik-ng"))
    monkeypatch.setattr(families, "HELD", 0)
    monkeypatch.setattr(families, "_scattered", None)
    assert said(read(path, "sik-ng")) == expected


def test_twice_the_rows_take_no_more_memory(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.csv"
        importing.write(path, rows)
        tracemalloc.start()
        for _ in read(path, "sik-ng"):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(100)  # tables of codes and messages are loaded once
    assert peak(12_000) - peak(6_000) < 1_000_000  # some kilobytes a row would be six times that


@pytest.mark.parametrize("held", [0, 100, 5_000])
def test_one_card_on_every_row_is_told_as_too_large_and_never_held_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    monkeypatch.setattr(families, "HELD", held)
    monkeypatch.setattr(families, "_MOST", 200)
    rows = [(KK[0], f"{NIK[0][:12]}{at + 1:04}", *person(0, 0, 2, "Budi")[2:]) for at in range(500)]
    rows[-1] = (*rows[-1][:3], "1", *rows[-1][4:])  # a head, alone behind all that is held
    if held == 100:
        rows[250] = person(1, 0, 1, "Siti")  # so that the card's rows don't stand together
    found = report(read(written(tmp_path, EXAMPLES["sik-ng"].with_rows(rows)), "sik-ng"))
    assert len(found) >= 499
    assert {rule for _, _, rule in found} <= {"MEMBERS_TOO_MANY", "NIK_GANDA"}


def test_twice_the_scattered_rows_are_read_once_and_take_no_more_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    monkeypatch.setattr(families, "HELD", 500)
    rows = CsvFile.records

    def counted(self: CsvFile) -> Iterator[Record]:
        passes.append(1)
        return rows(self)

    monkeypatch.setattr(CsvFile, "records", counted)
    counts = []
    for size in (2_000, 4_000):
        path = tmp_path / f"{size}.csv"
        importing.write(path, size, scattered=True)
        passes.clear()
        found = read(path, "sik-ng")
        assert sum(isinstance(item, Draft) and item.record == "MembershipClaimed" for item in found) > size * 0.99
        counts.append(len(passes))
    assert counts[0] == counts[1]


def test_what_a_document_named_is_known_by_the_first_row_that_named_it() -> None:
    seen = Seen()
    assert [seen.first(key, row) for key, row in (("a", 2), ("b", 3), ("a", 4))] == [None, None, 2]


def test_of_two_statements_of_one_key_the_first_counts() -> None:
    earlier = Said()
    earlier.first(Statement("k", "one", 2, 5))
    earlier.first(Statement("k", "two", 3, 6))
    before = earlier.meet("k")
    assert before is not None
    assert (before.content, before.at, before.row) == (earlier.hashed("one"), 5, 2)
    assert (earlier.meet("x"), earlier.unmet()) == (None, 0)


def test_reading_is_measured_by_rows_and_memory_at_two_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "FEW", 200)
    monkeypatch.setattr(importing, "MANY", 1_000)
    monkeypatch.setattr(importing, "_KINDS", importing._KINDS[1:])
    found = {result.name: result.value for result in importing.importing()}
    names = {"rate", "cpu", "memory.200", "memory.1000", "growth"}
    assert {f"import.{kind}.{name}" for kind in ("xlsx", "scattered") for name in names} == set(found)
    assert found["import.xlsx.growth"] < 1.5
