"""Which version of each rule set is in force at a recorded time, and the rule sets that come with this build.

A version is in force from its `RulesActivated` on, by the time the change was recorded. The activation carries the
rule file itself: a worker judges by what was activated, never by what it has on disk. The files that come with the
build are texts that an operator may activate, and nothing more.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from schemas import codec
from stream_processors.registry import rule_file
from stream_processors.registry.rule_file import RuleFileUnsound
from stream_processors.registry.ruleset import RuleSet

STANDARD = (("pkh", "2025.1"), ("sembako", "2025.1"))
"""What `jejak publish rules` activates: the two programmes of which every ranked family is a candidate."""

_RULE_FILE = re.compile(r"[a-z-]+-[0-9]{4}\.[0-9]+\.toml")


@dataclass(frozen=True, slots=True)
class Activation:
    """A version of a rule set is in force from `effective_at`, once the registry knows it (`recorded_at`)."""

    rules: RuleSet
    effective_at: int
    recorded_at: int

    @property
    def rule_set(self) -> str:
        """The rule set's name."""
        return self.rules.name

    @property
    def version(self) -> str:
        """Its version."""
        return self.rules.version


class RulesDiffer(Exception):
    """An activation's file isn't what its digest, name or an earlier activation says: nobody may judge by it."""


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Every activation known; a change is judged by those recorded and effective when it was recorded.

    Of those the one with the greatest (effective_at, recorded_at) is in force: an older instrument that the registry
    learns of late doesn't put a newer one out of force.
    """

    activations: tuple[Activation, ...] = ()
    _times: list[int] = field(default_factory=list, repr=False, compare=False)
    _cache: dict[int, tuple[RuleSet, ...]] = field(default_factory=dict, repr=False, compare=False)

    def in_force(self, recorded_at: int) -> tuple[RuleSet, ...]:
        """Return the rule sets in force at a recorded time, in order of their names."""
        times = self._times
        if len(times) != len(self.activations):
            times[:] = sorted(max(one.recorded_at, one.effective_at) for one in self.activations)
        known = bisect_right(times, recorded_at)
        if known not in self._cache:
            self._cache[known] = self._resolve(recorded_at)
        return self._cache[known]

    def _resolve(self, recorded_at: int) -> tuple[RuleSet, ...]:
        latest: dict[str, Activation] = {}
        for one in sorted(self.activations, key=lambda one: (one.effective_at, one.recorded_at)):
            if max(one.recorded_at, one.effective_at) <= recorded_at:
                latest[one.rule_set] = one
        return tuple(one.rules for _, one in sorted(latest.items()))

    def with_activations(self, more: Iterable[Activation]) -> "RuleBook":
        """Return a book that knows these activations too; raises RulesDiffer for another file under a known version."""
        book = RuleBook((*self.activations, *more))
        digests: dict[tuple[str, str], bytes] = {}
        for one in book.activations:
            if digests.setdefault((one.rule_set, one.version), one.rules.digest) != one.rules.digest:
                raise RulesDiffer(f"rule set {one.rule_set} {one.version} was activated with two different files")
        return book

    def find(self, name: str, version: str) -> RuleSet | None:
        """Return a rule set that was activated, whether in force or not; None for one that never was."""
        return next((one.rules for one in self.activations if (one.rule_set, one.version) == (name, version)), None)


@cache
def shipped() -> tuple[RuleSet, ...]:
    """Every rule set that comes with this build, in order of names and versions."""
    folder = resources.files("stream_processors.registry").joinpath("rules")
    files = [item for item in folder.iterdir() if _RULE_FILE.fullmatch(item.name)]
    return tuple(sorted((rule_file.read(item.read_bytes()) for item in files), key=lambda one: (one.name, one.version)))


def standard() -> tuple[RuleSet, ...]:
    """Return the shipped rule sets that are activated where nothing else is said: PKH and Sembako."""
    return tuple(rule_set(name, version) for name, version in STANDARD)


def rule_set(name: str, version: str) -> RuleSet:
    """Return a rule set that comes with this build; raises LookupError for another one."""
    for one in shipped():
        if (one.name, one.version) == (name, version):
            return one
    raise LookupError(f"rule set {name} {version} doesn't come with this build")


def activation_of(framed: bytes, appended_at: int) -> Activation:
    """Return the activation a record of the rules topic announces (times in microseconds).

    Raises RulesDiffer where the file isn't the one that the record names, or is none that this build can read: a
    worker that can't judge by what was activated must not judge.
    """
    record = codec.decode(framed)
    name = f"rule set {record.rule_set} {record.version}"
    try:
        rules = rule_file.read(record.file)
    except RuleFileUnsound as unsound:
        raise RulesDiffer(f"{name} was activated, and this build can't read it: {unsound}") from unsound
    if rules.digest != record.digest or (rules.name, rules.version) != (record.rule_set, record.version):
        raise RulesDiffer(f"{name} differs from the one that was activated")
    return Activation(rules, record.header.occurred_at, appended_at)
