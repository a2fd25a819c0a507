"""What one family adds to the counts, as bytes that a state carries: equal bytes, equal counts.

A restore counts from these bytes alone, without decoding the state around them. They are text: the version of the
definitions, the region at the finest level counted, and one part for each counted field, with ASCII's separators of
records and units. Knows a family's state; must not know any stream.
"""

from collections.abc import Sequence

from schemas.records import Eligibility, FamilyState, Member, Proposal, Region
from stream_processors.indicators import definitions

PARTS = ("decile", "members", "eligibility", "proposals")
_BETWEEN, _AFTER = "\x1e", "\x1f"  # between parts; after each item of a part
_VERSION = definitions.VERSION.encode()
_FRONT = _VERSION + _BETWEEN.encode()

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
    active = [f"{one.marital_status}/{one.padan}{_AFTER}" for one in members if one.standing in definitions.ACTIVE]
    active.sort()
    steps = [f"{one.kind}/{one.step}{_AFTER}" for one in proposals]
    steps.sort()
    programmes = "".join([one.programme + _AFTER for one in eligibility if one.result == definitions.ELIGIBLE])
    place = definitions.region_at(region.code, definitions.FINEST)
    parts = (place, str(decile or ""), "".join(active), programmes, "".join(steps))
    return _FRONT + _BETWEEN.join(parts).encode()


def is_current(counted: bytes) -> bool:
    """Tell whether these bytes were written under the present definitions."""
    return counted == _VERSION or counted.startswith(_FRONT)


def parts(counted: bytes) -> Parts:
    """Return the region and the parts of current bytes; nothing at all for a family that counts nowhere."""
    return tuple(counted.decode().split(_BETWEEN)[1:])


def items(part: str) -> list[str]:
    """Return the items of one part."""
    return part.split(_AFTER)[:-1]


def of(state: FamilyState) -> bytes:
    """Return what a state counts under the present definitions, whichever it was written under."""
    if is_current(state.counted):
        return state.counted
    return written(state.status, state.region, state.decile, state.members, state.eligibility, state.proposals)
