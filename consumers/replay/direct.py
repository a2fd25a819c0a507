"""What each event does to a family, over bytes: what its state takes up is copied, little else is decoded.

The quick twin of the registry's `evolve`, for the layouts listed in `layouts` and the shapes that nearly every event
has; anything else is `Odd`, told before the family was touched. Refuses nothing, and decides nothing.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Never

from consumers.replay import packed
from consumers.replay.packed import CONFIRMED, CONTESTED, ENDED, ID, NOTHING, PENDING, Family, Member, Proposal, text
from schemas import codec, prefix
from schemas.codec import Undecodable
from schemas.prefix import read_long, zigzag
from stream_processors.registry import calendar, deadlines, proposal

REGISTERED, DECIDED = "FamilyRegistered", "EligibilityDecided"
_STRING_26 = 0x34  # the length of a person's reference
_RELATION, _HEAD = 4, 2  # the byte of a member's relationship, and what it is for the head
_LONG_STRING = 0x81  # a length of 64 bytes or more, or a negative one
_MEMBER, _STANDING, _PADAN = b"\x42member/", b"\x46standing/", b"\x40padan/"
_REGISTRATION, _RESIDENCE, _RANKING = text("registration"), text("residence"), text("ranking")
_VISIT, _ATTEMPT = text("ground_check"), text("ground_check_attempt")
_DIFFICULTIES = attrgetter(
    *(f"difficulty_{part}" for part in ("seeing", "hearing", "walking", "hands", "learning", "behaviour")),
    *(f"difficulty_{part}" for part in ("speaking", "self_care", "remembering")),
)
_NOT_AT_ALL = 1
_NEGATIVE = 1  # the lowest bit of a number's first byte
TRUE = b"\x01"
_CONTINUES, _GIVEN = 0x80, 2  # a byte that isn't a number's last; the branch of what isn't missing


class Odd(Exception):
    """An event of another shape than nearly all: the plain fold's to take."""


def odd() -> Never:
    """Say that an event is of another shape."""
    raise Odd


Effect = Callable[[Family, bytes, int, int, bytes, int], None]
"""What an event does to a family: its bytes, where agency and payload begin, its head, and when it
occurred: a number in the order of occurred_at."""


def _string(data: bytes, at: int) -> bytes:
    """Return the bytes of a string of less than 64 bytes of ASCII, with its length."""
    size = data[at]
    end = at + 1 + (size >> 1)
    found = data[at:end]
    if size & _LONG_STRING or end > len(data) or not found.isascii():
        raise Odd
    return found


def _claim(family: Family, data: bytes, _: int, at: int, head: bytes, occurred: int) -> None:
    coded = data[at + 27 : at + 33]  # birth year in two bytes, month, sex, relationship, marital status
    if (
        data[at] != _STRING_26
        or (coded[0] & _LONG_STRING) != _CONTINUES
        or not coded[1]
        or (coded[1] | coded[2] | coded[3] | coded[4] | coded[5]) >= _CONTINUES
        or coded[5] & _NEGATIVE  # the marital status is counted
    ):
        raise Odd
    ref = data[at + 1 : at + 27]
    if not ref.isascii():
        raise Odd
    facet = _MEMBER + ref
    current = family.facets.get(facet)
    if current is not None and occurred < current[0]:
        return
    member = family.members.get(ref)
    if _heads(member) if coded[_RELATION] != _HEAD else any(map(_heads, _others(family, ref))):
        raise Odd  # without a head, or with two, a family says so
    family.facets[facet] = (occurred, head)
    if member is None:
        member = family.members[ref] = Member()
    elif member.standing is not ENDED or family.facets[_STANDING + ref][0] <= occurred:
        member.standing, member.reason = PENDING, NOTHING
    member.coded, member.claim_id = coded, head[-ID:]


def _heads(member: Member | None) -> bool:
    """Tell whether a member is the head of the family."""
    return member is not None and member.coded[_RELATION] == _HEAD and member.standing in packed.ACTIVE


def _others(family: Family, ref: bytes) -> list[Member]:
    return [one for other, one in family.members.items() if other != ref]


def _is_head(family: Family, data: bytes, at: int, *, active: bool) -> bool:
    """Tell whether an event is about a member who is a head where active, or would be one where not."""
    member = family.members.get(data[at + 1 : at + 27])
    if member is None or member.coded[_RELATION] != _HEAD:
        return False
    return (member.standing in packed.ACTIVE) is active


def _about(family: Family, data: bytes, at: int, head: bytes, occurred: int, facet: bytes) -> Member | None:  # noqa: PLR0913, PLR0917  parts of one event
    """Return the member an event is about, with the event in force for its facet; None where it changes nothing."""
    if data[at] != _STRING_26:
        raise Odd
    ref = data[at + 1 : at + 27]
    member = family.members.get(ref)
    facet += ref
    current = family.facets.get(facet)
    if member is None or (current is not None and occurred < current[0]):
        return None
    family.facets[facet] = (occurred, head)
    return member


def _confirm(family: Family, data: bytes, _: int, at: int, head: bytes, occurred: int) -> None:
    if _is_head(family, data, at, active=False):
        raise Odd
    member = _about(family, data, at, head, occurred, _STANDING)
    if member is not None:
        member.standing, member.reason = CONFIRMED, NOTHING


def _contest(family: Family, data: bytes, _: int, at: int, head: bytes, occurred: int) -> None:
    reason = _string(data, at + 27 + ID)
    if _is_head(family, data, at, active=True):
        raise Odd
    member = _about(family, data, at, head, occurred, _STANDING)
    if member is not None:
        member.standing, member.reason = CONTESTED, reason


def _end(family: Family, data: bytes, _: int, at: int, head: bytes, occurred: int) -> None:
    reason = _string(data, at + 27)
    if _is_head(family, data, at, active=True):
        raise Odd
    member = _about(family, data, at, head, occurred, _STANDING)
    if member is not None and occurred >= family.facets[_MEMBER + data[at + 1 : at + 27]][0]:
        member.standing, member.reason = ENDED, reason


def _match(family: Family, data: bytes, _: int, at: int, head: bytes, occurred: int) -> None:
    status = _string(data, at + 27)
    member = _about(family, data, at, head, occurred, _PADAN)
    if member is not None:
        member.padan = status


def _holds(family: Family, facet: bytes, occurred: int) -> bool:
    current = family.facets.get(facet)
    return current is None or occurred >= current[0]


def _visit(family: Family, data: bytes, _: int, __: int, head: bytes, occurred: int) -> None:
    record = _decoded(data)
    facet = _ATTEMPT if record.family is None else _VISIT
    if not _holds(family, facet, occurred):
        return
    family.facets[facet] = (occurred, head)
    if record.family is None:
        return
    seen = {person.person_ref.encode(): person for person in record.individuals}
    for ref, member in family.members.items():
        person = seen.get(ref)
        member.severe = TRUE if person is not None and _NOT_AT_ALL in _DIFFICULTIES(person) else NOTHING
        member.work = NOTHING if person is None else zigzag(person.work_status or 0)


def _rank(family: Family, data: bytes, _: int, at: int, head: bytes, occurred: int) -> None:
    current = family.facets.get(_RANKING)
    if current is not None and occurred < current[0]:
        return
    run = _string(data, at)
    at += len(run)
    placed, decile = data[at], data[at + 1]
    if placed:
        if placed != _GIVEN or decile & _LONG_STRING or not decile:
            raise Odd
        at += 1
    percentile = _optional(data, at + 1)
    family.facets[_RANKING] = (occurred, head)
    family.run, family.decile, family.percentile = run, decile >> 1 if placed else 0, percentile
    if placed:
        for one in family.proposals.values():
            if one.step == proposal.AT_STATISTICS_OFFICE and occurred >= int.from_bytes(one.since, "little"):
                one.step, one.since, one.reason, one.last = proposal.RANKED, head[-24:-ID], NOTHING, None


def _optional(data: bytes, at: int) -> bytes:
    """Return the bytes of an int of three bytes at most, or of -1 where it is missing."""
    if not data[at]:
        return packed.NO_NUMBER
    if data[at] != _GIVEN:
        raise Odd
    return _int(data, at + 1)


def _int(data: bytes, at: int) -> bytes:
    for size in (1, 2, 3):
        last = data[at + size - 1]
        if last < _CONTINUES:
            if size > 1 and not last:
                raise Odd  # more bytes than it needs
            return data[at : at + size]
    raise Odd


def _decide(family: Family, data: bytes, _: int, at: int, __: bytes, ___: int) -> None:
    programme = _string(data, at)
    family.eligibility[programme] = (data, at + len(programme))


def registered(data: bytes, at: int, head: bytes, occurred: int) -> Family:
    """Return a family that begins with this event."""
    try:
        prefix.walk(data)  # the family's id is what one must be
    except Undecodable as fault:
        raise Odd from fault
    family = Family()
    family.region = _region(data, at)
    family.facets[_REGISTRATION] = family.facets[_RESIDENCE] = (occurred, head)
    return family


def _move(family: Family, data: bytes, _: int, at: int, head: bytes, occurred: int) -> None:
    region = _region(data, at)
    if _holds(family, _RESIDENCE, occurred):
        family.region, family.facets[_RESIDENCE] = region, (occurred, head)


def _region(data: bytes, at: int) -> bytes:
    end = at
    for _ in range(3):
        end += len(_string(data, end))
    return data[at:end]


def _draft(family: Family, data: bytes, agency: int, at: int, head: bytes, _: int) -> None:
    kind = _string(data, at)
    proposer = _string(data, at + len(kind))
    before = family.proposals.pop(kind, None)  # the latest draft stands last
    family.proposals[kind] = new = Proposal(head[-ID:], kind, proposer, _string(data, agency), head[-24:-ID])
    if before is not None and before.step in proposal.HALTED:
        new.reason = text(proposal.REPLACES + before.step)


def _request(*_: object) -> None:
    """Change nothing: what follows from a request are decisions."""


def _due(family: Family, data: bytes, *_: object) -> None:
    record = _decoded(data)
    if not record.kind.startswith(deadlines.CUT_OFF):
        raise Odd
    for one in family.proposals.values():
        if one.proposal_id == record.subject_id:
            learned = max(record.header.recorded_at, record.due_at + 1)
            one.period = zigzag(calendar.period_for(one.kind[1:].decode(), learned))


def _decoded(data: bytes) -> Any:
    try:
        return codec.decode(data)
    except Undecodable as fault:
        raise Odd from fault


def _step(name: str) -> Effect:
    """Return the effect of a step of machine A."""
    outcomes = {
        (text(kind), step, text(outcome)): after
        for kind, transitions in proposal.TRANSITIONS.items()
        for (step, record), to in transitions.items()
        for outcome, after in to.items()
        if record == name
    }
    has_outcome = any(outcome != NOTHING for _, _, outcome in outcomes)
    silent = name in _WITHOUT_REASON

    def effect(family: Family, data: bytes, _: int, at: int, head: bytes, __: int) -> None:
        proposal_id = data[at : at + ID]
        outcome = _string(data, at + ID) if has_outcome else NOTHING
        period = _int(data, at + ID) if name == "ProposalSentToMinistry" else None
        for one in family.proposals.values():
            if one.proposal_id == proposal_id:
                try:
                    one.step = outcomes[one.kind, one.step, outcome]
                except LookupError as fault:
                    raise Odd from fault
                one.since, one.reason, one.last = head[-24:-ID], NOTHING, None if silent else data
                if name == "ProposalIdentityMatched":
                    one.padan = outcome
                elif period is not None:
                    one.period = period
                elif one.step == proposal.ENDORSED:
                    occurred_at, _ = read_long(head, len(head) - 24)
                    one.period = zigzag(calendar.period_for(one.kind[1:].decode(), occurred_at))

    return effect


_WITHOUT_REASON = frozenset(
    {"ProposalSubmitted", "ProposalIdentityMatched", "ProposalIdentityCorrected", "ProposalEndorsed"}
    | {"ProposalSentToMinistry", "ProposalDetermined"}
)
_EFFECTS: Mapping[str, Effect] = {
    "FamilyMoved": _move,
    "MembershipClaimed": _claim,
    "MembershipConfirmed": _confirm,
    "MembershipContested": _contest,
    "MembershipEnded": _end,
    "CivilRegistryMatched": _match,
    "GroundCheckRecorded": _visit,
    "FamilyRanked": _rank,
    "EligibilityDecided": _decide,
    "ReevaluationRequested": _request,
    "DeadlineReached": _due,
    "ProposalDrafted": _draft,
}


def effects(readable: Mapping[bytes, str]) -> dict[bytes, Effect]:
    """Return what the events of these frames do to a family that is there; they are told by their short names."""
    return {frame: _EFFECTS.get(name) or _step(name) for frame, name in readable.items() if name != REGISTERED}
