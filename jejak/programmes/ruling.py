"""Rule sets by name or file: found, compared over all families, and put in force.

A file is read and checked whole before anything is published. Knows the rules topic and the state that serves; what a
rule says is the registry's.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from consumers.replay import rules as known_rules
from jejak.composition import Registry
from jejak.programmes import states
from producers.publish import PublishFailed
from schemas import catalogue
from schemas.records import FamilyState
from stream_processors.folds.activation import activation
from stream_processors.registry import difference, rule_file, rulebook
from stream_processors.registry.difference import Difference, Moved
from stream_processors.registry.rulebook import RuleBook
from stream_processors.registry.ruleset import RuleSet
from transport import kafka

_VERSION: Final = re.compile(r"([a-z0-9-]+)@([0-9]{4}\.[0-9]+)")
_DELIVERY_SECONDS: Final = 30.0


class RulesRefused(Exception):
    """A rule set that there is not, or that must not be put in force: the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One version of a rule set: since when it was put in force (empty: never), and whether it is now."""

    rules: RuleSet
    effective: tuple[int, ...]
    in_force: bool


def named(text: str, book: RuleBook) -> RuleSet:
    """Return the rule set of a file, or of a name as pkh@2025.1: one that was activated, or comes with this build.

    Raises RuleFileUnsound for a file with errors, RulesRefused for a name that nobody knows.
    """
    found = _VERSION.fullmatch(text)
    if found is None:
        return rule_file.read(Path(text).read_bytes())
    activated = book.find(found[1], found[2])
    if activated is not None:
        return activated
    try:
        return rulebook.rule_set(found[1], found[2])
    except LookupError as fault:
        raise RulesRefused(f"{text} was never activated and doesn't come with this build: name a file") from fault


def comes_with_the_build(text: str) -> bool:
    """Tell whether a name as pkh@2025.1 is that of a version that comes with this build."""
    found = _VERSION.fullmatch(text)
    return found is not None and any((one.name, one.version) == (found[1], found[2]) for one in rulebook.shipped())


def book(registry: Registry) -> RuleBook:
    """Return every activation on the rules topic."""
    return known_rules.book(registry.endpoints.kafka)


def listed(known: RuleBook, now: int) -> Iterator[Listed]:
    """Yield every version that was activated or comes with this build, in order of names and versions."""
    found = {(one.name, one.version): one for one in rulebook.shipped()}
    found |= {(one.rule_set, one.version): one.rules for one in known.activations}
    in_force = {one.digest for one in known.in_force(now)}
    for _, rules in sorted(found.items()):
        since = [one.effective_at for one in known.activations if one.rules.digest == rules.digest]
        yield Listed(rules, tuple(sorted(since)), rules.digest in in_force)


def compared(registry: Registry, old: RuleSet, new: RuleSet, at: int) -> tuple[Difference, dict[str, Moved]]:
    """Return what the new version would change over all families at a time, and for which families."""
    difference.check(old, new)
    topic = states.topic_of(registry)

    def made(state: FamilyState) -> Moved | None:
        return difference.moved(state, old, new, at)

    found, _ = states.each(registry.endpoints.kafka, topic, made)
    return difference.total(found.values()), {key.decode(): one for key, one in found.items() if one is not None}


def activate(registry: Registry, rules: RuleSet, effective_at: int, actor: str) -> None:
    """Put a rule set in force from a time on; its file goes with it. Returns once the broker has it.

    Raises RulesRefused for what contradicts an activation, PublishFailed without an acknowledgement.
    """
    check_free(book(registry), rules)
    put(registry.endpoints.kafka, rules, effective_at, actor)


def check_free(known: RuleBook, rules: RuleSet) -> None:
    """Return if the rule set contradicts no activation; raises RulesRefused.

    A version is one file, and a programme has one rule set: of two, each would undo what the other decided.
    """
    same = known.find(rules.name, rules.version)
    if same is not None and same.digest != rules.digest:
        was = f"{rules.name} {rules.version} was activated with another file ({same.digest.hex()[:12]})"
        raise RulesRefused(f"{was}: a changed rule set is a new version")
    for one in known.activations:
        if (one.rule_set == rules.name) != (one.rules.programme == rules.programme):
            was = f"programme {one.rules.programme} has the rule set {one.rule_set} since {day(one.effective_at)}"
            raise RulesRefused(f"{was}: a programme has one rule set, and a rule set one programme, for ever")


def sentences(known: RuleBook) -> dict[str, dict[Any, str]]:
    """Return what activated files say of their own reason codes, in Indonesian (`id`) and English (`en`).

    Where several say something of a code, the one that was activated last.
    """
    rows = (rule for one in known.activations for rule in one.rules.rules)
    return {rule.code: {"id": rule.says[0], "en": rule.says[1]} for rule in rows if rule.says is not None}


def put(bootstrap: str, rules: RuleSet, effective_at: int, actor: str, topic: str = catalogue.RULES_TOPIC) -> None:
    """Publish the activation; raises PublishFailed when the broker did not acknowledge it."""
    faults: list[str] = []

    def delivered(error: object, _: Any) -> None:
        if error is not None:
            faults.append(str(error))

    producer = kafka.producer(bootstrap)
    value = activation(rules, effective_at, actor)
    producer.produce(topic, key=rules.name.encode(), value=value, on_delivery=delivered)
    if producer.flush(_DELIVERY_SECONDS) or faults:
        raise PublishFailed(f"the activation was not acknowledged ({', '.join(faults) or 'no answer'})")


def midnight(day: datetime) -> int:
    """Return the first microsecond of a day in western Indonesia (WIB)."""
    return rule_file.midnight(day.date())


def day(at: int) -> str:
    """Return the day of a time, in western Indonesia."""
    return datetime.fromtimestamp(at / 1_000_000 + 7 * 3_600, UTC).date().isoformat()
