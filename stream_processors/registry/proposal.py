"""Machine A, usulan: one proposal of each kind from draft to determination, as an allow-list.

Source: domain guide 4.A (law, practice; state names ours); the rows are machines/a-proposal.toml. Any pair of step and
record that isn't listed is refused, and so is a step that lacks what its row asks for: evidence, reason, guards.
"""

from collections.abc import Mapping
from typing import Any, Final

from schemas.records import (
    DeadlineReached,
    FamilyState,
    Proposal,
    ProposalDrafted,
    ProposalIdentityMatched,
    ProposalSentToMinistry,
    QualityControlCompleted,
)
from stream_processors.registry import calendar, codes, matters
from stream_processors.registry.decision import (
    AlreadyKnown,
    Change,
    Event,
    ProposalStep,
    Refused,
    proposal_of,
    record_name,
)
from stream_processors.registry.machines.table import START, Row, Transitions, machine
from stream_processors.registry.making import maker, replace
from stream_processors.registry.proposal_guards import GUARDS, OPEN

__all__ = ["OPEN"]

_proposal = maker(Proposal)

ENDORSED = "DISAHKAN"
AT_STATISTICS_OFFICE = "DISERAHKAN_BPS"
RANKED = "TERPERINGKAT"
MACHINE = machine("USULAN")
HALTED = MACHINE.standing("halted")
TRANSITIONS: dict[str, Transitions] = {kind: MACHINE.transitions(kind) for kind in sorted(codes.PROPOSAL_KINDS)}
ROWS: Final[Mapping[str, Mapping[tuple[str, str, str], Row]]] = {
    kind: MACHINE.steps(kind) for kind in sorted(codes.PROPOSAL_KINDS)
}
_DRAFT: Final = MACHINE.steps()[START, "ProposalDrafted", ""]
REPLACES: Final = "MENGGANTIKAN_"


def outcome_of(record: Any) -> str:
    """Return what a step decided: its outcome, the civil registry's status for a match, or nothing."""
    return str(record.status) if isinstance(record, ProposalIdentityMatched) else str(getattr(record, "outcome", ""))


def reason_of(record: Any) -> str:
    """Return the reason code a step carries, or nothing."""
    if isinstance(record, QualityControlCompleted):
        return ",".join(record.reasons)
    return str(getattr(record, "reason", None) or "")


def decide_draft(record: ProposalDrafted, change: Change, state: FamilyState) -> Refused | None:
    """Refuse an unknown kind, or a second open proposal of the same kind."""
    current = next((one for one in state.proposals if one.kind == record.kind), None)
    return _refused(_DRAFT, record, change, state, current)


def decide_step(record: ProposalStep, change: Change, state: FamilyState) -> Refused | None:
    """Refuse a step that machine A has no row for where the proposal stands, or that lacks what its row asks."""
    proposal = proposal_of(state, record.proposal_id)
    if proposal is None:
        return Refused(
            "PROPOSAL_UNKNOWN", "/proposal_id", "no such proposal of this family, or a later one replaced it"
        )
    name = record_name(record)
    row = ROWS[proposal.kind].get((proposal.step, name, outcome_of(record)))
    if row is not None:
        return _refused(row, record, change, state, proposal)
    if (proposal.step, name) not in TRANSITIONS[proposal.kind]:
        return Refused("ORDER", "", f"{name} is not allowed at {proposal.step}")
    pointer = "/status" if isinstance(record, ProposalIdentityMatched) else "/outcome"
    return Refused("CODE_UNKNOWN", pointer, "not an outcome of this step")


def _refused(row: Row, record: Any, change: Change, state: FamilyState, proposal: Proposal | None) -> Refused | None:
    refused = matters.refused_words(row, record, change)
    if refused is not None:
        return refused
    for guard in row.guards:
        refused = GUARDS[guard](record, change, state, proposal)
        if refused is not None:
            return refused
    return None


def decide_deadline(record: DeadlineReached, state: FamilyState) -> AlreadyKnown | None:
    """Find nothing to do when the proposal has left DISAHKAN or its period has moved past this due date."""
    proposal = proposal_of(state, record.subject_id)
    if proposal is None or proposal.step != ENDORSED or due_at(proposal) != record.due_at:
        return AlreadyKnown()
    return None


def evolve_draft(state: FamilyState, record: ProposalDrafted, event: Event) -> dict[str, Any]:
    """Return the proposals with a new draft of its kind in place of an ended or halted one.

    A halted one ends by it: the draft's reason names where that stood.
    """
    replaced = next((one.step for one in state.proposals if one.kind == record.kind and one.step in HALTED), None)
    new = _proposal(
        proposal_id=event.prefix.change_id,
        kind=record.kind,
        step="DRAF",
        padan="",
        proposer=record.proposer,
        agency=event.prefix.agency,
        period=0,
        since=event.prefix.occurred_at,
        reason="" if replaced is None else REPLACES + replaced,
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
    """Return the proposals with those ranked that stood at the statistics office when the rank was true.

    A rank from before a proposal came there isn't the one it waits for (PemeringkatanSelesai).
    """
    occurred_at = event.prefix.occurred_at
    return tuple(
        [
            replace(one, step=RANKED, since=occurred_at, reason="")
            if one.step == AT_STATISTICS_OFFICE and occurred_at >= one.since
            else one
            for one in state.proposals
        ]
    )


def due_at(proposal: Proposal) -> int | None:
    """Return when an endorsed proposal's month closes (microseconds), None at any other step."""
    return calendar.cut_off(proposal.kind, proposal.period) if proposal.step == ENDORSED else None
