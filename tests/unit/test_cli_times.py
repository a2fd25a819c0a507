"""--as-of and --known-at on the command line: a malformed time is wrong usage, before anything is reached."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from consumers.gateway.request import FamilyDisclosed, Purpose, Withheld
from consumers.replay import moments
from consumers.replay.figures import Figure, Figures, FiguresRefused
from consumers.replay.log import LogRefused
from consumers.replay.moments import Moments
from consumers.replay.two_times import SequenceHole
from jejak.cli import app as command_line
from jejak.cli import read, times
from jejak.cli.app import app
from schemas.codec import Undecodable

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNNER = CliRunner()
FAMILY = "a" * 26
JUNE, JULY = "2025-06-30", "2025-07-31T12:00:00+07:00"
FAMILY_COMMANDS = ("show", "history", "eligibility")


class Asked:
    """A door and a registry in one that keep what they are asked, and answer with what they were given."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.moments: list[Moments] = []
        self.purposes: list[Purpose] = []

    def look_family(self, *said: Any) -> Any:
        self.purposes.append(said[1])
        return self._told(said[-1])

    def history(self, *said: Any) -> Any:
        return self._told(said[-1])

    def figures(self, _registry: Any, _names: Any, _region: str, at: Moments) -> Any:
        return self._told(at)

    def _told(self, at: Moments) -> Any:
        self.moments.append(at)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    @contextmanager
    def lent(self, _settings: Any) -> Iterator[Asked]:
        yield self


def asking(monkeypatch: pytest.MonkeyPatch, answer: Any) -> Asked:
    asked = Asked(answer)
    monkeypatch.setattr(read, "_door", asked.lent)
    monkeypatch.setattr(read.composition, "connected", asked.lent)
    monkeypatch.setattr(read.reading, "indicator_figures", asked.figures)
    return asked


def disclosed(eligibility: list[Any]) -> FamilyDisclosed:
    return FamilyDisclosed(FAMILY, 4, 0, {"eligibility": eligibility}, ("receipt",))  # type: ignore[arg-type]


@pytest.mark.parametrize("option", ["--as-of", "--known-at"])
@pytest.mark.parametrize("command", [*(("family", name, FAMILY) for name in FAMILY_COMMANDS), ("indicators",)])
@pytest.mark.parametrize("text", ["yesterday", "2025-06-30T12:00:00", "2025-13-01"])
def test_a_malformed_time_is_wrong_usage(option: str, command: tuple[str, ...], text: str) -> None:
    told = RUNNER.invoke(app, [*command, option, text])
    assert told.exit_code == 2
    assert "ISO 8601" in told.output


@pytest.mark.parametrize("command", FAMILY_COMMANDS)
def test_the_times_reach_the_door(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    asked = asking(monkeypatch, Withheld("BEFORE_FIRST_EVENT"))
    told = RUNNER.invoke(app, ["family", command, FAMILY, "--as-of", JUNE, "--known-at", JULY])
    assert (told.exit_code, told.stdout) == (3, "")
    assert "BEFORE_FIRST_EVENT" in told.stderr
    assert asked.moments == [Moments(moments.parse(JUNE), moments.parse(JULY))]


def test_the_expiry_and_the_order_of_a_withheld_look_reach_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asking(monkeypatch, Withheld("EXPIRY_TOO_LATE"))
    command = ["family", "show", FAMILY, "--purpose", "P", "--visible-from", JUNE, "--order", "12/Pen/2025/PN"]
    assert RUNNER.invoke(app, command).exit_code == 3
    assert asked.purposes == [Purpose("P", visible_from=moments.parse(JUNE), court_order="12/Pen/2025/PN")]
    malformed = RUNNER.invoke(app, ["family", "show", FAMILY, "--visible-from", "soon"])
    assert (malformed.exit_code, len(asked.purposes)) == (2, 1)


def test_what_is_known_by_a_time_ahead_is_what_is_known_by_now(monkeypatch: pytest.MonkeyPatch) -> None:
    now = moments.parse("2025-07-01T02:37:00+07:00")
    monkeypatch.setattr(times.composition, "now", lambda: now)
    asked = asking(monkeypatch, Withheld("BEFORE_FIRST_EVENT"))
    RUNNER.invoke(app, ["family", "show", FAMILY, "--known-at", "2025-07-01"])
    assert asked.moments == [Moments(known_at=now)]


def test_without_times_the_question_is_about_now(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asking(monkeypatch, disclosed([]))
    told = RUNNER.invoke(app, ["family", "show", FAMILY, "--json"])
    assert asked.moments == [moments.NOW]
    assert not {"as_of", "known_at"} & json.loads(told.stdout).keys()


def test_a_judgement_is_told_apart_from_a_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    one = {"result": "LAYAK", "reasons": [], "rules_version": "2025.1"}
    other = {"result": "TIDAK_LAYAK", "reasons": ["TANPA_KOMPONEN"], "rules_version": "2025.1"}
    asking(monkeypatch, disclosed([{"programme": "PKH", "on_record": one, "judged": other}]))
    told = RUNNER.invoke(app, ["family", "eligibility", FAMILY, "--as-of", JUNE])
    assert told.exit_code == 0
    assert "2025-06-30T23:59:59.999999+07:00" in told.stdout
    (on_record,) = [line for line in told.stdout.splitlines() if "on record " in line and "LAYAK" in line]
    (judged,) = [line for line in told.stdout.splitlines() if "judged" in line]
    assert "TANPA_KOMPONEN" in judged
    assert "TANPA_KOMPONEN" not in on_record


def test_indicators_tell_the_moment_that_they_are_true_for(monkeypatch: pytest.MonkeyPatch) -> None:
    end = moments.parse("2025-07-30")
    cells = {"families_by_decile": (Figure("35.71.02", "3", "keluarga", 7),)}
    asked = asking(monkeypatch, Figures(Moments(known_at=end), cells))
    told = json.loads(RUNNER.invoke(app, ["indicators", "families_by_decile", "--known-at", JULY, "--json"]).stdout)
    assert asked.moments == [Moments(known_at=moments.parse(JULY))]
    assert told["known_at"] == "2025-07-30T23:59:59.999999+07:00"
    assert told["indicators"]["families_by_decile"] == [
        {"region": "35.71.02", "category": "3", "unit": "keluarga", "sum": 7}
    ]


def test_indicators_of_a_time_before_the_first_event_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    asking(monkeypatch, FiguresRefused())
    told = RUNNER.invoke(app, ["indicators", "--as-of", "1990-01-01", "--json"])
    assert (told.exit_code, told.stdout) == (3, "")
    assert "BEFORE_FIRST_EVENT" in told.stderr


def test_a_hole_in_a_family_s_events_ends_with_1_and_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asking(monkeypatch, SequenceHole(FAMILY, 7))
    monkeypatch.setattr(sys, "argv", ["jejak", "family", "show", FAMILY, "--as-of", JUNE])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    told = capsys.readouterr()
    assert (ended.value.code, told.out) == (1, "")
    assert "SEQUENCE_HOLE: event 7" in told.err
    assert FAMILY in told.err


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Undecodable("MALFORMED", "the bytes aren't the record of their id"), "MALFORMED"),
        (LogRefused("BEGINNING_MISSING", "partition 3 begins at offset 7"), "BEGINNING_MISSING"),
    ],
)
def test_what_is_stored_but_broken_ends_with_1_and_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fault: Exception, said: str
) -> None:
    asking(monkeypatch, fault)
    monkeypatch.setattr(sys, "argv", ["jejak", "family", "show", FAMILY, "--as-of", JUNE])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    told = capsys.readouterr()
    assert (ended.value.code, told.out) == (1, "")
    assert said in told.err
    assert "Traceback" not in told.err
