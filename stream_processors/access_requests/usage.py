"""The dates of a usage report: due 30 days after hand-over, six reminders, then escalation. Pure; an agent keeps time.

Source: domain guide 4.F (30 days; H-7, H-1, H+1, H+7, H+14, H+30, then escalation). That escalation comes a day after
the last reminder, and a week after a report was sent back, is ours.
"""

from collections.abc import Iterator
from typing import Final
from uuid import uuid5

from schemas.identifiers import NAMESPACE
from schemas.records import AccessRequestState, DeadlineReached, DeadlineScheduled
from stream_processors.access_requests.transitions import ACCEPTED, MISSING
from stream_processors.registry.decision import AlreadyKnown, Refused

DAY: Final = 86_400_000_000
DUE_AFTER: Final = 30 * DAY
REMINDERS: Final = (-7, -1, 1, 7, 14, 30)
ESCALATION_DAY: Final = 31
REVISION: Final = 7 * DAY
KIND: Final = "USAGE_REPORT"
ESCALATION: Final = f"{KIND}.ESCALATION"


def kind_of(day: int) -> str:
    """Return the kind of the deadline of this reminder, as USAGE_REPORT.-7."""
    return f"{KIND}.{day}"


_DAYS: Final = {kind_of(day): day for day in REMINDERS}


def day_of(kind: str) -> int | None:
    """Return the day of the reminder that a deadline of this kind is, None for any other kind."""
    return _DAYS.get(kind)


def decide_deadline(
    record: DeadlineReached, state: AccessRequestState, recorded_at: int
) -> Refused | AlreadyKnown | None:
    """Tell whether a date that came moves anything: not one of another plan, nor while the report is under review."""
    day = day_of(record.kind)
    if day is None and record.kind != ESCALATION:
        return Refused("DEADLINE_UNKNOWN", "/kind", "no date of a usage report")
    expected = state.escalates_at if day is None else state.report_due_at + day * DAY
    if not state.report or record.due_at != expected or state.report not in MISSING:
        return AlreadyKnown()
    if recorded_at < record.due_at:
        return Refused("DEADLINE_EARLY", "/due_at", "the date has not come")
    done = state.escalated if day is None else day in state.reminded
    return AlreadyKnown() if done else None


def scheduled(before: AccessRequestState | None, after: AccessRequestState) -> Iterator[DeadlineScheduled]:
    """Yield each date that came to be awaited, or moved, and a withdrawal of each that no longer is."""
    old, new = _awaited(before), _awaited(after)
    for kind in sorted(old.keys() | new.keys()):
        due_at = new.get(kind)
        if due_at == old.get(kind) or (due_at is None and after.report != ACCEPTED):
            continue  # unchanged, or told: the agent forgot what it told
        yield DeadlineScheduled(
            family_id=after.request_id,
            kind=kind,
            subject_id=uuid5(NAMESPACE, f"{after.request_id}/{KIND}").bytes,
            due_at=due_at,
            sequence=after.sequence,
        )


def _awaited(state: AccessRequestState | None) -> dict[str, int]:
    if state is None or not state.report or state.report == ACCEPTED:
        return {}
    dates = {kind_of(day): state.report_due_at + day * DAY for day in REMINDERS if day not in state.reminded}
    return dates if state.escalated else {**dates, ESCALATION: state.escalates_at}
