"""Sealing a value and opening it, in its place and out of it, and only with the proof of a written intent."""

import hashlib
import uuid
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from identity.keys import DataKey, Erased, InMemoryKeyStore, new_key
from identity.open import NotOpenable, Opener
from identity.seal import Sealer, associated_data
from identity.written_intent import NotAnIntent, WrittenIntent
from schemas import codec
from tests.unit.audit_rig import LOOK, intent, outcome, written_intent

OWNER = "abcdefghijklmnopqrstuvwxyz"
OTHER_OWNER = "zyxwvutsrqponmlkjihgfedcba"
RECORD = "id.jejak.FamilyRegistered"
PATH = "head.nik"
CHANGE = uuid.UUID("11111111-2222-5333-8444-555555555555")
NUMBER = "3311120411870003"
INTENT = written_intent()

texts = st.text(alphabet=st.characters())
places = st.tuples(st.text(max_size=9), st.text(max_size=9), st.text(max_size=9), st.uuids())


@pytest.fixture(scope="module")
def keystore() -> InMemoryKeyStore:
    return InMemoryKeyStore()


def sealed_by(keystore: InMemoryKeyStore, plaintext: str = NUMBER) -> bytes:
    sealed = Sealer(keystore).seal(OWNER, RECORD, PATH, CHANGE, plaintext)
    assert isinstance(sealed, bytes)
    return sealed


@given(plaintext=texts)
def test_what_is_sealed_opens_in_its_place(keystore: InMemoryKeyStore, plaintext: str) -> None:
    sealed = sealed_by(keystore, plaintext)
    assert Opener(keystore).open_sealed(INTENT, OWNER, RECORD, PATH, CHANGE, sealed) == plaintext


def test_a_sealed_value_is_version_key_id_nonce_ciphertext_and_tag(keystore: InMemoryKeyStore) -> None:
    sealed = sealed_by(keystore)
    key = keystore.key_for_sealing(OWNER)
    assert isinstance(key, DataKey)
    assert sealed[0] == 1
    assert int.from_bytes(sealed[1:9], "big") == key.key_id
    assert len(sealed) == 37 + len(NUMBER)
    assert (
        key.cipher.decrypt(sealed[9:21], sealed[21:], associated_data(OWNER, RECORD, PATH, CHANGE)) == NUMBER.encode()
    )


@given(plaintext=texts)
def test_what_is_sealed_for_both_opens_through_one_key_and_then_the_other(plaintext: str) -> None:
    keystore = InMemoryKeyStore()
    sealed = Sealer(keystore).seal_for_both("inner", "outer", RECORD, PATH, CHANGE, plaintext)
    assert isinstance(sealed, bytes)
    for owner in ("outer", "inner"):
        key = keystore.key_for_sealing(owner)
        assert isinstance(key, DataKey)
        assert isinstance(Opener(keystore).open_sealed(INTENT, OWNER, RECORD, PATH, CHANGE, sealed), NotOpenable)
        sealed = key.cipher.decrypt(sealed[9:21], sealed[21:], associated_data(owner, RECORD, PATH, CHANGE))
    assert sealed == plaintext.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("gone", ["inner", "outer"])
def test_nothing_is_sealed_for_both_once_one_of_them_is_erased(gone: str) -> None:
    keystore = InMemoryKeyStore()
    keystore.erase(gone)
    assert Sealer(keystore).seal_for_both("inner", "outer", RECORD, PATH, CHANGE, NUMBER) == Erased()


def test_the_same_text_never_seals_to_the_same_bytes(keystore: InMemoryKeyStore) -> None:
    assert len({sealed_by(keystore) for _ in range(100)}) == 100


@given(one=places, other=places)
def test_no_two_places_have_the_same_associated_data(
    one: tuple[str, str, str, uuid.UUID], other: tuple[str, str, str, uuid.UUID]
) -> None:
    assert (associated_data(*one) == associated_data(*other)) == (one == other)


@pytest.mark.parametrize(
    ("record", "path", "change_id"),
    [
        ("id.jejak.FamilyMoved", PATH, CHANGE),
        (RECORD, "members.nik", CHANGE),
        (RECORD, PATH, uuid.UUID(int=CHANGE.int + 1)),
        (RECORD + PATH[0], PATH[1:], CHANGE),
    ],
)
def test_a_value_moved_to_another_place_does_not_open(
    keystore: InMemoryKeyStore, record: str, path: str, change_id: uuid.UUID
) -> None:
    opened = Opener(keystore).open_sealed(INTENT, OWNER, record, path, change_id, sealed_by(keystore))
    assert opened == NotOpenable("altered")


def test_a_value_moved_to_another_owner_does_not_open(keystore: InMemoryKeyStore) -> None:
    keystore.key_for_sealing(OTHER_OWNER)
    opened = Opener(keystore).open_sealed(INTENT, OTHER_OWNER, RECORD, PATH, CHANGE, sealed_by(keystore))
    assert opened == NotOpenable("key")


def test_a_value_moved_to_another_owner_with_the_same_key_does_not_open() -> None:
    """Even a store that gives one key to two owners doesn't let a value move between them."""
    shared = DataKey.of(*new_key())

    class OneKey(InMemoryKeyStore):
        def key_for_sealing(self, owner: str) -> DataKey | Erased:
            return shared

        def key(self, owner: str, key_id: int) -> DataKey | None:
            return shared

    sealed = sealed_by(OneKey())
    assert Opener(OneKey()).open_sealed(INTENT, OTHER_OWNER, RECORD, PATH, CHANGE, sealed) == NotOpenable("altered")


@given(data=st.data())
def test_a_value_with_any_bit_flipped_does_not_open(keystore: InMemoryKeyStore, data: st.DataObject) -> None:
    sealed = bytearray(sealed_by(keystore))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << (bit % 8)
    expected = "format" if bit < 8 else "key" if bit < 72 else "altered"
    assert Opener(keystore).open_sealed(INTENT, OWNER, RECORD, PATH, CHANGE, bytes(sealed)) == NotOpenable(expected)  # type: ignore[arg-type]


@given(noise=st.binary(max_size=80))
def test_bytes_that_were_never_sealed_do_not_open(keystore: InMemoryKeyStore, noise: bytes) -> None:
    assert isinstance(Opener(keystore).open_sealed(INTENT, OWNER, RECORD, PATH, CHANGE, noise), NotOpenable)


@given(cut=st.integers(0, 52))
def test_a_value_cut_short_does_not_open(keystore: InMemoryKeyStore, cut: int) -> None:
    sealed = sealed_by(keystore)
    assume(cut < len(sealed))
    assert isinstance(Opener(keystore).open_sealed(INTENT, OWNER, RECORD, PATH, CHANGE, sealed[:cut]), NotOpenable)


def test_what_was_sealed_for_an_erased_owner_never_opens_again_and_nothing_more_is_sealed() -> None:
    keystore = InMemoryKeyStore()
    sealed = sealed_by(keystore)

    keystore.erase(OWNER)

    assert Opener(keystore).open_sealed(INTENT, OWNER, RECORD, PATH, CHANGE, sealed) == Erased()
    assert Sealer(keystore).seal(OWNER, RECORD, PATH, CHANGE, NUMBER) == Erased()


def test_neither_a_key_nor_a_store_shows_a_secret(keystore: InMemoryKeyStore) -> None:
    key_id, secret = new_key()
    key = DataKey.of(key_id, secret)
    for form in (secret.hex(), repr(secret)[2:-1]):
        assert form not in repr(key)
    assert not [name for name in DataKey.__slots__ if getattr(key, name) == secret]
    assert NUMBER not in repr(keystore)


class NeverAsked(InMemoryKeyStore):
    def key(self, owner: str, key_id: int) -> DataKey | None:
        raise AssertionError("a key was asked for")


@pytest.mark.parametrize("proof", [None, LOOK, "an intent", (LOOK, "jejak.audit.v1", 3, 7, bytes(32)), intent()])
def test_nothing_opens_without_the_proof_of_a_written_intent(proof: Any) -> None:
    keystore = NeverAsked()
    with pytest.raises(TypeError, match="written intent"):
        Opener(keystore).open_sealed(proof, OWNER, RECORD, PATH, CHANGE, sealed_by(keystore))


def proof_of(record: Any, **other: Any) -> WrittenIntent:
    value = codec.encode(record)
    said: dict[str, Any] = {
        "event_id": LOOK,
        "topic": "jejak.audit.v1",
        "partition": 0,
        "offset": 0,
        "value_hash": hashlib.sha256(value).digest(),
        "value": value,
    }
    return WrittenIntent(**{**said, **other})


def test_an_allowed_intent_that_was_acknowledged_is_the_proof_and_keeps_nothing_of_what_it_says() -> None:
    proof = proof_of(intent())
    assert (proof.event_id, proof.partition, proof.offset) == (LOOK, 0, 0)
    assert not hasattr(proof, "value")


@pytest.mark.parametrize(
    ("record", "other"),
    [
        (intent(decision="DENY"), {}),
        (outcome(1), {"event_id": (1).to_bytes(16, "big")}),
        (intent(), {"event_id": bytes(16)}),
        (intent(), {"value_hash": bytes(32)}),
        (intent(), {"value": codec.encode(intent(actor_ref="another"))}),
        (intent(), {"value": b"", "value_hash": hashlib.sha256(b"").digest()}),
        (intent(), {"topic": ""}),
        (intent(), {"partition": -1}),
        (intent(), {"offset": -1001}),
    ],
)
def test_nothing_else_is_a_proof(record: Any, other: dict[str, Any]) -> None:
    with pytest.raises(NotAnIntent):
        proof_of(record, **other)
