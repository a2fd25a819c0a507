"""What answers break in a questionnaire: code lists, ranges, skips and rules, resolved once to look-ups by place.

Source: the questionnaires of `schemas/questionnaire` (domain guide 5.1-5.3). Knows answers and a person's age; must not
know states, nor what a visit changes.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

from schemas.questionnaire import Asked, Questionnaire, Rule, Variable, all_versions, listed
from schemas.questionnaire.asked import OLDEST, Way
from schemas.records import FamilyVariables, IndividualVariables, Member
from stream_processors.registry.decision import Refused

Check = Callable[[Sequence[Any]], Refused | None]

_BIRTH: Final = {"birth_year": range(1900, 2201), "birth_month": range(1, 13)}  # V3; what is later is told by the visit
_ON_RECORD: Final = frozenset({"sex", "marital_status"})  # what a claim told, where the visit doesn't
_NUMBERS_OF_BIRTH: Final = {"birth_year": "1900 to 2200", "birth_month": "1 to 12"}


class _Skip(NamedTuple):
    """Places of answers that are asked only where the answer at `gate` is one of `codes`."""

    gate: int
    codes: frozenset[int]
    asked: tuple[int, ...]


class _Of(NamedTuple):
    """Places of answers that hang on a person's age, or on several answers, in one of several ways."""

    ways: tuple[tuple[int, int, tuple[tuple[int, str, frozenset[int]], ...]], ...]
    asked: tuple[int, ...]
    required: bool
    only: bool


class Sheet:
    """The questions of one kind, about the family or about a person, of one version."""

    __slots__ = ("_allowed", "_limits", "_names", "_of_person", "_read", "_rules", "_skips", "_wrong_skip")

    def __init__(self, record: type, asked: Sequence[Variable], rules: Sequence[Rule]) -> None:
        names = [name for one in asked for name in one.fills if name != "person_ref"]
        absent = [name for name in record.__dataclass_fields__ if name not in {*names, "person_ref"}]  # type: ignore[attr-defined]  # a record of the contract
        numbers = {one.name: one.values for one in asked if one.values} | {
            name: values for name, values in _BIRTH.items() if name in names
        }
        texts = [name for name in names if name not in numbers]
        self._names = (*numbers, *texts, *absent)
        self._read = attrgetter(*self._names)
        # A version that leaves a question out takes no answer to it.
        nothing = frozenset[int]()
        self._allowed = tuple((place, _quick(values)) for place, values in enumerate(numbers.values())) + tuple(
            (self._names.index(name), nothing) for name in absent
        )
        self._limits = {one.name: one.limits for one in asked if one.values} | _NUMBERS_OF_BIRTH
        self._skips, self._of_person = _skips(self._names, asked), _of_person(self._names, asked)
        self._wrong_skip = {one.name: _refusal_of(one, asked) for one in asked if one.asked is not None}
        self._rules = tuple(check for rule in rules for check in _checks(rule, self._names))

    def refusal(self, answers: Any) -> Refused | None:
        """Return the first rule that the answers break, its pointer within them; None where they break none."""
        values = self._read(answers)
        for place, allowed in self._allowed:
            value = values[place]
            if value is not None and value not in allowed:
                return self._outside(place)
        for gate, codes, asked in self._skips:
            if values[gate] not in codes:
                for place in asked:
                    if values[place] is not None:
                        return self._wrong_skip[self._names[place]]
        for check in self._rules:
            refused = check(values)
            if refused is not None:
                return refused
        return None

    def refusal_of(self, answers: Any, age: int, member: Member, *, due: bool) -> Refused | None:
        """Return the first rule that a person's answers break who is of this age, in full years.

        What the member's record knows counts where the visit doesn't tell it. What a rule requires is wanted where
        it is `due`.
        """
        values = self._read(answers)
        for one in self._of_person:
            wrong = one.required and due if _holds(one, values, age, member) else one.only
            if wrong:
                for place in one.asked:
                    if (values[place] is None) == _holds(one, values, age, member):
                        return self._wrong_skip[self._names[place]]
        return None

    def _outside(self, place: int) -> Refused:
        name = self._names[place]
        if name not in self._limits:
            return Refused("NOT_IN_QUESTIONNAIRE", f"/{name}", f"this version doesn't ask for {name}")
        return Refused("CODE_UNKNOWN", f"/{name}", f"{name} is {self._limits[name]}")


class Sheets(NamedTuple):
    """The two sheets of a version, its rules that need more than one sheet, and the codes of who is gone (404)."""

    family: Sheet
    individual: Sheet
    one_head: Rule | None
    counted: Rule | None
    born: Rule | None
    recent: Rule | None
    gone: frozenset[int]


def _quick(values: frozenset[int] | range) -> frozenset[int] | range:
    return frozenset(values) if len(values) <= 1_000 else values  # noqa: PLR2004  a set is quicker while it is small


def _skips(names: Sequence[str], asked: Sequence[Variable]) -> tuple[_Skip, ...]:
    found: dict[tuple[str, frozenset[int]], list[int]] = {}
    for one in asked:
        if one.asked is not None and _is_skip(one.asked):
            found.setdefault(one.asked.ways[0].where[0], []).append(names.index(one.name))
    return tuple(_Skip(names.index(gate), codes, tuple(places)) for (gate, codes), places in found.items())


def _is_skip(asked: Asked) -> bool:
    """Tell whether it hangs on one answer alone, which the sheet itself has."""
    plain = asked.only and not asked.required and not asked.of_age
    return plain and len(asked.ways) == 1 and len(asked.ways[0].where) == 1


def _of_person(names: Sequence[str], asked: Sequence[Variable]) -> tuple[_Of, ...]:
    found: dict[Asked, list[int]] = {}
    for one in asked:
        if one.asked is not None and not _is_skip(one.asked):
            found.setdefault(one.asked, []).append(names.index(one.name))
    return tuple(
        _Of(tuple(_way(names, way) for way in how.ways), tuple(places), how.required, how.only)
        for how, places in found.items()
    )


def _way(names: Sequence[str], way: Way) -> tuple[int, int, tuple[tuple[int, str, frozenset[int]], ...]]:
    gates = tuple((names.index(name), name if name in _ON_RECORD else "", codes) for name, codes in way.where)
    return way.from_age or -OLDEST, way.to_age, gates


def _holds(one: _Of, values: Sequence[Any], age: int, member: Member) -> bool:
    for from_age, to_age, gates in one.ways:
        if from_age <= age <= to_age:
            for place, known, codes in gates:
                value = values[place]
                if (getattr(member, known) if value is None and known else value) not in codes:
                    break
            else:
                return True
    return False


def _refusal_of(one: Variable, asked: Sequence[Variable]) -> Refused:
    if one.asked is None:
        raise TypeError(one.name)
    numbers = {other.name: other.number for other in asked}
    ways = " or ".join(_told(way, numbers) for way in one.asked.ways)
    how = ("due " if one.asked.required else "asked ") + ("only " if one.asked.gates and one.asked.only else "")
    return Refused(one.asked.rule, f"/{one.name}", f"{how}{ways}")


def _told(way: Way, numbers: Mapping[str, str]) -> str:
    told = [f"where {numbers[name]} is {listed(codes)}" for name, codes in way.where]
    if way.of_age and way.to_age == OLDEST:
        told.append(f"from the age of {way.from_age} years on")
    elif way.of_age:
        told.append(f"at the age of {way.from_age} to {way.to_age} years")
    return " and ".join(told)


def _checks(rule: Rule, names: Sequence[str]) -> tuple[Check, ...]:
    """Return the checks of a rule over the answers of one sheet; none for one over several persons, or over times."""
    if rule.kind not in {"none_where", "present_if_and_only_if"} or rule.of not in names:
        return ()
    gate, make = names.index(rule.of), _none_where if rule.kind == "none_where" else _present_where
    return tuple(
        make(gate, rule.codes, names.index(name), Refused(rule.code, f"/{name}", rule.sentence["en"]))
        for name in rule.fields
    )


def _none_where(gate: int, codes: frozenset[int], place: int, refused: Refused) -> Check:
    return lambda values: refused if values[gate] in codes and values[place] else None


def _present_where(gate: int, codes: frozenset[int], place: int, refused: Refused) -> Check:
    def check(values: Sequence[Any]) -> Refused | None:
        answered = values[gate] is not None and values[place] is not None
        return refused if answered and (values[place] > 0) != (values[gate] in codes) else None

    return check


def _sheets(version: Questionnaire) -> Sheets:
    return Sheets(
        Sheet(FamilyVariables, version.family, version.rules),
        Sheet(IndividualVariables, version.individual, version.rules),
        next((rule for rule in version.rules if rule.kind == "at_most_one"), None),
        next((rule for rule in version.rules if rule.kind == "no_more_than_counted"), None),
        next((rule for rule in version.rules if rule.kind == "born_by_the_visit"), None),
        next((rule for rule in version.rules if rule.kind == "within_last_months"), None),
        version.gone,
    )


SHEETS: Final = {version: _sheets(one) for version, one in all_versions().items()}
"""The sheets of each version, resolved once."""
