"""The two times a question may name: true in the world by then, and known to the registry by then.

Reads and shows times as people write them; must not know what is asked about.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from stream_processors.registry import calendar

MALFORMED: Final = "a time is ISO 8601 with its zone, as 2025-06-30T14:00:00+07:00, or a date: its end in WIB"
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_A_DAY: Final = timedelta(days=1)


class MalformedTime(ValueError):
    """A text that names no moment, or one that depends on where it is read."""

    def __init__(self) -> None:
        super().__init__(MALFORMED)


@dataclass(frozen=True, slots=True)
class Moments:
    """What a question is about (µs since 1970, UTC): facts true by `as_of`, as known by `known_at`; None is no limit.

    Known: the fold of the events with recorded_at <= known_at. True: of those, the facts that are true by as_of
    (`consumers.replay.two_times` says when a fact is).
    """

    as_of: int | None = None
    known_at: int | None = None

    @property
    def is_now(self) -> bool:
        """Whether the question names no time: the live state answers it."""
        return self.as_of is None and self.known_at is None


NOW: Final = Moments()


def parse(text: str) -> int:
    """Return the moment a text names (µs since 1970, UTC); raises MalformedTime.

    A date is the last microsecond of that day in WIB (Asia/Jakarta); anything finer needs a zone of its own.
    """
    try:
        if _DATE.fullmatch(text):
            return end_of_day(date.fromisoformat(text))
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise MalformedTime
        return (moment - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError) as fault:
        raise MalformedTime from fault


def end_of_day(day: date) -> int:
    """Return the last microsecond of a day in WIB."""
    after = datetime(day.year, day.month, day.day, tzinfo=calendar.WIB) + _A_DAY
    return (after - _EPOCH) // _MICROSECOND - 1


def last_whole_day(moment: int) -> date:
    """Return the last day in WIB that is over at a moment; its last microsecond counts as over."""
    return (calendar.moment(moment + 1) - _A_DAY).date()


def shown(moment: int | None) -> str | None:
    """Return a moment as ISO 8601 in WIB, to the microsecond where it has any."""
    return None if moment is None else calendar.moment(moment).isoformat()
