"""Why a family stands where it stands, told in both languages: given events and refusals, then lines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from consumers.gateway.disclosure import Door
from consumers.gateway.request import LifeDisclosed, Purpose, Withheld
from consumers.gateway.why import Life, read
from identity.open import Opener
from jejak.ranking import explaining
from jejak.why import standing, story
from jejak.why.wording import LANGUAGES, Language, Words
from schemas import codec, records
from tests.unit.registry_scenarios import (
    ANI,
    BOTH,
    BUDI,
    DINSOS,
    DRAFT,
    FAMILY,
    VILLAGE,
    Scenario,
    at,
    claimed,
    drafted,
    matched,
    registered,
    say,
)
from tests.unit.test_gateway_disclosure import (
    ASKED,
    CALLER,
    EPOCH_KEY,
    PURPOSE,
    Room,
    disk_at_once,  # noqa: F401  spares these tests the disk too
)
from tests.unit.test_gateway_times import OneFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW: Final = at(2025, 4, 20)


def given(*changes: Any) -> Scenario:
    return Scenario(rules=BOTH, clock=at(2025, 3, 10)).and_given(registered(), claimed(), matched(), *changes)


def refused(record: str, rule: str, **fields: Any) -> records.ChangeRefused:
    change = say(record, **fields)
    return records.ChangeRefused(
        header=change.header,
        record=codec.name_of(change),
        rule=rule,
        pointer="/kind",
        explanation="a sentence",
        source_topic="jejak.changes.v1",
        source_partition=0,
        source_offset=7,
    )


def life(scene: Scenario) -> Life:
    found = read(OneFamily(scene), scene.state)
    assert isinstance(found, Life)
    return found


def told(scene: Scenario, language: Language, *refusals: records.ChangeRefused, runs: Any = None) -> dict[str, Any]:
    lived = life(scene)
    ranking = explaining.explained(lived.rankings, runs or {})
    return story.story(lived, refusals, ranking, NOW, Words(language))


def sentences(found: dict[str, Any]) -> list[str]:
    return [f"{one['day']}: {one['sentence']}" for one in found["timeline"]]


def test_a_proposal_is_told_by_the_kind_and_area_of_who_proposed_it_in_both_languages() -> None:
    scene = given(drafted())
    assert sentences(told(scene, "id"))[-1] == (
        f"1 Maret 2025: Desa/kelurahan {VILLAGE} mengajukan usulan keluarga baru, atas nama operator desa."
    )
    assert sentences(told(scene, "en"))[-1] == (
        f"1 March 2025: The desa or kelurahan of {VILLAGE} drafted a proposal of a new family,"
        " proposed by the desa's operator."
    )


def test_a_refusal_is_told_with_who_said_what_and_by_which_rule() -> None:
    late = refused("ProposalDrafted", "PROPOSAL_OPEN", occurred=at(2025, 3, 12))
    found = told(given(drafted()), "id", late)
    line = next(one for one in found["timeline"] if one["rule"])
    assert (line["sequence"], line["rule"]) == (None, "PROPOSAL_OPEN")
    assert line["sentence"] == (
        f"Desa/kelurahan {VILLAGE} hendak mengajukan usulan, tetapi ditolak:"
        " masih ada usulan sejenis yang terbuka (PROPOSAL_OPEN)."
    )
    english = next(one["sentence"] for one in told(given(), "en", late)["timeline"] if one["rule"])
    assert english.endswith(
        "wanted to draft a proposal, and it was refused: a proposal of this kind is open (PROPOSAL_OPEN)."
    )


def test_a_step_with_a_reason_says_it() -> None:
    scene = given(
        drafted(),
        say("ProposalSubmitted"),
        say("ProposalIdentityMatched", status="NAMA_BEDA"),
    )
    assert sentences(told(scene, "en"))[-1].endswith(
        "matched the identity of the proposal: the name differs from the civil registry's."
    )
    cancelled = scene.and_given(say("ProposalCancelled", reason="DITARIK_PENGUSUL"))
    assert sentences(told(cancelled, "id"))[-1].endswith(
        "membatalkan usulan. Alasan: ditarik oleh pengusul (DITARIK_PENGUSUL)."
    )


def test_members_are_told_by_number_and_nobody_s_reference_is() -> None:
    header = say("CivilRegistryMatched", agency=DINSOS, person_ref=BUDI, status="PADAN").header
    noted = records.PersonConditionRecorded(
        header=header, person_ref=BUDI, condition="HAMIL", holds=True, ordinal=1, until=0
    )
    scene = given(claimed(BUDI), noted)
    for language in LANGUAGES:
        text = str(told(scene, language))
        assert ANI not in text
        assert BUDI not in text
        assert "HAMIL" not in text
    assert "anggota ke-2" in sentences(told(scene, "id"))[-1]


def test_the_rank_in_force_and_the_one_before_are_told() -> None:
    first = say("FamilyRanked", run_id="Q1", decile=2, occurred=at(2025, 3, 1))
    scene = given(first, say("FamilyRanked", run_id="Q2", decile=6, occurred=at(2025, 3, 9)))
    assert told(scene, "id")["rank"][0].startswith("Desil 6 dari 10 menurut putaran Q2")
    assert "Sebelumnya, menurut putaran Q1: desil 2." in told(scene, "id")["rank"]
    assert "Before, by run Q1: decile 2." in told(scene, "en")["rank"]


def test_a_family_without_a_decile_is_told_why() -> None:
    assert told(given(), "en")["rank"] == ["Belum Ada Desil (no decile): no ranking run ever spoke of this family."]
    nothing = {"decile": None, "percentile": None, "unranked_reason": "GROUND_CHECK_MISSING"}
    scene = given(say("FamilyRanked", run_id="Q1", **nothing))
    assert "belum ada hasil ground check (GROUND_CHECK_MISSING)" in told(scene, "id")["rank"][0]


def test_each_programme_s_result_is_told_with_its_reasons() -> None:
    scene = given(say("FamilyRanked", run_id="Q1", decile=9))
    found = {one.partition(":")[0]: one for one in told(scene, "en")["programmes"]}
    assert "the decile is outside 1 to 4 (DESIL_DI_LUAR_1_4)" in found["PKH"]
    assert found["Sembako"].startswith("Sembako: not eligible (rules 2025.1), because ")
    assert told(given(), "id")["programmes"] == ["Belum ada keputusan kelayakan untuk program apa pun."]


def test_an_amount_is_told_as_each_language_writes_it() -> None:
    scene = given(say("FamilyRanked", run_id="Q1", decile=1))
    assert any("Rp2.400.000 setahun" in one for one in told(scene, "id")["programmes"])
    assert any("Rp2,400,000 a year" in one for one in told(scene, "en")["programmes"])


def test_an_open_proposal_says_where_it_stands_and_who_acts_next() -> None:
    lines = told(given(drafted()), "en")["next"]
    assert "Proposal of a new family: a draft." in lines
    assert (
        "The next step is with the desa or kelurahan or the Ministry of Social Affairs: put it on the first list."
        in lines
    )


def test_an_endorsed_proposal_says_until_when_it_has_to_be_sent() -> None:
    steps = (
        "ProposalSubmitted",
        "ProposalIdentityMatched",
        "VillageMeetingHeld",
        "FieldVerificationCompleted",
        "DinsosReviewCompleted",
        "ProposalEndorsed",
    )
    scene = given(drafted(), *(say(one, occurred=at(2025, 3, 10)) for one in steps))
    assert (
        "Agar masuk periode Maret 2025, usulan harus dikirim ke Kementerian Sosial paling lambat 15 Maret 2025;"
        " sesudah itu periode berikutnya." in told(scene, "id")["next"]
    )


def test_until_when_a_grace_runs_and_by_when_the_family_is_visited_again_is_told() -> None:
    scene = given(say("GroundCheckRecorded", occurred=at(2025, 3, 10)))
    assert "The family has to be verified again by 10 March 2027 (UU 13/2011 art. 8)." in told(scene, "en")["next"]
    assert any("paling lambat 10 Maret 2027" in one for one in told(scene, "id")["next"])
    scene.state = replace(
        scene.state,
        eligibility=(
            records.Eligibility(
                programme="PBI_JKN",
                result="TIDAK_LAYAK",
                reasons=("DESIL_DI_LUAR_1_5",),
                rules_version="2025.1",
                amount_rupiah=0,
                sequence=scene.state.sequence,
                grace_until=at(2025, 4, 20),
            ),
        ),
    )
    assert any("stays until 20 April 2025 (grace)" in one for one in told(scene, "en")["next"])


def test_an_ended_proposal_offers_no_step() -> None:
    scene = given(drafted(), say("ProposalCancelled", reason="X"))
    assert not any(one.startswith("The next step") for one in told(scene, "en")["next"])


def test_how_to_correct_and_until_when_is_told_for_each_kind_that_is_not_open() -> None:
    lines = told(given(), "en")["next"]
    assert any(
        "to correct data; one that reaches the Ministry by 15 May 2025 is in period May 2025" in one for one in lines
    )
    asked = told(given(drafted(kind="PERBAIKAN")), "en")["next"]
    assert not any("a proposal to correct data;" in one for one in asked)
    assert any("a proposal to change the decile;" in one for one in asked)


def test_a_member_whose_identity_does_not_match_is_told_where_to_correct_it() -> None:
    scene = given(claimed(BUDI), matched(BUDI, status="NAMA_BEDA"))
    assert (
        "Identitas anggota ke-2 belum padan: nama berbeda dengan Dukcapil (NAMA_BEDA). Perbaiki di Dukcapil, lalu"
        " mintalah operator desa mencocokkan lagi." in told(scene, "id")["next"]
    )


def test_what_a_family_without_a_decile_can_do_follows_from_why_it_has_none() -> None:
    nothing = {"decile": None, "percentile": None}
    missing = given(say("FamilyRanked", run_id="Q1", **nothing, unranked_reason="VARIABLE_MISSING:roof"))
    assert "Agar mendapat desil, mintalah pendamping melengkapi data tentang jenis atap." in told(missing, "id")["next"]
    assert any("jenis atap (VARIABLE_MISSING:roof)" in one for one in told(missing, "id")["rank"])
    never = given(say("FamilyRanked", run_id="Q1", **nothing, unranked_reason="GROUND_CHECK_MISSING"))
    assert (
        "To be given a decile, ask the pendamping or the dinas sosial for a ground-check visit."
        in (told(never, "en")["next"])
    )


def test_what_can_be_done_about_a_programme_s_reasons_is_told_once_for_all_programmes() -> None:
    scene = given(say("FamilyRanked", run_id="Q1", decile=9))
    assert (
        "PKH dan Sembako: hanya pemeringkatan berikutnya dapat mengubah desil, atas data dan kunjungan yang baru."
        in told(scene, "id")["next"]
    )


@pytest.mark.parametrize("reason", ["DESIL_DI_LUAR_1_4", "BELUM_ADA_DESIL"])
def test_a_family_outside_the_deciles_of_pip_is_told_that_a_card_is_enough(reason: str) -> None:
    scene = given(say("FamilyRanked", run_id="Q1", decile=9))
    values: dict[str, Any] = {"result": "TIDAK_LAYAK", "reasons": (reason,), "rules_version": "2025.1"}
    values |= {"amount_rupiah": 0, "sequence": scene.state.sequence, "grace_until": 0}
    decided = [records.Eligibility(programme=one, **values) for one in ("PIP", "PKH")]
    scene.state = replace(scene.state, eligibility=tuple(decided))
    (ours,) = [one for one in told(scene, "id")["next"] if "pemegang KIP, KKS atau PKH" in one]
    (theirs,) = [one for one in told(scene, "en")["next"] if "who holds KIP, KKS or PKH" in one]
    assert {one.partition(": ")[0] for one in (ours, theirs)} == {"Program Indonesia Pintar (PIP)"}


def test_a_reason_of_an_official_s_rule_file_is_told_in_the_words_of_the_file() -> None:
    own: Any = {"DESIL_DI_LUAR_1_4": {"id": "desil keluarga di atas 4", "en": "the decile is above 4"}}
    lived = life(given(say("FamilyRanked", run_id="Q1", decile=9)))
    ranking = explaining.explained(lived.rankings, {})
    found = story.story(lived, (), ranking, NOW, Words("id", own))
    assert any("desil keluarga di atas 4 (DESIL_DI_LUAR_1_4)" in one for one in found["programmes"])


def test_what_is_said_alike_of_several_members_on_a_day_is_one_line() -> None:
    scene = given(claimed(BUDI), matched(BUDI))
    lines = told(scene, "id")["happened"]
    assert any(one.endswith("mencocokkan identitas anggota ke-1 dan ke-2: padan.") for one in lines)
    assert len(lines) < len(told(scene, "id")["timeline"])
    apart = told(given(claimed(BUDI), matched(BUDI, status="NAMA_BEDA")), "id")["happened"]
    assert any(one.endswith("identitas anggota ke-1: padan.") for one in apart)


def test_what_was_learned_late_stands_on_its_day_and_says_so() -> None:
    ranked = say("FamilyRanked", run_id="Q1", decile=2, occurred=at(2025, 3, 8))
    scene = given(ranked, claimed(BUDI, occurred=at(2025, 3, 3)))
    lines = told(scene, "id")["happened"]
    late = next(one for one in lines if "anggota ke-2" in one)
    assert late.startswith("3 Maret 2025: ")
    assert late.endswith("sebagai anggota keluarga. (Baru dicatat 10 Maret 2025.)")
    assert lines.index(late) < next(at for at, one in enumerate(lines) if "desil 2" in one)
    assert not any("Baru dicatat" in one for one in told(given(ranked), "id")["happened"])


def test_another_model_is_told_beside_the_two_deciles() -> None:
    first = say("FamilyRanked", run_id="Q1", decile=2, percentile=1_500, occurred=at(2025, 3, 1), model_version="a-1")
    second = say("FamilyRanked", run_id="Q2", decile=6, percentile=5_300, occurred=at(2025, 3, 9), model_version="b-1")
    lines = told(given(first, second), "en")["rank"]
    assert "About 53 of 100 families nationwide are needier than this one." in lines
    assert any(one.startswith("The model changed from a-1 to b-1") for one in lines)


def moved(variable: str, old: int, new: int, effect: int) -> list[str]:
    now: Any = {"decile": 3, "percentile": None, "run_id": "Q2", "questionnaire": "REGSOSEK22-K"}
    since = {
        "run_id": "Q1",
        "changed": {},
        "variables": [{"variable": variable, "value": [old, new], "adds": [0, effect]}],
        "others_moved": False,
    }
    ranking = {"ranked": True, "now": now, "since": since}
    return list(standing.rank(given().state, ranking, Words("id")))


def test_an_answer_that_moved_the_score_is_told_as_the_form_words_it() -> None:
    assert (
        "Jawaban tentang jenis atap berubah dari Genteng menjadi Seng: skor turun 0,05 (ke arah lebih membutuhkan)."
        in (moved("roof", 2, 3, -50_000))
    )
    assert any(
        "jumlah anggota keluarga berubah dari 3 menjadi 2: skor naik 0,1" in one
        for one in moved("members", 3, 2, 100_000)
    )


def test_what_a_person_answered_is_never_told_only_that_it_moved_the_score() -> None:
    lines = " ".join(moved("chronically_ill", 0, 1, 30_000) + moved("head_marital_status", 2, 4, -20_000))
    assert "jumlah anggota dengan penyakit kronis, atau bobotnya" in lines.replace(" atau bobotnya", ", atau bobotnya")
    assert "menjadi" not in lines


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_code_without_a_sentence_shows_the_code_and_never_fails(language: Language) -> None:
    scene = given(drafted(), say("ProposalCancelled", reason="A_REASON_OF_TOMORROW"))
    odd = refused("FamilyMoved", "A_RULE_OF_TOMORROW", agency="bappeda/35.71")
    text = str(told(scene, language, odd))
    assert "A_REASON_OF_TOMORROW" in text
    assert "A_RULE_OF_TOMORROW" in text


class WhyRoom:
    def __init__(self) -> None:
        self.room = Room()
        self.asked: list[Any] = []
        family: Any = OneFamily(given(drafted()))
        self.door = Door(family, Opener(self.room.keys), self.room.log, EPOCH_KEY, lambda _: None)

    def tell(self, found: Life) -> Any:
        self.asked.append(self.room.broker.kinds())
        return story.story(found, (), explaining.explained(found.rankings, {}), NOW, Words("id"))


@pytest.fixture
def behind() -> Iterator[WhyRoom]:
    made = WhyRoom()
    yield made
    made.room.log.close()


def test_the_story_passes_the_door_intent_first_and_each_person_on_record(behind: WhyRoom) -> None:
    found = behind.door.life(CALLER, PURPOSE, ASKED, behind.tell)
    assert isinstance(found, LifeDisclosed)
    assert found.told["family_id"] == FAMILY
    assert behind.asked == [["AccessIntent"]]
    assert behind.room.broker.kinds() == ["AccessIntent", "AccessOutcome", "SubjectDisclosure"]


def test_what_the_policy_denies_is_not_even_worked_out(behind: WhyRoom) -> None:
    found = behind.door.life(CALLER, Purpose("BERBAGI_PAKAI_DATA"), ASKED, behind.tell)
    assert isinstance(found, Withheld)
    assert behind.asked == []


def test_a_history_that_lacks_its_end_is_behind() -> None:
    scene = given(drafted(change_id=DRAFT))
    scene.log.pop()
    found = read(OneFamily(scene), scene.state)
    assert isinstance(found, Withheld)
    assert found.code == "READ_MODEL_BEHIND"
