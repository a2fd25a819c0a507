"""What a questionnaire says, read from its TOML text. Must not know forms, answers or where its text is kept."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from schemas.questionnaire.asked import OLDEST, Asked, Way

Kind = Literal["code", "flags", "whole", "month", "date", "text", "digits", "geopoint"]
Sensitivity = Literal["identitas", "spesifik", "umum"]
RuleKind = Literal[
    "none_where",
    "present_if_and_only_if",
    "at_most_one",
    "no_more_than_counted",
    "born_by_the_visit",
    "within_last_months",
]
NUMBERS: Final = frozenset({"code", "flags", "whole", "month"})
BESIDE: Final = "beside"
_MONTHS: Final = frozenset(year * 100 + month for year in range(2000, 2101) for month in range(1, 13))
_NO_CODES: Final[Mapping[int, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Variable:
    """One question. `id` is that of one of the 39 variables, empty for one beside them; `number` its place there.

    `fills` are the fields of the record that its answer is kept in; `codes` is empty where `first` and `last` bound a
    whole number, or where there is no number. Answers of `flags` are several codes, kept as their sum. `due`: answered
    wherever it is asked.
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
        match self.kind:
            case "code":
                return frozenset(self.codes)
            case "flags":
                return self.alone | _sums(self.flags, self.last or sum(self.flags))
            case "whole":
                return range(self.first, self.last + 1)
            case "month":
                return _MONTHS
            case "date" | "text" | "digits" | "geopoint":
                return range(0)

    @property
    def flags(self) -> tuple[int, ...]:
        """The codes that may be chosen together: powers of two, so that their sum says which."""
        return tuple(code for code in self.codes if code > 0 and not code & (code - 1)) if self.kind == "flags" else ()

    @property
    def alone(self) -> frozenset[int]:
        """The codes of flags that are chosen alone: none of them, and not known."""
        return frozenset(self.codes).difference(self.flags) if self.kind == "flags" else frozenset()

    @property
    def limits(self) -> str:
        """Its numbers in words: `1 to 9`, or `1, 2 or 8` where the list has holes."""
        if self.kind == "month":
            return "a month as 202502"
        if self.kind == "flags":
            return f"{listed(self.alone)}, or a sum of {listed(self.flags)}"
        if not self.codes:
            return f"{self.first} to {self.last}"
        some = sorted(self.codes)
        return f"{some[0]} to {some[-1]}" if some[-1] - some[0] == len(some) - 1 else listed(some)


def listed(codes: Iterable[int]) -> str:
    """Return codes in words: `1, 2 or 8`."""
    *some, most = sorted(codes)
    return f"{', '.join(map(str, some))} or {most}" if some else f"{most}"


def _sums(flags: tuple[int, ...], most: int) -> frozenset[int]:
    found = {0}
    for flag in flags:
        found |= {one + flag for one in found}
    return frozenset(one for one in found if 0 < one <= most)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule over several answers of one kind; `sentence` says it in Indonesian (`id`) and English (`en`).

    `months` is how far a month may lie before the visit.
    """

    code: str
    kind: RuleKind
    fields: tuple[str, ...]
    of: str
    codes: frozenset[int]
    sentence: Mapping[str, str]
    months: int = 0


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
    gone: frozenset[int] = frozenset()
    """Field 404: codes of who no longer lives there, of whom nothing more is asked."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The variables of the 39 that it asks for, each once."""
        return tuple(dict.fromkeys(one.id for one in (*self.individual, *self.family) if one.id))

    @property
    def beside(self) -> tuple[Variable, ...]:
        """The questions beside the 39: they are kept, and ranking doesn't use them."""
        return tuple(one for one in (*self.family, *self.individual) if not one.id)


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
        gone=frozenset(said.get("gone", under.get("gone", ()))),
        **groups,
    )
    _sound(made)
    return made


def _merged(under: Any, own: Any) -> list[dict[str, Any]]:
    """Return the variables of the earlier text, each replaced by one's own of that name; new ones `after` another."""
    mine, earlier = {one["name"]: one for one in own}, {one["name"] for one in under}
    merged = [mine.get(one["name"], one) for one in under]
    for one in own:
        if one["name"] not in earlier:
            names = [other["name"] for other in merged]
            merged.insert(names.index(one["after"]) + 1 if "after" in one else len(names), one)
    return merged


def _variable(said: Mapping[str, Any], lists: Mapping[str, Any]) -> Variable:
    kind, sensitivity = said["kind"], said["sensitivity"]
    if kind not in get_args(Kind) or sensitivity not in get_args(Sensitivity):
        raise ValueError(f"{said['name']}: no kind {kind}, or no sensitivity {sensitivity}")
    list_name = said.get("codes", "")
    return Variable(
        id="" if said.get("group") == BESIDE else said["id"],
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
    ways = tuple(_way(one) for one in said.get("any", (said,)))
    return Asked(said["rule"], ways, said.get("required", False), said.get("only", True))


def _way(said: Mapping[str, Any]) -> Way:
    gates = said.get("where", {said["of"]: said["in"]} if "of" in said else {})
    where = tuple((name, frozenset(codes)) for name, codes in gates.items())
    return Way(where, said.get("from_age", 0), said.get("to_age", OLDEST))


def _rule(said: Mapping[str, Any]) -> Rule:
    if said["kind"] not in get_args(RuleKind):
        raise ValueError(f"{said['code']}: no kind of rule {said['kind']}")
    sentence = MappingProxyType({"id": said["id"], "en": said["en"]})
    codes = frozenset(said.get("in", ()))
    return Rule(
        said["code"], said["kind"], tuple(said["fields"]), said.get("of", ""), codes, sentence, said.get("months", 0)
    )


def _codes(said: Mapping[str, str]) -> Mapping[int, str]:
    return MappingProxyType({int(code): label for code, label in said.items()})


def _sound(made: Questionnaire) -> None:
    """Raise ValueError where a name stands twice, or a skip or rule speaks of an answer that is not asked."""
    for group in (made.family, made.individual):
        names = [one.name for one in group]
        if len(set(names)) < len(names):
            raise ValueError(f"{made.version}: a name stands twice")
        for at, one in enumerate(group):
            late = [gate for gate in (one.asked.gates if one.asked is not None else ()) if gate not in names[:at]]
            if late:
                raise ValueError(f"{made.version}: {one.name} is asked on {late[0]}, which does not come before")
    known = {name for one in (*made.family, *made.individual) for name in (one.name, *one.fills)}
    for rule in made.rules:
        if not known.issuperset({*rule.fields, *filter(None, [rule.of])}):
            raise ValueError(f"{made.version}: {rule.code} speaks of an answer that is not asked for")
