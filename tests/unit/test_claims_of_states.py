"""Families folded before there were persons' records: their states tell the same facts as their events did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given as for_all
from hypothesis import settings

from jejak.rebuild.claims import claims_of
from schemas import codec, records
from stream_processors.persons.person import handle
from stream_processors.registry import membership
from stream_processors.registry.decision import event_of
from stream_processors.registry.family import evolve
from tests.unit.registry_scenarios import ANI, BUDI, claimed, given, registered, say
from tests.unit.test_registry_properties import play, streams

if TYPE_CHECKING:
    from schemas.records import PersonState


class Stored:
    """A record of a topic."""

    def __init__(self, record: Any) -> None:
        self._value = codec.encode(record)

    def value(self) -> bytes:
        return self._value


def told(states: list[Any]) -> dict[str, PersonState]:
    """Return the persons' records that states alone add up to."""
    messages: Any = [Stored(one) for one in states]
    persons: dict[str, PersonState] = {}
    for noted in claims_of(messages):
        persons[noted.person_ref] = handle(noted, persons.get(noted.person_ref)).state
    return persons


def lived(log: list[bytes]) -> dict[str, PersonState]:
    """Return the persons' records that the events told as they came."""
    state: Any = None
    persons: dict[str, PersonState] = {}
    for framed in log:
        event = event_of(framed)
        after = evolve(state, event)
        for noted in membership.noted(state, event, after):
            persons[noted.person_ref] = handle(noted, persons.get(noted.person_ref)).state
        state = after
    return persons


def test_a_state_tells_who_belongs_to_the_family_and_who_did() -> None:
    scene = given(registered(), claimed(), claimed(BUDI), say("MembershipEnded", reason="PINDAH"))
    position = records.FoldPosition(partition=0, next_offset=9, recorded_at=0, events=4, fold_version="5")
    persons = told([position, scene.state])
    assert {ref: [len(stay.claims) for stay in one.stays] for ref, one in persons.items()} == {ANI: [0], BUDI: [1]}
    (stay,) = persons[ANI].stays
    assert (stay.end_reason, stay.family_id) == ("PINDAH", scene.state.family_id)


@for_all(streams)
@settings(max_examples=60, deadline=None)
def test_what_the_events_told_before_is_not_changed_by_telling_it_again(choices: list[list[int]]) -> None:
    scene = play(choices).scene
    persons = lived(scene.log)
    for noted in membership.held(scene.state) if scene.state is not None else ():
        known = persons.get(noted.person_ref)
        assert known is not None
        again = handle(noted, known)
        assert (again.answers, again.state) == ((), known)
