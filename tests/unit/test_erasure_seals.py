"""After an erasure no sealed field of any kind of record names the erased person, whichever keys are left to try."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, Final

import pytest

from identity import members_key
from identity.families import InMemoryAliases
from identity.keys import InMemoryKeyStore
from identity.references import ReferenceKey, person_ref
from jejak.audit import erasure as erasing
from producers.draft import Channel, Draft
from producers.intake import Intake
from producers.outgoing import Outgoing
from schemas import contract, sealed
from tests.contract import golden_samples
from tests.unit import every_key
from tests.unit.registry_scenarios import ANI, BUDI, DINSOS, FAMILY, NOW, claimed, given, registered

KEY: Final = ReferenceKey(b"e" * 32)
GONE, STAYS, OBJECTOR = "3571010403800101", "3571014503820102", "3571010101700103"
NAME: Final = "SLAMET WIRYATMO"
OTHER: Final = "ENDANG SULASTINI"
OF_FAMILY: Final = {
    "card_number": "3571010101120001",
    "address_line": "GANG PINGGIR 9",
    "telephone": "0354000000",
    "geotag": "-7.82,112.01",
    "electricity_customer": "521010000001",
}
CHANNEL: Final = Channel(DINSOS, "petugas-1", "BA-7")
BORN: Final = {
    GONE: {"birth_year": 1980, "birth_month": 3, "sex": 1},
    STAYS: {"birth_year": 1982, "birth_month": 3, "sex": 2},
}
HEAD, CHILD = 1, 3
NAMED_BESIDE: Final = {"GroundCheckRecorded", "AidReceived"}


def ref(nik: str) -> str:
    return person_ref(KEY, nik)


def of_persons(record: str) -> bool:
    shape = sealed.shape_of(record)
    return bool(shape.sealed or shape.records or shape.lists)


# Those of a family: the header says which; FamilyVariables and IndividualVariables stand within a ground check.
KINDS: Final = sorted(
    record.removeprefix("jejak.")
    for record in contract.records()
    if of_persons(record) and "header" in sealed.shape_of(record).fields
)


def said(shape: sealed.Shape, sample: dict[str, Any], nik: str) -> dict[str, Any]:
    """Return a record of the sample in plain text: what may name a person says this one's name."""
    body = {name: list(value) if isinstance(value, tuple) else value for name, value in sample.items()}
    for field in shape.sealed:
        body[field.name] = OF_FAMILY.get(field.name) or _of_person(field.name, nik)
    for name, inner in shape.records:
        body[name] = said(inner, sample[name], nik)
    for name, inner in shape.lists:
        body[name] = [said(inner, each, one) for each, one in zip(sample[name], (GONE, STAYS), strict=True)]
    if "person_ref" in shape.fields:
        body["person_ref"] = nik
    return body


def _of_person(name: str, nik: str) -> str:
    return {"national_id": nik, "birth_day": "04" if nik == GONE else "05"}.get(name, NAME if nik == GONE else OTHER)


def draft(kind: str, nik: str = GONE, *, named: bool = True, number: int = 0) -> Draft:
    """Return a record of this kind about a person; not `named`, only its texts tell whom it is about."""
    body = said(sealed.shape_of(f"jejak.{kind}"), asdict(golden_samples.sample(f"jejak.{kind}", sparse=False)), nik)
    for made in ("header", "card_ref", "findings"):
        body.pop(made, None)
    if kind == "MembershipClaimed":
        body |= BORN[nik]
    if kind == "ObjectionFiled":
        body["objector_ref"] = OBJECTOR
    if kind == "AidReceived" and not named:
        body["person_ref"] = None
    for one, relationship in zip(body.get("individuals", ()), (HEAD if named else CHILD, CHILD), strict=False):
        one["relationship"] = relationship
    return Draft(CHANNEL, kind, NOW, "", body, key=f"{kind}/{named}/{number}", family_id=FAMILY)


def everything() -> list[Draft]:
    unnamed = [draft(kind, named=False) for kind in sorted(NAMED_BESIDE)]
    return [*[draft(kind) for kind in KINDS], *unnamed, draft("MembershipClaimed", STAYS)]


def sealed_by(keys: InMemoryKeyStore, drafts: list[Draft]) -> list[Outgoing]:
    taken = list(Intake(KEY, InMemoryAliases(), keys).take(drafts))
    assert all(isinstance(one, Outgoing) for one in taken), taken
    return [one for one in taken if isinstance(one, Outgoing)]


def opened(keys: InMemoryKeyStore, messages: list[Outgoing]) -> dict[tuple[int, str, str], list[str]]:
    held = [(owner, key.cipher) for owner, by_id in keys._keys.items() for key in by_id.values()]
    return every_key.opened(held, [message.value for message in messages])


class Family:
    """The read model of a family of two, of whom nobody is unlinked yet."""

    def __init__(self) -> None:
        state = given(registered(), claimed(ANI), claimed(BUDI)).state
        renamed = {ANI: ref(GONE), BUDI: ref(STAYS)}
        members = tuple(replace(one, person_ref=renamed[one.person_ref]) for one in state.members)
        self.state = replace(state, members=members)
        self.known = dict.fromkeys(renamed.values(), FAMILY)

    def family_of(self, reference: str) -> str | None:
        return self.known.get(reference)

    def family(self, family_id: str) -> Any:
        return self.state if family_id == FAMILY else None


def erased(keys: InMemoryKeyStore, nik: str, model: Family | None = None) -> erasing.Done:
    terms = ("UU27/2022-43", "B/17/2025")
    said_by = (DINSOS, "petugas-1")
    done = erasing.erase(model or Family(), keys, lambda _: None, ref(nik), said_by, terms, lambda: NOW + 1)
    assert isinstance(done, erasing.Done)
    return done


def naming(found: dict[tuple[int, str, str], list[str]]) -> dict[tuple[int, str, str], list[str]]:
    """Return the values that tell of the one who is erased."""
    return {at: texts for at, texts in found.items() if {NAME, GONE, "04"} & set(texts)}


def test_every_kind_of_sealed_record_is_tried_here() -> None:
    assert {"MembershipClaimed", "GroundCheckRecorded", "AidReceived", "ObjectionFiled", "ProposalDrafted"} <= {*KINDS}
    assert {*KINDS} >= NAMED_BESIDE


def test_before_the_erasure_each_value_opens_to_one_text() -> None:
    keys = InMemoryKeyStore()
    found = opened(keys, sealed_by(keys, everything()))
    assert {len(texts) for texts in found.values()} == {1}
    assert {kind for _, kind, _ in naming(found)} >= {"GroundCheckRecorded", "AidReceived", "ObjectionFiled"}


def test_after_an_erasure_no_sealed_field_names_the_person_and_what_is_the_familys_stays() -> None:
    keys = InMemoryKeyStore()
    messages = sealed_by(keys, everything())
    before = opened(keys, messages)
    assert not erased(keys, GONE).with_family
    after = opened(keys, messages)
    assert naming(after) == {}
    of_family = {at: texts for at, texts in before.items() if texts[0] in OF_FAMILY.values()}
    assert of_family
    assert {at: after[at] for at in of_family} == of_family
    assert [OTHER] in after.values()


def test_the_heads_name_stays_when_another_member_is_erased() -> None:
    keys = InMemoryKeyStore()
    messages = sealed_by(keys, [draft("GroundCheckRecorded"), draft("AidReceived")])
    erased(keys, STAYS)
    after = opened(keys, messages)
    assert after[0, "GroundCheckRecorded", "family.head_name"] == [NAME]
    assert after[1, "AidReceived", "account"] == [NAME]


@pytest.mark.parametrize("nik", [OBJECTOR, GONE])
def test_what_an_objector_wrote_goes_with_the_objector_and_with_any_member(nik: str) -> None:
    keys = InMemoryKeyStore()
    messages = sealed_by(keys, [draft("ObjectionFiled")])
    assert opened(keys, messages)[0, "ObjectionFiled", "grounds"] == [NAME]
    if nik == OBJECTOR:
        keys.erase(ref(nik))  # whose family is another one
    else:
        erased(keys, nik)
    assert opened(keys, messages)[0, "ObjectionFiled", "grounds"] == []


def test_with_the_last_member_nothing_at_all_opens() -> None:
    keys, model = InMemoryKeyStore(), Family()
    messages = sealed_by(keys, everything())
    erased(keys, GONE, model)
    del model.known[ref(GONE)]
    assert erased(keys, STAYS, model).with_family
    left = {at[1]: texts for at, texts in opened(keys, messages).items() if texts}
    assert left == {}


def test_what_is_said_of_the_family_after_an_erasure_goes_under_the_next_key_and_opens() -> None:
    keys = InMemoryKeyStore()
    early = sealed_by(keys, [draft("ProposalDrafted")])
    erased(keys, GONE)
    late = sealed_by(keys, [draft("ProposalDrafted", number=1)])
    assert [*opened(keys, early).values()] == [[]]
    assert [*opened(keys, late).values()] == [[NAME]]
    assert members_key.owners_for_sealing(keys, [FAMILY]) == {FAMILY: members_key.owner_of(FAMILY, 2)}
    erased(keys, STAYS)
    assert [*opened(keys, late).values()] == [[]]
