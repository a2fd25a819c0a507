"""When use is unusual, told by example: what was seen, what comes now, and whether it is an alert."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processors.watch.thresholds import SHIPPED, Thresholds, shipped
from stream_processors.watch.unusual import DAY, HOUR, Accessor, Seen, Watch, Windows

if TYPE_CHECKING:
    from schemas.records import UnusualUseDetected

WIB = timezone(timedelta(hours=7))
ANI = Accessor("dinsos/35.71", "officer-7")
LOOK = b"i" * 16
WATCH = Watch(replace(shipped(), floor_per_hour=10, floor_per_day=50, factor=4))


def at(day: int = 18, hour: int = 10, minute: int = 0, month: int = 11) -> int:
    return int(datetime(2026, month, day, hour, minute, tzinfo=WIB).timestamp()) * 1_000_000  # 18 is a Wednesday


def shown(watch: Watch, *looks: tuple[int, int], windows: Windows | None = None) -> Seen:
    """What follows from looks, each a time and its persons."""
    now, alerts = windows or Windows(), list["UnusualUseDetected"]()
    for when, persons in looks:
        now, more = watch.ended(now, ANI, persons, when)
        alerts += more
    return now, tuple(alerts)


def test_given_a_quiet_officer_when_an_hour_is_over_the_floor_then_it_is_an_alert() -> None:
    _, alerts = shown(WATCH, (at(), 10), (at(minute=30), 1))
    assert [(one.kind, one.observed, one.threshold, one.median) for one in alerts] == [("PERSONS_PER_HOUR", 11, 10, 0)]
    assert (alerts[0].window_start, alerts[0].window_end) == (at(), at(hour=11))
    assert alerts[0].detected_at == at(minute=30)


def test_given_a_busy_officer_when_an_hour_is_within_four_medians_then_it_is_none() -> None:
    usual = [(at(17, hour), 8) for hour in (8, 9, 10, 11, 13)]
    _, alerts = shown(WATCH, *usual, (at(18), 32))
    assert alerts == ()


def test_given_a_busy_officer_when_an_hour_is_over_four_medians_then_the_median_is_told() -> None:
    usual = [(at(17, hour), 8) for hour in (8, 9, 10, 11, 13)]
    _, alerts = shown(WATCH, *usual, (at(18), 33))
    assert [(one.kind, one.threshold, one.median) for one in alerts] == [("PERSONS_PER_HOUR", 32, 8)]


def test_given_usual_hours_when_a_day_adds_up_to_too_many_then_the_day_is_an_alert() -> None:
    _, alerts = shown(WATCH, *((at(hour=hour), 10) for hour in range(8, 14)))
    assert [(one.kind, one.observed, one.threshold) for one in alerts] == [("PERSONS_PER_DAY", 60, 50)]


def test_given_an_alert_when_its_hour_goes_on_then_it_is_not_raised_again() -> None:
    windows, alerts = shown(WATCH, (at(), 11), (at(minute=1), 5), (at(minute=2), 5))
    assert len(alerts) == 1
    _, again = shown(WATCH, (at(hour=11), 11), windows=windows)
    assert len(again) == 1
    assert again[0].alert_id != alerts[0].alert_id


def test_given_too_few_hours_when_one_was_wild_then_it_makes_no_other_usual() -> None:
    windows, _ = shown(WATCH, *((at(17, hour), 100) for hour in (8, 9, 10, 11)))
    assert [one.threshold for one in shown(WATCH, (at(), 11), windows=windows)[1]] == [10]


def test_given_hours_long_ago_when_the_median_is_taken_then_they_do_not_count() -> None:
    _, alerts = shown(WATCH, (at(1, month=9), 10), (at(), 11))
    assert [one.median for one in alerts] == [0]


@pytest.mark.parametrize(
    ("when", "unusual"),
    [
        (at(hour=10), False),
        (at(hour=6), False),
        (at(hour=5, minute=59), True),
        (at(hour=20), True),
        (at(hour=19, minute=59), False),
        (at(day=21), True),  # a Saturday
        (at(day=17, month=8), True),  # a Monday, Hari Kemerdekaan
    ],
)
def test_a_look_outside_office_hours_is_an_alert(when: int, unusual: bool) -> None:  # noqa: FBT001  a case of a table
    _, alerts = WATCH.begun(Windows(), ANI, "verifier", LOOK, when)
    assert [one.kind for one in alerts] == ["OUTSIDE_HOURS"] * unusual


def test_a_night_of_looks_is_one_alert_and_names_the_first() -> None:
    windows, first = WATCH.begun(Windows(), ANI, "verifier", LOOK, at(hour=22))
    _, second = WATCH.begun(windows, ANI, "verifier", b"j" * 16, at(hour=23))
    assert ([one.intent_id for one in first], second) == ([LOOK], ())


@pytest.mark.parametrize("role", ["warga", "system"])
def test_a_citizen_and_a_machine_keep_no_office_hours(role: str) -> None:
    assert WATCH.begun(Windows(), ANI, role, LOOK, at(hour=3))[1] == ()


def test_an_attempt_outside_the_own_region_is_an_alert_and_another_refusal_is_none() -> None:
    windows, alerts = WATCH.refused(Windows(), ANI, "OUTSIDE_AREA", LOOK, at())
    assert [(one.kind, one.observed, one.threshold, one.intent_id) for one in alerts] == [
        ("OUTSIDE_REGION", 1, 0, LOOK)
    ]
    assert WATCH.refused(windows, ANI, "FIELD_NOT_PERMITTED", LOOK, at())[1] == ()


def test_attempts_outside_the_region_are_counted_by_day() -> None:
    watch = Watch(replace(WATCH.thresholds, outside_region_per_day=1))
    windows, first = watch.refused(Windows(), ANI, "OUTSIDE_AREA", LOOK, at())
    windows, second = watch.refused(windows, ANI, "OUTSIDE_AREA", LOOK, at(hour=11))
    _, tomorrow = watch.refused(windows, ANI, "OUTSIDE_AREA", LOOK, at(19))
    assert [len(found) for found in (first, second, tomorrow)] == [0, 1, 0]


def test_a_touched_honey_record_is_an_alert_of_that_look() -> None:
    found = WATCH.honey(ANI, LOOK, at())
    assert (found.kind, found.intent_id, found.agency_id, found.actor_ref) == ("HONEY_RECORD", LOOK, *_of(ANI))
    assert found.alert_id == WATCH.honey(ANI, LOOK, at(hour=11)).alert_id
    assert found.alert_id != WATCH.honey(ANI, b"j" * 16, at()).alert_id


def _of(who: Accessor) -> tuple[str, str]:
    return who.agency, who.actor


def test_an_intent_without_an_outcome_is_an_alert_once_its_time_is_up() -> None:
    minute = 60_000_000
    assert WATCH.unanswered(ANI, LOOK, at(), at() + minute) is None
    found = WATCH.unanswered(ANI, LOOK, at(), at() + minute + 1)
    assert found is not None
    assert (found.kind, found.detected_at, found.window_start) == ("INTENT_WITHOUT_OUTCOME", at() + minute, at())
    assert WATCH.unanswered(ANI, LOOK, at(), at() + 9 * minute) == found


@pytest.mark.parametrize(("difference", "unusual"), [(5_000_000, False), (5_000_001, True), (-5_000_001, True)])
def test_a_gateway_whose_clock_differs_is_an_alert(difference: int, unusual: bool) -> None:  # noqa: FBT001  idem
    found = WATCH.clock("gw-1", at() + difference, at())
    assert (found is not None) == unusual
    if found is not None:
        assert (found.kind, found.agency_id, found.actor_ref, found.observed) == ("CLOCK_DIFFERS", "", "gw-1", 5)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 30)), max_size=30))
def test_windows_survive_being_written_and_read_at_any_point(looks: list[tuple[int, int]]) -> None:
    timed = [(at() + step * HOUR // 2, persons) for step, persons in sorted(looks)]
    whole = shown(WATCH, *timed)
    windows, alerts = Windows(), list["UnusualUseDetected"]()
    for look in timed:
        windows, more = shown(WATCH, look, windows=Windows.parse(windows.plain()))
        alerts += more
    assert (windows, tuple(alerts)) == whole


@given(st.lists(st.integers(0, 30), min_size=1, max_size=200))
def test_windows_stay_small_and_alerts_differ(persons: list[int]) -> None:
    timed = [(at() + step * DAY, count) for step, count in enumerate(persons)]
    windows, alerts = shown(WATCH, *timed)
    assert len(windows.days) <= WATCH.thresholds.median_days + 1
    assert len({one.alert_id for one in alerts}) == len(alerts)


def test_thresholds_carry_their_version_into_each_alert() -> None:
    text = SHIPPED.read_text().replace('version = "2025-1"', 'version = "2026-3"')
    watch = Watch(Thresholds.parse(text))
    assert watch.honey(ANI, LOOK, at()).thresholds_version == "2026-3"


@pytest.mark.parametrize("broken", ["factor", "opens", "clock_seconds", "silent_seconds", "version"])
def test_thresholds_that_lack_one_are_refused(broken: str) -> None:
    text = "\n".join(line for line in SHIPPED.read_text().splitlines() if not line.startswith(broken))
    with pytest.raises((KeyError, TypeError)):
        Thresholds.parse(text)


def test_a_movable_holiday_must_be_a_date() -> None:
    with pytest.raises(ValueError, match="Invalid isoformat"):
        Thresholds.parse(SHIPPED.read_text().replace("holidays = []", 'holidays = ["lebaran"]'))
