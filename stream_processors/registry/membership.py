"""Registration, moves and membership within one family.

Machine 4.D of the domain guide as far as one family sees it; who else claims a person is the persons fold's to know.
"""

from collections.abc import Iterator
from typing import Any

from schemas.bounds import MOST_MEMBERS
from schemas.records import (
    CivilRegistryMatched,
    Facet,
    FamilyArrived,
    FamilyMoved,
    FamilyRegistered,
    FamilyState,
    Member,
    MembershipClaimed,
    MembershipConfirmed,
    MembershipContested,
    MembershipEnded,
    MembershipNoted,
    PersonErased,
)
from stream_processors.indicators import counted
from stream_processors.registry import calendar, codes, facets
from stream_processors.registry.authority import is_desa, kind_and_area, region_exists
from stream_processors.registry.decision import AlreadyKnown, Answer, Event, Refused, facet_of, member_of
from stream_processors.registry.making import maker, replace

_member, _family_state, _noted = maker(Member), maker(FamilyState), maker(MembershipNoted)
_MONTHS = 12
_FIRST_BIRTH_YEAR = 1900
_CODED = (("sex", 1, 2), ("relationship", 1, 8), ("marital_status", 1, 4), ("presence", 1, 5))


def decide_residence(record: FamilyRegistered | FamilyMoved | FamilyArrived) -> Refused | None:
    """Refuse a region that doesn't exist in its own code system and edition, or is no desa (4.A: desa code)."""
    region = record.region
    if not region_exists(region.system, region.edition, region.code):
        return Refused("WILAYAH_TIDAK_ADA", "/region/code", f"no such code in {region.system} {region.edition}")
    if not is_desa(region.system, region.edition, region.code):
        return Refused("WILAYAH_BUKAN_DESA", "/region/code", "a family lives in a desa or kelurahan")
    return None


def decide_claim(record: MembershipClaimed, state: FamilyState, recorded_at: int) -> Refused | None:
    """Refuse a claim outside the code lists (V3, Regsosek 404, 405, 408, 409), or of more people than a state holds."""
    if len(state.members) >= MOST_MEMBERS and member_of(state, record.person_ref) is None:
        return Refused("MEMBERS_TOO_MANY", "/person_ref", f"a family has at most {MOST_MEMBERS} members on record")
    if not 1 <= record.birth_month <= _MONTHS:
        return Refused("V3", "/birth_month", "month of birth is 1 to 12")
    now = calendar.month_of(recorded_at)
    if record.birth_year < _FIRST_BIRTH_YEAR or record.birth_year * 100 + record.birth_month > now:
        return Refused("V3", "/birth_year", "year of birth is 1900 to now")
    for name, low, high in _CODED:
        if not low <= getattr(record, name) <= high:
            return Refused("CODE_UNKNOWN", f"/{name}", f"{name} is {low} to {high}")
    return None


def decide_about_member(record: Answer, state: FamilyState) -> Refused | AlreadyKnown | None:
    """Refuse what is said about a person the family never claimed, or with a code outside its list.

    An answer that comes when another claim is in force, or none, has nothing left to do: the family spoke meanwhile,
    the person's record hears of it, and answers again.
    """
    member = member_of(state, record.person_ref)
    if member is None:
        return Refused("MEMBER_UNKNOWN", "/person_ref", "this family never claimed the person")
    match record:
        case MembershipContested() if record.reason not in codes.CONTEST_REASONS:
            return Refused("REASON_UNKNOWN", "/reason", "a contest names its reason")
        case MembershipConfirmed() | MembershipContested():
            stale = record.claim_id != member.claim_id or member.standing == codes.ENDED
            return AlreadyKnown() if stale else None
        case MembershipEnded() if record.reason not in codes.END_REASONS:
            return Refused("REASON_UNKNOWN", "/reason", "an ending names its reason")
        case CivilRegistryMatched() if record.status not in codes.PADAN_STATUSES:
            return Refused("CODE_UNKNOWN", "/status", "not a padan status")
        case CivilRegistryMatched():
            return _decide_match(record, state)
        case _:
            return None


def _decide_match(record: CivilRegistryMatched, state: FamilyState) -> Refused | None:
    """Refuse a judgement of a name that is not in doubt, or that says neither which, nor yes or no, nor why.

    The civil registry's own word is taken; a doubt comes with the name that somebody is to judge.
    """
    judged = kind_and_area(record.header.agency)[0] != "dukcapil"
    if record.resolves is None and judged:
        return Refused("NAME_NOT_IN_DOUBT", "/resolves", "the civil registry matches; others judge a name in doubt")
    if record.resolves is None:
        unnamed = record.status == codes.NAME_IN_DOUBT and not record.registry_name
        return Refused("NAME_MISSING", "/registry_name", "a doubt comes with the name in doubt") if unnamed else None
    member, latest = member_of(state, record.person_ref), facet_of(state, f"padan/{record.person_ref}")
    in_doubt = member is not None and member.padan == codes.NAME_IN_DOUBT
    if not judged or not in_doubt or latest is None or latest.change_id != record.resolves:
        return Refused("NAME_NOT_IN_DOUBT", "/resolves", "no such name waits to be judged")
    if record.status not in {codes.PADAN, codes.NAME_DIFFERS}:
        return Refused("CODE_UNKNOWN", "/status", "a name is judged PADAN or NAMA_BEDA")
    if not (record.reason or "").strip():
        return Refused("REASON_MISSING", "/reason", "a judgement says what it rests on")
    return None


def registered(record: FamilyRegistered, event: Event) -> FamilyState:
    """Return the state of a family that has just entered the registry."""
    prefix = event.prefix
    return _family_state(
        sequence=prefix.sequence,
        recorded_at=prefix.recorded_at,
        family_id=prefix.family_id,
        counted=counted.written(codes.FAMILY_ACTIVE, record.region, 0, (), (), ()),
        region=record.region,
        status=codes.FAMILY_ACTIVE,
        decile=0,
        percentile=-1,
        ranking_run="",
        members=(),
        proposals=(),
        eligibility=(),
        facets=facets.put(facets.put((), "registration", event), "residence", event),
        recent_changes=prefix.change_id,
    )


def evolve_move(state: FamilyState, record: FamilyMoved, event: Event) -> dict[str, Any]:
    """Return what a move changes; an older move than the one in force changes nothing but history."""
    if not facets.holds(state, "residence", event):
        return {}
    return {"region": record.region, "facets": facets.put(state.facets, "residence", event)}


def evolve_claim(state: FamilyState, record: MembershipClaimed, event: Event) -> dict[str, Any]:
    """Return what a claim changes: the person is a pending member, unless a later ending is in force."""
    name = f"member/{record.person_ref}"
    if not facets.holds(state, name, event):
        return {}
    previous = member_of(state, record.person_ref)
    ended = previous is not None and previous.standing == codes.ENDED
    standing = facet_of(state, f"standing/{record.person_ref}")
    still_ended = ended and standing is not None and standing.occurred_at > event.prefix.occurred_at
    member = _member(
        person_ref=record.person_ref,
        standing=codes.ENDED if still_ended else codes.PENDING,
        padan=previous.padan if previous else "",
        birth_year=record.birth_year,
        birth_month=record.birth_month,
        sex=record.sex,
        relationship=record.relationship,
        marital_status=record.marital_status,
        claim_id=event.prefix.change_id,
        reason=previous.reason if previous and still_ended else "",
        severe_disability=previous.severe_disability if previous else False,
        work_status=previous.work_status if previous else 0,
    )
    return {"members": _put(state.members, member), "facets": facets.put(state.facets, name, event)}


def evolve_standing(
    state: FamilyState, record: MembershipConfirmed | MembershipContested | MembershipEnded, event: Event
) -> dict[str, Any]:
    """Return what an answer to a claim, or an ending, changes for one member."""
    name = f"standing/{record.person_ref}"
    member = member_of(state, record.person_ref)
    claim = facet_of(state, f"member/{record.person_ref}")
    if member is None or claim is None or not facets.holds(state, name, event):
        return {}
    match record:
        case MembershipConfirmed():
            changed = replace(member, standing=codes.CONFIRMED, reason="")
        case MembershipContested():
            changed = replace(member, standing=codes.CONTESTED, reason=record.reason)
        case _ if event.prefix.occurred_at >= claim.occurred_at:
            changed = replace(member, standing=codes.ENDED, reason=record.reason)
        case _:
            changed = member  # it ended an older stay: the claim in force began later
    return {"members": _put(state.members, changed), "facets": facets.put(state.facets, name, event)}


def evolve_match(state: FamilyState, record: CivilRegistryMatched, event: Event) -> dict[str, Any]:
    """Return what the civil registry's answer changes for one member."""
    name = f"padan/{record.person_ref}"
    member = member_of(state, record.person_ref)
    if member is None or not facets.holds(state, name, event):
        return {}
    changed = replace(member, padan=record.status)
    return {"members": _put(state.members, changed), "facets": facets.put(state.facets, name, event)}


def noted(before: FamilyState | None, event: Event, after: FamilyState) -> Iterator[MembershipNoted]:
    """Yield what an accepted event says about who belongs to the family, for the persons' own records.

    A claim, an ending and an erasure by themselves, also where a later one is in force; of any other event, whom it
    made a member, or a member no longer.
    """
    match event.record:
        case MembershipClaimed() as record:
            yield _of(event, record, "CLAIMED", event.prefix.change_id)
        case MembershipEnded() as record:
            yield _of(event, record, "ENDED", event.prefix.change_id, record.reason)
        case PersonErased() as record:
            yield _of(event, record, "ERASED", event.prefix.change_id)
        case _ if before is not None and after.members is not before.members:
            for member in after.members:
                was = member_of(before, member.person_ref)
                held = was is not None and was.standing != codes.ENDED
                if member.standing == codes.ENDED and held:
                    yield _of(event, member, "ENDED", event.prefix.change_id, member.reason)
                if member.standing != codes.ENDED and (was is None or not held or was.claim_id != member.claim_id):
                    yield _of(event, member, "CLAIMED", member.claim_id)
        case _:
            pass


def held(state: FamilyState) -> Iterator[MembershipNoted]:
    """Yield what a state alone says of who belongs to the family, and who did: each claim and ending in force.

    For a family that was folded before there were persons' records. What the events themselves told is the same facts,
    so that told again they change nothing.
    """
    for member in state.members:
        claim = facet_of(state, f"member/{member.person_ref}")
        ending = facet_of(state, f"standing/{member.person_ref}")
        if claim is not None:
            yield _fact(state, member, "CLAIMED", claim)
        if member.standing == codes.ENDED and ending is not None:
            yield _fact(state, member, "ENDED", ending)


def _fact(state: FamilyState, member: Member, kind: str, facet: Facet) -> MembershipNoted:
    claimed = kind == "CLAIMED"
    return _noted(
        person_ref=member.person_ref,
        family_id=state.family_id,
        kind=kind,
        occurred_at=facet.occurred_at,
        sequence=facet.sequence,
        change_id=facet.change_id,
        birth_year=member.birth_year if claimed else 0,
        birth_month=member.birth_month if claimed else 0,
        sex=member.sex if claimed else 0,
        reason="" if claimed else member.reason,
    )


def _of(
    event: Event,
    of: Member | MembershipClaimed | MembershipEnded | PersonErased,
    kind: str,
    change_id: bytes,
    reason: str = "",
) -> MembershipNoted:
    said = of if isinstance(of, Member | MembershipClaimed) and kind == "CLAIMED" else None
    return _noted(
        person_ref=of.person_ref,
        family_id=event.prefix.family_id,
        kind=kind,
        occurred_at=event.prefix.occurred_at,
        sequence=event.prefix.sequence,
        change_id=change_id,
        birth_year=said.birth_year if said else 0,
        birth_month=said.birth_month if said else 0,
        sex=said.sex if said else 0,
        reason=reason,
    )


def _put(members: tuple[Member, ...], member: Member) -> tuple[Member, ...]:
    for index, one in enumerate(members):
        if one.person_ref == member.person_ref:
            return (*members[:index], member, *members[index + 1 :])
    return (*members, member)
