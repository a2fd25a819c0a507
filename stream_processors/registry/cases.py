"""A family's cases: where each of its matters stands in the machines that are told by tables alone.

Objections, the ground-check task, PBI-JKN memberships, exclusions, the family's own standing and its relations: what
leads where are the rows of machines/*.toml, what a row's guards look at is `guards`, and what a record is about is
`matters`. Knows states and rows; no topic, no clock. Nothing is taken out of the state: a matter that is over stays
until the same matter begins anew.
"""

from typing import Any, Final

from schemas.records import Case, FamilyState
from stream_processors.registry import calendar
from stream_processors.registry.decision import Event, Refused, record_name
from stream_processors.registry.machines.table import START, Row, machines
from stream_processors.registry.making import maker, replace

_case = maker(Case)
FAMILY, RELATION, ARRIVAL = "KELUARGA", "HUBUNGAN", "KEDATANGAN"
OBJECTION, TASK, PBI, EXCLUSION = "SANGGAH", "GROUND_CHECK", "PBI_JKN", "PENGECUALIAN"
IN_FORCE: Final = "BERLAKU"
OVERDUE: Final = "LEWAT_TENGGAT"  # the reason of what goes on though its date has passed
MOST: Final = 256  # cases on record; it bounds the state
_DAY: Final = 86_400_000_000
_GONE: Final = frozenset({"GABUNG", "BUBAR"})
_STEPS: Final = {one.name: one.steps() for one in machines().values()}
_ENDED: Final = {one.name: one.standing("ended") for one in machines().values()}
_DEADLINES: Final = {one.name: one.deadline for one in machines().values() if one.deadline}
_ENDS_AT: Final = {
    name: frozenset(row.state for row in one.rows if row.record == "DeadlineReached")
    for name, one in machines().items()
    if one.deadline
}


def row_of(machine: str, case: Case | None, record: str, outcome: str) -> Row | None:
    """Return the row by which this record leads on from where the matter stands; None where there is none.

    What is over may begin anew, as what never began.
    """
    steps = _STEPS[machine]
    if case is None:
        return steps.get((START, record, outcome))
    return steps.get((START if case.step in _ENDED[machine] else case.step, record, outcome))


def is_outcome(machine: str, record: str, outcome: str) -> bool:
    """Tell whether the record has this outcome anywhere in the machine."""
    return any(step[1:] == (record, outcome) for step in _STEPS[machine])


def moved(  # noqa: PLR0913  what a step says
    case: Case | None, row: Row, event: Event, *, machine: str, about: str, reason: str = "", reference: str = ""
) -> Case:
    """Return the case after a step; what begins has the id of the event that opened it."""
    prefix = event.prefix
    old = None if row.opens else case
    return _case(
        machine=machine,
        about=about,
        case_id=prefix.change_id if old is None else old.case_id,
        step=row.to,
        agency=prefix.agency if old is None else old.agency,
        since=prefix.occurred_at,
        due_at=_due(row, event) if row.due else _running(old, row),
        reason=reason,
        reference=reference or ("" if old is None else old.reference),
    )


def put(cases: tuple[Case, ...], case: Case) -> tuple[Case, ...]:
    """Return the cases with this one in place of the same matter's; the order of first appearance is kept."""
    for index, one in enumerate(cases):
        if one.about == case.about and one.machine == case.machine:
            return (*cases[:index], case, *cases[index + 1 :])
    return (*cases, case)


def _running(case: Case | None, row: Row) -> int:
    """Return the date that a step leaves running: where it leads, the same date is awaited."""
    return case.due_at if case is not None and row.to in _ENDS_AT.get(case.machine, ()) else 0


def _due(row: Row, event: Event) -> int:
    if hasattr(event.record, row.due):
        day = getattr(event.record, row.due)
        return 0 if day is None else calendar.end_of_day(day)
    return calendar.after_days(row.due, event.prefix.occurred_at)


def due_of(case: Case) -> tuple[str, int] | None:
    """Return the kind of a case's deadline and when it is (microseconds), None where it has none.

    A person's case is named by its id: a reference would stay in the key of a topic.
    """
    if not case.due_at or case.step not in _ENDS_AT.get(case.machine, ()):
        return None
    kind = _DEADLINES[case.machine]
    if case.due_at < calendar.scheduled_from(kind):
        return None
    about = case.case_id.hex() if case.machine == PBI else case.about
    return (f"{kind}.{about}" if about else kind), case.due_at


def due_case(state: FamilyState, subject_id: bytes, kind: str, due_at: int) -> Case | None:
    """Return the case that ends by itself on this date, None when it was moved, or is none of the family's."""
    for case in state.cases:
        if case.case_id == subject_id and due_of(case) == (kind, due_at):
            return case
    return None


def is_kind(kind: str) -> bool:
    """Tell whether a deadline of this kind is one of a case."""
    return kind.partition(".")[0] in _DEADLINES.values()


def evolve_deadline(state: FamilyState, record: Any, event: Event) -> dict[str, Any]:
    """Return what a date that came changes: the case is where its table says that it ends by itself.

    One that stays where it is, is overdue, and stays there since it came there.
    """
    case = due_case(state, record.subject_id, record.kind, record.due_at)
    if case is None:
        return {}
    row = row_of(case.machine, case, record_name(record), "")
    if row is None:
        return {}
    if row.to == case.step:
        return {"cases": put(state.cases, replace(case, due_at=0, reason=OVERDUE))}
    ended = replace(case, step=row.to, since=event.prefix.occurred_at, due_at=0)
    return {"cases": put(state.cases, ended)}


def excluded(state: FamilyState, programme: str) -> str:
    """Return the reason for which the family is excluded from a programme, or nothing."""
    for case in state.cases:
        if case.machine == EXCLUSION and case.step == IN_FORCE:
            code, _, of = case.about.partition("/")
            if of == programme:
                return code
    return ""


def refused_ended(state: FamilyState) -> Refused | None:
    """Refuse what begins anew for a family that goes on in another one, or in which nobody is left."""
    if state.status in _GONE:
        return Refused("FAMILY_ENDED", "", f"the family is {state.status}; its record is reactivated first")
    return None
