"""What each record is about in the machines that are told by tables: which case, with what outcome, reason, reference.

`decide` refuses what no row allows, or what lacks its evidence or breaks a row's guard; `evolve` takes the row. Knows
records; the rows are machines/*.toml.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from schemas import records
from schemas.records import Case, FamilyState
from stream_processors.registry import cases, guards
from stream_processors.registry.authority import kind_and_area
from stream_processors.registry.cases import EXCLUSION, OBJECTION, PBI, TASK
from stream_processors.registry.decision import CaseStep, Change, Event, Refused, case_of, record_name
from stream_processors.registry.machines.table import Row, machine


class Matter(NamedTuple):
    """How a record speaks of a machine's cases."""

    machine: str
    about: Callable[[Any], tuple[str, ...]] = lambda _: ("",)
    by_id: str = ""  # the field that names the case, where there is one
    outcome: str = ""  # the field that decides
    reason: str = "reason"
    reference: Callable[[Any], str] = lambda _: ""


def _person(record: Any) -> tuple[str, ...]:
    return (record.person_ref,)


def _programmes(record: Any) -> tuple[str, ...]:
    return tuple(f"{record.exclusion}/{one}" for one in record.programmes)


def _batch(record: Any) -> str:
    return str(record.batch)


def _evidence(record: Any) -> str:
    return str(record.evidence)


MATTERS: Final[Mapping[type[Any], Matter]] = {
    records.ObjectionFiled: Matter(OBJECTION, lambda one: (one.objection_kind,)),
    records.ObjectionReceived: Matter(OBJECTION, by_id="objection_id"),
    records.ObjectionForwarded: Matter(OBJECTION, by_id="objection_id"),
    records.ObjectionDecided: Matter(OBJECTION, by_id="objection_id", outcome="outcome"),
    records.GroundCheckAssigned: Matter(TASK, reference=_batch),
    records.GroundCheckVisited: Matter(TASK, by_id="task_id"),
    records.GroundCheckExamined: Matter(TASK, by_id="task_id"),
    records.GroundCheckDecided: Matter(TASK, by_id="task_id", outcome="outcome"),
    records.GroundCheckForwarded: Matter(TASK, by_id="task_id", reference=_batch),
    records.PbiEnrolled: Matter(PBI, _person, reference=lambda one: str(one.determination_number)),
    records.PbiDeactivated: Matter(PBI, _person, outcome="reason", reference=_evidence),
    records.PbiReactivationProposed: Matter(PBI, _person, reason="ground", reference=_evidence),
    records.PbiReactivationDecided: Matter(PBI, _person, outcome="outcome"),
    records.PbiActivated: Matter(PBI, _person),
    records.FamilyExcluded: Matter(EXCLUSION, _programmes, reason="exclusion", reference=_evidence),
    records.ExclusionLifted: Matter(EXCLUSION, _programmes),
}
_UNKNOWN: Final = {
    OBJECTION: ("OBJECTION_UNKNOWN", "no such objection to this family, or a later one of its kind replaced it"),
    TASK: ("TASK_UNKNOWN", "no such task of this family, or a later one replaced it"),
}
_CODES: Final = {name: machine(name).codes for name in (OBJECTION, TASK, PBI, EXCLUSION)}
_EMPTY: Final = (None, (), b"", "")
_DAYS: Final = range(-25_567, 84_371)  # of 1900 to 2200, since 1970: the end of a far later one is no time at all


def decide(record: CaseStep, change: Change, state: FamilyState) -> Refused | None:
    """Refuse a code outside its list, a step that no row allows where its case stands, or one without its evidence."""
    matter = MATTERS[type(record)]
    refused = _codes(record, matter.machine)
    if refused is not None:
        return refused
    about = _about(record, matter, state)
    if about is None:
        code, sentence = _UNKNOWN[matter.machine]
        return Refused(code, f"/{matter.by_id}", sentence)
    if len(set(about)) < len(about):
        return Refused("CODE_TWICE", "/programmes", "each programme is named once")
    if not about:
        return Refused("EVIDENCE_MISSING", "/programmes", "at least one programme is named")
    for one in about:
        refused = _step(record, change, state, case_of(state, matter.machine, one))
        if refused is not None:
            return refused
    return None


def _codes(record: Any, name: str) -> Refused | None:
    for field, codes in _CODES[name].items():
        if field in type(record).__dataclass_fields__ and getattr(record, field) not in codes:
            return Refused("CODE_UNKNOWN", f"/{field}", f"{field} is not in its list")
    return None


def _about(record: Any, matter: Matter, state: FamilyState) -> tuple[str, ...] | None:
    if not matter.by_id:
        return matter.about(record)
    asked = getattr(record, matter.by_id)
    for case in state.cases:
        if case.machine == matter.machine and case.case_id == asked:
            return (case.about,)
    return None


def _step(record: Any, change: Change, state: FamilyState, case: Case | None) -> Refused | None:
    matter, name = MATTERS[type(record)], record_name(record)
    outcome = _outcome(record, matter)
    row = cases.row_of(matter.machine, case, name, outcome)
    if row is None:
        if not cases.is_outcome(matter.machine, name, outcome):
            return Refused("CODE_UNKNOWN", f"/{matter.outcome}", "not an outcome of this step")
        return Refused("ORDER", "", f"{name} is not allowed at {'nothing yet' if case is None else case.step}")
    if case is None and len(state.cases) >= cases.MOST:
        return Refused("CASES_TOO_MANY", "", f"a family has at most {cases.MOST} cases on record")
    return refused_row(row, record, change, state, case)


def refused_row(row: Row, record: Any, change: Change, state: FamilyState, case: Case | None) -> Refused | None:
    """Refuse what another agency than the row's says, or what lacks reason or evidence, or breaks a guard."""
    refused = refused_words(row, record, change)
    if refused is not None:
        return refused
    for guard in row.guards:
        refused = guards.GUARDS[guard](record, change, state, case)
        if refused is not None:
            return refused
    return None


def refused_words(row: Row, record: Any, change: Change) -> Refused | None:
    """Refuse what another agency than the row's says, or what lacks its reason, or one of its list, or evidence."""
    if kind_and_area(change.prefix.agency)[0] not in row.actors:
        return Refused("AGENCY_MAY_NOT", "/header/agency", f"{row.record} from {row.state or 'nothing'} isn't theirs")
    if row.reason and not _reasoned(record):
        return Refused("REASON_MISSING", _pointer(record), "the reason is never empty")
    if row.reasons and record.reason not in row.reasons:
        return Refused("REASON_UNKNOWN", "/reason", f"the reason is one of: {', '.join(row.reasons)}")
    refused = refused_evidence(row, record)
    if refused is not None:
        return refused
    day = getattr(record, row.due, None) if row.due else None
    if day is not None and day not in _DAYS:
        return Refused("CODE_UNKNOWN", f"/{row.due}", "a day of the years 1900 to 2200")
    return None


def refused_evidence(row: Row, record: Any) -> Refused | None:
    """Refuse what lacks a field that the row calls evidence."""
    for field in row.evidence:
        value = getattr(record, field)
        if value in _EMPTY or (isinstance(value, str) and not value.strip()):
            return Refused("EVIDENCE_MISSING", f"/{field}", f"{field} is never empty")
    return None


def _reasoned(record: Any) -> bool:
    """Tell whether a record gives its reason, or each of them where it may have several."""
    given = record.reasons if hasattr(record, "reasons") else (getattr(record, "reason", None),)
    return bool(given) and all(str(one or "").strip() for one in given)


def _pointer(record: Any) -> str:
    return "/reasons" if hasattr(record, "reasons") else "/reason"


def _outcome(record: Any, matter: Matter) -> str:
    return str(getattr(record, matter.outcome)) if matter.outcome else ""


def evolve(state: FamilyState, record: CaseStep, event: Event) -> dict[str, Any]:
    """Return the cases with those that the record is about at their next step."""
    matter = MATTERS[type(record)]
    found = state.cases
    for case in _next(state, record, matter, event):
        found = cases.put(found, case)
    return {"cases": found}


def _next(state: FamilyState, record: Any, matter: Matter, event: Event) -> Iterator[Case]:
    reason = str(getattr(record, matter.reason, None) or "")
    for about in _about(record, matter, state) or ():
        case = case_of(state, matter.machine, about)
        row = cases.row_of(matter.machine, case, record_name(record), _outcome(record, matter))
        if row is None:
            raise LookupError(f"no such step of {matter.machine}")
        yield cases.moved(
            case, row, event, machine=matter.machine, about=about, reason=reason, reference=matter.reference(record)
        )


def followed(state: FamilyState, record: str, outcome: str, event: Event, reference: str = "") -> tuple[Case, ...]:
    """Return the cases after a record that isn't about the ground-check task, and may move one: a form, a rank."""
    case = case_of(state, TASK)
    row = None if case is None else cases.row_of(TASK, case, record, outcome)
    if case is None or row is None or event.prefix.occurred_at < case.since:
        return state.cases
    after = cases.moved(case, row, event, machine=TASK, about="", reference=reference)
    return cases.put(state.cases, after)
