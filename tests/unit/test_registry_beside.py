"""The questions beside the 39 in the registry: their codes, and edit rules V5, V6, V8, V9, V12 and V13 by code."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.records import FamilyVariables, IndividualVariables
from tests.unit.registry_scenarios import (
    ANI,
    BOTH,
    NOW,
    PENDAMPING,
    Scenario,
    claimed,
    given,
    matched,
    registered,
    say,
)

VERSION = "REGSOSEK22-K-2025-07"
YES, NO = 1, 2
WOMAN = {"sex": 2, "marital_status": 2, "birth_year": 1995, "birth_month": 3}
# Domain guide 5.2, written out again: field, codes that answer it, some that don't, and what must be answered beside.
CODES: list[tuple[str, list[int], list[int], dict[str, int]]] = [
    ("pregnant", [1, 2], [0, 3], WOMAN),
    ("identity_documents", [0, 1, 2, 3, 4, 5], [6, 7, 8, -1], {}),
    ("schooling", [1, 2, 3], [0, 4], {}),
    ("school_level", [1, 22], [0, 23], {"schooling": 2}),
    ("school_grade", [1, 8], [0, 9], {"schooling": 3}),
    ("diploma", [1, 23], [0, 24], {"schooling": 3}),
    ("has_tax_number", [1, 3], [0, 4], {"works": 1}),
    ("business_licence", [1, 12], [0, 13], {"owns_business": 1}),
    ("business_internet", [0, 1, 32, 63], [64, -1], {"owns_business": 1}),
    ("nutrition", [1, 2, 3, 8], [0, 4, 7, 9], {"birth_year": 2024}),
    ("caregiver", [1, 3], [0, 4], {"birth_year": 1950}),
    ("health_insurance", [0, 1, 8, 15, 99], [16, 98, 100], {}),
    ("prakerja", [1, 2, 8], [0, 3, 9], {}),
    ("business_credit", [1, 2, 8], [0, 3, 9], {}),
    ("micro_credit", [1, 2, 8], [0, 3, 9], {}),
    ("school_aid", [1, 2, 8], [0, 3, 9], {"birth_year": 2010}),
    ("work_insurance", [0, 31, 99], [32, 98], {}),
]


def family() -> Scenario:
    return given(registered(), claimed(birth_year=1980, birth_month=6, sex=2, marital_status=2))


def visit(result: int, /, dwelling: FamilyVariables | None = None, **answers: Any) -> Any:
    occurred = answers.pop("occurred", NOW)
    seen = (IndividualVariables(person_ref=ANI, **answers),) if answers else ()
    told = {"result": result, "questionnaire": VERSION, "family": dwelling or FamilyVariables(), "individuals": seen}
    return say("GroundCheckRecorded", occurred=occurred, **told)


def whole(**answers: Any) -> Any:
    """Return a complete form in which the person answers so."""
    return visit(1, **answers)


def partly(**answers: Any) -> Any:
    """Return a form that was not filled in full."""
    return visit(2, **answers)


@pytest.mark.parametrize(("name", "right", "wrong", "beside"), CODES)
def test_each_question_takes_the_codes_of_its_list_and_no_others(
    name: str, right: list[int], wrong: list[int], beside: dict[str, int]
) -> None:
    for value in right:
        family().when(partly(**beside, **{name: value})).accepted()
    for value in (*wrong, 2**31 - 1, -(2**31)):
        family().when(partly(**beside, **{name: value})).refused("CODE_UNKNOWN", f"/individuals/0/{name}")


def test_an_earlier_version_takes_no_answer_to_them() -> None:
    seen = (IndividualVariables(person_ref=ANI, pregnant=2),)
    for version in ("REGSOSEK22-K", "REGSOSEK22-K-2022"):
        asked = say("GroundCheckRecorded", questionnaire=version, individuals=seen)
        family().when(asked).refused("NOT_IN_QUESTIONNAIRE", "/individuals/0/pregnant")


@pytest.mark.parametrize("born", [(2015, 3), (1970, 4), (1971, 3), (1995, 1)])
@pytest.mark.parametrize("status", [2, 3, 4])
def test_v5_pregnancy_is_answered_for_women_of_10_to_54_who_ever_married(born: tuple[int, int], status: int) -> None:
    her = WOMAN | {"birth_year": born[0], "birth_month": born[1], "marital_status": status}
    family().when(whole(**her, pregnant=YES)).accepted()
    family().when(whole(**her)).refused("V5", "/individuals/0/pregnant")
    family().when(partly(**her)).accepted()


@pytest.mark.parametrize(
    "other",
    [{"sex": 1}, {"marital_status": 1}, {"birth_year": 2015, "birth_month": 4}, {"birth_year": 1970, "birth_month": 3}],
)
def test_v5_pregnancy_is_left_empty_for_everybody_else(other: dict[str, int]) -> None:
    family().when(whole(**WOMAN | other)).accepted()
    family().when(whole(**WOMAN | other, pregnant=NO)).refused("V5", "/individuals/0/pregnant")
    family().when(partly(**WOMAN | other, pregnant=NO)).refused("V5", "/individuals/0/pregnant")


def test_v5_what_the_claim_told_counts_where_the_visit_does_not_tell() -> None:
    family().when(partly(pregnant=NO)).accepted()
    family().when(whole(works=2)).refused("V5", "/individuals/0/pregnant")
    given(registered(), claimed(sex=1)).when(partly(pregnant=NO)).refused("V5", "/individuals/0/pregnant")
    given(registered(), claimed(sex=1)).when(partly(pregnant=NO, sex=2)).accepted()


@pytest.mark.parametrize("presence", [2, 3, 4])
def test_nothing_is_required_of_who_died_or_moved_away(presence: int) -> None:
    family().when(whole(**WOMAN, presence=presence)).accepted()
    family().when(whole(birth_year=1950, presence=presence)).accepted()


@pytest.mark.parametrize(("year", "month", "asked"), [(2020, 4, True), (2020, 3, False), (2025, 3, True)])
def test_v6_a_child_s_nutrition_is_asked_below_five(year: int, month: int, asked: bool) -> None:  # noqa: FBT001  a column of the table
    scene = family().when(partly(birth_year=year, birth_month=month, nutrition=2))
    if asked:
        scene.accepted()
    else:
        scene.refused("V6", "/individuals/0/nutrition")


MAN: dict[str, int] = {"sex": 1}


@pytest.mark.parametrize(("year", "month", "due"), [(1965, 3, True), (1965, 4, False), (1930, 1, True)])
def test_v8_a_caregiver_is_answered_from_sixty_years_on(year: int, month: int, due: bool) -> None:  # noqa: FBT001  a column of the table
    old = MAN | {"birth_year": year, "birth_month": month}
    family().when(whole(**old, caregiver=3)).accepted()
    if due:
        family().when(whole(**old)).refused("V8", "/individuals/0/caregiver")
        family().when(partly(**old)).accepted()
    else:
        family().when(whole(**old)).accepted()


@pytest.mark.parametrize(
    "part",
    [name.removeprefix("difficulty_") for name in IndividualVariables.__dataclass_fields__ if "difficulty" in name],
)
def test_v8_a_caregiver_is_answered_where_any_difficulty_is_one_or_two(part: str) -> None:
    for code in (1, 2):
        family().when(whole(**MAN, **{f"difficulty_{part}": code})).refused("V8", "/individuals/0/caregiver")
        family().when(whole(**MAN, **{f"difficulty_{part}": code}, caregiver=1)).accepted()
    family().when(whole(**MAN, **{f"difficulty_{part}": 3})).accepted()


@pytest.mark.parametrize("name", ["school_level", "school_grade", "diploma"])
@pytest.mark.parametrize("schooling", [None, 1])
def test_v9_a_school_is_asked_of_who_went_to_one(name: str, schooling: int | None) -> None:
    family().when(partly(schooling=schooling, **{name: 1})).refused("V9", f"/individuals/0/{name}")


@pytest.mark.parametrize(
    ("name", "gate"),
    [("has_tax_number", "works"), ("business_licence", "owns_business"), ("business_internet", "owns_business")],
)
@pytest.mark.parametrize("answer", [None, 2])
def test_v9_work_and_business_are_asked_of_who_has_them(name: str, gate: str, answer: int | None) -> None:
    family().when(partly(**{gate: answer, name: 1})).refused("V9", f"/individuals/0/{name}")


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("school_aid", 5, 30),
        ("work_insurance", 15, 200),
        *((one, 5, 200) for one in ("prakerja", "business_credit", "micro_credit")),
    ],
)
def test_v12_programmes_are_asked_at_their_ages(name: str, first: int, last: int) -> None:
    def aged(years: int) -> Any:
        return partly(birth_year=2025 - years, birth_month=3, **{name: 1})

    family().when(aged(first)).accepted()
    family().when(aged(first - 1)).refused("V12", f"/individuals/0/{name}")
    if last < 100:
        family().when(aged(last)).accepted()
        family().when(aged(last + 1)).refused("V12", f"/individuals/0/{name}")


@pytest.mark.parametrize("programme", ["sembako", "pkh", "village_cash", "electricity", "local", "fertiliser", "lpg"])
def test_v13_aid_was_received_within_twelve_months_before_the_visit(programme: str) -> None:
    def received(month: int) -> Any:
        answers: dict[str, Any] = {f"aid_{programme}": 1, f"aid_{programme}_month": month}
        return visit(2, FamilyVariables(**answers))

    for month in (202503, 202501, 202412, 202403):
        family().when(received(month)).accepted()
    for month in (202402, 202504, 202303, 202603):
        family().when(received(month)).refused("V13", f"/family/aid_{programme}_month")
    for none in (202500, 202513, 0, -1):
        family().when(received(none)).refused("CODE_UNKNOWN", f"/family/aid_{programme}_month")


@pytest.mark.parametrize("received", [None, 2])
def test_v4_a_month_is_asked_where_aid_was_received(received: int | None) -> None:
    answers = FamilyVariables(aid_pkh=received, aid_pkh_month=202503)
    family().when(visit(2, answers)).refused("V4", "/family/aid_pkh_month")


def pregnant(**fields: Any) -> Any:
    told = {"condition": "HAMIL", "ordinal": 0, "until": 202512, **fields}
    return say("PersonConditionRecorded", agency=PENDAMPING, **told)


def pkh(scene: Scenario) -> tuple[str, int]:
    (found,) = (one for one in scene.state.eligibility if one.programme == "PKH")
    return found.result, found.amount_rupiah


def test_a_pregnancy_that_a_visit_found_is_a_component_of_pkh() -> None:
    scene = given(registered(), claimed(), matched(), say("FamilyRanked", decile=2), rules=BOTH)
    assert pkh(scene) == ("TIDAK_LAYAK", 0)
    scene.and_given(pregnant())
    assert pkh(scene) == ("LAYAK", 3_000_000)


def test_a_visit_adds_nothing_to_a_pregnancy_whose_number_is_on_record() -> None:
    third = pregnant(ordinal=3, until=202508)
    scene = given(registered(), claimed(), matched(), say("FamilyRanked", decile=2), third, rules=BOTH)
    scene.when(pregnant(occurred=NOW + 1)).known()
    assert pkh(scene) == ("TIDAK_LAYAK", 0)
    over = given(registered(), claimed(), pregnant(ordinal=3, until=202502))
    over.when(pregnant()).accepted()
