"""The edit rules V1 to V15 of the domain guide (5.3) as far as they are the registry's; a form's are its own."""

from __future__ import annotations

from datetime import date

import pytest

from identity.rules import check_kk, check_name, check_nik, check_nik_birth
from schemas.questionnaire import all_versions
from schemas.records import FamilyVariables, IndividualVariables
from tests.unit.registry_scenarios import ANI, BUDI, CITRA, NOW, claimed, given, registered, say

NIK = "3571021505800001"  # born on 15 May 1980, first registered in the kota of Kediri
CARD = "3571021001120001"


def severities(code: str, found: tuple[object, ...] | list[object]) -> set[str]:
    return {one.severity for one in found if one.code == code}  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", [NIK[:-1], f"{NIK}1", f"{NIK[:-1]}A", f" {NIK[1:]}", "3571.021505.8000"])
def test_v1_a_nik_is_sixteen_digits(number: str) -> None:
    assert severities("V1", list(check_nik(number))) == {"reject"}
    assert not severities("V1", list(check_nik(NIK)))


@pytest.mark.parametrize("number", [CARD[:-1], f"{CARD}1", f"{CARD[:-1]}O"])
def test_v1_a_card_number_is_sixteen_digits(number: str) -> None:
    assert severities("V1", list(check_kk(number))) == {"reject"}
    assert not severities("V1", list(check_kk(CARD)))


@pytest.mark.parametrize("name", ["Budi 2", "Siti/Aminah"])
def test_v2_another_character_in_a_name_is_a_warning_and_no_refusal(name: str) -> None:
    assert severities("V2", list(check_name(name))) == {"warn"}
    assert not severities("V2", list(check_name("Siti Aminah")))


@pytest.mark.parametrize(
    ("year", "month", "accepted"),
    [(1899, 12, False), (1900, 1, True), (2025, 3, True), (2025, 4, False), (2026, 1, False), (1980, 13, False)],
)
def test_v3_a_person_was_born_between_1900_and_now(year: int, month: int, accepted: bool) -> None:  # noqa: FBT001  a column of the table
    outcome = given(registered()).when(claimed(ANI, birth_year=year, birth_month=month, marital_status=1), NOW)
    if accepted:
        outcome.accepted()
    else:
        outcome.refused("V3")


@pytest.mark.parametrize("version", all_versions())
@pytest.mark.parametrize(("count", "accepted"), [(1, False), (2, False), (3, True), (4, True), (None, True)])
def test_v14_no_more_members_are_listed_than_the_family_counts(
    version: str,
    count: int | None,
    accepted: bool,  # noqa: FBT001  a column of the table
) -> None:
    scene = given(registered(), claimed(), claimed(BUDI, relationship=2), claimed(CITRA, relationship=3))
    listed = tuple(IndividualVariables(person_ref=one) for one in (ANI, BUDI, CITRA))
    house = FamilyVariables(member_count=count)
    outcome = scene.when(
        say("GroundCheckRecorded", result=2, questionnaire=version, family=house, individuals=listed), NOW
    )
    if accepted:
        outcome.accepted()
    else:
        outcome.refused("V14", "/family/member_count")


@pytest.mark.parametrize(("presence", "member"), [(1, True), (2, False), (3, False), (4, False), (5, True)])
@pytest.mark.parametrize("version", all_versions())
def test_v14_who_died_or_moved_away_is_listed_and_not_counted_and_who_is_new_is(
    version: str,
    presence: int,
    member: bool,  # noqa: FBT001  a column of the table
) -> None:
    scene = given(registered(), claimed(), claimed(BUDI, relationship=2))
    listed = (
        IndividualVariables(person_ref=ANI, presence=1),
        IndividualVariables(person_ref=BUDI, presence=presence),
    )
    house = FamilyVariables(member_count=1)
    outcome = scene.when(
        say("GroundCheckRecorded", result=2, questionnaire=version, family=house, individuals=listed), NOW
    )
    if member:
        outcome.refused("V14", "/family/member_count")
    else:
        outcome.accepted()


def test_a_state_holds_112_persons_of_a_family_which_is_no_rule_of_the_form() -> None:
    scene = given(registered())
    for number in range(112):
        letters = "".join(chr(97 + number // 26**place % 26) for place in range(2)) + "m" * 24
        head_or_other = 3 if number else 1
        said = {"person_ref": letters, "relationship": head_or_other, "change_id": b"claim %10d" % number}
        scene.and_given(claimed(ANI, **said))
    too_many = claimed(ANI, person_ref="z" * 26, relationship=3, change_id=b"one too many ...")
    scene.when(too_many).refused("MEMBERS_TOO_MANY", "/person_ref")


def test_v15_a_nik_that_tells_another_birth_or_sex_is_a_warning_and_no_refusal() -> None:
    born = date(1980, 5, 15)
    assert not list(check_nik_birth(NIK, born, "male"))
    for other, sex in ((date(1981, 5, 15), "male"), (born, "female")):
        found = list(check_nik_birth(NIK, other, sex))  # type: ignore[arg-type]  # a column of the table
        assert {one.severity for one in found} == {"warn"}
