"""Where each variable comes from: the visit in force, else the claim or registration; behind the door, on record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consumers.gateway.disclosure import Door
from consumers.gateway.provenance import ProvenanceDisclosed, sources_of
from consumers.gateway.request import Purpose, Withheld
from identity.open import Opener
from schemas.records import FamilyVariables, IndividualVariables
from tests.unit.registry_scenarios import ANI, BUDI, FAMILY, Scenario, at, claimed, given, registered, say
from tests.unit.test_gateway_disclosure import (
    ASKED,
    CALLER,
    EPOCH_KEY,
    PURPOSE,
    Room,
    disk_at_once,  # noqa: F401  spares these tests the disk too
)
from tests.unit.test_gateway_times import OneFamily

if TYPE_CHECKING:
    from collections.abc import Iterator


def visited(day: int, **dwelling: Any) -> Any:
    seen = (IndividualVariables(person_ref=ANI, works=2, presence=1),)
    return say("GroundCheckRecorded", family=FamilyVariables(**dwelling), individuals=seen, occurred=day)


def family() -> Scenario:
    return given(registered(), claimed(), claimed(BUDI, relationship=2))


def sources(scene: Scenario) -> dict[tuple[str, str], Any]:
    found = sources_of(OneFamily(scene), scene.state)
    assert not isinstance(found, Withheld)
    return {(one.name, one.person_ref): one for one in found}


def test_an_answer_of_the_visit_in_force_names_the_visit_its_day_and_its_questionnaire() -> None:
    scene = family().and_given(visited(at(2025, 2, 1), floor=2))
    floor = sources(scene)["floor", ""]
    assert (floor.variable, floor.number, floor.method) == ("K7", "303", "KUNJUNGAN REGSOSEK22-K")
    assert (floor.agency, floor.occurred_at, floor.sequence) == ("pendamping/35.71", at(2025, 2, 1), 4)


def test_a_late_visit_with_an_earlier_day_is_nobody_s_source() -> None:
    scene = family().and_given(visited(at(2025, 3, 1), floor=2), visited(at(2025, 2, 1), roof=2))
    assert sources(scene)["floor", ""].occurred_at == at(2025, 3, 1)
    assert sources(scene)["roof", ""].sequence == 0


def test_what_no_visit_told_of_a_person_comes_from_the_claim() -> None:
    found = sources(family().and_given(visited(at(2025, 2, 1), floor=2)))
    assert found["presence", ANI].method == "KUNJUNGAN REGSOSEK22-K"
    assert found["sex", ANI].method == "PENDATAAN"
    assert found["presence", BUDI].method == "PENDATAAN"
    assert found["works", BUDI].sequence == 0


def test_without_a_visit_the_registration_is_the_source_of_the_card() -> None:
    found = sources(given(registered()))
    assert found["card_number", ""].method == "PENDAFTARAN"
    assert found["floor", ""].method == ""


def test_every_variable_of_the_thirty_nine_has_a_line_for_the_family_and_each_person_and_those_beside_them_too() -> (
    None
):
    found = sources(family())
    listed = {f"I{n}" for n in range(1, 14)} | {f"K{n}" for n in range(1, 27)}
    assert {one.variable for one in found.values()} == {*listed, "beside"}
    assert (found["pregnant", ANI].variable, found["pregnant", ANI].number) == ("beside", "410")


def test_an_answer_beside_the_thirty_nine_names_its_visit_too() -> None:
    seen = (IndividualVariables(person_ref=ANI, pregnant=2),)
    at_home = FamilyVariables(bank_account=4)
    told = {"questionnaire": "REGSOSEK22-K-2025-07", "result": 2, "family": at_home, "individuals": seen}
    found = sources(family().and_given(say("GroundCheckRecorded", occurred=at(2025, 2, 1), **told)))
    assert found["pregnant", ANI].method == "KUNJUNGAN REGSOSEK22-K-2025-07"
    assert found["bank_account", ""].sequence == 4
    assert found["caregiver", ANI].sequence == 0


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.log.close()


def the_door(room: Room) -> Door:
    behind: Any = OneFamily(family())
    return Door(behind, Opener(room.keys), room.log, EPOCH_KEY, lambda _: None)


def test_the_sources_pass_the_door_and_are_on_record_for_each_person(room: Room) -> None:
    found = the_door(room).provenance(CALLER, PURPOSE, ASKED)
    assert isinstance(found, ProvenanceDisclosed)
    assert found.family_id == FAMILY
    assert room.broker.kinds() == ["AccessIntent", "AccessOutcome", "SubjectDisclosure", "SubjectDisclosure"]


def test_what_the_policy_denies_is_withheld(room: Room) -> None:
    assert isinstance(the_door(room).provenance(CALLER, Purpose("BERBAGI_PAKAI_DATA"), ASKED), Withheld)
