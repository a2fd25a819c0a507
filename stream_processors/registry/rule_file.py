"""Reads a rule file: TOML that an official writes. What is wrong with it is told all at once, by line and field.

The list of fields below is the whole language. Knows rule sets; must not know which are in force. Longer than most
modules: an official's language is read at one place, and a fault names line and field, which every reader must know.
"""

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from schemas.bounds import MOST_MEMBERS
from stream_processors.registry.calendar import WIB
from stream_processors.registry.components import OLDEST, Component, Entitlement, Group, Span
from stream_processors.registry.ruleset import CONDITIONS, EXCLUSIONS, FACTS, MOST, Amount, Asked, Rule, RuleSet

LARGEST: Final = 256 << 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_CODE: Final = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_VERSION: Final = re.compile(r"[0-9]{4}\.[0-9]{1,3}")
_AGES: Final = re.compile(r"([0-9]{1,3})-([0-9]{0,3})")
_MONEY: Final = 10**12
_OPERATORS: Final = ("at_least", "at_most", "equals")
_PAYMENTS: Final = (1, 2, 3, 4, 6, 12)
_TABLE: Final = re.compile(r"\s*(\[\[?)\s*([\w.-]+)\s*\]\]?")
_KEY: Final = re.compile(r"\s*([\w-]+)\s*=")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the line (0 where the file as a whole is meant), the field and a sentence."""

    line: int
    field: str
    says: str


class RuleFileUnsound(ValueError):
    """A text is no rule file: every problem there is."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"line {one.line}, {one.field}: {one.says}" for one in problems))
        self.problems = problems


def read(file: bytes) -> RuleSet:
    """Return the rule set that a file describes; raises RuleFileUnsound with every problem."""
    if len(file) > LARGEST:
        raise RuleFileUnsound((Problem(0, "file", f"a rule file has at most {LARGEST >> 10} KiB"),))
    try:
        text = file.decode("utf-8-sig")  # some editors begin a file with a byte order mark
        data = tomllib.loads(text)
    except UnicodeDecodeError as fault:
        raise RuleFileUnsound((Problem(0, "file", "the file is not UTF-8 text"),)) from fault
    except tomllib.TOMLDecodeError as fault:
        raise RuleFileUnsound((_no_toml(text, str(fault)),)) from fault
    reading = _Reading(_lines(text))
    rules = _rule_set(reading, data, file)
    if reading.problems:
        raise RuleFileUnsound(tuple(sorted(reading.problems, key=lambda one: (one.line, one.field))))
    return rules


def _no_toml(text: str, fault: str) -> Problem:
    """Return where a text is no TOML: the line, and the field that begins there where one does."""
    lines = text.splitlines()
    found = re.search(r"at line (\d+)", fault)
    number = int(found[1]) if found else len(lines)
    key = _KEY.match(lines[number - 1]) if 0 < number <= len(lines) else None
    hint = "texts stand in quotation marks, numbers and days (2025-12-31) without, and each field once"
    return Problem(number, key[1] if key is not None else "file", f"this is no TOML, {fault}: {hint}")


def _lines(text: str) -> Mapping[str, int]:
    """Return where each field stands: `rule[2].value` is the key `value` of the second [[rule]].

    `rule[2].unless[1]` is the first { } that stands in its key `unless`.
    """
    found: dict[str, int] = {}
    seen = Counter[str]()
    table = key_of = ""
    for number, line in enumerate(text.splitlines(), 1):
        if (head := _TABLE.match(line)) is not None:
            name = head[2]
            seen[name] += 1
            table = f"{name}[{seen[name]}]" if head[1] == "[[" else name
            found.setdefault(table, number)
        elif (key := _KEY.match(line)) is not None:
            key_of = f"{table}.{key[1]}" if table else key[1]
            found.setdefault(key_of, number)
        for _ in range(line.count("{")):
            seen[key_of] += 1
            found.setdefault(f"{key_of}[{seen[key_of]}]", number)
    return found


@dataclass(slots=True)
class _Reading:
    """What is read of a file, and the problems found so far."""

    lines: Mapping[str, int]
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, place: str, says: str) -> None:
        table = place.rpartition(".")[0]
        self.problems.append(Problem(self.lines.get(place, self.lines.get(table, 0)), place, says))

    def table(self, data: Mapping[str, Any], place: str, known: Mapping[str, "_Field"]) -> dict[str, Any]:
        """Return the sound values of a table by field, the default of each that is absent; unknown fields are wrong."""
        before = f"{place}." if place else ""
        for name in data.keys() - known.keys():
            self.wrong(before + name, f"no such field; known are {', '.join(known)}")
        values = {}
        for name, one in known.items():
            value = data.get(name)
            if value is None:
                if one.required:
                    self.wrong(before + name, "this field is missing")
                values[name] = one.default
            elif (says := one.refused(value)) is not None:
                self.wrong(before + name, says)
                values[name] = one.default
            else:
                values[name] = value
        return values

    def tables(self, data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
        """Return the rows [[name]]."""
        found = data.get(name, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            self.wrong(name, f"rows are written [[{name}]]")
            return []
        return found


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of the language: what refuses a value of it, and what holds where it is absent."""

    refused: Callable[[Any], str | None]
    required: bool = False
    default: Any = ""


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value.strip() else "a text in quotation marks belongs here"


def _like(form: re.Pattern[str], says: str) -> Callable[[Any], str | None]:
    return lambda value: None if isinstance(value, str) and form.fullmatch(value) else says


def _number(low: int, high: int) -> Callable[[Any], str | None]:
    def refused(value: Any) -> str | None:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return None if whole and low <= value <= high else f"a whole number from {low} to {high} belongs here"

    return refused


def _one_of(allowed: tuple[Any, ...]) -> Callable[[Any], str | None]:
    says = f"one of {', '.join(map(str, allowed))} belongs here"
    return lambda value: None if not isinstance(value, bool | list | dict) and value in allowed else says


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "true or false belongs here"


def _day(value: Any) -> str | None:
    fits = isinstance(value, date) and not isinstance(value, datetime)
    return None if fits else "a day as 2025-12-31, without quotation marks, belongs here"


def _codes(value: Any) -> str | None:
    fits = isinstance(value, list) and value and all(isinstance(one, str) for one in value)
    return None if fits else "a list of codes belongs here"


def _or_else(value: Any) -> str | None:
    if isinstance(value, list):
        fits = value and all(isinstance(one, dict) for one in value)
        return None if fits else 'a list is written [{ fact = "holds_aid", of = "PKH" }, ...]'
    return _one_of(tuple(FACTS))(value)


_code = _like(_CODE, "a code is written in capital letters, as BELUM_ADA_DESIL")


def _ages(value: Any) -> str | None:
    found = _AGES.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return "ages are written 0-6, or 60- without an end"
    return "the second age lies below the first" if found[2] and int(found[2]) < int(found[1]) else None


_FILE: Final = {
    "rule_set": _Field(_like(_NAME, "a rule set's name is written small, as pkh or kip-kuliah"), required=True),
    "programme": _Field(_code, required=True),
    "version": _Field(_like(_VERSION, "a version is a year and a number, as 2025.1"), required=True),
    "title": _Field(_text),
    "source": _Field(_text, required=True),
    "valid_from": _Field(_day, default=None),
    "valid_until": _Field(_day, default=None),
    "grace_days": _Field(_number(0, 3_660), default=0),
    "parameters": _Field(lambda value: None if isinstance(value, dict) else "parameters is a table", default={}),
    "amount": _Field(lambda value: None if isinstance(value, dict) else "amount is a table", default={}),
    "caps": _Field(lambda value: None if isinstance(value, dict) else "caps is a table", default={}),
    "rule": _Field(lambda _: None, default=[]),
    "component": _Field(lambda _: None, default=[]),
    "group": _Field(lambda _: None, default=[]),
}
_AMOUNT: Final = {
    "rupiah": _Field(_number(0, _MONEY), default=0),
    "payments": _Field(_one_of(_PAYMENTS), default=1),
    "once": _Field(_flag, default=False),
}
_CAPS: Final = {
    "most": _Field(_number(1, MOST_MEMBERS), default=0),
    "unit": _Field(_one_of(("persons", "components")), default="persons"),
}
_RULE: Final = {
    "code": _Field(_code, required=True),
    "fact": _Field(_one_of(tuple(FACTS)), required=True),
    "of": _Field(_text),
    "operator": _Field(_one_of(_OPERATORS), required=True, default="equals"),
    "value": _Field(_number(0, MOST), required=True, default=0),
    "unless": _Field(_or_else),
    "unless_of": _Field(_text),
    "from": _Field(_day, default=None),
    "until": _Field(_day, default=None),
    "source": _Field(_text),
    "says_id": _Field(_text),
    "says_en": _Field(_text),
}
_UNLESS: Final = {
    "fact": _Field(_one_of(tuple(FACTS)), required=True),
    "of": _Field(_text),
}
_COMPONENT: Final = {
    "code": _Field(_code, required=True),
    "yearly": _Field(_number(0, _MONEY), required=True, default=0),
    "ages": _Field(_ages),
    "condition": _Field(_one_of(tuple(CONDITIONS))),
    "last_ordinal": _Field(_number(1, 20), default=0),
    "severe_disability": _Field(_flag, default=False),
    "unless_condition": _Field(_one_of(tuple(CONDITIONS))),
    "ages_alone": _Field(_ages),
    "kind": _Field(_text),
    "most": _Field(_number(1, MOST_MEMBERS), default=0),
    "source": _Field(_text),
}
_GROUP: Final = {
    "components": _Field(_codes, required=True, default=[]),
    "most": _Field(_number(1, MOST_MEMBERS), required=True, default=1),
    "source": _Field(_text),
}


def _rule_set(reading: _Reading, data: Mapping[str, Any], file: bytes) -> RuleSet:
    head = reading.table(data, "", _FILE)
    valid_from, valid_before = _period(reading, head, "", "valid_from", "valid_until")
    rules = tuple(_rule(reading, row, f"rule[{at}]") for at, row in enumerate(reading.tables(data, "rule"), 1))
    amount = Amount(**reading.table(head["amount"], "amount", _AMOUNT))
    entitlement = _entitlement(reading, data, head["caps"], amount)
    _whole(reading, head, rules, entitlement is not None)
    return RuleSet(
        name=head["rule_set"],
        programme=head["programme"],
        version=head["version"],
        source=head["source"],
        rules=rules,
        digest=hashlib.sha256(file).digest(),
        file=file,
        title=head["title"],
        amount=amount,
        entitlement=entitlement,
        valid_from=valid_from,
        valid_before=valid_before,
        grace_days=head["grace_days"],
        parameters=tuple((str(name), str(value)) for name, value in head["parameters"].items()),
    )


def _whole(reading: _Reading, head: Mapping[str, Any], rules: tuple[Rule, ...], components: bool) -> None:  # noqa: FBT001
    """Find what is wrong with the rows taken together."""
    if not rules:
        reading.wrong("rule", "a rule set has at least one row [[rule]]")
    seen: dict[str, int] = {}
    for at, rule in enumerate(rules, 1):
        if rule.code in seen:
            reading.wrong(f"rule[{at}].code", f"the code of row {seen[rule.code]} again: each rule has its own reason")
        seen.setdefault(rule.code, at)
        if rule.fact == "components" and not components:
            reading.wrong(f"rule[{at}].fact", "this rule set has no rows [[component]]")
    ends = head["valid_from"] is not None or head["valid_until"] is not None
    if ends and not any(rule.fact == "in_period" for rule in rules):
        reading.wrong("valid_from", "a period is said by a row with the fact in_period, so that it has a reason code")


def _rule(reading: _Reading, row: Mapping[str, Any], place: str) -> Rule:
    read = reading.table(row, place, _RULE)
    since, before = _period(reading, read, f"{place}.", "from", "until")
    _of(reading, place, "of", read["fact"], read["of"])
    unless = _unless(reading, row, read, place)
    code, fact, operator, value = read["code"], read["fact"], read["operator"], read["value"]
    if fact in FACTS and value > FACTS[fact].most:
        reading.wrong(f"{place}.value", f"{fact} is a whole number from 0 to {FACTS[fact].most}")
    says = _says(reading, read, place)
    return Rule(code, fact, operator, value, read["of"], unless, since, before, read["source"], says)


def _unless(reading: _Reading, row: Mapping[str, Any], read: Mapping[str, Any], place: str) -> tuple[Asked, ...]:
    """Return the facts by any of which a row holds all the same: one by name, or each of a list with its own `of`."""
    named, of = read["unless"], read["unless_of"]
    if isinstance(named, list):
        if of:
            reading.wrong(f"{place}.unless_of", "in a list each fact says its own of")
        return tuple(_listed(reading, one, f"{place}.unless[{at}]") for at, one in enumerate(named, 1))
    if of and "unless" not in row:
        reading.wrong(f"{place}.unless_of", "the field unless, whose fact this is of, is missing")
    if not named:
        return ()
    _of(reading, place, "unless_of", named, of)
    return (Asked(named, of),)


def _listed(reading: _Reading, row: Mapping[str, Any], place: str) -> Asked:
    read = reading.table(row, place, _UNLESS)
    _of(reading, place, "of", read["fact"], read["of"])
    return Asked(read["fact"], read["of"])


def _says(reading: _Reading, read: Mapping[str, Any], place: str) -> tuple[str, str] | None:
    """Return the row's own sentence in Indonesian and English; one without the other is wrong."""
    for name, other in (("says_id", "says_en"), ("says_en", "says_id")):
        if read[other] and not read[name]:
            reading.wrong(f"{place}.{name}", f"a sentence is told in both languages: {other} has it, this field not")
    return (read["says_id"], read["says_en"]) if read["says_id"] else None


def _of(reading: _Reading, place: str, name: str, fact: str, of: str) -> None:
    """Find what is wrong with what a fact is said to be of."""
    if fact not in FACTS:
        return
    match FACTS[fact].of:
        case "" if of:
            reading.wrong(f"{place}.{name}", f"{fact} is of nothing else")
        case "condition" if of not in CONDITIONS:
            reading.wrong(f"{place}.{name}", f"one of {', '.join(CONDITIONS)} belongs here")
        case "exclusion" if of not in EXCLUSIONS:
            reading.wrong(f"{place}.{name}", f"one of {', '.join(EXCLUSIONS)} belongs here")
        case "programme" if not _CODE.fullmatch(of):
            reading.wrong(f"{place}.{name}", "the code of a programme, as PKH, belongs here")
        case "ages" if (says := _ages(of)) is not None:
            reading.wrong(f"{place}.{name}", says)


def _period(
    reading: _Reading, values: Mapping[str, Any], before: str, first: str, last: str
) -> tuple[int | None, int | None]:
    """Return the first microsecond of a period and the first after it; None where it is open."""
    begins, ends = values[first], values[last]
    if begins is not None and ends is not None and ends < begins:
        reading.wrong(before + last, f"the last day lies before the first, {begins}")
    return (
        None if begins is None else midnight(begins),
        None if ends is None else midnight(ends + timedelta(days=1)),
    )


def midnight(day: date) -> int:
    """Return the first microsecond of a day in western Indonesia (WIB)."""
    return (datetime(day.year, day.month, day.day, tzinfo=WIB) - _EPOCH) // timedelta(microseconds=1)


def _entitlement(
    reading: _Reading, data: Mapping[str, Any], caps: Mapping[str, Any], amount: Amount
) -> Entitlement | None:
    read = reading.table(caps, "caps", _CAPS)
    rows = reading.tables(data, "component")
    components = tuple(_component(reading, row, f"component[{at}]", amount) for at, row in enumerate(rows, 1))
    codes = {one.code for one in components}
    if len(codes) < len(components):
        reading.wrong("component", "two components have the same code")
    groups = []
    for at, row in enumerate(reading.tables(data, "group"), 1):
        group = reading.table(row, f"group[{at}]", _GROUP)
        if not set(group["components"]) <= codes:
            reading.wrong(f"group[{at}].components", "a component that is not in this file")
        groups.append(Group(tuple(group["components"]), group["most"]))
    if components and amount.rupiah:
        reading.wrong("amount.rupiah", "the amount follows from the components: leave this out")
    return Entitlement(components, tuple(groups), read["most"], read["unit"]) if components else None


def _component(reading: _Reading, row: Mapping[str, Any], place: str, amount: Amount) -> Component:
    read = reading.table(row, place, _COMPONENT)
    if not {"ages", "condition", "severe_disability"} & row.keys():
        reading.wrong(place, "a component is told by ages, a condition or severe_disability")
    if read["yearly"] % amount.payments:
        reading.wrong(f"{place}.yearly", f"{amount.payments} equal payments don't add up to it")
    ages, alone = _span(read["ages"]), _span(read["ages_alone"])
    if alone is not None and not read["condition"]:
        reading.wrong(f"{place}.ages_alone", "ages_alone stand for a condition, and this component names none")
    if alone is not None and ages is not None and not ages[0] <= alone[0] <= alone[1] <= ages[1]:
        reading.wrong(f"{place}.ages_alone", f"these ages don't lie within ages, {read['ages']}")
    if read["unless_condition"] and read["unless_condition"] == read["condition"]:
        reading.wrong(f"{place}.unless_condition", "who has the condition would not have the component: nobody has it")
    return Component(**read | {"ages": ages, "ages_alone": alone})


def _span(ages: str) -> Span | None:
    found = _AGES.fullmatch(ages)
    return (int(found[1]), int(found[2] or OLDEST)) if found else None
