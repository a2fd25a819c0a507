"""Rule sets as data, and which version is in force at a recorded time.

A rule set is a TOML file of rows over a closed list of facts and operators; a version is in force from its
`RulesActivated` on, by the time the change was recorded, never by what a worker has on disk.
"""

import hashlib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal

from schemas import codec

Operator = Literal["at_least", "at_most", "equals"]
Fact = Literal["decile", "pkh_components", "matched_members", "state_employees", "active_family"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: a fact compared with a value; `code` is the reason when it doesn't hold."""

    code: str
    fact: Fact
    operator: Operator
    value: int

    def holds(self, given: int) -> bool:
        """Tell whether the rule holds for this value of its fact."""
        match self.operator:
            case "at_least":
                return given >= self.value
            case "at_most":
                return given <= self.value
            case "equals":
                return given == self.value


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one programme in one version, with the SHA-256 of the file that holds them."""

    name: str
    programme: str
    version: str
    source: str
    rules: tuple[Rule, ...]
    digest: bytes

    def __hash__(self) -> int:
        return hash(self.digest)  # which stands for all the rest


@dataclass(frozen=True, slots=True)
class Activation:
    """A version of a rule set is in force from `effective_at`, once the registry knows it (`recorded_at`)."""

    rule_set: str
    version: str
    effective_at: int
    recorded_at: int


class RulesDiffer(Exception):
    """A rule set was activated that this build holds with other content: nobody may judge by it."""


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Every activation known; a change is judged by those recorded and effective when it was recorded.

    Of those the one with the greatest (effective_at, recorded_at) is in force: an older instrument that the registry
    learns of late doesn't put a newer one out of force.
    """

    activations: tuple[Activation, ...] = ()
    _cache: dict[int, tuple[RuleSet, ...]] = field(default_factory=dict, repr=False, compare=False)

    def in_force(self, recorded_at: int) -> tuple[RuleSet, ...]:
        """Return the rule sets in force at a recorded time, in order of their names."""
        known = sum(max(one.recorded_at, one.effective_at) <= recorded_at for one in self.activations)
        if known not in self._cache:
            self._cache[known] = self._resolve(recorded_at)
        return self._cache[known]

    def _resolve(self, recorded_at: int) -> tuple[RuleSet, ...]:
        latest: dict[str, Activation] = {}
        for one in sorted(self.activations, key=lambda one: (one.effective_at, one.recorded_at)):
            if max(one.recorded_at, one.effective_at) <= recorded_at:
                latest[one.rule_set] = one
        return tuple(rule_set(one.rule_set, one.version) for _, one in sorted(latest.items()))

    def with_activations(self, more: Iterable[Activation]) -> "RuleBook":
        """Return a book that knows these activations too."""
        return RuleBook((*self.activations, *more))


def _folder() -> Any:
    return resources.files("stream_processors.registry").joinpath("rules")


@cache
def shipped() -> tuple[RuleSet, ...]:
    """Every rule set this build knows, in order of names and versions."""
    files = [item for item in _folder().iterdir() if item.name.endswith(".toml") and item.name != "calendar.toml"]
    return tuple(sorted((parse(item.read_text(encoding="utf-8")) for item in files), key=lambda s: (s.name, s.version)))


def rule_set(name: str, version: str) -> RuleSet:
    """Return a rule set of this build; raises LookupError for one it doesn't know: such a worker must not decide."""
    for one in shipped():
        if (one.name, one.version) == (name, version):
            return one
    raise LookupError(f"rule set {name} {version} was activated, and this build doesn't have it")


def activation_of(framed: bytes, appended_at: int) -> Activation:
    """Return the activation a record of the rules topic announces (times in microseconds).

    Raises RulesDiffer, or LookupError for a rule set this build doesn't have.
    """
    record = codec.decode(framed)
    if rule_set(record.rule_set, record.version).digest != record.digest:
        raise RulesDiffer(f"rule set {record.rule_set} {record.version} differs from the one that was activated")
    return Activation(record.rule_set, record.version, record.header.occurred_at, appended_at)


def parse(text: str) -> RuleSet:
    """Return the rule set a TOML text describes; raises ValueError for an unknown fact or operator."""
    data = tomllib.loads(text)
    rules = tuple(Rule(row["code"], row["fact"], row["operator"], row["value"]) for row in data["rule"])
    for rule in rules:
        if rule.fact not in Fact.__args__ or rule.operator not in Operator.__args__:  # type: ignore[attr-defined]
            raise ValueError(f"rule {rule.code} uses a fact or operator outside the closed list")
    digest = hashlib.sha256(text.encode()).digest()
    return RuleSet(data["rule_set"], data["programme"], data["version"], data["source"], rules, digest)
