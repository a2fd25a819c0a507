"""Dates as Indonesian offices print them, each under a format that is set for its table.

`iso` 2025-03-14, which every table takes, since a workbook's dates are shown so; `dmy` 14-03-2025, 14/3/2025 or
14.03.2025, day first; `long` 14 Maret 2025 or 14-Mar-2025, with the weekday before it or not. No two of them fit the
same text; month-first is no format here, and a year of two digits is none: 12 may be 1912 or 2012.
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
        "long": re.compile(rf"(?:(?:{_DAYS})[, ]+)?(?P<d>[0-9]{{1,2}})(?P<s>[ -])(?P<m>[a-z]+)(?P=s)(?P<y>[0-9]{{4}})"),
    }
)
_SHORT: Final = re.compile(rf"(?:(?:{_DAYS})[, ]+)?[0-9]{{1,2}}([-/. ])(?:[0-9]{{1,2}}|[a-z]+)\1'?[0-9]{{2}}")
_PERIOD: Final = re.compile(r"20[0-9]{2}(?:-T[1-4]|-(?:0[1-9]|1[0-2]))?")
_MONTH: Final = re.compile(r"([a-z]+)[ -](20[0-9]{2})")
_QUARTER: Final = re.compile(r"(?:triwulan|tw\.?) ?(iv|i{1,3}|[1-4])(?: tahun)? (20[0-9]{2})")
_ROMAN: Final = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}


@lru_cache(maxsize=65_536)
def read(printed: str, formats: tuple[str, ...]) -> date | str:
    """Return the date, or the code of what is wrong: DATE_FORMAT, DATE_YEAR_SHORT, DATE_ABSENT (no such day)."""
    text = printed.strip().casefold()
    for name in ("iso", *formats):
        found = _FORMS[name].fullmatch(text)
        if found is not None:
            month = _NUMBER_OF.get(found["m"], 0) if name == "long" else int(found["m"])
            try:
                return date(int(found["y"]), month, int(found["d"]))
            except ValueError:
                return "DATE_ABSENT"
    return "DATE_YEAR_SHORT" if _SHORT.fullmatch(text) else "DATE_FORMAT"


def period(printed: str) -> str | None:
    """Return a year, a quarter or a month as 2025, 2025-T2 or 2025-07; None where it is none of them.

    `Juli 2025` and `Triwulan II 2025` are such a month and quarter. A programme's own stage (`Tahap 2`) is no quarter.
    """
    if _PERIOD.fullmatch(printed):
        return printed
    text = printed.strip().casefold()
    if (quarter := _QUARTER.fullmatch(text)) is not None:
        return f"{quarter[2]}-T{_ROMAN.get(quarter[1], quarter[1])}"
    if (month := _MONTH.fullmatch(text)) is not None and month[1] in _NUMBER_OF:
        return f"{month[2]}-{_NUMBER_OF[month[1]]:02}"
    return None


def microseconds(day: date) -> int:
    """Return the beginning of a day (UTC) in microseconds since 1970."""
    return (day.toordinal() - _EPOCH) * _DAY_US


def days(day: date) -> int:
    """Return a day as days since 1970, as the contract's dates are."""
    return day.toordinal() - _EPOCH


_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAY_US: Final = 86_400_000_000
