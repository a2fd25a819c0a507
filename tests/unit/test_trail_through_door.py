"""From a look at the real door to the line that the person reads of it, and of the reading: on record, all of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from consumers.gateway.request import CardAsked, FamilyAsked, FamilyDisclosed, PersonAsked, Purpose, Withheld
from consumers.gateway.trail import OWN_DATA, Looks, Trail, Trails
from consumers.read_model.rows import day_of
from identity.audit_reference import EpochKey
from schemas.records import AccessIntent
from tests.unit.audit_rig import Database, on_topic, projected
from tests.unit.test_gateway_disclosure import CALLER, CARD, EPOCH_KEY, FAMILY, NOW, PERSONS, PURPOSE
from tests.unit.test_gateway_door import AUDITOR, OVERSIGHT, OWN_USE, SUPERVISOR, House

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from consumers.read_model.audit_queries import Access, AccessPage, Position

CITIZEN = replace(CALLER, agency_id="warga", actor_ref="self", actor_role="warga", person_ref=PERSONS[0])
WHY = Purpose(OWN_DATA)
MINUTE = 60_000_000


class Projected:
    """The tables that the entries on record make, made anew at each question."""

    def __init__(self, house: House) -> None:
        self._house = house

    def now(self) -> Database:
        return projected(on_topic(self._house.entries))

    def of_subjects(self, *groups: Sequence[bytes]) -> list[list[Access]]:
        return self.now().of_subjects(*groups)

    def of_accessor(self, agency: str, actor: str, day: str, after: Position, limit: int) -> AccessPage:
        return self.now().of_accessor(agency, actor, day, after, limit)

    def of_agency(self, agency: str, day: str, after: Position, limit: int) -> AccessPage:
        return self.now().of_agency(agency, day, after, limit)

    def epochs(self) -> list[int]:
        return self.now().epochs()


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.room.broker.away = False
    made.room.log.close()


def trails(house: House, keys: Sequence[EpochKey] = (EPOCH_KEY,)) -> Trails:
    return Trails(house.door, Projected(house), house.room.registry, lambda: keys, clock=lambda: NOW + MINUTE)


def mine(house: House) -> Trail:
    found = trails(house).of_person(CITIZEN, WHY, PERSONS[0])
    assert isinstance(found, Trail), found
    return found


def told(trail: Trail) -> list[tuple[str, str, str]]:
    return [(line.row.action, line.row.agency, str(line.became)) for line in trail.lines]


def test_a_look_is_a_line_of_each_person_it_showed_and_the_reading_is_one_of_the_next_trail(house: House) -> None:
    assert isinstance(house.look(), FamilyDisclosed)
    assert told(mine(house)) == [("AUDIT_READ", "warga", "UNDER_WAY"), ("READ", "dinsos/35.71", "DISCLOSED")]
    again = told(mine(house))
    assert again[1:] == [("AUDIT_READ", "warga", "DISCLOSED"), ("READ", "dinsos/35.71", "DISCLOSED")]


def test_a_refused_look_at_the_person_or_the_family_is_a_line(house: House) -> None:
    outsider = replace(CALLER, agency_id="dinsos/35.78")
    assert isinstance(house.look(outsider), Withheld)
    assert isinstance(house.look(outsider, asked=PersonAsked(PERSONS[0])), Withheld)
    found = [line for line in mine(house).lines if line.row.action == "READ"]
    assert [(line.row.agency, str(line.became), line.row.reason) for line in found] == [
        ("dinsos/35.78", "REFUSED", "OUTSIDE_AREA")
    ] * 2


def by_card(trail: Trail) -> list[tuple[str, str, str]]:
    return [(line.row.agency, str(line.became), line.row.reason) for line in trail.lines if line.row.action == "READ"]


def test_a_look_by_the_familys_card_is_a_line_also_where_it_was_refused(house: House) -> None:
    assert isinstance(house.look(replace(CALLER, agency_id="dinsos/35.78"), asked=CardAsked(CARD)), Withheld)
    assert by_card(mine(house)) == [("dinsos/35.78", "REFUSED", "OUTSIDE_AREA")]
    assert isinstance(house.look(asked=CardAsked(CARD)), FamilyDisclosed)
    assert by_card(mine(house))[0] == ("dinsos/35.71", "DISCLOSED", "")


def test_an_intent_names_whom_it_asks_for_by_the_epochs_reference_and_never_by_the_cards_own(house: House) -> None:
    for asked in (PersonAsked(PERSONS[0]), FamilyAsked(FAMILY), CardAsked(CARD)):
        house.look(asked=asked)
    intents = [entry for entry in house.entries if isinstance(entry, AccessIntent)]
    assert [(one.subject_ref, one.household_ref) for one in intents] == [
        (EPOCH_KEY.subject_ref(PERSONS[0]), None),
        (None, EPOCH_KEY.subject_ref(FAMILY)),
        (None, EPOCH_KEY.subject_ref(CARD)),
    ]
    assert CARD.encode() not in b"".join(house.room.broker.values)


def test_who_was_searched_and_not_found_reads_so_in_a_trail_that_holds(house: House) -> None:
    stranger = "s" * 26
    assert house.look(asked=PersonAsked(stranger)) == Withheld("NOT_FOUND")
    found = trails(house).of_person(replace(CITIZEN, person_ref=stranger), WHY, stranger)
    assert isinstance(found, Trail), found
    assert [line for line in told(found) if line[0] == "READ"] == [("READ", "dinsos/35.71", "NOTHING_SHOWN")]


def test_a_card_that_was_searched_before_its_family_was_known_is_a_line_once_it_is(house: House) -> None:
    state, house.room.registry.state = house.room.registry.state, None
    assert house.look(asked=CardAsked(CARD)) == Withheld("NOT_FOUND")
    house.room.registry.state = state
    assert by_card(mine(house)) == [("dinsos/35.71", "NOTHING_SHOWN", "NOT_FOUND")]


def test_a_person_reads_nobody_elses_trail(house: House) -> None:
    found = trails(house).of_person(CITIZEN, WHY, PERSONS[1])
    assert isinstance(found, Withheld)
    assert str(house.entries[-1].outcome) == "WITHHELD"


def test_without_the_record_there_is_no_trail(house: House) -> None:
    house.room.broker.away = True
    house.room.log._deadline = 0.05
    assert trails(house).of_person(CITIZEN, WHY, PERSONS[0]) == Withheld("AUDIT_UNAVAILABLE")


def test_data_and_trail_are_given_together_at_a_counter(house: House) -> None:
    answer = trails(house).data_and_trail(SUPERVISOR, PERSONS[0])
    assert isinstance(answer.data, FamilyDisclosed), answer.data
    assert answer.data.family_id == FAMILY
    assert isinstance(answer.trail, Trail)
    assert ("READ", "dinsos/35.71", "DISCLOSED") in told(answer.trail)


def test_a_citizen_who_gets_no_data_here_gets_the_trail_all_the_same(house: House) -> None:
    answer = trails(house).data_and_trail(CITIZEN, PERSONS[0])
    assert isinstance(answer.data, Withheld)
    assert isinstance(answer.trail, Trail)


def test_an_agency_sees_its_own_use_and_another_sees_it_not(house: House) -> None:
    house.look()
    day = day_of(NOW)
    own = trails(house).of_agency(SUPERVISOR, OWN_USE, SUPERVISOR.agency_id, day)
    assert isinstance(own, Looks), own
    assert [(line.row.actor, line.row.persons) for line in own.lines if line.row.action == "READ"] == [
        (CALLER.actor_ref, len(PERSONS))
    ]
    assert isinstance(trails(house).of_agency(SUPERVISOR, OWN_USE, "dinsos/35.78", day), Withheld)
    assert isinstance(trails(house).of_agency(AUDITOR, OVERSIGHT, CALLER.agency_id, day), Looks)
    assert isinstance(trails(house).of_agency(CITIZEN, WHY, CALLER.agency_id, day), Withheld)


def test_an_accessors_day_is_for_those_who_supervise(house: House) -> None:
    house.look()
    day = day_of(NOW)
    asked = (CALLER.agency_id, CALLER.actor_ref, day)
    found = trails(house).of_accessor(SUPERVISOR, OWN_USE, *asked)
    assert isinstance(found, Looks), found
    assert len(found.lines) == 1
    assert isinstance(trails(house).of_accessor(CALLER, OWN_USE, *asked), Withheld)


def test_the_trail_of_a_year_whose_key_was_destroyed_is_empty_and_says_so(house: House) -> None:
    house.look()
    found = trails(house, [EpochKey(EPOCH_KEY.epoch + 1, bytes(32))]).of_person(CITIZEN, WHY, PERSONS[0])
    assert isinstance(found, Trail)
    assert (found.lines, found.unlinked) == ((), (EPOCH_KEY.epoch,))


def test_what_an_agency_was_refused_is_a_line_of_its_day_that_shows_no_person(house: House) -> None:
    house.door.refusals(SUPERVISOR, PURPOSE, SUPERVISOR.agency_id, lambda: ["one", "another"])
    found = trails(house).of_agency(SUPERVISOR, OWN_USE, SUPERVISOR.agency_id, day_of(NOW))
    assert isinstance(found, Looks), found
    assert [(str(line.became), line.row.persons) for line in found.lines if line.row.action == "LIST"] == [
        ("DISCLOSED", 0)
    ]
