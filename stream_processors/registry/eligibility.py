"""Whether a family meets each programme's rules, decided in the same step as the event that changed the facts.

Source: domain guide 8.1-8.3. "Meets the rules" and "has a place within the quota" are two events; this is the first.
Decided from the first ranking on: before it a family is no candidate, and "Belum Ada Desil" is a ranking's answer.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from schemas import codec, prefix
from schemas.identifiers import derived_id
from schemas.records import Eligibility, EligibilityDecided, FamilyState, Header, Member, RuleOutcome
from stream_processors.registry import calendar, codes
from stream_processors.registry.decision import Event, eligibility_of
from stream_processors.registry.making import maker
from stream_processors.registry.rulebook import Fact, RuleSet

_decided, _eligibility, _header_of = maker(EligibilityDecided), maker(Eligibility), maker(Header)
AGENCY = "registry"
ELIGIBLE, NOT_ELIGIBLE = "LAYAK", "TIDAK_LAYAK"
_TODDLER = range(7)  # usia dini 0-6
_PUPIL = range(6, 22)  # 6-21, not finished 12 years; school data is outside the 39 variables
_ELDERLY = 60
_STATE_EMPLOYEE = 5  # Regsosek 418


def facts(state: FamilyState, at: int) -> dict[Fact, int]:
    """Return what the rules look at, for one family at one recorded time."""
    active = [member for member in state.members if member.standing in codes.ACTIVE_STANDINGS]
    return {
        "active_family": int(state.status == codes.FAMILY_ACTIVE),
        "decile": state.decile,
        "matched_members": sum([member.padan == codes.PADAN for member in active]),
        "pkh_components": sum([_is_component(member, at) for member in active]),
        "state_employees": sum([member.work_status == _STATE_EMPLOYEE for member in active]),
    }


def _is_component(member: Member, at: int) -> bool:
    years = calendar.full_years(member.birth_year, member.birth_month, at)
    return years in _TODDLER or years in _PUPIL or years >= _ELDERLY or member.severe_disability


def decisions(state: FamilyState, cause: Event, rule_sets: tuple[RuleSet, ...]) -> Iterator[EligibilityDecided]:
    """Yield a decision for each programme whose result, reasons or rules version differ from the last one's."""
    if not state.ranking_run or not rule_sets:
        return
    given = tuple(facts(state, cause.prefix.recorded_at).items())
    sequence = state.sequence
    for rules in rule_sets:
        outcomes, reasons = _judged(rules, given)
        last = eligibility_of(state, rules.programme)
        if last is None or (last.reasons, last.rules_version) != (reasons, rules.version):
            sequence += 1
            yield _decided(
                header=_header(cause, sequence, rules.programme),
                programme=rules.programme,
                result=NOT_ELIGIBLE if reasons else ELIGIBLE,
                reasons=reasons,
                rules=outcomes,
                rules_version=rules.version,
            )


@lru_cache(maxsize=4096)
def _judged(rules: RuleSet, given: tuple[tuple[Fact, int], ...]) -> tuple[tuple[RuleOutcome, ...], tuple[str, ...]]:
    """Return each rule's outcome for these facts, and the rules that don't hold."""
    values = dict(given)
    outcomes = tuple(
        RuleOutcome(rule=rule.code, input=f"{rule.fact}={values[rule.fact]}", passed=rule.holds(values[rule.fact]))
        for rule in rules.rules
    )
    return outcomes, tuple(outcome.rule for outcome in outcomes if not outcome.passed)


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


def event(decided: EligibilityDecided) -> Event:
    """Return a decision as an event of the family."""
    framed = codec.encode(decided)
    return Event(framed, prefix.walk(framed), decided)


def evolve(state: FamilyState, record: EligibilityDecided) -> dict[str, Any]:
    """Return what a decision changes: this programme's latest."""
    new = _eligibility(
        programme=record.programme,
        result=record.result,
        reasons=record.reasons,
        rules_version=record.rules_version,
        sequence=record.header.sequence,
    )
    others = [one for one in state.eligibility if one.programme != record.programme]
    return {"eligibility": tuple(sorted([*others, new], key=lambda one: one.programme))}
