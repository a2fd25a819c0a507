"""What a run takes of a family: its variables from state and visit, or why it can't be scored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from schemas import records
from schemas.questionnaire import all_versions
from stream_processors.ranking import model_file
from stream_processors.ranking.standing import NEVER, standing
from stream_processors.ranking.variables import CATALOGUE, MISSING, NOT_ASKED, active, subject_of, values
from tests.unit.registry_scenarios import ANI, BUDI, VILLAGE, at, claimed, given, matched, place, registered, say

MODEL = model_file.parse(model_file.shipped())
AS_OF = at(2026, 1, 1)
DWELLING = records.FamilyVariables(
    floor_area=37, floor=2, wall=1, roof=2, water=4, water_distance=8, lighting=1, power_1=2, cooking_fuel=4, toilet=1,
    toilet_type=1, sewage=1, house_ownership=1, land_proof=1, other_land=2, other_house=2, asset_refrigerator=1,
    asset_air_conditioner=0, asset_television=1, asset_gold=0, asset_computer=0, asset_motorcycle=2, asset_car=0,
    cattle=0, goats=3,
)  # fmt: skip
HEAD = records.IndividualVariables(person_ref=ANI, works=1, industry=12, work_status=4, owns_business=2)
CHILD = records.IndividualVariables(person_ref=BUDI, works=2, difficulty_seeing=2, chronic_illness=3)


def family(*more: Any) -> Any:
    child = claimed(BUDI, birth_year=2015, birth_month=2, relationship=3, marital_status=1, sex=1)
    return given(registered(), claimed(), child, matched(), *more).state


def visit(**fields: Any) -> Any:
    return say("GroundCheckRecorded", **{"family": DWELLING, "individuals": (HEAD, CHILD), **fields})


def value(name: str, state: Any = None, seen: Any = None) -> int:
    state, seen = state or family(), seen or visit()
    return values([name], subject_of(active(state), seen, AS_OF))[0]


def dwelling(**fields: Any) -> Any:
    return visit(family=replace(DWELLING, **fields))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("floor", 2), ("floor_area", 37), ("floor_area_per_member", 18), ("water_distance", 8), ("power_1", 2),
        ("members", 2), ("children", 1), ("elderly", 0), ("dependents_percent", 50), ("head_sex", 2),
        ("head_age", 45), ("head_marital_status", 2), ("head_works", 1), ("head_industry", 12),
        ("head_work_status", 4), ("workers", 1), ("business_owners", 0), ("chronically_ill", 1),
        ("with_difficulty", 1), ("goats", 3), ("asset_motorcycle", 2), ("asset_car", 0),
    ],
)  # fmt: skip
def test_a_variable_is_read_from_the_state_or_the_visit(name: str, expected: int) -> None:
    assert value(name) == expected


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_variable_has_a_value_or_says_why_not(name: str) -> None:
    assert value(name) >= NOT_ASKED
    assert value(name, seen=visit(family=records.FamilyVariables(), individuals=())) >= NOT_ASKED


@pytest.mark.parametrize(
    ("name", "gate"),
    [
        ("land_proof", {"house_ownership": 2}),
        ("water_distance", {"water": 3}),
        ("power_1", {"lighting": 2}),
        ("toilet_type", {"toilet": 6}),
        ("sewage", {"toilet": 4}),
    ],
)
def test_what_the_form_does_not_ask_is_not_asked_rather_than_missing(name: str, gate: dict[str, int]) -> None:
    assert value(name, seen=dwelling(**{name: None, **gate})) == NOT_ASKED
    assert value(name, seen=dwelling(**{name: None})) == MISSING
    assert value(name, seen=dwelling(**{name: None, next(iter(gate)): None})) == MISSING


def test_a_head_without_work_is_asked_for_no_industry() -> None:
    idle = visit(individuals=(replace(HEAD, works=2, industry=None, work_status=None), CHILD))
    assert (value("head_works", seen=idle), value("head_industry", seen=idle)) == (2, NOT_ASKED)


def test_a_family_without_a_head_in_the_register_lacks_the_heads_answers() -> None:
    state = given(registered(), claimed(relationship=2), matched()).state
    assert {value(name, state) for name in ("head_age", "head_sex", "head_works", "head_work_status")} == {MISSING}


def test_answers_of_who_has_left_count_no_more() -> None:
    gone = say("MembershipEnded", person_ref=BUDI, occurred=at(2025, 3, 1))
    state = family(gone)
    assert (value("members", state), value("children", state), value("chronically_ill", state)) == (1, 0, 0)


def test_ages_are_those_of_the_runs_day() -> None:
    then = subject_of(active(family()), visit(), at(2045, 1, 1))
    assert values(["head_age", "children", "elderly"], then) == (64, 0, 1)


def ranked(state: Any, seen: Any) -> Any:
    return standing(state, seen, MODEL, AS_OF)


def test_a_family_that_may_be_scored_has_no_reason_and_all_values() -> None:
    found = ranked(family(), visit())
    assert (found.reason, found.persons, found.before, found.region) == (None, 2, NEVER, "KEMENDAGRI 35.71")
    assert MODEL.score(found.values) is not None
    assert found.sequence == family().sequence


@pytest.mark.parametrize(
    ("state", "seen", "reason"),
    [
        (given(registered(), claimed()).state, visit(), "NO_MATCHED_MEMBER"),
        (given(registered(), claimed(), matched(status="NAMA_BEDA")).state, visit(), "NO_MATCHED_MEMBER"),
        (given(registered()).state, None, "NO_MATCHED_MEMBER"),
        (family(), None, "GROUND_CHECK_MISSING"),
        (family(), visit(result=4, family=None, individuals=()), "GROUND_CHECK_MISSING"),
        (family(), visit(questionnaire="REGSOSEK30-K"), "QUESTIONNAIRE_UNKNOWN"),
    ],
)
def test_a_family_that_cant_be_scored_says_why(state: Any, seen: Any, reason: str) -> None:
    found = ranked(state, seen)
    assert found.reason == reason
    assert MODEL.score(found.values) is None


@pytest.mark.parametrize("version", all_versions())
def test_a_visit_is_scored_by_whichever_version_it_was_asked(version: str) -> None:
    assert ranked(family(), visit(questionnaire=version)).reason is None


def test_a_version_that_lacks_a_variable_of_the_model_is_told_with_the_variable() -> None:
    model = replace(MODEL, questionnaires=frozenset({"REGSOSEK22-K"}), lacking={"REGSOSEK22-K-2022": "roof"})
    seen = visit(questionnaire="REGSOSEK22-K-2022")
    found = standing(family(), seen, model, AS_OF)
    assert found is not None
    assert found.reason == "QUESTIONNAIRE_LACKS:roof"


def test_a_matched_member_who_has_left_ranks_nobody() -> None:
    left = given(registered(), claimed(), matched(), say("MembershipEnded")).state
    assert ranked(left, visit()).reason == "NO_MATCHED_MEMBER"


def test_a_contested_member_neither_ranks_a_family_nor_weighs() -> None:
    state = family(say("MembershipContested"))
    found = ranked(state, visit())
    assert (found.reason, found.persons) == ("NO_MATCHED_MEMBER", 1)


def test_a_family_that_is_no_longer_active_is_no_part_of_a_run() -> None:
    assert ranked(replace(family(), status="PECAH"), visit()) is None


def test_the_decile_before_tells_never_from_belum_ada_desil() -> None:
    told = family(say("FamilyRanked", decile=None, percentile=None, unranked_reason="X"))
    assert ranked(told, visit()).before == 0
    assert ranked(family(say("FamilyRanked", decile=4)), visit()).before == 4


def test_a_place_of_each_code_system_has_its_district() -> None:
    bps = replace(family(), region=place("3571020001", "BPS", "2020"))
    assert ranked(bps, visit()).region == "BPS 3571"
    assert ranked(replace(family(), region=place(VILLAGE)), visit()).region == "KEMENDAGRI 35.71"
