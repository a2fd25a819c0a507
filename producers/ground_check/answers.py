"""What the answers of one sheet say and break, held against the questionnaire that the submission names: all at once.

The registry decides by the same definition and tells the first rule; here every rule is told, and what is due and
missing. Must not know files, drafts or who is visited.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from producers.ground_check import answer, names
from producers.ground_check.submission import Answers
from producers.messages import Fault
from schemas.questionnaire import Asked, Questionnaire, Rule, Variable
from schemas.questionnaire.asked import NO_ANSWER, OLDEST


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
        for name in _breaking(rule, sheet.values, visited):
            sheet.fault(rule.code, name)
    return sheet


def missing(sheet: Sheet, asked: Sequence[Variable], answers: Answers, visited: date | None) -> None:
    """Note each answer that is due and isn't there; one that a rule requires, by that rule."""
    for one in asked:
        if one.due and one.name not in answers and is_asked(one, sheet.values, visited):
            required = one.asked is not None and one.asked.required
            sheet.fault(one.asked.rule if one.asked is not None and required else "ANSWER_MISSING", one.name)


def is_asked(one: Variable, values: Mapping[str, Any], visited: date | None) -> bool | None:
    """Tell whether the question is asked; None where that hangs on an answer that couldn't be read."""
    if one.asked is None:
        return True
    born = values.get(names.BORN)
    age = None if born is None or visited is None else full_years(born, visited)
    return one.asked.holds(lambda name: _told(values, name), age)


def _told(values: Mapping[str, Any], name: str) -> int | None:
    """Return the code of an answer; None where it can't be read, or where the register may know it all the same."""
    if name in values:
        code: int | None = values[name]
        return code
    return None if name in names.REGISTERED else NO_ANSWER


def full_years(born: date, visited: date) -> int:
    """Return the age by year and month: a birthday counts from its month on, as the registry counts."""
    return ((visited.year - born.year) * 12 + visited.month - born.month) // 12


def _take(sheet: Sheet, one: Variable, text: str, visited: date | None) -> None:
    for fault in answer.faults(one, text, visited):
        if fault.severity == "reject":
            sheet.fault(fault.rule, one.name, fault.figures)
        else:
            sheet.warned.append(fault.rule)
    sheet.values[one.name] = answer.value(one, text)


def _skip_broken(sheet: Sheet, one: Variable, asked: Sequence[Variable]) -> None:
    if one.asked is not None and one.asked.only:
        sheet.fault(one.asked.rule, one.name, _figures(one.asked, {other.name: other.number for other in asked}))


def _figures(asked: Asked, numbers: Mapping[str, str]) -> dict[str, str | int]:
    """Return what the rule's sentence names: the first gate and its codes, and the ages."""
    way = asked.ways[0]
    found: dict[str, str | int] = {}
    for name, codes in way.where[:1]:
        found = {"field": numbers[name], "codes": "/".join(map(str, sorted(codes)))}
    if way.of_age:
        ages = f"{way.from_age}+" if way.to_age == OLDEST else f"{way.from_age}-{way.to_age}"
        found |= {"age": way.from_age, "below": way.to_age + 1, "ages": ages}
    return found


def _breaking(rule: Rule, values: Mapping[str, Any], visited: date | None) -> Iterator[str]:
    """Yield the answers of this sheet that break a rule over several of its answers, or over the visit's day."""
    if rule.kind == "within_last_months":
        yield from (name for name in rule.fields if not _recent(values.get(name), visited, rule.months))
        return
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


def _recent(month: int | None, visited: date | None, months: int) -> bool:
    if month is None or visited is None:
        return True
    year, of_year = divmod(month, 100)
    return 0 <= (visited.year - year) * 12 + visited.month - of_year <= months
