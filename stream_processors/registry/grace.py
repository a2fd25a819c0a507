"""The grace of a programme: for how long a family keeps its place though it no longer meets the rules.

Source: complaint 11 of the domain guide (nobody finds out at the hospital); `grace_days` of the rule set. Our design: a
grace begins with the decision that turns, and that decision says until when; what ends the family itself, an exclusion
that an officer says, or a programme that is over ends at once, as machine E has it. It ends by a date that came. Pure.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from schemas.identifiers import deadline_id
from schemas.records import DeadlineReached, Eligibility, FamilyState
from stream_processors.registry import calendar
from stream_processors.registry.decision import AlreadyKnown, eligibility_of
from stream_processors.registry.making import replace
from stream_processors.registry.ruleset import RuleSet

KIND: Final = "AID_GRACE"
_ELIGIBLE: Final = "LAYAK"
_AT_ONCE: Final = frozenset({"active_family", "excluded", "in_period"})
_DAY: Final = 86_400_000_000


def until(last: Eligibility | None, rules: RuleSet, reasons: Collection[str], at: int) -> int:
    """Return until when the grace runs that a decision of a time has (microseconds): the end of a day; 0 for none.

    A grace that runs goes on to its day, whatever other reasons come; it begins with the first reason, and once alone.
    """
    if not rules.grace_days or last is None or not reasons:
        return 0
    if any(rule.fact in _AT_ONCE and rule.code in reasons for rule in rules.rules):
        return 0
    if last.result == _ELIGIBLE:
        return calendar.next_midnight(at) + rules.grace_days * _DAY - 1
    return last.grace_until


def runs(state: FamilyState, programme: str) -> bool:
    """Tell whether the family is in a programme's grace."""
    one = eligibility_of(state, programme)
    return one is not None and one.grace_until > 0


def dues(state: FamilyState | None) -> Mapping[str, tuple[bytes, int]]:
    """Return each grace that runs: the kind of its date, the date's id, and when it ends (microseconds)."""
    found = {}
    for one in state.eligibility if state is not None else ():
        if one.grace_until and state is not None:
            kind = f"{KIND}.{one.programme}"
            found[kind] = deadline_id(state.family_id, kind, one.grace_until), one.grace_until
    return found


def is_kind(kind: str) -> bool:
    """Tell whether a date of this kind is the end of a grace."""
    return kind.partition(".")[0] == KIND


def decide(record: DeadlineReached, state: FamilyState) -> AlreadyKnown | None:
    """Find nothing to do where no grace of the programme runs to this date."""
    return None if dues(state).get(record.kind) == (record.subject_id, record.due_at) else AlreadyKnown()


def evolve_deadline(state: FamilyState, record: DeadlineReached) -> dict[str, Any]:
    """Return the decisions with the grace of one programme over."""
    programme = record.kind.partition(".")[2]
    entries = [replace(one, grace_until=0) if one.programme == programme else one for one in state.eligibility]
    return {"eligibility": tuple(entries)}
