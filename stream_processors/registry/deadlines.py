"""Which due dates a transition schedules or withdraws: the monthly cut-off of each endorsed proposal.

Source: domain guide 4.A (before the monthly cut-off, else next period). Pure; the timer itself is an agent's.
"""

from collections.abc import Iterator

from schemas.records import DeadlineScheduled, FamilyState, Proposal
from stream_processors.registry import proposal

CUT_OFF = "PROPOSAL_CUT_OFF"


def scheduled(before: FamilyState | None, after: FamilyState) -> Iterator[DeadlineScheduled]:
    """Yield a due date for each proposal that became due at another time, and a withdrawal for each that left."""
    if before is not None and before.proposals is after.proposals:
        return
    old = {one.kind: one for one in before.proposals} if before is not None else {}
    for new in after.proposals:
        was = _due(old.get(new.kind))
        now = _due(new)
        if was != now:
            yield DeadlineScheduled(
                family_id=after.family_id,
                kind=f"{CUT_OFF}.{new.kind}",
                subject_id=new.proposal_id,
                due_at=proposal.due_at(new),
                sequence=after.sequence,
            )


def _due(one: Proposal | None) -> tuple[bytes, int] | None:
    if one is None:
        return None
    at = proposal.due_at(one)
    return None if at is None else (one.proposal_id, at)
