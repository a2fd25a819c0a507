"""The 39 variables: code lists at both ends, skip rules, strangers, and what a visit leaves in force."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.questionnaire import latest
from schemas.records import FamilyVariables, IndividualVariables
from tests.unit.registry_scenarios import ANI, BUDI, CITRA, NOW, Scenario, at, claimed, given, registered, say

# Domain guide 5.2, written out again: field, the lowest and highest code, what must be answered beside it.
FAMILY_CODES: list[tuple[str, int, int, dict[str, int]]] = [
    ("member_count", 1, 999, {}),
    ("house_ownership", 1, 5, {}),
    ("land_proof", 1, 6, {"house_ownership": 1}),
    ("floor_area", 1, 997, {}),
    ("floor", 1, 9, {}),
    ("wall", 1, 7, {}),
    ("roof", 1, 8, {}),
    ("water", 1, 11, {}),
    ("lighting", 1, 4, {}),
    ("power_1", 1, 5, {"lighting": 1}),
    ("power_2", 1, 5, {"lighting": 1}),
    ("power_3", 1, 5, {"lighting": 1}),
    ("cooking_fuel", 0, 11, {}),
    ("toilet", 1, 6, {}),
    ("toilet_type", 1, 4, {"toilet": 1}),
    ("sewage", 1, 6, {"toilet": 1}),
    ("other_land", 1, 2, {}),
    ("other_house", 1, 2, {}),
    ("cattle", 0, 999, {}),
    ("buffalo", 0, 999, {}),
    ("horses", 0, 999, {}),
    ("pigs", 0, 999, {}),
    ("goats", 0, 999, {}),
]
BODY = ("seeing", "hearing", "walking", "hands", "learning", "behaviour")
MIND = ("speaking", "self_care", "remembering", "sadness")
INDIVIDUAL_CODES: list[tuple[str, int, int, dict[str, int]]] = [
    ("presence", 1, 5, {}),
    ("sex", 1, 2, {}),
    ("birth_month", 1, 12, {}),
    ("marital_status", 1, 4, {}),
    ("relationship", 1, 8, {}),
    ("works", 1, 2, {}),
    ("hours", 1, 99, {"works": 1}),
    ("industry", 1, 26, {"works": 1}),
    ("work_status", 1, 8, {"works": 1}),
    ("owns_business", 1, 2, {}),
    ("business_industry", 1, 26, {"owns_business": 1}),
    ("business_turnover", 1, 7, {"owns_business": 1}),
    ("chronic_illness", 1, 18, {}),
    *((f"difficulty_{part}", 1, 4, {}) for part in BODY + MIND),
]
ASSETS = [name for name in FamilyVariables.__dataclass_fields__ if name.startswith("asset_")]


def family() -> Scenario:
    return given(registered(), claimed(), claimed(BUDI, relationship=2))


def house(**answers: Any) -> Any:
    return say("GroundCheckRecorded", family=FamilyVariables(**answers))


def person(person_ref: str = ANI, /, **answers: Any) -> Any:
    occurred = answers.pop("occurred", NOW)
    seen = IndividualVariables(person_ref=person_ref, **answers)
    return say("GroundCheckRecorded", occurred=occurred, individuals=(seen,))


@pytest.mark.parametrize(("name", "low", "high", "beside"), FAMILY_CODES)
def test_a_family_s_codes_end_where_the_questionnaire_ends(name: str, low: int, high: int, beside: Any) -> None:
    for value in (low, high):
        family().when(house(**beside, **{name: value})).accepted()
    for value in (low - 1, high + 1, 2**31 - 1, -(2**31)):
        family().when(house(**beside, **{name: value})).refused("CODE_UNKNOWN", f"/family/{name}")


@pytest.mark.parametrize(("name", "low", "high", "beside"), INDIVIDUAL_CODES)
def test_a_person_s_codes_end_where_the_questionnaire_ends(name: str, low: int, high: int, beside: Any) -> None:
    for value in (low, high):
        family().when(person(**beside, **{name: value})).accepted()
    for value in (low - 1, high + 1, 2**31 - 1, -(2**31)):
        family().when(person(**beside, **{name: value})).refused("CODE_UNKNOWN", f"/individuals/0/{name}")


def test_every_clear_variable_has_a_code_list_here() -> None:
    family_names = {name for name, *_ in FAMILY_CODES} | set(ASSETS) | {"water_distance"}
    person_names = {name for name, *_ in INDIVIDUAL_CODES} | {"birth_year", "business_workers", "person_ref"}
    sealed = {"card_number", "head_name", "address_line", "geotag", "electricity_customer"}
    beside = {one.name for one in latest().beside}  # their own tests have theirs
    assert set(FamilyVariables.__dataclass_fields__) - sealed - beside == family_names
    assert set(IndividualVariables.__dataclass_fields__) - {"national_id", "name", "birth_day"} - beside == person_names


@pytest.mark.parametrize("value", [0, 3, 4, 7, 9, -1])
def test_the_distance_to_the_septic_tank_is_near_far_or_not_known(value: int) -> None:
    family().when(house(water=4, water_distance=value)).refused("CODE_UNKNOWN", "/family/water_distance")


@pytest.mark.parametrize("water", [4, 5, 6, 7, 8])
@pytest.mark.parametrize("distance", [1, 2, 8])
def test_the_distance_is_asked_of_wells_and_springs(water: int, distance: int) -> None:
    family().when(house(water=water, water_distance=distance)).accepted()


@pytest.mark.parametrize("water", [None, 1, 2, 3, 9, 10, 11])
def test_the_distance_is_not_asked_of_other_water(water: int | None) -> None:
    family().when(house(water=water, water_distance=1)).refused("V4", "/family/water_distance")


@pytest.mark.parametrize("ownership", [None, 2, 3, 4, 5])
def test_the_land_s_proof_is_asked_of_owners_alone(ownership: int | None) -> None:
    family().when(house(house_ownership=ownership, land_proof=1)).refused("V4", "/family/land_proof")


@pytest.mark.parametrize("lighting", [None, 2, 3, 4])
@pytest.mark.parametrize("meter", ["power_1", "power_2", "power_3"])
def test_power_is_asked_where_there_is_a_meter(lighting: int | None, meter: str) -> None:
    family().when(house(lighting=lighting, **{meter: 1})).refused("V4", f"/family/{meter}")


@pytest.mark.parametrize("toilet", [None, 4, 5, 6])
@pytest.mark.parametrize("name", ["toilet_type", "sewage"])
def test_the_toilet_s_kind_is_asked_where_one_is_used(toilet: int | None, name: str) -> None:
    family().when(house(toilet=toilet, **{name: 1})).refused("V4", f"/family/{name}")


@pytest.mark.parametrize("toilet", [1, 2, 3])
def test_the_toilet_s_kind_is_taken_where_one_is_used(toilet: int) -> None:
    family().when(house(toilet=toilet, toilet_type=4, sewage=6)).accepted()


@pytest.mark.parametrize("asset", ["refrigerator", "air_conditioner", "water_heater", "television", "computer"])
def test_what_needs_electricity_is_not_there_without_it(asset: str) -> None:
    family().when(house(lighting=4, **{f"asset_{asset}": 1})).refused("V10", f"/family/asset_{asset}")
    family().when(house(lighting=4, **{f"asset_{asset}": 0})).accepted()
    family().when(house(lighting=3, **{f"asset_{asset}": 1})).accepted()


@pytest.mark.parametrize("asset", ["telephone", "smartphone", "motorcycle", "gold", "boat"])
def test_what_needs_no_mains_is_there_without_it(asset: str) -> None:
    family().when(house(lighting=4, **{f"asset_{asset}": 1})).accepted()


@pytest.mark.parametrize(("fuel", "gas"), [(2, 1), (3, 2), (4, 0), (10, 0), (0, 0), (2, None), (None, 1), (None, 0)])
def test_a_large_gas_cylinder_goes_with_cooking_on_it(fuel: int | None, gas: int | None) -> None:
    family().when(house(cooking_fuel=fuel, asset_gas_5kg=gas)).accepted()


@pytest.mark.parametrize(("fuel", "gas"), [(2, 0), (3, 0), (4, 1), (1, 3), (0, 1), (11, 1)])
def test_a_large_gas_cylinder_without_cooking_on_it_is_refused_and_the_reverse(fuel: int, gas: int) -> None:
    family().when(house(cooking_fuel=fuel, asset_gas_5kg=gas)).refused("V11", "/family/asset_gas_5kg")


@pytest.mark.parametrize("asset", ASSETS)
def test_a_count_of_things_is_not_negative(asset: str) -> None:
    family().when(house(**{asset: -1})).refused("CODE_UNKNOWN", f"/family/{asset}")


@pytest.mark.parametrize(("name", "rule"), [("industry", "V9"), ("work_status", "V9"), ("hours", "V4")])
@pytest.mark.parametrize("works", [None, 2])
def test_work_is_asked_of_those_who_work(name: str, rule: str, works: int | None) -> None:
    family().when(person(works=works, **{name: 1})).refused(rule, f"/individuals/0/{name}")


@pytest.mark.parametrize("name", ["business_industry", "business_workers", "business_turnover"])
@pytest.mark.parametrize("owns", [None, 2])
def test_a_business_is_asked_of_its_owner(name: str, owns: int | None) -> None:
    family().when(person(owns_business=owns, **{name: 1})).refused("V9", f"/individuals/0/{name}")
    family().when(person(owns_business=1, **{name: 1})).accepted()


@pytest.mark.parametrize("part", BODY + MIND)
def test_difficulties_are_asked_from_an_age_on(part: str) -> None:
    youngest = 2 if part in BODY else 5
    answer = {f"difficulty_{part}": 4}
    family().when(person(birth_year=2025 - youngest, **answer)).accepted()
    family().when(person(birth_year=2025 - youngest + 1, **answer)).refused("V7", f"/individuals/0/difficulty_{part}")


def test_the_age_at_a_visit_is_counted_by_the_calendar_of_the_place() -> None:
    new_year = at(2024, 1, 1, 0, 30)  # WIB; still 2023 in UTC
    family().when(person(occurred=new_year, birth_year=2022, difficulty_seeing=4)).accepted()
    family().when(person(occurred=new_year - 3_600_000_000, birth_year=2022, difficulty_seeing=4)).refused("V7")


def test_the_claimed_year_of_birth_counts_where_the_visit_gives_none() -> None:
    scene = given(registered(), claimed(birth_year=2024, birth_month=1))
    scene.when(person(difficulty_seeing=4)).refused("V7")
    scene.when(person(difficulty_seeing=4, birth_year=2020)).accepted()


def test_a_child_is_two_in_the_month_of_its_second_birthday() -> None:
    scene = given(registered(), claimed(birth_year=2022, birth_month=7))
    scene.when(person(occurred=at(2024, 6, 30, 12), difficulty_seeing=4)).refused("V7")
    scene.when(person(occurred=at(2024, 7, 1, 12), difficulty_seeing=4)).accepted()


@pytest.mark.parametrize("year", [1899, 0, 2201])
def test_a_visit_s_year_of_birth_is_a_year(year: int) -> None:
    family().when(person(birth_year=year)).refused("CODE_UNKNOWN", "/individuals/0/birth_year")


def test_a_visit_does_not_speak_of_strangers() -> None:
    seen = (IndividualVariables(person_ref=ANI), IndividualVariables(person_ref=CITRA))
    family().when(say("GroundCheckRecorded", individuals=seen)).refused("MEMBER_UNKNOWN", "/individuals/1/person_ref")


def test_a_visit_answers_once_for_each_person() -> None:
    seen = (IndividualVariables(person_ref=ANI), IndividualVariables(person_ref=ANI, works=2))
    family().when(say("GroundCheckRecorded", individuals=seen)).refused("MEMBER_TWICE", "/individuals")


@pytest.mark.parametrize("result", [0, 6, -1])
def test_the_result_is_one_of_five(result: int) -> None:
    family().when(say("GroundCheckRecorded", result=result)).refused("CODE_UNKNOWN", "/result")


@pytest.mark.parametrize("result", [1, 2])
def test_a_filled_visit_has_a_form(result: int) -> None:
    family().when(say("GroundCheckRecorded", result=result, family=None)).refused("FORM_MISSING", "/family")


@pytest.mark.parametrize("result", [3, 4, 5])
def test_an_unfilled_visit_has_no_form(result: int) -> None:
    family().when(say("GroundCheckRecorded", result=result)).refused("FORM_MISSING", "/family")
    answers = (IndividualVariables(person_ref=ANI, works=2),)
    unfilled = say("GroundCheckRecorded", result=result, family=None, individuals=answers)
    family().when(unfilled).refused("FORM_MISSING", "/individuals")


@pytest.mark.parametrize("result", [3, 4, 5])
def test_an_unfilled_visit_leaves_the_last_answers_in_force(result: int) -> None:
    scene = family().and_given(person(works=1, work_status=5, occurred=at(2025, 2, 1)))
    scene.when(say("GroundCheckRecorded", result=result, family=None)).then("GroundCheckRecorded")
    assert scene.member().work_status == 5
    facets = {facet.name: facet for facet in scene.state.facets}
    assert facets["ground_check"].occurred_at == at(2025, 2, 1)
    assert facets["ground_check_attempt"].occurred_at == NOW


@pytest.mark.parametrize(("part", "severe"), [(part, True) for part in (*BODY, *MIND[:3])] + [("sadness", False)])
def test_a_severe_disability_is_a_difficulty_answered_not_at_all(part: str, severe: bool) -> None:  # noqa: FBT001  a column of the table
    assert family().and_given(person(**{f"difficulty_{part}": 1})).member().severe_disability is severe
    assert family().and_given(person(**{f"difficulty_{part}": 2})).member().severe_disability is False


def test_a_late_visit_corrects_the_past_and_not_the_present() -> None:
    scene = family().and_given(person(works=1, work_status=5, occurred=at(2025, 3, 1)))
    july = next(facet for facet in scene.state.facets if facet.name == "ground_check")
    scene.when(person(works=1, work_status=1, difficulty_seeing=1, occurred=at(2025, 2, 1))).then("GroundCheckRecorded")
    assert (scene.member().work_status, scene.member().severe_disability) == (5, False)
    assert next(facet for facet in scene.state.facets if facet.name == "ground_check") == july


def test_what_is_known_of_a_member_comes_from_the_visit_in_force_in_either_order_of_arrival() -> None:
    earlier = person(difficulty_seeing=1, occurred=at(2025, 2, 1))
    later = person(BUDI, works=2, occurred=at(2025, 3, 1))
    in_order, reversed_ = family().and_given(earlier, later), family().and_given(later, earlier)
    assert in_order.state.members == reversed_.state.members
    assert in_order.member().severe_disability is False


@pytest.mark.parametrize("version", ["", "REGSOSEK26-K", "regsosek22-k"])
def test_a_visit_names_a_questionnaire_that_there_is(version: str) -> None:
    family().when(say("GroundCheckRecorded", questionnaire=version)).refused("QUESTIONNAIRE_UNKNOWN", "/questionnaire")


def test_an_earlier_version_stays_valid_for_its_own_answers_and_for_no_later_question() -> None:
    answers = FamilyVariables(floor=2, lighting=1)
    family().when(say("GroundCheckRecorded", questionnaire="REGSOSEK22-K-2022", family=answers)).accepted()
    later = FamilyVariables(lighting=1, electricity_customer=b"sealed")
    family().when(say("GroundCheckRecorded", family=later)).accepted()
    asked = say("GroundCheckRecorded", questionnaire="REGSOSEK22-K-2022", family=later)
    family().when(asked).refused("NOT_IN_QUESTIONNAIRE", "/family/electricity_customer")


@pytest.mark.parametrize("lighting", [None, 2, 3, 4])
def test_v4_the_power_company_s_customer_is_asked_where_there_is_a_meter(lighting: int | None) -> None:
    answers = house(lighting=lighting, electricity_customer=b"sealed")
    family().when(answers).refused("V4", "/family/electricity_customer")


def test_v3_nobody_is_seen_before_birth() -> None:
    family().when(person(birth_year=2025, birth_month=3)).accepted()
    family().when(person(birth_year=2025, birth_month=4)).refused("V3", "/individuals/0/birth_year")


def test_v14_a_visit_tells_of_one_head() -> None:
    seen = (IndividualVariables(person_ref=ANI, relationship=1), IndividualVariables(person_ref=BUDI, relationship=1))
    family().when(say("GroundCheckRecorded", individuals=seen)).refused("V14", "/individuals")
