"""Dates as Indonesian offices print them, each under a format that is set for its table.

`iso` 2025-03-14, which every table takes, since a workbook's dates are shown so; `dmy` 14-03-2025, 14/3/2025 or
14.03.2025, day first; `long` 14 Maret 2025, with the weekday before it or not. No two of them fit the same text;
month-first is no format here.
"""

import re
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Final

SHOWN: Final = MappingProxyType({"iso": "2025-03-14", "dmy": "14-03-2025", "long": "14 Maret 2025"})
_MONTHS: Final = (
    ("januari", "jan"),
    ("februari", "pebruari", "feb"),
    ("maret", "mar"),
    ("april", "apr"),
    ("mei",),
    ("juni", "jun"),
    ("juli", "jul"),
    ("agustus", "agu", "agt"),
    ("september", "sep", "sept"),
    ("oktober", "okt"),
    ("november", "nopember", "nov", "nop"),
    ("desember", "des"),
)
_NUMBER_OF: Final = {name: number for number, names in enumerate(_MONTHS, 1) for name in names}
_DAYS: Final = "senin|selasa|rabu|kamis|jum'?at|sabtu|minggu"
_FORMS: Final = MappingProxyType(
    {
        "iso": re.compile(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"),
        "dmy": re.compile(r"(?P<d>[0-9]{1,2})(?P<s>[-/.])(?P<m>[0-9]{1,2})(?P=s)(?P<y>[0-9]{4})"),
        "long": re.compile(rf"(?:(?:{_DAYS})[, ]+)?(?P<d>[0-9]{{1,2}}) (?P<m>[a-z]+) (?P<y>[0-9]{{4}})"),
    }
)


@lru_cache(maxsize=65_536)
def read(printed: str, formats: tuple[str, ...]) -> date | str:
    """Return the date, or the code of what is wrong: DATE_FORMAT, DATE_ABSENT (the calendar has no such day)."""
    text = printed.strip().casefold()
    for name in ("iso", *formats):
        found = _FORMS[name].fullmatch(text)
        if found is not None:
            month = _NUMBER_OF.get(found["m"], 0) if name == "long" else int(found["m"])
            try:
                return date(int(found["y"]), month, int(found["d"]))
            except ValueError:
                return "DATE_ABSENT"
    return "DATE_FORMAT"


def microseconds(day: date) -> int:
    """Return the beginning of a day (UTC) in microseconds since 1970."""
    return (day.toordinal() - _EPOCH) * _DAY_US


def days(day: date) -> int:
    """Return a day as days since 1970, as the contract's dates are."""
    return day.toordinal() - _EPOCH


_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAY_US: Final = 86_400_000_000
