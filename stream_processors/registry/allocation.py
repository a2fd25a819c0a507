"""Who gets a place within a programme's quota, who waits, and in which order: the same bytes for the same families.

The order: lower decile first (Kepmensos 79/HUK/2025 for Sembako), within it the lower percentile, and what is equal
still by a hash of family and run, so that no id is favoured twice. A family without a decile, eligible by assessment,
comes after those with one: our design. A quota is counted in families, or in persons where persons receive the aid: a
family is never split, and the first one that doesn't fit ends the giving (decision 36). Knows states; must not know who
keeps them, nor how a place is published.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from schemas.records import FamilyState
from stream_processors.registry import codes
from stream_processors.registry.aid import kinds
from stream_processors.registry.decision import eligibility_of
from stream_processors.registry.facts import Facts, plan
from stream_processors.registry.ruleset import FACTS, MOST, Asked, Rule, RuleSet, Value

QUOTA_FULL: Final = "KUOTA_PENUH"
FAMILIES, PERSONS = "keluarga", "orang"  # what a quota counts, in the words of aid.toml
QUOTA_PERSONS: Final = "quota_persons"
_NO_DECILE, _NO_PERCENTILE = 11, 10_001

Weigh = Callable[[FamilyState, str], int]
"""How many places a family takes, decided by a version of the rules."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """What is allocated: the programme, its period and quota, within which region (empty: everywhere), and on what.

    `unit` is what the quota counts, FAMILIES or PERSONS. `run_id` names it for ever. `as_of` (microseconds) and
    `positions` (next offset by partition) say how far the families were read.
    """

    programme: str
    period: str
    quota: int
    region: str
    run_id: str
    determination_number: str
    as_of: int = 0
    positions: tuple[int, ...] = ()
    unit: str = FAMILIES


class Candidate(NamedTuple):
    """An eligible family, in the order of places; `weight` is what it takes of the quota, in its unit."""

    decile: int
    percentile: int
    tie: bytes
    family_id: str
    amount_rupiah: int
    rules_version: str
    weight: int = 1


class Place(NamedTuple):
    """A family's place in the order, from 1, what it takes of the quota, and whether it lies within it."""

    place: int
    family_id: str
    given: bool
    decile: int
    amount_rupiah: int
    rules_version: str
    weight: int = 1


def quota_persons(rules: RuleSet) -> int | None:
    """Return the most persons that a programme is for, by its file's parameter; None where it says none.

    Raises ValueError for one that is no whole number.
    """
    told = dict(rules.parameters).get(QUOTA_PERSONS)
    if told is not None and not (told.isascii() and told.isdigit()):
        raise ValueError(f"{QUOTA_PERSONS} of {rules.name} {rules.version} is no whole number")
    return None if told is None else int(told)


def unit(programme: str, rules: RuleSet | None) -> str:
    """Return what a programme's quota counts: persons where a person receives it (aid.toml), or its file says so."""
    kind = kinds().get(programme)
    by_file = rules is not None and quota_persons(rules) is not None
    return PERSONS if by_file or (kind is not None and kind.recipient == PERSONS) else FAMILIES


def one_family(state: FamilyState, rules_version: str) -> int:  # noqa: ARG001  as Weigh is asked
    """Return 1: a quota of families counts each once."""
    return 1


def persons(rules: RuleSet) -> Callable[[FamilyState], int]:
    """Return how to count the persons that a family's place is for: its active members whose NIK is padan.

    No more of them than a row asks for, as TANPA_LANSIA of ATENSI lansia asks for members of 60 and more; at least 1.
    Facts are those at the family's last change, on which its decision in force rests.
    """
    asks = dict(zip(rules.needs(), plan(rules).asks, strict=True))
    rows = [(one, asks[Asked(one.fact, one.of)]) for one in rules.rules if _is_of_persons(one)]

    def counted(state: FamilyState) -> int:
        facts = Facts(state, state.recorded_at)
        matched = [one.padan for one in facts.active].count(codes.PADAN)
        return max(1, min([matched, *(_number(ask(facts)) for row, ask in rows if row.asked(facts.at))]))

    return counted


def _is_of_persons(row: Rule) -> bool:
    """Tell whether a row asks for members; where something else will do instead, it bounds nothing."""
    return FACTS[row.fact].most == MOST and row.operator != "at_most" and row.value > 0 and not row.unless


def _number(value: Value) -> int:
    return value if isinstance(value, int) else int(value[0])


def candidate(state: FamilyState, allocation: Allocation, weigh: Weigh = one_family) -> Candidate | None:
    """Return the family as a candidate; None where it isn't LAYAK for the programme, or lives elsewhere."""
    decided = eligibility_of(state, allocation.programme)
    if decided is None or decided.result != "LAYAK" or not _within(state.region.code, allocation.region):
        return None
    tie = hashlib.sha256(f"{state.family_id}{allocation.run_id}".encode()).digest()
    percentile = state.percentile if state.percentile >= 0 else _NO_PERCENTILE
    decile = state.decile or _NO_DECILE
    version = decided.rules_version
    weight = weigh(state, version)
    return Candidate(decile, percentile, tie, state.family_id, decided.amount_rupiah, version, weight)


def _within(code: str, region: str) -> bool:
    return not region or code == region or code.startswith(f"{region}.")


def places(candidates: Iterable[Candidate], quota: int) -> Iterator[Place]:
    """Yield every candidate's place in order; within the quota are those before the first that doesn't fit."""
    taken, full = 0, False
    for number, one in enumerate(sorted(candidates), 1):
        taken += one.weight
        full = full or taken > quota
        decile = one.decile if one.decile != _NO_DECILE else 0
        yield Place(number, one.family_id, not full, decile, one.amount_rupiah, one.rules_version, one.weight)


def written(allocation: Allocation, order: Iterable[Place]) -> Iterator[bytes]:
    """Yield the plan line by line: what is allocated, then each place. Equal families give equal bytes."""
    yield _line({"allocation": asdict(allocation)})
    for one in order:
        row: dict[str, Any] = {"place": one.place, "family_id": one.family_id, "decile": one.decile}
        row["weight"] = one.weight
        row |= {"amount_rupiah": one.amount_rupiah, "rules_version": one.rules_version}
        yield _line(row | ({"given": True} if one.given else {"given": False, "reason": QUOTA_FULL}))


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def read(lines: Iterable[bytes]) -> tuple[Allocation, Iterator[Place]]:
    """Return what a written plan allocates, and its places; raises ValueError for what is no plan."""
    rest = iter(lines)
    try:
        head = json.loads(next(rest))["allocation"]
        allocation = Allocation(**{**head, "positions": tuple(head["positions"])})
    except (KeyError, TypeError, StopIteration) as fault:
        raise ValueError("this file is no plan of an allocation") from fault
    return allocation, (_place(json.loads(line)) for line in rest)


def _place(row: Mapping[str, Any]) -> Place:
    given, weight = row["given"], row.get("weight", 1)  # a plan of before weights counts families
    return Place(
        row["place"], row["family_id"], given, row["decile"], row["amount_rupiah"], row["rules_version"], weight
    )
