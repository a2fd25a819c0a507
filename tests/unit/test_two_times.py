"""What was known by a time and what was true by a time, held against an oracle that shares no code with the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.replay import two_times
from consumers.replay.moments import NOW as NO_TIMES
from consumers.replay.moments import Moments
from consumers.replay.two_times import BeforeFirstEvent, SequenceHole, Then
from schemas import codec
from stream_processors.indicators import counts
from stream_processors.registry.rulebook import Activation, RuleBook, rule_set
from tests.unit import two_times_oracle as oracle
from tests.unit.registry_scenarios import (
    ANI,
    BOTH,
    BUDI,
    DAY,
    FAMILY,
    NEIGHBOUR,
    VILLAGE,
    Scenario,
    at,
    claimed,
    drafted,
    matched,
    place,
    registered,
    say,
)
from tests.unit.test_registry_properties import BOOK, play, streams

FOR_EVER = 2**62
thorough = settings(max_examples=60, deadline=None)
places = st.integers(0, 10_000)


def then(log: list[bytes], as_of: int | None = None, known_at: int | None = None, book: RuleBook = BOOK) -> Any:
    return two_times.at(log, Moments(as_of, known_at), book)


def picked(values: list[int], number: int) -> int:
    """Return one of the values, or the microsecond before or after it."""
    ordered = sorted(set(values))
    return ordered[number // 3 % len(ordered)] + number % 3 - 1


def heads(log: list[bytes]) -> list[Any]:
    return [codec.decode(framed).header for framed in log]


def moments_in(log: list[bytes], a: int, k: int) -> tuple[int, int]:
    told = heads(log)
    return picked([head.occurred_at for head in told], a), picked([head.recorded_at for head in told], k)


@given(streams, places)
@thorough
def test_known_at_a_time_is_the_live_state_of_that_time_byte_for_byte(choices: list[list[int]], k: int) -> None:
    stream = play(choices)
    log = stream.scene.log
    _, known_at = moments_in(log, 0, k)
    live = None
    for end, state in zip(stream.ends, stream.states, strict=True):
        if end and heads(log[end - 1 : end])[0].recorded_at <= known_at:
            live = state
    found = then(log, known_at=known_at)
    if live is None:
        assert found == BeforeFirstEvent()
    else:
        assert codec.encode(found.state) == codec.encode(live)
        assert (found.on_record, found.judged) == (live.eligibility, None)


@given(streams)
@thorough
def test_known_now_is_the_live_state_byte_for_byte(choices: list[list[int]]) -> None:
    scene = play(choices).scene
    for moments in (NO_TIMES, Moments(known_at=scene.clock), Moments(known_at=FOR_EVER)):
        found = two_times.at(scene.log, moments, BOOK)
        assert isinstance(found, Then)
        assert codec.encode(found.state) == codec.encode(scene.state)


@given(streams, places, places)
@thorough
def test_true_as_of_a_time_is_what_the_oracle_says(choices: list[list[int]], a: int, k: int) -> None:
    log = play(choices).scene.log
    as_of, known_at = moments_in(log, a, k)
    events = oracle.known([codec.decode(framed) for framed in log], known_at)
    facts = oracle.facts(events, as_of) if events else []
    found = then(log, as_of, known_at)
    if not facts:
        assert found == BeforeFirstEvent()
        return
    present = oracle.family(facts)
    assert oracle.shown(found.state) == present
    assert found.sequences == {event.header.sequence for event in facts}
    assert found.state.sequence == facts[-1].header.sequence
    assert found.state.recorded_at == facts[-1].header.recorded_at


@given(streams, places, places)
@thorough
def test_eligibility_as_of_a_time_is_judged_by_the_facts_and_rules_of_then(
    choices: list[list[int]], a: int, k: int
) -> None:
    log = play(choices).scene.log
    as_of, known_at = moments_in(log, a, k)
    found = then(log, as_of, known_at)
    if isinstance(found, BeforeFirstEvent):
        return
    events = oracle.known([codec.decode(framed) for framed in log], known_at)
    assert {one.programme: one.reasons for one in found.on_record} == oracle.decisions(events)
    in_force = [
        f"{one.rule_set}-{one.version}.toml"
        for one in BOOK.activations
        if one.effective_at <= as_of and one.recorded_at <= known_at
    ]
    present = oracle.family(oracle.facts(events, as_of))
    judged = {one.programme: one.reasons for one in found.judged}
    assert judged == oracle.judgement(present, as_of, in_force)
    assert all((one.result == "LAYAK") == (one.reasons == ()) for one in found.judged)
    assert {one.sequence for one in found.judged} <= {0}
    assert found.state.eligibility == found.judged


@given(streams, places, places, places)
@thorough
def test_what_is_true_only_grows_with_either_time(choices: list[list[int]], a: int, k: int, more: int) -> None:
    log = play(choices).scene.log
    as_of, known_at = moments_in(log, a, k)
    before, later_known, later_true = (
        getattr(then(log, *moments), "sequences", frozenset())
        for moments in ((as_of, known_at), (as_of, known_at + more * DAY), (as_of + more * DAY, known_at))
    )
    assert before <= later_known
    assert before <= later_true


@given(streams, places)
@thorough
def test_what_was_learned_after_a_time_changes_nothing_known_by_it(choices: list[list[int]], k: int) -> None:
    log = play(choices).scene.log
    as_of, known_at = moments_in(log, k, k)
    by_then = [framed for framed, head in zip(log, heads(log), strict=True) if head.recorded_at <= known_at]
    assert then(log, as_of, known_at) == then(by_then, as_of)
    assert then(log, None, known_at) == then(by_then)


@given(streams)
@thorough
def test_as_of_the_end_of_time_every_fact_is_true(choices: list[list[int]]) -> None:
    scene = play(choices).scene
    found = then(scene.log, as_of=FOR_EVER, book=RuleBook())
    said = [one.header.sequence for one in map(codec.decode, scene.log) if oracle.kind(one) != "EligibilityDecided"]
    assert found.sequences == frozenset(said)
    alike = replace(scene.state, sequence=said[-1], recorded_at=found.state.recorded_at, eligibility=())
    assert oracle.shown(found.state) == oracle.shown(alike)
    assert found.state.facets == scene.state.facets
    assert found.state.recent_changes == scene.state.recent_changes


@given(streams, places, places)
@thorough
def test_a_hole_in_the_source_is_a_fault_that_names_family_and_sequence(
    choices: list[list[int]], where: int, k: int
) -> None:
    log = play(choices).scene.log
    if len(log) < 2:
        return
    missing = where % (len(log) - 1)
    as_of, known_at = moments_in(log, k, k)
    with pytest.raises(SequenceHole) as fault:
        then(log[:missing] + log[missing + 1 :], as_of, known_at)
    assert (fault.value.code, fault.value.family_id, fault.value.sequence) == ("SEQUENCE_HOLE", FAMILY, missing + 1)
    assert FAMILY in str(fault.value)


@given(streams, places)
@thorough
def test_redelivered_events_change_nothing(choices: list[list[int]], a: int) -> None:
    log = play(choices).scene.log
    as_of, _ = moments_in(log, a, 0)
    assert then([one for framed in log for one in (framed, framed)], as_of) == then(log, as_of)


@given(streams, places)
@thorough
def test_what_a_state_as_of_a_time_counts_is_what_its_fields_say(choices: list[list[int]], a: int) -> None:
    found = then(log := play(choices).scene.log, moments_in(log, a, 0)[0])
    if isinstance(found, BeforeFirstEvent):
        return
    assert codec.decode(codec.encode(found.state)) == found.state
    eligible = {cell.category for cell in counts.cells(found.state) if cell.indicator == "families_eligible"}
    assert eligible == {one.programme for one in found.judged if not one.reasons}


def test_a_visit_of_june_that_arrives_in_august_corrects_june_and_what_was_known_stays() -> None:
    scene = Scenario(clock=at(2025, 1, 2))
    scene.and_given(registered(), claimed())
    july = say("FamilyMoved", region=place(NEIGHBOUR), occurred=at(2025, 7, 1))
    june = say("FamilyMoved", region=place("35.71.03.1001"), occurred=at(2025, 6, 1))
    scene.when(july, at(2025, 7, 2)).accepted()
    scene.when(june, at(2025, 8, 1)).accepted()

    def region(as_of: int | None, known_at: int | None) -> str:
        return str(then(scene.log, as_of, known_at).state.region.code)

    mid_june, mid_july, mid_august = at(2025, 6, 15), at(2025, 7, 15), at(2025, 8, 15)
    assert region(mid_june, mid_july) == VILLAGE  # what was known in July of June
    assert region(mid_june, mid_august) == "35.71.03.1001"  # what was true in June, as August knows
    assert region(None, mid_june) == VILLAGE
    assert region(None, mid_july) == NEIGHBOUR
    assert region(None, mid_august) == NEIGHBOUR  # the correction of June moved nobody today
    assert region(mid_july, mid_august) == NEIGHBOUR


def test_what_was_decided_stands_beside_what_was_really_true_that_day() -> None:
    scene = Scenario(rules=BOTH, clock=at(2025, 3, 1))
    scene.and_given(registered(), claimed(birth_year=2015), matched(), say("FamilyRanked", occurred=at(2025, 2, 1)))
    decided_on = scene.clock
    # In May the registry learns that the only child had left in January.
    gone = say("MembershipEnded", reason="PINDAH", occurred=at(2025, 1, 15))
    scene.when(gone, at(2025, 5, 1)).accepted()
    then_known = then(scene.log, at(2025, 3, 1), decided_on, BOTH)
    assert [(one.programme, one.result) for one in then_known.on_record] == [("PKH", "LAYAK"), ("SEMBAKO", "LAYAK")]
    assert [(one.programme, one.result) for one in then_known.judged] == [("PKH", "LAYAK"), ("SEMBAKO", "LAYAK")]
    now_known = then(scene.log, at(2025, 3, 1), None, BOTH)
    assert [(one.programme, one.result) for one in now_known.judged] == [
        ("PKH", "TIDAK_LAYAK"),
        ("SEMBAKO", "TIDAK_LAYAK"),
    ]
    assert now_known.judged[0].reasons == ("NIK_TIDAK_PADAN", "TANPA_KOMPONEN")


def test_ages_are_those_of_the_day_asked_about() -> None:
    scene = Scenario(clock=at(2025, 3, 1))
    scene.and_given(registered(), claimed(birth_year=2006, birth_month=6), matched())
    scene.and_given(say("FamilyRanked", occurred=at(2025, 2, 1)))
    rules = RuleBook((Activation(rule_set("pkh", "2025.1"), at(2025, 1, 1), at(2025, 1, 1)),))
    assert then(scene.log, at(2025, 5, 31), book=rules).judged[0].reasons == ()  # 18 years, of SMA by age
    assert then(scene.log, at(2025, 6, 1), book=rules).judged[0].reasons == ("TANPA_KOMPONEN",)  # 19


def test_a_rule_set_that_was_learned_of_late_judges_the_past_only_for_who_knows_it() -> None:
    scene = Scenario(clock=at(2025, 3, 1))
    scene.and_given(registered(), claimed(birth_year=2015), matched(), say("FamilyRanked", occurred=at(2025, 2, 1)))
    late = RuleBook((Activation(rule_set("pkh", "2025.1"), at(2025, 1, 1), at(2025, 6, 1)),))
    assert then(scene.log, at(2025, 3, 1), at(2025, 5, 1), late).judged == ()
    assert [one.programme for one in then(scene.log, at(2025, 3, 1), at(2025, 6, 1), late).judged] == ["PKH"]
    assert then(scene.log, at(2024, 12, 31), at(2025, 6, 1), late) == BeforeFirstEvent()
    assert then(scene.log, None, at(2025, 6, 1), late).judged is None


def test_a_step_said_to_be_earlier_than_the_one_before_it_is_true_only_after_that_one() -> None:
    scene = Scenario(clock=at(2025, 3, 20))
    scene.and_given(registered(), claimed(), drafted(occurred=at(2025, 3, 1)))
    scene.and_given(say("ProposalSubmitted", occurred=at(2025, 3, 20)), claimed(BUDI))
    scene.and_given(say("ProposalIdentityMatched", occurred=at(2025, 3, 10)))
    steps = [then(scene.log, at(2025, 3, day, 12)).state.proposals[0] for day in (1, 10, 19, 20)]
    assert [(one.step, one.padan) for one in steps] == [
        ("DRAF", ""),
        ("DRAF", ""),
        ("DRAF", ""),
        ("DAFTAR_USULAN_AWAL", "PADAN"),
    ]


def test_a_ranking_is_a_step_of_the_proposal_that_it_moved() -> None:
    scene = Scenario(clock=at(2025, 3, 1))
    scene.and_given(registered(), claimed(), matched(), drafted())
    for record in (
        "ProposalSubmitted",
        "ProposalIdentityMatched",
        "VillageMeetingHeld",
        "FieldVerificationCompleted",
        "DinsosReviewCompleted",
        "ProposalEndorsed",
        "ProposalSentToMinistry",
        "QualityControlCompleted",
    ):
        scene.and_given(say(record, occurred=at(2025, 3, 1)))
    scene.clock = at(2025, 4, 10)
    scene.and_given(say("FamilyRanked", occurred=at(2025, 4, 5)), say("ProposalDetermined", occurred=at(2025, 4, 1)))
    assert then(scene.log, at(2025, 4, 2)).state.proposals[0].step == "DISERAHKAN_BPS"
    assert then(scene.log, at(2025, 4, 5)).state.proposals[0].step == "DITETAPKAN"


def test_a_fact_older_than_the_registration_is_true_from_the_registration_on() -> None:
    scene = Scenario(clock=at(2025, 3, 1))
    scene.and_given(registered(occurred=at(2025, 2, 1)), claimed(occurred=at(2020, 1, 1)))
    assert then(scene.log, at(2025, 1, 31)) == BeforeFirstEvent()
    assert [one.person_ref for one in then(scene.log, at(2025, 2, 1)).state.members] == [ANI]


def test_nothing_is_known_of_a_family_before_its_first_event() -> None:
    scene = Scenario(clock=at(2025, 3, 1)).and_given(registered())
    assert then(scene.log, known_at=scene.clock - 1) == BeforeFirstEvent("BEFORE_FIRST_EVENT")
    assert then([]) == BeforeFirstEvent()
