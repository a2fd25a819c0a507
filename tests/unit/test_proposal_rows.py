"""Every row of machine A's file is what is enforced: its evidence and its guards, no more and no less.

Each row's step is said where the row begins, once as it should be, then with one field left empty or one guard broken.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from schemas import codec, contract
from stream_processors.registry import proposal, proposal_guards, ranking
from stream_processors.registry.machines.table import machine
from tests.integration import naive_replay
from tests.unit.random_records import fields
from tests.unit.registry_scenarios import (
    NEIGHBOUR,
    NOW,
    Scenario,
    claimed,
    drafted,
    given,
    matched,
    registered,
    replay,
    say,
)
from tests.unit.test_registry_proposal import RESTING, TERMINAL, ranked, standing_at, step

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_processors.registry.machines.table import Row

ROWS = [
    row
    for row in machine("USULAN").rows
    if row.record != "DeadlineReached" and not row.kinds  # a date asks for nothing; LULUS of a kind as any other's
]
NAMES = [f"{row.state or 'nothing'} {row.record} {row.outcome}".strip() for row in ROWS]


def where(row: Row) -> Scenario:
    """Return a family whose proposal stands where the row begins, with what all its guards ask for."""
    if not row.state:
        return given(registered(), claimed(), matched())
    scene = standing_at(row.state)
    newer = row.outcome == "PERINGKAT_BARU"
    return scene.and_given(ranked(run_id="2025-2", occurred=NOW + 1)) if newer else scene


def said(row: Row, **wrong: Any) -> Any:
    """Return the row's step as it should be said, but for these fields."""
    if row.record == "ProposalDrafted":
        return drafted(**wrong)
    if row.record == "FamilyRanked":
        return ranked(**({"occurred": NOW + 2} | wrong))
    return step(row.record, row.outcome, **wrong)


def emptied(kind: Any) -> tuple[Any, ...]:
    """Return the empty values that a field of this kind takes."""
    if isinstance(kind, list):
        return (None, *(one for inner in kind if inner != "null" for one in emptied(inner)))
    if isinstance(kind, dict):
        return ((),) if kind["type"] == "array" else ()
    return {"string": ("", " "), "bytes": (b"",)}.get(kind, ())


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_what_a_row_calls_evidence_is_exactly_what_is_never_empty(row: Row) -> None:
    found = set[str]()
    kinds = fields(row.record)
    for name in kinds.keys() - {"header", "outcome", "status", "proposal_id"}:
        answers = [where(row).handle(said(row, **{name: value})).refused for value in emptied(kinds[name])]
        missing = [one is not None and one.rule == "EVIDENCE_MISSING" and one.pointer == f"/{name}" for one in answers]
        if any(missing):
            assert all(missing), name
            found.add(name)
    assert found == set(row.evidence)


def _told(**wrong: Any) -> Callable[[Row], tuple[Scenario, Any] | None]:
    """Return what breaks a guard by the record's own words, where it has these fields."""

    def broken(row: Row) -> tuple[Scenario, Any] | None:
        return (where(row), said(row, **wrong)) if wrong.keys() <= fields(row.record).keys() else None

    return broken


def _standing(change: Callable[[Any], Any]) -> Callable[[Row], tuple[Scenario, Any] | None]:
    """Return what breaks a guard by how the family stands."""

    def broken(row: Row) -> tuple[Scenario, Any] | None:
        scene = where(row)
        scene.state = change(scene.state)
        return scene, said(row)

    return broken


def _every_proposal(**now: Any) -> Callable[[Any], Any]:
    return lambda state: replace(state, proposals=tuple(replace(one, **now) for one in state.proposals))


def _unmatched(state: Any) -> Any:
    return replace(state, members=tuple(replace(one, padan="NAMA_BEDA") for one in state.members))


def _another_open(state: Any) -> Any:
    draft = given(registered(), drafted(change_id=b"another draft ..")).proposal(b"another draft ..")
    return replace(state, proposals=(draft,)) if not state.proposals else state


def _excluded(state: Any) -> Any:
    case = given(registered(), say("FamilyExcluded", programmes=("PKH",))).state.cases
    return replace(state, cases=case)


def _earlier_rank(state: Any) -> Any:
    facets = tuple(replace(one, occurred_at=0) if one.name == "ranking" else one for one in state.facets)
    return replace(state, facets=facets)


BREAKS: dict[str, Callable[[Row], tuple[Scenario, Any] | None]] = {
    "CODE_UNKNOWN": _told(proposer="CAMAT"),
    "PROPOSAL_OPEN": _standing(_another_open),
    "FAMILY_ENDED": _standing(lambda state: replace(state, status="BUBAR")),
    "MINUTES_MISSING": _told(minutes_number=" "),
    "NOT_MATCHED": _standing(_every_proposal(padan="NAMA_BEDA")),
    "QUESTIONNAIRE_UNKNOWN": _told(questionnaire="REGSOSEK99"),
    "PERIOD_CLOSED": _told(period=202501),
    "NO_NEWER_RANKING": _standing(_earlier_rank),
    "PROGRAMME_UNKNOWN": _told(programme="TIDAK_ADA"),
    "RUN_NOT_IN_FORCE": _standing(lambda state: replace(state, ranking_run="2031-1")),
    "EXCLUDED": _standing(_excluded),
    "NOT_PROPOSER": _standing(_every_proposal(agency=f"desa/{NEIGHBOUR}")),
    "RUN_MISSING": _told(run_id=" "),
    "NO_MATCHED_MEMBER": _standing(_unmatched),
}


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_a_row_s_guards_are_exactly_those_that_refuse(row: Row) -> None:
    refusing = set[str]()
    for guard, broken in BREAKS.items():
        tried = broken(row)
        if tried is not None:
            refused = tried[0].handle(tried[1]).refused
            if refused is not None and refused.rule == guard:
                refusing.add(guard)
    assert refusing == set(row.guards)


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_a_row_is_taken_when_nothing_of_it_lacks(row: Row) -> None:
    scene = where(row).when(said(row)).accepted()
    assert scene.step(scene.state.proposals[0].proposal_id) == row.to


def told_late() -> Scenario:
    scene = standing_at("DISERAHKAN_BPS")
    return scene.and_given(ranked(run_id="2024-4", occurred=scene.proposal().since - 1))


def drafted_anew(state: str) -> Scenario:
    return standing_at(state).and_given(drafted(change_id=b"another draft .."))


LIVES: dict[str, Callable[[], Scenario]] = {
    **{name: partial(lambda row: where(row).and_given(said(row)), row) for name, row in zip(NAMES, ROWS, strict=True)},
    "a rank told late": told_late,
    **{f"a draft after {state}": partial(drafted_anew, state) for state in (*RESTING, *TERMINAL)},
}


@pytest.mark.parametrize("life", LIVES)
def test_another_hand_folds_each_to_the_same_bytes_and_redelivery_changes_nothing(life: str) -> None:
    schemas = naive_replay.Schemas(Path(contract.__file__).parent / "avro")
    scene = LIVES[life]()
    states: dict[str, naive_replay.State] = {}
    for framed in scene.log:
        naive_replay.fold(states, *schemas.decode(framed))
    (state,) = states.values()
    state["counted"] = scene.state.counted
    assert schemas.encode(state) == codec.encode(scene.state)
    assert replay([*scene.log, *scene.log[-2:]]) == scene.state


def test_every_guard_of_machine_a_is_named_by_a_row_and_broken_here() -> None:
    named = {guard for row in proposal.MACHINE.rows for guard in row.guards}
    assert named == proposal_guards.GUARDS.keys() | ranking.GUARDS.keys() == BREAKS.keys()


def test_a_row_that_asks_for_a_field_more_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a row of the file that calls the delegate of an endorsement evidence too
    key = ("MENUNGGU_PENGESAHAN", "ProposalEndorsed", "")
    row = proposal.ROWS["BARU"][key]
    stricter = {**proposal.ROWS["BARU"], key: row._replace(evidence=(*row.evidence, "delegate"))}
    monkeypatch.setattr(proposal, "ROWS", {**proposal.ROWS, "BARU": stricter})
    # When an endorsement names none, Then it is refused
    standing_at("MENUNGGU_PENGESAHAN").when(say("ProposalEndorsed")).refused("EVIDENCE_MISSING", "/delegate")
