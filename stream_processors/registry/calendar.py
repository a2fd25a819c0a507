"""The monthly cut-off of machine A as calendar data, and months as the numbers agencies write (202503).

Source: domain guide 2 (Kepmensos 150/HUK/2022, monthly: PBI by day 11, others from day 15) and 12 (O7: calendar data
with effective date). Pure arithmetic on given times: no clock.
"""

import tomllib
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache, lru_cache
from importlib import resources

WIB = timezone(timedelta(hours=7), "WIB")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = 12
_MICROSECOND = timedelta(microseconds=1)
_A_DAY, _AHEAD = timedelta(days=1) // _MICROSECOND, timedelta(hours=7) // _MICROSECOND
EARLIEST = (datetime(1900, 1, 1, tzinfo=WIB) - _EPOCH) // _MICROSECOND  # V3: nobody here was born before 1900


def moment(micros: int) -> datetime:
    """Return a time in microseconds as a date and time in western Indonesia (WIB)."""
    return (_EPOCH + timedelta(microseconds=micros)).astimezone(WIB)


def month_of(micros: int) -> int:
    """Return the month of a time, as 202503."""
    return _month_of_day((micros + _AHEAD) // _A_DAY)


@lru_cache(maxsize=4096)
def _month_of_day(day: int) -> int:
    local = date.fromordinal(_EPOCH.toordinal() + day)
    return local.year * 100 + local.month


def next_midnight(micros: int) -> int:
    """Return the first microsecond (WIB) of the day after the one that a time lies in."""
    return ((micros + _AHEAD) // _A_DAY + 1) * _A_DAY - _AHEAD


def full_years(birth_year: int, birth_month: int, at: int) -> int:
    """Return the age in full years at a time, by year and month of birth; a birthday counts from its month on."""
    year, month = divmod(month_of(at), 100)
    return year - birth_year - (month < birth_month)


def is_month(period: int) -> bool:
    """Tell whether a number is a month as agencies write it."""
    year, month = divmod(period, 100)
    return 2000 <= year <= 2200 and 1 <= month <= _MONTHS  # noqa: PLR2004  a plausible calendar year


def next_month(period: int) -> int:
    """Return the month after."""
    year, month = divmod(period, 100)
    return (year + 1) * 100 + 1 if month == _MONTHS else period + 1


@cache
def _rows() -> list[dict[str, object]]:
    text = resources.files("stream_processors.registry").joinpath("rules/calendar.toml").read_text(encoding="utf-8")
    rows: list[dict[str, object]] = tomllib.loads(text)["cut_off"]
    return rows


def _day(kind: str, period: int) -> int:
    fitting = [row for row in _rows() if row["kind"] in {kind, "*"} and int(str(row["from"])) <= period]
    chosen = max(fitting, key=lambda row: (row["kind"] == kind, int(str(row["from"]))))
    return int(str(chosen["day"]))


@lru_cache(maxsize=4096)
def cut_off(kind: str, period: int) -> int:
    """Return the last microsecond (WIB) in which a proposal of this kind may still be sent for the month."""
    year, month = divmod(period, 100)
    after = datetime(year, month, _day(kind, period), tzinfo=WIB) + timedelta(days=1)
    return (after - _EPOCH) // _MICROSECOND - 1


def period_for(kind: str, micros: int) -> int:
    """Return the first month whose cut-off hasn't passed at this time."""
    period = month_of(micros)
    return period if micros <= cut_off(kind, period) else next_month(period)
