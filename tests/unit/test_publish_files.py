"""`jejak publish SOURCE FILE`: the same options for each source, every error at once, the file given back."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import stat
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import typer
from openpyxl import load_workbook
from typer.testing import CliRunner

from jejak import publishing
from jejak.cli import files
from producers.draft import Draft
from producers.ledger import InMemoryLedger
from producers.publish import Publisher
from producers.sources import SOURCES
from tests.unit.import_files import EXAMPLES, KK, NIK, PROPOSALS, read, written
from tests.unit.test_intake import an_intake
from tests.unit.test_publish import Broker

if TYPE_CHECKING:
    from pathlib import Path

    from producers.intake import Intake

REFUSED, WRONG_USAGE = 3, 2
RUNNER = CliRunner()
APP = typer.Typer()
files.register(APP)
AGENCY = {"musdes": "desa/35.71.01.1001", "ranking": "bps", "dukcapil": "dukcapil"}


def run(source: str, path: Path, *more: str) -> tuple[int, dict[str, Any]]:
    signed = ["--signed", str(path)] if SOURCES[source].signed else []
    agency = ["--agency", AGENCY.get(source, "dinsos/35.71")]
    told = RUNNER.invoke(APP, [source, str(path), *agency, *signed, "--check", "--json", *more])
    return told.exit_code, json.loads(told.stdout) if told.stdout.startswith("{") else {"told": told.output}


@pytest.mark.parametrize("source", sorted(EXAMPLES))
def test_a_right_file_is_checked_and_nothing_is_published(tmp_path: Path, source: str) -> None:
    code, told = run(source, written(tmp_path, EXAMPLES[source]))
    assert (code, told["rows"], told["tally"]) == (0, [], {"accepted": 4, "refused": 0, "noted": 0})


@pytest.mark.parametrize("source", sorted(EXAMPLES))
def test_a_wrong_file_is_told_with_row_column_code_and_two_sentences(tmp_path: Path, source: str) -> None:
    example = EXAMPLES[source].changed(1, EXAMPLES[source].filled, "")
    code, told = run(source, written(tmp_path, example), "--report", str(tmp_path / "errors.csv"))
    assert code == REFUSED
    assert all(row["penjelasan"] and row["explanation"] and row["rule"] for row in told["rows"])
    assert example.first + 1 in {row["row"] for row in told["rows"]}
    listed = list(csv.DictReader(io.StringIO((tmp_path / "errors.csv").read_text("utf-8"))))
    assert {(int(row["row"]), row["rule"]) for row in listed} >= {(row["row"], row["rule"]) for row in told["rows"]}


@pytest.mark.parametrize("source", sorted(EXAMPLES))
def test_the_file_comes_back_with_its_errors_on_its_cells_and_is_right_once_mended(tmp_path: Path, source: str) -> None:
    example, out = EXAMPLES[source], tmp_path / "back.xlsx"
    wrong = example.changed(1, example.filled, "")
    run(source, written(tmp_path, wrong), "--out", str(out))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600

    book = load_workbook(out)
    sheet = book.worksheets[0]
    cells = [
        cell for row in sheet.iter_rows() for cell in row if cell.comment is not None and "BLANK" in cell.comment.text
    ]
    assert len(cells) == 1
    cells[0].value = example.rows[1][example.head.index(example.filled)]
    book.save(out)

    assert run(source, out)[1]["tally"] == {"accepted": 4, "refused": 0, "noted": 0}


def test_a_cell_that_begins_like_a_formula_comes_back_as_text(tmp_path: Path) -> None:
    out = tmp_path / "back.xlsx"
    run("sik-ng", written(tmp_path, EXAMPLES["sik-ng"].changed(1, "Alamat", "=1+1")), "--out", str(out))
    kinds = {cell.data_type for row in load_workbook(out).worksheets[0].iter_rows() for cell in row}
    assert "f" not in kinds


def test_a_file_refused_whole_comes_back_as_an_empty_template(tmp_path: Path) -> None:
    (tmp_path / "noise.csv").write_bytes(b"\x81\x81")
    code, told = run("ranking", tmp_path / "noise.csv", "--out", str(tmp_path / "back.xlsx"))
    assert (code, [row["rule"] for row in told["rows"]]) == (REFUSED, ["ENCODING"])
    heads = [cell.value for cell in next(load_workbook(tmp_path / "back.xlsx").worksheets[0].iter_rows())]
    assert heads == [column.name for column in SOURCES["ranking"].layout.columns if not column.above]


def test_a_list_of_a_meeting_without_its_signed_minutes_is_wrong_usage(tmp_path: Path) -> None:
    path = written(tmp_path, EXAMPLES["musdes"])
    told = RUNNER.invoke(APP, ["musdes", str(path), "--agency", "desa/35.71.01.1001", "--check"])
    assert told.exit_code == WRONG_USAGE
    assert "--signed" in told.output


def test_a_meeting_s_decision_carries_the_list_s_digest_and_its_document_is_the_minutes_digest(tmp_path: Path) -> None:
    path = written(tmp_path, EXAMPLES["musdes"])
    (tmp_path / "minutes.pdf").write_bytes(b"signed")
    document = files._signed(SOURCES["musdes"], tmp_path / "minutes.pdf")
    channel = SOURCES["musdes"].channel(path, "desa/35.71.01.1001", "o", document)
    decided = [i for i in SOURCES["musdes"].read(path, channel, None) if isinstance(i, Draft) and "outcome" in i.body]

    assert document == hashlib.sha256(b"signed").hexdigest()
    assert {item.body["bnba_list_digest"] for item in decided} == {hashlib.sha256(path.read_bytes()).digest()}
    assert {item.channel.document for item in decided} == {document}
    assert [(i.card, i.body["proposal_id"].hex(), i.body["outcome"], i.body["reason"]) for i in decided] == [
        (KK[0], PROPOSALS[0], "DISEPAKATI", None),
        (KK[1], PROPOSALS[1], "DITOLAK", "SUDAH_MAMPU"),
        (KK[3], PROPOSALS[2], "DISEPAKATI", None),
    ]


def test_a_family_proposed_anew_is_submitted_and_not_decided_on(tmp_path: Path) -> None:
    found = [
        i for i in read(written(tmp_path, EXAMPLES["musdes"]), "musdes") if isinstance(i, Draft) and i.card == KK[2]
    ]
    assert [item.record for item in found] == ["ProposalDrafted", "ProposalSubmitted"]
    assert found[1].refers["proposal_id"] is found[0]


@pytest.mark.parametrize(
    ("source", "row", "column", "value", "rule"),
    [
        ("musdes", 1, "Alasan", "", "REASON_MISSING"),
        ("musdes", 0, "Alasan", "SUDAH_MAMPU", "REASON_NOT_DUE"),
        ("musdes", 0, "ID Usulan", "", "PROPOSAL_MISSING"),
        ("musdes", 2, "Usulan", "", "PROPOSAL_MISSING"),
        ("musdes", 0, "ID Usulan", "12345", "ID_FORMAT"),
        ("ranking", 2, "Alasan", "", "REASON_MISSING"),
        ("ranking", 0, "Alasan", "TIDAK_ADA", "DECILE_AND_REASON"),
        ("ranking", 0, "Desil", "11", "CODE_UNKNOWN"),
        ("ranking", 0, "Persentil", "100,5", "NUMBER_RANGE"),
        ("ranking", 0, "Persentil", "15,275", "NUMBER_HUNDREDTHS"),
        ("ranking", 3, "No KK", KK[0], "KK_GANDA"),
        ("dukcapil", 0, "Status", "LAINNYA", "CODE_UNKNOWN_WORD"),
        ("dukcapil", 3, "NIK", NIK[2], "NIK_GANDA"),
        ("aid", 1, "NIK", "", "RECIPIENT_MISSING"),
        ("aid", 1, "Jumlah", "600,000", "NUMBER_WHOLE"),
        ("aid", 1, "Jumlah", "Rp600.000,50", "NUMBER_WHOLE"),
        ("aid", 1, "Periode", "T2-2024", "PERIOD_FORMAT"),
        ("aid", 1, "Periode", "2025", "BEFORE_PERIOD"),
        ("forum", 1, "Jumlah", "x", "NUMBER_PRINTED"),
    ],
)
def test_a_rule_of_a_source_refuses_its_row_alone(  # noqa: PLR0913, PLR0917  one row of the table
    tmp_path: Path, source: str, row: int, column: str, value: str, rule: str
) -> None:
    example = EXAMPLES[source].changed(row, column, value)
    if rule == "NIK_GANDA":
        example = example.changed(row, "Status", "NAMA_BEDA")
    _, told = run(source, written(tmp_path, example))
    assert [(one["row"], one["rule"]) for one in told["rows"]] == [(example.first + row, rule)]
    assert told["tally"]["accepted"] == 3


def test_a_percentile_outside_its_decile_is_a_warning(tmp_path: Path) -> None:
    code, told = run("ranking", written(tmp_path, EXAMPLES["ranking"].changed(0, "Persentil", "45")))
    assert (code, [one["rule"] for one in told["warnings"]]) == (0, ["DECILE_PERCENTILE_DIFFER"])


def test_a_number_of_a_person_above_the_table_is_refused_since_it_would_travel_in_clear(tmp_path: Path) -> None:
    example = EXAMPLES["ranking"]
    above = tuple(("Run", NIK[0]) if line[0] == "Run" else line for line in example.above)
    wrong = type(example)(example.source, above, example.head, example.rows, "", "")
    _, told = run("ranking", written(tmp_path, wrong))
    assert [(one["row"], one["rule"]) for one in told["rows"]] == [(0, "LABEL_PERSON")]
    assert NIK[0] not in json.dumps(told)


@pytest.mark.parametrize("option", [["--dates", "mdy"], ["--numbers", "roman"]])
def test_a_format_nobody_knows_is_wrong_usage(tmp_path: Path, option: list[str]) -> None:
    path = written(tmp_path, EXAMPLES["ranking"])
    assert RUNNER.invoke(APP, ["ranking", str(path), "--check", *option]).exit_code == WRONG_USAGE


def test_a_file_beside_an_earlier_one_is_matched_row_by_row(tmp_path: Path) -> None:
    earlier = written(tmp_path, EXAMPLES["ranking"])
    (tmp_path / "now").mkdir()
    now = written(tmp_path / "now", EXAMPLES["ranking"].with_rows(list(EXAMPLES["ranking"].rows[:3])))
    to = tmp_path / "match.csv"
    _, told = run("ranking", now, "--against", str(earlier), "--match-report", str(to))
    assert told["match"] == {"known": 3, "gone": 1}
    assert [row["match"] for row in csv.DictReader(io.StringIO(to.read_text("utf-8")))] == ["known"] * 3


def test_an_answer_beside_what_was_asked_is_compared_by_name_and_no_other_source_is(tmp_path: Path) -> None:
    asked = written(tmp_path, EXAMPLES["sik-ng"])
    code, told = run("dukcapil", written(tmp_path, EXAMPLES["dukcapil"]), "--asked", str(asked))
    assert (code, told["tally"]["accepted"]) == (0, 4)
    assert run("aid", written(tmp_path, EXAMPLES["aid"]), "--asked", str(asked))[0] == WRONG_USAGE


@pytest.mark.parametrize("source", sorted(EXAMPLES))
def test_a_published_file_sends_each_change_and_each_refusal_once_and_tells_every_line(
    tmp_path: Path, source: str
) -> None:
    registry, told = FakeRegistry(), files.Told(SOURCES[source].row_records)
    example = EXAMPLES[source].changed(1, EXAMPLES[source].filled, "")
    found = read(written(tmp_path, example), source)

    first = publishing.file(registry, found, "agency", lambda _: None, told.take)  # type: ignore[arg-type]  # what is used of one
    again = publishing.file(registry, found, "agency", lambda _: None, lambda _: None)  # type: ignore[arg-type]

    topics = Counter(topic for topic, _ in registry.broker.log)
    assert topics["jejak.refusals.v1"] == first.refused == told.tally.refused > 0
    assert first.sent == sum(topics.values()) - first.refused > 0
    assert (again.sent, again.skipped, again.refused) == (0, first.sent, first.refused)
    assert {line.severity for line in told.lines} >= {"reject"}


class FakeRegistry:
    """What is used of a registry: one intake, and publishers over one broker and ledger."""

    def __init__(self) -> None:
        self.broker, self._ledger = Broker(), InMemoryLedger()

    def intake(self) -> Intake:
        return an_intake()

    def publisher(self, batch: int) -> Publisher:
        return Publisher(self.broker, self._ledger, lambda: 0, batch)
