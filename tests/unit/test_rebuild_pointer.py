"""What serves follows from the serving topic's records alone; what is relied on is never rebuilt nor dropped."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jejak.composition import fold_outputs, topics_for
from jejak.rebuild import pointer
from jejak.rebuild.pointer import CALLED_OFF, DROPPED, ROLLED_BACK, SWITCHED, SWITCHING, RebuildRefused, Serving
from schemas import catalogue
from schemas.records import ServingVersionChosen


def record(what: str, version: str, previous: str | None = None, step: str = SWITCHED) -> ServingVersionChosen:
    return ServingVersionChosen(what=what, version=version, previous=previous, step=step, chosen_at=1, by="operator")


def refused(code: str) -> Any:
    return pytest.raises(RebuildRefused, match=f"^{code}: ")


def test_the_first_version_serves_until_another_is_chosen() -> None:
    found = pointer.serving([])
    assert found["read-model"] == found["state"] == Serving("v1", None, "", 0)


def test_the_newest_record_of_each_counts() -> None:
    found = pointer.serving([record("state", "v2", "v1"), record("read-model", "v5"), record("state", "v3", "v2")])
    assert (found["state"].version, found["state"].previous) == ("v3", "v2")
    assert found["read-model"].version == "v5"


def test_a_record_about_something_unknown_is_a_fault_and_never_ignored() -> None:
    with pytest.raises(LookupError):
        pointer.serving([record("audit", "v2")])


def test_a_switch_keeps_what_served_to_roll_back_to() -> None:
    assert pointer.switched(Serving(), "v2") == Serving("v2", "v1", SWITCHED)


def test_a_switch_to_what_serves_changes_nothing() -> None:
    now = Serving("v2", "v1", SWITCHED, 7)
    assert pointer.switched(now, "v2") is now


def test_a_rollback_brings_the_previous_version_back_and_again_changes_nothing() -> None:
    back = pointer.rolled_back(Serving("v2", "v1", SWITCHED))
    assert back == Serving("v1", None, ROLLED_BACK)
    assert pointer.rolled_back(back) is back


@pytest.mark.parametrize("now", [Serving(), Serving("v2", None, DROPPED), Serving("v1", None, CALLED_OFF)])
def test_without_a_previous_version_there_is_nothing_to_roll_back_to(now: Serving) -> None:
    with refused("NOTHING_TO_ROLL_BACK_TO"):
        pointer.rolled_back(now)


def test_the_version_that_serves_is_never_dropped() -> None:
    with refused("SERVES"):
        pointer.dropped(Serving("v2", "v1"), "v2", really=True)


def test_the_version_to_roll_back_to_is_dropped_only_when_that_is_really_meant() -> None:
    now = Serving("v2", "v1", SWITCHED)
    with refused("KEPT"):
        pointer.dropped(now, "v1", really=False)
    assert pointer.dropped(now, "v1", really=True) == Serving("v2", None, DROPPED)


def test_dropping_what_nobody_relies_on_chooses_nothing() -> None:
    now = Serving("v2", "v1", SWITCHED)
    assert pointer.dropped(now, "v3", really=False) is now


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_what_is_relied_on_is_never_rebuilt_in_place(version: str) -> None:
    with refused("IN_USE"):
        pointer.may_build(Serving("v2", "v1"), version)


@pytest.mark.parametrize("version", ["", "2", "v0", "v01", "V2", "v2.1", "v123456", "v2; DROP", "v2_x"])
def test_a_version_is_a_small_number_and_nothing_that_a_statement_could_be_made_of(version: str) -> None:
    for ask in (pointer.number_of, lambda v: pointer.switched(Serving(), v), lambda v: pointer.may_build(Serving(), v)):
        with refused("NO_VERSION"):
            ask(version)


def test_the_version_to_build_is_the_one_being_built_or_the_next() -> None:
    assert pointer.candidate(Serving(), ["v1"]) == "v2"
    assert pointer.candidate(Serving("v2", "v1"), ["v1", "v2"]) == "v3"
    assert pointer.candidate(Serving("v2", "v1"), ["v1", "v2", "v10"]) == "v10"
    assert pointer.candidate(Serving("v1", None, ROLLED_BACK), ["v1", "v2"]) == "v2"
    assert pointer.candidate(Serving(), ["v1", "v9.of-a-test", "v7_old"]) == "v2"


def test_a_switch_under_way_rests_the_writers_and_is_called_off_to_what_served() -> None:
    now = Serving("v2", "v1", SWITCHED)
    pausing = pointer.pausing(now)
    assert pausing.resting
    assert (pausing.version, pausing.previous) == ("v2", "v1")
    off = pointer.called_off(pausing)
    assert (off.version, off.previous, off.resting) == ("v2", "v1", False)
    assert pointer.called_off(off) is off


steps = st.lists(st.tuples(st.sampled_from(["switch", "back", "drop"]), st.integers(1, 4)), max_size=12)


@given(steps)
def test_whatever_is_asked_in_whatever_order_what_serves_is_kept_and_a_step_twice_is_a_step_once(
    asked: list[tuple[str, int]],
) -> None:
    now = Serving()
    for step, number in asked:
        try:
            after = taken(step, now, f"v{number}")
        except RebuildRefused:
            continue
        assert after.previous != after.version
        assert after.version in {now.version, now.previous, f"v{number}"}
        if step != "switch" or after is not now:
            assert taken(step, after, f"v{number}") is after
        now = after


def taken(step: str, now: Serving, version: str) -> Serving:
    match step:
        case "switch":
            return pointer.switched(now, version)
        case "back":
            return pointer.rolled_back(now)
        case _:
            return pointer.dropped(now, version, really=True)


def test_once_a_state_was_chosen_no_empty_first_one_is_made_in_its_place() -> None:
    assert catalogue.FAMILIES_TOPIC in {topic.name for topic in topics_for(Serving())}
    made = {topic.name for topic in topics_for(Serving("v2", None, DROPPED))}
    assert made == {topic.name for topic in catalogue.TOPICS} - {catalogue.FAMILIES_TOPIC}


def test_the_fold_clears_and_writes_the_state_topic_in_use_and_no_other() -> None:
    outputs = fold_outputs(catalogue.families_topic("v3"))
    assert "jejak.families.v3" in outputs
    assert catalogue.FAMILIES_TOPIC not in outputs
    assert fold_outputs(catalogue.families_topic("v1")) == fold_outputs(catalogue.FAMILIES_TOPIC)
    assert catalogue.families_topic("v1") == catalogue.FAMILIES_TOPIC


def test_what_is_called_switching_is_what_workers_rest_on() -> None:
    assert pointer.serving([record("state", "v1", None, SWITCHING)])["state"].resting
