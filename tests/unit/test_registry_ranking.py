"""The statistics office's word on a family: deciles, Belum Ada Desil, and runs that arrive late."""

from __future__ import annotations

from typing import Any

import pytest

from stream_processors.indicators import counts
from tests.unit.registry_scenarios import BUDI, Scenario, at, claimed, given, matched, registered, say


def matched_family() -> Scenario:
    return given(registered(), claimed(), matched())


def unranked(**fields: Any) -> Any:
    return say("FamilyRanked", **{"decile": None, "percentile": None, "unranked_reason": "VARIABEL_KURANG", **fields})


@pytest.mark.parametrize("decile", range(1, 11))
def test_a_family_stands_in_the_decile_its_run_gave(decile: int) -> None:
    state = matched_family().and_given(say("FamilyRanked", decile=decile)).state
    assert (state.decile, state.percentile, state.ranking_run) == (decile, 1234, "2025-1")


@pytest.mark.parametrize("decile", [0, 11, -1, 2**31 - 1])
def test_a_decile_is_1_to_10(decile: int) -> None:
    matched_family().when(say("FamilyRanked", decile=decile)).refused("CODE_UNKNOWN", "/decile")


@pytest.mark.parametrize(
    ("percentile", "fits"), [(0, True), (10_000, True), (-1, False), (10_001, False), (None, True)]
)
def test_a_percentile_is_0_to_10000_hundredths(percentile: int | None, fits: bool) -> None:  # noqa: FBT001  a column of the table
    outcome = matched_family().when(say("FamilyRanked", percentile=percentile))
    if fits:
        assert outcome.accepted().state.percentile == (-1 if percentile is None else percentile)
    else:
        outcome.refused("CODE_UNKNOWN", "/percentile")


def test_belum_ada_desil_is_a_state_of_its_own_and_no_decile_10() -> None:
    scene = matched_family().and_given(unranked())
    assert (scene.state.decile, scene.state.percentile, scene.state.ranking_run) == (0, -1, "2025-1")
    classes = {cell.category for cell in counts.cells(scene.state) if cell.indicator.endswith("_by_decile")}
    assert classes == {"BELUM_ADA_DESIL"}


def test_a_family_can_lose_its_decile() -> None:
    scene = matched_family().and_given(say("FamilyRanked"), unranked(run_id="2025-2"))
    assert (scene.state.decile, scene.state.percentile, scene.state.ranking_run) == (0, -1, "2025-2")


@pytest.mark.parametrize("reason", [None, ""])
def test_no_decile_has_a_reason(reason: str | None) -> None:
    matched_family().when(unranked(unranked_reason=reason)).refused("REASON_MISSING", "/unranked_reason")


@pytest.mark.parametrize("name", ["percentile", "local_percentile", "score"])
def test_no_decile_has_no_percentile_and_no_score(name: str) -> None:
    matched_family().when(unranked(**{name: 5000})).refused("CODE_UNKNOWN", f"/{name}")


@pytest.mark.parametrize("percentile", [-1, 10_001])
def test_a_local_percentile_is_0_to_10000_hundredths(percentile: int) -> None:
    outcome = matched_family().when(say("FamilyRanked", local_percentile=percentile))
    outcome.refused("CODE_UNKNOWN", "/local_percentile")


def test_a_local_percentile_and_a_score_stand_beside_the_decile() -> None:
    said = say("FamilyRanked", decile=3, local_percentile=10_000, score=-1, input_sequence=3)
    assert matched_family().and_given(said).state.decile == 3


@pytest.mark.parametrize("name", ["model_version", "dpia_id"])
@pytest.mark.parametrize("blank", ["", " "])
def test_a_rank_and_its_absence_name_the_model_and_its_impact_assessment(name: str, blank: str) -> None:
    matched_family().when(say("FamilyRanked", **{name: blank})).refused("EVIDENCE_MISSING", f"/{name}")
    matched_family().when(unranked(**{name: blank})).refused("EVIDENCE_MISSING", f"/{name}")


def test_a_decile_names_its_run() -> None:
    matched_family().when(say("FamilyRanked", run_id="")).refused("RUN_MISSING", "/run_id")
    matched_family().when(unranked(run_id="")).refused("RUN_MISSING", "/run_id")


@pytest.mark.parametrize("basis", ["HOUSEHOLDS", "", "families"])
def test_the_tenths_are_of_families_or_of_persons(basis: str) -> None:
    matched_family().when(say("FamilyRanked", basis=basis)).refused("CODE_UNKNOWN", "/basis")


@pytest.mark.parametrize("scope", ["35.71", "", "national"])
def test_a_local_view_does_not_replace_the_national_decile(scope: str) -> None:
    scene = matched_family().and_given(say("FamilyRanked", decile=7))
    scene.when(say("FamilyRanked", scope=scope, decile=1)).refused("SCOPE_NOT_NATIONAL", "/scope")
    assert scene.state.decile == 7


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [claimed()],
        [claimed(), matched(status="NAMA_BEDA")],
        [claimed(), matched(), say("MembershipEnded")],
        [claimed(), matched(), say("MembershipContested")],
        [claimed(), matched(), matched(status="MENINGGAL", occurred=at(2025, 2, 1))],
        [claimed(), matched(), claimed(BUDI), say("MembershipEnded")],
    ],
)
def test_a_ranked_family_has_an_active_member_with_a_matched_nik(changes: list[Any]) -> None:
    given(registered(), *changes).when(say("FamilyRanked")).refused("NO_MATCHED_MEMBER")
    given(registered(), *changes).when(unranked()).accepted()


@pytest.mark.parametrize(
    "changes", [[], [say("MembershipConfirmed")], [claimed(BUDI), say("MembershipEnded", person_ref=BUDI)]]
)
def test_one_pending_or_confirmed_matched_member_will_do(changes: list[Any]) -> None:
    matched_family().and_given(*changes).when(say("FamilyRanked")).accepted()


def test_a_late_run_is_history_and_not_the_present() -> None:
    scene = matched_family().and_given(say("FamilyRanked", occurred=at(2025, 3, 1), decile=3))
    scene.when(say("FamilyRanked", run_id="2024-4", occurred=at(2025, 1, 20), decile=9)).then("FamilyRanked")
    scene.when(unranked(run_id="2024-3", occurred=at(2025, 1, 10))).then("FamilyRanked")
    assert (scene.state.decile, scene.state.ranking_run) == (3, "2025-1")
