"""The command line where it needs no server: help, the contract, settings, rehearsals, wrong usage."""

from __future__ import annotations

import csv
import io
import json
import logging
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
from cassandra import OperationTimedOut
from typer.testing import CliRunner

from identity.secret_file import SecretError
from jejak import stack as local_stack
from jejak.cli import app as command_line
from jejak.cli.app import app
from producers.publish import PublishFailed
from producers.simulation.nation import Nation
from producers.simulation.stream import expected, simulate
from producers.sources import Source
from schemas import contract

if TYPE_CHECKING:
    from collections.abc import Iterator

FIXTURES = Path(__file__).parents[1] / "fixtures" / "sik_ng"
RUNNER = CliRunner()
NIK = "3571010403800101"
WRONG_USAGE, REFUSED, UNREACHABLE = 2, 3, 4


@pytest.fixture(autouse=True)
def _nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("JEJAK_KAFKA", "JEJAK_CASSANDRA", "JEJAK_MASTER_KEY", "JEJAK_REFERENCE_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JEJAK_DATA", str(tmp_path))


def commands(group: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield the path of every command and group."""
    yield path
    for name, inner in getattr(group, "commands", {}).items():
        yield from commands(inner, *path, name)


ALL = sorted(commands(typer.main.get_command(app)))


def test_the_command_line_holds_the_commands_that_are_documented() -> None:
    assert {("up",), ("demo",), ("simulate",), ("run", "all"), ("family", "show"), ("schemas", "check")} <= set(ALL)


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_tells_how_it_is_used(path: tuple[str, ...]) -> None:
    told = RUNNER.invoke(app, [*path, "--help"])
    assert told.exit_code == 0
    assert "Usage:" in told.stdout
    assert " ".join(told.stdout.split("Options")[0].split()[2:]), "a command without a line on what it is for"


def test_every_schema_of_the_lock_is_listed() -> None:
    told = RUNNER.invoke(app, ["schemas", "list", "--json"])
    assert told.exit_code == 0
    assert {one["subject"]: one["id"] for one in json.loads(told.stdout)} == {
        entry.subject: entry.schema_id for entry in contract.lock()
    }


def test_the_contract_is_held_and_says_so() -> None:
    told = RUNNER.invoke(app, ["schemas", "check", "--json"])
    assert (told.exit_code, json.loads(told.stdout)["problems"]) == (0, [])


def test_a_contract_that_is_not_held_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jejak.cli.contract.evolution.problems", lambda: ["a field was taken away"])
    assert RUNNER.invoke(app, ["schemas", "check"]).exit_code == 1


@pytest.mark.parametrize("arguments", [["config", "show"], ["config", "show", "--json"]])
def test_settings_are_shown_without_their_secrets(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    secret = secrets.token_hex(32)
    monkeypatch.setenv("JEJAK_MASTER_KEY", secret)
    told = RUNNER.invoke(app, arguments)
    assert told.exit_code == 0
    assert secret not in told.output
    assert "environment" in told.output


def test_showing_settings_makes_no_key(tmp_path: Path) -> None:
    told = RUNNER.invoke(app, ["config", "show", "--json"])
    assert json.loads(told.stdout)["reference_key"] == str(tmp_path / "keys")
    assert list(tmp_path.iterdir()) == []


def test_a_rehearsed_simulation_foretells_what_the_stream_holds_and_publishes_nothing() -> None:
    told = RUNNER.invoke(app, ["simulate", "--families", "40", "--seed", "5", "--dry-run", "--json"])
    foreseen = expected(simulate(Nation(families=40, seed=5, answered=False)))
    assert told.exit_code == 0
    assert json.loads(told.stdout) == {
        "accepted": foreseen.accepted,
        "refused_by_intake": foreseen.refused_by_intake,
        "refused_by_fold": foreseen.refused_by_fold,
        "known": foreseen.known,
        "poison": 5,
    }


def test_a_rehearsed_file_reports_row_column_and_rule_and_no_value(tmp_path: Path) -> None:
    file, report = FIXTURES / "nik_15_digits.csv", tmp_path / "report.csv"
    arguments = ["publish", "sik-ng", str(file), "--agency", "dinsos/35.71", "--dry-run", "--json"]
    told = RUNNER.invoke(app, [*arguments, "--report", str(report)])
    rows = json.loads(told.stdout)["rows"]
    assert told.exit_code == REFUSED
    assert [(row["column"], row["rule"]) for row in rows] == [("NIK", "V1")]
    written = list(csv.DictReader(io.StringIO(report.read_text(encoding="utf-8"))))
    assert [row["rule"] for row in written] == ["V1"]
    cells = {cell for line in csv.reader(file.open(encoding="utf-8")) for cell in line[:3] if len(cell) > 3}
    assert not any(cell in told.output + report.read_text(encoding="utf-8") for cell in cells - {"NIK", "NAMA"})


def test_a_rehearsed_file_without_faults_ends_with_0() -> None:
    good = FIXTURES / "bom.csv"
    told = RUNNER.invoke(app, ["publish", "sik-ng", str(good), "--agency", "dinsos/35.71", "--dry-run", "--json"])
    assert (told.exit_code, json.loads(told.stdout)["rows"]) == (0, [])


@pytest.mark.parametrize("command", ["show", "history"])
@pytest.mark.parametrize("number", [NIK, NIK[::-1], "357101 040380 0101", "A1" * 13, "a" * 25])
def test_what_is_no_family_id_is_refused_before_anything_is_reached_and_not_repeated(command: str, number: str) -> None:
    told = RUNNER.invoke(app, ["family", command, number])
    assert told.exit_code == WRONG_USAGE
    assert number not in told.output


def test_an_indicator_nobody_defined_is_wrong_usage_and_the_known_ones_are_named() -> None:
    told = RUNNER.invoke(app, ["indicators", "families_by_desil"])
    assert told.exit_code == WRONG_USAGE
    assert "families_by_decile" in told.output


@pytest.mark.parametrize("option", ["--agency", "--actor", "--document"])
def test_a_number_of_a_person_is_no_name_of_what_travels_in_clear_and_is_not_repeated(option: str) -> None:
    arguments = ["publish", "sik-ng", str(FIXTURES / "bom.csv"), "--agency", "dinsos/35.71", "--dry-run"]
    told = RUNNER.invoke(app, [*arguments, option, f"no-{NIK}"])
    assert told.exit_code == WRONG_USAGE
    assert NIK not in told.output


def test_a_corrected_file_keeps_the_agency_s_own_number(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []
    read = Source.channel
    monkeypatch.setattr(Source, "channel", lambda *said: asked.append(said[1:]) or read(*said))
    arguments = ["publish", "sik-ng", str(FIXTURES / "bom.csv"), "--agency", "dinsos/35.71", "--dry-run"]
    RUNNER.invoke(app, [*arguments, "--document", "BA-7"])
    assert [said[1:] for said in asked] == [("dinsos/35.71", "operator", "BA-7")]


@pytest.mark.parametrize("name", ["JEJAK_KAFKA", "JEJAK_CASSANDRA"])
def test_a_bench_is_never_run_on_a_registry_that_others_use(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "127.0.0.1:1")
    assert RUNNER.invoke(app, ["bench"]).exit_code == WRONG_USAGE


def test_a_file_that_does_not_exist_is_wrong_usage() -> None:
    told = RUNNER.invoke(app, ["publish", "sik-ng", "none.csv", "--agency", "dinsos/35.71"])
    assert told.exit_code == WRONG_USAGE


@pytest.mark.parametrize(
    "arguments",
    [
        ["indicators"],
        ["publish", "seeds"],
        ["simulate", "--families", "1"],
        ["run", "fold"],
        ["family", "show", "a" * 26],
    ],
    ids=" ".join,
)
def test_without_a_running_stack_it_ends_with_4_and_one_line_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["jejak", *arguments])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    told = capsys.readouterr()
    assert ended.value.code == UNREACHABLE
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert "jejak up" in told.err


def test_a_status_of_nothing_is_json_too() -> None:
    told = RUNNER.invoke(app, ["status", "--json"])
    assert (told.exit_code, json.loads(told.stdout)["running"]) == (0, False)


def test_any_fault_of_the_stack_ends_with_4(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def faulty() -> None:
        raise local_stack.StackFault("the disk is full")

    monkeypatch.setattr(command_line, "app", faulty)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == UNREACHABLE
    assert "the disk is full" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (OperationTimedOut(), UNREACHABLE),
        (PublishFailed("the broker acknowledged nothing in time"), UNREACHABLE),
        (TimeoutError("a topic was not read to its end"), UNREACHABLE),
        (SecretError("a secret is 32 bytes written in base64"), WRONG_USAGE),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_fault_that_an_operator_can_mend_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fault: Exception, code: int
) -> None:
    def faulty() -> None:
        raise fault

    monkeypatch.setattr(command_line, "app", faulty)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == code
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert "Traceback" not in told


def test_a_library_s_fault_is_one_line_that_tells_its_kind_and_never_its_text() -> None:
    fault = ValueError(f"not a number: {NIK}")
    record = logging.LogRecord("library", logging.ERROR, __file__, 1, "it\nfailed", (), (ValueError, fault, None))
    assert command_line._OneLine().format(record) == "ERROR library: it failed (ValueError)"
