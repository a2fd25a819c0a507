"""The family aggregate: `decide` what a change becomes, `evolve` what events add up to.

Refusal lives in `decide` alone; `evolve` never refuses, so that replaying accepted events gives the same state
whatever happens to the rules later. Pure: no clock, no randomness, no I/O.

Longer than most modules: each of the closed lists of changes and events is matched in one place, a line each, so that
a type checker finds the one that is missing; what a line does is its own module's.
"""

from typing import Any, NamedTuple, get_args

from schemas.records import (
    AidAllocated,
    AidReceived,
    AidResumed,
    AidStopped,
    AidSuspended,
    AidWaitlisted,
    CivilRegistryMatched,
    DeadlineReached,
    DinsosReviewCompleted,
    EligibilityDecided,
    ExclusionLifted,
    FamilyArrived,
    FamilyExcluded,
    FamilyMoved,
    FamilyRanked,
    FamilyRegistered,
    FamilyState,
    FieldVerificationCompleted,
    GroundCheckRecorded,
    MembershipClaimed,
    MembershipConfirmed,
    MembershipContested,
    MembershipEnded,
    ObjectionDecided,
    PersonConditionRecorded,
    PersonErased,
    PersonReactivated,
    ProposalCancelled,
    ProposalDetermined,
    ProposalDrafted,
    ProposalEndorsed,
    ProposalEndorsementReturned,
    ProposalIdentityCorrected,
    ProposalIdentityMatched,
    ProposalNotDetermined,
    ProposalReopened,
    ProposalSentToMinistry,
    ProposalSubmitted,
    QualityControlCompleted,
    ReevaluationRequested,
    Region,
    VillageMeetingHeld,
)
from stream_processors.indicators import counted
from stream_processors.registry import (
    aid,
    authority,
    birthdays,
    calendar,
    cases,
    eligibility,
    erasure,
    grace,
    ground_check,
    head,
    matters,
    membership,
    objection,
    proposal,
    ranking,
    standing,
    verification,
)
from stream_processors.registry.decision import (
    AidStep,
    AlreadyKnown,
    CaseStep,
    Change,
    Event,
    FamilyStep,
    Refused,
    SequenceGap,
    accepted,
    record_name,
)
from stream_processors.registry.making import replace
from stream_processors.registry.rulebook import RuleBook

FOLD_VERSION = "5"
REMEMBERED = 64
LARGEST_CHANGE = 64 << 10  # bytes; above any form, far below what every topic takes
_ID = 16
_A_DAY = 86_400_000_000
_CHANGES_FACTS = frozenset(
    {
        FamilyRegistered,
        FamilyMoved,
        MembershipClaimed,
        MembershipConfirmed,
        MembershipContested,
        MembershipEnded,
        CivilRegistryMatched,
        GroundCheckRecorded,
        FamilyRanked,
        ReevaluationRequested,
        PersonReactivated,
        FamilyExcluded,
        ExclusionLifted,
        *get_args(FamilyStep),
        PersonConditionRecorded,
        *get_args(AidStep),  # PIP looks at who holds PKH
    }
)


class Handled(NamedTuple):
    """What one change did: its events in order (none when refused or known), and the family's state afterwards."""

    state: FamilyState | None
    events: tuple[Event, ...] = ()
    refused: Refused | None = None


def handle(change: Change, state: FamilyState | None, rules: RuleBook) -> Handled:
    """Return the outcome of one change: the accepted event and what follows from it, or a refusal, or nothing new."""
    decision = decide(change, state)
    match decision:
        case Refused():
            return Handled(state, refused=decision)
        case AlreadyKnown():
            return Handled(state)
        case Event():
            after = evolve(state, decision)
            derived = consequences(after, decision, rules, state)
            for event in derived:
                after = evolve(after, event)
            return Handled(after, (decision, *derived))


def decide(change: Change, state: FamilyState | None) -> Event | Refused | AlreadyKnown:
    """Return the event this change becomes, or the rule it breaks, or that it is known already."""
    if len(change.framed) > LARGEST_CHANGE:
        return Refused("TOO_LARGE", "", f"a change has at most {LARGEST_CHANGE} bytes")
    if state is None:
        return _decide_first(change)
    if known(state, change.prefix.change_id):
        return AlreadyKnown()
    verdict = _timely(change) or authority.refusal(change, _place(change, state)) or _decide_record(change, state)
    return accepted(change, state.sequence + 1) if verdict is None else verdict


def _decide_first(change: Change) -> Event | Refused:
    if not isinstance(change.record, FamilyRegistered):
        return Refused("FAMILY_NOT_REGISTERED", "/header/family_id", "the family is registered first")
    region = change.record.region
    refused = membership.decide_residence(change.record) or _timely(change) or authority.refusal(change, region)
    return refused or accepted(change, 1)


def _place(change: Change, state: FamilyState) -> Region:
    """Return where a change is said of: the place of the family, or the new one, whose office says that it arrived."""
    return change.record.region if isinstance(change.record, FamilyArrived) else state.region


def _timely(change: Change) -> Refused | None:
    if change.prefix.occurred_at > change.recorded_at + _A_DAY:
        return Refused("OCCURRED_IN_FUTURE", "/header/occurred_at", "later than it was said")
    if change.prefix.occurred_at < calendar.EARLIEST:
        return Refused("OCCURRED_TOO_EARLY", "/header/occurred_at", "before 1900: no family here has such a past")
    return None


def _decide_record(change: Change, state: FamilyState) -> Refused | AlreadyKnown | None:  # noqa: PLR0912  one line per record
    match change.record:
        case FamilyRegistered():
            return Refused("ALREADY_REGISTERED", "", "the family is in the registry; say what changed")
        case FamilyMoved() as record:
            return membership.decide_residence(record)
        case MembershipClaimed() as record:
            said = membership.decide_claim(record, state, change.recorded_at)
            return said or standing.decide_cause(record, change.prefix.occurred_at) or head.decide_claim(record, state)
        case MembershipConfirmed() | MembershipContested() | MembershipEnded() | CivilRegistryMatched() as record:
            return membership.decide_about_member(record, state)
        case GroundCheckRecorded() as record:
            return ground_check.decide(record, state)
        case FamilyRanked() as record:
            return ranking.decide(record, state)
        case ProposalDrafted() as record:
            return proposal.decide_draft(record, change, state)
        case DeadlineReached() as record:
            return _decide_deadline(record, state)
        case AidReceived() as record:
            return aid.decide_received(record, state, change.recorded_at)
        case PersonConditionRecorded() as record:
            return aid.decide_condition(record, state)
        case (AidAllocated() | AidWaitlisted() | AidSuspended() | AidResumed() | AidStopped()) as record:
            return aid.decide_step(record, change, state)
        case PersonErased() as record:
            return erasure.decide(record, state)
        case PersonReactivated() as record:
            return standing.decide_reactivated(record, change, state)
        case ReevaluationRequested():
            return None
        case (
            ProposalSubmitted()
            | ProposalIdentityMatched()
            | ProposalIdentityCorrected()
            | VillageMeetingHeld()
            | FieldVerificationCompleted()
            | DinsosReviewCompleted()
            | ProposalEndorsed()
            | ProposalEndorsementReturned()
            | ProposalSentToMinistry()
            | QualityControlCompleted()
            | ProposalDetermined()
            | ProposalNotDetermined()
            | ProposalReopened()
            | ProposalCancelled()
        ) as record:
            return proposal.decide_step(record, change, state)
        case _:
            return _decide_by_table(change.record, change, state)


def _decide_by_table(record: CaseStep | FamilyStep, change: Change, state: FamilyState) -> Refused | None:
    if isinstance(record, FamilyStep):
        return standing.decide(record, change, state)
    return matters.decide(record, change, state)


def _decide_deadline(record: DeadlineReached, state: FamilyState) -> AlreadyKnown | None:
    if record.kind == birthdays.KIND:
        return birthdays.decide(record, state)
    if record.kind == verification.KIND:
        return verification.decide(record, state)
    if grace.is_kind(record.kind):
        return grace.decide(record, state)
    if not cases.is_kind(record.kind):
        return proposal.decide_deadline(record, state)
    if aid.is_kind(record.kind):
        return None if aid.is_due(state, record) else AlreadyKnown()
    found = cases.due_case(state, record.subject_id, record.kind, record.due_at)
    return AlreadyKnown() if found is None else None


def known(state: FamilyState, change_id: bytes) -> bool:
    """Tell whether a change was accepted before: one of the last 64, in force for a facet, or a case's first."""
    recent = state.recent_changes
    at = recent.find(change_id)
    while at > 0 and at % _ID:  # a match across two ids is none
        at = recent.find(change_id, at + 1)
    if at >= 0 or change_id in [facet.change_id for facet in state.facets]:
        return True
    if state.cases and change_id in [one.case_id for one in state.cases]:
        return True
    return change_id in [one.proposal_id for one in state.proposals]


def evolve(state: FamilyState | None, event: Event) -> FamilyState:
    """Return the state after one event; an event seen before changes nothing, a missing one is a SequenceGap."""
    prefix = event.prefix
    if state is None:
        if prefix.sequence != 1 or not isinstance(event.record, FamilyRegistered):
            raise SequenceGap(f"a family begins with FamilyRegistered 1, not {record_name(event.record)}")
        return membership.registered(event.record, event)
    if prefix.sequence <= state.sequence:
        return state
    if prefix.sequence != state.sequence + 1:
        raise SequenceGap(f"event {prefix.sequence} follows event {state.sequence}")
    changes = _changes(state, event)
    changes["sequence"], changes["recorded_at"] = prefix.sequence, prefix.recorded_at
    changes["recent_changes"] = _recent(state, event)
    if not counted.FIELDS.isdisjoint(changes) or not counted.is_current(state.counted):
        changes["counted"] = counted.revised(state, changes)
    return replace(state, **changes)


def _recent(state: FamilyState, event: Event) -> bytes:
    if isinstance(event.record, EligibilityDecided):
        return state.recent_changes  # derived: its id never comes as a change
    return (state.recent_changes + event.prefix.change_id)[-REMEMBERED * _ID :]


def _changes(state: FamilyState, event: Event) -> dict[str, Any]:  # noqa: PLR0912  one line per record
    match event.record:
        case FamilyMoved() as record:
            changes = membership.evolve_move(state, record, event)
            return standing.evolve_moved(state, event, changes) if changes and state.cases else changes
        case MembershipClaimed() as record:
            return head.followed(state, event, membership.evolve_claim(state, record, event))
        case MembershipConfirmed() | MembershipContested() | MembershipEnded() as record:
            return head.followed(state, event, membership.evolve_standing(state, record, event))
        case CivilRegistryMatched() as record:
            return membership.evolve_match(state, record, event)
        case GroundCheckRecorded() as record:
            changes = ground_check.evolve(state, record, event)
            return _visited(changes, state, record, event) if state.cases else changes
        case FamilyRanked() as record:
            changes = ranking.evolve(state, record, event)
            outcome = "TANPA_DESIL" if record.decile is None else "DESIL"
            return _task_moved(changes, state, event, outcome, record.run_id) if changes and state.cases else changes
        case ProposalDrafted() as record:
            return proposal.evolve_draft(state, record, event)
        case DeadlineReached() as record:
            return _date_came(state, record, event)
        case AidReceived() as record:
            return aid.evolve_received(state, record)
        case PersonConditionRecorded() as record:
            return aid.evolve_condition(state, record, event)
        case (AidAllocated() | AidWaitlisted() | AidSuspended() | AidResumed() | AidStopped()) as record:
            return aid.evolve_step(state, record, event)
        case PersonErased() as record:
            return erasure.evolve(state, record, event)
        case PersonReactivated() as record:
            return head.followed(state, event, standing.evolve_reactivated(state, record, event))
        case EligibilityDecided() | ReevaluationRequested() as record:
            return eligibility.evolve(state, record) if isinstance(record, EligibilityDecided) else {}
        case (
            ProposalSubmitted()
            | ProposalIdentityMatched()
            | ProposalIdentityCorrected()
            | VillageMeetingHeld()
            | FieldVerificationCompleted()
            | DinsosReviewCompleted()
            | ProposalEndorsed()
            | ProposalEndorsementReturned()
            | ProposalSentToMinistry()
            | QualityControlCompleted()
            | ProposalDetermined()
            | ProposalNotDetermined()
            | ProposalReopened()
            | ProposalCancelled()
        ) as record:
            return proposal.evolve_step(state, record, event)
        case FamilyRegistered():
            raise SequenceGap("a family is registered once, as its first event")
        case _:
            return _changes_by_table(event.record, state, event)


def _changes_by_table(record: CaseStep | FamilyStep, state: FamilyState, event: Event) -> dict[str, Any]:
    if isinstance(record, FamilyStep):
        return standing.evolve(state, record, event)
    return matters.evolve(state, record, event)


def _date_came(state: FamilyState, record: DeadlineReached, event: Event) -> dict[str, Any]:
    if record.kind == birthdays.KIND:
        return {}  # what follows from an age are decisions
    if record.kind == verification.KIND:
        return verification.evolve_deadline(state, record, event)
    if grace.is_kind(record.kind):
        return grace.evolve_deadline(state, record)
    if aid.is_kind(record.kind):
        return aid.evolve_deadline(state, record, event)
    if cases.is_kind(record.kind):
        return cases.evolve_deadline(state, record, event)
    return proposal.evolve_deadline(state, record, event)


def _visited(changes: dict[str, Any], state: FamilyState, record: GroundCheckRecorded, event: Event) -> dict[str, Any]:
    """Return the changes of a visit, with the ground-check task's, and the overdue verification's that it is."""
    after = _task_moved(changes, state, event, str(record.result))
    found = after.get("cases", state.cases)
    moved = verification.evolve_visit(state, record.result, event, found) if changes else found
    return after if moved is found else {**after, "cases": moved}


def _task_moved(
    changes: dict[str, Any], state: FamilyState, event: Event, outcome: str, reference: str = ""
) -> dict[str, Any]:
    """Return the changes of a form or a rank, and with them the ground-check task's, where one awaited it."""
    moved = matters.followed(state, record_name(event.record), outcome, event, reference)
    return changes if moved is state.cases else {**changes, "cases": moved}


def consequences(
    state: FamilyState, event: Event, rules: RuleBook, before: FamilyState | None = None
) -> tuple[Event, ...]:
    """Return the registry's own events that follow from an accepted one: eligibility under the rules in force then.

    An objection that is upheld opens a proposal; an exclusion that ran out may change eligibility as one lifted does,
    and so may a month that began since the family was last changed: somebody may have had a birthday.
    """
    opened: tuple[Event, ...] = ()
    if type(event.record) not in _CHANGES_FACTS:
        match event.record:
            case ObjectionDecided():
                opened = objection.opened(state, event)
            case DeadlineReached(kind=kind) if cases.is_kind(kind):
                return _decisions(state, event, rules)
            case _:
                pass
        if before is None or not state.eligibility or not birthdays.is_new_month(before, event.prefix.recorded_at):
            return opened
    return (*opened, *_decisions(state, event, rules, len(opened)))


def _decisions(state: FamilyState, event: Event, rules: RuleBook, after: int = 0) -> tuple[Event, ...]:
    """Return the decisions that follow, numbered after so many other events that follow first."""
    in_force = rules.in_force(event.prefix.recorded_at)
    later = replace(state, sequence=state.sequence + after) if after else state
    return tuple(eligibility.decisions(later, event, in_force))
