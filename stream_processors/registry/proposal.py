"""Machine A, usulan: one proposal of each kind from draft to determination, as an allow-list.

Source: domain guide 4.A (law, practice; state names ours); the rows are machines/a-proposal.toml. Any pair of step and
record that isn't listed is refused.
"""

from typing import Any

from schemas.records import (
    DeadlineReached,
    FamilyState,
    FieldVerificationCompleted,
    Proposal,
    ProposalCancelled,
    ProposalDetermined,
    ProposalDrafted,
    ProposalEndorsed,
    ProposalIdentityMatched,
    ProposalReopened,
    ProposalSentToMinistry,
    QualityControlCompleted,
    VillageMeetingHeld,
)
from stream_processors.registry import calendar, cases, codes
from stream_processors.registry.authority import kind_and_area
from stream_processors.registry.decision import (
    AlreadyKnown,
    Change,
    Event,
    ProposalStep,
    Refused,
    facet_of,
    proposal_of,
    record_name,
)
from stream_processors.registry.machines.table import Transitions, machine
from stream_processors.registry.making import maker, replace

_proposal = maker(Proposal)

ENDORSED = "DISAHKAN"
AT_STATISTICS_OFFICE = "DISERAHKAN_BPS"
RANKED = "TERPERINGKAT"
MACHINE = machine("USULAN")
OPEN = MACHINE.standing("open")
TRANSITIONS: dict[str, Transitions] = {kind: MACHINE.transitions(kind) for kind in sorted(codes.PROPOSAL_KINDS)}
_REASON_DUE = frozenset((row.record, row.outcome) for row in MACHINE.rows if row.reason)
_REOPENED_BY = {row.outcome: row.actors for row in MACHINE.rows if row.record == "ProposalReopened"}


def outcome_of(record: Any) -> str:
    """Return what a step decided: its outcome, the civil registry's status for a match, or nothing."""
    return str(record.status) if isinstance(record, ProposalIdentityMatched) else str(getattr(record, "outcome", ""))


def reason_of(record: Any) -> str:
    """Return the reason code a step carries, or nothing."""
    if isinstance(record, QualityControlCompleted):
        return ",".join(record.reasons)
    return str(getattr(record, "reason", None) or "")


def decide_draft(record: ProposalDrafted, state: FamilyState) -> Refused | None:
    """Refuse an unknown kind, or a second open proposal of the same kind."""
    for name, allowed in (("kind", codes.PROPOSAL_KINDS), ("proposer", codes.PROPOSERS), ("channel", codes.CHANNELS)):
        if getattr(record, name) not in allowed:
            return Refused("CODE_UNKNOWN", f"/{name}", f"{name} is not in its list")
    current = next((one for one in state.proposals if one.kind == record.kind), None)
    if current is not None and current.step in OPEN:
        return Refused("PROPOSAL_OPEN", "/kind", f"a proposal of this kind is open at {current.step}")
    return cases.refused_ended(state)


def decide_step(record: ProposalStep, change: Change, state: FamilyState) -> Refused | None:
    """Refuse a step that machine A doesn't allow where the proposal stands, or that lacks its evidence."""
    proposal = proposal_of(state, record.proposal_id)
    if proposal is None:
        return Refused(
            "PROPOSAL_UNKNOWN", "/proposal_id", "no such proposal of this family, or a later one replaced it"
        )
    if isinstance(record, ProposalCancelled):
        return _cancelling(change, proposal)
    outcomes = TRANSITIONS[proposal.kind].get((proposal.step, record_name(record)))
    if outcomes is None:
        return Refused("ORDER", "", f"{record_name(record)} is not allowed at {proposal.step}")
    if outcome_of(record) not in outcomes:
        pointer = "/status" if isinstance(record, ProposalIdentityMatched) else "/outcome"
        return Refused("CODE_UNKNOWN", pointer, "not an outcome of this step")
    return _evidence(record) or _guard(change, proposal, state)


def _cancelling(change: Change, proposal: Proposal) -> Refused | None:
    if proposal.step not in OPEN:
        return Refused("ORDER", "", f"ProposalCancelled is not allowed at {proposal.step}")
    if change.prefix.agency not in {proposal.agency, "kemensos"}:
        return Refused("NOT_PROPOSER", "/header/agency", "only the proposer or the ministry cancels")
    return _evidence(change.record)


def _evidence(record: Any) -> Refused | None:
    many = isinstance(record, QualityControlCompleted)
    given = record.reasons if many else (reason_of(record),)
    due = (record_name(record), outcome_of(record)) in _REASON_DUE
    if due and not (given and all(one.strip() for one in given)):
        return Refused("REASON_MISSING", "/reasons" if many else "/reason", "the reason is never empty")
    match record:
        case VillageMeetingHeld() if not record.minutes_number.strip() or not 0 < record.signatures <= record.attendees:
            return Refused("MINUTES_MISSING", "/minutes_number", "a meeting has signed minutes")
        case FieldVerificationCompleted() if not record.questionnaire.strip():
            return Refused("EVIDENCE_MISSING", "/questionnaire", "a verification names its questionnaire")
        case ProposalEndorsed() if not record.signature.strip():
            return Refused("EVIDENCE_MISSING", "/signature", "an endorsement is signed")
        case ProposalEndorsed() if not record.batch_number.strip():
            return Refused("EVIDENCE_MISSING", "/batch_number", "an endorsement names its batch")
        case ProposalDetermined() if not record.determination_number.strip():
            return Refused("EVIDENCE_MISSING", "/determination_number", "a determination has its number")
        case ProposalDetermined() if not record.programme.strip():
            return Refused("EVIDENCE_MISSING", "/programme", "a determination names its programme")
        case ProposalReopened() if not record.evidence.strip():
            return Refused("EVIDENCE_MISSING", "/evidence", "what is taken up again rests on a new document")
        case _:
            return None


def _guard(change: Change, proposal: Proposal, state: FamilyState) -> Refused | None:
    match change.record:
        case VillageMeetingHeld() if proposal.padan != codes.PADAN:
            return Refused("NOT_MATCHED", "", "the identity is matched before the meeting")
        case ProposalSentToMinistry(period=period):
            cut_off = calendar.cut_off(proposal.kind, period) if calendar.is_month(period) else -1
            if change.prefix.occurred_at > cut_off or period < calendar.period_for(proposal.kind, proposal.since):
                return Refused("PERIOD_CLOSED", "/period", "sent after the month's cut-off: the next period applies")
        case ProposalReopened(outcome=outcome) if kind_and_area(change.prefix.agency)[0] not in _REOPENED_BY[outcome]:
            return Refused("AGENCY_MAY_NOT", "/header/agency", f"another office says {outcome}")
        case ProposalReopened(outcome="PERINGKAT_BARU"):
            ranking = facet_of(state, "ranking")
            if ranking is None or not state.decile or ranking.occurred_at <= proposal.since:
                return Refused("NO_NEWER_RANKING", "/outcome", "the rank is the one that was judged")
        case ProposalDetermined(programme=programme) if cases.excluded(state, programme):
            return Refused("EXCLUDED", "/programme", "the family is on the exclusion list of this programme")
    return None


def decide_deadline(record: DeadlineReached, state: FamilyState) -> AlreadyKnown | None:
    """Find nothing to do when the proposal has left DISAHKAN or its period has moved past this due date."""
    proposal = proposal_of(state, record.subject_id)
    if proposal is None or proposal.step != ENDORSED or due_at(proposal) != record.due_at:
        return AlreadyKnown()
    return None


def evolve_draft(state: FamilyState, record: ProposalDrafted, event: Event) -> dict[str, Any]:
    """Return the proposals with a new draft of its kind in place of an ended one."""
    new = _proposal(
        proposal_id=event.prefix.change_id,
        kind=record.kind,
        step="DRAF",
        padan="",
        proposer=record.proposer,
        agency=event.prefix.agency,
        period=0,
        since=event.prefix.occurred_at,
        reason="",
    )
    return {"proposals": (*[one for one in state.proposals if one.kind != record.kind], new)}


def evolve_step(state: FamilyState, record: ProposalStep, event: Event) -> dict[str, Any]:
    """Return the proposals with this one at its next step."""
    return {"proposals": tuple([_moved(one, record, event) for one in state.proposals])}


def _moved(proposal: Proposal, record: ProposalStep, event: Event) -> Proposal:
    if proposal.proposal_id != record.proposal_id:
        return proposal
    step = TRANSITIONS[proposal.kind][proposal.step, record_name(record)][outcome_of(record)]
    changes: dict[str, Any] = {"step": step, "since": event.prefix.occurred_at, "reason": reason_of(record)}
    if isinstance(record, ProposalIdentityMatched):
        changes["padan"] = record.status
    elif isinstance(record, ProposalSentToMinistry):
        changes["period"] = record.period
    elif step == ENDORSED:
        changes["period"] = calendar.period_for(proposal.kind, event.prefix.occurred_at)
    return replace(proposal, **changes)


def evolve_deadline(state: FamilyState, record: DeadlineReached, event: Event) -> dict[str, Any]:
    """Return the proposals with this one meant for the first month still open when the registry learned of it.

    A due date long past moves the proposal once, not month by month.
    """
    learned = max(event.prefix.recorded_at, record.due_at + 1)
    moved = [
        replace(one, period=calendar.period_for(one.kind, learned)) if one.proposal_id == record.subject_id else one
        for one in state.proposals
    ]
    return {"proposals": tuple(moved)}


def evolve_ranked(state: FamilyState, event: Event) -> tuple[Proposal, ...]:
    """Return the proposals with every one at the statistics office ranked (PemeringkatanSelesai)."""
    return tuple(
        [
            replace(one, step=RANKED, since=event.prefix.occurred_at, reason="")
            if one.step == AT_STATISTICS_OFFICE
            else one
            for one in state.proposals
        ]
    )


def due_at(proposal: Proposal) -> int | None:
    """Return when an endorsed proposal's month closes (microseconds), None at any other step."""
    return calendar.cut_off(proposal.kind, proposal.period) if proposal.step == ENDORSED else None
