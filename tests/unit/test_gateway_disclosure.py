"""The door: nothing is shown that is not on record first, and no more than the purpose permits."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from cassandra import OperationTimedOut
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME

from consumers.gateway import opening, policy, purposes
from consumers.gateway.audit_log import AuditLog
from consumers.gateway.disclosure import Door
from consumers.gateway.nik_filter import looks_like_nik
from consumers.gateway.request import (
    Caller,
    CardAsked,
    FamilyAsked,
    FamilyDisclosed,
    HistoryDisclosed,
    PersonAsked,
    Purpose,
    Withheld,
)
from consumers.read_model.state_record import state_record
from identity.audit_reference import EpochKey
from identity.keys import InMemoryKeyStore
from identity.open import Opener
from identity.seal import Sealer
from schemas import codec, records, regions
from schemas.codec import Undecodable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FAMILY, CARD = "f" * 26, "k" * 26
PERSONS = ("p" * 26, "q" * 26)
NIK = "3571024101800001"
NOW = 1_750_000_000_000_000
EPOCH_KEY = EpochKey(2025, bytes(range(32)))
CALLER = Caller(
    agency_id="dinsos/35.71",
    client_id="sik-ng",
    actor_ref="officer-7",
    actor_role="verifier",
    assurance_level="HIGH",
    channel="CLI",
    request_id="r-1",
)
ASKED = FamilyAsked(FAMILY)
PURPOSE = Purpose("VERIFIKASI_VALIDASI", "a visit")


class Broker:
    """What was produced, in order; acknowledges at once unless it is away."""

    def __init__(self) -> None:
        self.records: list[Any] = []
        self.values: list[bytes] = []
        self.salts: list[bytes] = []
        self.away = False
        self._unacknowledged: list[tuple[Callable[..., None], int]] = []

    def produce(self, topic: str, *, key: bytes, value: bytes, headers: dict[str, bytes], on_delivery: Any) -> None:
        entry = codec.decode(value)
        assert key.decode() == entry.gateway_id
        self.records.append(entry)
        self.values.append(value)
        self.salts.append(headers["salt"])
        self._unacknowledged.append((on_delivery, len(self.values) - 1))

    def poll(self, _: float) -> None:
        while self._unacknowledged and not self.away:
            callback, offset = self._unacknowledged.pop(0)
            callback(None, Delivered(offset))

    def purge(self) -> None:
        self._unacknowledged.clear()

    def kinds(self) -> list[str]:
        return [type(entry).__name__ for entry in self.records]


class Delivered:
    def __init__(self, offset: int) -> None:
        self._offset = offset

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return TIMESTAMP_LOG_APPEND_TIME, NOW // 1_000


class Registry:
    """One family, and what the broker held when it was read."""

    def __init__(self, broker: Broker, state: records.FamilyState | None, events: tuple[Any, ...] = ()) -> None:
        self.broker = broker
        self.state = state
        self.events = events
        self.read_after: list[list[str]] = []
        self.asked_for: list[tuple[int, ...]] = []
        self.missing: list[set[int]] = []
        self.fault: Exception | None = None

    def family(self, family_id: str) -> records.FamilyState | None:
        self.read_after.append(self.broker.kinds())
        if self.fault:
            raise self.fault
        return self.state if self.state and family_id == FAMILY else None

    def history(self, family_id: str) -> tuple[Any, ...]:
        return self.events if family_id == FAMILY else ()

    def framed_history(self, family_id: str) -> tuple[bytes, ...]:
        return tuple(map(codec.encode, self.history(family_id)))

    def events_at(self, family_id: str, sequences: Sequence[int]) -> dict[int, Any]:
        assert family_id == FAMILY
        self.asked_for.append(tuple(sequences))
        missing = self.missing.pop(0) if self.missing else set()
        return {at: event for at, event in enumerate(self.events, 1) if at in sequences and at not in missing}

    def family_of(self, reference: str) -> str | None:
        return FAMILY if reference in {*PERSONS, CARD} else None

    def cards_of(self, family_id: str) -> tuple[str, ...]:
        return (CARD,) if family_id == FAMILY else ()


class Room:
    """A door with all that it stands on."""

    def __init__(self) -> None:
        self.keys = InMemoryKeyStore()
        self.broker = Broker()
        self.events = sealed_events(Sealer(self.keys))
        self.registry = Registry(self.broker, state_of(self.events), self.events)
        self.folder = TemporaryDirectory()
        self.log = AuditLog(
            self.broker,  # type: ignore[arg-type]  # as much of a producer as it uses
            "gw",
            folder=Path(self.folder.name),
            deadline_seconds=3.0,
            now=lambda: NOW,
        )
        self.pauses: list[float] = []
        self.door = Door(self.registry, Opener(self.keys), self.log, EPOCH_KEY, pause=self.pauses.append)

    def look(self, *fields: str, asked: Any = ASKED, caller: Caller = CALLER, purpose: Purpose = PURPOSE) -> Any:
        return self.door.look_family(caller, purpose, asked, fields or ("region", "member.name"))


@pytest.fixture(autouse=True)
def disk_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare these tests the wait for the disk, which a busy machine may take longer for than they wait."""
    monkeypatch.setattr(os, "fdatasync", lambda _: None)
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.broker.away = False
    made.log.close()


def header(sequence: int) -> records.Header:
    return records.Header(
        sequence=sequence,
        recorded_at=NOW + sequence,
        occurred_at=NOW,
        change_id=uuid.UUID(int=sequence).bytes,
        family_id=FAMILY,
        agency="desa/35.71.02.1001",
        actor="officer",
        document="file",
    )


def sealed_events(sealer: Sealer) -> tuple[Any, ...]:
    def seal(owner: str, record: str, path: str, sequence: int, text: str) -> bytes:
        sealed = sealer.seal(owner, f"jejak.{record}", path, uuid.UUID(int=sequence), text)
        assert isinstance(sealed, bytes)
        return sealed

    place = records.Region(system="KEMENDAGRI", edition=regions.KEMENDAGRI_EDITION, code="35.71.02.1001")
    registered = records.FamilyRegistered(
        header=header(1),
        region=place,
        card_ref=CARD,
        card_number=seal(FAMILY, "FamilyRegistered", "card_number", 1, "3571020101150001"),
        address_line=seal(FAMILY, "FamilyRegistered", "address_line", 1, "Jalan Contoh 1"),
        telephone=None,
        findings=(),
    )
    claims = tuple(
        records.MembershipClaimed(
            header=header(sequence),
            person_ref=person,
            birth_year=1980,
            birth_month=1,
            sex=2,
            relationship=1,
            marital_status=2,
            presence=1,
            national_id=seal(person, "MembershipClaimed", "national_id", sequence, NIK),
            name=seal(person, "MembershipClaimed", "name", sequence, f"Contoh {sequence}"),
            birth_day=seal(person, "MembershipClaimed", "birth_day", sequence, "1"),
            findings=(),
        )
        for sequence, person in enumerate(PERSONS, 2)
    )
    return (registered, *claims)


def state_of(events: tuple[Any, ...]) -> records.FamilyState:
    registered, *claims = events

    def facet(name: str, event: Any) -> records.Facet:
        head = event.header
        return records.Facet(
            name=name,
            occurred_at=head.occurred_at,
            sequence=head.sequence,
            change_id=head.change_id,
        )

    return records.FamilyState(
        sequence=3,
        recorded_at=NOW + 3,
        family_id=FAMILY,
        counted=b"1",
        region=registered.region,
        status="AKTIF",
        decile=2,
        percentile=-1,
        ranking_run="",
        members=tuple(
            records.Member(
                person_ref=claim.person_ref,
                standing="CONFIRMED",
                padan="PADAN",
                birth_year=1980,
                birth_month=1,
                sex=2,
                relationship=1,
                marital_status=2,
                claim_id=claim.header.change_id,
                reason="",
                severe_disability=False,
                work_status=0,
            )
            for claim in claims
        ),
        proposals=(),
        eligibility=(),
        facets=(
            facet("registration", registered),
            facet("residence", registered),
            *(facet(f"member/{claim.person_ref}", claim) for claim in claims),
        ),
        recent_changes=b"",
    )


def test_a_permitted_look_shows_the_fields_asked_for_and_no_other(room: Room) -> None:
    found = room.look("region", "member.name", "address_line")
    assert isinstance(found, FamilyDisclosed)
    assert found.fields.keys() == {"region", "address_line", "members"}
    assert found.fields["address_line"] == "Jalan Contoh 1"
    assert [member["name"] for member in found.fields["members"]] == ["Contoh 2", "Contoh 3"]
    assert found.fields["members"][0].keys() == {"person_ref", "name"}


def test_intent_then_outcome_then_one_disclosure_for_each_person(room: Room) -> None:
    found = room.look()
    assert room.broker.kinds() == ["AccessIntent", "AccessOutcome", "SubjectDisclosure", "SubjectDisclosure"]
    intent, outcome, *disclosures = room.broker.records
    assert intent.decision == "ALLOW"
    assert (outcome.outcome, outcome.result_count) == ("DELIVERED", 2)
    assert {entry.intent_id for entry in (outcome, *disclosures)} == {intent.event_id}
    assert [entry.subject_ref for entry in disclosures] == [EPOCH_KEY.subject_ref(person) for person in PERSONS]
    assert all(entry.fields_disclosed == ("region", "member.name") for entry in disclosures)
    assert len(found.receipts) == 4


def test_the_intent_is_on_the_topic_before_anything_is_read(room: Room) -> None:
    room.look()
    assert room.registry.read_after == [["AccessIntent"]]


def test_a_number_is_masked_unless_a_permitted_purpose_asks_for_it_in_clear(room: Room) -> None:
    masked = room.look("member.national_id")
    assert masked.fields["members"][0]["national_id"] == "*" * 12 + NIK[-4:]
    clear = room.look(
        "member.national_id.clear",
        purpose=Purpose("PEMADANAN_KEPENDUDUKAN"),
        caller=replace(CALLER, agency_id="dukcapil"),
    )
    assert clear.fields["members"][0]["national_id"] == NIK
    assert {entry.masking_profile for entry in room.broker.records if hasattr(entry, "masking_profile")} == {
        "LAST4",
        "CLEAR",
    }


@pytest.mark.parametrize(
    ("purpose", "agency", "field", "code"),
    [
        ("CURIOSITY", "dinsos/35.71", "region", "PURPOSE_UNKNOWN"),
        ("PEMERINGKATAN", "dinsos/35.71", "region", "PURPOSE_NOT_OF_AGENCY"),
        ("PEMERINGKATAN", "bps", "member.name", "FIELD_NOT_PERMITTED"),
        ("VERIFIKASI_VALIDASI", "dinsos/35.71", "member.national_id.clear", "FIELD_NOT_PERMITTED"),
        ("VERIFIKASI_VALIDASI", "dinsos/35.71", "mother", "FIELD_UNKNOWN"),
    ],
)
def test_what_no_rule_allows_is_refused_and_on_record(
    room: Room, purpose: str, agency: str, field: str, code: str
) -> None:
    found = room.look(field, purpose=Purpose(purpose), caller=replace(CALLER, agency_id=agency))
    assert found == Withheld(code)
    intent, outcome = room.broker.records
    assert (intent.decision, intent.determining_rules) == ("DENY", (code,))
    assert (outcome.outcome, outcome.reason, outcome.result_count) == ("WITHHELD", code, 0)
    assert room.registry.read_after == []


def test_a_look_without_fields_is_refused(room: Room) -> None:
    assert room.door.look_family(CALLER, PURPOSE, FamilyAsked(FAMILY), ()) == Withheld("FIELD_UNKNOWN")


def test_an_office_of_another_regency_sees_nothing(room: Room) -> None:
    assert room.look(caller=replace(CALLER, agency_id="dinsos/35.78")) == Withheld("OUTSIDE_AREA")
    assert room.broker.kinds() == ["AccessIntent", "AccessOutcome"]


def test_an_office_that_names_no_area_sees_nothing(room: Room) -> None:
    assert room.look(caller=replace(CALLER, agency_id="dinsos")) == Withheld("OUTSIDE_AREA")


def test_the_ministry_has_no_area_and_sees_every_regency(room: Room) -> None:
    assert isinstance(room.look(caller=replace(CALLER, agency_id="kemensos")), FamilyDisclosed)


def test_a_search_that_finds_nobody_is_on_record(room: Room) -> None:
    assert room.look(asked=PersonAsked("z" * 26)) == Withheld("NOT_FOUND")
    intent, outcome = room.broker.records
    assert intent.subject_ref == EPOCH_KEY.subject_ref("z" * 26)
    assert (outcome.outcome, outcome.reason, outcome.result_count) == ("DELIVERED", "NOT_FOUND", 0)


@pytest.mark.parametrize("asked", [PersonAsked(PERSONS[1]), CardAsked(CARD)])
def test_a_family_is_found_by_person_and_by_card(room: Room, asked: PersonAsked | CardAsked) -> None:
    found = room.look(asked=asked)
    assert isinstance(found, FamilyDisclosed)
    assert found.family_id == FAMILY


def test_without_a_broker_nothing_is_read_and_nothing_shown(room: Room) -> None:
    room.broker.away = True
    assert room.look() == Withheld("AUDIT_UNAVAILABLE")
    assert room.registry.read_after == []


def test_when_the_broker_is_back_the_chain_says_that_nothing_was_shown(room: Room) -> None:
    room.broker.away = True
    room.look()
    room.broker.away = False
    assert isinstance(room.look(), FamilyDisclosed)
    intent, outcome = room.broker.records[:2]
    assert outcome.intent_id == intent.event_id
    assert (outcome.outcome, outcome.reason) == ("WITHHELD", "AUDIT_UNAVAILABLE")
    assert_whole_chain(room.broker)


def test_a_broker_lost_during_the_read_withholds_the_answer(room: Room) -> None:
    def gone(family_id: str) -> records.FamilyState | None:
        room.broker.away = True
        return room.registry.state

    room.registry.family = gone  # type: ignore[method-assign]
    assert room.look() == Withheld("AUDIT_UNAVAILABLE")


def test_a_database_that_is_away_is_on_record_as_a_failure(room: Room) -> None:
    room.registry.fault = OperationTimedOut()
    assert room.look() == Withheld("READ_MODEL_UNAVAILABLE")
    assert [getattr(entry, "outcome", None) for entry in room.broker.records] == [None, "FAILED"]


def test_a_fault_of_ours_is_on_record_before_it_goes_on(room: Room) -> None:
    room.registry.fault = RuntimeError()
    with pytest.raises(RuntimeError):
        room.look()
    assert room.broker.records[-1].reason == "FAULT"


def test_a_state_cut_off_behind_its_front_is_projected_and_nothing_of_it_is_shown(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert room.registry.state is not None
    framed = codec.encode(room.registry.state)
    for cut_off in (framed[:-1], framed[: len(framed) // 2]):
        # Given a state of which only the front is whole, which is all that the projector reads
        assert state_record(cut_off).family_id == FAMILY
        monkeypatch.setattr(room.registry, "family", lambda _, kept=cut_off: codec.decode(kept))
        # When somebody looks
        with pytest.raises(Undecodable):
            room.look("region")
        # Then it is on record that nothing was shown
        assert (room.broker.records[-1].outcome, room.broker.records[-1].reason) == ("FAILED", "FAULT")
    assert "SubjectDisclosure" not in room.broker.kinds()


def test_a_family_without_a_head_is_shown_as_such_to_who_may_see_its_status(room: Room) -> None:
    assert room.registry.state is not None
    case = records.Case(
        machine="KEPALA_KELUARGA",
        about="",
        case_id=bytes(16),
        step="TANPA_KEPALA",
        agency="dukcapil",
        since=0,
        due_at=0,
        reason="MENINGGAL",
        reference="",
    )
    unused: Any = None  # nothing sealed is asked for
    for step, told in (("TANPA_KEPALA", {"head": "TANPA_KEPALA"}), ("BERKEPALA", {})):
        state = replace(room.registry.state, cases=(replace(case, step=step),))
        shown = opening.disclosed(state, {"status"}, {}, unused)
        assert shown == {"status": "AKTIF", **told}
        assert opening.disclosed(state, {"decile"}, {}, unused) == {"decile": state.decile or None}


def test_an_erased_person_is_shown_as_erased_and_still_disclosed(room: Room) -> None:
    room.keys.erase(PERSONS[0])
    found = room.look("member.name")
    assert [member["name"] for member in found.fields["members"]] == [{"withheld": "ERASED"}, "Contoh 3"]


def test_a_member_whose_membership_ended_is_not_shown(room: Room) -> None:
    state = room.registry.state
    assert state is not None
    ended = replace(state.members[0], standing="ENDED")
    room.registry.state = replace(state, members=(ended, *state.members[1:]))
    found = room.look("member.name")
    assert [member["person_ref"] for member in found.fields["members"]] == [PERSONS[1]]
    assert room.broker.kinds().count("SubjectDisclosure") == 1


def test_the_address_of_a_family_that_everybody_left_is_disclosed_to_those_who_lived_there(room: Room) -> None:
    state = room.registry.state
    assert state is not None
    room.registry.state = replace(state, members=tuple(replace(one, standing="ENDED") for one in state.members))
    assert "Jalan Contoh 1" in room.look("address_line").fields["address_line"]
    shown = [entry for entry in room.broker.records if isinstance(entry, records.SubjectDisclosure)]
    assert {entry.subject_ref for entry in shown} == {EPOCH_KEY.subject_ref(person) for person in PERSONS}
    assert room.broker.records[1].result_count == len(shown)


def test_the_card_of_a_family_of_which_nobody_was_named_yet_is_disclosed_to_the_family(room: Room) -> None:
    state = room.registry.state
    assert state is not None
    room.registry.state = replace(state, members=())
    assert isinstance(room.look("card_number", asked=CardAsked(CARD)), FamilyDisclosed)
    *_, disclosure = room.broker.records
    assert isinstance(disclosure, records.SubjectDisclosure)
    assert disclosure.subject_ref == disclosure.household_ref == EPOCH_KEY.subject_ref(FAMILY)


def test_a_history_discloses_every_person_in_it_and_opens_nothing(room: Room) -> None:
    found = room.door.history(CALLER, PURPOSE, FamilyAsked(FAMILY))
    assert isinstance(found, HistoryDisclosed)
    assert [entry.step for entry in found.entries] == ["FamilyRegistered", "MembershipClaimed", "MembershipClaimed"]
    assert room.broker.kinds().count("SubjectDisclosure") == 2
    assert NIK not in repr(found)


def test_only_the_events_of_the_sealed_fields_asked_for_are_read_and_in_one_query(room: Room) -> None:
    room.look("region", "decile", "members")
    assert room.registry.asked_for == []
    room.look("address_line")
    room.look("address_line", "card_number", "telephone", "member.name")
    assert room.registry.asked_for == [(1,), (1, 2, 3)]


def test_an_event_that_is_not_there_yet_is_waited_for_a_little(room: Room) -> None:
    room.registry.missing = [{3}, {3}]
    found = room.look("member.name")
    assert [member["name"] for member in found.fields["members"]] == ["Contoh 2", "Contoh 3"]
    assert len(room.pauses) == 2
    assert room.broker.kinds() == ["AccessIntent", "AccessOutcome", "SubjectDisclosure", "SubjectDisclosure"]


def test_without_one_event_in_force_nothing_at_all_is_shown(room: Room) -> None:
    room.registry.missing = [{3}] * 10
    assert room.look("region", "member.name") == Withheld("READ_MODEL_BEHIND")
    assert sum(room.pauses) < 1
    _, outcome = room.broker.records
    assert (outcome.outcome, outcome.reason, outcome.result_count) == ("FAILED", "READ_MODEL_BEHIND", 0)


@pytest.mark.parametrize("wrong", [{"change_id": bytes(16)}, {"sequence": 7}, {"family_id": "g" * 26}])
def test_an_event_that_is_not_the_one_the_state_names_is_refused(room: Room, wrong: dict[str, Any]) -> None:
    *others, last = room.registry.events
    room.registry.events = (*others, replace(last, header=replace(last.header, **wrong)))
    assert room.look("region", "member.name") == Withheld("EVENT_NOT_OF_STATE")
    assert room.broker.kinds() == ["AccessIntent", "AccessOutcome"]
    assert room.broker.records[-1].outcome == "FAILED"
    assert room.pauses == []


def test_a_history_with_a_hole_is_not_shown(room: Room) -> None:
    room.registry.events = (room.events[0], room.events[2])
    assert room.door.history(CALLER, PURPOSE, FamilyAsked(FAMILY)) == Withheld("READ_MODEL_BEHIND")
    room.registry.events = room.events
    assert isinstance(room.door.history(CALLER, PURPOSE, FamilyAsked(FAMILY)), HistoryDisclosed)


def test_a_history_of_nobody_is_on_record(room: Room) -> None:
    assert room.door.history(CALLER, PURPOSE, FamilyAsked("z" * 26)) == Withheld("NOT_FOUND")


def assert_whole_chain(broker: Broker) -> None:
    assert [entry.gateway_seq for entry in broker.records] == list(range(1, len(broker.records) + 1))
    expected = [bytes(32), *(hashlib.sha256(value).digest() for value in broker.values[:-1])]
    assert [entry.prev_gateway_hash for entry in broker.records] == expected


def test_entries_are_numbered_without_a_hole_chained_and_salted(room: Room) -> None:
    for _ in range(3):
        room.look()
    room.log.close()
    assert_whole_chain(room.broker)
    last = room.broker.records[-1]
    assert (type(last), last.closing, last.last_seq) == (records.GatewayHeartbeat, True, len(room.broker.records) - 1)
    assert {len(salt) for salt in room.broker.salts} == {16}
    assert len(set(room.broker.salts)) == len(room.broker.salts)


def test_a_field_asked_for_often_is_on_record_once(room: Room) -> None:
    room.look(*["region"] * 10_000)
    assert room.broker.records[0].fields_requested == ("region",)


def test_a_quiet_gateway_says_how_far_its_numbers_went(tmp_path: Path) -> None:
    broker = Broker()
    log = AuditLog(broker, "gw", folder=tmp_path, heartbeat_seconds=0.01)  # type: ignore[arg-type]  # as much of a producer as it uses
    deadline = time.monotonic() + 10
    while len(broker.records) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    log.close()
    assert [(beat.gateway_seq, beat.last_seq, beat.closing) for beat in broker.records[:2]] == [
        (1, 0, False),
        (2, 1, False),
    ]
    assert_whole_chain(broker)


def test_two_gateways_of_one_name_have_chains_of_their_own() -> None:
    first, second = Room(), Room()
    assert first.log.gateway_id != second.log.gateway_id
    first.log.close()
    second.log.close()


def test_an_entry_that_is_lost_ends_the_gateway(room: Room) -> None:
    class Lost:
        def name(self) -> str:
            return "MSG_SIZE_TOO_LARGE"

    room.broker.away = True
    room.look()
    callback, _ = room.broker._unacknowledged.pop(0)
    callback(Lost(), None)
    room.broker.away = False
    before = len(room.broker.records)
    assert room.look() == Withheld("AUDIT_UNAVAILABLE")
    assert len(room.broker.records) == before


def test_a_nik_in_what_the_caller_says_is_refused_and_never_on_record(room: Room) -> None:
    assert room.look(purpose=Purpose("VERIFIKASI_VALIDASI", f"for {NIK}")) == Withheld("NIK_IN_TEXT")
    assert not any(NIK.encode() in value for value in room.broker.values)


def test_a_nik_in_a_request_id_is_not_on_record(room: Room) -> None:
    assert isinstance(room.look(caller=replace(CALLER, request_id=NIK)), FamilyDisclosed)
    assert not any(NIK.encode() in value for value in room.broker.values)


def test_no_personal_value_stands_in_any_audit_entry(room: Room) -> None:
    room.look("member.name", "member.national_id", "address_line", "card_number")
    room.look(asked=PersonAsked(PERSONS[0]))
    whole = b"".join(room.broker.values)
    for value in (NIK, "Contoh", "3571020101150001", FAMILY, CARD, *PERSONS):
        assert value.encode() not in whole


@pytest.mark.parametrize(
    "text",
    [
        NIK,
        f"a {NIK}.",
        "357102 410180 0001",
        "3571.0241.0180.0001",
        NIK[::-1],
        f"1{NIK}",
        "\N{FULLWIDTH DIGIT THREE}" + NIK[1:],
        "357102_410180_0001",
        "357102, 410180, 0001",
        "357102\n4101800001",
        "357102  4101800001",
        "357102\N{ZERO WIDTH SPACE}4101800001",
        "357102\N{EN DASH}4101800001",
        "".join(chr(ord("\N{ARABIC-INDIC DIGIT ZERO}") + int(digit)) for digit in NIK),
    ],
)
def test_digits_of_the_form_of_a_nik_are_recognised(text: str) -> None:
    assert looks_like_nik(text)


@pytest.mark.parametrize(
    "text", ["", "9999999999999999", "357102410180000", "01926f7e-1b4a-7c3d-8e2f-3571024101ab", "357102x4101800001"]
)
def test_other_digits_are_not(text: str) -> None:
    assert not looks_like_nik(text)


def test_every_purpose_permits_known_fields_and_names_a_basis() -> None:
    for rule in policy.shipped().data.purposes.values():
        assert rule.fields <= purposes.FIELDS
        assert rule.legal_basis
        assert rule.agencies


def test_epochs_name_one_person_differently() -> None:
    other = EpochKey(2026, bytes(32))
    assert other.subject_ref(PERSONS[0]) != EPOCH_KEY.subject_ref(PERSONS[0])
    assert repr(other) == "EpochKey(2026)"


def test_many_threads_write_one_chain_without_a_hole(room: Room) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: room.look("region"), range(40)))
    assert all(isinstance(each, FamilyDisclosed) for each in found)
    assert len(room.broker.records) == 40 * 4
    assert_whole_chain(room.broker)


def in_doubt(room: Room) -> bytes:
    """Have the first person's name wait to be judged; return the id of the match."""
    head = header(4)
    change_id = uuid.UUID(bytes=head.change_id)
    name = Sealer(room.keys).seal(PERSONS[0], "jejak.CivilRegistryMatched", "registry_name", change_id, "Conto 2")
    assert isinstance(name, bytes)
    match = records.CivilRegistryMatched(
        header=head, person_ref=PERSONS[0], status="NAMA_MERAGUKAN", batch="1", name_likeness=90, registry_name=name
    )
    state = state_of(room.events)
    first, second = state.members
    facet = records.Facet(name=f"padan/{PERSONS[0]}", occurred_at=NOW, sequence=4, change_id=head.change_id)
    room.registry.events = (*room.events, match)
    room.registry.state = replace(
        state, members=(replace(first, padan="NAMA_MERAGUKAN"), second), facets=(*state.facets, facet)
    )
    return head.change_id


def test_a_name_in_doubt_is_shown_beside_the_civil_registry_s_and_nobody_else_s(room: Room) -> None:
    match_id = in_doubt(room)
    first, second = room.look("members", "member.name").fields["members"]
    assert (first["name"], first["registry_name"], first["name_likeness"]) == ("Contoh 2", "Conto 2", 90)
    assert first["match_id"] == match_id.hex()
    assert "registry_name" not in second


def test_a_name_in_doubt_is_not_shown_to_who_may_see_no_name(room: Room) -> None:
    in_doubt(room)
    first, _ = room.look("members").fields["members"]
    assert first["padan"] == "NAMA_MERAGUKAN"
    assert not {"name", "registry_name", "match_id"} & first.keys()
