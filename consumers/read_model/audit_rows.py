"""From audit entries to rows: who looked at whom, why, at what, and what became of it. Without I/O.

An intent precedes what follows from it in the same partition, so each row is whole when it is written: intents are
kept in memory and asked for again when forgotten. Row keys are made of what an entry says, and a write's timestamp is
the entry's number in its gateway's chain: an entry that is on the topic twice makes the same rows. Must not know Kafka
or the database.
"""

import json
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, assert_never

from consumers.read_model import tables
from consumers.read_model.rows import Write, day_of
from schemas import codec, records
from schemas.visibility import Visibility
from schemas.visibility import of as visibility_of

INTENT: Final = "INTENT"
DISCLOSURE: Final = "DISCLOSURE"
DISCLOSED: Final = "DISCLOSED"
INTENT_MISSING: Final = "INTENT_MISSING"
LOG: Final = "audit"
OF_LINES: Final = frozenset({"AUDIT_READ", "LIST"})
"""Actions of which an outcome counts lines, not persons."""
USED: Final = "USED"
REVIEWED: Final = "REVIEWED"

_KEPT_INTENTS: Final = 50_000
_WIB_AHEAD: Final = 7 * 3_600
_MICROS: Final = 1_000_000
_ONCE: Final = 1
_LONGEST: Final = 2**63
_VISIBLE_FROM: Final = "visible_from"

Record = records.AccessIntent | records.AccessOutcome | records.SubjectDisclosure
Found = tuple[bytes, bytes, int, int, int]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One record of the audit topic with its place in it; `appended_at` is the broker's time (µs, UTC)."""

    record: Record
    value: bytes
    partition: int
    offset: int
    appended_at: int


def audit_entry(value: bytes, partition: int, offset: int, appended_at: int) -> AuditEntry | None:
    """Return the entry, or None for one that is about nobody; raises Undecodable for what no audit topic holds."""
    record = codec.decode(value)
    match record:
        case records.AccessIntent() | records.AccessOutcome() | records.SubjectDisclosure():
            return AuditEntry(record, value, partition, offset, appended_at)
        case records.GatewayHeartbeat():
            return None
        case _:
            raise codec.Undecodable("UNEXPECTED_RECORD", "no record of the audit trail")


class AccessRows:
    """Makes rows of entries in the order of their partitions; remembers the latest intents and every epoch."""

    def __init__(self, kept: int = _KEPT_INTENTS) -> None:
        self._kept = kept
        self._intents: OrderedDict[bytes, AuditEntry] = OrderedDict()
        self._epochs: set[int] = set()

    def forgotten(self, entries: Iterable[AuditEntry]) -> set[bytes]:
        """Return the ids of intents that these entries are about and that neither they nor the memory hold."""
        told = {entry.record.event_id for entry in entries if isinstance(entry.record, records.AccessIntent)}
        return {
            entry.record.intent_id
            for entry in entries
            if not isinstance(entry.record, records.AccessIntent)
            and entry.record.intent_id not in told
            and entry.record.intent_id not in self._intents
        }

    def learn(self, found: Iterable[Found]) -> None:
        """Take in intents that were read back from their table."""
        for _, value, *place in found:
            entry = audit_entry(value, *place)
            if entry is not None:
                self._remember(entry)

    def writes(self, entries: Sequence[AuditEntry]) -> list[Write]:
        """Return the rows that the entries make true."""
        written: list[Write] = []
        for entry in entries:
            match entry.record:
                case records.AccessIntent():
                    self._remember(entry)
                    written += self._intent(entry, entry.record)
                case records.AccessOutcome():
                    written += self._outcome(entry.record)
                case records.SubjectDisclosure():
                    written.append(self._disclosure(entry, entry.record))
                case never:
                    assert_never(never)
        while len(self._intents) > self._kept:  # only now: a batch may be about more intents than are kept
            self._intents.popitem(last=False)
        return written

    def _remember(self, entry: AuditEntry) -> None:
        self._intents[entry.record.event_id] = entry
        self._intents.move_to_end(entry.record.event_id)

    def _intent(self, entry: AuditEntry, intent: records.AccessIntent) -> list[Write]:
        kept = (entry.value, entry.partition, entry.offset, entry.appended_at)
        written = [Write(tables.ACCESS_INTENT, (intent.event_id,), kept, intent.gateway_seq)]
        epoch = intent.subject_key_epoch
        if epoch is not None and epoch not in self._epochs:
            self._epochs.add(epoch)
            written.append(Write(tables.ACCESS_EPOCH, (LOG,), (epoch,), _ONCE))
        return written + _emergency(intent) + _looks(entry, intent, None)

    def _outcome(self, outcome: records.AccessOutcome) -> list[Write]:
        """Return the rows of the intent once more, with what became of it; none of an intent that never was."""
        entry = self._intents.get(outcome.intent_id)
        if entry is None or not isinstance(entry.record, records.AccessIntent):
            return []
        return _looks(entry, entry.record, outcome)

    def _disclosure(self, entry: AuditEntry, shown: records.SubjectDisclosure) -> Write:
        about = self._intents.get(shown.intent_id)
        intent = about.record if about is not None and isinstance(about.record, records.AccessIntent) else None
        line = _line(
            intent,
            kind=DISCLOSURE,
            intent_id=shown.intent_id,
            fields=shown.fields_disclosed,
            outcome=DISCLOSED,
            reason="" if intent is not None else INTENT_MISSING,
            persons=1,
            epoch=shown.subject_key_epoch,
            record_version=shown.record_version,
            as_of=shown.as_of or 0,
            known_at=shown.recorded_as_of or 0,
            visibility=shown.visibility,
            visible_from=shown.visibility_until or 0,
        )
        row = (shown.occurred_at, shown.event_id, *line, *_place(entry))
        return Write(tables.ACCESS_OF_SUBJECT, (shown.subject_ref,), row, shown.gateway_seq)


def _emergency(intent: records.AccessIntent) -> list[Write]:
    """Return the row of an emergency that was let in, or of the review of one; none of any other intent."""
    if intent.decision != "ALLOW":
        return []
    if intent.action == "BREAK_GLASS":
        row: tuple[Any, ...] = (intent.event_id, USED, intent.actor_ref)
        row += (intent.second_actor_ref or intent.actor_ref, intent.review_due_at or 0)
    elif intent.reviews_intent_id is not None:
        row = (intent.reviews_intent_id, REVIEWED, intent.actor_ref, "", 0)
    else:
        return []
    return [Write(tables.ACCESS_EMERGENCY, (intent.agency_id,), row, intent.gateway_seq)]


def _looks(entry: AuditEntry, intent: records.AccessIntent, outcome: records.AccessOutcome | None) -> list[Write]:
    """Return an intent's row under whom it names, its accessor and its agency."""
    seen = _visibility(intent)
    line = _line(
        intent,
        kind=INTENT,
        intent_id=intent.event_id,
        fields=intent.fields_requested,
        outcome=outcome.outcome if outcome is not None else "",
        reason=(outcome.reason or "") if outcome is not None else "",
        persons=_persons(intent, outcome) if outcome is not None else 0,
        epoch=intent.subject_key_epoch or 0,
        record_version=0,
        as_of=0,
        known_at=0,
        visibility=seen.kind if seen.until else "",
        visible_from=seen.until or 0,
    )
    row = (intent.occurred_at, intent.event_id, *line, *_place(entry))
    at = intent.gateway_seq if outcome is None else outcome.gateway_seq
    day = (intent.agency_id, intent.actor_ref, day_of(intent.occurred_at))
    hour = (intent.agency_id, hour_of(intent.occurred_at))
    named = {ref for ref in (intent.subject_ref, intent.household_ref) if ref is not None}
    return [
        Write(tables.ACCESS_OF_ACCESSOR, day, row, at),
        Write(tables.ACCESS_OF_AGENCY, hour, row, at),
        *(Write(tables.ACCESS_OF_SUBJECT, (ref,), row, at) for ref in sorted(named)),
    ]


def _visibility(intent: records.AccessIntent) -> Visibility:
    """Return from when whom the intent names sees it: what was let in for a while withheld is so before any outcome.

    Its input of the decision says so. A refused look is withheld from nobody: nothing was held to permit that.
    """
    if intent.decision != "ALLOW" or f'"{_VISIBLE_FROM}"' not in intent.decision_input:
        return Visibility()
    try:
        judged = json.loads(intent.decision_input)
    except (ValueError, RecursionError):  # written by another hand than the gateway's
        return Visibility()
    until = judged.get(_VISIBLE_FROM) if isinstance(judged, dict) else None
    if not isinstance(until, int) or not 0 < until < _LONGEST:
        return Visibility()
    return visibility_of(until, str(judged.get("court_order", "")))


def _persons(intent: records.AccessIntent, outcome: records.AccessOutcome) -> int:
    """Return how many persons a look showed: of a trail one at most, of what was refused to an agency none."""
    if intent.action not in OF_LINES:
        return outcome.result_count
    return int(intent.subject_ref is not None and outcome.outcome == "DELIVERED" and outcome.reason is None)


def _line(  # noqa: PLR0913  one keyword for each column that an intent doesn't tell
    intent: records.AccessIntent | None,
    *,
    kind: str,
    intent_id: bytes,
    fields: Sequence[str],
    outcome: str,
    reason: str,
    persons: int,
    epoch: int,
    record_version: int,
    as_of: int,
    known_at: int,
    visibility: str,
    visible_from: int,
) -> tuple[Any, ...]:
    """Return the columns of a line up to its place, in the order of the tables."""
    who = (
        ("",) * 9
        if intent is None
        else (
            intent.agency_id,
            intent.actor_ref,
            intent.actor_role,
            intent.action,
            intent.purpose_code,
            intent.purpose_version,
            intent.legal_basis_code,
            intent.agreement_id or "",
            intent.channel,
        )
    )
    about = (record_version, as_of, known_at, visibility, visible_from)
    return (kind, intent_id, *who, tuple(fields), outcome, reason, persons, epoch, *about)


def _place(entry: AuditEntry) -> tuple[int, int, int]:
    return entry.appended_at, entry.partition, entry.offset


def hour_of(micros: int) -> str:
    """Return the hour in WIB (Asia/Jakarta) of a time in microseconds, as 2025-07-31T14."""
    return datetime.fromtimestamp(micros // _MICROS + _WIB_AHEAD, UTC).strftime("%Y-%m-%dT%H")


def hours_of(day: str) -> tuple[str, ...]:
    """Return the hours of a day (WIB, as 2025-07-31), the latest first."""
    return tuple(f"{day}T{hour:02d}" for hour in range(23, -1, -1))
