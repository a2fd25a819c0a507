"""The door against the real broker: what is shown was durable first, and without a broker nothing is."""

from __future__ import annotations

import hashlib
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from consumers.gateway import audit_log
from consumers.gateway.audit_log import AuditLog
from consumers.gateway.disclosure import Door
from consumers.gateway.request import Caller, FamilyAsked, FamilyDisclosed, PersonAsked, Purpose, Withheld
from identity.audit_reference import load_or_create_epoch_key
from identity.keys import InMemoryKeyStore
from identity.open import Opener
from identity.seal import Sealer
from jejak import stack as local
from schemas import codec, records, regions
from schemas.catalogue import AUDIT_TOPIC, Topic, topic
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real

FAMILY, PERSONS = "f" * 26, ("p" * 26, "q" * 26)
NOW = 1_750_000_000_000_000
CALLER = Caller("dinsos/35.71", "sik-ng", "officer-7", "verifier", "HIGH", "CLI", "r-1")
PURPOSE = Purpose("VERIFIKASI_VALIDASI")
FIELDS = ("region", "member.name")


def audit_topic(endpoints: Endpoints) -> str:
    name = f"audit.{uuid.uuid4().hex[:10]}"
    kafka.create_topics(endpoints.kafka, [Topic(name, 3, "", (), "", (), topic(AUDIT_TOPIC).config)])
    return name


def entries(endpoints: Endpoints, name: str) -> list[Any]:
    return [codec.decode(message.value() or b"") for message in kafka.read_all(endpoints.kafka, name)]


class OneFamily:
    """A read model that holds one family and tells when it is read."""

    def __init__(self, keys: InMemoryKeyStore, on_read: Callable[[], None] = lambda: None) -> None:
        self._claims = [claim(Sealer(keys), sequence, person) for sequence, person in enumerate(PERSONS, 1)]
        self._state = family_state(self._claims)
        self._on_read = on_read

    def family(self, family_id: str) -> records.FamilyState | None:
        self._on_read()
        return self._state if family_id == FAMILY else None

    def history(self, family_id: str) -> tuple[Any, ...]:
        del family_id
        return ()

    def framed_history(self, family_id: str) -> tuple[bytes, ...]:
        del family_id
        return ()

    def events_at(self, family_id: str, sequences: Sequence[int]) -> dict[int, Any]:
        del family_id
        return {each.header.sequence: each for each in self._claims if each.header.sequence in sequences}

    def family_of(self, reference: str) -> str | None:
        return FAMILY if reference in PERSONS else None


def family_state(claims: Sequence[records.MembershipClaimed]) -> records.FamilyState:
    place = records.Region(system="KEMENDAGRI", edition=regions.KEMENDAGRI_EDITION, code="35.71.02.1001")
    return records.FamilyState(
        sequence=2,
        recorded_at=NOW,
        family_id=FAMILY,
        counted=b"1",
        region=place,
        status="AKTIF",
        decile=0,
        percentile=-1,
        ranking_run="",
        members=tuple(member(each) for each in claims),
        proposals=(),
        eligibility=(),
        facets=tuple(
            records.Facet(
                name=f"member/{each.person_ref}",
                occurred_at=NOW,
                sequence=each.header.sequence,
                change_id=each.header.change_id,
            )
            for each in claims
        ),
        recent_changes=b"",
    )


def member(claimed: records.MembershipClaimed) -> records.Member:
    return records.Member(
        person_ref=claimed.person_ref,
        standing="CONFIRMED",
        padan="PADAN",
        birth_year=1980,
        birth_month=1,
        sex=1,
        relationship=1,
        marital_status=1,
        claim_id=claimed.header.change_id,
        reason="",
        severe_disability=False,
        work_status=0,
    )


def claim(sealer: Sealer, sequence: int, person: str) -> records.MembershipClaimed:
    change_id = uuid.UUID(int=sequence)

    def seal(path: str, text: str) -> bytes:
        sealed = sealer.seal(person, "jejak.MembershipClaimed", path, change_id, text)
        assert isinstance(sealed, bytes)
        return sealed

    return records.MembershipClaimed(
        header=records.Header(
            sequence=sequence,
            recorded_at=NOW,
            occurred_at=NOW,
            change_id=change_id.bytes,
            family_id=FAMILY,
            agency="desa/35.71.02.1001",
            actor="officer",
            document="file",
        ),
        person_ref=person,
        birth_year=1980,
        birth_month=1,
        sex=1,
        relationship=1,
        marital_status=1,
        presence=1,
        national_id=seal("national_id", "3571020101800001"),
        name=seal("name", f"Contoh {sequence}"),
        birth_day=seal("birth_day", "1"),
        findings=(),
    )


def test_the_intent_is_on_the_topic_before_the_read_and_a_disclosure_for_each_person_before_the_answer(
    stack: Endpoints, tmp_path: Path
) -> None:
    name, keys = audit_topic(stack), InMemoryKeyStore()
    seen: list[list[str]] = []
    epoch = load_or_create_epoch_key(tmp_path, 2025)
    with AuditLog(audit_log.producer(stack.kafka), "gw", name, folder=tmp_path / "wal", deadline_seconds=10) as log:
        registry = OneFamily(keys, lambda: seen.append([type(each).__name__ for each in entries(stack, name)]))
        door = Door(registry, Opener(keys), log, epoch)
        found = door.look_family(CALLER, PURPOSE, FamilyAsked(FAMILY), FIELDS)
        on_topic = entries(stack, name)
    assert isinstance(found, FamilyDisclosed)
    assert [each["name"] for each in found.fields["members"]] == ["Contoh 1", "Contoh 2"]
    assert seen == [["AccessIntent"]]
    assert [type(each).__name__ for each in on_topic] == [
        "AccessIntent",
        "AccessOutcome",
        "SubjectDisclosure",
        "SubjectDisclosure",
    ]
    assert [each.subject_ref for each in on_topic[2:]] == [epoch.subject_ref(person) for person in PERSONS]
    assert [receipt.event_id for receipt in found.receipts] == [each.event_id for each in on_topic]


def test_a_gateways_chain_is_in_one_partition_dense_and_closed(stack: Endpoints, tmp_path: Path) -> None:
    name, keys = audit_topic(stack), InMemoryKeyStore()
    with AuditLog(audit_log.producer(stack.kafka), "gw", name, folder=tmp_path / "wal", deadline_seconds=10) as log:
        door = Door(OneFamily(keys), Opener(keys), log, load_or_create_epoch_key(tmp_path, 2025))
        assert door.look_family(CALLER, PURPOSE, PersonAsked("z" * 26), FIELDS) == Withheld("NOT_FOUND")
        assert door.look_family(CALLER, Purpose("CURIOSITY"), FamilyAsked(FAMILY), FIELDS) == Withheld(
            "PURPOSE_UNKNOWN"
        )
    messages = list(kafka.read_all(stack.kafka, name))
    found = [codec.decode(message.value() or b"") for message in messages]
    assert len({message.partition() for message in messages}) == 1
    assert [each.gateway_seq for each in found] == list(range(1, 6))
    hashes = [hashlib.sha256(message.value() or b"").digest() for message in messages]
    assert [each.prev_gateway_hash for each in found] == [bytes(32), *hashes[:-1]]
    assert [(type(each).__name__, getattr(each, "reason", None)) for each in found] == [
        ("AccessIntent", None),
        ("AccessOutcome", "NOT_FOUND"),
        ("AccessIntent", None),
        ("AccessOutcome", "PURPOSE_UNKNOWN"),
        ("GatewayHeartbeat", None),
    ]
    assert found[-1].closing
    salts = [dict(message.headers() or ())["salt"] for message in messages]
    assert all(isinstance(salt, bytes) and len(salt) == 16 for salt in salts)


def test_while_the_broker_is_stopped_nothing_is_shown_and_later_the_chain_has_no_hole(tmp_path: Path) -> None:
    endpoints = local.up(tmp_path / "stack")
    try:
        _shows_nothing_without_a_broker(endpoints, tmp_path)
    finally:
        local.down(tmp_path / "stack")


def _shows_in_the_end(door: Door) -> None:
    deadline = time.monotonic() + 60
    while not isinstance(door.look_family(CALLER, PURPOSE, FamilyAsked(FAMILY), FIELDS), FamilyDisclosed):
        assert time.monotonic() < deadline


def _shows_nothing_without_a_broker(endpoints: Endpoints, folder: Path) -> None:
    name, keys = audit_topic(endpoints), InMemoryKeyStore()
    reads: list[int] = []
    with AuditLog(audit_log.producer(endpoints.kafka), "gw", name, folder=folder / "wal") as log:
        registry = OneFamily(keys, lambda: reads.append(1))
        door = Door(registry, Opener(keys), log, load_or_create_epoch_key(folder, 2025))
        _shows_in_the_end(door)
        local.stop_server(folder / "stack", local.KAFKA)
        reads.clear()
        began = time.monotonic()
        assert door.look_family(CALLER, PURPOSE, FamilyAsked(FAMILY), FIELDS) == Withheld("AUDIT_UNAVAILABLE")
        assert time.monotonic() - began < 3
        assert not reads
        local.start_server(folder / "stack", local.KAFKA)
        _shows_in_the_end(door)
    found = entries(endpoints, name)
    assert [each.gateway_seq for each in found] == list(range(1, len(found) + 1))
    unshown = [each for each in found if getattr(each, "reason", None) == "AUDIT_UNAVAILABLE"]
    assert unshown
    assert {each.outcome for each in unshown} == {"WITHHELD"}
