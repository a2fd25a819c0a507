"""The watch over a stream of entries: whose look an outcome is, what is open, and what was seen already."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import records
from stream_processors.watch.memory import Memory
from stream_processors.watch.thresholds import shipped
from stream_processors.watch.unusual import Watch
from tests.unit.audit_rig import ACTOR, AGENCY, ANI, BUDI, LOOK, NOW, OTHER, disclosure, intent, outcome, place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.records import UnusualUseDetected

AT_TEN = NOW - NOW % 86_400_000_000 + 3 * 3_600_000_000 + 86_400_000_000  # 10:00 WIB, on the Monday after
MINUTE = 60_000_000


def watching(kept: dict[bytes, Any] | None = None, *honey: bytes, floor: int = 10) -> Memory:
    thresholds = replace(shipped(), floor_per_hour=floor, clock_seconds=10**9)
    return Memory({} if kept is None else kept, Watch(thresholds), frozenset(honey))


def told(memory: Memory, entries: Iterable[Any], at: int = AT_TEN) -> list[UnusualUseDetected]:
    return [alert for entry in entries for alert in memory.seen(entry, at, at)]


def kinds(alerts: Iterable[UnusualUseDetected]) -> list[str]:
    return [alert.kind for alert in alerts]


def test_a_disclosure_of_a_honey_record_tells_who_looked_and_which_intent() -> None:
    alerts = told(watching(None, BUDI), [intent(subject_ref=ANI), outcome(2), disclosure(3, ANI), disclosure(4, BUDI)])
    assert [(one.kind, one.agency_id, one.actor_ref, one.intent_id) for one in alerts] == [
        ("HONEY_RECORD", AGENCY, ACTOR, LOOK)
    ]


def test_a_honey_record_that_is_added_meanwhile_is_watched_over_from_then_on() -> None:
    memory = watching()
    assert kinds(told(memory, [intent(subject_ref=ANI), disclosure(2, BUDI)])) == []
    memory.watch_over(frozenset({BUDI}))
    assert kinds(told(memory, [disclosure(3, BUDI)])) == ["HONEY_RECORD"]


def test_a_refused_look_that_named_a_honey_record_is_told_too() -> None:
    assert kinds(told(watching(None, ANI), [intent(subject_ref=ANI)])) == ["HONEY_RECORD"]
    assert kinds(told(watching(None, ANI), [intent(subject_ref=None, household_ref=ANI)])) == ["HONEY_RECORD"]


def test_looks_through_several_gateways_add_up_for_their_accessor() -> None:
    memory = watching()
    first = [intent(), outcome(2, persons=6)]
    said = replace(outcome(2, persons=5), intent_id=OTHER)
    second = [replace(one, gateway_id="gw-2") for one in (intent(1, OTHER), said)]
    alerts = told(memory, [*first, *second])
    assert [(one.kind, one.observed) for one in alerts] == [("PERSONS_PER_HOUR", 11)]


def test_an_attempt_outside_the_own_region_is_told() -> None:
    alerts = told(watching(), [intent(), outcome(2, "WITHHELD", "OUTSIDE_AREA", 0)])
    assert kinds(alerts) == ["OUTSIDE_REGION"]


def test_an_intent_is_unanswered_once_and_an_answered_one_never() -> None:
    kept: dict[bytes, Any] = {}
    memory = watching(kept)
    told(memory, [intent(), intent(2, OTHER), replace(outcome(3), intent_id=OTHER)])
    assert memory.unanswered(AT_TEN + MINUTE) == ()
    (alert,) = memory.unanswered(AT_TEN + MINUTE + 1)
    assert (alert.kind, alert.intent_id, alert.actor_ref) == ("INTENT_WITHOUT_OUTCOME", LOOK, ACTOR)
    assert memory.unanswered(AT_TEN + 2 * MINUTE) == ()
    assert watching(kept).unanswered(AT_TEN + 3 * MINUTE) == ()


def test_an_export_is_no_unanswered_look_while_it_shows_persons() -> None:
    memory = watching()
    told(memory, [intent(action="EXPORT")])
    for minute in range(1, 5):
        told(memory, [disclosure(minute + 1, BUDI)], AT_TEN + minute * MINUTE)
        assert memory.unanswered(AT_TEN + minute * MINUTE + MINUTE) == ()
    assert kinds(memory.unanswered(AT_TEN + 6 * MINUTE)) == ["INTENT_WITHOUT_OUTCOME"]


def test_an_intent_that_was_open_at_a_restart_is_still_watched() -> None:
    kept: dict[bytes, Any] = {}
    told(watching(kept), [intent()])
    assert kinds(watching(kept).unanswered(AT_TEN + 2 * MINUTE)) == ["INTENT_WITHOUT_OUTCOME"]


def test_what_is_answered_is_forgotten() -> None:
    kept: dict[bytes, Any] = {}
    memory = watching(kept)
    told(memory, [intent(), outcome(2)])
    memory.unanswered(AT_TEN + 2 * MINUTE)
    assert not [key for key in kept if key.startswith(b"i/")]


def test_a_heartbeat_of_a_gateway_with_another_clock_is_told_once_an_hour() -> None:
    memory = Memory({}, Watch(shipped()), frozenset())
    beats = [
        records.GatewayHeartbeat(**place(seq, bytes([seq]) * 16), last_seq=0, closing=False, policy_set_hash=bytes(32))
        for seq in (1, 2)
    ]
    alerts = [alert for beat in beats for alert in memory.seen(beat, NOW + 6_000_000, NOW)]
    assert [(one.kind, one.actor_ref, one.agency_id) for one in alerts] == [("CLOCK_DIFFERS", "gw-1", "")]


def beat(seq: int, *, closing: bool = False) -> records.GatewayHeartbeat:
    return records.GatewayHeartbeat(
        **place(seq, seq.to_bytes(16, "big")), last_seq=seq - 1, closing=closing, policy_set_hash=bytes(32)
    )


def test_a_number_that_a_gateway_left_out_is_told_when_the_next_one_comes() -> None:
    alerts = told(watching(), [beat(1), beat(2), beat(4), beat(5)])
    assert [(one.kind, one.actor_ref, one.observed) for one in alerts] == [("SEQUENCE_HOLE", "gw-1", 1)]
    assert kinds(told(watching(), [beat(3)])) == ["SEQUENCE_HOLE"]


@pytest.mark.parametrize("restart", [False, True])
def test_a_gateway_that_falls_silent_is_told_once_and_one_that_ended_is_not(*, restart: bool) -> None:
    kept: dict[bytes, Any] = {}
    memory = watching(kept)
    told(memory, [beat(1), *(replace(one, gateway_id="gw-2") for one in (beat(1), beat(2, closing=True)))])
    memory = watching(kept) if restart else memory
    assert memory.silent(AT_TEN + MINUTE) == ()
    (alert,) = memory.silent(AT_TEN + MINUTE + 1)
    assert (alert.kind, alert.actor_ref, alert.agency_id) == ("GATEWAY_SILENT", "gw-1", "")
    assert memory.silent(AT_TEN + 2 * MINUTE) == watching(kept).silent(AT_TEN + 3 * MINUTE) == ()


def test_a_gateway_that_speaks_again_may_fall_silent_again() -> None:
    memory = watching()
    told(memory, [beat(1)])
    assert kinds(memory.silent(AT_TEN + 2 * MINUTE)) == ["GATEWAY_SILENT"]
    told(memory, [beat(2)], AT_TEN + 3 * MINUTE)
    assert memory.silent(AT_TEN + 4 * MINUTE) == ()
    assert kinds(memory.silent(AT_TEN + 5 * MINUTE)) == ["GATEWAY_SILENT"]


DUE = AT_TEN + 72 * 60 * MINUTE


def used(seq: int = 1, event_id: bytes = LOOK, **other: Any) -> records.AccessIntent:
    return intent(seq, event_id, action="BREAK_GLASS", review_due_at=DUE, second_actor_ref="officer-8", **other)


def test_an_emergency_is_told_to_the_agencys_supervisor_until_when_it_must_be_reviewed() -> None:
    (alert,) = told(watching(), [used()])
    assert (alert.kind, alert.agency_id, alert.actor_ref) == ("BREAK_GLASS_USED", AGENCY, ACTOR)
    assert (alert.addressed_to, alert.intent_id) == ("supervisor", LOOK)
    assert (alert.detected_at, alert.window_start, alert.window_end) == (AT_TEN, AT_TEN, DUE)


def test_each_emergency_is_told_once_however_often_it_comes() -> None:
    both = [used(), used(2, OTHER)]
    alerts = told(watching(), [*both, *both])
    assert [one.intent_id for one in alerts] == [LOOK, OTHER]
    again = told(watching(), both)  # a watch that lost what it kept tells the same alerts, not others
    assert [one.alert_id for one in again] == [one.alert_id for one in alerts]


def test_an_emergency_that_was_refused_and_any_other_look_are_told_to_nobody() -> None:
    assert told(watching(), [used(decision="DENY"), intent(2, OTHER)]) == []


@pytest.mark.parametrize("action", ["AUDIT_READ", "LIST"])
def test_the_lines_of_a_trail_or_a_list_that_was_read_are_not_persons(action: str) -> None:
    reading = [intent(action=action, subject_ref=None), outcome(2, persons=1_000)]
    assert told(watching(), reading) == []
    trails = [intent(2 * each + 1, bytes([each]) * 16, action="AUDIT_READ") for each in range(11)]
    ends = [replace(outcome(2 * each + 2, persons=50), intent_id=bytes([each]) * 16) for each in range(11)]
    both = [one for pair in zip(trails, ends, strict=True) for one in pair]
    assert [(one.kind, one.observed) for one in told(watching(), both)] == [("PERSONS_PER_HOUR", 11)]


ENTRIES = [intent(), outcome(2, persons=11), disclosure(3, BUDI), intent(4, OTHER)]


@given(repeats=st.lists(st.integers(0, 3), min_size=4, max_size=4), restart=st.booleans())
def test_entries_that_come_again_change_nothing(*, repeats: list[int], restart: bool) -> None:
    kept, once = dict[bytes, Any](), dict[bytes, Any]()
    memory, found = watching(kept, BUDI), list["UnusualUseDetected"]()
    for at, again in enumerate(repeats):
        if restart:
            memory = watching(kept, BUDI)
        found += told(memory, [ENTRIES[at], *ENTRIES[at + 1 - min(again, at + 1) : at + 1]])
    assert found == told(watching(once, BUDI), ENTRIES)
    assert kept == once


def exported(number: int, persons: int) -> list[Any]:
    """An export of so many persons through a gateway of its own, killed before its outcome."""
    event_id = number.to_bytes(16, "big")
    gateway = f"gw-{number}"
    begun = replace(intent(1, event_id, action="EXPORT"), gateway_id=gateway)
    return [begun, *(replace(disclosure(2 + one, ANI, event_id), gateway_id=gateway) for one in range(persons))]


def shown(kept: dict[bytes, Any]) -> int:
    """How many persons the windows of all accessors hold, of this day."""
    return sum(count for key, said in kept.items() if key.startswith(b"a/") for count in said["days"].values())


def ended(number: int, persons: int, became: str = "DELIVERED", named: int | None = None) -> records.AccessOutcome:
    said = outcome(persons + 2, became, None if became == "DELIVERED" else "AGREEMENT_NOT_ACTIVE", named or persons)
    return replace(said, intent_id=number.to_bytes(16, "big"), gateway_id=f"gw-{number}")


def test_persons_of_exports_that_were_killed_are_an_alert_while_they_are_shown() -> None:
    kept: dict[bytes, Any] = {}
    memory, found = watching(kept, floor=100), list["UnusualUseDetected"]()
    for number in range(5):
        found += told(memory, exported(number, 1_000))
    assert [(one.kind, one.observed <= 250) for one in found] == [("PERSONS_PER_HOUR", True), ("PERSONS_PER_DAY", True)]
    memory.unanswered(AT_TEN + 3_000_000)
    assert shown(kept) == 5_000


def test_a_running_export_is_an_alert_when_the_hour_has_too_many_persons() -> None:
    memory = watching(floor=10)
    begun, *persons = exported(1, 30)
    told(memory, [begun])
    found = [told(memory, [one], AT_TEN + number * MINUTE) for number, one in enumerate(persons)]
    assert [number for number, alerts in enumerate(found) if kinds(alerts) == ["PERSONS_PER_HOUR"]] == [10]


def test_the_last_persons_of_an_export_that_stands_still_are_counted_within_seconds() -> None:
    kept: dict[bytes, Any] = {}
    memory = watching(kept, floor=179)
    assert told(memory, exported(1, 180)) == []  # the windows follow an eighth behind
    assert memory.unanswered(AT_TEN + 1_000_000) == ()
    (alert,) = memory.unanswered(AT_TEN + 3_000_000)
    assert (alert.kind, alert.observed) == ("PERSONS_PER_HOUR", 180)
    assert memory.unanswered(AT_TEN + 4_000_000) == ()


@pytest.mark.parametrize(("became", "named"), [("DELIVERED", 300), ("FAILED", 300), ("DELIVERED", 350), ("FAILED", 1)])
def test_an_outcome_adds_what_its_disclosures_did_not_count(became: str, named: int) -> None:
    kept: dict[bytes, Any] = {}
    memory = watching(kept, floor=10_000)
    told(memory, [*exported(1, 300), ended(1, 300, became, named)])
    memory.unanswered(AT_TEN + 3_000_000)
    assert shown(kept) == max(300, named)
    memory.unanswered(AT_TEN + 2 * MINUTE)
    assert not any(said["counted"] for key, said in kept.items() if key.startswith(b"a/"))


def test_an_export_that_goes_on_after_it_was_told_of_is_counted_on_and_told_once() -> None:
    kept: dict[bytes, Any] = {}
    memory = watching(kept, floor=10_000)
    begun, *persons = exported(1, 40)
    told(memory, [begun, *persons[:20]])
    assert kinds(memory.unanswered(AT_TEN + 2 * MINUTE)) == ["INTENT_WITHOUT_OUTCOME"]
    told(memory, persons[20:], AT_TEN + 3 * MINUTE)
    assert memory.unanswered(AT_TEN + 10 * MINUTE) == ()
    assert shown(kept) == 40


@pytest.mark.parametrize("action", ["AUDIT_READ", "LIST"])
def test_what_a_reading_of_a_trail_discloses_is_its_person_at_most(action: str) -> None:
    kept: dict[bytes, Any] = {}
    memory = watching(kept)
    told(memory, [intent(action=action), *(disclosure(2 + one, ANI) for one in range(20))])
    told(memory, [outcome(22, persons=50)])
    assert shown(kept) == 1


def test_a_long_export_writes_few_windows() -> None:
    class Counting(dict[bytes, Any]):
        windows = 0

        def __setitem__(self, key: bytes, value: Any) -> None:
            self.windows += key.startswith(b"a/")
            super().__setitem__(key, value)

    kept = Counting()
    memory = watching(kept, floor=10**6)
    begun, *persons = exported(1, 5_000)
    told(memory, [begun])
    for number, one in enumerate(persons):
        memory.seen(one, AT_TEN + number * 1_000, AT_TEN)  # a thousand a second
    assert kept.windows < 80
    assert 4_000 < shown(kept) <= 5_000


class Dying(dict[bytes, Any]):
    """A table whose process dies at its so-manyth write; what was written stays."""

    def __init__(self, kept: dict[bytes, Any], after: int) -> None:
        super().__init__(kept)
        self.left = after

    def __setitem__(self, key: bytes, value: Any) -> None:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        super().__setitem__(key, json.loads(json.dumps(value)))


@given(
    deaths=st.lists(st.integers(0, 60), max_size=6),
    back=st.integers(0, 20),
    finished=st.booleans(),
    persons=st.integers(0, 40),
)
def test_each_person_counts_once_wherever_the_watch_dies_and_however_much_it_reads_again(
    *, deaths: list[int], back: int, finished: bool, persons: int
) -> None:
    entries = exported(1, persons)
    entries += [ended(1, persons)] if finished else []
    kept, at = dict[bytes, Any](), 0
    for after in [*deaths, -1]:
        table = Dying(kept, after)
        memory = watching(table, floor=10_000)
        with suppress(KeyboardInterrupt):
            for number, one in enumerate(entries[at:], at):
                memory.seen(one, AT_TEN, AT_TEN)
                at = number + 1
            memory.unanswered(AT_TEN + 3_000_000)
        at = max(0, at - back)
        kept = dict(table)
    assert shown(kept) == persons


@given(before=st.integers(1, 41), known=st.integers(0, 41))
def test_nobody_is_counted_again_where_a_crash_kept_the_windows_and_not_the_number(*, before: int, known: int) -> None:
    entries = [*exported(1, 40), ended(1, 40)]
    earlier, later = dict[bytes, Any](), dict[bytes, Any]()
    told(watching(earlier, floor=10_000), entries[: min(known, before)])
    told(watching(later, floor=10_000), entries[: before + 1])
    kept = {key: value for key, value in later.items() if not key.startswith(b"g/")}
    kept |= {key: value for key, value in earlier.items() if key.startswith(b"g/")}
    told(watching(kept, floor=10_000), entries[min(known, before) :])
    assert shown(kept) == 40
