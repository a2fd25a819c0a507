"""What the guards of the machines' rows look at, by the code that they refuse with.

A row of machines/*.toml names its guards; one that is named nowhere here is a fault of the build, held by a test.
Machine A and the members have their own in `proposal_guards`, `ranking`, `membership` and `family`. Pure.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from schemas.records import Case, FamilyState
from stream_processors.registry import calendar, cases, codes, head, membership
from stream_processors.registry.decision import Change, Refused, facet_of, member_of, proposal_of
from stream_processors.registry.split import child_id, is_family_id

Guard = Callable[[Any, Change, FamilyState, Case | None], Refused | None]
_NOT_RECORDED: Final = frozenset({"", "NIK_TIDAK_DITEMUKAN", "NIK_KOSONG", "BELUM_REKAM_KTPEL"})


def _objector_elsewhere(record: Any, _: Change, state: FamilyState, __: Case | None) -> Refused | None:
    if record.objector_region == state.region:
        return None
    return Refused("OBJECTOR_ELSEWHERE", "/objector_region/code", "who objects lives in the family's desa or kelurahan")


def _objector_is_member(record: Any, _: Change, state: FamilyState, __: Case | None) -> Refused | None:
    if member_of(state, record.objector_ref) is None:
        return None
    return Refused("OBJECTOR_IS_MEMBER", "/objector_ref", "a member withdraws by a proposal, not by an objection")


def _decided_late(_: Any, change: Change, __: FamilyState, case: Case | None) -> Refused | None:
    if case is None or case.step != "KEDALUWARSA" or change.prefix.occurred_at <= case.since:
        return None
    return Refused("DECIDED_LATE", "/header/occurred_at", "it expired before it was decided")


def _family_ended(_: Any, __: Change, state: FamilyState, ___: Case | None) -> Refused | None:
    return cases.refused_ended(state)


def _member_unknown(record: Any, _: Change, state: FamilyState, __: Case | None) -> Refused | None:
    if member_of(state, record.person_ref) is not None:
        return None
    return Refused("MEMBER_UNKNOWN", "/person_ref", "this family never claimed the person")


def _member_not_active(record: Any, _: Change, state: FamilyState, __: Case | None) -> Refused | None:
    member = member_of(state, record.person_ref)
    if member is not None and member.standing in codes.ACTIVE_STANDINGS:
        return None
    return Refused("MEMBER_NOT_ACTIVE", "/person_ref", "the person is no active member of this family")


def _not_recorded(record: Any, _: Change, state: FamilyState, __: Case | None) -> Refused | None:
    member = member_of(state, record.person_ref)
    if member is not None and member.padan not in _NOT_RECORDED:
        return None
    return Refused("NOT_RECORDED", "/person_ref", "the NIK is recorded with the civil registry first")


def _not_matched(record: Any, _: Change, state: FamilyState, __: Case | None) -> Refused | None:
    member = member_of(state, record.person_ref)
    if member is not None and member.padan == codes.PADAN:
        return None
    return Refused("NOT_MATCHED", "/person_ref", "the NIK is matched with the civil registry first")


def _deactivated_earlier(_: Any, change: Change, __: FamilyState, case: Case | None) -> Refused | None:
    first = calendar.reactivation(change.prefix.occurred_at).deactivated_from
    if case is None or case.step != "NONAKTIF" or calendar.month_of(case.since) >= first:
        return None
    return Refused("DEACTIVATED_EARLIER", "/person_ref", f"it was deactivated before {first}")


def _data_outdated(_: Any, change: Change, state: FamilyState, __: Case | None) -> Refused | None:
    newest = max(one.occurred_at for one in state.facets)
    months = calendar.reactivation(change.prefix.occurred_at).fresh_months
    if calendar.months_between(newest, change.prefix.occurred_at) <= months:
        return None
    return Refused("DATA_OUTDATED", "", f"the family's data was updated more than {months} months before")


def _proposal_unsound(record: Any, _: Change, state: FamilyState, __: Case | None) -> Refused | None:
    if record.proposal_id is None:
        return None
    found = proposal_of(state, record.proposal_id)
    if found is not None and found.kind == "REAKTIVASI_PBI":
        return None
    return Refused("PROPOSAL_UNSOUND", "/proposal_id", "it rests on a usulan REAKTIVASI_PBI of this family, or on none")


def _cites_nothing_new(record: Any, _: Change, state: FamilyState, case: Case | None) -> Refused | None:
    since = 0 if case is None else case.since
    facts = [one.occurred_at for one in state.facets if one.change_id == record.cites]
    drafts = [one.since for one in state.proposals if one.proposal_id == record.cites]
    if any(at > since for at in (*facts, *drafts)):
        return None
    return Refused("CITES_NOTHING_NEW", "/cites", "an exclusion is lifted on a fact in force that is true later")


def _residence(record: Any, _: Change, __: FamilyState, ___: Case | None) -> Refused | None:
    return membership.decide_residence(record)


def _arrived_already(record: Any, _: Change, state: FamilyState, __: Case | None) -> Refused | None:
    if record.region != state.region or state.status != "AKTIF":
        return None
    return Refused("ARRIVED_ALREADY", "/region/code", "the family lives there on record")


def _residence_later(_: Any, change: Change, state: FamilyState, __: Case | None) -> Refused | None:
    residence = facet_of(state, "residence")
    if residence is None or residence.occurred_at <= change.prefix.occurred_at:
        return None
    return Refused("RESIDENCE_LATER", "/header/occurred_at", "where it lives on record is true later than this")


def _split_id_unsound(record: Any, _: Change, state: FamilyState, __: Case | None) -> Refused | None:
    if not is_family_id(record.parent_id) or record.parent_id == state.family_id:
        return Refused("FAMILY_UNSOUND", "/parent_id", "another family's id")
    if child_id(record.split_id) == state.family_id:
        return None
    return Refused("SPLIT_ID_UNSOUND", "/split_id", "this family's id doesn't follow from that split")


def _family_unsound(record: Any, _: Change, state: FamilyState, __: Case | None) -> Refused | None:
    field = "into_id" if hasattr(record, "into_id") else "merged_id"
    other = getattr(record, field)
    if is_family_id(other) and other != state.family_id:
        return None
    return Refused("FAMILY_UNSOUND", f"/{field}", "another family's id")


def _family_has_members(_: Any, __: Change, state: FamilyState, ___: Case | None) -> Refused | None:
    if all(one.standing not in codes.ACTIVE_STANDINGS for one in state.members):
        return None
    return Refused("FAMILY_HAS_MEMBERS", "", "a family in which somebody is left isn't dissolved")


def _standing_later(record: Any, change: Change, state: FamilyState, _: Case | None) -> Refused | None:
    member, standing = member_of(state, record.person_ref), facet_of(state, f"standing/{record.person_ref}")
    if member is None:
        return Refused("MEMBER_UNKNOWN", "/person_ref", "this family never claimed the person")
    if member.standing != codes.ENDED:
        return Refused("ORDER", "/person_ref", f"PersonReactivated is not allowed at {member.standing}")
    if standing is not None and standing.occurred_at > change.prefix.occurred_at:
        return Refused("STANDING_LATER", "/header/occurred_at", "what ended the membership is true later than this")
    return None


GUARDS: Final[Mapping[str, Guard]] = {
    "WILAYAH_TIDAK_ADA": _residence,
    "WILAYAH_BUKAN_DESA": _residence,
    "ARRIVED_ALREADY": _arrived_already,
    "RESIDENCE_LATER": _residence_later,
    "OBJECTOR_ELSEWHERE": _objector_elsewhere,
    "OBJECTOR_IS_MEMBER": _objector_is_member,
    "DECIDED_LATE": _decided_late,
    "FAMILY_ENDED": _family_ended,
    "MEMBER_UNKNOWN": _member_unknown,
    "MEMBER_NOT_ACTIVE": _member_not_active,
    "NOT_MATCHED": _not_matched,
    "NOT_RECORDED": _not_recorded,
    "DEACTIVATED_EARLIER": _deactivated_earlier,
    "DATA_OUTDATED": _data_outdated,
    "PROPOSAL_UNSOUND": _proposal_unsound,
    "CITES_NOTHING_NEW": _cites_nothing_new,
    "SPLIT_ID_UNSOUND": _split_id_unsound,
    "FAMILY_UNSOUND": _family_unsound,
    "FAMILY_HAS_MEMBERS": _family_has_members,
    "STANDING_LATER": _standing_later,
    "V14": head.another,
}
