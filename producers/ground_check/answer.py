"""One answer's text against its question: the value that it says, or what is wrong with it.

Must not know other answers, skips, nor rules over several.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from identity.rules import check_kk, check_name, check_nik
from producers.ground_check import names
from producers.messages import Fault
from producers.tables import dates
from schemas.questionnaire import Variable

_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_MONTH: Final = re.compile(r"([0-9]{4})-([0-9]{2})(?:-[0-9]{2}.*)?")
_DEGREES: Final = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{1,12})?")
_FIRST_BIRTH: Final = 1900  # V3
_LONGEST: Final = 500
_INDONESIA: Final = ((-11.5, 6.5), (94.5, 141.5))
_CHECKS: Final = {names.NIK: check_nik, names.CARD: check_kk}


def value(one: Variable, text: str) -> Any:
    """Return what the text says; None where it says nothing of this kind."""
    match one.kind:
        case "code" | "whole" | "flags" | "month":
            number = _number(one, text)
            return number if number is not None and number in one.values else None
        case "date":
            day = dates.read(text, ())
            return day if isinstance(day, date) else None
        case "geopoint":
            return _point(text)
        case "digits" | "text":
            return text


def _number(one: Variable, text: str) -> int | None:
    """Return the number that the text says: of several codes their sum, of a month that as 202502."""
    if one.kind == "flags":
        codes = text.split()
        right = all(map(_NUMBER.fullmatch, codes)) and len({*codes}) == len(codes)
        return sum(map(int, codes)) if right else None
    if one.kind == "month":
        month = _MONTH.fullmatch(text)
        return int(month[1] + month[2]) if month is not None else None
    return int(text) if _NUMBER.fullmatch(text) else None


def faults(one: Variable, text: str, visited: date | None) -> Iterator[Fault]:
    """Yield what is wrong with the text as an answer to this question, by itself."""
    match one.kind:
        case "code" | "whole" | "flags" | "month":
            yield from _number_broken(one, text)
        case "date":
            yield from _day_broken(dates.read(text, ()), visited)
        case "geopoint":
            yield from _point_broken(_point(text))
        case "digits":
            yield from (Fault(found.code) for found in _CHECKS[one.name](text))
        case "text":
            yield from _text_broken(one, text)


def _number_broken(one: Variable, text: str) -> Iterator[Fault]:
    if one.kind == "flags":
        yield from _flags_broken(one, text)
    elif one.kind == "month":
        if _number(one, text) not in one.values:
            yield Fault("MONTH_FORMAT")
    elif not _NUMBER.fullmatch(text):
        yield Fault("CODE_FORMAT" if one.codes else "NUMBER_WHOLE")
    elif int(text) not in one.values:
        if one.codes:
            yield Fault("CODE_UNKNOWN_WORD", "", {"codes": ", ".join(map(str, sorted(one.codes)))})
        else:
            yield Fault("NUMBER_RANGE", "", {"first": one.first, "last": one.last})


def _flags_broken(one: Variable, text: str) -> Iterator[Fault]:
    """Yield what is wrong with a choice of several codes, with spaces between."""
    codes = text.split()
    if _number(one, text) is None:
        yield Fault("CODE_FORMAT")
    elif any(int(code) not in one.codes for code in codes):
        yield Fault("CODE_UNKNOWN_WORD", "", {"codes": ", ".join(map(str, one.codes))})
    elif (len(codes) > 1 and one.alone.intersection(map(int, codes))) or _number(one, text) not in one.values:
        yield Fault("CODES_TOGETHER")


def _day_broken(day: date | str, visited: date | None) -> Iterator[Fault]:
    if isinstance(day, str):
        yield Fault(day, "", {"forms": dates.SHOWN["iso"]})
    elif day.year < _FIRST_BIRTH or (visited is not None and day > visited):
        yield Fault("V3")


def _text_broken(one: Variable, text: str) -> Iterator[Fault]:
    if len(text) > _LONGEST or not text.isprintable():
        yield Fault("CHARACTERS")
    elif one.name in {names.NAME, "head_name"}:
        yield from (Fault(found.code) for found in check_name(text))


def _point_broken(point: str | None) -> Iterator[Fault]:
    if point is None:
        yield Fault("GEOTAG_FORMAT")
    elif not _in_indonesia(point):
        yield Fault("GEOTAG_ELSEWHERE")


def _point(text: str) -> str | None:
    """Return latitude and longitude of an ODK point, without height and accuracy."""
    parts = text.split()
    if not 2 <= len(parts) <= 4 or not all(_DEGREES.fullmatch(part) for part in parts[:2]):  # noqa: PLR2004  as ODK writes
        return None
    latitude, longitude = float(parts[0]), float(parts[1])
    return f"{parts[0]},{parts[1]}" if abs(latitude) <= 90 and abs(longitude) <= 180 else None  # noqa: PLR2004  the poles


def _in_indonesia(point: str) -> bool:
    return all(low <= float(part) <= high for part, (low, high) in zip(point.split(","), _INDONESIA, strict=True))
