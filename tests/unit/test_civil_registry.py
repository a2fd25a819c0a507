"""The civil registry's answers: padan steps, names that only a person may judge, and what is said of each answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers import civil_registry, names
from producers.civil_registry import IN_DOUBT, STEP, Answered, Asked, asked_of, said, verdict
from producers.draft import Channel, Draft, RowRefused
from producers.names import NamesRefused
from stream_processors.registry import codes

if TYPE_CHECKING:
    from pathlib import Path

RULES = names.rules()
NIK, CARD, OTHER_CARD = "3571024406800001", "3571020101120001", "3511110101120009"
BORN = (1980, 6, 4)
CHANNEL = Channel("dukcapil", "padan", "PADAN-1")
ASKED = Asked(CARD, "Siti Aminah", BORN)
ANSWER = Answered(NIK, CARD, "PADAN", "PADAN-1", 1_000, "SITI AMINAH", BORN, 7)


def of(answer: Answered = ANSWER, asked: Asked | None = ASKED) -> str:
    return verdict(answer, asked, RULES).status


def test_every_padan_status_belongs_to_a_step_of_the_guide() -> None:
    assert STEP.keys() == codes.PADAN_STATUSES
    assert {"matched", "changed", "deceased", "duplicate", "not found", "undecided"} == set(STEP.values())


@pytest.mark.parametrize("status", sorted(codes.PADAN_STATUSES - {"PADAN", "NAMA_BEDA", IN_DOUBT}))
def test_what_the_civil_registry_says_of_a_person_is_taken_as_printed(status: str) -> None:
    assert of(replace(ANSWER, status=status, name="SOMEBODY ELSE", born=(1, 1, 1))) == status


def test_an_answer_that_agrees_in_name_birth_and_card_is_matched() -> None:
    assert verdict(ANSWER, ASKED, RULES) == ("PADAN", 100)


def test_without_what_was_asked_the_printed_status_stands() -> None:
    assert of(replace(ANSWER, name="SOMEBODY ELSE"), None) == "PADAN"


@pytest.mark.parametrize("printed", ["PADAN", "NAMA_BEDA"])
def test_a_name_between_the_thresholds_is_nobody_s_here_to_judge(printed: str) -> None:
    found = verdict(replace(ANSWER, status=printed, name="SITI AMINATUN"), ASKED, RULES)
    assert found.status == IN_DOUBT
    assert found.likeness is not None
    assert RULES.different <= found.likeness < RULES.same


@pytest.mark.parametrize("printed", ["PADAN", "NAMA_BEDA"])
def test_another_name_is_another_name_whatever_was_printed(printed: str) -> None:
    assert of(replace(ANSWER, status=printed, name="BAMBANG WIJAYA")) == "NAMA_BEDA"


def test_the_same_name_written_otherwise_is_no_longer_told_as_different() -> None:
    assert of(replace(ANSWER, status="NAMA_BEDA", name="Hj. Sitti  Aminah, S.Pd.")) == "PADAN"


def test_a_name_difference_without_a_name_to_look_at_stays_as_printed() -> None:
    assert of(replace(ANSWER, status="NAMA_BEDA", name=None)) == "NAMA_BEDA"


def test_another_day_of_birth_is_told_after_the_name() -> None:
    assert of(replace(ANSWER, born=(1980, 4, 6))) == "TGL_LAHIR_BEDA"
    assert of(replace(ANSWER, born=(1980, 4, 6), name="BAMBANG WIJAYA")) == "NAMA_BEDA"


def test_another_card_is_a_person_who_moved() -> None:
    assert of(replace(ANSWER, card=OTHER_CARD)) == "PINDAH"


@given(st.from_regex(r"[1-9][0-9]{5}", fullmatch=True), st.from_regex(r"[1-9][0-9]{5}", fullmatch=True))
def test_no_nik_is_ever_judged_by_where_its_digits_or_the_card_come_from(issued: str, lives: str) -> None:
    nik, card = issued + NIK[6:], lives + CARD[6:]
    assert of(replace(ANSWER, nik=nik, card=card), replace(ASKED, card=card)) == "PADAN"


def test_a_match_is_said_of_the_family_that_was_asked_about() -> None:
    (draft,) = said(replace(ANSWER, card=OTHER_CARD), ASKED, CHANNEL, RULES)
    assert (draft.record, draft.card, draft.row) == ("CivilRegistryMatched", CARD, 7)
    assert draft.body["status"] == "PINDAH"
    assert draft.body["registry_name"] is None


def test_the_name_goes_along_only_while_it_is_in_doubt() -> None:
    (draft,) = said(replace(ANSWER, name="SITI AMINATUN"), ASKED, CHANNEL, RULES)
    assert (draft.body["status"], draft.body["registry_name"]) == (IN_DOUBT, "SITI AMINATUN")


def test_who_died_is_matched_as_such_and_the_membership_ends_with_reason_and_evidence() -> None:
    match, end = said(replace(ANSWER, status="MENINGGAL"), ASKED, CHANNEL, RULES)
    assert match.body["status"] == "MENINGGAL"
    assert (end.record, end.body) == (
        "MembershipEnded",
        {"person_ref": NIK, "reason": "MENINGGAL", "evidence": "PADAN-1"},
    )


def test_nothing_of_a_person_is_in_the_text_of_what_is_compared() -> None:
    for one in (ASKED, ANSWER):
        assert not [told for told in ("Siti", "SITI", NIK, CARD, "1980") if told in repr(one)]


def test_what_was_asked_comes_from_the_file_that_was_sent() -> None:
    body = {"national_id": NIK, "name": "Siti Aminah", "birth_year": 1980, "birth_month": 6, "birth_day": "04"}
    items = [
        Draft(CHANNEL, "FamilyRegistered", 0, CARD, {}),
        RowRefused(CHANNEL, 3, "NIK", "V1", "sixteen digits"),
        Draft(CHANNEL, "MembershipClaimed", 0, CARD, body),
    ]
    assert asked_of(items) == {NIK: ASKED}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Siti Aminah", "SITI AMINAH"),
        ("H. Abdul Rahman, S.Pd.I", "ABDUL RAHMAN"),
        ("Moh. Yusuf", "MUHAMMAD YUSUF"),
        ("Soekarno", "SUKARNO"),
        ("Tjipto Soedjono", "CIPTO SUJONO"),
        ("Sri Wahyuni", "SRIWAHYUNI"),
        ("Rahmat Hidayat", "Hidayat Rahmat"),
        ("Nur'aini", "NURAINI"),
    ],
)
def test_writings_of_one_name_are_the_same(one: str, other: str) -> None:
    assert RULES.judged(one, other)[0] == "same"


@pytest.mark.parametrize(
    ("one", "other"), [("Budi Santoso", "BUDI"), ("Sulastri", "SULASTRI NINGSIH"), ("Slamet Riyadi", "SLAMET RIYANTO")]
)
def test_what_may_be_one_name_or_two_is_doubtful(one: str, other: str) -> None:
    assert RULES.judged(one, other)[0] == "doubtful"


@pytest.mark.parametrize(("one", "other"), [("Siti Aminah", "Bambang Wijaya"), ("Budi", "Ani"), ("", "Ani")])
def test_other_names_are_different(one: str, other: str) -> None:
    assert RULES.judged(one, other)[0] == "different"


@given(st.text(max_size=40), st.text(max_size=40))
def test_likeness_is_the_same_both_ways_and_between_0_and_100(one: str, other: str) -> None:
    assert RULES.likeness(one, other) == RULES.likeness(other, one)
    assert 0 <= RULES.likeness(one, other) <= 100


def test_the_thresholds_are_data(tmp_path: Path) -> None:
    shipped = names.SHIPPED.read_text(encoding="utf-8")
    strict = tmp_path / "names.toml"
    strict.write_text(shipped.replace("same = 93", "same = 100").replace("different = 72", "different = 100"))
    assert names.rules(strict).judged("Siti Aminah", "SITI AMINAHH")[0] == "different"


@pytest.mark.parametrize(
    ("old", "new"), [("same = 93", "same = 101"), ("same = 93", "same = 60"), ("different = 72", "different = 0")]
)
def test_thresholds_the_wrong_way_round_are_refused(tmp_path: Path, old: str, new: str) -> None:
    broken = tmp_path / "names.toml"
    broken.write_text(names.SHIPPED.read_text(encoding="utf-8").replace(old, new))
    with pytest.raises(NamesRefused):
        names.rules(broken)


def test_a_file_without_a_threshold_is_refused_by_name(tmp_path: Path) -> None:
    broken = tmp_path / "names.toml"
    broken.write_text('version = "1"')
    with pytest.raises(NamesRefused, match="same is missing"):
        names.rules(broken)


def test_the_module_knows_its_own_word_for_doubt_as_the_registry_does() -> None:
    assert civil_registry.IN_DOUBT == codes.NAME_IN_DOUBT
