"""What a questionnaire says, read from its TOML text. Must not know forms, answers or where its text is kept."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

Kind = Literal["code", "whole", "date", "text", "digits", "geopoint"]
Sensitivity = Literal["identitas", "spesifik", "umum"]
RuleKind = Literal["none_where", "present_if_and_only_if", "at_most_one", "born_by_the_visit"]
NUMBERS: Final = frozenset({"code", "whole"})
_NO_CODES: Final[Mapping[int, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Asked:
    """When a question is asked: where answer `of` is among `codes`, or from an age in full years; `rule` names it."""

    rule: str
    of: str = ""
    codes: frozenset[int] = frozenset()
    from_age: int = 0


@dataclass(frozen=True, slots=True)
class Variable:
    """One question. `id` is that of one of the 39 variables, `number` its place in the instrument.

    `fills` are the fields of the record that its answer is kept in; `codes` is empty where `first` and `last` bound a
    whole number, or where there is no number. `due`: answered wherever it is asked.
    """

    id: str
    number: str
    name: str
    label: str
    kind: Kind
    sensitivity: Sensitivity
    due: bool
    fills: tuple[str, ...]
    asked: Asked | None = None
    list_name: str = ""
    codes: Mapping[int, str] = field(default_factory=lambda: _NO_CODES)
    first: int = 0
    last: int = 0

    @property
    def values(self) -> frozenset[int] | range:
        """The numbers that answer it; none where the answer is no number."""
        if self.kind not in NUMBERS:
            return range(0)
        return frozenset(self.codes) if self.codes else range(self.first, self.last + 1)

    @property
    def limits(self) -> str:
        """Its numbers in words: `1 to 9`, or `1, 2 or 8` where the list has holes."""
        if not self.codes:
            return f"{self.first} to {self.last}"
        *some, most = sorted(self.codes)
        if most - some[0] == len(some):
            return f"{some[0]} to {most}"
        return f"{', '.join(map(str, some))} or {most}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule over several answers of one kind; `sentence` says it in Indonesian (`id`) and English (`en`)."""

    code: str
    kind: RuleKind
    fields: tuple[str, ...]
    of: str
    codes: frozenset[int]
    sentence: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """One version: its questions about the family and about each person, in order, and its rules."""

    version: str
    title: str
    source: str
    in_force_from: date
    family: tuple[Variable, ...]
    individual: tuple[Variable, ...]
    rules: tuple[Rule, ...]
    results: Mapping[int, str]
    """Field 205: how the visit ended."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The variables of the 39 that it asks for, each once."""
        return tuple(dict.fromkeys(one.id for one in (*self.individual, *self.family)))


def parsed(name: str, texts: Mapping[str, str]) -> Questionnaire:
    """Return the questionnaire of the text with this name; one that builds on another takes what that one says.

    Raises ValueError for a text that is no questionnaire, naming the place.
    """
    said = tomllib.loads(texts[name])
    under = tomllib.loads(texts[said["based_on"]]) if "based_on" in said else {}
    without = frozenset(said.get("without", ()))
    lists = {**under.get("codes", {}), **said.get("codes", {})}
    groups = {
        group: tuple(
            _variable(one, lists)
            for one in _merged(under.get(group, ()), said.get(group, ()))
            if one["name"] not in without
        )
        for group in ("family", "individual")
    }
    made = Questionnaire(
        version=said["version"],
        title=said["title"],
        source=said["source"],
        in_force_from=said["in_force_from"],
        rules=tuple(_rule(one) for one in (*under.get("rule", ()), *said.get("rule", ()))),
        results=_codes(lists["hasil"]),
        **groups,
    )
    _sound(made)
    return made


def _merged(under: Any, own: Any) -> list[dict[str, Any]]:
    """Return the variables of the earlier text, each replaced by one's own of that name, and those that are new."""
    mine, earlier = {one["name"]: one for one in own}, {one["name"] for one in under}
    return [mine.get(one["name"], one) for one in under] + [one for one in own if one["name"] not in earlier]


def _variable(said: Mapping[str, Any], lists: Mapping[str, Any]) -> Variable:
    kind, sensitivity = said["kind"], said["sensitivity"]
    if kind not in get_args(Kind) or sensitivity not in get_args(Sensitivity):
        raise ValueError(f"{said['name']}: no kind {kind}, or no sensitivity {sensitivity}")
    list_name = said.get("codes", "")
    return Variable(
        id=said["id"],
        number=said["field"],
        name=said["name"],
        label=said["label"],
        kind=kind,
        sensitivity=sensitivity,
        due=said.get("due", False),
        fills=tuple(said.get("fills", (said["name"],))),
        asked=_asked(said["asked"]) if "asked" in said else None,
        list_name=list_name,
        codes=_codes(lists[list_name]) if list_name else _NO_CODES,
        first=said.get("first", 0),
        last=said.get("last", 0),
    )


def _asked(said: Mapping[str, Any]) -> Asked:
    return Asked(said["rule"], said.get("of", ""), frozenset(said.get("in", ())), said.get("from_age", 0))


def _rule(said: Mapping[str, Any]) -> Rule:
    if said["kind"] not in get_args(RuleKind):
        raise ValueError(f"{said['code']}: no kind of rule {said['kind']}")
    sentence = MappingProxyType({"id": said["id"], "en": said["en"]})
    codes = frozenset(said.get("in", ()))
    return Rule(said["code"], said["kind"], tuple(said["fields"]), said.get("of", ""), codes, sentence)


def _codes(said: Mapping[str, str]) -> Mapping[int, str]:
    return MappingProxyType({int(code): label for code, label in said.items()})


def _sound(made: Questionnaire) -> None:
    """Raise ValueError where a name stands twice, or a skip or rule speaks of an answer that is not asked."""
    for group in (made.family, made.individual):
        names = [one.name for one in group]
        if len(set(names)) < len(names):
            raise ValueError(f"{made.version}: a name stands twice")
        for at, one in enumerate(group):
            if one.asked is not None and one.asked.of and one.asked.of not in names[:at]:
                raise ValueError(f"{made.version}: {one.name} is asked on {one.asked.of}, which does not come before")
    known = {name for one in (*made.family, *made.individual) for name in (one.name, *one.fills)}
    for rule in made.rules:
        if not known.issuperset({*rule.fields, *filter(None, [rule.of])}):
            raise ValueError(f"{made.version}: {rule.code} speaks of an answer that is not asked for")
