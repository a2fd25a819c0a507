"""One request for by-name-by-address data: `decide` what a change becomes, `evolve` what events add up to.

Refusal lives in `decide` alone; `evolve` never refuses. Which step follows which is `transitions`, who may say what is
`parties`, what may be asked for is `wanted`, when a report is due is `usage`. Pure.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, assert_never

from schemas import codec, records
from schemas.identifiers import derived_id
from schemas.records import AccessRequestState, Header
from stream_processors.access_requests import parties, transitions, usage, wanted
from stream_processors.access_requests.said import Change, ChangeRecord, Event, Handled, accepted, event_of
from stream_processors.registry import calendar
from stream_processors.registry.decision import AlreadyKnown, Refused, SequenceGap, record_name
from stream_processors.registry.machines.table import Row

FOLD_VERSION: Final = "1"
REMEMBERED: Final = 64
LARGEST_CHANGE: Final = 64 << 10
REPORT_MISSING: Final = "LAPORAN_TIDAK_DITERIMA"
SYSTEM_NOTES: Final = {
    "escalated": "usage report missing 31 days after it was due",
    "accepted": "usage report accepted",
}
_ID: Final = 16
_TERMS: Final = ("purposes", "fields", "regions", "most_persons", "valid_from", "valid_until")


def handle(change: Change, state: AccessRequestState | None) -> Handled:
    """Return the outcome of one change: the accepted event and what follows from it, a refusal, or nothing new."""
    decision = decide(change, state)
    match decision:
        case Refused():
            return Handled(state, refused=decision)
        case AlreadyKnown():
            return Handled(state)
        case Event():
            after = evolve(state, decision)
            events = [decision]
            for record in _consequences(state, after, decision):
                events.append(_follows(record, after))
                after = evolve(after, events[-1])
            return Handled(after, tuple(events))


def decide(change: Change, state: AccessRequestState | None) -> Event | Refused | AlreadyKnown:
    """Return the event this change becomes, or the rule it breaks, or that it is known already."""
    if len(change.framed) > LARGEST_CHANGE:
        return Refused("TOO_LARGE", "", f"a change has at most {LARGEST_CHANGE} bytes")
    if not calendar.EARLIEST <= change.prefix.occurred_at <= change.recorded_at + usage.DAY:
        return Refused("OCCURRED_AT_UNSOUND", "/header/occurred_at", "neither before 1900 nor later than it was said")
    if state is None:
        return _decide_first(change)
    if _known(state, change.prefix.change_id):
        return AlreadyKnown()
    verdict = parties.refusal(change, state) or _decide_record(change, state)
    return accepted(change, state.sequence + 1) if verdict is None else verdict


def _decide_first(change: Change) -> Event | Refused:
    if not isinstance(change.record, records.AccessRequestDrafted):
        return Refused("REQUEST_UNKNOWN", "/header/family_id", "a request begins with its draft")
    refused = parties.refused_requester(change.prefix.agency) or wanted.refused_draft(change.record)
    return refused or accepted(change, 1)


def _decide_record(change: Change, state: AccessRequestState) -> Refused | AlreadyKnown | None:  # noqa: PLR0911  one line per record
    record = change.record
    match record:
        case records.AccessRequestDrafted():
            return _listed(record, state) or wanted.refused_draft(record)
        case records.AccessRequestSubmitted() | records.UsageReportFiled():
            return _listed(record, state) or _refused_count(record)
        case records.AccessRequestReviewed() | records.UsageReportReviewed():
            return _decide_review(record, state)
        case records.AccessGranted():
            return _listed(record, state) or wanted.refused_grant(record, state)
        case records.DataHandedOver():
            return _listed(record, state) or _refused_file(record, state, change.recorded_at)
        case records.AccessSuspended() | records.AccessResumed():
            return _decide_standing(record, state)
        case records.DeadlineReached():
            return usage.decide_deadline(record, state, change.recorded_at)
        case _:
            assert_never(record)


def _decide_review(
    record: records.AccessRequestReviewed | records.UsageReportReviewed, state: AccessRequestState
) -> Refused | None:
    place = state.report if isinstance(record, records.UsageReportReviewed) else state.step
    of_step = f"REVIEW_{record.step}" if isinstance(record, records.UsageReportReviewed) else f"{record.step}_REVIEW"
    if place != of_step:
        return Refused("STEP_NOT_REACHED", "/step", f"it is {place or 'nowhere'}")
    refused = _listed(record, state)
    if refused is not None or not (record.note or _wants_note(record, place)):
        return refused
    return wanted.refused_note(record.note)


def _wants_note(record: records.AccessRequestReviewed | records.UsageReportReviewed, place: str) -> bool:
    row = _row_of(record, place)
    return row is not None and row.reason


def _row_of(record: ChangeRecord, place: str) -> Row | None:
    name, outcome = record_name(record), str(getattr(record, "outcome", ""))
    of = transitions.report_row if name in transitions.OF_REPORT else transitions.step_row
    return of(place, name, outcome)


def _listed(record: ChangeRecord, state: AccessRequestState) -> Refused | None:
    """Refuse what no row of the tables lets follow."""
    name = record_name(record)
    place = state.report if name in transitions.OF_REPORT else state.step
    if _row_of(record, place) is None:
        said = f"{name} {getattr(record, 'outcome', '')}".strip()
        return Refused("NOT_A_STEP", "", f"{said} does not follow {place or 'nothing'}")
    return None


def _refused_count(record: ChangeRecord) -> Refused | None:
    if not isinstance(record, records.UsageReportFiled):
        return None
    if record.records_used < 0 or not any(record.report_digest):
        return Refused("REPORT_UNSOUND", "/records_used", "a report tells how many records were used, and its SHA-256")
    return None


def _refused_file(record: records.DataHandedOver, state: AccessRequestState, recorded_at: int) -> Refused | None:
    if state.suspended:
        return Refused("AGREEMENT_SUSPENDED", "", "no file leaves while the agreement is suspended")
    if not state.valid_from <= recorded_at < state.valid_until:
        return Refused("AGREEMENT_NOT_IN_FORCE", "", "no file leaves before the agreement begins or after its end")
    if not 0 <= record.persons <= state.most_persons:
        return Refused("TOO_MANY_PERSONS", "/persons", "more persons than granted")
    if record.expires_at <= recorded_at:
        return Refused("TIME_UNSOUND", "/expires_at", "a file expires after it was handed over")
    return None


def _decide_standing(
    record: records.AccessSuspended | records.AccessResumed, state: AccessRequestState
) -> Refused | None:
    place, name = _agreement(state), record_name(record)
    if not any(row.state == place and row.record == name for row in transitions.AGREEMENT):
        return Refused("NOT_A_STEP", "", f"{name} does not follow {place or 'nothing'}")
    if isinstance(record, records.AccessSuspended) and record.reason not in transitions.REASONS:
        return Refused("REASON_UNKNOWN", "/reason", "a suspension names its reason")
    if isinstance(record, records.AccessResumed) and state.escalated and state.report != transitions.ACCEPTED:
        return Refused("REPORT_MISSING", "", "it is resumed once the usage report is accepted")
    return wanted.refused_note(record.note)


def _agreement(state: AccessRequestState) -> str:
    if not state.granted:
        return ""
    return transitions.SUSPENDED if state.suspended else transitions.IN_FORCE


def _known(state: AccessRequestState, change_id: bytes) -> bool:
    recent = state.recent_changes
    return change_id in {recent[at : at + _ID] for at in range(0, len(recent), _ID)}


def evolve(state: AccessRequestState | None, event: Event) -> AccessRequestState:
    """Return the state after one event; an event seen before changes nothing, a missing one is a SequenceGap."""
    prefix = event.prefix
    if state is None:
        if prefix.sequence != 1 or not isinstance(event.record, records.AccessRequestDrafted):
            raise SequenceGap(f"a request begins with AccessRequestDrafted 1, not {record_name(event.record)}")
        state = _blank(event)
    elif prefix.sequence <= state.sequence:
        return state
    elif prefix.sequence != state.sequence + 1:
        raise SequenceGap(f"event {prefix.sequence} follows event {state.sequence}")
    recent = (state.recent_changes + prefix.change_id)[-REMEMBERED * _ID :]
    return replace(
        state,
        sequence=prefix.sequence,
        recorded_at=prefix.recorded_at,
        recent_changes=recent,
        **_changes(state, event),
    )


def _blank(event: Event) -> AccessRequestState:
    terms = {name: getattr(event.record, name) for name in (*wanted.PAPERS, *_TERMS)}
    return AccessRequestState(
        sequence=0,
        recorded_at=0,
        request_id=event.prefix.family_id,
        agency=event.prefix.agency,
        step="",
        note="",
        granted=False,
        suspended="",
        file_digest=None,
        persons=0,
        expires_at=0,
        report="",
        report_due_at=0,
        escalates_at=0,
        reminded=(),
        escalated=False,
        records_used=-1,
        recent_changes=b"",
        **terms,
    )


def _changes(state: AccessRequestState, event: Event) -> dict[str, Any]:  # noqa: C901, PLR0911, PLR0912  one line per record
    record = event.record
    match record:
        case records.AccessRequestDrafted():
            return {name: getattr(record, name) for name in (*wanted.PAPERS, *_TERMS)} | _step(state, record)
        case records.AccessRequestSubmitted():
            return _step(state, record)
        case records.AccessRequestReviewed(note=note):
            return {"note": note, **_step(state, record)}
        case records.AccessGranted():
            return {name: getattr(record, name) for name in _TERMS} | {"granted": True, **_step(state, record)}
        case records.DataHandedOver():
            return _handed_over(record, event.prefix.recorded_at) | _step(state, record)
        case records.UsageReportFiled(records_used=used):
            return {"records_used": used, **_report(state, record)}
        case records.UsageReportReviewed(outcome=outcome, note=note):
            due = event.prefix.recorded_at + usage.REVISION if outcome == transitions.REVISE else 0
            return {"note": note, "escalates_at": max(state.escalates_at, due), **_report(state, record)}
        case records.UsageReportReminded(day=day):
            return {"reminded": (*state.reminded, day), **_report(state, record, "LATE" if day > 0 else "")}
        case records.UsageReportEscalated():
            return {"escalated": True}
        case records.AccessSuspended(reason=reason, note=note):
            return {"suspended": reason, "note": note}
        case records.AccessResumed(note=note):
            return {"suspended": "", "note": note}
        case records.DeadlineReached():
            return {}
        case _:
            assert_never(record)


def _step(state: AccessRequestState, record: Any) -> dict[str, str]:
    to = transitions.next_step(state.step, record_name(record), str(getattr(record, "outcome", "")))
    return {"step": state.step if to is None else to}


def _report(state: AccessRequestState, record: Any, outcome: str | None = None) -> dict[str, str]:
    said = str(getattr(record, "outcome", "")) if outcome is None else outcome
    to = transitions.next_report(state.report, record_name(record), said)
    return {"report": state.report if to is None else to}


def _handed_over(record: records.DataHandedOver, recorded_at: int) -> dict[str, Any]:
    due = recorded_at + usage.DUE_AFTER
    return {
        "file_digest": record.file_digest,
        "persons": record.persons,
        "expires_at": record.expires_at,
        "report": transitions.next_report("", "DataHandedOver", ""),
        "report_due_at": due,
        "escalates_at": due + usage.ESCALATION_DAY * usage.DAY,
    }


def _consequences(before: AccessRequestState | None, after: AccessRequestState, event: Event) -> Iterator[Any]:
    """Yield what the registry itself says then, by class and fields: reminders, escalation, suspension, resumption."""
    record = event.record
    if isinstance(record, records.DeadlineReached):
        day = usage.day_of(record.kind)
        if day is not None:
            yield records.UsageReportReminded, {"day": day, "due_at": after.report_due_at}
            return
        yield records.UsageReportEscalated, {"due_at": after.report_due_at}
        if not after.suspended:
            yield records.AccessSuspended, {"reason": REPORT_MISSING, "note": SYSTEM_NOTES["escalated"]}
    elif before is not None and after.suspended == REPORT_MISSING and after.report == transitions.ACCEPTED:
        yield records.AccessResumed, {"note": SYSTEM_NOTES["accepted"]}


def _follows(said: tuple[Any, dict[str, Any]], after: AccessRequestState) -> Event:
    """Return the registry's own event that follows the last one; its id is derived from that."""
    made, fields = said
    cause = after.recent_changes[-_ID:]
    header = Header(
        sequence=after.sequence + 1,
        recorded_at=after.recorded_at,
        occurred_at=after.recorded_at,
        change_id=derived_id(cause, made.__name__),
        family_id=after.request_id,
        agency=transitions.REGISTRY,
        actor="requests",
        document="",
        correlation_id=None,
        causation_id=cause,
    )
    return event_of(codec.encode(made(header=header, **fields)))
