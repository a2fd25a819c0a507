"""Cut-off days, terms and days of beginning as calendar data; months as agencies write them (202503).

Source: domain guide 2 (Kepmensos 150/HUK/2022, monthly: PBI by day 11, others from day 15) and 12 (O7: calendar data
with effective date). Pure arithmetic on given times: no clock.
"""

import tomllib
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache, lru_cache
from importlib import resources
from typing import Any, NamedTuple

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


def end_of_day(day: int) -> int:
    """Return the last microsecond (WIB) of a day (days since 1970)."""
    return (day + 1) * _A_DAY - _AHEAD - 1


def months_between(earlier: int, later: int) -> int:
    """Return how many months lie between the months of two times."""
    (year, month), (to_year, to_month) = divmod(month_of(earlier), 100), divmod(month_of(later), 100)
    return (to_year - year) * _MONTHS + to_month - month


def index_of(period: int) -> int:
    """Return the number of a month, counted through the years: the next month's is one more."""
    year, month = divmod(period, 100)
    return year * _MONTHS + month - 1


@lru_cache(maxsize=4096)
def first_of(index: int) -> int:
    """Return the first microsecond (WIB) of the month with this number (`index_of`)."""
    year, month = divmod(index, _MONTHS)
    return (datetime(year, month + 1, 1, tzinfo=WIB) - _EPOCH) // _MICROSECOND


@cache
def _rows(table: str) -> list[dict[str, Any]]:
    text = resources.files("stream_processors.registry").joinpath("rules/calendar.toml").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = tomllib.loads(text)[table]
    return rows


def _in_force(rows: list[dict[str, Any]], period: int) -> dict[str, Any]:
    return max((row for row in rows if row["from"] <= period), key=lambda row: row["from"])


@lru_cache(maxsize=4096)
def _days(name: str, period: int) -> int:
    return int(_in_force([row for row in _rows("days") if row["name"] == name], period)["days"])


def after_days(name: str, micros: int) -> int:
    """Return the last microsecond (WIB) of the day so many days later, by the number of days in force at the time."""
    return next_midnight(micros) + _days(name, month_of(micros)) * _A_DAY - 1


def after_months(name: str, micros: int) -> int:
    """Return the last microsecond (WIB) of the day so many months later; in a shorter month of its last day."""
    return _after_months(name, (micros + _AHEAD) // _A_DAY)


@lru_cache(maxsize=4096)
def _after_months(name: str, day: int) -> int:
    local = date.fromordinal(_EPOCH.toordinal() + day)
    period = local.year * 100 + local.month
    index = index_of(period) + int(_in_force([row for row in _rows("months") if row["name"] == name], period)["months"])
    days = (first_of(index + 1) - first_of(index)) // _A_DAY
    return first_of(index) + min(local.day, days) * _A_DAY - 1


@cache
def scheduled_from(kind: str) -> int:
    """Return the first microsecond (WIB) from which dates of this kind are scheduled; no date is before EARLIEST."""
    days = [row["from"] for row in _rows("scheduled") if row["kind"] == kind]
    return end_of_day(days[0].toordinal() - _EPOCH.toordinal() - 1) + 1 if days else EARLIEST


class Reactivation(NamedTuple):
    """What the guards of a PBI-JKN reactivation ask: the first month of deactivation, and how old data may be."""

    deactivated_from: int
    fresh_months: int


def reactivation(micros: int) -> Reactivation:
    """Return the terms of reactivation in force at a time."""
    row = _in_force(_rows("reactivation"), month_of(micros))
    return Reactivation(row["deactivated_from"], row["fresh_months"])


def _day(kind: str, period: int) -> int:
    fitting = [row for row in _rows("cut_off") if row["kind"] in {kind, "*"} and int(str(row["from"])) <= period]
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
