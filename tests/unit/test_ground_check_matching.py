"""Submissions beside the registry: by card, else by a person, through the door alone; what it withholds stays so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consumers.gateway.request import CardAsked, FamilyDisclosed, PersonAsked, Purpose, Withheld
from identity.references import ReferenceKey, kk_ref, person_ref
from jejak.ground_check_matching import Match, matches
from producers.draft import Channel, Draft

if TYPE_CHECKING:
    from collections.abc import Mapping

KK, NIK, CHILD, GRANDPARENT = "3571011001120001", "3571010403800001", "3571010105240003", "3571010403400001"
KEY = ReferenceKey(bytes(32))
PURPOSE = Purpose("VERIFIKASI_VALIDASI")
VISIT = Draft(
    Channel("pendamping/35.71", "officer-1", "5b"),
    "GroundCheckRecorded",
    0,
    KK,
    {"individuals": [{"person_ref": NIK}, {"person_ref": CHILD}]},
    row=7,
)
BY_CARD, BY_NIK = CardAsked(kk_ref(KEY, KK)), PersonAsked(person_ref(KEY, NIK))
FOUND = FamilyDisclosed(
    "f" * 26, 3, 0, {"members": [{"person_ref": person_ref(KEY, nik)} for nik in (NIK, GRANDPARENT)]}, ()
)


class Door:
    """A door that knows these answers and nobody else."""

    def __init__(self, answers: Mapping[Any, Any]) -> None:
        self.answers = answers
        self.asked: list[Any] = []

    def look_family(self, _caller: Any, purpose: Purpose, asked: Any, fields: Any) -> Any:
        assert (purpose, tuple(fields)) == (PURPOSE, ("members",))
        self.asked.append(asked)
        return self.answers.get(asked, Withheld("NOT_FOUND"))


def matched(**door: Any) -> tuple[Match, list[Any]]:
    one: Any = Door(door["answers"])
    (found,) = matches([VISIT], one, door.get("caller"), PURPOSE, KEY)  # type: ignore[arg-type]  # the door doesn't look
    return found, one.asked


def test_a_family_is_found_by_its_card_with_its_members_the_new_and_the_unseen() -> None:
    found, asked = matched(answers={BY_CARD: FOUND})
    assert found == Match(7, "BY_CARD", known_persons=1, new_persons=1, unseen_persons=1)
    assert asked == [BY_CARD]


def test_a_family_with_another_card_is_found_by_a_person_s_nik() -> None:
    found, asked = matched(answers={BY_NIK: FOUND})
    assert (found.family, found.known_persons) == ("BY_NIK", 1)
    assert asked == [BY_CARD, BY_NIK]


def test_a_family_that_nobody_knows_is_not_found_and_nobody_is_counted() -> None:
    found, asked = matched(answers={})
    assert (found.family, found.new_persons, len(asked)) == ("NOT_FOUND", 0, 3)


@pytest.mark.parametrize(("code", "told"), [("PURPOSE_NOT_PERMITTED", "WITHHELD"), ("OUTSIDE_AREA", "NOT_FOUND")])
def test_what_the_door_withholds_stays_withheld_and_a_family_of_elsewhere_reads_as_none(code: str, told: str) -> None:
    found, asked = matched(answers={BY_CARD: Withheld(code)})
    assert found.family == told
    assert len(asked) == (1 if told == "WITHHELD" else 3)
