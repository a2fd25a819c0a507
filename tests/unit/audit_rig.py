"""Audit entries of one gateway, and tables that keep their rows as the database does; for the tests of who saw whom."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from consumers.read_model import tables
from consumers.read_model.audit_queries import NEWEST, PAGE, Access, AccessPage, Emergency, Position
from consumers.read_model.audit_rows import REVIEWED, USED, AccessRows, AuditEntry, audit_entry, hours_of
from identity.written_intent import WrittenIntent
from schemas import codec, records

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from consumers.read_model.rows import Write

NOW = 1_750_000_000_000_000
ANI, BUDI, HOME = b"a" * 32, b"b" * 32, b"h" * 32
LOOK, OTHER = b"i" * 16, b"j" * 16
AGENCY, ACTOR = "dinsos/35.71", "officer-7"
EMERGENCIES = tables.ACCESS_EMERGENCY.name


def place(seq: int, event_id: bytes) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "occurred_at": NOW + seq,
        "gateway_id": "gw-1",
        "gateway_seq": seq,
        "prev_gateway_hash": bytes(32),
    }


def intent(seq: int = 1, event_id: bytes = LOOK, **other: Any) -> records.AccessIntent:
    said: dict[str, Any] = {
        "request_id": "r",
        "trace_id": "",
        "agency_id": AGENCY,
        "client_id": "sik-ng",
        "actor_ref": ACTOR,
        "actor_role": "verifier",
        "assurance_level": "HIGH",
        "action": "READ",
        "purpose_code": "VERIFIKASI_VALIDASI",
        "purpose_version": "2025-1",
        "legal_basis_code": "UU13/2011-8",
        "subject_ref": ANI,
        "subject_key_epoch": 2025,
        "fields_requested": ("decile", "member.name"),
        "decision": "ALLOW",
        "policy_set_hash": bytes(32),
        "determining_rules": (),
        "decision_input": "",
        "channel": "API",
    }
    return records.AccessIntent(**place(seq, event_id), **{**said, **other})


def written_intent(**other: Any) -> WrittenIntent:
    """Return the proof of an intent, as if the broker had acknowledged it."""
    value = codec.encode(intent(**other))
    return WrittenIntent(LOOK, "jejak.audit.v1", 3, 7, hashlib.sha256(value).digest(), value)


def outcome(seq: int, became: str = "DELIVERED", reason: str | None = None, persons: int = 2) -> records.AccessOutcome:
    return records.AccessOutcome(
        **place(seq, seq.to_bytes(16, "big")),
        intent_id=LOOK,
        outcome=became,
        reason=reason,
        determining_rules=(),
        result_count=persons,
        suppressed_count=0,
        byte_count=0,
        response_digest=bytes(32),
        policy_set_hash=bytes(32),
    )


def disclosure(seq: int, subject: bytes, intent_id: bytes = LOOK, **other: Any) -> records.SubjectDisclosure:
    said: dict[str, Any] = {"visibility": "CITIZEN", "fields_disclosed": ("decile",), **other}
    return records.SubjectDisclosure(
        **place(seq, seq.to_bytes(16, "big")),
        intent_id=intent_id,
        subject_ref=subject,
        subject_key_epoch=2025,
        masking_profile="LAST4",
        record_version=5,
        policy_set_hash=bytes(32),
        **said,
    )


def on_topic(found: Iterable[Any], first: int = 0) -> list[AuditEntry]:
    entries = [
        audit_entry(codec.encode(record), 3, offset, NOW + 1_000_000 + offset)
        for offset, record in enumerate(found, first)
    ]
    return [entry for entry in entries if entry is not None]


class Database:
    """The greatest timestamp wins, cell by cell, and of equal ones the greater value, as Cassandra has it."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Any, ...], list[tuple[int, Any]]] = {}

    def write(self, writes: Iterable[Write]) -> None:
        for table, partition, values, timestamp, _ in writes:
            width = len(table.clustering)
            assert len(values) == width + len(table.rest)
            cells = [(timestamp, value) for value in values[width:]]
            key = (table.name, partition, values[:width])
            self.rows[key] = [max(pair) for pair in zip(self.rows.get(key, cells), cells, strict=True)]

    def lines(self, table: tables.Table, *partition: Any) -> list[Access]:
        found = (
            Access(*key, *(value for _, value in cells))
            for (name, where, key), cells in self.rows.items()
            if name == table.name and where == partition
        )
        return sorted(found, key=lambda line: line[:2], reverse=True)

    def intents(self, ids: Iterable[bytes]) -> list[tuple[Any, ...]]:
        keyed = {where[0]: cells for (name, where, _), cells in self.rows.items() if name == tables.ACCESS_INTENT.name}
        return [(one, *(value for _, value in keyed[one])) for one in ids if one in keyed]

    def unreviewed(self, agency: str) -> list[Emergency]:
        found = [
            (key, cells) for (name, where, key), cells in self.rows.items() if (name, where) == (EMERGENCIES, (agency,))
        ]
        reviewed = {intent_id for (intent_id, step), _ in found if step == REVIEWED}
        used = ((key[0], cells) for key, cells in found if key[1] == USED and key[0] not in reviewed)
        return [Emergency(intent_id, *(value for _, value in cells)) for intent_id, cells in used]

    def of_subject(self, subject: bytes) -> list[Access]:
        return self.lines(tables.ACCESS_OF_SUBJECT, subject)

    def of_subjects(self, *groups: Sequence[bytes]) -> list[list[Access]]:
        return [[line for subject in subjects for line in self.of_subject(subject)] for subjects in groups]

    def of_accessor(self, agency: str, actor: str, day: str, after: Position = NEWEST, limit: int = PAGE) -> AccessPage:
        return page(self.lines(tables.ACCESS_OF_ACCESSOR, agency, actor, day), after, limit)

    def of_agency(self, agency: str, day: str, after: Position = NEWEST, limit: int = PAGE) -> AccessPage:
        hours = [self.lines(tables.ACCESS_OF_AGENCY, agency, hour) for hour in hours_of(day)]
        return page([line for lines in hours for line in lines], after, limit)

    def epochs(self) -> list[int]:
        return sorted(key[0] for (name, _, key) in self.rows if name == tables.ACCESS_EPOCH.name)


def page(lines: list[Access], after: Position, limit: int) -> AccessPage:
    older = [line for line in lines if line[:2] < after]
    more = Position(*older[limit - 1][:2]) if len(older) > limit else None
    return AccessPage(tuple(older[:limit]), more)


def projected(*batches: Sequence[AuditEntry], kept: int = 100, restart: bool = False) -> Database:
    database, access = Database(), AccessRows(kept)
    for batch in batches:
        if restart:
            access = AccessRows(kept)
        access.learn(database.intents(access.forgotten(batch)))
        database.write(access.writes(batch))
    return database
