"""Aid of a family: places, suspension and end with reasons, what was received, and conditions of members."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from schemas.records import AidReceived, PersonErased
from stream_processors.indicators import counted
from stream_processors.indicators.counts import Cell, cells
from stream_processors.registry import aid, deadlines, facts
from stream_processors.registry.decision import event_of
from stream_processors.registry.machines.table import machines
from stream_processors.registry.ruleset import EXCLUSIONS
from tests.unit.registry_scenarios import (
    ANI,
    BOTH,
    BUDI,
    CITRA,
    DINSOS,
    NOW,
    Scenario,
    at,
    claimed,
    given,
    matched,
    registered,
    replay,
    say,
)

if TYPE_CHECKING:
    from random import Random

DAY = 86_400_000_000
PLACE = {"programme": "PKH", "period": "2025-T1", "run_id": "PKH-2025-T1-1", "place": 1}
SAID: dict[str, dict[str, Any]] = {
    "AidAllocated": {**PLACE, "amount_rupiah": 750_000, "determination_number": "P-1"},
    "AidWaitlisted": {**PLACE, "reason": "KUOTA_PENUH"},
    "AidSuspended": {"programme": "PKH", "reason": "REKENING_BERMASALAH", "evidence": "SURAT-1"},
    "AidResumed": {"programme": "PKH", "reason": "REKENING_DIPERBAIKI", "evidence": "SURAT-2"},
    "AidStopped": {"programme": "PKH", "reason": "GRADUASI", "effective_on": 20_200},
}
RECEIVED = {
    "programme": "BPNTD",
    "period": "2025-02",
    "amount_rupiah": 200_000,
    "received_on": 20_140,
    "determination_number": "P-1",
    "account": b"sealed",
}


def aided(record: str, /, **fields: Any) -> Any:
    return say(record, **{"agency": "kemensos", **SAID[record], **fields})


def received(**fields: Any) -> Any:
    return say("AidReceived", **{"agency": DINSOS, **RECEIVED, **fields})


def condition(code: str, person: str = ANI, **fields: Any) -> Any:
    body = {"person_ref": person, "condition": code, "holds": True, "ordinal": 0, "until": 0}
    return say("PersonConditionRecorded", **{"agency": DINSOS, **body, **fields})


def eligible() -> Scenario:
    return given(registered(), claimed(birth_year=2015), matched(), say("FamilyRanked"), rules=BOTH)


def held(scene: Scenario, programme: str = "PKH") -> Any:
    return aid.aid_of(scene.state, programme)


def test_a_place_is_given_to_an_eligible_family_and_names_its_allocation() -> None:
    scene = eligible().when(aided("AidAllocated")).then("AidAllocated")
    now = held(scene)
    assert (now.standing, now.period, now.amount_rupiah, now.run_id) == (
        "DIALOKASIKAN",
        "2025-T1",
        750_000,
        "PKH-2025-T1-1",
    )


def test_eligibility_quota_and_payment_are_three_results() -> None:
    scene = eligible()
    assert scene.decision("PKH").result == "LAYAK"
    assert held(scene) is None
    scene.when(aided("AidWaitlisted")).then("AidWaitlisted")
    assert (held(scene).standing, held(scene).reason, held(scene).received_on) == ("CADANGAN", "KUOTA_PENUH", 0)
    scene.when(received(programme="PKH", period="2025-T1")).then("AidReceived")
    assert (held(scene).standing, held(scene).received_rupiah) == ("CADANGAN", 200_000)
    assert scene.decision("PKH").result == "LAYAK"


def test_a_family_that_is_not_eligible_gets_no_place() -> None:
    scene = given(registered(), claimed(birth_year=2015), matched(), say("FamilyRanked", decile=9), rules=BOTH)
    for record in ("AidAllocated", "AidWaitlisted"):
        scene.when(aided(record)).refused("NOT_ELIGIBLE", "/programme")
    given(registered()).when(aided("AidAllocated")).refused("NOT_ELIGIBLE", "/programme")


def test_a_citys_own_aid_wants_no_decision_here() -> None:
    given(registered()).when(aided("AidAllocated", programme="BPNTD", agency=DINSOS)).then("AidAllocated")


def test_aid_that_is_told_to_end_later_goes_on_until_that_day() -> None:
    scene = eligible().and_given(aided("AidAllocated"))
    before = scene.state
    scene.and_given(aided("AidStopped"))
    (due,) = deadlines.scheduled(before, scene.state)
    last = (20_200 * 24 - 7) * 3_600 * 1_000_000 - 1  # the end of the day before, in western Indonesia
    assert (held(scene).standing, held(scene).reason, held(scene).due_at) == ("MASA_TENGGANG", "GRADUASI", last)
    assert (due.kind, due.due_at, due.subject_id) == ("AID_STOP.PKH", last, event_of(scene.log[-1]).prefix.change_id)
    before = scene.state
    ended = say("DeadlineReached", kind=due.kind, subject_id=due.subject_id, due_at=last, occurred=last)
    scene.when(ended, last + 1).accepted()
    assert (held(scene).standing, held(scene).reason, held(scene).due_at) == ("DIHENTIKAN", "GRADUASI", 0)
    assert [(one.kind, one.due_at) for one in deadlines.scheduled(before, scene.state)] == [("AID_STOP.PKH", None)]
    scene.when(ended, last + 2).known()
    assert replay(scene.log) == scene.state


def test_a_date_of_a_grace_that_was_ended_otherwise_moves_nothing() -> None:
    scene = eligible().and_given(aided("AidAllocated"), aided("AidStopped"))
    due = held(scene).due_at
    told = event_of(scene.log[-1]).prefix.change_id
    scene.and_given(aided("AidResumed", occurred=NOW + DAY))
    assert (held(scene).standing, held(scene).due_at) == ("DIALOKASIKAN", 0)
    scene.when(say("DeadlineReached", kind="AID_STOP.PKH", subject_id=told, due_at=due, occurred=due), due + 1).known()


def test_aid_in_its_grace_still_counts_for_a_rule_that_asks_for_it() -> None:
    scene = eligible().and_given(aided("AidAllocated"), aided("AidStopped"))
    assert facts.Facts(scene.state, NOW).holds_aid("PKH") == 1


@pytest.mark.parametrize(
    ("record", "fields", "rule"),
    [
        ("AidAllocated", {"programme": "HADIAH"}, "PROGRAMME_UNKNOWN"),
        ("AidAllocated", {"period": "2025-T5"}, "CODE_UNKNOWN"),
        ("AidAllocated", {"period": "2025-13"}, "CODE_UNKNOWN"),
        ("AidAllocated", {"determination_number": " "}, "EVIDENCE_MISSING"),
        ("AidAllocated", {"amount_rupiah": -1}, "CODE_UNKNOWN"),
        ("AidAllocated", {"run_id": ""}, "RUN_MISSING"),
        ("AidAllocated", {"place": 0}, "RUN_MISSING"),
        ("AidAllocated", {"agency": "desa/35.71.02.1001"}, "AGENCY_MAY_NOT"),
        ("AidWaitlisted", {"reason": "TIDAK_SUKA"}, "REASON_UNKNOWN"),
    ],
)
def test_a_place_without_what_it_rests_on_is_refused(record: str, fields: dict[str, Any], rule: str) -> None:
    eligible().when(aided(record, **fields)).refused(rule)


@pytest.mark.parametrize("record", ["AidSuspended", "AidStopped"])
def test_aid_never_ends_or_pauses_without_a_reason(record: str) -> None:
    scene = eligible().and_given(aided("AidAllocated"))
    scene.when(aided(record, reason=" ")).refused("REASON_MISSING", "/reason")


def test_aid_is_suspended_on_a_document() -> None:
    scene = eligible().and_given(aided("AidAllocated"))
    scene.when(aided("AidSuspended", evidence=" ")).refused("EVIDENCE_MISSING", "/evidence")


def test_the_same_place_is_given_once() -> None:
    scene = eligible().and_given(aided("AidAllocated"))
    scene.when(aided("AidAllocated")).refused("PLACE_GIVEN")


def test_an_older_word_about_a_place_changes_nothing_but_history() -> None:
    scene = eligible().and_given(aided("AidAllocated"), aided("AidStopped", effective_on=20_157))
    scene.when(aided("AidAllocated", run_id="older", occurred=NOW - DAY)).accepted()
    assert held(scene).standing == "DIHENTIKAN"


# --- received ---


@pytest.mark.parametrize("kind", [one for one in aid.kinds().values() if "seed 002" in one.source])
def test_each_kind_of_a_citys_aid_reaches_whom_it_is_for(kind: aid.Kind) -> None:
    scene = given(registered(), claimed())
    person = ANI if kind.recipient == "orang" else None
    other = None if kind.recipient == "orang" else ANI
    scene.when(received(programme=kind.programme, person_ref=other)).refused("RECIPIENT_WRONG", "/person_ref")
    scene.when(received(programme=kind.programme, person_ref=person)).then("AidReceived")
    assert held(scene, kind.programme).received_period == "2025-02"


def test_seed_002_lists_five_kinds() -> None:
    found = {one.programme for one in aid.kinds().values() if one.source == "seed 002"}
    assert found == {"ANAK_YATIM", "BPNTD", "ABH", "ODKB", "ASLUT"}


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"programme": "HADIAH"}, "PROGRAMME_UNKNOWN"),
        ({"programme": "ODKB", "person_ref": BUDI}, "MEMBER_UNKNOWN"),
        ({"period": "Februari"}, "CODE_UNKNOWN"),
        ({"amount_rupiah": -1}, "CODE_UNKNOWN"),
        ({"determination_number": ""}, "EVIDENCE_MISSING"),
        ({"received_on": 21_000}, "OCCURRED_IN_FUTURE"),
        ({"agency": "bps"}, "AGENCY_MAY_NOT"),
    ],
)
def test_aid_that_can_not_have_been_received_so_is_refused(fields: dict[str, Any], rule: str) -> None:
    given(registered(), claimed()).when(received(**fields)).refused(rule)


def test_the_last_aid_received_is_the_one_of_the_latest_day() -> None:
    scene = given(registered()).and_given(received(), received(period="2025-01", received_on=20_100))
    assert (held(scene, "BPNTD").received_period, held(scene, "BPNTD").received_on) == ("2025-02", 20_140)


def reached(scene: Scenario, programme: str = "ODKB") -> tuple[int, ...]:
    return held(scene, programme).recipients  # type: ignore[no-any-return]  # of a record of the contract


def odkb(person: str, received_on: int, **fields: Any) -> Any:
    return received(programme="ODKB", period="2025", person_ref=person, received_on=received_on, **fields)


def test_aid_for_persons_tells_whom_it_reached_and_aid_for_families_nobody() -> None:
    scene = given(registered(), claimed(), claimed(BUDI), received(), odkb(BUDI, 20_100))
    assert (reached(scene, "BPNTD"), reached(scene)) == ((), (1,))
    scene.and_given(odkb(ANI, 20_130), odkb(ANI, 20_131))
    assert reached(scene) == (0, 1)


def test_recipients_are_those_of_the_latest_year_that_aid_came_in() -> None:
    scene = given(registered(), claimed(), claimed(BUDI), odkb(ANI, 20_088), odkb(BUDI, 20_089))
    assert (reached(scene), held(scene, "ODKB").received_on) == ((1,), 20_089)  # 1 January 2025
    scene.and_given(odkb(ANI, 20_088, occurred=NOW + 1))
    assert (reached(scene), held(scene, "ODKB").received_on) == ((1,), 20_089)


@for_all(
    st.lists(st.tuples(st.sampled_from((ANI, BUDI, CITRA)), st.integers(20_080, 20_100)), max_size=6), st.randoms()
)
@settings(max_examples=60, deadline=None)
def test_whom_aid_reached_does_not_depend_on_the_order_it_is_told_in(
    told: list[tuple[str, int]], chance: Random
) -> None:
    shuffled = chance.sample(told, len(told))
    changes = [[odkb(*one) for one in order] for order in (told, [*shuffled, *told])]
    one, other = (given(registered(), *map(claimed, (ANI, BUDI, CITRA)), *order) for order in changes)
    assert [(x.received_on, x.recipients) for x in one.state.aid] == [
        (x.received_on, x.recipients) for x in other.state.aid
    ]
    year = max((2024 if day < 20_089 else 2025 for _, day in told), default=0)
    expected = {(ANI, BUDI, CITRA).index(person) for person, day in told if (2024 if day < 20_089 else 2025) == year}
    assert {place for x in one.state.aid for place in x.recipients} == expected


def test_a_recipient_who_was_erased_is_counted_and_one_who_left_is_not() -> None:
    scene = given(registered(), claimed(), claimed(BUDI), odkb(ANI, 20_100), odkb(BUDI, 20_100))
    header = replace(condition("SMP").header, change_id=b"an erasure .....")
    scene.and_given(PersonErased(header=header, person_ref=ANI, legal_basis="UU27/2022-8", request_number="7"))
    here = Cell("persons_by_aid", "35.71", "ODKB/2025")
    assert cells(scene.state)[here] == 2
    scene.and_given(say("MembershipEnded", person_ref=BUDI, occurred=NOW))
    assert (cells(scene.state)[here], reached(scene)) == (1, (0, 1))
    assert scene.state.counted == counted.of(replace(scene.state, counted=b""))


# --- conditions ---


def test_a_condition_holds_until_its_month_and_is_ended_by_another_word() -> None:
    scene = given(registered(), claimed()).and_given(condition("HAMIL", ordinal=2, until=202509))
    assert [(one.condition, one.ordinal, one.until) for one in scene.state.conditions] == [("HAMIL", 2, 202509)]
    scene.and_given(condition("HAMIL", holds=False, occurred=NOW + 1))
    assert scene.state.conditions == ()
    scene.and_given(condition("HAMIL", occurred=NOW))
    assert scene.state.conditions == ()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (condition("KAYA"), "CODE_UNKNOWN"),
        (condition("HAMIL", BUDI), "MEMBER_UNKNOWN"),
        (condition("HAMIL", until=202513), "CODE_UNKNOWN"),
        (condition("HAMIL", ordinal=-1), "CODE_UNKNOWN"),
        (condition("HAMIL", agency="bps"), "AGENCY_MAY_NOT"),
    ],
)
def test_a_condition_outside_the_list_or_of_a_stranger_is_refused(change: Any, rule: str) -> None:
    given(registered(), claimed()).when(change).refused(rule)


def test_a_condition_changes_what_a_programme_gives() -> None:
    scene = eligible()
    assert scene.decision("PKH").amount_rupiah == 900_000
    scene.when(condition("SMP")).then("PersonConditionRecorded", "EligibilityDecided")
    assert scene.decision("PKH").amount_rupiah == 1_500_000


def test_an_erased_person_is_named_by_no_condition() -> None:
    scene = eligible().and_given(condition("SMP"))
    header = replace(condition("SMP").header, change_id=b"an erasure .....")
    scene.and_given(PersonErased(header=header, person_ref=ANI, legal_basis="UU27/2022-8", request_number="7"))
    assert ANI not in str(scene.state.conditions) + str(scene.state.members) + str(scene.state.facets)
    assert len(scene.state.conditions) == 1


def test_a_replay_with_events_read_twice_comes_to_the_same_state() -> None:
    scene = eligible().and_given(condition("SMP"), aided("AidAllocated"), received(programme="PKH", period="2025-T1"))
    twice = [framed for framed in scene.log for _ in (1, 2)]
    assert replay(twice) == replay(scene.log) == scene.state


def test_exclusions_of_rules_are_those_that_officers_may_say() -> None:
    assert set(EXCLUSIONS) == set(machines()["PENGECUALIAN"].codes["exclusion"])


def test_a_payment_is_told_by_its_own_day_not_by_when_it_was_said() -> None:
    scene = given(registered()).and_given(received(occurred=at(2025, 2, 21)))
    assert held(scene, "BPNTD").received_on == 20_140
    assert "account" in AidReceived.__dataclass_fields__
