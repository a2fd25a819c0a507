"""Which birthday of a family's members matters next to a rule: from its month on the family is decided again.

A state knows year and month of birth, never the day, and rules count ages from the month on (`calendar.full_years`):
the date is the first of that month, for everybody born in it. It follows from the ages that the rules in force name.

Every change of a family in a later month than the one before has its programmes decided (`is_new_month`), so that what
is on record holds for the month in which the state was last changed, and the next birthday is one of a later month.
Pure.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final, NamedTuple

from schemas.records import DeadlineReached, FamilyState
from stream_processors.registry import calendar, codes
from stream_processors.registry.components import OLDEST
from stream_processors.registry.decision import AlreadyKnown
from stream_processors.registry.ruleset import RuleSet

KIND: Final = "BIRTHDAY"
_BY_AGE: Final = frozenset({"components", "persons_aged"})
_MONTHS: Final = 12


class Ages(NamedTuple):
    """At which ages (months) a rule set may judge otherwise, and the codes of its rows that look at ages."""

    months: tuple[int, ...]
    codes: frozenset[str]


def due_of(state: FamilyState, rule_sets: Iterable[RuleSet]) -> tuple[bytes, int] | None:
    """Return whose birthday matters next (the claim in force), and the first microsecond (WIB) of its month.

    It matters to a programme if nothing but rows that look at ages stands between it and the family: whoever is out
    for another reason is decided again when that changes. None where there is none.
    """
    if not state.eligibility:
        return None
    mattering = [ages for rules in rule_sets if (ages := _ages(rules)).months and _matters(state, rules, ages)]
    if not mattering:
        return None
    # Nearly always one programme: PKH.
    months = mattering[0].months if len(mattering) == 1 else sorted({one for ages in mattering for one in ages.months})
    return _next(state, months, max(calendar.index_of(calendar.month_of(state.recorded_at)), _from_on()))


def _matters(state: FamilyState, rules: RuleSet, ages: Ages) -> bool:
    for one in state.eligibility:
        if one.programme == rules.programme:
            return ages.codes.issuperset(one.reasons)
    return False


@cache
def _from_on() -> int:
    return calendar.index_of(calendar.month_of(calendar.scheduled_from(KIND) - 1))


def _next(state: FamilyState, months: Sequence[int], last: int) -> tuple[bytes, int] | None:
    """Return whose birthday is the first after a month, and when; of several in a month the first member's."""
    first, claim = 0, b""
    for member in state.members:
        if member.standing in codes.ACTIVE_STANDINGS:
            born = member.birth_year * _MONTHS + member.birth_month - 1
            place = bisect_right(months, last - born)
            if place < len(months) and (not claim or born + months[place] < first):
                first, claim = born + months[place], member.claim_id
    return (claim, calendar.first_of(first)) if claim else None


def _ages(rules: RuleSet) -> Ages:
    found: Ages | None = rules.made.get("ages")
    if found is None:
        rows = [rule for rule in rules.rules if rule.fact in _BY_AGE]
        spans = [rule.of.partition("-")[::2] for rule in rows if rule.fact == "persons_aged"]
        years = {int(youngest) for youngest, _ in spans} | {int(oldest) + 1 for _, oldest in spans if oldest}
        for one in rules.entitlement.components if rules.entitlement is not None else ():
            for ages in (one.ages, one.ages_alone):
                years |= {ages[0], ages[1] + 1} if ages is not None else set()
        months = tuple(sorted(year * _MONTHS for year in years - {0, OLDEST + 1}))
        found = rules.made["ages"] = Ages(months, frozenset(rule.code for rule in rows))
    return found


def decide(record: DeadlineReached, state: FamilyState) -> AlreadyKnown | None:
    """Find nothing to do where the family was decided in that month or later, or nobody in it has that birthday."""
    if calendar.month_of(record.due_at) <= calendar.month_of(state.recorded_at):
        return AlreadyKnown()
    month = calendar.month_of(record.due_at) % 100
    for member in state.members:
        if member.claim_id == record.subject_id and member.standing in codes.ACTIVE_STANDINGS:
            return None if member.birth_month == month else AlreadyKnown()
    return AlreadyKnown()


def is_new_month(before: FamilyState, recorded_at: int) -> bool:
    """Tell whether a family is changed in a later month than the last time: ages may be others than were judged."""
    return calendar.month_of(before.recorded_at) < calendar.month_of(recorded_at)
