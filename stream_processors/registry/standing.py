"""The family's own standing, its relations to other families, and a person's way back: machine D.

Source: domain guide 4.D; the rows are machines/d-*.toml. A family that split, or took another one in, goes on; a move
across places has two halves, the old place's and the new one's, and holds once both are there, in whatever order they
came. Who belongs to a family is `membership`; what crosses families is the persons' own record.
"""

from typing import Any, Final

from schemas.records import (
    Case,
    FamilyAbsorbed,
    FamilyArrived,
    FamilyBranched,
    FamilyCardReissued,
    FamilyDeparted,
    FamilyMerged,
    FamilySplit,
    FamilyState,
    Member,
    PersonReactivated,
    Region,
)
from stream_processors.registry import calendar, cases, codes, facets, guards, matters
from stream_processors.registry.cases import ARRIVAL, FAMILY, RELATION
from stream_processors.registry.decision import (
    Change,
    Event,
    FamilyStep,
    Refused,
    case_of,
    facet_of,
    record_name,
)
from stream_processors.registry.machines.table import Row, machine
from stream_processors.registry.making import replace
from stream_processors.registry.split import child_id

AWAY: Final = "PINDAH"
WAITING, DIRECT, THERE = "MENUNGGU", "LANGSUNG", "SUDAH_TIBA"
_STEPS: Final = machine(FAMILY).steps()
_ANY: Final = {(row.record, row.outcome): row for row in reversed(machine(FAMILY).rows)}
_PERSON: Final = {
    "MENINGGAL": "NONAKTIF_MENINGGAL",
    "GANDA": "NONAKTIF_GANDA",
    "TIDAK_PADAN": "NONAKTIF_TIDAK_PADAN",
    "PINDAH_LN": "PINDAH_LN",
}


def person_state(member: Member) -> str:
    """Return where machine D has a member: AKTIF once confirmed; KELUAR where the person goes on in another family."""
    match member.standing:
        case codes.CONFIRMED:
            return "AKTIF"
        case codes.ENDED:
            return _PERSON.get(member.reason, "KELUAR")
        case _:
            return "TERDAFTAR"


def decide(record: FamilyStep, change: Change, state: FamilyState) -> Refused | None:
    """Refuse a step that machine D doesn't allow where the family stands, or that lacks its evidence."""
    name = record_name(record)
    row = _STEPS.get((state.status, name, _outcome(record, state)))
    if row is None:
        return Refused("ORDER", "", f"{name} is not allowed at {state.status}")
    refused = matters.refused_row(row, record, change, state, case_of(state, FAMILY))
    return refused or _refused_relation(record, change, state)


def _refused_relation(record: FamilyStep, change: Change, state: FamilyState) -> Refused | None:
    other = _other(record, change.prefix.change_id)
    if other is None:
        return None
    case = case_of(state, RELATION, other)
    if case is None and len(state.cases) >= cases.MOST:
        return Refused("CASES_TOO_MANY", "", f"a family has at most {cases.MOST} cases on record")
    if cases.row_of(RELATION, case, record_name(record), "") is None:
        return Refused("ORDER", "", f"{record_name(record)} is not allowed at {case.step if case else 'nothing yet'}")
    return None


def _outcome(record: FamilyStep, state: FamilyState) -> str:
    return THERE if isinstance(record, FamilyDeparted) and _waiting(state) is not None else ""


def _waiting(state: FamilyState) -> Case | None:
    case = case_of(state, ARRIVAL)
    return case if case is not None and case.step == WAITING else None


def _other(record: FamilyStep, change_id: bytes) -> str | None:
    """Return the other family that a record speaks of."""
    match record:
        case FamilySplit():
            return child_id(change_id)
        case FamilyBranched():
            return record.parent_id
        case FamilyMerged():
            return record.into_id
        case FamilyAbsorbed():
            return record.merged_id
        case _:
            return None


def _row(status: str, name: str, outcome: str) -> Row:
    """Return the row of an accepted step; in a part of history, where it may be out of order, what it says."""
    row = _STEPS.get((status, name, outcome))
    if row is not None:
        return row
    said = _ANY[name, outcome]
    return said._replace(state=status, to=status if said.to == said.state else said.to)


def evolve(state: FamilyState, record: FamilyStep, event: Event) -> dict[str, Any]:
    """Return what a step of the family changes: its standing with the reason, its relations, where it lives."""
    row = _row(state.status, record_name(record), _outcome(record, state))
    changes: dict[str, Any] = {"cases": _standing(state, row, record, event)}
    if row.to != state.status:
        changes["status"] = row.to
    match record:
        case FamilyArrived():
            changes |= _arrived(state, record, event, changes["cases"])
        case FamilyDeparted() if (waiting := _waiting(state)) is not None:
            changes |= _let_go(state, record, event, waiting)
        case FamilyCardReissued():
            changes["facets"] = facets.put(state.facets, "card", event)
        case _:
            pass
    other = _other(record, event.prefix.change_id)
    if other is not None:
        changes["cases"] = _related(changes["cases"], state, record, event, other)
    return changes


def _standing(state: FamilyState, row: Row, record: FamilyStep, event: Event) -> tuple[Case, ...]:
    """Return the cases with the family's own: it is there once the family's standing changed."""
    if row.to == state.status:
        return state.cases
    case = case_of(state, FAMILY)
    reason, evidence = str(getattr(record, "reason", "")), str(getattr(record, "evidence", ""))
    return cases.put(
        state.cases, cases.moved(case, row, event, machine=FAMILY, about="", reason=reason, reference=evidence)
    )


def _related(found: tuple[Case, ...], state: FamilyState, record: Any, event: Event, other: str) -> tuple[Case, ...]:
    case = case_of(state, RELATION, other)
    row = cases.row_of(RELATION, case, record_name(record), "")
    if row is None:
        raise LookupError("no such relation")
    reason, evidence = str(getattr(record, "reason", "")), str(getattr(record, "evidence", ""))
    after = cases.moved(case, row, event, machine=RELATION, about=other, reason=reason, reference=evidence)
    return cases.put(found, after)


def _arrived(state: FamilyState, record: FamilyArrived, event: Event, found: tuple[Case, ...]) -> dict[str, Any]:
    direct = state.status == AWAY
    case = case_of(state, ARRIVAL)
    row = cases.row_of(ARRIVAL, case, record_name(record), DIRECT if direct else WAITING)
    if row is None:
        raise LookupError("no such arrival")
    place = f"{record.region.system}/{record.region.edition}/{record.region.code}"
    after = cases.moved(case, row, event, machine=ARRIVAL, about="", reference=place)
    changes: dict[str, Any] = {"cases": cases.put(found, after)}
    changes["facets"] = facets.put(state.facets, "arrival", event)
    if direct:
        changes["region"] = record.region
        changes["facets"] = facets.put(changes["facets"], "residence", event)
    return changes


def _let_go(state: FamilyState, record: FamilyDeparted, event: Event, waiting: Case) -> dict[str, Any]:
    """Return what follows once the old place lets a family go that has arrived: it lives there since it arrived."""
    row = cases.row_of(ARRIVAL, waiting, record_name(record), "")
    arrival = facet_of(state, "arrival")
    if row is None or arrival is None:
        raise LookupError("no such arrival")
    system, _, rest = waiting.reference.partition("/")
    edition, _, code = rest.rpartition("/")  # an edition may have one of its own
    here = replace(arrival, name="residence")
    after = cases.moved(waiting, row, event, machine=ARRIVAL, about="", reason=record.reason)
    return {
        "region": Region(system=system, edition=edition, code=code),
        "cases": cases.put(state.cases, after),
        "facets": tuple([here if one.name == "residence" else one for one in state.facets]),
    }


def evolve_moved(state: FamilyState, event: Event, changes: dict[str, Any]) -> dict[str, Any]:
    """Return what a move in force changes besides: who was on the way has arrived, an arrival that waited is past."""
    found = state.cases
    if state.status == AWAY:
        row = _STEPS[AWAY, "FamilyMoved", ""]
        case = case_of(state, FAMILY)
        found = cases.put(found, cases.moved(case, row, event, machine=FAMILY, about="", reason="TIBA"))
        changes["status"] = row.to
    if (waiting := _waiting(state)) is not None:
        past = cases.row_of(ARRIVAL, waiting, "FamilyMoved", "")
        if past is not None:
            settled = cases.moved(waiting, past, event, machine=ARRIVAL, about="", reason="PINDAH_TERCATAT")
            found = cases.put(found, settled)
    return {**changes, "cases": found}


def decide_cause(record: Any, occurred_at: int) -> Refused | None:
    """Refuse a claim whose cause is in no list, or contradicts what it says of the person."""
    if record.cause not in machine("ORANG").codes["cause"]:
        return Refused("CODE_UNKNOWN", "/cause", "cause is not in its list")
    if record.cause == "LAHIR" and record.marital_status != codes.SINGLE:
        return Refused("CAUSE_CONTRADICTED", "/marital_status", "who was just born isn't married")
    if record.cause == "KAWIN" and record.marital_status != codes.MARRIED:
        return Refused("CAUSE_CONTRADICTED", "/marital_status", "who married into the family is married")
    if record.cause == "LAHIR" and record.birth_year * 100 + record.birth_month > calendar.month_of(occurred_at):
        return Refused("CAUSE_CONTRADICTED", "/birth_year", "nobody belongs to a family before birth")
    return None


def decide_reactivated(record: PersonReactivated, change: Change, state: FamilyState) -> Refused | None:
    """Refuse a way back for who isn't gone, without a reason and a document, or before what ended the membership."""
    gone = guards.GUARDS["STANDING_LATER"](record, change, state, None)
    row = machine("ORANG").steps()["KELUAR", "PersonReactivated", ""]
    return gone or matters.refused_row(row, record, change, state, None)


def evolve_reactivated(state: FamilyState, record: PersonReactivated, event: Event) -> dict[str, Any]:
    """Return the members with this one pending: the person's own record answers, as it does to a claim."""
    name = f"standing/{record.person_ref}"
    if not facets.holds(state, name, event):
        return {}
    back = [
        replace(one, standing=codes.PENDING, reason="") if one.person_ref == record.person_ref else one
        for one in state.members
    ]
    return {"members": tuple(back), "facets": facets.put(state.facets, name, event)}
