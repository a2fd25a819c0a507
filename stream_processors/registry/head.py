"""Who heads a family: one at most (V14), and a family that lost its head says so until another is named.

Source: domain guide V14 and 4.D; the rows are machines/d-head.toml. A second head is refused, but for one who is named
as the successor (GANTI_KEPALA): the words of one office that the head died, and of another who follows, are right in
either order, and what is missing is visible as such. Who belongs to the family is `membership`. Pure.
"""

from typing import Any, Final

from schemas.records import FamilyState, Member, MembershipClaimed, PersonReactivated
from stream_processors.registry import cases, codes
from stream_processors.registry.decision import Change, Event, Refused, case_of, facet_of, member_of, record_name

MACHINE: Final = "KEPALA_KELUARGA"
HEAD: Final = 1  # Regsosek 409
SUCCEEDS: Final = "GANTI_KEPALA"
_OUTCOMES: Final = ("TANPA", "SATU", "GANDA")
# Why, where the word itself has no reason.
_REASONS: Final = {"MembershipClaimed": "HUBUNGAN_BERUBAH", "MembershipConfirmed": "SENGKETA_SELESAI"}


def heads(members: tuple[Member, ...]) -> list[str]:
    """Return the references of the active members who are heads."""
    return [one.person_ref for one in members if one.relationship == HEAD and one.standing in codes.ACTIVE_STANDINGS]


def decide_claim(record: MembershipClaimed, state: FamilyState) -> Refused | None:
    """Refuse a second head who isn't named as the successor of the first (V14)."""
    if record.relationship != HEAD:
        if record.cause == SUCCEEDS:
            return Refused("CAUSE_CONTRADICTED", "/relationship", "who succeeds the head is the head")
        return None
    if record.cause == SUCCEEDS or _is_past(record, state):
        return None
    return _refused(record.person_ref, state, "/relationship")


def _is_past(record: MembershipClaimed, state: FamilyState) -> bool:
    """Tell whether a later word about the person is in force, so that this one makes nobody a head."""
    said = facet_of(state, f"member/{record.person_ref}")
    if said is not None and said.occurred_at > record.header.occurred_at:
        return True
    member, standing = member_of(state, record.person_ref), facet_of(state, f"standing/{record.person_ref}")
    ended = member is not None and member.standing == codes.ENDED
    return ended and standing is not None and standing.occurred_at > record.header.occurred_at


def _refused(person_ref: str, state: FamilyState, pointer: str) -> Refused | None:
    if all(one == person_ref for one in heads(state.members)):
        return None
    return Refused("V14", pointer, "a family has one head; a successor is claimed with cause GANTI_KEPALA")


def another(record: PersonReactivated, _: Change, state: FamilyState, __: object) -> Refused | None:
    """Refuse that a head comes back where another is the head by now; a claim says what the person is then."""
    member = member_of(state, record.person_ref)
    if member is None or member.relationship != HEAD:
        return None
    return _refused(record.person_ref, state, "/person_ref")


def followed(state: FamilyState, event: Event, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the changes of the members, and with them those of who heads the family, where that is another matter."""
    members: tuple[Member, ...] | None = changes.get("members")
    if members is None or not _concerns_heads(state.members, members):
        return changes
    before, after = len(heads(state.members)), len(heads(members))
    if before == after:
        return changes
    case, name = case_of(state, MACHINE), record_name(event.record)
    row = cases.row_of(MACHINE, case, name, _OUTCOMES[min(after, 2)])
    if row is None:
        return changes
    reason = "" if row.to == "BERKEPALA" else _reason(event.record, name, after)
    moved = cases.moved(case, row, event, machine=MACHINE, about="", reason=reason)
    return {**changes, "cases": cases.put(state.cases, moved)}


def _concerns_heads(before: tuple[Member, ...], after: tuple[Member, ...]) -> bool:
    """Tell whether anybody who changed is a head or was one; most who are spoken of are not."""
    changed = [(old, new) for old, new in zip(before, after, strict=False) if new is not old]
    found = [1 for old, new in changed if HEAD in (new.relationship, old.relationship)]
    return bool(found) or (len(after) > len(before) and after[-1].relationship == HEAD)


def _reason(record: Any, name: str, after: int) -> str:
    if name == "MembershipClaimed" and after > 1:
        return SUCCEEDS
    return str(getattr(record, "reason", None) or _REASONS[name])
