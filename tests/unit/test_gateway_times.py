"""The door at other times: what was known or true then, and the times on record with every person it showed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consumers.gateway.disclosure import Door
from consumers.gateway.request import FamilyDisclosed, HistoryDisclosed, Withheld
from consumers.replay.moments import Moments
from consumers.replay.two_times import SequenceHole
from identity.open import Opener
from producers.erasure import Erasure, record_of
from schemas import codec, records
from stream_processors.registry import erasure
from tests.unit.registry_scenarios import (
    ANI,
    BOTH,
    BUDI,
    FAMILY,
    NEIGHBOUR,
    VILLAGE,
    Scenario,
    at,
    claimed,
    matched,
    place,
    registered,
    say,
)
from tests.unit.test_gateway_disclosure import (
    ASKED,
    CALLER,
    EPOCH_KEY,
    PURPOSE,
    Broker,
    Room,
    disk_at_once,  # noqa: F401  spares these tests the disk too
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_processors.registry.rulebook import RuleBook

FIELDS = ("region", "members", "eligibility")


class OneFamily:
    """A family's present and its history as they lie in the read model."""

    def __init__(self, scene: Scenario) -> None:
        self.state = scene.state
        self.log = list(scene.log)

    def family(self, family_id: str) -> records.FamilyState | None:
        return self.state if family_id == FAMILY else None

    def framed_history(self, family_id: str) -> tuple[bytes, ...]:
        return tuple(self.log) if family_id == FAMILY else ()

    def history(self, family_id: str) -> tuple[Any, ...]:
        return tuple(codec.decode(framed) for framed in self.framed_history(family_id))

    def events_at(self, family_id: str, sequences: Any) -> dict[int, Any]:
        return {event.header.sequence: event for event in self.history(family_id) if event.header.sequence in sequences}

    def family_of(self, reference: str) -> str | None:
        return FAMILY if reference in {ANI, BUDI} else None


def life() -> Scenario:
    """Tell of a family that moved in July; that it had been elsewhere in June is learned in August."""
    scene = Scenario(rules=BOTH, clock=at(2025, 2, 1))
    scene.and_given(registered(), claimed(birth_year=2015), matched(), say("FamilyRanked", occurred=at(2025, 1, 20)))
    scene.when(say("FamilyMoved", region=place(NEIGHBOUR), occurred=at(2025, 7, 1)), at(2025, 7, 2)).accepted()
    scene.when(say("FamilyMoved", region=place("35.71.03.1001"), occurred=at(2025, 6, 1)), at(2025, 8, 1)).accepted()
    scene.when(claimed(BUDI, agency=f"desa/{NEIGHBOUR}", occurred=at(2025, 8, 1)), at(2025, 8, 2)).accepted()
    return scene


class TimedRoom:
    """A door over that family."""

    def __init__(self) -> None:
        self.room = Room()
        self.broker: Broker = self.room.broker
        self.family = OneFamily(life())
        self.rules_read = 0
        self.pauses: list[float] = []
        self.door = Door(
            self.family, Opener(self.room.keys), self.room.log, EPOCH_KEY, self.pauses.append, rules=self._rules
        )

    def _rules(self) -> RuleBook:
        self.rules_read += 1
        return BOTH

    def look(self, as_of: int | None = None, known_at: int | None = None) -> Any:
        return self.door.look_family(CALLER, PURPOSE, ASKED, FIELDS, Moments(as_of, known_at))

    def told(self, as_of: int | None = None, known_at: int | None = None) -> Any:
        return self.door.history(CALLER, PURPOSE, ASKED, Moments(as_of, known_at))

    def entries(self, kind: type) -> list[Any]:
        return [entry for entry in self.broker.records if isinstance(entry, kind)]


@pytest.fixture
def timed() -> Iterator[TimedRoom]:
    made = TimedRoom()
    yield made
    made.room.log.close()


def test_a_late_correction_is_right_on_both_axes(timed: TimedRoom) -> None:
    mid_june, mid_july, mid_august = at(2025, 6, 15), at(2025, 7, 15), at(2025, 8, 15)
    regions = {
        (as_of, known_at): timed.look(as_of, known_at).fields["region"]["code"]
        for as_of in (None, mid_june, mid_july)
        for known_at in (None, mid_june, mid_july, mid_august)
    }
    assert regions[mid_june, mid_june] == regions[mid_june, mid_july] == VILLAGE
    assert regions[mid_june, mid_august] == regions[mid_june, None] == "35.71.03.1001"
    assert regions[None, mid_june] == VILLAGE
    assert {regions[None, when] for when in (mid_july, mid_august, None)} == {NEIGHBOUR}
    assert {regions[mid_july, when] for when in (mid_july, mid_august, None)} == {NEIGHBOUR}


def test_each_disclosure_names_the_times_asked_for_and_the_sequence_that_was_shown(timed: TimedRoom) -> None:
    found = timed.look(at(2025, 6, 15), at(2025, 7, 15))
    (disclosure,) = timed.entries(records.SubjectDisclosure)  # Budi was not claimed yet
    assert (disclosure.as_of, disclosure.recorded_as_of) == (at(2025, 6, 15), at(2025, 7, 15))
    assert disclosure.record_version == found.sequence == 4
    assert [person["person_ref"] for person in found.fields["members"]] == [ANI]


def test_a_look_at_the_present_names_no_times(timed: TimedRoom) -> None:
    assert isinstance(timed.look(), FamilyDisclosed)
    assert {(one.as_of, one.recorded_as_of) for one in timed.entries(records.SubjectDisclosure)} == {(None, None)}
    assert timed.rules_read == 0


def test_what_was_known_shows_the_decisions_of_then_and_reads_no_rules(timed: TimedRoom) -> None:
    found = timed.look(known_at=at(2025, 3, 1))
    assert [(one["programme"], one["result"]) for one in found.fields["eligibility"]] == [
        ("PKH", "LAYAK"),
        ("SEMBAKO", "LAYAK"),
    ]
    assert timed.rules_read == 0


def test_what_was_true_shows_the_judgement_beside_the_decision_on_record(timed: TimedRoom) -> None:
    (pkh, _) = timed.look(at(2025, 1, 25), at(2025, 3, 1)).fields["eligibility"]
    assert pkh == {
        "programme": "PKH",
        "on_record": {"result": "LAYAK", "reasons": [], "rules_version": "2025.1"},
        "judged": {"result": "LAYAK", "reasons": [], "rules_version": "2025.1"},
    }
    (before_the_ranking, _) = timed.look(at(2025, 1, 10), at(2025, 3, 1)).fields["eligibility"]
    assert before_the_ranking["judged"] is None
    assert before_the_ranking["on_record"]["result"] == "LAYAK"


def test_a_time_before_the_first_event_is_refused_and_on_record_as_nothing_shown(timed: TimedRoom) -> None:
    assert timed.look(known_at=at(2025, 1, 31)) == Withheld("BEFORE_FIRST_EVENT")
    assert timed.look(as_of=at(2024, 12, 31)) == Withheld("BEFORE_FIRST_EVENT")
    assert timed.told(as_of=at(2024, 12, 31)) == Withheld("BEFORE_FIRST_EVENT")
    outcomes = timed.entries(records.AccessOutcome)
    assert {(one.outcome, one.result_count, one.reason) for one in outcomes} == {("DELIVERED", 0, "BEFORE_FIRST_EVENT")}
    assert timed.entries(records.SubjectDisclosure) == []


def test_two_times_of_one_family_are_two_questions_on_record(timed: TimedRoom) -> None:
    for known_at in (None, at(2025, 3, 1), at(2025, 4, 1)):
        timed.look(known_at=known_at)
    # Salted: equal questions differ too, so what is committed to is checked by its holder alone.
    assert len({one.query_commitment for one in timed.entries(records.AccessIntent)}) == 3


def test_a_history_at_a_time_holds_the_events_of_then_and_no_others(timed: TimedRoom) -> None:
    known = timed.told(known_at=at(2025, 7, 15))
    assert isinstance(known, HistoryDisclosed)
    assert [entry.sequence for entry in known.entries] == list(range(1, 8))
    true = timed.told(as_of=at(2025, 6, 15))
    assert [entry.step for entry in true.entries] == [
        "FamilyRegistered",
        "MembershipClaimed",
        "CivilRegistryMatched",
        "FamilyRanked",
        "FamilyMoved",
    ]
    assert true.entries[-1].known_since > known.entries[-1].known_since  # learned in August, true in June


def test_who_was_erased_since_goes_by_the_id_of_today_at_every_time(timed: TimedRoom) -> None:
    said = Erasure("dinsos/35.71", "petugas-1", FAMILY, ANI, "UU27/2022-43", "B/17/2025", at(2025, 9, 1))
    change = record_of(said)
    scene = life().when(change, at(2025, 9, 2)).accepted()
    timed.family.state, timed.family.log = scene.state, list(scene.log)
    unlinked = erasure.unlinked_id(change.header.change_id)
    for when in ({}, {"known_at": at(2025, 7, 15)}, {"as_of": at(2025, 6, 15)}):
        found = timed.look(**when)
        assert unlinked in {member["person_ref"] for member in found.fields["members"]}
        assert ANI not in str(found.fields)
        assert ANI not in str(timed.told(**when).entries)


def test_a_hole_in_the_history_is_a_fault_and_shows_nothing(timed: TimedRoom) -> None:
    del timed.family.log[2]
    with pytest.raises(SequenceHole) as fault:
        timed.look(known_at=at(2025, 9, 1))
    assert (fault.value.family_id, fault.value.sequence) == (FAMILY, 3)
    assert timed.pauses  # it might have been a row on its way
    assert [one.outcome for one in timed.entries(records.AccessOutcome)] == ["FAILED"]
    assert timed.entries(records.SubjectDisclosure) == []


def test_a_history_that_lacks_its_newest_events_is_not_answered_from(timed: TimedRoom) -> None:
    del timed.family.log[-1]
    assert timed.look(known_at=at(2025, 3, 1)) == Withheld("READ_MODEL_BEHIND")
    assert timed.pauses
