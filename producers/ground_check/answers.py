"""What the answers of one sheet say and break, held against the questionnaire that the submission names: all at once.

The registry decides by the same definition and tells the first rule; here every rule is told, and what is due and
missing. Must not know files, drafts or who is visited.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from identity.rules import check_kk, check_name, check_nik
from producers.ground_check import names
from producers.ground_check.submission import Answers
from producers.messages import Fault
from producers.tables import dates
from schemas.questionnaire import Questionnaire, Rule, Variable

_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_DEGREES: Final = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{1,12})?")
_FIRST_BIRTH: Final = 1900  # V3
_LONGEST: Final = 500
_INDONESIA: Final = ((-11.5, 6.5), (94.5, 141.5))
_CHECKS: Final = {names.NIK: check_nik, names.CARD: check_kk}


@dataclass(slots=True)
class Sheet:
    """The values of one sheet by name, and its faults; `at` is the place of the sheet in the submission."""

    at: str
    values: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    def fault(self, rule: str, name: str, figures: Mapping[str, str | int] | None = None) -> None:
        """Note that the answer of this name breaks a rule."""
        self.faults.append(Fault(rule, f"{self.at}/{name}" if self.at else name, figures or {}))


def read(version: Questionnaire, asked: Sequence[Variable], answers: Answers, at: str, visited: date | None) -> Sheet:
    """Return the sheet with each answer read and each skip and rule over it held, as far as its answers can be read."""
    sheet = Sheet(at)
    for one in asked:
        text = answers.get(one.name)
        if text is not None:
            _take(sheet, one, text, visited)
    for one in asked:
        if one.name in answers and is_asked(one, sheet.values, visited) is False:
            _skip_broken(sheet, one, asked)
    for rule in version.rules:
        for name in _breaking(rule, sheet.values):
            sheet.fault(rule.code, name)
    return sheet


def missing(sheet: Sheet, asked: Sequence[Variable], answers: Answers, visited: date | None) -> None:
    """Note each answer that is due and isn't there."""
    for one in asked:
        if one.due and one.name not in answers and is_asked(one, sheet.values, visited):
            sheet.fault("ANSWER_MISSING", one.name)


def is_asked(one: Variable, values: Mapping[str, Any], visited: date | None) -> bool | None:
    """Tell whether the question is asked; None where that hangs on an answer that couldn't be read."""
    if one.asked is None:
        return True
    if one.asked.from_age:
        born = values.get(names.BORN)
        return None if born is None or visited is None else full_years(born, visited) >= one.asked.from_age
    gate = values.get(one.asked.of)
    return gate in one.asked.codes if gate is not None else False


def full_years(born: date, visited: date) -> int:
    """Return the age by year and month: a birthday counts from its month on, as the registry counts."""
    return ((visited.year - born.year) * 12 + visited.month - born.month) // 12


def _take(sheet: Sheet, one: Variable, text: str, visited: date | None) -> None:
    for fault in _broken(one, text, visited):
        if fault.severity == "reject":
            sheet.fault(fault.rule, one.name, fault.figures)
        else:
            sheet.warned.append(fault.rule)
    sheet.values[one.name] = _value(one, text)


def _value(one: Variable, text: str) -> Any:
    """Return what the text says; None where it says nothing of this kind."""
    match one.kind:
        case "code" | "whole":
            number = int(text) if _NUMBER.fullmatch(text) else None
            return number if number is not None and number in one.values else None
        case "date":
            day = dates.read(text, ())
            return day if isinstance(day, date) else None
        case "geopoint":
            return _point(text)
        case "digits" | "text":
            return text


def _broken(one: Variable, text: str, visited: date | None) -> Iterator[Fault]:
    match one.kind:
        case "code" | "whole":
            yield from _number_broken(one, text)
        case "date":
            yield from _day_broken(dates.read(text, ()), visited)
        case "geopoint":
            point = _point(text)
            if point is None:
                yield Fault("GEOTAG_FORMAT")
            elif not _in_indonesia(point):
                yield Fault("GEOTAG_ELSEWHERE")
        case "digits":
            yield from (Fault(found.code) for found in _CHECKS[one.name](text))
        case "text":
            if len(text) > _LONGEST or not text.isprintable():
                yield Fault("CHARACTERS")
            elif one.name in {names.NAME, "head_name"}:
                yield from (Fault(found.code) for found in check_name(text))


def _number_broken(one: Variable, text: str) -> Iterator[Fault]:
    if not _NUMBER.fullmatch(text):
        yield Fault("CODE_FORMAT" if one.codes else "NUMBER_WHOLE")
    elif int(text) not in one.values:
        if one.codes:
            yield Fault("CODE_UNKNOWN_WORD", "", {"codes": ", ".join(map(str, sorted(one.codes)))})
        else:
            yield Fault("NUMBER_RANGE", "", {"first": one.first, "last": one.last})


def _day_broken(day: date | str, visited: date | None) -> Iterator[Fault]:
    if isinstance(day, str):
        yield Fault(day, "", {"forms": dates.SHOWN["iso"]})
    elif day.year < _FIRST_BIRTH or (visited is not None and day > visited):
        yield Fault("V3")


def _point(text: str) -> str | None:
    """Return latitude and longitude of an ODK point, without height and accuracy."""
    parts = text.split()
    if not 2 <= len(parts) <= 4 or not all(_DEGREES.fullmatch(part) for part in parts[:2]):  # noqa: PLR2004  as ODK writes
        return None
    latitude, longitude = float(parts[0]), float(parts[1])
    return f"{parts[0]},{parts[1]}" if abs(latitude) <= 90 and abs(longitude) <= 180 else None  # noqa: PLR2004  the poles


def _in_indonesia(point: str) -> bool:
    return all(low <= float(part) <= high for part, (low, high) in zip(point.split(","), _INDONESIA, strict=True))


def _skip_broken(sheet: Sheet, one: Variable, asked: Sequence[Variable]) -> None:
    if one.asked is None:
        return
    if one.asked.from_age:
        sheet.fault(one.asked.rule, one.name, {"age": one.asked.from_age})
        return
    gate = next(other for other in asked if other.name == one.asked.of)
    if gate.name in sheet.values and sheet.values[gate.name] is None:
        return  # the gate's own fault is told
    codes = "/".join(map(str, sorted(one.asked.codes)))
    sheet.fault(one.asked.rule, one.name, {"field": gate.number, "codes": codes})


def _breaking(rule: Rule, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the answers of this sheet that break a rule over several of its answers."""
    gate = values.get(rule.of)
    if gate is None:
        return
    for name in rule.fields:
        value = values.get(name)
        match rule.kind:
            case "none_where" if value and gate in rule.codes:
                yield name
            case "present_if_and_only_if" if value is not None and (value > 0) != (gate in rule.codes):
                yield name
            case _:
                pass
