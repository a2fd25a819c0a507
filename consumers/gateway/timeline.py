"""A family's history as lines to read: which step, who says it, since when true, since when known, and why.

Shows codes, times and references alone; nothing sealed is opened. Must not know who reads it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from schemas import records

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What a step decided or found, in the order in which it reads best; other clear fields are details nobody asks first.
_RESULTS: Final = (
    "outcome",
    "status",
    "result",
    "decile",
    "unranked_reason",
    "kind",
    "programme",
    "version",
    "legal_basis",
)
_REASONS: Final = ("reason", "reasons", "findings")
_PERSONS: Final = "person_ref"


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule of a decision: what it looked at and whether it held."""

    rule: str
    input: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted event, readable; times are UTC, `true_since` in the world, `known_since` to the registry."""

    sequence: int
    step: str
    agency: str
    true_since: datetime
    known_since: datetime
    results: tuple[tuple[str, str], ...]
    reasons: tuple[str, ...]
    rules: tuple[RuleLine, ...]
    rules_version: str | None
    person_ref: str | None
    late: timedelta


def timeline(events: Iterable[Any], erased_later: Iterable[str] = ()) -> tuple[Entry, ...]:
    """Return an entry for each decoded event, in order of sequence; who was erased since is named by none of them.

    `erased_later` are references of persons whose erasure is not among the events.
    """
    found = sorted(events, key=lambda event: event.header.sequence)
    erased = {event.person_ref for event in found if isinstance(event, records.PersonErased)}.union(erased_later)
    return tuple(_entry(event, erased) for event in found)


def _entry(event: Any, erased: Collection[str]) -> Entry:
    header: records.Header = event.header
    true_since, known_since = _time(header.occurred_at), _time(header.recorded_at)
    person = getattr(event, _PERSONS, None)
    return Entry(
        sequence=header.sequence,
        step=type(event).__name__,
        agency=header.agency,
        true_since=true_since,
        known_since=known_since,
        results=tuple(_results(event)),
        reasons=tuple(_reasons(event)),
        rules=_rules(event),
        rules_version=getattr(event, "rules_version", None),
        person_ref=None if person in erased else person,
        late=known_since - true_since,
    )


def _results(event: Any) -> Iterable[tuple[str, str]]:
    for name in _RESULTS:
        value = getattr(event, name, None)
        if value is not None:
            yield name, str(value)
    region = getattr(event, "region", None)
    if region is not None:
        yield "region", f"{region.system} {region.code}"
    held_on = getattr(event, "held_on", None)
    if held_on is not None:
        yield "held_on", (date(1970, 1, 1) + timedelta(days=held_on)).isoformat()


def _reasons(event: Any) -> Iterable[str]:
    for name in _REASONS:
        match getattr(event, name, None):
            case str() as reason if reason:
                yield reason
            case tuple() as found:
                yield from found
            case _:
                pass


def _rules(event: Any) -> tuple[RuleLine, ...]:
    if not isinstance(event, records.EligibilityDecided):
        return ()
    return tuple(RuleLine(rule.rule, rule.input, rule.passed) for rule in event.rules)


def _time(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
