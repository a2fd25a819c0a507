"""Times as people write them: a moment has a zone, a day has an end in WIB, and nothing else is guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.replay import moments
from consumers.replay.moments import MalformedTime, Moments

DAY = 86_400_000_000


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp()) * 1_000_000


def test_a_time_with_its_zone_is_that_moment() -> None:
    assert moments.parse("2025-06-30T14:00:00+07:00") == micros("2025-06-30T07:00:00+00:00")
    assert moments.parse("2025-06-30T07:00:00Z") == micros("2025-06-30T07:00:00+00:00")
    assert moments.parse("2025-06-30T07:00:00.000001Z") == micros("2025-06-30T07:00:00+00:00") + 1


def test_a_date_is_the_last_microsecond_of_that_day_in_wib() -> None:
    assert moments.parse("2025-06-30") == micros("2025-07-01T00:00:00+07:00") - 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2025-06-30T14:00:00",
        "2025-06-31",
        "20250630",
        "2025-W27-1",
        "30-06-2025",
        "1751266800",
        "9999-12-31",
        "0001-01-01T00:00:00+99:00",
        "\N{ARABIC-INDIC DIGIT TWO}025-06-30",
    ],
)
def test_what_names_no_moment_by_itself_is_malformed(text: str) -> None:
    with pytest.raises(MalformedTime):
        moments.parse(text)


@given(st.integers(-2_000_000_000_000_000, 4_000_000_000_000_000))
def test_a_moment_is_shown_as_it_is_read(moment: int) -> None:
    assert moments.parse(str(moments.shown(moment))) == moment


@given(st.integers(0, 4_000_000_000_000_000))
def test_the_last_whole_day_is_over_and_the_next_one_is_not(moment: int) -> None:
    end = moments.end_of_day(moments.last_whole_day(moment))
    assert end <= moment < end + DAY


def test_the_end_of_a_day_belongs_to_it() -> None:
    assert moments.last_whole_day(moments.parse("2025-06-30")) == date(2025, 6, 30)
    assert moments.last_whole_day(moments.parse("2025-06-30") - 1) == date(2025, 6, 29)


def test_a_question_without_a_time_is_about_now() -> None:
    assert Moments().is_now
    assert not Moments(as_of=0).is_now
    assert not Moments(known_at=0).is_now
    assert moments.shown(None) is None
