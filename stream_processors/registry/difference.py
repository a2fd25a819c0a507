"""What another version of a rule set would change for a family, before it is in force.

Judged by the very functions that decide, so that the sum over all families is what a re-evaluation will decide. Knows
states and rule sets; must not know where states are kept.
"""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from schemas.records import FamilyState
from stream_processors.indicators import definitions
from stream_processors.registry import eligibility
from stream_processors.registry.eligibility import Judgement
from stream_processors.registry.ruleset import RuleSet


class Direction(StrEnum):
    """How a family's result moves."""

    GAINS = "gains"  # TIDAK_LAYAK, or no result at all, to LAYAK
    LOSES = "loses"
    AMOUNT = "amount"  # LAYAK as before, for another sum
    REASONS = "reasons"  # TIDAK_LAYAK as before, for other reasons


class Moved(NamedTuple):
    """A family's change: its kabupaten or kota, the direction, and rupiah a year more or less."""

    region: str
    direction: Direction
    rupiah: int


class RulesNotComparable(ValueError):
    """Two rule sets are of different programmes."""


def check(old: RuleSet, new: RuleSet) -> None:
    """Return if the two are of one programme; raises RulesNotComparable."""
    if old.programme != new.programme:
        raise RulesNotComparable(f"{old.name} is of {old.programme}, {new.name} of {new.programme}: two programmes")


def moved(state: FamilyState, old: RuleSet, new: RuleSet, at: int) -> Moved | None:
    """Return what the new version changes for a family at a time (microseconds), None where nothing does."""
    before, after = _judged(state, old, at), _judged(state, new, at)
    direction = _direction(before, after)
    if direction is None:
        return None
    rupiah = (after.amount_rupiah if after else 0) - (before.amount_rupiah if before else 0)
    return Moved(definitions.region_at(state.region.code, "kabkota"), direction, rupiah)


def _judged(state: FamilyState, rules: RuleSet, at: int) -> Judgement | None:
    return next((judged for _, judged in eligibility.judgements(state, at, (rules,))), None)


def _direction(before: Judgement | None, after: Judgement | None) -> Direction | None:
    was, now = _is_eligible(before), _is_eligible(after)
    if was != now:
        return Direction.GAINS if now else Direction.LOSES
    old = None if before is None else (before.reasons, before.amount_rupiah)
    new = None if after is None else (after.reasons, after.amount_rupiah)
    if old == new:
        return None
    return Direction.AMOUNT if now else Direction.REASONS


def _is_eligible(judged: Judgement | None) -> bool:
    return judged is not None and not judged.reasons


class Difference(NamedTuple):
    """What a new version changes over all families: how many were looked at, and each change's count and rupiah."""

    families: int
    counts: Counter[tuple[str, Direction]]  # by kabupaten or kota
    rupiah: int


def total(last: Iterable[Moved | None]) -> Difference:
    """Return the sums over what each family's last state says."""
    families, counts, rupiah = 0, Counter[tuple[str, Direction]](), 0
    for one in last:
        families += 1
        if one is not None:
            counts[one.region, one.direction] += 1
            rupiah += one.rupiah
    return Difference(families, counts, rupiah)
