"""Some poison is set aside; too much of it stops the worker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processors.engine.dead_letters import DeadLetterWatch
from stream_processors.engine.faults import TooManyDeadLetters
from stream_processors.engine.settings import DeadLetterLimits

LIMITS = DeadLetterLimits(window=20, minimum=10, ratio=0.3, consecutive=5)


def stops_at(limits: DeadLetterLimits, records: list[bool]) -> int | None:
    watch = DeadLetterWatch(limits)
    for number, is_good in enumerate(records):
        if is_good:
            watch.passed(1)
            continue
        try:
            watch.died()
        except TooManyDeadLetters:
            return number
    return None


def test_a_row_of_dead_letters_stops_the_worker_at_the_limit() -> None:
    assert stops_at(LIMITS, [True] * 50 + [False] * 5) == 54
    assert stops_at(LIMITS, [True] * 50 + [False] * 4 + [True] * 50) is None


def test_one_dead_letter_at_the_start_stops_nothing() -> None:
    assert stops_at(LIMITS, [False] + [True] * 5) is None


def test_a_tenth_of_the_last_thousand_is_borne_and_not_one_more() -> None:
    tenth = ([True] * 9 + [False]) * 300
    assert stops_at(DeadLetterLimits(), tenth) is None
    assert stops_at(DeadLetterLimits(), [*tenth, False]) == 3_000


@given(st.lists(st.booleans(), max_size=200))
def test_the_watch_agrees_with_counting_anew(records: list[bool]) -> None:
    def crossed(so_far: list[bool]) -> bool:
        window = so_far[-LIMITS.window :]
        among = max(LIMITS.minimum, len(window))
        return window.count(False) > LIMITS.ratio * among or not any(so_far[-LIMITS.consecutive :])

    expected = next(
        (
            number
            for number, is_good in enumerate(records)
            if not is_good and crossed([True] * 5 + records[: number + 1])
        ),
        None,
    )
    watch_records = [True] * 5 + records
    found = stops_at(LIMITS, watch_records)
    assert (found - 5 if found is not None else None) == expected


def test_many_good_records_at_once_count_as_many() -> None:
    watch = DeadLetterWatch(LIMITS)
    for _ in range(3):
        watch.passed(1_000)
        for _ in range(4):
            watch.died()
    with pytest.raises(TooManyDeadLetters):
        watch.died()
