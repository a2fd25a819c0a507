"""Which due dates a transition schedules or withdraws: of proposals, cases, birthdays, and the next verification.

Source: domain guide 4.A (before the monthly cut-off, else next period); the rows by DeadlineReached of
machines/*.toml; UU 13/2011 art. 8. Each follows from a state, and birthdays from the rules in force when it was last
changed besides: what is scheduled is what two states following each other differ in. Pure; the timer is an agent's.
"""

from collections.abc import Iterator, Mapping

from schemas.records import DeadlineScheduled, FamilyState, Proposal
from stream_processors.registry import aid, birthdays, cases, grace, proposal, verification
from stream_processors.registry.rulebook import RuleBook

CUT_OFF = "PROPOSAL_CUT_OFF"
# Dates by which an office owes a step (complaint 7). That an exclusion runs out or a grace ends is nobody's delay.
BREACHES = frozenset({CUT_OFF, "OBJECTION_EXPIRY", "GROUND_CHECK_DUE", verification.KIND})
_NO_RULES = RuleBook()
_Due = tuple[bytes, int] | None


def is_breach(kind: str) -> bool:
    """Tell whether an office was late when a date of this kind, accepted, was reached."""
    return kind.partition(".")[0] in BREACHES


def scheduled(
    before: FamilyState | None, after: FamilyState, book: RuleBook = _NO_RULES
) -> Iterator[DeadlineScheduled]:
    """Yield a due date for whatever became due at another time, and a withdrawal for whatever is due no longer.

    `book` holds the rules in force when either state was last changed.
    """
    if before is None or before.cases is not after.cases or before.aid is not after.aid:
        yield from _of_cases(before, after)
    if before is None or before.proposals is not after.proposals:
        yield from _of_proposals(before, after)
    if before is not None:
        if verification.may_have_moved(before, after):
            was, now = verification.due_of(before), verification.due_of(after)
            yield from _moved(after, verification.KIND, was, now)
        if after.eligibility:
            yield from _of_birthdays(before, after, book)
            if before.eligibility is not after.eligibility:
                yield from _between(after, grace.dues(before), grace.dues(after))


def _of_birthdays(before: FamilyState, after: FamilyState, book: RuleBook) -> Iterator[DeadlineScheduled]:
    then, now = book.in_force(before.recorded_at), book.in_force(after.recorded_at)
    alike = then is now and before.members is after.members and before.eligibility is after.eligibility
    if alike and not birthdays.is_new_month(before, after.recorded_at):
        return
    yield from _moved(after, birthdays.KIND, birthdays.due_of(before, then), birthdays.due_of(after, now))


def _moved(after: FamilyState, kind: str, was: _Due, now: _Due) -> Iterator[DeadlineScheduled]:
    subject = now or was
    if was != now and subject is not None:
        yield DeadlineScheduled(
            family_id=after.family_id,
            kind=kind,
            subject_id=subject[0],
            due_at=None if now is None else now[1],
            sequence=after.sequence,
        )


def _of_proposals(before: FamilyState | None, after: FamilyState) -> Iterator[DeadlineScheduled]:
    old = {one.kind: one for one in before.proposals} if before is not None else {}
    for new in after.proposals:
        yield from _moved(after, f"{CUT_OFF}.{new.kind}", _due(old.get(new.kind)), _due(new))


def _due(one: Proposal | None) -> tuple[bytes, int] | None:
    if one is None:
        return None
    at = proposal.due_at(one)
    return None if at is None else (one.proposal_id, at)


def _of_cases(before: FamilyState | None, after: FamilyState) -> Iterator[DeadlineScheduled]:
    yield from _between(after, _awaited(before), _awaited(after))


def _between(
    after: FamilyState, old: Mapping[str, tuple[bytes, int]], new: Mapping[str, tuple[bytes, int]]
) -> Iterator[DeadlineScheduled]:
    for kind in sorted(old.keys() | new.keys()):
        yield from _moved(after, kind, old.get(kind), new.get(kind))


def _awaited(state: FamilyState | None) -> dict[str, tuple[bytes, int]]:
    """Return what a date is about, and when it is, for each kind of date of a case or of aid that is awaited."""
    aided = {kind: (said, due_at) for kind, said, due_at in aid.awaited(state)}
    found = ((one, cases.due_of(one)) for one in state.cases) if state is not None else ()
    return aided | {due[0]: (one.case_id, due[1]) for one, due in found if due is not None}
