"""What holds for every stream of changes, legal or not: order, replay, redelivery, facets, counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import catalogue, codec, records
from stream_processors.indicators.counts import Counts, recount
from stream_processors.registry import codes, proposal, rulebook
from stream_processors.registry.decision import SequenceGap, event_of, record_name
from stream_processors.registry.family import evolve
from tests.unit.registry_scenarios import (
    ANI,
    BUDI,
    CITRA,
    DAY,
    DECIDED,
    DESA,
    FAMILY,
    NOW,
    OTHER_FAMILY,
    STEPS,
    Scenario,
    at,
    in_force,
    place,
    registered,
    replay,
    say,
)

PERSONS = (ANI, BUDI, CITRA)
# What is said every day; cases and standings are walked through in test_registry_walks.
SPOKEN = tuple(one for one in DECIDED if one not in {*catalogue._CASES, *catalogue._STANDINGS, *catalogue._LATER})
PROPOSALS = tuple(b"proposal number%d" % number for number in range(3))
CLAIMS = tuple(b"claim number ..%d" % number for number in range(4))
BOOK = in_force(("pkh", "2025.1", NOW, NOW), ("sembako", "2025.1", NOW + 5 * DAY, NOW))

# For each field the values a stream picks from: good ones first, so that shrinking leads to legal streams.
VALUES: dict[str, tuple[Any, ...]] = {
    "region": tuple(map(place, ("35.71.02.1001", "35.71.02.1002", "35.71.03.1001", "12.74.01.1001", "99.99"))),
    "person_ref": (*PERSONS, "z" * 26),
    "claim_id": CLAIMS,
    "proposal_id": (*PROPOSALS, b"nobody's .......")[:4],
    "kind": ("BARU", "PERBAIKAN", "REAKTIVASI_PBI", "LAIN"),
    "status": ("PADAN", "NAMA_BEDA", "LAIN"),
    "decile": (1, 4, 5, 10, None, 11),
    "percentile": (1, 10_000, None),
    "unranked_reason": ("VARIABEL_KURANG", None),
    "birth_year": (1950, 1990, 2015, 1800),
    "marital_status": (1, 2, 9),
    "result": (1, 2, 3),
    "family": (records.FamilyVariables(), records.FamilyVariables(lighting=4, asset_television=1), None),
    "period": (202503, 202504, 0),
    "due_at": tuple(at(2025, month, 16, 0) - 1 for month in (3, 4)),
    "subject_id": PROPOSALS,
}
OUTCOMES = {
    "VillageMeetingHeld": ("DISEPAKATI", "DITOLAK"),
    "FieldVerificationCompleted": ("LAYAK", "TIDAK_LAYAK"),
    "DinsosReviewCompleted": ("TERIMA", "KEMBALIKAN", "TOLAK"),
    "QualityControlCompleted": ("LULUS", "GAGAL"),
    "ProposalNotDetermined": ("CADANGAN", "TIDAK_MEMENUHI"),
}
OCCURRED = (NOW, NOW - DAY, NOW - 30 * DAY, NOW - 400 * DAY, NOW + DAY, NOW + 60 * DAY)


@dataclass
class Stream:
    """A stream as it was played: every change with what came of it, one live state after each."""

    scene: Scenario = field(default_factory=lambda: Scenario(rules=BOOK))
    changes: list[Any] = field(default_factory=list)
    accepted: list[Any] = field(default_factory=list)
    states: list[Any] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)


def individuals(number: int) -> tuple[records.IndividualVariables, ...]:
    seen = PERSONS[: number % 3]
    return tuple(
        records.IndividualVariables(
            person_ref=one, works=1, work_status=5 if number % 5 == 0 else 1, difficulty_seeing=1 + number % 4
        )
        for one in seen
    )


def likely(state: Any, number: int) -> tuple[str, dict[str, Any]]:
    """Return a record that the state is ready for, and what makes it fit: a next step of one of its proposals."""
    padan = "PADAN" if number % 4 else "NAMA_BEDA"
    ready: list[tuple[str, dict[str, Any]]] = [
        (record, {"proposal_id": one.proposal_id, "period": one.period, "status": padan, "reason": "ALASAN"})
        for one in state.proposals
        for step, record in proposal.TRANSITIONS[one.kind]
        if step == one.step and record in STEPS and record != "ProposalCancelled"
    ]
    for one in state.proposals:
        if one.step == "DISAHKAN":
            ready += [("DeadlineReached", {"subject_id": one.proposal_id, "due_at": proposal.due_at(one)})]
        if one.step == "DISERAHKAN_BPS":
            ready += [("FamilyRanked", {"decile": 2})]
    ready += [] if ready else [("ProposalDrafted", {})]
    ready += [] if state.members else [("MembershipClaimed", {"birth_year": 2015, "marital_status": 1})]
    for member in state.members[:1]:
        about = {"person_ref": member.person_ref, "claim_id": member.claim_id, "reason": "NIK_GANDA"}
        if member.padan != "PADAN":
            ready.append(("CivilRegistryMatched", {"person_ref": member.person_ref, "status": "PADAN"}))
        if member.standing == "PENDING":
            ready.append(("MembershipConfirmed" if number % 5 else "MembershipContested", about))
    return ready[number % len(ready)]


def change(state: Any, numbers: list[int], family: str) -> Any:
    """Return the change that these numbers choose."""
    pick = iter(numbers)
    first = next(pick)
    fits: dict[str, Any] = {}
    record = SPOKEN[first % len(SPOKEN)]
    if first % 3 and state is not None:
        record, fits = likely(state, first // 3)
    cls = getattr(records, record)
    fields: dict[str, Any] = {}
    for name in cls.__dataclass_fields__:
        if name in VALUES and (name != "kind" or record == "ProposalDrafted"):
            values = VALUES[name]
            fields[name] = values[next(pick) % len(values)]
    if record in OUTCOMES:
        fields["outcome"] = OUTCOMES[record][next(pick) % len(OUTCOMES[record])]
    if record == "QualityControlCompleted":
        fields["reasons"] = ("NIK_GANDA",) if next(pick) % 8 else ()
    if record == "GroundCheckRecorded":
        fields["individuals"] = individuals(next(pick)) if fields["family"] else ()
    if record == "ProposalDrafted":
        fields["change_id"] = PROPOSALS[next(pick) % 3]
    if record == "MembershipClaimed":
        fields["change_id"] = CLAIMS[next(pick) % 4]
    fields |= {name: value for name, value in fits.items() if name in cls.__dataclass_fields__}
    if next(pick) % 20 == 19:
        fields["agency"] = (DESA, "bps", "dinsos/12.74", "kemensos")[next(pick) % 4]
    place_in_time = next(pick) % (3 * len(OCCURRED))
    occurred = OCCURRED[place_in_time] if place_in_time < len(OCCURRED) else NOW
    return say(record, occurred=occurred, family_id=family, **fields)


def play(choices: list[list[int]], family: str = FAMILY) -> Stream:
    stream = Stream()
    for index, numbers in enumerate(choices):
        known = stream.accepted and numbers[-1] % 12 == 11
        if known:
            said = stream.accepted[numbers[-2] % len(stream.accepted)]
        else:
            said = registered(family_id=family) if index == 0 else change(stream.scene.state, numbers, family)
        passed = (1_000_000, 0, DAY, 7 * DAY)[numbers[-3] % 4]
        handled = stream.scene.handle(said, stream.scene.clock + passed)
        stream.changes.append(said)
        if handled.events:
            stream.accepted.append(said)
        stream.states.append(handled.state)
        stream.ends.append(len(stream.scene.log))
    return stream


numbers = st.lists(st.integers(0, 10_000), min_size=20, max_size=20)
streams = st.lists(numbers, min_size=1, max_size=60)
thorough = settings(max_examples=40, deadline=None)


@given(streams)
@thorough
def test_events_are_numbered_densely_from_one(choices: list[list[int]]) -> None:
    log = play(choices).scene.log
    assert [event_of(framed).prefix.sequence for framed in log] == list(range(1, len(log) + 1))


@given(streams)
@thorough
def test_replaying_the_events_gives_the_live_state_after_every_change(choices: list[list[int]]) -> None:
    stream = play(choices)
    state: Any = None
    for number, (end, live) in enumerate(zip(stream.ends, stream.states, strict=True)):
        begin = stream.ends[number - 1] if number else 0
        state = replay(stream.scene.log[begin:end], state)
        assert state == live


@given(streams)
@settings(max_examples=25, deadline=None)
def test_replay_asks_no_rule_set_at_all(choices: list[list[int]]) -> None:
    stream = play(choices)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rulebook, "shipped", lambda: ())
        patched.setattr(rulebook.RuleBook, "in_force", None)
        assert replay(stream.scene.log) == stream.scene.state


@given(streams, st.integers(0, 100), st.integers(0, 100))
@thorough
def test_redelivering_any_part_of_the_events_changes_nothing(choices: list[list[int]], start: int, length: int) -> None:
    stream = play(choices)
    again = stream.scene.log[start : start + length] + stream.scene.log
    assert replay(again, stream.scene.state) is stream.scene.state


@given(streams)
@thorough
def test_redelivering_accepted_changes_makes_no_event_and_no_refusal(choices: list[list[int]]) -> None:
    stream = play(choices)
    for said in stream.accepted:
        handled = stream.scene.handle(said)
        assert (handled.events, handled.refused) == ((), None)
        assert handled.state is stream.states[-1]


@given(streams)
@thorough
def test_a_change_that_is_refused_or_known_leaves_the_very_same_state(choices: list[list[int]]) -> None:
    stream = play(choices)
    for number in range(1, len(stream.changes)):
        if stream.ends[number] == stream.ends[number - 1]:
            assert stream.states[number] is stream.states[number - 1]


@given(streams)
@thorough
def test_a_state_is_the_same_after_being_written_and_restored(choices: list[list[int]]) -> None:
    for state in play(choices).states:
        if state is not None:
            assert codec.decode(codec.encode(state)) == state


def facet_names(record: Any) -> list[str]:  # noqa: PLR0911  one line per kind of facet
    """Return which facets an event speaks of."""
    match record_name(record):
        case "FamilyRegistered":
            return ["registration", "residence"]
        case "FamilyMoved":
            return ["residence"]
        case "MembershipClaimed":
            return [f"member/{record.person_ref}"]
        case "MembershipConfirmed" | "MembershipContested" | "MembershipEnded":
            return [f"standing/{record.person_ref}"]
        case "CivilRegistryMatched":
            return [f"padan/{record.person_ref}"]
        case "GroundCheckRecorded":
            return ["ground_check" if record.family is not None else "ground_check_attempt"]
        case "FamilyRanked":
            return ["ranking"]
        case _:
            return []


@given(streams)
@thorough
def test_each_facet_holds_the_event_with_the_greatest_occurred_at_and_sequence(choices: list[list[int]]) -> None:
    stream = play(choices)
    latest: dict[str, Any] = {}
    for framed in stream.scene.log:
        event = event_of(framed)
        for name in facet_names(event.record):
            order = (event.prefix.occurred_at, event.prefix.sequence)
            if name not in latest or order > latest[name][0]:
                latest[name] = (order, event.prefix.change_id)
    held = {one.name: ((one.occurred_at, one.sequence), one.change_id) for one in stream.scene.state.facets}
    assert held == latest


@given(streams)
@thorough
def test_the_present_is_what_the_facets_in_force_say(choices: list[list[int]]) -> None:
    scene = play(choices).scene
    state, log = scene.state, [event_of(framed) for framed in scene.log]
    in_order: dict[int, Any] = {event.prefix.sequence: event.record for event in log}
    said = {one.name: in_order[one.sequence] for one in state.facets}
    assert state.region == said["residence"].region
    ranking = said.get("ranking")
    assert state.decile == ((ranking.decile or 0) if ranking else 0)
    assert state.ranking_run == (ranking.run_id if ranking else "")
    check = said.get("ground_check")
    answers = {one.person_ref: one for one in check.individuals} if check else {}
    for member in state.members:
        claim = said[f"member/{member.person_ref}"]
        assert (member.claim_id, member.birth_year) == (claim.header.change_id, claim.birth_year)
        match = said.get(f"padan/{member.person_ref}")
        assert member.padan == (match.status if match else "")
        answer = answers.get(member.person_ref)
        assert member.work_status == ((answer.work_status or 0) if answer else 0)
        assert member.severe_disability == (answer is not None and answer.difficulty_seeing == 1)


@given(streams)
@thorough
def test_an_ended_or_contested_member_has_a_reason_and_nobody_else_has(choices: list[list[int]]) -> None:
    for state in play(choices).states:
        for member in state.members if state else ():
            assert bool(member.reason) == (member.standing in {codes.ENDED, codes.CONTESTED})


@given(streams)
@thorough
def test_one_proposal_of_a_kind_and_no_two_eligibilities_of_a_programme(choices: list[list[int]]) -> None:
    state = play(choices).scene.state
    for values in ([one.kind for one in state.proposals], [one.programme for one in state.eligibility]):
        assert len(values) == len(set(values))


@given(streams, streams)
@thorough
def test_running_counts_equal_a_recount_from_nothing(ours: list[list[int]], theirs: list[list[int]]) -> None:
    counts, latest = Counts(), {}
    taken: dict[Any, int] = {}
    for family, choices in ((FAMILY, ours), (OTHER_FAMILY, theirs)):
        before: Any = None
        for state in play(choices, family).states:
            counts.move(before, state.counted)
            latest[family] = state
            before = state.counted
            taken |= counts.take_changed()
    expected = recount(state for state in latest.values() if state)
    assert {cell: total for cell, total in counts.sums().items() if total} == dict(expected)
    assert taken == counts.sums()
    assert counts.take_changed() == {}


@given(streams, st.integers(0, 1000))
@thorough
def test_a_missing_event_is_a_fault_and_never_skipped(choices: list[list[int]], where: int) -> None:
    log = play(choices).scene.log
    if len(log) > 1:
        missing = where % (len(log) - 1)
        with pytest.raises(SequenceGap):
            replay(log[:missing] + log[missing + 1 :])


def test_a_family_that_does_not_begin_at_its_beginning_is_a_fault() -> None:
    scene = Scenario().and_given(registered(), say("FamilyMoved"))
    with pytest.raises(SequenceGap):
        replay(scene.log[1:])
    second = event_of(scene.log[0])._replace(prefix=event_of(scene.log[0]).prefix._replace(sequence=2))
    with pytest.raises(SequenceGap):
        evolve(None, second)


def test_a_second_registration_among_the_events_is_a_fault() -> None:
    scene = Scenario().and_given(registered())
    again = event_of(scene.log[0])
    with pytest.raises(SequenceGap):
        evolve(scene.state, again._replace(prefix=again.prefix._replace(sequence=2)))


def test_the_streams_reach_the_machine_s_depths() -> None:
    """A guard of the strategy itself: streams that never got anywhere would prove nothing."""
    from random import Random  # noqa: PLC0415  only here

    rng, records_seen, steps_seen, refused = Random(7), set(), set(), 0  # noqa: S311  a draw, not a secret
    for _ in range(120):
        stream = play([[rng.randrange(10_001) for _ in range(20)] for _ in range(60)])
        records_seen |= {record_name(event_of(framed).record) for framed in stream.scene.log}
        steps_seen |= {one.step for state in stream.states for one in state.proposals}
        refused += len(stream.changes) - len(stream.accepted)
    assert set(SPOKEN) | {"EligibilityDecided"} == records_seen
    assert {"DITETAPKAN", "DISERAHKAN_BPS", "DIBATALKAN", "PERLU_PERBAIKAN_IDENTITAS"} <= steps_seen
    assert refused > 100
    assert set(STEPS) <= records_seen
