"""Registration, residence and membership within one family (machine 4.D as far as one family sees it)."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.records import IndividualVariables
from stream_processors.registry import codes
from stream_processors.registry.family import LARGEST_CHANGE
from tests.unit.registry_scenarios import (
    ANI,
    BUDI,
    CLAIM,
    DESA,
    DINSOS,
    NEIGHBOUR,
    NOW,
    Scenario,
    at,
    claimed,
    given,
    matched,
    place,
    registered,
    say,
)

SECOND_CLAIM = b"second claim ani"


def test_a_family_begins_with_its_registration() -> None:
    state = Scenario().when(registered()).then("FamilyRegistered").state
    assert (state.sequence, state.status, state.decile, state.members) == (1, "AKTIF", 0, ())
    assert [facet.name for facet in state.facets] == ["registration", "residence"]


@pytest.mark.parametrize("record", ["FamilyMoved", "MembershipClaimed", "FamilyRanked", "ProposalDrafted"])
def test_nothing_is_said_about_a_family_before_it_is_registered(record: str) -> None:
    Scenario().when(say(record)).refused("FAMILY_NOT_REGISTERED", "/header/family_id")


def test_a_family_is_registered_once() -> None:
    given(registered()).when(registered()).refused("ALREADY_REGISTERED")


@pytest.mark.parametrize(
    ("system", "edition", "code"),
    [
        ("KEMENDAGRI", "300.2.2-2430/2025", "35.70.02.1001"),
        ("KEMENDAGRI", "300.2.2-2430/2025", "3571020001"),
        ("KEMENDAGRI", "300.2.2-2430/2025", ""),
        ("KEMENDAGRI", "2138", "35.71.02.1001"),
        ("BPS", "300.2.2-2430/2025", "3571020001"),
        ("POS", "2020", "64100"),
    ],
)
def test_a_family_lives_only_where_its_own_code_system_and_edition_knows_a_place(
    system: str, edition: str, code: str
) -> None:
    wrong = place(code, system, edition)
    Scenario().when(registered(region=wrong)).refused("WILAYAH_TIDAK_ADA", "/region/code")
    given(registered()).when(say("FamilyMoved", region=wrong)).refused("WILAYAH_TIDAK_ADA", "/region/code")


@pytest.mark.parametrize("code", ["35", "35.71", "35.71.01"])
def test_a_family_lives_in_a_desa_and_not_in_a_larger_place(code: str) -> None:
    Scenario().when(registered(agency="kemensos", region=place(code))).refused("WILAYAH_BUKAN_DESA", "/region/code")
    moved = say("FamilyMoved", agency="kemensos", region=place(code))
    given(registered()).when(moved).refused("WILAYAH_BUKAN_DESA", "/region/code")


def test_a_change_larger_than_a_state_can_keep_many_of_is_refused() -> None:
    Scenario().when(registered(address_line=bytes(LARGEST_CHANGE))).refused("TOO_LARGE")
    given(registered()).when(claimed(name=bytes(LARGEST_CHANGE))).refused("TOO_LARGE")
    given(registered()).when(claimed(name=bytes(LARGEST_CHANGE - 1_000))).accepted()


def test_a_move_changes_where_the_family_lives() -> None:
    assert given(registered()).when(say("FamilyMoved")).accepted().state.region.code == NEIGHBOUR


def test_a_late_word_of_an_older_move_corrects_history_and_not_the_present() -> None:
    scene = given(registered(), say("FamilyMoved", occurred=at(2025, 3, 1)))
    scene.when(say("FamilyMoved", region=place("35.71.03.1001"), occurred=at(2025, 2, 1))).then("FamilyMoved")
    assert scene.state.region.code == NEIGHBOUR


def test_a_move_to_the_same_moment_said_later_holds() -> None:
    scene = given(registered(), say("FamilyMoved", occurred=NOW), say("FamilyMoved", region=place("35.71.03.1001")))
    assert scene.state.region.code == "35.71.03.1001"


def test_a_claimed_person_is_pending_and_visibly_so() -> None:
    member = given(registered(), claimed()).member()
    assert (member.standing, member.padan, member.claim_id, member.reason) == ("PENDING", "", CLAIM[ANI], "")


@pytest.mark.parametrize("field", ["sex", "relationship", "marital_status", "presence"])
@pytest.mark.parametrize("value", [0, 9, -1, 2**31 - 1])
def test_a_claim_outside_its_code_lists_is_refused(field: str, value: int) -> None:
    given(registered()).when(claimed(**{field: value})).refused("CODE_UNKNOWN", f"/{field}")


@pytest.mark.parametrize(
    ("field", "low", "high"), [("sex", 1, 2), ("relationship", 1, 8), ("marital_status", 1, 4), ("presence", 1, 5)]
)
def test_a_claim_s_code_lists_end_where_the_questionnaire_ends(field: str, low: int, high: int) -> None:
    for value in (low, high):
        given(registered()).when(claimed(**{field: value})).accepted()
    given(registered()).when(claimed(**{field: high + 1})).refused("CODE_UNKNOWN", f"/{field}")


@pytest.mark.parametrize("month", [0, 13, -1])
def test_a_month_of_birth_is_1_to_12(month: int) -> None:
    given(registered()).when(claimed(birth_month=month)).refused("V3", "/birth_month")


@pytest.mark.parametrize(("year", "month"), [(1899, 12), (2025, 4), (2026, 1), (-5, 1), (2**31 - 1, 1)])
def test_a_year_of_birth_is_1900_to_now(year: int, month: int) -> None:
    given(registered()).when(claimed(birth_year=year, birth_month=month)).refused("V3", "/birth_year")


@pytest.mark.parametrize(("year", "month"), [(1900, 1), (2025, 3)])
def test_the_oldest_and_the_newborn_are_claimed(year: int, month: int) -> None:
    given(registered()).when(claimed(birth_year=year, birth_month=month)).accepted()


@pytest.mark.parametrize(
    "record",
    ["MembershipConfirmed", "MembershipContested", "MembershipEnded", "CivilRegistryMatched"],
)
def test_nothing_is_said_about_a_person_the_family_never_claimed(record: str) -> None:
    given(registered(), claimed()).when(say(record, person_ref=BUDI)).refused("MEMBER_UNKNOWN", "/person_ref")


def test_a_claim_is_confirmed() -> None:
    assert given(registered(), claimed(), say("MembershipConfirmed")).member().standing == "CONFIRMED"


def test_a_contested_member_stays_visible_with_the_reason() -> None:
    member = given(registered(), claimed(), say("MembershipContested")).member()
    assert (member.standing, member.reason) == ("CONTESTED", "ANGGOTA_DI_DUA_KELUARGA")


@pytest.mark.parametrize("record", ["MembershipConfirmed", "MembershipContested"])
def test_an_answer_to_another_claim_than_the_one_in_force_comes_too_late(record: str) -> None:
    answer = say(record, claim_id=b"another claim...")
    given(registered(), claimed()).when(answer).known()


@pytest.mark.parametrize("record", ["MembershipConfirmed", "MembershipContested"])
def test_an_answer_after_the_end_of_the_membership_comes_too_late(record: str) -> None:
    scene = given(registered(), claimed(), say("MembershipEnded"))
    scene.when(say(record)).known()


@pytest.mark.parametrize("reason", ["", " ", "LAIN", "meninggal", "ANGGOTA_DI_DUA_KELUARGA"])
def test_an_ending_has_a_reason_of_its_list(reason: str) -> None:
    given(registered(), claimed()).when(say("MembershipEnded", reason=reason)).refused("REASON_UNKNOWN", "/reason")


@pytest.mark.parametrize("reason", ["", "PINDAH"])
def test_a_contest_has_a_reason_of_its_list(reason: str) -> None:
    given(registered(), claimed()).when(say("MembershipContested", reason=reason)).refused("REASON_UNKNOWN", "/reason")


@pytest.mark.parametrize("reason", sorted(codes.END_REASONS))
def test_an_ended_member_is_kept_with_the_reason(reason: str) -> None:
    member = given(registered(), claimed(), say("MembershipEnded", reason=reason)).member()
    assert (member.standing, member.reason) == ("ENDED", reason)


def test_a_new_claim_brings_an_ended_member_back_as_pending() -> None:
    scene = given(registered(), claimed(), say("MembershipEnded", occurred=at(2025, 2, 1)))
    scene.and_given(claimed(change_id=SECOND_CLAIM, occurred=at(2025, 3, 1)))
    assert (scene.member().standing, scene.member().reason) == ("PENDING", "")
    assert len(scene.state.members) == 1


def test_a_late_word_of_an_older_claim_does_not_undo_an_ending() -> None:
    scene = given(registered(), claimed(), say("MembershipEnded", occurred=at(2025, 3, 1)))
    scene.and_given(claimed(change_id=SECOND_CLAIM, occurred=at(2025, 2, 1)))
    assert (scene.member().standing, scene.member().reason) == ("ENDED", "MENINGGAL")


def test_a_late_word_of_an_older_ending_does_not_end_the_claim_in_force() -> None:
    scene = given(registered(), claimed(), claimed(change_id=SECOND_CLAIM, occurred=at(2025, 3, 1)))
    scene.and_given(say("MembershipEnded", occurred=at(2025, 2, 1), reason="PINDAH"))
    assert (scene.member().standing, scene.member().reason) == ("PENDING", "")


def test_an_older_claim_arriving_late_can_not_be_answered() -> None:
    scene = given(registered(), claimed(occurred=at(2025, 3, 1)))
    scene.and_given(claimed(change_id=SECOND_CLAIM, occurred=at(2025, 2, 1)))
    scene.when(say("MembershipConfirmed", claim_id=SECOND_CLAIM)).known()


@pytest.mark.parametrize("status", sorted(codes.PADAN_STATUSES))
def test_the_civil_registry_s_answer_is_kept_as_given(status: str) -> None:
    answer = matched(status=status, registry_name=b"sealed")
    assert given(registered(), claimed(), answer).member().padan == status


@pytest.mark.parametrize("status", ["", "padan", "TIDAK_PADAN", "COCOK"])
def test_a_padan_status_outside_the_list_is_refused(status: str) -> None:
    given(registered(), claimed()).when(matched(status=status)).refused("CODE_UNKNOWN", "/status")


def test_a_late_word_of_an_older_match_does_not_undo_the_newer() -> None:
    scene = given(registered(), claimed(), matched(occurred=at(2025, 2, 1)))
    scene.and_given(matched(status="NAMA_BEDA", occurred=at(2025, 1, 15)))
    assert scene.member().padan == "PADAN"


def test_members_keep_the_order_in_which_they_were_first_claimed() -> None:
    scene = given(registered(), claimed(), claimed(BUDI, relationship=2))
    scene.and_given(claimed(change_id=SECOND_CLAIM, occurred=at(2025, 3, 1), agency=DESA))
    assert [member.person_ref for member in scene.state.members] == [ANI, BUDI]


def test_a_claim_of_the_very_moment_of_an_ending_said_later_brings_the_member_back() -> None:
    scene = given(registered(), claimed(), say("MembershipEnded", occurred=at(2025, 2, 1)))
    scene.and_given(claimed(change_id=SECOND_CLAIM, occurred=at(2025, 2, 1)))
    assert scene.member().standing == "PENDING"


def test_a_person_claimed_anew_keeps_what_others_said_of_them() -> None:
    seen = IndividualVariables(person_ref=ANI, works=1, work_status=4, difficulty_seeing=1)
    scene = given(registered(), claimed(), matched(), say("GroundCheckRecorded", individuals=(seen,)))
    scene.and_given(claimed(change_id=SECOND_CLAIM, occurred=at(2025, 3, 1), marital_status=4))
    member = scene.member()
    assert (member.padan, member.work_status, member.severe_disability) == ("PADAN", 4, True)
    assert (member.marital_status, member.standing) == (4, "PENDING")


def test_a_state_holds_at_most_112_persons_of_a_family() -> None:
    child: dict[str, Any] = {"relationship": 3}
    many = [claimed(person_ref=f"{n:026}", change_id=n.to_bytes(16, "big"), **child) for n in range(1, 113)]
    scene = given(registered(), *many)
    scene.when(claimed(person_ref="z" * 26, change_id=b"z" * 16, **child)).refused("MEMBERS_TOO_MANY", "/person_ref")
    scene.when(claimed(person_ref=f"{7:026}", change_id=b"y" * 16, birth_year=1990, **child)).accepted()


DOUBT = b"name in doubt .."


def in_doubt() -> Scenario:
    doubt = matched(status="NAMA_MERAGUKAN", registry_name=b"sealed", name_likeness=80, change_id=DOUBT)
    return given(registered(), claimed(), doubt)


def judged(status: str = "PADAN", **fields: Any) -> Any:
    said = {"agency": DINSOS, "occurred": NOW, "resolves": DOUBT, "reason": "KTP diperlihatkan", **fields}
    return matched(status=status, **said)


@pytest.mark.parametrize("status", ["PADAN", "NAMA_BEDA"])
def test_an_officer_judges_a_name_in_doubt(status: str) -> None:
    scene = in_doubt()
    assert scene.member().padan == "NAMA_MERAGUKAN"
    assert scene.when(judged(status)).accepted().member().padan == status


def test_a_family_is_not_ranked_by_a_name_in_doubt() -> None:
    in_doubt().when(say("FamilyRanked")).refused("NO_MATCHED_MEMBER")


def test_a_doubt_comes_with_the_name_to_be_judged() -> None:
    given(registered(), claimed()).when(matched(status="NAMA_MERAGUKAN")).refused("NAME_MISSING", "/registry_name")


@pytest.mark.parametrize(
    ("fields", "rule", "pointer"),
    [
        ({"resolves": None}, "NAME_NOT_IN_DOUBT", "/resolves"),
        ({"resolves": b"another match .."}, "NAME_NOT_IN_DOUBT", "/resolves"),
        ({"agency": "dukcapil"}, "NAME_NOT_IN_DOUBT", "/resolves"),
        ({"reason": None}, "REASON_MISSING", "/reason"),
        ({"reason": " "}, "REASON_MISSING", "/reason"),
        ({"status": "MENINGGAL"}, "CODE_UNKNOWN", "/status"),
        ({"status": "NAMA_MERAGUKAN"}, "CODE_UNKNOWN", "/status"),
        ({"agency": "dinsos/12.74"}, "OUTSIDE_AREA", "/header/agency"),
    ],
)
def test_a_judgement_says_which_name_yes_or_no_and_why(fields: dict[str, Any], rule: str, pointer: str) -> None:
    in_doubt().when(judged(**fields)).refused(rule, pointer)


def test_a_name_is_judged_once() -> None:
    scene = in_doubt().and_given(judged())
    scene.when(judged("NAMA_BEDA")).refused("NAME_NOT_IN_DOUBT", "/resolves")


def test_a_newer_match_leaves_nothing_to_judge() -> None:
    scene = in_doubt().and_given(matched(occurred=at(2025, 3, 1)))
    scene.when(judged()).refused("NAME_NOT_IN_DOUBT", "/resolves")
