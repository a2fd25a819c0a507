"""A state's bytes written from what its predecessor's were: always those of the encoder, whatever came before."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec, records
from schemas.codec import Undecodable
from stream_processors.folds.states import States, StateUnreadable
from stream_processors.registry import making
from stream_processors.registry.digest import leaf, partition_digest
from stream_processors.registry.written import Written
from tests.unit.registry_scenarios import BOTH, FAMILY, OTHER_FAMILY, claimed, matched, registered, say
from tests.unit.registry_scenarios import given as family_with
from tests.unit.test_registry_properties import play, streams, thorough

KEY = FAMILY.encode()


def states() -> list[Any]:
    """Return a family's state after each of a few changes."""
    scene = family_with(registered(), rules=BOTH)
    changes = (claimed(), matched(), say("ProposalDrafted"), say("FamilyRanked"), say("FamilyMoved"))
    return [scene.and_given(change).state for change in changes]


@given(streams)
@thorough
def test_each_state_is_written_as_the_encoder_writes_it(choices: list[list[int]]) -> None:
    written: Written | None = None
    for state in play(choices).states:
        if state is not None:
            written = Written(state, written)
            assert written.framed == codec.encode(state)
            assert Written(state).framed == written.framed
            assert Written(state, Written.read(state, written.framed)).framed == written.framed


@given(streams, streams)
@thorough
def test_a_state_is_written_the_same_after_any_other(ours: list[list[int]], theirs: list[list[int]]) -> None:
    mine, other = play(ours).scene.state, play(theirs, OTHER_FAMILY).scene.state
    assert Written(mine, Written(other)).framed == codec.encode(mine)


def test_arrays_that_shrink_and_change_places_are_written_anew() -> None:
    state = states()[-1]
    before = Written(state)
    for facets in (state.facets[::-1], state.facets[1:], (), state.facets + state.facets[:1]):
        other = dataclasses.replace(state, facets=facets)
        assert Written(other, before).framed == codec.encode(other)


# --- making ---


def test_a_made_record_is_the_one_its_class_makes() -> None:
    values = {field.name: getattr(states()[-1], field.name) for field in dataclasses.fields(records.FamilyState)}
    made = making.maker(records.FamilyState)(**values)
    assert made == records.FamilyState(**values)
    assert type(made) is records.FamilyState
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.sequence = 2  # type: ignore[misc]


def test_a_made_record_has_the_defaults_of_its_class() -> None:
    given_values: dict[str, Any] = {
        "sequence": 1, "recorded_at": 2, "occurred_at": 3, "change_id": b"i" * 16,
        "family_id": FAMILY, "agency": "a", "actor": "b", "document": "c",
    }  # fmt: skip
    assert making.maker(records.Header)(**given_values) == records.Header(**given_values)
    with pytest.raises(TypeError):
        making.maker(records.Header)(sequence=1)  # type: ignore[call-arg]


@given(st.integers(), st.text())
def test_a_copy_has_other_values_where_told_and_leaves_the_old_one_alone(sequence: int, run: str) -> None:
    state = states()[0]
    old = dataclasses.replace(state)
    copied = making.replace(state, sequence=sequence, ranking_run=run)
    assert copied == dataclasses.replace(state, sequence=sequence, ranking_run=run)
    assert state == old


def test_a_field_that_does_not_exist_is_not_copied_into() -> None:
    with pytest.raises(AttributeError):
        making.replace(states()[0], squence=1)


# --- states ---


def test_a_state_restored_as_bytes_is_the_one_that_was_put() -> None:
    first, second = States(), States()
    for state in states():
        framed = first.put(KEY, state)
        assert framed == codec.encode(state)
        second.restore(KEY, framed)
        assert second.get(KEY) == first.get(KEY) == state
    assert first.digest() == second.digest() == partition_digest({FAMILY: leaf(framed)})
    assert dict(first.decoded()) == dict(second.decoded()) == {FAMILY: state}


def test_a_state_that_was_decoded_gives_way_to_a_later_record() -> None:
    kept, (one, two, *_) = States(), states()
    kept.restore(KEY, codec.encode(one))
    assert kept.get(KEY) == one
    kept.restore(KEY, codec.encode(two))
    assert kept.get(KEY) == two


def test_no_more_decoded_states_are_kept_than_two_generations_and_none_is_forgotten() -> None:
    kept, state = States(generation=3), states()[0]
    keys = [letter * 26 for letter in "abcdefghij"]
    for turn in range(3):
        for number, family_id in enumerate(keys):
            kept.put(family_id.encode(), making.replace(state, family_id=family_id, sequence=10 * turn + number))
            assert len(kept._young) + len(kept._old) <= 6
    for number, family_id in enumerate(keys):
        found = kept.get(family_id.encode())
        assert found is not None
        assert (found.family_id, found.sequence) == (family_id, 20 + number)
    assert len(kept) == len(keys)


def test_a_state_under_another_family_s_key_is_a_fault() -> None:
    with pytest.raises(Undecodable):
        States().restore(OTHER_FAMILY.encode(), codec.encode(states()[0]))


def test_a_state_that_does_not_decode_is_a_fault_once_it_is_needed_and_no_poison() -> None:
    kept, framed = States(), codec.encode(states()[-1])
    kept.restore(KEY, framed[:-1])
    for needed in (lambda: kept.get(KEY), lambda: list(kept.decoded())):
        with pytest.raises(StateUnreadable):
            needed()
    kept.restore(KEY, framed[:44])
    with pytest.raises(StateUnreadable):
        kept.counted()
