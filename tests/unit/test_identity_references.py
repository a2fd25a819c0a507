"""References and ids that stand for a person, a card, a family or a fact."""

import pickle
import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.references import (
    ReferenceKey,
    change_id,
    content_digest,
    derived_id,
    family_id_for,
    kk_ref,
    person_ref,
)

NUMBER = "3311120411870003"
KEY = ReferenceKey(bytes(range(32)))
OTHER_KEY = ReferenceKey(bytes(32))
DIGEST = content_digest(KEY, {"name": "Siti"})
CHANGE = uuid.UUID("11111111-2222-5333-8444-555555555555")


def test_a_reference_is_26_characters_of_lower_case_base32() -> None:
    for reference in (person_ref(KEY, NUMBER), kk_ref(KEY, NUMBER), family_id_for(kk_ref(KEY, NUMBER))):
        assert re.fullmatch(r"[a-z2-7]{26}", reference)


def test_references_stay_what_they_were_in_history() -> None:
    """Golden values: another key schedule, label or namespace would cut every record off from its past."""
    assert person_ref(KEY, NUMBER) == "ti4pd2tngxfcbzo5kcjfrbvxme"
    assert kk_ref(KEY, NUMBER) == "ihyrpqza372czzljj7njy5tu4m"
    assert family_id_for(kk_ref(KEY, NUMBER)) == "ffxcabiqk5iqfmj2zlqaees74a"
    assert (
        content_digest(KEY, {"name": "Siti", "age": 3, "gone": None}).hex()
        == "a38143999c574e466dd099b993e10317e7f60cbd6f45a7c3fbf0b45e37d29002"
    )
    assert str(change_id("kemensos", "a.csv", "row-1", DIGEST)) == "412be448-a692-52bf-96bb-3f9f35379747"
    assert str(derived_id(CHANGE, "eligibility")) == "4bba313f-cab8-5074-aa79-6bb745e2b8eb"


def test_one_number_is_one_reference_under_one_key_and_another_under_another() -> None:
    assert person_ref(KEY, NUMBER) == person_ref(ReferenceKey(bytes(range(32))), NUMBER)
    assert person_ref(KEY, NUMBER) != person_ref(OTHER_KEY, NUMBER)


@given(st.text(alphabet=st.characters(), max_size=20))
def test_no_text_breaks_a_reference(text: str) -> None:
    assert person_ref(KEY, text) != kk_ref(KEY, text)


def test_a_number_used_as_nik_and_as_card_has_two_references() -> None:
    assert person_ref(KEY, NUMBER) != kk_ref(KEY, NUMBER)


def test_a_key_shows_nothing_of_itself() -> None:
    secret = bytes(range(65, 97))
    key = ReferenceKey(secret)
    assert repr(key) == str(key) == "ReferenceKey()"
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_a_key_of_another_length_is_a_fault() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        ReferenceKey(b"short")


def test_the_order_of_fields_makes_no_difference_to_their_digest() -> None:
    assert content_digest(KEY, {"a": "1", "b": "2"}) == content_digest(KEY, {"b": "2", "a": "1"})


@given(
    st.dictionaries(st.text(), st.text() | st.integers() | st.none()),
    st.dictionaries(st.text(), st.text() | st.integers() | st.none()),
)
def test_different_fields_have_different_digests(
    one: dict[str, str | int | None], other: dict[str, str | int | None]
) -> None:
    assert (content_digest(KEY, one) == content_digest(KEY, other)) == (one == other)


def test_missing_empty_and_null_fields_differ() -> None:
    assert len({content_digest(KEY, fields) for fields in ({}, {"a": ""}, {"a": None})}) == 3


def test_the_same_fact_sent_twice_has_the_same_id() -> None:
    first = change_id("kemensos", "2026-05.csv", "row 7", DIGEST)
    assert first == change_id("kemensos", "2026-05.csv", "row 7", DIGEST)
    assert first.version == 5


def test_any_part_of_a_change_makes_another_id() -> None:
    parts = ("kemensos", "a.csv", "row 7", DIGEST)
    others = {
        change_id("dukcapil", *parts[1:]),
        change_id("kemensos", "b.csv", "row 7", DIGEST),
        change_id("kemensos", "a.csv", "row 8", DIGEST),
        change_id("kemensos", "a.csv", "row 7", content_digest(KEY, {})),
        change_id("kemensosa.csv", "", "row 7", DIGEST),
        change_id("kemensos", "a.csvrow 7", "", DIGEST),
        change_id(*parts),
    }
    assert len(others) == 7


def test_ids_derived_from_a_change_follow_from_it_and_their_part() -> None:
    assert derived_id(CHANGE, "a") == derived_id(CHANGE, "a")
    assert len({derived_id(CHANGE, "a"), derived_id(CHANGE, "b"), derived_id(uuid.UUID(int=1), "a")}) == 3
