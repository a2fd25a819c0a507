"""What goes into a decision and what comes out of it.

Knows framed records and their prefix; must not know any rule.
"""

from dataclasses import dataclass
from typing import NamedTuple

from schemas import codec, prefix, records
from schemas.records import Case, Eligibility, Facet, FamilyState, Member, Proposal

ProposalStep = (
    records.ProposalSubmitted
    | records.ProposalIdentityMatched
    | records.ProposalIdentityCorrected
    | records.VillageMeetingHeld
    | records.FieldVerificationCompleted
    | records.DinsosReviewCompleted
    | records.ProposalEndorsed
    | records.ProposalEndorsementReturned
    | records.ProposalSentToMinistry
    | records.QualityControlCompleted
    | records.ProposalDetermined
    | records.ProposalNotDetermined
    | records.ProposalReopened
    | records.ProposalCancelled
)
CaseStep = (
    records.ObjectionFiled
    | records.ObjectionReceived
    | records.ObjectionForwarded
    | records.ObjectionDecided
    | records.GroundCheckAssigned
    | records.GroundCheckVisited
    | records.GroundCheckExamined
    | records.GroundCheckDecided
    | records.GroundCheckForwarded
    | records.PbiEnrolled
    | records.PbiDeactivated
    | records.PbiReactivationProposed
    | records.PbiReactivationDecided
    | records.PbiActivated
    | records.FamilyExcluded
    | records.ExclusionLifted
)
FamilyStep = (
    records.FamilyDeparted
    | records.FamilyArrived
    | records.FamilySplit
    | records.FamilyBranched
    | records.FamilyMerged
    | records.FamilyAbsorbed
    | records.FamilyDissolved
    | records.FamilyDeactivated
    | records.FamilyReactivated
    | records.FamilyCardReissued
)
Answer = (
    records.MembershipConfirmed | records.MembershipContested | records.MembershipEnded | records.CivilRegistryMatched
)
AidStep = records.AidAllocated | records.AidWaitlisted | records.AidSuspended | records.AidResumed | records.AidStopped
ChangeRecord = (
    records.FamilyRegistered
    | records.FamilyMoved
    | records.MembershipClaimed
    | Answer
    | records.ProposalDrafted
    | ProposalStep
    | CaseStep
    | FamilyStep
    | records.PersonReactivated
    | records.GroundCheckRecorded
    | records.FamilyRanked
    | records.DeadlineReached
    | records.ReevaluationRequested
    | records.PersonErased
    | AidStep
    | records.AidReceived
    | records.PersonConditionRecorded
)
EventRecord = ChangeRecord | records.EligibilityDecided


class Change(NamedTuple):
    """What an agency says, as received, and the time at which the registry came to know it (microseconds)."""

    framed: bytes
    prefix: prefix.Prefix
    record: ChangeRecord
    recorded_at: int


class Event(NamedTuple):
    """What the registry accepted: the change's bytes with sequence and recorded time filled in."""

    framed: bytes
    prefix: prefix.Prefix
    record: EventRecord


@dataclass(frozen=True, slots=True)
class Refused:
    """The rule that a change breaks and where: a JSON pointer into the change. Never a value of a person."""

    rule: str
    pointer: str
    explanation: str


@dataclass(frozen=True, slots=True)
class AlreadyKnown:
    """The same fact was accepted before, or nothing is left to do: neither event nor refusal."""


class SequenceGap(Exception):
    """An event doesn't follow its family's last one: a fault of storage or engine, never of input."""


def change_of(framed: bytes, recorded_at: int) -> Change:
    """Return the change in `framed`; raises Undecodable where it is none."""
    header, record = codec.read(framed)
    return Change(framed, header, record, recorded_at)


def event_of(framed: bytes) -> Event:
    """Return the event in `framed`, as read from the events topic; raises Undecodable where it is none."""
    return Event(framed, *codec.read(framed))


def accepted(change: Change, sequence: int) -> Event:
    """Return the event that a change becomes; its payload bytes are the change's own."""
    framed, stamped = prefix.stamp(change.framed, change.prefix, sequence, change.recorded_at)
    return Event(framed, stamped, change.record)


def record_name(record: object) -> str:
    """Return the short name of a record, as the rules spell it."""
    return type(record).__name__


def member_of(state: FamilyState, person_ref: str) -> Member | None:
    """Return the member with this reference, None when the family never claimed the person."""
    for member in state.members:
        if member.person_ref == person_ref:
            return member
    return None


def proposal_of(state: FamilyState, proposal_id: bytes) -> Proposal | None:
    """Return the proposal with this id among the latest of each kind."""
    return next((proposal for proposal in state.proposals if proposal.proposal_id == proposal_id), None)


def case_of(state: FamilyState, machine: str, about: str = "") -> Case | None:
    """Return where a matter of the family stands in one machine, None where it never began."""
    for case in state.cases:
        if case.machine == machine and case.about == about:
            return case
    return None


def eligibility_of(state: FamilyState, programme: str) -> Eligibility | None:
    """Return the latest decision for a programme."""
    return next((entry for entry in state.eligibility if entry.programme == programme), None)


def facet_of(state: FamilyState, name: str) -> Facet | None:
    """Return the facet of this name: the event that holds for it now."""
    for facet in state.facets:
        if facet.name == name:
            return facet
    return None
