"""What one family adds to the counts, as bytes that a state carries: equal bytes, equal counts.

A restore counts from these bytes alone, without decoding the state around them. They are text: the version of the
definitions, the region at the finest level counted, and one part for each counted field, with ASCII's separators of
records and units. Knows a family's state; must not know any stream.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from schemas.records import Eligibility, FamilyState, Member, Proposal, Region
from stream_processors.indicators import definitions

PARTS = ("decile", "members", "eligibility", "proposals")
_BETWEEN, _AFTER = b"\x1e", "\x1f"  # between parts; after each item of a part
_VERSION = definitions.VERSION.encode()
_FRONT = _VERSION + _BETWEEN

Parts = tuple[str, ...]  # the region, then PARTS in their order


def written(  # noqa: PLR0913, PLR0917  exactly what is counted
    status: str,
    region: Region,
    decile: int,
    members: Sequence[Member],
    eligibility: Sequence[Eligibility],
    proposals: Sequence[Proposal],
) -> bytes:
    """Return what a family with these fields adds to the counts; one that isn't active counts nowhere."""
    if status != definitions.FAMILY_ACTIVE:
        return _VERSION
    values = (region, decile, members, eligibility, proposals)
    return _BETWEEN.join([_VERSION, *[part(value) for part, value in zip(_WRITE.values(), values, strict=True)]])


def revised(before: FamilyState, changes: Mapping[str, Any]) -> bytes:
    """Return what a state counts once these of its fields have changed; only their parts are written anew."""
    if not is_current(before.counted) or before.counted == _VERSION or "status" in changes:
        return written(*[changes.get(name, getattr(before, name)) for name in ("status", *_WRITE)])
    pieces = before.counted.split(_BETWEEN)
    for place, (name, part) in enumerate(_WRITE.items(), start=1):
        if name in changes:
            pieces[place] = part(changes[name])
    return _BETWEEN.join(pieces)


def _region(region: Region) -> bytes:
    return definitions.region_at(region.code, definitions.FINEST).encode()


def _decile(decile: int) -> bytes:
    return str(decile).encode() if decile else b""


def _members(members: Sequence[Member]) -> bytes:
    active = [f"{one.marital_status}/{one.padan}{_AFTER}" for one in members if one.standing in definitions.ACTIVE]
    active.sort()
    return "".join(active).encode()


def _programmes(eligibility: Sequence[Eligibility]) -> bytes:
    return "".join([one.programme + _AFTER for one in eligibility if one.result == definitions.ELIGIBLE]).encode()


def _steps(proposals: Sequence[Proposal]) -> bytes:
    steps = [f"{one.kind}/{one.step}{_AFTER}" for one in proposals]
    steps.sort()
    return "".join(steps).encode()


_WRITE: Mapping[str, Callable[[Any], bytes]] = {
    "region": _region,
    "decile": _decile,
    "members": _members,
    "eligibility": _programmes,
    "proposals": _steps,
}
FIELDS = frozenset({"status", *_WRITE})


def is_current(counted: bytes) -> bool:
    """Tell whether these bytes were written under the present definitions."""
    return counted == _VERSION or counted.startswith(_FRONT)


def parts(counted: bytes) -> Parts:
    """Return the region and the parts of current bytes; nothing at all for a family that counts nowhere."""
    return tuple(counted.decode().split(_BETWEEN.decode())[1:])


def items(part: str) -> list[str]:
    """Return the items of one part."""
    return part.split(_AFTER)[:-1]


def of(state: FamilyState) -> bytes:
    """Return what a state counts under the present definitions, whichever it was written under."""
    if is_current(state.counted):
        return state.counted
    return written(state.status, state.region, state.decile, state.members, state.eligibility, state.proposals)
