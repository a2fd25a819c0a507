"""Each audit entry makes the lines of whom it is about, once, however often and in whatever batches it comes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.read_model import tables
from consumers.read_model.audit_queries import Access
from consumers.read_model.audit_rows import (
    DISCLOSED,
    INTENT_MISSING,
    AccessRows,
    AuditEntry,
    audit_entry,
    hour_of,
    hours_of,
)
from consumers.read_model.rows import Write, day_of
from schemas import codec, records

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NOW = 1_750_000_000_000_000
ANI, BUDI, HOME = b"a" * 32, b"b" * 32, b"h" * 32
LOOK, OTHER = b"i" * 16, b"j" * 16
AGENCY, ACTOR = "dinsos/35.71", "officer-7"


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

    def of(self, subject: bytes) -> list[Access]:
        return self.lines(tables.ACCESS_OF_SUBJECT, subject)


def projected(*batches: Sequence[AuditEntry], kept: int = 100, restart: bool = False) -> Database:
    database, access = Database(), AccessRows(kept)
    for batch in batches:
        if restart:
            access = AccessRows(kept)
        access.learn(database.intents(access.forgotten(batch)))  # type: ignore[arg-type]
        database.write(access.writes(batch))
    return database


def test_each_person_shown_has_a_line_that_says_who_looked_and_why() -> None:
    found = projected(on_topic([intent(), outcome(2), disclosure(3, ANI), disclosure(4, BUDI)]))
    line = found.of(BUDI)[0]
    assert len(found.of(BUDI)) == 1
    assert (line.agency, line.actor, line.role, line.purpose) == (AGENCY, ACTOR, "verifier", "VERIFIKASI_VALIDASI")
    assert (line.legal_basis, line.fields, line.outcome) == ("UU13/2011-8", ("decile",), DISCLOSED)
    assert (line.record_version, line.kafka_partition, line.kafka_offset) == (5, 3, 3)
    assert line.appended_at == NOW + 1_000_003


def test_a_look_without_an_outcome_stands_under_the_person_it_named() -> None:
    line = projected(on_topic([intent()])).of(ANI)[0]
    assert (line.kind, line.outcome, line.fields) == ("INTENT", "", ("decile", "member.name"))


@pytest.mark.parametrize(("became", "reason"), [("WITHHELD", "OUTSIDE_AREA"), ("DELIVERED", "NOT_FOUND")])
def test_a_look_that_showed_nothing_stands_under_the_person_it_named(became: str, reason: str) -> None:
    lines = projected(on_topic([intent(), outcome(2, became, reason, persons=0)])).of(ANI)
    assert [(line.kind, line.outcome, line.reason, line.persons) for line in lines] == [("INTENT", became, reason, 0)]


def test_a_look_at_a_family_by_its_id_stands_under_the_family() -> None:
    entries = on_topic([intent(subject_ref=None, household_ref=HOME), outcome(2, "WITHHELD", "OUTSIDE_AREA", 0)])
    assert [line.reason for line in projected(entries).of(HOME)] == ["OUTSIDE_AREA"]


def test_a_disclosure_whose_intent_is_nowhere_says_so() -> None:
    line = projected(on_topic([disclosure(3, ANI)])).of(ANI)[0]
    assert (line.outcome, line.reason, line.agency) == (DISCLOSED, INTENT_MISSING, "")


def test_a_look_is_one_line_of_its_accessor_and_its_agency_however_many_it_showed() -> None:
    found = projected(on_topic([intent(), outcome(2), disclosure(3, ANI), disclosure(4, BUDI)]))
    of_actor = found.lines(tables.ACCESS_OF_ACCESSOR, AGENCY, ACTOR, day_of(NOW))
    of_agency = found.lines(tables.ACCESS_OF_AGENCY, AGENCY, hour_of(NOW))
    assert [(line.outcome, line.persons) for line in of_actor] == [("DELIVERED", 2)]
    assert of_actor == of_agency


def test_an_expiry_of_a_withheld_line_is_kept() -> None:
    shown = disclosure(3, ANI, visibility="RESTRICTED", visibility_until=NOW + 9, visibility_order="PN-1/2025")
    line = projected(on_topic([intent(), shown])).of(ANI)[0]
    assert (line.visibility, line.visible_from) == ("RESTRICTED", NOW + 9)


def test_the_last_outcome_of_a_look_stands() -> None:
    late = outcome(5, "WITHHELD", "AUDIT_UNAVAILABLE", 0)
    found = projected(on_topic([intent(), outcome(2), late])).lines(tables.ACCESS_OF_AGENCY, AGENCY, hour_of(NOW))
    assert [line.outcome for line in found] == ["WITHHELD"]


def test_an_epoch_is_noted_once() -> None:
    writes = AccessRows().writes(on_topic([intent(), intent(2, OTHER)]))
    assert [write.values for write in writes if write.table is tables.ACCESS_EPOCH] == [(2025,)]


def test_what_is_no_audit_entry_is_undecodable() -> None:
    foreign = records.DeadlineScheduled(family_id="f", kind="K", subject_id=LOOK, due_at=None, sequence=1)
    with pytest.raises(codec.Undecodable):
        audit_entry(codec.encode(foreign), 0, 0, 0)


def test_a_heartbeat_is_about_nobody() -> None:
    beat = records.GatewayHeartbeat(**place(9, bytes(16)), last_seq=8, closing=False)
    assert audit_entry(codec.encode(beat), 0, 0, 0) is None


def test_hours_of_a_day_run_from_the_last_to_the_first() -> None:
    assert hour_of(NOW)[:10] == day_of(NOW)
    assert hour_of(NOW) in hours_of(day_of(NOW))
    assert hours_of("2025-06-15")[0] == "2025-06-15T23"
    assert list(hours_of("2025-06-15")) == sorted(hours_of("2025-06-15"), reverse=True)


CHAIN = on_topic([intent(), outcome(2), disclosure(3, ANI), disclosure(4, BUDI), intent(5, OTHER, subject_ref=BUDI)])
AGAIN = on_topic([entry.record for entry in CHAIN], first=len(CHAIN))  # a gateway wrote its file of entries again


@given(st.sets(st.integers(1, len(CHAIN) - 1)), st.booleans(), st.integers(0, 3))
def test_rows_are_the_same_in_whatever_batches_and_after_every_restart(
    cuts: set[int], restart: bool, kept: int
) -> None:
    ends = [0, *sorted(cuts), len(CHAIN)]
    batches = [CHAIN[one:other] for one, other in itertools.pairwise(ends)]
    assert projected(*batches, kept=kept, restart=restart).rows == projected(CHAIN).rows


@given(st.integers(0, len(CHAIN)), st.booleans())
def test_a_batch_that_comes_twice_changes_nothing(cut: int, restart: bool) -> None:
    twice = projected(CHAIN[:cut], CHAIN[:cut], CHAIN[cut:], restart=restart)
    assert twice.rows == projected(CHAIN).rows


@given(st.integers(0, len(AGAIN)))
def test_entries_written_twice_to_the_topic_stay_one_line_each(count: int) -> None:
    found = projected(CHAIN, AGAIN[:count])
    assert [len(found.of(one)) for one in (ANI, BUDI)] == [2, 2]
    assert {line.outcome for line in found.of(ANI)} == {DISCLOSED, "DELIVERED"}
