"""The door's other questions: emergencies, the trail itself, exports; and what comes in malformed."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cassandra import OperationTimedOut
from confluent_kafka import KafkaException

from consumers.gateway import policy
from consumers.gateway.admission import Gate
from consumers.gateway.break_glass import KeptReviews
from consumers.gateway.disclosure import Door
from consumers.gateway.explaining import explained
from consumers.gateway.policy import Agreement, Policies
from consumers.gateway.quotas import Quotas
from consumers.gateway.request import (
    AuditDisclosed,
    AuditFound,
    Caller,
    CardAsked,
    ChunkDisclosed,
    ExportAsked,
    FamilyAsked,
    FamilyDisclosed,
    FamilyRow,
    PersonAsked,
    Purpose,
    RefusalsDisclosed,
    TrailEntry,
    TrailOfAccessor,
    TrailOfAgency,
    TrailOfPerson,
    WholeTrail,
    Withheld,
)
from identity.open import Opener
from schemas import merkle, records
from tests.unit.audit_rig import on_topic, projected
from tests.unit.test_gateway_disclosure import (
    ASKED,
    CALLER,
    EPOCH_KEY,
    FAMILY,
    NIK,
    NOW,
    PERSONS,
    PURPOSE,
    Room,
    disk_at_once,  # noqa: F401  spares these tests the disk too
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from consumers.gateway.request import AuditAsked
    from consumers.read_model.audit_queries import Emergency

HOUR = 3_600_000_000
TOKENS = "t-1", "t-2", "t-3"
OFFICER = replace(CALLER, token_jti=TOKENS[0])
SECOND = replace(CALLER, actor_ref="officer-8", actor_role="supervisor", token_jti=TOKENS[1])
EMERGENCY = Purpose("KEADAAN_DARURAT", "a flood in the village")
AUDITOR = replace(CALLER, agency_id="bpk", actor_role="auditor", actor_ref="auditor-1")
SUPERVISOR = replace(SECOND, actor_ref="officer-9", token_jti=TOKENS[2])
ELSEWHERE = replace(SUPERVISOR, agency_id="dinsos/35.78")
OWN_USE, OVERSIGHT = Purpose("PENGAWASAN_INTERNAL"), Purpose("PENGAWASAN_EKSTERNAL")
SHARED = Purpose("BERBAGI_PAKAI_DATA", agreement_id="a-1")
EXPORTER = replace(CALLER, actor_role="operator")
EXPORT = ExportAsked("e-1", ("region", "member.name"), ("35.71",), 10)
GRANT = Agreement(
    "a-1", "dinsos/35.71", ("BERBAGI_PAKAI_DATA",), ("region", "member.name"), ("35.71",), 0, 2 * NOW, 5_000
)


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> int:
        return self.at


class Granted:
    """The agreements that were made, and whether they can be asked for."""

    def __init__(self) -> None:
        self.made = [GRANT]
        self.away = False

    def active(self, agreement_id: str, agency: str, at: int) -> Agreement | None:
        if self.away:
            raise KafkaException
        found = [one for one in self.made if one.agreement_id == agreement_id and one.agency == agency]
        return found[0] if found and found[0].valid_from <= at < found[0].valid_until else None


class Told:
    """The emergencies of the room's own trail, as the read model has them."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.away = False

    def unreviewed(self, agency: str) -> list[Emergency]:
        if self.away:
            raise OperationTimedOut
        return projected(on_topic(self._room.broker.records)).unreviewed(agency)


class House:
    """A room, and a gate whose every part can be changed."""

    def __init__(self) -> None:
        self.room = Room()
        self.room.log._deadline = 10.0  # these tests are about other things than a broker that is slow
        self.clock, self.granted, self.told = Clock(), Granted(), Told(self.room)
        self.policies: list[Policies | None] = [policy.shipped()]
        self.quotas = Quotas()
        gate = Gate(lambda: self.policies[-1], self.granted, self.quotas, KeptReviews(self.told), self.clock)
        self.door = Door(
            self.room.registry, Opener(self.room.keys), self.room.log, EPOCH_KEY, self.room.pauses.append, gate=gate
        )

    @property
    def entries(self) -> list[Any]:
        return self.room.broker.records

    def kinds(self) -> list[str]:
        return self.room.broker.kinds()

    def look(self, caller: Caller = CALLER, purpose: Purpose = PURPOSE, asked: Any = ASKED) -> Any:
        return self.door.look_family(caller, purpose, asked, ("region", "member.name"))

    def emergency(self, caller: Caller = OFFICER, second: Caller = SECOND, purpose: Purpose = EMERGENCY) -> Any:
        return self.door.break_glass(caller, second, purpose, ASKED, ("member.name",))

    def export(self, asked: ExportAsked = EXPORT, second: Caller | None = None, purpose: Purpose = SHARED) -> Any:
        return self.door.open_export(EXPORTER, purpose, asked, second)


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.room.broker.away = False
    made.room.log.close()


def names(rows: Sequence[FamilyRow]) -> bytes:
    return repr([[person["name"] for person in row.fields["members"]] for row in rows]).encode()


# Every entry


def test_every_entry_names_the_policies_that_judged_and_heartbeats_those_that_serve(house: House) -> None:
    house.look()
    house.look(replace(CALLER, agency_id="dinsos/35.78"))
    house.door.audit_read(SUPERVISOR, OWN_USE, TrailOfAgency(SUPERVISOR.agency_id), lambda: AuditFound(()))
    stream = house.export()
    stream.disclose_chunk([FAMILY], names)
    stream.close()
    assert {"AccessIntent", "AccessOutcome", "SubjectDisclosure"} <= set(house.kinds())
    assert {entry.policy_set_hash for entry in house.entries} == {policy.shipped().hash}


def test_what_was_judged_by_no_policies_says_so_in_every_entry(house: House) -> None:
    house.policies.append(None)
    assert house.look() == Withheld("POLICIES_UNAVAILABLE")
    assert [entry.policy_set_hash for entry in house.entries] == [bytes(32)] * 2


# Refusals


def refused_to(house: House, agency: str, caller: Caller = CALLER, purpose: Purpose = PURPOSE) -> Any:
    read_after: list[list[str]] = []

    def read() -> list[str]:
        read_after.append(house.kinds())
        return ["one", "another"]

    return house.door.refusals(caller, purpose, agency, read), read_after


def test_what_was_refused_to_an_agency_is_shown_to_it_once_on_record_and_counted(house: House) -> None:
    found, read_after = refused_to(house, CALLER.agency_id)
    assert isinstance(found, RefusalsDisclosed)
    assert found.lines == ["one", "another"]
    assert read_after == [["AccessIntent"]]
    intent, outcome = house.entries
    assert (intent.action, intent.purpose_code, intent.agency_id) == ("LIST", PURPOSE.code, CALLER.agency_id)
    assert (intent.legal_basis_code, intent.fields_requested) == ("UU13/2011-8", ("refusals",))
    assert (outcome.outcome, outcome.result_count) == ("DELIVERED", 2)


@pytest.mark.parametrize(
    ("agency", "caller", "purpose", "code"),
    [
        ("dinsos/35.78", CALLER, PURPOSE, "NOT_OWN"),
        ("desa/35.71.01.1001", replace(CALLER, agency_id="kemensos"), PURPOSE, "NOT_OWN"),
        (CALLER.agency_id, replace(CALLER, actor_role="auditor"), PURPOSE, "ROLE_NOT_PERMITTED"),
        (CALLER.agency_id, CALLER, Purpose("PENETAPAN_BANTUAN"), "FIELD_NOT_PERMITTED"),
        (CALLER.agency_id, CALLER, Purpose("CURIOSITY"), "PURPOSE_UNKNOWN"),
        ("dinsos /35.71", CALLER, PURPOSE, "IDENTIFIER_MALFORMED"),
    ],
)
def test_refusals_to_another_agency_or_without_a_purpose_are_not_shown_and_that_is_on_record(
    house: House, agency: str, caller: Caller, purpose: Purpose, code: str
) -> None:
    assert refused_to(house, agency, caller, purpose) == (Withheld(code), [])
    assert [(entry.decision, entry.action) for entry in house.entries[:1]] == [("DENY", "LIST")]
    assert (house.entries[1].outcome, house.entries[1].result_count) == ("WITHHELD", 0)


def test_without_the_record_no_refusal_is_read(house: House) -> None:
    house.room.broker.away = True
    house.room.log._deadline = 0.05
    assert refused_to(house, CALLER.agency_id) == (Withheld("AUDIT_UNAVAILABLE"), [])


# Emergencies


def test_an_emergency_shows_a_family_when_a_second_officer_vouches_and_must_be_reviewed(house: House) -> None:
    found = house.emergency()
    assert isinstance(found, FamilyDisclosed)
    intent = house.entries[0]
    assert (intent.action, intent.second_actor_ref, intent.review_due_at) == (
        "BREAK_GLASS",
        "officer-8",
        NOW + 72 * HOUR,
    )
    assert intent.determining_rules == ("EMERGENCY_WITH_A_SECOND_OFFICER",)
    assert house.kinds().count("SubjectDisclosure") == 2


@pytest.mark.parametrize(
    "second",
    [
        replace(SECOND, actor_ref=OFFICER.actor_ref),
        replace(SECOND, token_jti=OFFICER.token_jti),
        replace(SECOND, token_jti=None),
        replace(SECOND, agency_id="dinsos/35.78"),
        replace(SECOND, actor_role="verifier"),
        replace(SECOND, assurance_level="LOW"),
    ],
)
def test_the_second_is_another_officer_of_the_agency_by_a_token_of_their_own_who_may_approve(
    house: House, second: Caller
) -> None:
    assert house.emergency(second=second) == Withheld("SECOND_OFFICER_NEEDED")
    assert house.room.registry.read_after == []


def test_an_emergency_says_what_it_is(house: House) -> None:
    assert house.emergency(purpose=Purpose("KEADAAN_DARURAT")) == Withheld("EXPLANATION_NEEDED")
    assert house.emergency(purpose=Purpose("KEADAAN_DARURAT", "  ")) == Withheld("EXPLANATION_NEEDED")


def test_an_emergency_that_waits_too_long_for_its_review_forbids_the_agency_another(house: House) -> None:
    assert isinstance(house.emergency(), FamilyDisclosed)
    house.clock.at += 72 * HOUR - 1
    assert isinstance(house.emergency(), FamilyDisclosed)
    house.clock.at += 1
    assert house.emergency() == Withheld("REVIEW_OVERDUE")
    other, vouching = (replace(one, agency_id="dinsos/35") for one in (OFFICER, SECOND))
    assert isinstance(house.emergency(other, vouching), FamilyDisclosed)


def test_a_review_by_an_officer_who_took_no_part_opens_the_way_again(house: House) -> None:
    house.emergency()
    entry = TrailEntry(house.entries[0].event_id, "dinsos/35.71")
    house.clock.at += 73 * HOUR

    def review(caller: Caller) -> Any:
        return house.door.audit_read(caller, OWN_USE, entry, lambda: AuditFound(("the look",)), reviews=True)

    assert review(SECOND) == Withheld("NOT_A_REVIEWER")
    assert review(replace(SUPERVISOR, actor_ref=OFFICER.actor_ref)) == Withheld("NOT_A_REVIEWER")
    assert house.emergency() == Withheld("REVIEW_OVERDUE")
    assert isinstance(review(SUPERVISOR), AuditDisclosed)
    assert isinstance(house.emergency(), FamilyDisclosed)
    assert review(SUPERVISOR) == Withheld("NOT_A_REVIEWER")  # reviewed already


def test_an_emergency_is_refused_while_the_reviews_can_not_be_read(house: House) -> None:
    house.told.away = True
    assert house.emergency() == Withheld("REVIEWS_UNAVAILABLE")
    assert [entry.decision for entry in house.entries if isinstance(entry, records.AccessIntent)] == ["DENY"]
    assert isinstance(house.look(), FamilyDisclosed)


def test_entries_in_any_order_and_twice_tell_the_same_emergencies(house: House) -> None:
    house.emergency()
    house.emergency()
    entry = TrailEntry(house.entries[0].event_id, "dinsos/35.71")
    house.door.audit_read(SUPERVISOR, OWN_USE, entry, lambda: AuditFound(()), reviews=True)
    entries = on_topic(house.entries)
    found = [projected(*told).unreviewed("dinsos/35.71") for told in ([entries], [entries[::-1]], [entries, entries])]
    assert [[one.actor for one in waiting] for waiting in found] == [["officer-7"]] * 3
    assert projected(entries).unreviewed("dinsos/35") == []


def test_what_was_refused_or_read_without_a_review_is_no_emergency_and_reviews_none(house: House) -> None:
    assert house.emergency(purpose=Purpose("KEADAAN_DARURAT")) == Withheld("EXPLANATION_NEEDED")
    house.emergency()
    (waits,) = house.told.unreviewed("dinsos/35.71")
    entry = TrailEntry(waits.intent_id, "dinsos/35.71")
    house.door.audit_read(SUPERVISOR, OWN_USE, entry, lambda: AuditFound(()))
    house.door.audit_read(SECOND, OWN_USE, entry, lambda: AuditFound(()), reviews=True)
    assert house.told.unreviewed("dinsos/35.71") == [waits]


# The trail


def test_reading_a_persons_trail_is_on_record_before_it_is_read_and_in_that_trail(house: House) -> None:
    seen: list[list[str]] = []

    def read() -> AuditFound:
        seen.append(house.kinds())
        return AuditFound(({"agency": "bps"},), suppressed=1)

    found = house.door.audit_read(SUPERVISOR, Purpose("HAK_SUBJEK_DATA"), TrailOfPerson(PERSONS[0]), read)
    assert isinstance(found, AuditDisclosed)
    assert seen == [["AccessIntent"]]
    intent, outcome, disclosure = house.entries
    assert (intent.action, intent.subject_ref) == ("AUDIT_READ", EPOCH_KEY.subject_ref(PERSONS[0]))
    assert (outcome.outcome, outcome.result_count, outcome.suppressed_count) == ("DELIVERED", 1, 1)
    assert (disclosure.subject_ref, disclosure.fields_disclosed) == (intent.subject_ref, ("trail",))


def test_a_trail_is_not_read_when_it_may_not_be(house: House) -> None:
    def read() -> AuditFound:
        raise AssertionError

    tried: list[tuple[Caller, Purpose, AuditAsked, str]] = [
        (CALLER, OWN_USE, TrailOfAgency("dinsos/35.71"), "ROLE_NOT_PERMITTED"),
        (SUPERVISOR, OWN_USE, TrailOfAgency("dinsos/35.78"), "NOT_OWN"),
        (SUPERVISOR, OWN_USE, TrailOfAccessor("dinsos/35.78", "officer-1"), "NOT_OWN"),
        (SUPERVISOR, OWN_USE, TrailEntry(bytes(16), "dinsos/35.78"), "NOT_OWN"),
        (SUPERVISOR, OWN_USE, WholeTrail(), "SCOPE_NOT_PERMITTED"),
        (SUPERVISOR, OVERSIGHT, WholeTrail(), "PURPOSE_NOT_OF_AGENCY"),
        (AUDITOR, OVERSIGHT, TrailOfPerson(PERSONS[0]), "SCOPE_NOT_PERMITTED"),
        (
            replace(SUPERVISOR, agency_id="dinsos/35.78"),
            Purpose("HAK_SUBJEK_DATA"),
            TrailOfPerson(PERSONS[0]),
            "OUTSIDE_AREA",
        ),
    ]
    for caller, purpose, about, code in tried:
        assert house.door.audit_read(caller, purpose, about, read) == Withheld(code)
        assert (house.entries[-1].outcome, house.entries[-1].reason) == ("WITHHELD", code)


def test_a_citizen_reads_the_trail_of_nobody_else(house: House) -> None:
    citizen = replace(CALLER, agency_id="warga", actor_role="warga", person_ref=PERSONS[0])
    purpose = Purpose("HAK_SUBJEK_DATA")

    def read(person: str) -> Any:
        return house.door.audit_read(citizen, purpose, TrailOfPerson(person), lambda: AuditFound(()))

    assert isinstance(read(PERSONS[0]), AuditDisclosed)
    assert read(PERSONS[1]) == Withheld("NOT_OWN")
    assert house.look(citizen, purpose) == Withheld("ROLE_NOT_PERMITTED")
    assert PERSONS[0].encode() not in b"".join(house.room.broker.values)


@pytest.mark.parametrize("role", ["operator", "verifier", "supervisor", "analyst", "system"])
def test_a_citizen_whose_token_names_an_officers_role_sees_nobody_else(house: House, role: str) -> None:
    citizen = replace(CALLER, agency_id="warga", actor_role=role, person_ref=PERSONS[0])
    found = house.look(citizen, Purpose("HAK_SUBJEK_DATA"))
    assert found == Withheld("NOT_OWN")
    assert house.room.registry.read_after == []


def test_an_auditor_reads_everything_and_an_agency_its_own(house: House) -> None:
    for caller, purpose, about in (
        (AUDITOR, OVERSIGHT, WholeTrail()),
        (AUDITOR, OVERSIGHT, TrailOfAgency("dinsos/35.78")),
        (SUPERVISOR, OWN_USE, TrailOfAccessor("dinsos/35.71", "officer-7")),
    ):
        assert isinstance(house.door.audit_read(caller, purpose, about, lambda: AuditFound(())), AuditDisclosed)


# Exports


def test_each_person_of_a_chunk_is_on_record_before_its_bytes_are_returned(house: House) -> None:
    stream = house.export()
    chunk = stream.disclose_chunk([FAMILY, "z" * 26], names)
    assert isinstance(chunk, ChunkDisclosed)
    assert chunk.body == b"[['Contoh 2', 'Contoh 3']]"
    assert (chunk.families, chunk.persons, chunk.left_out) == (1, 2, (("z" * 26, "NOT_FOUND"),))
    assert house.kinds() == ["AccessIntent", "SubjectDisclosure", "SubjectDisclosure"]
    assert [one.subject_ref for one in house.entries[1:]] == [EPOCH_KEY.subject_ref(person) for person in PERSONS]


def test_an_export_ends_with_one_outcome_that_commits_to_every_disclosure_and_every_byte(house: House) -> None:
    stream = house.export()
    bodies = [stream.disclose_chunk([FAMILY], names).body for _ in range(3)]
    receipts = stream.close()
    outcome = house.entries[-1]
    written = zip(house.room.broker.values, house.kinds(), strict=True)
    values = [value for value, kind in written if kind == "SubjectDisclosure"]
    leaves = [merkle.leaf_hash(hashlib.sha256(value).digest()) for value in values]
    assert (outcome.batch_size, outcome.result_count, outcome.suppressed_count) == (6, 6, 0)
    assert outcome.batch_root == _root(leaves)
    assert outcome.byte_count == len(b"".join(bodies))
    assert outcome.response_digest == EPOCH_KEY.response_digest(hashlib.sha256(b"".join(bodies)).digest())
    assert receipts[0] == stream.intent
    assert stream.disclose_chunk([FAMILY], names) == Withheld("EXPORT_CLOSED")


def test_an_export_tells_who_was_erased_since_or_that_nobody_can_tell(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, keys = house.export(), house.room.keys
    assert stream.erased_among(PERSONS) == frozenset()
    keys.erase(PERSONS[0])
    assert stream.erased_among(PERSONS) == {PERSONS[0]}

    def silent(_: object) -> None:
        raise OperationTimedOut

    monkeypatch.setattr(keys, "erased_among", silent)
    assert stream.erased_among(PERSONS) == Withheld("KEYS_UNAVAILABLE")


def test_an_export_without_a_grant_is_refused(house: House) -> None:
    assert house.export(purpose=Purpose("BERBAGI_PAKAI_DATA")) == Withheld("AGREEMENT_NEEDED")
    assert house.export(purpose=replace(SHARED, agreement_id="a-2")) == Withheld("AGREEMENT_NOT_ACTIVE")
    assert house.export(replace(EXPORT, fields=("telephone",))) == Withheld("AGREEMENT_NOT_FOR_FIELD")
    assert house.export(replace(EXPORT, regions=("35.78",))) == Withheld("AGREEMENT_NOT_FOR_REGION")
    assert house.export(replace(EXPORT, persons=1_001)) == Withheld("APPROVAL_NEEDED")
    approved = house.export(replace(EXPORT, persons=1_001), SECOND)
    assert not isinstance(approved, Withheld)
    assert house.entries[-1].second_actor_ref == "officer-8"


def test_an_export_stops_when_its_grant_ends_or_is_suspended(house: House) -> None:
    stream = house.export()
    house.granted.made = [replace(GRANT, suspended=True)]
    assert stream.disclose_chunk([FAMILY], names) == Withheld("AGREEMENT_NOT_ACTIVE")
    house.granted.made = [replace(GRANT, valid_until=NOW)]
    assert stream.disclose_chunk([FAMILY], names) == Withheld("AGREEMENT_NOT_ACTIVE")
    house.granted.away = True
    assert stream.disclose_chunk([FAMILY], names) == Withheld("AGREEMENTS_UNAVAILABLE")
    assert house.kinds() == ["AccessIntent"]
    assert stream.abandon("AGREEMENT_NOT_ACTIVE") == Withheld("AGREEMENT_NOT_ACTIVE")
    assert (house.entries[-1].outcome, house.entries[-1].reason) == ("FAILED", "AGREEMENT_NOT_ACTIVE")


def test_an_export_stops_when_other_policies_serve(house: House) -> None:
    stream = house.export()
    files = dict(policy.shipped().files)
    files["quotas.toml"] += "\n"
    house.policies.append(Policies(files))
    assert stream.disclose_chunk([FAMILY], names) == Withheld("POLICIES_CHANGED")


def test_an_export_never_holds_more_persons_than_were_asked_for(house: House) -> None:
    stream = house.export(replace(EXPORT, persons=3))
    assert isinstance(stream.disclose_chunk([FAMILY], names), ChunkDisclosed)
    assert stream.disclose_chunk([FAMILY], names) == Withheld("EXPORT_PERSONS_EXCEEDED")


def test_a_family_outside_the_grants_region_is_left_out_of_an_export(house: House) -> None:
    house.granted.made = [replace(GRANT, regions=("35.71.03",))]
    stream = house.export(replace(EXPORT, regions=("35.71.03",)))
    chunk = stream.disclose_chunk([FAMILY], names)
    assert (chunk.body, chunk.left_out) == (b"[]", ((FAMILY, "AGREEMENT_NOT_FOR_PLACE"),))
    stream.close()
    assert (house.entries[-1].result_count, house.entries[-1].suppressed_count) == (0, 1)


def test_without_a_broker_no_chunk_leaves(house: House) -> None:
    stream = house.export()
    house.room.broker.away, house.room.log._deadline = True, 0.1
    assert stream.disclose_chunk([FAMILY], names) == Withheld("AUDIT_UNAVAILABLE")


# What the door stands on is away


def test_without_the_key_store_nothing_is_shown_and_that_is_on_record(house: House, monkeypatch: Any) -> None:
    def away(*_: Any) -> Any:
        raise OperationTimedOut

    monkeypatch.setattr(house.room.keys, "key", away)
    assert house.look() == Withheld("KEYS_UNAVAILABLE")
    assert (house.entries[-1].outcome, house.entries[-1].reason) == ("FAILED", "KEYS_UNAVAILABLE")
    assert house.export().disclose_chunk([FAMILY], names) == Withheld("KEYS_UNAVAILABLE")
    assert "SubjectDisclosure" not in house.kinds()


def test_without_policies_nobody_is_let_in(house: House) -> None:
    house.policies.append(None)
    assert house.look() == Withheld("POLICIES_UNAVAILABLE")
    intent, outcome = house.entries
    assert (intent.decision, intent.policy_set_hash, intent.decision_input) == ("DENY", bytes(32), "")
    assert (outcome.outcome, house.room.registry.read_after) == ("WITHHELD", [])


def test_without_the_counts_nobody_is_let_in(house: House) -> None:
    house.quotas.close()
    with pytest.raises(sqlite3.Error):
        house.quotas.seen(None, 0)  # type: ignore[arg-type]  # closed before anything is asked
    assert house.look() == Withheld("QUOTAS_UNAVAILABLE")


def test_a_used_up_quota_refuses_and_a_look_counts_the_persons_it_showed(house: House) -> None:
    files = dict(policy.shipped().files)
    files["quotas.toml"] = files["quotas.toml"].replace("persons_per_hour = 2000\n", "persons_per_hour = 21\n")
    house.policies.append(Policies(files))
    assert isinstance(house.look(), FamilyDisclosed)  # 20 reserved, 2 seen
    assert house.look() == Withheld("QUOTA_EXCEEDED")
    assert "QUOTA_EXCEEDED" in house.entries[-2].determining_rules
    assert isinstance(house.look(replace(CALLER, actor_ref="officer-8")), FamilyDisclosed)
    house.clock.at += HOUR
    assert isinstance(house.look(), FamilyDisclosed)


def test_a_look_that_showed_nothing_uses_up_no_quota(house: House) -> None:
    files = dict(policy.shipped().files)
    files["quotas.toml"] = files["quotas.toml"].replace("persons_per_hour = 2000\n", "persons_per_hour = 20\n")
    house.policies.append(Policies(files))
    for _ in range(3):
        assert house.look(asked=FamilyAsked("z" * 26)) == Withheld("NOT_FOUND")
    assert isinstance(house.look(), FamilyDisclosed)


# What comes in malformed


FULL_WIDTH = "".join(chr(ord(digit) + 0xFEE0) for digit in NIK)
CYRILLIC_O = "\N{CYRILLIC SMALL LETTER O}"


@pytest.mark.parametrize(
    "asked",
    [
        FamilyAsked(FAMILY + " "),
        FamilyAsked(" " + FAMILY[1:]),
        FamilyAsked(FAMILY.upper()),
        FamilyAsked(FAMILY[:-1] + CYRILLIC_O),
        FamilyAsked(""),
        PersonAsked(PERSONS[0] + "\n"),
        PersonAsked(NIK),
        PersonAsked(FULL_WIDTH),
        CardAsked("0" * 26),
    ],
)
def test_an_identifier_that_is_not_exactly_one_is_refused_and_never_matched(house: House, asked: Any) -> None:
    assert house.look(asked=asked) == Withheld("IDENTIFIER_MALFORMED")
    assert (house.room.registry.read_after, house.kinds()) == ([], ["AccessIntent", "AccessOutcome"])


@pytest.mark.parametrize(
    "changes",
    [
        {"agency_id": f"dins{CYRILLIC_O}s/35.71"},
        {"agency_id": "dinsos/35.71 "},
        {"agency_id": "DINSOS/35.71"},
        {"agency_id": "dinsos/\N{FULLWIDTH DIGIT THREE}5.71"},
        {"agency_id": ""},
        {"actor_ref": "officer 7"},
        {"actor_ref": ""},
        {"actor_role": f"verifier{CYRILLIC_O}"},
    ],
)
def test_an_agency_or_officer_that_only_looks_like_one_is_refused(house: House, changes: dict[str, Any]) -> None:
    assert house.look(replace(CALLER, **changes)) == Withheld("IDENTIFIER_MALFORMED")


@pytest.mark.parametrize(
    "code",
    [
        "VERIFIKASI_VALIDASI ",
        "VERIFIKASI VALIDASI",
        "VERIFIKASI_VALIDASI" + CYRILLIC_O,
    ],
)
def test_a_purpose_that_only_looks_like_one_is_refused(house: House, code: str) -> None:
    assert house.look(purpose=Purpose(code)) == Withheld("IDENTIFIER_MALFORMED")


def test_a_missing_purpose_is_refused(house: House) -> None:
    assert house.look(purpose=Purpose("")) == Withheld("PURPOSE_UNKNOWN")


def test_a_field_with_a_space_is_refused(house: House) -> None:
    assert house.door.look_family(CALLER, PURPOSE, ASKED, ("region ",)) == Withheld("IDENTIFIER_MALFORMED")


# What is on record decides again


def test_every_decision_on_record_is_made_again_the_same(house: House) -> None:
    house.look()
    house.look(replace(CALLER, agency_id="dinsos/35.78"))
    house.look(purpose=Purpose("CURIOSITY"))
    house.look(purpose=Purpose("VERIFIKASI_VALIDASI", NIK))
    house.look(replace(CALLER, agency_id="dinsos/35.71 "))
    house.emergency()
    house.export().close()
    intents = [one for one in house.entries if isinstance(one, records.AccessIntent)]
    outcomes = {one.intent_id: one for one in house.entries if isinstance(one, records.AccessOutcome)}
    made = [
        one
        for intent in intents
        for one in explained(intent, outcomes[intent.event_id], {policy.shipped().hash: policy.shipped()}.get)
    ]
    assert len(made) == 10
    assert {one.verdict for one in made} == {"SAME"}
    assert ("DENY", ("OUTSIDE_AREA",)) in {one.again for one in made}


def test_a_decision_that_was_altered_or_made_by_other_policies_differs(house: House) -> None:
    house.look(purpose=Purpose("CURIOSITY"))
    intent = house.entries[0]
    sets = {policy.shipped().hash: policy.shipped()}
    altered = replace(intent, decision="ALLOW", determining_rules=("PURPOSE_OF_AGENCY",))
    assert [one.verdict for one in explained(altered, None, sets.get)] == ["DIFFERS"]
    files = dict(policy.shipped().files)
    files["purposes.toml"] = files["purposes.toml"].replace("VERIFIKASI_VALIDASI", "CURIOSITY")
    assert [one.verdict for one in explained(intent, None, lambda _: Policies(files))] == ["DIFFERS"]
    assert [one.verdict for one in explained(replace(intent, decision_input="{}"), None, sets.get)] == ["DIFFERS"]
    assert [one.verdict for one in explained(intent, None, lambda _: None)] == ["POLICIES_MISSING"]
    assert [one.verdict for one in explained(replace(intent, decision_input=""), None, sets.get)] == ["NOT_JUDGED"]


def test_what_was_judged_holds_no_reference_and_no_name_of_an_officer(house: House) -> None:
    house.look(asked=PersonAsked(PERSONS[0]))
    house.emergency()
    judged = "".join(entry.decision_input or "" for entry in house.entries if hasattr(entry, "decision_input"))
    for said in (*PERSONS, FAMILY, "officer-7", "officer-8", "a visit", "flood", EPOCH_KEY.subject_ref(FAMILY).hex()):
        assert said not in judged


def _root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return merkle.node_hash(_root(leaves[:split]), _root(leaves[split:]))
