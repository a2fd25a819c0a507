"""Who gets a place within a programme's quota, who waits, and in which order: the same bytes for the same families.

The order: lower decile first (Kepmensos 79/HUK/2025 for Sembako), within it the lower percentile, and what is equal
still by a hash of family and run, so that no id is favoured twice. A family without a decile, eligible by assessment,
comes after those with one: our design. Knows states; must not know who keeps them, nor how a place is published.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from schemas.records import FamilyState
from stream_processors.registry.decision import eligibility_of

QUOTA_FULL: Final = "KUOTA_PENUH"
_NO_DECILE, _NO_PERCENTILE = 11, 10_001


@dataclass(frozen=True, slots=True)
class Allocation:
    """What is allocated: the programme, its period and quota, within which region (empty: everywhere), and on what.

    `run_id` names it for ever. `as_of` (microseconds) and `positions` (next offset by partition) say how far the
    families were read.
    """

    programme: str
    period: str
    quota: int
    region: str
    run_id: str
    determination_number: str
    as_of: int = 0
    positions: tuple[int, ...] = ()


class Candidate(NamedTuple):
    """An eligible family, in the order of places."""

    decile: int
    percentile: int
    tie: bytes
    family_id: str
    amount_rupiah: int
    rules_version: str


class Place(NamedTuple):
    """A family's place in the order, from 1, and whether it lies within the quota."""

    place: int
    family_id: str
    given: bool
    decile: int
    amount_rupiah: int
    rules_version: str


def candidate(state: FamilyState, allocation: Allocation) -> Candidate | None:
    """Return the family as a candidate; None where it isn't LAYAK for the programme, or lives elsewhere."""
    decided = eligibility_of(state, allocation.programme)
    if decided is None or decided.result != "LAYAK" or not _within(state.region.code, allocation.region):
        return None
    tie = hashlib.sha256(f"{state.family_id}{allocation.run_id}".encode()).digest()
    percentile = state.percentile if state.percentile >= 0 else _NO_PERCENTILE
    decile = state.decile or _NO_DECILE
    return Candidate(decile, percentile, tie, state.family_id, decided.amount_rupiah, decided.rules_version)


def _within(code: str, region: str) -> bool:
    return not region or code == region or code.startswith(f"{region}.")


def places(candidates: Iterable[Candidate], quota: int) -> Iterator[Place]:
    """Yield every candidate's place in order; the first `quota` of them lie within the quota."""
    for number, one in enumerate(sorted(candidates), 1):
        decile = one.decile if one.decile != _NO_DECILE else 0
        yield Place(number, one.family_id, number <= quota, decile, one.amount_rupiah, one.rules_version)


def written(allocation: Allocation, order: Iterable[Place]) -> Iterator[bytes]:
    """Yield the plan line by line: what is allocated, then each place. Equal families give equal bytes."""
    yield _line({"allocation": asdict(allocation)})
    for one in order:
        row: dict[str, Any] = {"place": one.place, "family_id": one.family_id, "decile": one.decile}
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
    return Place(
        row["place"], row["family_id"], row["given"], row["decile"], row["amount_rupiah"], row["rules_version"]
    )
