"""Whether a family meets each programme's rules, decided in the same step as the event that changed the facts.

Source: domain guide 8.1-8.3. "Meets the rules" and "has a place within the quota" are two events, and a payment is a
third; this is the first. Decided from the first ranking on: before it a family is no candidate, and "Belum Ada Desil"
is a ranking's answer. Where a programme takes an assessment instead, it is decided from that on.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from schemas import codec, prefix
from schemas.identifiers import derived_id
from schemas.records import Eligibility, EligibilityDecided, FamilyState, Header, RuleOutcome
from stream_processors.registry import grace
from stream_processors.registry.decision import Event, eligibility_of
from stream_processors.registry.facts import Facts, plan
from stream_processors.registry.making import maker
from stream_processors.registry.ruleset import RuleSet

_decided, _eligibility, _header_of = maker(EligibilityDecided), maker(Eligibility), maker(Header)
AGENCY = "registry"
ELIGIBLE, NOT_ELIGIBLE = "LAYAK", "TIDAK_LAYAK"
_KEPT: Final = 4_096  # verdicts of a rule set


class Judgement(NamedTuple):
    """What a rule set says of some facts, as a decision keeps it."""

    outcomes: tuple[RuleOutcome, ...]
    reasons: tuple[str, ...]
    amount_rupiah: int
    around: list[bytes]
    """What stands before and after the header in a decision's bytes: the same for every family with these facts."""


def judgements(state: FamilyState, at: int, rule_sets: tuple[RuleSet, ...]) -> list[tuple[RuleSet, Judgement]]:
    """Return what each rule set says of a family at a time (microseconds), where the family is a candidate of it."""
    ranked = state.ranking_run
    if not rule_sets or not (ranked or state.conditions):
        return []
    facts = Facts(state, at)
    found = []
    for rules in rule_sets:
        made: dict[Any, Any] = rules.made
        asks, turns, by_assessment = made.get("plan") or plan(rules)
        if ranked or (by_assessment and facts.assessed()):
            given = tuple([ask(facts) for ask in asks])
            key = (bisect_right(turns, at), given) if turns else given
            found.append((rules, made.get(key) or _judged(rules, key, given, at)))
    return found


def decisions(state: FamilyState, cause: Event, rule_sets: tuple[RuleSet, ...]) -> Iterator[Event]:
    """Yield a decision for each programme whose result, reasons, amount or rules version differ from the last one's."""
    sequence = state.sequence
    for rules, judged in judgements(state, cause.prefix.recorded_at, rule_sets):
        last = eligibility_of(state, rules.programme)
        if differs(last, rules, judged):
            sequence += 1
            until = grace.until(last, rules, judged.reasons, cause.prefix.recorded_at)
            yield _event(_header(cause, sequence, rules.programme), rules, judged, until)


def differs(last: Eligibility | None, rules: RuleSet, judged: Judgement) -> bool:
    """Tell whether a judgement says something else than the last decision of its programme."""
    return last is None or (last.reasons, last.rules_version, last.amount_rupiah) != (
        judged.reasons,
        rules.version,
        judged.amount_rupiah,
    )


def _judged(rules: RuleSet, key: Any, given: tuple[Any, ...], at: int) -> Judgement:
    verdict = rules.judged(given, at)
    outcomes = tuple(RuleOutcome(rule=one.code, input=one.given, passed=one.passed) for one in verdict.outcomes)
    found = Judgement(outcomes, verdict.reasons, verdict.amount_rupiah, [])
    if len(rules.made) > _KEPT:
        rules.made.clear()
    rules.made[key] = found
    return found


def _event(header: Header, rules: RuleSet, judged: Judgement, grace_until: int) -> Event:
    record = _decided(
        header=header,
        programme=rules.programme,
        result=NOT_ELIGIBLE if judged.reasons else ELIGIBLE,
        reasons=judged.reasons,
        rules=judged.outcomes,
        rules_version=rules.version,
        amount_rupiah=judged.amount_rupiah,
        rules_digest=rules.digest,
        grace_until=grace_until,
    )
    if grace_until:  # the family's own: its bytes are no other's
        return _framed(codec.encode(record), record)
    head = codec.body(header)
    if not judged.around:
        framed = codec.encode(record)
        judged.around[:] = framed[: codec.FRAME_LENGTH], framed[codec.FRAME_LENGTH + len(head) :]
    frame, rest = judged.around
    return _framed(b"".join((frame, head, rest)), record)


def _framed(framed: bytes, record: EligibilityDecided) -> Event:
    return Event(framed, prefix.walk(framed), record)


def _header(cause: Event, sequence: int, programme: str) -> Header:
    before = cause.prefix
    return _header_of(
        sequence=sequence,
        recorded_at=before.recorded_at,
        occurred_at=before.occurred_at,
        change_id=derived_id(before.change_id, f"EligibilityDecided/{programme}"),
        family_id=before.family_id,
        agency=AGENCY,
        actor=AGENCY,
        document=cause.record.header.document,
        correlation_id=cause.record.header.correlation_id or before.change_id,
        causation_id=before.change_id,
    )


def evolve(state: FamilyState, record: EligibilityDecided) -> dict[str, Any]:
    """Return what a decision changes: this programme's latest."""
    new = _eligibility(
        programme=record.programme,
        result=record.result,
        reasons=record.reasons,
        rules_version=record.rules_version,
        amount_rupiah=record.amount_rupiah,
        sequence=record.header.sequence,
        grace_until=record.grace_until,
    )
    others = [one for one in state.eligibility if one.programme != record.programme]
    return {"eligibility": tuple(sorted([*others, new], key=lambda one: one.programme))}
