"""Aid of one family, programme by programme: a place within a quota, its suspension and end, and what was received.

Eligibility, quota and payment are three results (domain guide 1): a place wants a decision LAYAK where the programme
has rules here, and a payment wants neither; it is a fact, and names the determination that it rests on (4.G). Knows a
family's state; not how places are given out, and no rule of a programme.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final, Literal, NamedTuple

from schemas.records import (
    Aid,
    AidAllocated,
    AidReceived,
    AidResumed,
    AidSuspended,
    AidWaitlisted,
    Condition,
    FamilyState,
    PersonConditionRecorded,
)
from stream_processors.registry import calendar, facets
from stream_processors.registry.decision import AidStep, Event, Refused, eligibility_of, member_of, record_name
from stream_processors.registry.making import maker, replace
from stream_processors.registry.ruleset import CONDITIONS

_aid, _condition = maker(Aid), maker(Condition)
HELD, WAITING, SUSPENDED, STOPPED, NONE = "DIALOKASIKAN", "CADANGAN", "DITANGGUHKAN", "DIHENTIKAN", ""
_ELIGIBLE: Final = "LAYAK"
_MOST_RUPIAH: Final = 10**12
_DAY: Final = 86_400_000_000
_MOST_CONDITIONS: Final = 256  # it bounds the state
PERIOD: Final = re.compile(r"20[0-9]{2}(-T[1-4]|-(0[1-9]|1[0-2]))?")
WAITLIST_REASONS: Final = frozenset({"KUOTA_PENUH"})

# Where a family stands with a programme, and what leads on from there. Source: our design, after machine A's
# DITETAPKAN and CADANGAN, complaint 1 (no end without a reason) and 11 (aid is suspended before it ends).
TRANSITIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "AidAllocated": dict.fromkeys((NONE, WAITING, HELD, STOPPED), HELD),
    "AidWaitlisted": dict.fromkeys((NONE, WAITING, HELD, STOPPED), WAITING),
    "AidSuspended": {HELD: SUSPENDED},
    "AidResumed": {SUSPENDED: HELD},
    "AidStopped": dict.fromkeys((HELD, SUSPENDED, WAITING), STOPPED),
}


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


def decide_step(record: AidStep, state: FamilyState) -> Refused | None:
    """Refuse a place without eligibility or determination, and a step that the standing doesn't allow."""
    refused = _known(record.programme, state)
    if refused is not None:
        return refused
    now = aid_of(state, record.programme)
    standing = now.standing if now else NONE
    if standing not in TRANSITIONS[record_name(record)]:
        return Refused("ORDER", "", f"{record_name(record)} is not allowed at {standing or 'nothing yet'}")
    match record:
        case AidAllocated() | AidWaitlisted():
            return _place(record, state, now)
        case _ if not record.reason.strip():
            return Refused("REASON_MISSING", "/reason", "aid is not suspended, resumed or stopped without a reason")
        case AidSuspended() | AidResumed() if not record.evidence.strip():
            return Refused("EVIDENCE_MISSING", "/evidence", "aid is suspended and resumed on a document")
    return None


def _known(programme: str, state: FamilyState) -> Refused | None:
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
    if (kind is None or kind.rules or decided is not None) and (decided is None or decided.result != _ELIGIBLE):
        return Refused("NOT_ELIGIBLE", "/programme", "a place is for a family that is LAYAK for the programme")
    if now is not None and now.standing == HELD and (now.period, now.run_id) == (record.period, record.run_id):
        return Refused("PLACE_GIVEN", "/period", "the family has its place of this allocation")
    if isinstance(record, AidWaitlisted):
        known = record.reason in WAITLIST_REASONS
        return None if known else Refused("REASON_UNKNOWN", "/reason", "who waits is told why: KUOTA_PENUH")
    if not record.determination_number.strip():
        return Refused("EVIDENCE_MISSING", "/determination_number", "a place names the penetapan it rests on")
    if not 0 <= record.amount_rupiah <= _MOST_RUPIAH:
        return Refused("CODE_UNKNOWN", "/amount_rupiah", "rupiah are not negative")
    return None


def decide_received(record: AidReceived, state: FamilyState, recorded_at: int) -> Refused | None:
    """Refuse aid of an unknown kind, of the wrong recipient, without determination, or of a day to come."""
    refused = _known(record.programme, state)
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


def decide_condition(record: PersonConditionRecorded, state: FamilyState) -> Refused | None:
    """Refuse a condition outside the list, of a stranger, or with a month that is none."""
    if member_of(state, record.person_ref) is None:
        return Refused("MEMBER_UNKNOWN", "/person_ref", "this family never claimed the person")
    if record.condition not in CONDITIONS:
        return Refused("CODE_UNKNOWN", "/condition", "condition is not in its list")
    if record.ordinal < 0 or (record.until and not calendar.is_month(record.until)):
        return Refused("CODE_UNKNOWN", "/until", "a month as 202512, or 0")
    if record.holds and len(state.conditions) >= _MOST_CONDITIONS:
        return Refused("CONDITIONS_TOO_MANY", "", f"a family has at most {_MOST_CONDITIONS} conditions on record")
    return None


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
    standing = TRANSITIONS[record_name(record)].get(now.standing, now.standing)
    new = replace(now, standing=standing, sequence=event.prefix.sequence, **place)
    return {"aid": _put(state.aid, new), "facets": facets.put(state.facets, name, event)}


def evolve_received(state: FamilyState, record: AidReceived) -> dict[str, Any]:
    """Return what a payment changes: the programme's last one, by its day."""
    now = aid_of(state, record.programme) or _nothing(record.programme)
    if record.received_on < now.received_on:
        return {}
    said = {"received_period": record.period, "received_rupiah": record.amount_rupiah}
    return {"aid": _put(state.aid, replace(now, received_on=record.received_on, **said))}


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
    )


def _put(entries: tuple[Aid, ...], new: Aid) -> tuple[Aid, ...]:
    return tuple(
        sorted([*[one for one in entries if one.programme != new.programme], new], key=lambda one: one.programme)
    )
