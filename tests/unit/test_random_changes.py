"""A few thousand random changes through the folds; `python -m tests.unit.changes_at_length` tells a million."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from schemas import catalogue
from stream_processors.folds import families
from stream_processors.registry import family
from tests.unit import changes_at_length
from tests.unit.changes_at_length import Tally, chunk, report

if TYPE_CHECKING:
    from pathlib import Path

CHANGES = 3_000


@pytest.fixture(scope="module")
def tally() -> Tally:
    return chunk(7, CHANGES)


def test_random_changes_end_in_events_and_refusals_and_nothing_else_dies(tally: Tally) -> None:
    assert tally.findings == []
    assert tally.changes == CHANGES
    assert len(tally.refused) >= 30
    assert tally.events.total() >= CHANGES / 4


def test_every_planted_poison_is_a_dead_letter_and_every_dead_letter_was_planted(tally: Tally) -> None:
    planted = sum(number for way, number in tally.ways.items() if way.startswith("planted"))
    assert planted > 0
    assert sum(number for code, number in tally.dead.items() if code.endswith("(planted)")) == planted
    assert not any(code.endswith("(NOT)") for code in tally.dead)


def test_changes_of_every_kind_of_the_contract_are_told(tally: Tally) -> None:
    assert set(tally.given) == set(catalogue.CHANGES)


def test_the_same_seed_tells_the_same_changes() -> None:
    one, other = chunk(3, 200), chunk(3, 200)
    assert {**vars(one), "seconds": 0} == {**vars(other), "seconds": 0}


def test_a_rule_that_raises_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = family.handle, iter(range(10_000))

    def broken(*said: Any) -> Any:
        if next(calls) == 50:
            raise ZeroDivisionError
        return real(*said)

    monkeypatch.setattr(families, "handle", broken)
    (finding,) = chunk(7, 100).findings
    assert "ZeroDivisionError" in finding


def test_an_event_that_is_not_published_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    real = families.FamiliesFold._outputs

    def forgetful(self: Any, *said: Any) -> Any:
        return [one for one in real(self, *said) if one.topic != catalogue.EVENTS_TOPIC or one.value[-1] % 50]

    monkeypatch.setattr(families.FamiliesFold, "_outputs", forgetful)
    assert any("replay gives other states" in one for one in chunk(7, 300).findings)


def test_chunks_done_are_kept_and_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "kept.jsonl"
    found = changes_at_length.run(range(1, 3), 100, 1, kept)
    assert found.changes == 200
    rows = kept.read_text(encoding="utf-8")
    again = changes_at_length.run(range(1, 3), 100, 1, kept)
    assert vars(again) == vars(found)
    assert kept.read_text(encoding="utf-8") == rows
    monkeypatch.setattr(changes_at_length, "sources", lambda: "of another build")
    assert changes_at_length.done(kept, changes_at_length.sources(), 100) == {}


def test_the_report_counts_refusals_by_code(tally: Tally) -> None:
    said = report(tally)
    assert f"| ORDER | {tally.refused['ORDER']:,} |" in said
    assert f"| refusal | {tally.refused.total():,} |" in said
