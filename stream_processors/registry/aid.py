"""Aid of one family, programme by programme: a place within a quota, its suspension and end, and what was received.

Eligibility, quota and payment are three results (domain guide 1): a place wants a decision LAYAK where the programme
has rules here, and a payment wants neither; it is a fact, and names the determination that it rests on (4.G). Knows a
family's state; not how places are given out, and no rule of a programme.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, Final, Literal, NamedTuple

from schemas.records import (
    Aid,
    AidAllocated,
    AidReceived,
    AidStopped,
    AidWaitlisted,
    Condition,
    DeadlineReached,
    FamilyState,
    PersonConditionRecorded,
)
from stream_processors.indicators.measures import year_of
from stream_processors.registry import calendar, facets, grace, matters
from stream_processors.registry.decision import (
    AidStep,
    AlreadyKnown,
    Change,
    Event,
    Refused,
    eligibility_of,
    facet_of,
    member_of,
    record_name,
)
from stream_processors.registry.machines.table import Row, machine
from stream_processors.registry.making import maker, replace
from stream_processors.registry.ruleset import CONDITIONS

_aid, _condition = maker(Aid), maker(Condition)
HELD, WAITING, SUSPENDED, STOPPED, NONE = "DIALOKASIKAN", "CADANGAN", "DITANGGUHKAN", "DIHENTIKAN", ""
GRACE: Final = "MASA_TENGGANG"
MACHINE: Final = machine("KEPESERTAAN")
_ELIGIBLE: Final = "LAYAK"
_MOST_RUPIAH: Final = 10**12
_DAY: Final = 86_400_000_000
_MOST_CONDITIONS: Final = 256  # it bounds the state
PERIOD: Final = re.compile(r"20[0-9]{2}(-T[1-4]|-(0[1-9]|1[0-2]))?")
WAITLIST_REASONS: Final = frozenset(
    reason for row in MACHINE.rows if row.record == "AidWaitlisted" for reason in row.reasons
)
_STEPS: Final = MACHINE.steps()
_BEFORE, _NOW = "TENGGANG", "SEKARANG"  # an end that is told before its day, and one that isn't


class Kind(NamedTuple):
    """A programme as a kind of aid: who receives it and in what form; `rules` says that eligibility is decided here."""

    programme: str
    title: str
    recipient: Literal["keluarga", "orang"]
    form: Literal["tunai", "non_tunai"]
    payments: int
    rules: bool
    source: str


@cache
def kinds() -> Mapping[str, Kind]:
    """Every kind of aid that is known by name, by programme."""
    text = resources.files("stream_processors.registry").joinpath("rules/aid.toml").read_text(encoding="utf-8")
    return {row["programme"]: Kind(**row) for row in tomllib.loads(text)["aid"]}


def aid_of(state: FamilyState, programme: str) -> Aid | None:
    """Return where the family stands with a programme's aid, None where nothing was ever said."""
    return next((one for one in state.aid if one.programme == programme), None)


def decide_step(record: AidStep, change: Change, state: FamilyState) -> Refused | None:
    """Refuse a place without eligibility or determination, and a step that the standing doesn't allow."""
    refused = refused_programme(record.programme, state)
    if refused is not None:
        return refused
    now = aid_of(state, record.programme)
    row = _row(now, record, change.prefix.occurred_at)
    if row is None:
        return Refused("ORDER", "", f"{record_name(record)} is not allowed at {_standing(now) or 'nothing yet'}")
    refused = matters.refused_words(row, record, change)
    if refused is None and isinstance(record, AidAllocated | AidWaitlisted):
        return _place(record, state, now)
    return refused


def _row(now: Aid | None, record: AidStep, occurred_at: int) -> Row | None:
    return _STEPS.get((_standing(now), record_name(record), _outcome(record, occurred_at)))


def _standing(now: Aid | None) -> str:
    return NONE if now is None else now.standing


def _outcome(record: AidStep, occurred_at: int) -> str:
    if not isinstance(record, AidStopped):
        return ""
    return _BEFORE if _last_moment(record) > occurred_at else _NOW


def _last_moment(record: AidStopped) -> int:
    return calendar.end_of_day(record.effective_on - 1)


def refused_programme(programme: str, state: FamilyState) -> Refused | None:
    """Refuse a programme that neither the list of kinds names nor a decision of this family."""
    if programme in kinds() or eligibility_of(state, programme) is not None:
        return None
    return Refused("PROGRAMME_UNKNOWN", "/programme", "no kind of aid, and no programme that was decided here")


def _place(record: AidAllocated | AidWaitlisted, state: FamilyState, now: Aid | None) -> Refused | None:
    if not PERIOD.fullmatch(record.period):
        return Refused("CODE_UNKNOWN", "/period", "a period is 2025, 2025-T2 or 2025-07")
    if not record.run_id.strip() or record.place < 1:
        return Refused("RUN_MISSING", "/run_id", "a place names the allocation and its order, from 1")
    kind, decided = kinds().get(record.programme), eligibility_of(state, record.programme)
    kept = now is not None and now.standing == HELD and grace.runs(state, record.programme)
    by_rules = kind is None or kind.rules or decided is not None
    if by_rules and not kept and (decided is None or decided.result != _ELIGIBLE):
        return Refused("NOT_ELIGIBLE", "/programme", "a place is for a family that is LAYAK for the programme")
    if now is not None and now.standing == HELD and (now.period, now.run_id) == (record.period, record.run_id):
        return Refused("PLACE_GIVEN", "/period", "the family has its place of this allocation")
    if isinstance(record, AidWaitlisted):
        return None
    if not 0 <= record.amount_rupiah <= _MOST_RUPIAH:
        return Refused("CODE_UNKNOWN", "/amount_rupiah", "rupiah are not negative")
    return None


def decide_received(record: AidReceived, state: FamilyState, recorded_at: int) -> Refused | None:
    """Refuse aid of an unknown kind, of the wrong recipient, without determination, or of a day to come."""
    refused = refused_programme(record.programme, state)
    if refused is not None:
        return refused
    kind = kinds().get(record.programme)
    if kind is not None and (kind.recipient == "orang") != (record.person_ref is not None):
        return Refused("RECIPIENT_WRONG", "/person_ref", f"{record.programme} is received by: {kind.recipient}")
    if record.person_ref is not None and member_of(state, record.person_ref) is None:
        return Refused("MEMBER_UNKNOWN", "/person_ref", "this family never claimed the person")
    if not PERIOD.fullmatch(record.period):
        return Refused("CODE_UNKNOWN", "/period", "a period is 2025, 2025-T2 or 2025-07")
    if not 0 <= record.amount_rupiah <= _MOST_RUPIAH:
        return Refused("CODE_UNKNOWN", "/amount_rupiah", "rupiah are not negative")
    if not record.determination_number.strip():
        return Refused("EVIDENCE_MISSING", "/determination_number", "a payment names the penetapan it rests on")
    if not 0 < record.received_on <= recorded_at // _DAY + 1:
        return Refused("OCCURRED_IN_FUTURE", "/received_on", "aid is told once it was received")
    return None


def decide_condition(record: PersonConditionRecorded, state: FamilyState) -> Refused | AlreadyKnown | None:
    """Refuse a condition outside the list, of a stranger, or with a month that is none.

    A word that doesn't say which one (ordinal 0) adds nothing to one in force that does.
    """
    if member_of(state, record.person_ref) is None:
        return Refused("MEMBER_UNKNOWN", "/person_ref", "this family never claimed the person")
    if record.condition not in CONDITIONS:
        return Refused("CODE_UNKNOWN", "/condition", "condition is not in its list")
    if record.ordinal < 0 or (record.until and not calendar.is_month(record.until)):
        return Refused("CODE_UNKNOWN", "/until", "a month as 202512, or 0")
    if record.holds and len(state.conditions) >= _MOST_CONDITIONS:
        return Refused("CONDITIONS_TOO_MANY", "", f"a family has at most {_MOST_CONDITIONS} conditions on record")
    return AlreadyKnown() if record.holds and not record.ordinal and _better_known(record, state) else None


def _better_known(record: PersonConditionRecorded, state: FamilyState) -> bool:
    month = calendar.month_of(record.header.occurred_at)
    return any(
        one.ordinal and (not one.until or month <= one.until)
        for one in state.conditions
        if (one.person_ref, one.condition) == (record.person_ref, record.condition)
    )


def evolve_step(state: FamilyState, record: AidStep, event: Event) -> dict[str, Any]:
    """Return what a place, its suspension or its end changes; an older one than that in force changes nothing."""
    name = f"aid/{record.programme}"
    if not facets.holds(state, name, event):
        return {}
    now = aid_of(state, record.programme) or _nothing(record.programme)
    place: dict[str, Any] = {}
    match record:
        case AidAllocated():
            amount = record.amount_rupiah
            place = {"period": record.period, "run_id": record.run_id, "amount_rupiah": amount, "reason": ""}
        case AidWaitlisted():
            place = {"period": record.period, "run_id": record.run_id, "amount_rupiah": 0, "reason": record.reason}
        case _:
            place = {"reason": record.reason}
    row = _row(now, record, event.prefix.occurred_at)
    standing = now.standing if row is None else row.to
    due_at = _last_moment(record) if isinstance(record, AidStopped) and standing == GRACE else 0
    new = replace(now, standing=standing, sequence=event.prefix.sequence, due_at=due_at, **place)
    return {"aid": _put(state.aid, new), "facets": facets.put(state.facets, name, event)}


def awaited(state: FamilyState | None) -> Iterator[tuple[str, bytes, int]]:
    """Yield of each programme whose aid ends by itself: the kind of its date, what it is about, and when it is."""
    for one in state.aid if state is not None else ():
        if one.due_at and state is not None and (said := facet_of(state, f"aid/{one.programme}")) is not None:
            yield f"{MACHINE.deadline}.{one.programme}", said.change_id, one.due_at


def is_kind(kind: str) -> bool:
    """Tell whether a deadline of this kind is the end of a grace."""
    return kind.partition(".")[0] == MACHINE.deadline


def is_due(state: FamilyState, record: DeadlineReached) -> bool:
    """Tell whether a programme's aid ends on this date; not, when another word about it came meanwhile."""
    return (record.kind, record.subject_id, record.due_at) in awaited(state)


def evolve_deadline(state: FamilyState, record: DeadlineReached, event: Event) -> dict[str, Any]:
    """Return what the end of a grace changes: the aid has ended, for the reason that was told."""
    now = aid_of(state, record.kind.partition(".")[2])
    row = None if now is None else _STEPS.get((now.standing, record_name(record), ""))
    if now is None or row is None or not is_due(state, record):
        return {}
    ended = replace(now, standing=row.to, sequence=event.prefix.sequence, due_at=0)
    return {"aid": _put(state.aid, ended)}


def evolve_received(state: FamilyState, record: AidReceived) -> dict[str, Any]:
    """Return what a payment changes: the programme's last one, by its day, and whom it reached in that day's year."""
    now = aid_of(state, record.programme) or _nothing(record.programme)
    changes: dict[str, Any] = {}
    recipients = _recipients(state, record, now)
    if recipients != now.recipients:
        changes["recipients"] = recipients
    if record.received_on >= now.received_on:
        said = {"received_period": record.period, "received_rupiah": record.amount_rupiah}
        changes |= {"received_on": record.received_on, **said}
    return {"aid": _put(state.aid, replace(now, **changes))} if changes else {}


def _recipients(state: FamilyState, record: AidReceived, now: Aid) -> tuple[int, ...]:
    """Return the places of the members whom aid reached in its latest year, whatever the order it was told in.

    A family's aid reaches nobody by name; a place among the members is for good, and outlives an erasure.
    """
    year, latest = year_of(record.received_on), year_of(now.received_on)
    if year < latest:
        return now.recipients
    known = frozenset(now.recipients if year == latest else ())
    reached = {place for place, one in enumerate(state.members) if one.person_ref == record.person_ref}
    return tuple(sorted(known | reached))


def evolve_condition(state: FamilyState, record: PersonConditionRecorded, event: Event) -> dict[str, Any]:
    """Return what is on record of a member's condition; an older word than the one in force changes nothing."""
    name = f"{record.condition.lower()}/{record.person_ref}"
    if not facets.holds(state, name, event):
        return {}
    others = [
        one for one in state.conditions if (one.person_ref, one.condition) != (record.person_ref, record.condition)
    ]
    if record.holds:
        values = {"ordinal": record.ordinal, "until": record.until}
        others.append(_condition(person_ref=record.person_ref, condition=record.condition, **values))
    after = tuple(sorted(others, key=lambda one: (one.person_ref, one.condition)))
    return {"conditions": after, "facets": facets.put(state.facets, name, event)}


def _nothing(programme: str) -> Aid:
    return _aid(
        programme=programme,
        standing=NONE,
        period="",
        amount_rupiah=0,
        run_id="",
        reason="",
        sequence=0,
        received_period="",
        received_rupiah=0,
        received_on=0,
        recipients=(),
        due_at=0,
    )


def _put(entries: tuple[Aid, ...], new: Aid) -> tuple[Aid, ...]:
    return tuple(
        sorted([*[one for one in entries if one.programme != new.programme], new], key=lambda one: one.programme)
    )
