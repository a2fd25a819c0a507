"""From plain text to sealed changes: what is checked, referred to, sealed, identified and refused."""

from __future__ import annotations

import uuid
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from identity.families import InMemoryAliases
from identity.keys import InMemoryKeyStore
from identity.open import NotOpenable, Opener
from identity.references import ReferenceKey, kk_ref, person_ref
from producers import sik_ng
from producers.draft import Channel, Draft, RowRefused
from producers.intake import Intake
from producers.outgoing import Outgoing, refusal_message
from producers.record_of import maker
from schemas import codec, contract, prefix
from schemas.regions import kemendagri
from tests.contract import golden_samples
from tests.unit.audit_rig import written_intent

KEY = ReferenceKey(b"k" * 32)
KK, NIK = "357101" + "0101120001", "357101" + "0403800101"
VILLAGE = Channel("desa/35.71.01.1001", "operator-1", "BA-7", {"nik": "NIK", "kk": "NOMOR_KK", "name": "NAMA"})
REGION = kemendagri("35.71.01.1001")
JANUARY = 1_736_899_200_000_000


def registered(**more: Any) -> Draft:
    body = {
        "region": {"system": REGION.system, "edition": REGION.edition, "code": REGION.code},
        "card_number": KK,
        "address_line": "Jl. Mawar No. 1",
        "telephone": None,
    }
    return replace(Draft(VILLAGE, "FamilyRegistered", JANUARY, KK, body), **more)


def claimed(**cells: Any) -> Draft:
    body = {
        "person_ref": NIK,
        "birth_year": 1980,
        "birth_month": 3,
        "sex": 1,
        "relationship": 1,
        "marital_status": 2,
        "presence": 1,
        "national_id": NIK,
        "name": "Slamet Santoso",
        "birth_day": "04",
    } | cells
    return Draft(VILLAGE, "MembershipClaimed", JANUARY, KK, body, row=2)


def an_intake(keys: InMemoryKeyStore | None = None, aliases: InMemoryAliases | None = None) -> Intake:
    return Intake(KEY, aliases or InMemoryAliases(), keys or InMemoryKeyStore())


def one(draft: Draft, intake: Intake | None = None) -> Outgoing | RowRefused:
    (item,) = (intake or an_intake()).take([draft])
    return item


def taken(draft: Draft, intake: Intake | None = None) -> Outgoing:
    item = one(draft, intake)
    assert isinstance(item, Outgoing)
    return item


def test_a_change_carries_references_in_place_of_numbers_and_the_agency_of_the_channel() -> None:
    change = taken(claimed())

    record = codec.decode(change.value)
    assert record.person_ref == person_ref(KEY, NIK)
    assert record.header.agency == "desa/35.71.01.1001"
    assert record.header.document == "BA-7"
    assert change.key.decode() == record.header.family_id == prefix.walk(change.value).family_id
    assert record.header.sequence == record.header.recorded_at == 0


def test_nothing_personal_is_readable_in_a_change() -> None:
    for draft in (registered(), claimed()):
        value = taken(draft).value

        for text in (KK, NIK, "Slamet", "Mawar"):
            assert text.encode() not in value


def test_what_was_sealed_opens_only_in_its_own_place() -> None:
    keys = InMemoryKeyStore()
    record = codec.decode(taken(claimed(), an_intake(keys)).value)
    change_id, owner = uuid.UUID(bytes=record.header.change_id), record.person_ref
    opener = Opener(keys)

    opened = opener.open_sealed(written_intent(), owner, "jejak.MembershipClaimed", "name", change_id, record.name)
    elsewhere = opener.open_sealed(
        written_intent(), owner, "jejak.MembershipClaimed", "national_id", change_id, record.name
    )

    assert opened == "Slamet Santoso"
    assert elsewhere == NotOpenable("altered")


def test_a_family_keeps_the_id_it_has_when_its_card_is_an_alias() -> None:
    aliases = InMemoryAliases()
    aliases.add_alias(kk_ref(KEY, KK), "a" * 26)

    assert taken(registered(), an_intake(aliases=aliases)).key == b"a" * 26


def test_the_same_fact_from_the_same_document_has_the_same_id_whoever_takes_it() -> None:
    first, second = taken(claimed()), taken(claimed())

    assert first.change_id == second.change_id
    assert first.value != second.value  # sealed anew


@pytest.mark.parametrize(
    "other",
    [
        claimed(name="Slamet Santosa"),
        replace(claimed(), occurred_at=JANUARY + 1),
        replace(claimed(), channel=replace(VILLAGE, document="BA-8")),
        replace(claimed(), channel=replace(VILLAGE, agency="kemensos")),
        replace(claimed(), key="2"),
    ],
)
def test_another_fact_document_agency_or_time_has_another_id(other: Draft) -> None:
    assert taken(other).change_id != taken(claimed()).change_id


def test_the_row_and_the_actor_make_no_other_fact() -> None:
    other = replace(claimed(), row=9, channel=replace(VILLAGE, actor="operator-2"))

    assert taken(other).change_id == taken(claimed()).change_id


def test_a_fact_that_refers_to_another_carries_its_change_id() -> None:
    claim = claimed()
    answer = Draft(
        replace(VILLAGE, agency="registry"),
        "MembershipConfirmed",
        JANUARY,
        KK,
        {"person_ref": NIK},
        refers={"claim_id": claim},
    )

    record = codec.decode(taken(answer).value)

    assert record.claim_id == taken(claim).change_id
    assert record.header.causation_id == record.claim_id


@pytest.mark.parametrize(
    ("draft", "column", "rule"),
    [
        (claimed(person_ref=NIK[:15], national_id=NIK[:15]), "NIK", "V1"),
        (claimed(person_ref=NIK[:12] + "0000"), "NIK", "NIK_SERIAL"),
        (claimed(name="  "), "NAMA", "NAME_BLANK"),
        (claimed(birth_day="31", birth_month=2), "NIK", "V3"),
        (replace(claimed(), card=KK + "1"), "NOMOR_KK", "V1"),
    ],
)
def test_a_broken_identity_is_refused_with_row_column_and_rule_and_no_value(
    draft: Draft, column: str, rule: str
) -> None:
    refused = one(draft)

    assert isinstance(refused, RowRefused)
    assert (refused.row, refused.column, refused.rule) == (2, column, rule)
    assert NIK[:10] not in repr(refused)


def test_a_warning_rides_on_the_change_as_a_code() -> None:
    record = codec.decode(taken(claimed(name="Slamet Santoso, S.Pd.", birth_day="05")).value)

    assert record.findings == ("V2", "NIK_DOB_MISMATCH")


def test_a_source_s_own_findings_are_kept() -> None:
    record = codec.decode(taken(registered(findings=("WILAYAH_NAMA_KODE_BEDA",))).value)

    assert record.findings == ("WILAYAH_NAMA_KODE_BEDA",)


def test_an_erased_person_is_refused_and_gets_no_new_key() -> None:
    keys = InMemoryKeyStore()
    keys.erase(person_ref(KEY, NIK))

    refused = one(claimed(), an_intake(keys))

    assert isinstance(refused, RowRefused)
    assert refused.rule == "ERASED"


def test_refusals_and_changes_come_in_the_order_of_the_drafts() -> None:
    refused = RowRefused(VILLAGE, 3, "NIK", "BLANK", "the cell is blank")

    items = list(an_intake().take([registered(), refused, claimed()]))

    assert [type(item) for item in items] == [Outgoing, RowRefused, Outgoing]
    assert items[1] is refused


def test_a_refused_row_is_told_to_its_agency_under_its_document() -> None:
    refused = RowRefused(VILLAGE, 3, "NIK", "BLANK", "the cell is blank")

    message = refusal_message(refused, lambda: JANUARY)
    again = refusal_message(refused, lambda: JANUARY + 1)

    record = codec.decode(message.value)
    assert (message.topic, message.key) == ("jejak.refusals.v1", b"BA-7")
    assert (record.rule, record.pointer, record.source_offset) == ("BLANK", "/NIK", 3)
    assert record.header.agency == "desa/35.71.01.1001"
    assert message.change_id == again.change_id


def test_the_persons_of_a_visit_are_referred_to_and_sealed_one_by_one() -> None:
    keys = InMemoryKeyStore()
    body = {
        "result": 1,
        "questionnaire": "REGSOSEK22-K",
        "family": {"member_count": 1, "geotag": "-7.8,112.0"},
        "individuals": [{"person_ref": NIK, "name": "Slamet", "works": 1}],
    }
    draft = Draft(replace(VILLAGE, agency="pendamping/35.71"), "GroundCheckRecorded", JANUARY, KK, body)

    record = codec.decode(taken(draft, an_intake(keys)).value)

    (person,) = record.individuals
    change_id = uuid.UUID(bytes=record.header.change_id)
    opener = Opener(keys)
    place = ("jejak.GroundCheckRecorded", "individuals.name", change_id)
    assert opener.open_sealed(written_intent(), person_ref(KEY, NIK), *place, person.name) == "Slamet"
    place = ("jejak.GroundCheckRecorded", "family.geotag", change_id)
    assert opener.open_sealed(written_intent(), record.header.family_id, *place, record.family.geotag) == "-7.8,112.0"


def test_a_corrected_file_under_the_same_number_says_only_what_was_corrected() -> None:
    files = Path(__file__).parent.parent / "fixtures" / "sik_ng"

    def said(name: str) -> set[bytes]:
        channel = sik_ng.channel_for(files / name, "desa/35.71.01.1001", "operator-1", "BA-7")
        items = an_intake().take(sik_ng.read(files / name, channel).items)
        return {item.change_id for item in items if isinstance(item, Outgoing)}

    first, corrected = said("nik_15_digits.csv"), said("good.csv")

    assert first < corrected
    assert len(corrected - first) == 1


def test_a_number_that_no_code_or_count_can_be_is_refused_and_the_next_draft_taken() -> None:
    first, second = an_intake().take([claimed(relationship=1 << 40), claimed()])
    assert isinstance(first, RowRefused)
    assert (first.rule, first.row) == ("CODE_UNKNOWN", 2)
    assert str(1 << 40) not in repr(first)
    assert isinstance(second, Outgoing)


@pytest.mark.parametrize("name", list(contract.records()))
@pytest.mark.parametrize("sparse", [False, True])
def test_every_record_of_the_contract_is_made_of_plain_dicts_and_lists(name: str, *, sparse: bool) -> None:
    sample = golden_samples.sample(name, sparse=sparse)
    plain = {field: listed(value) for field, value in asdict(sample).items()}
    if hasattr(sample, "header"):
        plain["header"] = sample.header
    assert maker(name)(plain) == sample


def listed(value: Any) -> Any:
    match value:
        case tuple():
            return [listed(item) for item in value]
        case dict():
            return {key: listed(item) for key, item in value.items()}
        case _:
            return value


def test_a_field_that_the_record_has_not_is_a_fault() -> None:
    with pytest.raises(TypeError):
        taken(claimed(shoe_size=42))
