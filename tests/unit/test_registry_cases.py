"""What the rows' guards, dates and consequences do: objections, PBI-JKN, exclusions, moves in halves, splits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from schemas import codec, records
from schemas.identifiers import derived_id
from stream_processors.indicators import definitions
from stream_processors.registry import calendar, cases, deadlines, erasure
from stream_processors.registry.decision import event_of, record_name
from stream_processors.registry.split import child_id
from tests.unit.machine_walks import CITED, EXPECTED, due, standing_at, where
from tests.unit.registry_scenarios import (
    ANI,
    BOTH,
    BUDI,
    CITRA,
    CLAIM,
    DAY,
    DESA,
    DINSOS,
    FAMILY,
    FAR,
    HOUR,
    NEIGHBOUR,
    NOW,
    OBJECTION,
    OTHER_FAMILY,
    SPLIT,
    TASK,
    VILLAGE,
    Scenario,
    at,
    claimed,
    drafted,
    given,
    matched,
    place,
    registered,
    replay,
    say,
)


def case(scene: Scenario, machine: str) -> Any:
    return next(one for one in scene.state.cases if one.machine == machine)


def due_dates(scene: Scenario, *changes: Any) -> list[tuple[str, int | None]]:
    """Return the dates that were set or withdrawn while these changes were accepted."""
    found = []
    for change in changes:
        before = scene.state
        scene.and_given(change)
        found += [(one.kind, one.due_at) for one in deadlines.scheduled(before, scene.state)]
    return found


# --- B: objections ---------------------------------------------------------------------------------------------------


def test_an_objection_that_is_upheld_opens_a_proposal_to_remove_the_family_in_the_same_step() -> None:
    scene = standing_at("SANGGAH", "VERIFIKASI_PEMDA")
    decided = say("ObjectionDecided")
    scene.when(decided).then("ObjectionDecided", "ProposalDrafted")
    (proposal,) = scene.state.proposals
    assert (proposal.kind, proposal.step, proposal.proposer) == ("PENGHAPUSAN", "DRAF", "WARGA")
    assert proposal.proposal_id == derived_id(decided.header.change_id, "ProposalDrafted/PENGHAPUSAN")
    assert replay(scene.log) == scene.state
    scene.when(decided).known()
    # And the village goes on with it as with any other
    assert scene.and_given(say("ProposalSubmitted", proposal_id=proposal.proposal_id)).step(proposal.proposal_id)


def test_an_objection_that_is_upheld_opens_no_second_proposal_to_remove() -> None:
    scene = standing_at("SANGGAH", "VERIFIKASI_PEMDA").and_given(drafted(kind="PENGHAPUSAN"))
    scene.when(say("ObjectionDecided")).then("ObjectionDecided")


def test_an_objection_that_is_not_upheld_opens_nothing() -> None:
    scene = standing_at("SANGGAH", "VERIFIKASI_PEMDA")
    scene.when(say("ObjectionDecided", outcome="DITOLAK", reason=None)).refused("REASON_MISSING", "/reason")
    scene.when(say("ObjectionDecided", outcome="KEDALUWARSA")).refused("CODE_UNKNOWN", "/outcome")
    assert scene.when(say("ObjectionDecided", outcome="DITOLAK")).then("ObjectionDecided").state.proposals == ()


def test_an_objection_expires_at_the_end_of_the_fourteenth_day_by_the_calendar() -> None:
    scene = standing_at("SANGGAH", "DITERIMA_SISTEM")
    last = at(2025, 3, 25, 0) - 1  # forwarded on the 10th (WIB)
    kind = "OBJECTION_EXPIRY.TIDAK_LAYAK"
    assert due_dates(scene, say("ObjectionForwarded", occurred=at(2025, 3, 10, 23, 59))) == [(kind, last)]
    scene.clock = last + 1
    early = replace(due(case(scene, "SANGGAH"), "SANGGAH"), due_at=last - DAY)
    scene.when(early).known()
    assert due_dates(scene, due(case(scene, "SANGGAH"), "SANGGAH")) == [(kind, None)]
    assert (where(scene, "SANGGAH"), scene.state.proposals) == ("KEDALUWARSA", ())
    scene.when(say("ObjectionDecided", occurred=last + 1)).refused("DECIDED_LATE", "/header/occurred_at")
    # A decision of before, told late, stands
    scene.when(say("ObjectionDecided", occurred=last)).then("ObjectionDecided", "ProposalDrafted")


def test_an_objection_that_was_decided_no_longer_expires() -> None:
    scene = standing_at("SANGGAH", "VERIFIKASI_PEMDA")
    came = due(case(scene, "SANGGAH"), "SANGGAH")
    dates = due_dates(scene, say("ObjectionDecided"))
    assert dates == [("OBJECTION_EXPIRY.TIDAK_LAYAK", None)]
    scene.clock = came.due_at + 1
    scene.when(came).known()


@pytest.mark.parametrize(
    ("fields", "rule", "pointer"),
    [
        ({"objector_region": place(NEIGHBOUR)}, "OBJECTOR_ELSEWHERE", "/objector_region/code"),
        ({"objector_ref": ANI}, "OBJECTOR_IS_MEMBER", "/objector_ref"),
        ({"photo_digest": None}, "EVIDENCE_MISSING", "/photo_digest"),
        ({"geotag": None}, "EVIDENCE_MISSING", "/geotag"),
        ({"objection_kind": "IRI"}, "CODE_UNKNOWN", "/objection_kind"),
        ({"agency": DESA}, "AGENCY_MAY_NOT", "/header/agency"),
    ],
)
def test_an_objection_is_filed_by_a_neighbour_with_photo_and_place(
    fields: dict[str, Any], rule: str, pointer: str
) -> None:
    given(registered(), claimed()).when(say("ObjectionFiled", **fields)).refused(rule, pointer)


def test_one_objection_of_a_kind_is_under_way_and_another_comes_after_it() -> None:
    scene = standing_at("SANGGAH", "VERIFIKASI_PEMDA")
    scene.when(say("ObjectionFiled")).refused("ORDER")
    scene.and_given(say("ObjectionFiled", objection_kind="PINDAH"))
    scene.and_given(say("ObjectionDecided", outcome="DITOLAK"))
    again = say("ObjectionFiled", change_id=b"new objection ..")
    assert case(scene.when(again).accepted(), "SANGGAH").case_id == b"new objection .."
    assert len(scene.state.cases) == 2
    scene.when(say("ObjectionReceived", objection_id=OBJECTION)).refused("OBJECTION_UNKNOWN", "/objection_id")


def test_who_objects_stands_nowhere_in_the_family_s_state() -> None:
    scene = standing_at("SANGGAH", "VERIFIKASI_PEMDA")
    assert b"o" * 26 not in codec.encode(scene.state)


# --- C: the ground-check task ----------------------------------------------------------------------------------------


def test_a_form_moves_its_task_and_stands_as_the_family_s_answers() -> None:
    scene = standing_at("GROUND_CHECK", "DIKUNJUNGI")
    scene.and_given(say("GroundCheckRecorded"))
    assert (where(scene, "GROUND_CHECK"), scene.state.facets[-1].name) == ("TERISI_LENGKAP", "ground_check")


def test_a_form_of_no_task_is_no_task() -> None:
    assert given(registered(), say("GroundCheckRecorded")).state.cases == ()


def test_a_run_of_before_the_hand_over_does_not_rank_the_task() -> None:
    scene = standing_at("GROUND_CHECK", "DISERAHKAN_BPS")
    scene.and_given(say("FamilyRanked", occurred=NOW - DAY))
    assert where(scene, "GROUND_CHECK") == "DISERAHKAN_BPS"
    scene.and_given(say("FamilyRanked", occurred=NOW + HOUR, run_id="2025-2"))
    assert (where(scene, "GROUND_CHECK"), case(scene, "GROUND_CHECK").reference) == ("DIPERINGKAT_ULANG", "2025-2")


def test_a_visit_that_is_to_be_repeated_keeps_its_task_and_its_reason() -> None:
    scene = standing_at("GROUND_CHECK", "DIPERIKSA")
    again = say("GroundCheckDecided", outcome="KUNJUNGAN_ULANG", reason="ALAMAT_SALAH")
    scene.when(replace(again, reason=None)).refused("REASON_MISSING", "/reason")
    assert case(scene.and_given(again), "GROUND_CHECK").reason == "ALAMAT_SALAH"
    scene.and_given(say("GroundCheckAssigned"))
    assert (case(scene, "GROUND_CHECK").case_id, where(scene, "GROUND_CHECK")) == (TASK, "DITUGASKAN")
    scene.when(say("GroundCheckVisited", task_id=b"another task ...")).refused("TASK_UNKNOWN", "/task_id")


# --- D: the family ---------------------------------------------------------------------------------------------------


def departed(occurred: int = NOW, **fields: Any) -> Any:
    return say("FamilyDeparted", occurred=occurred, **fields)


def arrived(occurred: int = NOW, code: str = FAR, agency: str = "dinsos/12.74", **fields: Any) -> Any:
    return say("FamilyArrived", occurred=occurred, region=place(code), agency=agency, **fields)


def test_a_move_across_regions_is_right_in_either_order_of_its_halves() -> None:
    left, came = departed(NOW), arrived(NOW + HOUR)
    first, second = given(registered(), left, came), given(registered(), came, left)
    for scene in (first, second):
        assert (scene.state.region.code, scene.state.status) == (FAR, "AKTIF")
        assert scene.state.counted.split(b"\x1e")[1] == b"12.74.01"
        residence = next(one for one in scene.state.facets if one.name == "residence")
        assert residence.change_id == came.header.change_id
        assert replay(scene.log) == scene.state
        scene.when(say("MembershipClaimed", agency="dinsos/12.74")).accepted()


def test_half_a_move_is_visible_as_such() -> None:
    gone = given(registered(), departed())
    assert (gone.state.status, gone.state.counted) == ("PINDAH", definitions.VERSION.encode())
    waiting = given(registered(), arrived())
    assert (waiting.state.region.code, waiting.state.status) == (VILLAGE, "AKTIF")
    assert (case(waiting, "KEDATANGAN").step, case(waiting, "KEDATANGAN").reference.endswith(FAR)) == ("MENUNGGU", True)


def test_the_old_place_s_own_word_settles_an_arrival_that_waits() -> None:
    scene = given(registered(), arrived(), say("FamilyMoved", region=place(NEIGHBOUR), occurred=NOW + 1))
    assert (scene.state.region.code, where(scene, "KEDATANGAN")) == (NEIGHBOUR, "DIGANTIKAN")
    assert case(scene, "KEDATANGAN").reason
    scene.and_given(departed(NOW + 2))
    assert scene.state.status == "PINDAH"


def test_an_arrival_is_said_by_the_new_place_alone() -> None:
    given(registered()).when(arrived(agency="dinsos/35.71")).refused("OUTSIDE_AREA", "/header/agency")
    given(registered()).when(arrived(code="12.74.99.9999")).refused("OUTSIDE_AREA")
    given(registered()).when(arrived(code="12.74", agency="dinsos/12.74")).refused("WILAYAH_BUKAN_DESA")
    given(registered()).when(arrived(code=VILLAGE, agency=DINSOS)).refused("ARRIVED_ALREADY", "/region/code")
    earlier = arrived(at(2024, 1, 1))
    given(registered()).when(earlier).refused("RESIDENCE_LATER", "/header/occurred_at")


def test_a_split_leaves_the_parent_active_and_names_the_child_by_the_split_itself() -> None:
    split = say("FamilySplit", change_id=SPLIT)
    parent = given(registered(), claimed(), split)
    assert parent.state.status == "AKTIF"
    assert [(one.about, one.step) for one in parent.state.cases] == [(child_id(SPLIT), "PECAH")]
    assert child_id(SPLIT) != FAMILY
    child = given(registered(family_id=child_id(SPLIT)))
    branched = say("FamilyBranched", family_id=child_id(SPLIT), parent_id=FAMILY)
    assert case(child.and_given(branched), "HUBUNGAN").step == "ASAL_PECAH"
    child.when(branched).known()


def test_a_child_of_another_split_is_no_child() -> None:
    scene = given(registered(family_id=child_id(SPLIT)))
    wrong = say("FamilyBranched", family_id=child_id(SPLIT), split_id=b"another split ..")
    scene.when(wrong).refused("SPLIT_ID_UNSOUND", "/split_id")
    itself = say("FamilyBranched", family_id=child_id(SPLIT), parent_id=child_id(SPLIT))
    scene.when(itself).refused("FAMILY_UNSOUND", "/parent_id")


def test_a_merged_family_goes_on_in_the_other_and_begins_nothing_anew() -> None:
    scene = given(registered(), claimed(), say("FamilyMerged"))
    assert scene.state.status == "GABUNG"
    assert {(one.machine, one.step) for one in scene.state.cases} == {("KELUARGA", "GABUNG"), ("HUBUNGAN", "GABUNG_KE")}
    for change in (drafted(), say("ObjectionFiled"), say("GroundCheckAssigned")):
        scene.when(change).refused("FAMILY_ENDED")
    # A fact of before still corrects history
    scene.when(matched()).accepted()
    assert scene.and_given(say("FamilyReactivated")).state.status == "AKTIF"
    given(registered()).when(say("FamilyMerged", into_id=FAMILY)).refused("FAMILY_UNSOUND", "/into_id")
    given(registered()).when(say("FamilyMerged", into_id="KK 35")).refused("FAMILY_UNSOUND", "/into_id")
    assert given(registered(), say("FamilyAbsorbed")).state.cases[0].about == OTHER_FAMILY


def test_a_family_in_which_somebody_is_left_is_not_dissolved() -> None:
    scene = given(registered(), claimed())
    scene.when(say("FamilyDissolved")).refused("FAMILY_HAS_MEMBERS")
    scene.and_given(say("MembershipEnded"), say("FamilyDissolved"))
    assert (scene.state.status, case(scene, "KELUARGA").reason) == ("BUBAR", "ALASAN")
    assert len(scene.state.members) == 1


@pytest.mark.parametrize("record", ["FamilyDeactivated", "FamilyReactivated", "FamilyMerged", "FamilyDeparted"])
@pytest.mark.parametrize("missing", ["reason", "evidence"])
def test_no_standing_changes_without_a_reason_and_a_document(record: str, missing: str) -> None:
    scene = standing_at("KELUARGA", "NONAKTIF" if record == "FamilyReactivated" else "AKTIF")
    rule = "REASON_MISSING" if missing == "reason" else "EVIDENCE_MISSING"
    scene.when(say(record, **{missing: "  "})).refused(rule, f"/{missing}")


def test_a_family_put_to_sleep_counts_nowhere_and_is_judged_ineligible_until_it_wakes() -> None:
    scene = given(registered(), claimed(), matched(), say("FamilyRanked"), rules=BOTH)
    results = [scene.decision("SEMBAKO").result]
    for change in (say("FamilyDeactivated"), say("FamilyReactivated")):
        scene.and_given(change)
        results.append(scene.decision("SEMBAKO").result)
    assert results == ["LAYAK", "TIDAK_LAYAK", "LAYAK"]


def test_a_card_issued_anew_is_another_name_of_the_same_family() -> None:
    scene = given(registered(), claimed())
    before = scene.state
    scene.and_given(say("FamilyCardReissued"))
    assert (scene.state.status, scene.state.members, scene.state.cases) == ("AKTIF", before.members, ())
    scene.when(say("FamilyCardReissued", reason="")).refused("REASON_MISSING", "/reason")


# --- E: PBI-JKN ------------------------------------------------------------------------------------------------------


def test_a_membership_lost_by_the_ranking_ends_after_a_grace_that_the_calendar_tells() -> None:
    scene = standing_at("PBI_JKN", "AKTIF")
    told = say("PbiDeactivated")
    kind = f"PBI_GRACE.{case(scene, 'PBI_JKN').case_id.hex()}"
    assert due_dates(scene, told) == [(kind, at(2025, 4, 10, 0) - 1)]
    assert (where(scene, "PBI_JKN"), case(scene, "PBI_JKN").reason) == ("MASA_TENGGANG", "DESIL_6_10")
    # Asked back meanwhile, it doesn't end
    assert due_dates(scene, say("PbiReactivationProposed")) == [(kind, None)]


def test_a_death_ends_a_membership_at_once() -> None:
    scene = standing_at("PBI_JKN", "AKTIF").and_given(say("PbiDeactivated", reason="MENINGGAL"))
    assert where(scene, "PBI_JKN") == "NONAKTIF"
    scene.when(say("PbiDeactivated", reason="LUPA")).refused("CODE_UNKNOWN", "/reason")


@pytest.mark.parametrize(
    ("before", "fields", "rule"),
    [
        ((), {"ground": "SUKA"}, "CODE_UNKNOWN"),
        ((), {"evidence": ""}, "EVIDENCE_MISSING"),
        ((say("MembershipEnded"),), {}, "MEMBER_NOT_ACTIVE"),
        ((matched(status="BELUM_REKAM_KTPEL", occurred=NOW),), {}, "NOT_RECORDED"),
        ((), {"occurred": at(2025, 12, 1)}, "DATA_OUTDATED"),
        ((), {"proposal_id": b"no such proposal"}, "PROPOSAL_UNSOUND"),
        ((drafted(kind="BARU"),), {"proposal_id": b"draft proposal 1"}, "PROPOSAL_UNSOUND"),
        ((drafted(kind="REAKTIVASI_PBI"),), {"proposal_id": b"draft proposal 1"}, ""),
    ],
)
def test_a_membership_is_asked_back_under_the_guards_of_2025(
    before: tuple[Any, ...], fields: dict[str, Any], rule: str
) -> None:
    scene = standing_at("PBI_JKN", "MASA_TENGGANG").and_given(*before)
    scene.clock = max(scene.clock, fields.get("occurred", 0))
    outcome = scene.when(say("PbiReactivationProposed", **fields))
    if rule:
        outcome.refused(rule)
    else:
        outcome.accepted()


def test_a_membership_that_ended_before_may_2025_is_not_asked_back_after() -> None:
    scene = standing_at("PBI_JKN", "AKTIF").and_given(say("PbiDeactivated", reason="PINDAH_SEGMEN"))
    scene.clock = at(2025, 7, 2)
    late = say("PbiReactivationProposed", occurred=at(2025, 7, 1))
    scene.when(late).refused("DEACTIVATED_EARLIER", "/person_ref")
    assert calendar.reactivation(at(2025, 7, 1)).deactivated_from == 202505


def test_the_count_of_july_2025_adds_up_by_the_machine_s_states() -> None:
    # 15 July 2025 in thousands, rounded: 2 waiting, 3 approved and not active, 19 active, 2 moved to another segment
    counted = {"USUL_REAKTIVASI": 2, "DISETUJUI_KEMENSOS": 3, "AKTIF_BPJS": 19, "NONAKTIF": 2}
    scenes = []
    for state, number in counted.items():
        scene = standing_at("PBI_JKN", "USUL_REAKTIVASI" if state == "NONAKTIF" else state)
        if state == "NONAKTIF":
            scene.and_given(say("PbiDeactivated", reason="PINDAH_SEGMEN"))
        scenes += [scene] * number
    assert [where(one, "PBI_JKN") for one in scenes] == [state for state, n in counted.items() for _ in range(n)]
    assert 1_822 + 2_578 + 18_869 + 2_359 == 25_628


def test_an_erased_person_s_membership_goes_on_under_an_id_that_leads_nowhere() -> None:
    scene = standing_at("PBI_JKN", "AKTIF")
    gone = say_erased(ANI)
    scene.and_given(gone)
    assert case(scene, "PBI_JKN").about == erasure.unlinked_id(gone.header.change_id)
    assert ANI.encode() not in codec.encode(scene.state)


def say_erased(person: str) -> Any:
    header = replace(say("PbiActivated").header, agency="kemensos")
    return records.PersonErased(header=header, person_ref=person, legal_basis="UU27/2022-43", request_number="7")


# --- exclusions ------------------------------------------------------------------------------------------------------


def test_an_exclusion_holds_for_its_programmes_until_the_end_of_its_last_day() -> None:
    scene = given(registered())
    last = calendar.end_of_day(20_300)
    dates = due_dates(scene, say("FamilyExcluded", programmes=("PKH", "SEMBAKO"), expires_on=20_300))
    assert dates == [(f"EXCLUSION_EXPIRY.PERANGKAT_DESA/{one}", last) for one in ("PKH", "SEMBAKO")]
    assert (cases.excluded(scene.state, "PKH"), cases.excluded(scene.state, "PIP")) == ("PERANGKAT_DESA", "")
    scene.clock = last + 1
    scene.and_given(due(case(scene, "PENGECUALIAN"), "PENGECUALIAN"))
    assert (cases.excluded(scene.state, "PKH"), cases.excluded(scene.state, "SEMBAKO")) == ("", "PERANGKAT_DESA")


def test_an_exclusion_is_lifted_on_a_new_fact_alone() -> None:
    scene = given(registered(), claimed(), say("FamilyExcluded"))
    for cites in (CLAIM[ANI], b"nobody said it .."[:16]):
        scene.when(say("ExclusionLifted", cites=cites)).refused("CITES_NOTHING_NEW", "/cites")
    scene.and_given(claimed(CITRA, change_id=CITED, occurred=NOW + 1))
    scene.when(say("ExclusionLifted", cites=CITED, reason="")).refused("REASON_MISSING", "/reason")
    scene.and_given(say("ExclusionLifted", cites=CITED))
    assert cases.excluded(scene.state, "PKH") == ""
    # And a family may be excluded again, from which on the old fact is none
    scene.and_given(say("FamilyExcluded", occurred=NOW + 2))
    scene.when(say("ExclusionLifted", cites=CITED)).refused("CITES_NOTHING_NEW", "/cites")


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"exclusion": "KAYA"}, "CODE_UNKNOWN"),
        ({"programmes": ()}, "EVIDENCE_MISSING"),
        ({"programmes": ("PKH", "PKH")}, "CODE_TWICE"),
        ({"evidence": " "}, "EVIDENCE_MISSING"),
    ],
)
def test_an_exclusion_names_its_group_its_programmes_and_its_document(fields: dict[str, Any], rule: str) -> None:
    given(registered()).when(say("FamilyExcluded", **fields)).refused(rule)


@pytest.mark.parametrize("day", [(1 << 31) - 1, 84_371, -25_568, -(1 << 31)])
def test_an_exclusion_that_ends_on_no_day_that_can_be_held_is_refused(day: int) -> None:
    given(registered()).when(say("FamilyExcluded", expires_on=day)).refused("CODE_UNKNOWN", "/expires_on")


def test_a_family_has_no_more_than_256_cases_on_record() -> None:
    scene = given(registered())
    for number in range(cases.MOST // 2):
        scene.and_given(say("FamilyExcluded", programmes=(f"P{number}", f"Q{number}")))
    scene.when(say("FamilyExcluded", programmes=("PKH",))).refused("CASES_TOO_MANY")
    scene.when(say("FamilySplit")).refused("CASES_TOO_MANY")
    scene.when(say("FamilyExcluded", programmes=("P1",))).accepted()


def test_dates_of_cases_are_known_by_their_kind() -> None:
    named = {row.record for rows in EXPECTED.values() for row in rows}
    assert "DeadlineReached" in named
    assert not cases.is_kind("PROPOSAL_CUT_OFF.BARU")
    assert cases.is_kind("OBJECTION_EXPIRY.PINDAH")


def test_a_claim_of_another_member_leaves_every_case_where_it_is() -> None:
    scene = standing_at("SANGGAH", "VERIFIKASI_PEMDA")
    before = scene.state.cases
    scene.and_given(claimed(BUDI))
    assert scene.state.cases is before
    assert record_name(event_of(scene.log[-1]).record) == "MembershipClaimed"
