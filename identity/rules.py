"""Edit rules for the numbers and the name that identify a person or a family.

Pure: text in, findings out. It must not know where a record came from, whether anything is sealed, or which region the
family lives in: the region digits of a NIK tell where it was first issued and are never held against an address.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal

Sex = Literal["male", "female"]
Severity = Literal["reject", "warn", "flag"]
Field = Literal["nik", "kk", "name"]

# Kemendagri province codes of every edition: the 38 of Kepmendagri 300.2.2-2430/2025 (domain guide, section 6) and
# 54, Timor Timur, until 1999. A NIK is for life and keeps the code it was issued under, so codes only ever join.
HISTORICAL_PROVINCES: frozenset[str] = frozenset(
    str(code)
    for codes in (
        range(11, 20),  # Sumatra and Bangka Belitung
        range(21, 22),  # Kepulauan Riau
        range(31, 37),  # Java
        range(51, 55),  # Bali, Nusa Tenggara, Timor Timur
        range(61, 66),  # Kalimantan
        range(71, 77),  # Sulawesi
        range(81, 83),  # Maluku
        range(91, 97),  # Papua, with the four provinces of 2022
    )
    for code in codes
)

_NUMBER = re.compile(r"[0-9]{16}", re.ASCII)
_PLAIN_NAME = re.compile(r"[^\W\d_]+(?: [^\W\d_]+)*")
_FEMALE_DAY_OFFSET = 40
_DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_NO_SERIAL = "0000"


@dataclass(frozen=True, slots=True)
class IdentityFinding:
    """What one rule found in one field. The message never repeats the value."""

    code: str
    severity: Severity
    field: Field
    message: str


@dataclass(frozen=True, slots=True)
class NikBirth:
    """The birth date and sex that a NIK states."""

    born: date
    sex: Sex


def check_nik(nik: str, provinces: frozenset[str] = HISTORICAL_PROVINCES) -> tuple[IdentityFinding, ...]:
    """Return the findings on a NIK `PP KK CC DD MM YY SSSS`; empty when its structure is sound.

    All findings reject (domain guide, sections 5.3 and 6). V1 stands alone, for nothing else can be read then.
    """
    if not _NUMBER.fullmatch(nik):
        return (IdentityFinding("V1", "reject", "nik", "a NIK has 16 characters, digits only"),)
    rules = (
        ("NIK_PROVINCE", nik[:2] in provinces, "no edition of the region codes has this province"),
        *_date_rules("NIK", nik[6:12], _birth_day),
        ("NIK_SERIAL", nik[12:] != _NO_SERIAL, "the serial runs from 0001"),
    )
    return tuple(IdentityFinding(code, "reject", "nik", message) for code, holds, message in rules if not holds)


def check_nik_birth(nik: str, born: date, sex: Sex) -> tuple[IdentityFinding, ...]:
    """Return `NIK_DOB_MISMATCH`, a warning, when a sound NIK states another birth date or sex than the record.

    Only a warning: a NIK stays when a birth date is corrected (domain guide, section 6). The century isn't compared,
    since a NIK has two digits for the year.
    """
    stated = (_birth_day(nik[6:8]), int(nik[8:10]), int(nik[10:12]), _sex(nik))
    if stated == (born.day, born.month, born.year % 100, sex):
        return ()
    message = "the record's birth date or sex differs from what the NIK states"
    return (IdentityFinding("NIK_DOB_MISMATCH", "warn", "nik", message),)


def birth_in_nik(nik: str, as_of: date) -> NikBirth | None:
    """Return the birth that a sound NIK states, in the last hundred years up to `as_of`.

    None when that window has no such date: 29 February of a year ending in 00 that was no leap year.
    """
    day, month, year = _birth_day(nik[6:8]), int(nik[8:10]), int(nik[10:12])
    century = as_of.year - as_of.year % 100
    if (century + year, month, day) > (as_of.year, as_of.month, as_of.day):
        century -= 100
    try:
        return NikBirth(date(century + year, month, day), _sex(nik))
    except ValueError:
        return None


def check_kk(kk: str, provinces: frozenset[str] = HISTORICAL_PROVINCES) -> tuple[IdentityFinding, ...]:
    """Return the findings on a KK number: 6 digits of region, the day of recording DDMMYY, 4 of serial.

    Length, digits and province reject. Date and serial only warn: their layout is known from the press alone, and a
    family isn't turned away on that.
    """
    if not _NUMBER.fullmatch(kk):
        return (IdentityFinding("V1", "reject", "kk", "a KK number has 16 characters, digits only"),)
    rules: tuple[tuple[str, Severity, bool, str], ...] = (
        ("KK_PROVINCE", "reject", kk[:2] in provinces, "no edition of the region codes has this province"),
        *((code, "warn", holds, message) for code, holds, message in _date_rules("KK", kk[6:12], int)),
        ("KK_SERIAL", "warn", kk[12:] != _NO_SERIAL, "the serial runs from 0001"),
    )
    return tuple(IdentityFinding(code, severity, "kk", text) for code, severity, holds, text in rules if not holds)


def check_name(name: str) -> tuple[IdentityFinding, ...]:
    """Return the findings on a name: a blank one rejects, one of more than letters and single spaces warns (V2).

    V2 is a warning because real names hold full stops, apostrophes and hyphens (domain guide, section 5.3).
    """
    if not name.strip():
        return (IdentityFinding("NAME_BLANK", "reject", "name", "a name is required"),)
    if not _PLAIN_NAME.fullmatch(name):
        return (IdentityFinding("V2", "warn", "name", "the name holds more than letters and single spaces"),)
    return ()


def _date_rules(prefix: str, ddmmyy: str, day_of: Callable[[str], int]) -> tuple[tuple[str, bool, str], ...]:
    """Return the rules on a two-digit day, month and year, each with whether it holds."""
    day, month, year = day_of(ddmmyy[:2]), int(ddmmyy[2:4]), int(ddmmyy[4:])
    day_holds, month_holds = 1 <= day <= max(_DAYS_IN_MONTH), 1 <= month <= len(_DAYS_IN_MONTH)
    return (
        (f"{prefix}_DAY", day_holds, "the day is outside its range"),
        (f"{prefix}_MONTH", month_holds, "the month is not 01 to 12"),
        (f"{prefix}_DATE", not (day_holds and month_holds) or _exists(day, month, year), "no such day in that month"),
    )


def _exists(day: int, month: int, year: int) -> bool:
    """Tell whether the day exists in either century: 29 February 00 did in 2000."""
    leap_day_in_common_year = day == 29 and month == 2 and year % 4 != 0  # noqa: PLR2004 -- 29 February is its own name
    return day <= _DAYS_IN_MONTH[month - 1] and not leap_day_in_common_year


def _birth_day(digits: str) -> int:
    """Return the day of birth, without the 40 added for women; 41 to 71 become 1 to 31."""
    day = int(digits)
    return day - _FEMALE_DAY_OFFSET if day > _FEMALE_DAY_OFFSET else day


def _sex(nik: str) -> Sex:
    return "female" if int(nik[6:8]) > _FEMALE_DAY_OFFSET else "male"
