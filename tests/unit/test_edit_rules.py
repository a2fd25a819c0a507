"""The edit rules V1 to V15 of the domain guide (5.3) as far as they are the registry's; a form's are its own."""

from __future__ import annotations

from datetime import date

import pytest

from identity.rules import check_kk, check_name, check_nik, check_nik_birth
from tests.unit.registry_scenarios import ANI, NOW, claimed, given, registered

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


def test_v14_a_family_has_at_most_112_members_on_record() -> None:
    scene = given(registered())
    for number in range(112):
        letters = "".join(chr(97 + number // 26**place % 26) for place in range(2)) + "m" * 24
        head_or_other = 3 if number else 1
        said = {"person_ref": letters, "relationship": head_or_other, "change_id": b"claim %10d" % number}
        scene.and_given(claimed(ANI, **said))
    too_many = claimed(ANI, person_ref="z" * 26, relationship=3, change_id=b"one too many ...")
    scene.when(too_many).refused("V14", "/person_ref")


def test_v15_a_nik_that_tells_another_birth_or_sex_is_a_warning_and_no_refusal() -> None:
    born = date(1980, 5, 15)
    assert not list(check_nik_birth(NIK, born, "male"))
    for other, sex in ((date(1981, 5, 15), "male"), (born, "female")):
        found = list(check_nik_birth(NIK, other, sex))  # type: ignore[arg-type]  # a column of the table
        assert {one.severity for one in found} == {"warn"}
