"""Which due dates a transition schedules or withdraws: of endorsed proposals, and of cases that end by themselves.

Source: domain guide 4.A (before the monthly cut-off, else next period); the rows by DeadlineReached of
machines/*.toml. Pure; the timer itself is an agent's.
"""

from collections.abc import Iterator

from schemas.records import DeadlineScheduled, FamilyState, Proposal
from stream_processors.registry import cases, proposal

CUT_OFF = "PROPOSAL_CUT_OFF"
# Dates by which an office owes a step (complaint 7). That an exclusion runs out or a grace ends is nobody's delay.
BREACHES = frozenset({CUT_OFF, "OBJECTION_EXPIRY"})


def is_breach(kind: str) -> bool:
    """Tell whether an office was late when a date of this kind, accepted, was reached."""
    return kind.partition(".")[0] in BREACHES


def scheduled(before: FamilyState | None, after: FamilyState) -> Iterator[DeadlineScheduled]:
    """Yield a due date for each proposal or case that became due at another time, a withdrawal for each that left."""
    if before is None or before.cases is not after.cases:
        yield from _of_cases(before, after)
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


def _of_cases(before: FamilyState | None, after: FamilyState) -> Iterator[DeadlineScheduled]:
    old, new = _awaited(before), _awaited(after)
    for kind in sorted(old.keys() | new.keys()):
        was, now = old.get(kind), new.get(kind)
        if was == now:
            continue
        subject = now or was
        if subject is not None:
            due_at = None if now is None else now[1]
            yield DeadlineScheduled(
                family_id=after.family_id, kind=kind, subject_id=subject[0], due_at=due_at, sequence=after.sequence
            )


def _awaited(state: FamilyState | None) -> dict[str, tuple[bytes, int]]:
    """Return the case's id and its date of each kind of date that is awaited."""
    found = ((one, cases.due_of(one)) for one in state.cases) if state is not None else ()
    return {due[0]: (one.case_id, due[1]) for one, due in found if due is not None}
