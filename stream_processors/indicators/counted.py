"""What one family adds to the counts, as bytes that a state carries: equal bytes, equal counts.

A restore counts from these bytes alone, without decoding the state around them. They are text: the version of the
definitions, the region at the finest level counted, and one part for each counted field, with ASCII's separators of
records and units. Knows a family's state; must not know any stream.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from schemas.records import Aid, Case, Condition, Eligibility, FamilyState, Member, Proposal, Region
from stream_processors.indicators import definitions
from stream_processors.indicators.measures import BORN_UNTIL, INSURED, PBI, RECEIVED, SEVERE, of_year

PARTS = ("decile", "members", "eligibility", "proposals", "traits", "aid")
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
    conditions: Sequence[Condition] = (),
    aid: Sequence[Aid] = (),
    cases: Sequence[Case] = (),
) -> bytes:
    """Return what a family with these fields adds to the counts; one that isn't active counts nowhere."""
    if status != definitions.FAMILY_ACTIVE:
        return _VERSION
    of_one: tuple[bytes, ...] = (
        _region(region),
        _decile(decile),
        _members(members),
        _programmes(eligibility),
        _steps(proposals),
        _traits(members, conditions, cases),
        _aid(aid, members),
    )
    return _BETWEEN.join((_VERSION, *of_one))


def revised(before: FamilyState, changes: Mapping[str, Any]) -> bytes:
    """Return what a state counts once these of its fields have changed; only their parts are written anew."""
    if not is_current(before.counted) or before.counted == _VERSION or "status" in changes:
        return written(*[changes.get(name, getattr(before, name)) for name in _WRITTEN])
    pieces = before.counted.split(_BETWEEN)
    for name in changes:
        for place, fields, part in _TOUCHED.get(name, ()):
            pieces[place] = part(*[changes[one] if one in changes else getattr(before, one) for one in fields])
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


def _traits(members: Sequence[Member], conditions: Sequence[Condition], cases: Sequence[Case]) -> bytes:
    found = [
        f"{one.birth_year}" for one in members if one.birth_year <= BORN_UNTIL and one.standing in definitions.ACTIVE
    ]
    disabled = [one.person_ref for one in members if one.severe_disability and one.standing in definitions.ACTIVE]
    if disabled or conditions or cases:
        found += _recorded(members, disabled, conditions, cases)
    if not found:
        return b""
    found.sort()
    return (_AFTER.join(found) + _AFTER).encode()


def _recorded(
    members: Sequence[Member], disabled: Sequence[str], conditions: Sequence[Condition], cases: Sequence[Case]
) -> list[str]:
    """Return a condition once for each member who has it, and each membership of PBI-JKN."""
    active = {one.person_ref for one in members if one.standing in definitions.ACTIVE}
    having = {(one.person_ref, one.condition) for one in conditions if one.person_ref in active}
    having.update((ref, SEVERE) for ref in disabled)
    insured = [PBI for one in cases if one.machine == PBI and one.step in INSURED and one.about in active]
    return [*[condition for _, condition in having], *insured]


def _aid(aid: Sequence[Aid], members: Sequence[Member]) -> bytes:
    if not aid:
        return b""
    found = [f"{one.programme}/{one.standing or RECEIVED}{_AFTER}" for one in aid]
    for one in aid:
        if one.recipients:
            reached = sum([members[place].standing in definitions.ACTIVE for place in one.recipients])
            found += [of_year(one.programme, one.received_on) + _AFTER] * reached
    return "".join(found).encode()


_Part = tuple[int, tuple[str, ...], Callable[..., bytes]]
_WRITE: Sequence[_Part] = (  # the place of each part, the fields it is written from, and what writes it
    (1, ("region",), _region),
    (2, ("decile",), _decile),
    (3, ("members",), _members),
    (4, ("eligibility",), _programmes),
    (5, ("proposals",), _steps),
    (6, ("members", "conditions", "cases"), _traits),
    (7, ("aid", "members"), _aid),
)
_WRITTEN = ("status", "region", "decile", "members", "eligibility", "proposals", "conditions", "aid", "cases")
_TOUCHED: Mapping[str, Sequence[_Part]] = {name: [one for one in _WRITE if name in one[1]] for name in _WRITTEN[1:]}
FIELDS = frozenset(_WRITTEN)


def is_current(counted: bytes) -> bool:
    """Tell whether these bytes were written under the present definitions."""
    return counted == _VERSION or counted.startswith(_FRONT)


def parts(counted: bytes) -> Parts:
    """Return the region and the parts of current bytes; nothing at all for a family that counts nowhere."""
    return tuple(counted.decode().split(_BETWEEN.decode())[1:])


def of(state: FamilyState) -> bytes:
    """Return what a state counts under the present definitions, whichever it was written under."""
    if is_current(state.counted):
        return state.counted
    return written(*[getattr(state, name) for name in _WRITTEN])
