"""When a family is due to be verified again, and which are overdue.

Source: UU 13/2011 art. 8 (verified and validated at least once in two years), counted from the last visit that brought
a form. A family that was never visited awaits its first verification, which no date of its own tells. Pure.
"""

from typing import Any, Final

from schemas.records import Case, DeadlineReached, FamilyState
from stream_processors.registry import calendar, cases, codes
from stream_processors.registry.decision import AlreadyKnown, Event, case_of, facet_of, record_name

KIND: Final = "REVERIFICATION"
MACHINE: Final = "VERIFIKASI"
_OVERDUE: Final = "JATUH_TEMPO"
_TERM: Final = "VERIFIKASI_ULANG"
_VISIT: Final = "ground_check"


def due_of(state: FamilyState) -> tuple[bytes, int] | None:
    """Return the visit in force (its change id) and until when the next is due (microseconds).

    None where the family isn't active, was never visited, or is overdue already, and where the date lies before those
    that are scheduled.
    """
    visit = facet_of(state, _VISIT)
    if visit is None or state.status != codes.FAMILY_ACTIVE:
        return None
    due_at = calendar.after_months(_TERM, visit.occurred_at)
    if due_at < calendar.scheduled_from(KIND) or _is_overdue(case_of(state, MACHINE)):
        return None
    return visit.change_id, due_at


def may_have_moved(before: FamilyState, after: FamilyState) -> bool:
    """Tell whether the date of the one state may be another than the other's."""
    if before.status != after.status or before.cases is not after.cases:
        return True
    if before.facets is after.facets:
        return False
    return facet_of(before, _VISIT) is not facet_of(after, _VISIT)


def _is_overdue(case: Case | None) -> bool:
    return case is not None and case.step == _OVERDUE


def decide(record: DeadlineReached, state: FamilyState) -> AlreadyKnown | None:
    """Find nothing to do where a later visit has moved the date, or it was told before."""
    return None if due_of(state) == (record.subject_id, record.due_at) else AlreadyKnown()


def evolve_deadline(state: FamilyState, record: DeadlineReached, event: Event) -> dict[str, Any]:
    """Return the cases with the family's re-verification overdue since the date."""
    return {"cases": _moved(state, event, record_name(record), "", state.cases)}


def evolve_visit(state: FamilyState, result: int, event: Event, found: tuple[Case, ...]) -> tuple[Case, ...]:
    """Return the cases after a visit that is now the one in force: what was overdue is verified."""
    return _moved(state, event, "GroundCheckRecorded", str(result), found)


def _moved(state: FamilyState, event: Event, record: str, outcome: str, found: tuple[Case, ...]) -> tuple[Case, ...]:
    case = case_of(state, MACHINE)
    row = cases.row_of(MACHINE, case, record, outcome)
    if row is None:
        return found
    return cases.put(found, cases.moved(case, row, event, machine=MACHINE, about=""))
