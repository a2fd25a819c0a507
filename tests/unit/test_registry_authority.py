"""Who may say what about whom, and which changes are known or come too early."""

from __future__ import annotations

import pytest

from schemas import catalogue, codec, regions
from stream_processors.registry import family
from stream_processors.registry.decision import change_of
from tests.unit.registry_scenarios import (
    ANI,
    CLAIM,
    DAY,
    DECIDED,
    DRAFT,
    FAMILY,
    NO_RULES,
    NOW,
    VILLAGE,
    Outcome,
    Scenario,
    at,
    claimed,
    drafted,
    given,
    matched,
    place,
    registered,
    say,
)

AREA = {"desa": VILLAGE, "dinsos": "35.71", "pendamping": "35.71", "bupati": "35.71"}
KINDS = ("desa", "dinsos", "pendamping", "bupati", "kemensos", "bps", "dukcapil", "registry")
# Domain guide 3 and 4.A: the whole table, once more.
MAY: dict[str, str] = {
    "FamilyRegistered": "desa dinsos kemensos",
    "FamilyMoved": "desa dinsos dukcapil kemensos",
    "MembershipClaimed": "desa dinsos pendamping kemensos",
    "MembershipConfirmed": "registry",
    "MembershipContested": "registry",
    "MembershipEnded": "desa dinsos dukcapil",
    "CivilRegistryMatched": "dinsos dukcapil",
    "ProposalDrafted": "desa kemensos",
    "ProposalSubmitted": "desa kemensos",
    "ProposalIdentityMatched": "dukcapil",
    "ProposalIdentityCorrected": "desa",
    "VillageMeetingHeld": "desa",
    "FieldVerificationCompleted": "desa pendamping",
    "DinsosReviewCompleted": "dinsos",
    "ProposalEndorsed": "bupati",
    "ProposalEndorsementReturned": "bupati",
    "ProposalSentToMinistry": "dinsos",
    "QualityControlCompleted": "kemensos",
    "ProposalDetermined": "kemensos",
    "ProposalNotDetermined": "kemensos",
    "ProposalReopened": "desa dinsos kemensos",
    "ProposalCancelled": "desa kemensos",
    "ObjectionFiled": "kemensos",
    "ObjectionReceived": "kemensos",
    "ObjectionForwarded": "kemensos",
    "ObjectionDecided": "dinsos",
    "GroundCheckAssigned": "dinsos bps kemensos",
    "GroundCheckVisited": "pendamping",
    "GroundCheckExamined": "dinsos",
    "GroundCheckDecided": "dinsos",
    "GroundCheckForwarded": "dinsos",
    "PbiEnrolled": "kemensos",
    "PbiDeactivated": "kemensos",
    "PbiReactivationProposed": "dinsos",
    "PbiReactivationDecided": "kemensos",
    "PbiActivated": "kemensos",
    "FamilyExcluded": "kemensos dinsos",
    "ExclusionLifted": "kemensos dinsos",
    "FamilyDeparted": "desa dinsos dukcapil kemensos",
    "FamilyArrived": "desa dinsos",
    "FamilySplit": "desa dinsos dukcapil",
    "FamilyBranched": "desa dinsos dukcapil",
    "FamilyMerged": "dinsos dukcapil kemensos",
    "FamilyAbsorbed": "dinsos dukcapil kemensos",
    "FamilyDissolved": "dinsos dukcapil kemensos",
    "FamilyDeactivated": "kemensos",
    "FamilyReactivated": "dinsos kemensos",
    "FamilyCardReissued": "desa dinsos dukcapil",
    "PersonReactivated": "dinsos dukcapil",
    "AidAllocated": "dinsos kemensos",
    "AidWaitlisted": "dinsos kemensos",
    "AidSuspended": "dinsos kemensos",
    "AidResumed": "dinsos kemensos",
    "AidStopped": "dinsos kemensos",
    "AidReceived": "dinsos kemensos",
    "PersonConditionRecorded": "dinsos kemensos pendamping",
    "GroundCheckRecorded": "pendamping",
    "FamilyRanked": "bps",
    "DeadlineReached": "registry",
    "ReevaluationRequested": "registry",
}


def agency(kind: str, area: str = "") -> str:
    area = area or AREA.get(kind, "")
    return f"{kind}/{area}" if area else kind


def ruled(scene: Scenario, change: object) -> str:
    """Return the rule that a change breaks, or nothing."""
    refused = scene.handle(change).refused
    return refused.rule if refused else ""


@pytest.mark.parametrize("record", DECIDED)
@pytest.mark.parametrize("kind", [*KINDS, "camat", "", "Desa"])
def test_each_record_is_said_by_its_own_agencies_and_by_no_other(record: str, kind: str) -> None:
    allowed = kind in MAY[record].split()
    scene = given(registered(), claimed()) if record != "FamilyRegistered" else Scenario()
    here = {"region": place(VILLAGE)} if record == "FamilyArrived" else {}  # which the new place says
    said = say(record, agency=agency(kind) or "/", **here)
    if allowed:
        assert ruled(scene, said) not in {"AGENCY_MAY_NOT", "OUTSIDE_AREA"}
    else:
        scene.when(said).refused("AGENCY_MAY_NOT", "/header/agency")


def test_the_table_covers_every_record_the_rules_decide() -> None:
    assert set(MAY) == set(DECIDED)


def test_the_rules_cover_every_record_that_may_be_said() -> None:
    assert set(DECIDED) | {"PersonErased"} == set(catalogue.CHANGES)


@pytest.mark.parametrize("kind", sorted(AREA))
@pytest.mark.parametrize("area", ["12.74", "35.7", "35.71.", "35.72", "3571", "35.71.02.1002", "35.71.03.1001", ""])
def test_an_agency_speaks_of_its_own_area_alone(kind: str, area: str) -> None:
    record = next(record for record, kinds in MAY.items() if kind in kinds.split() and record != "FamilyRegistered")
    said = say(record, agency=f"{kind}/{area}" if area else kind)
    given(registered()).when(said).refused("OUTSIDE_AREA", "/header/agency")


@pytest.mark.parametrize(
    ("kind", "area"),
    [
        ("desa", "35.71"),
        ("desa", "35"),
        ("desa", "35.71.02"),
        ("dinsos", "35"),
        ("dinsos", "35.71.02"),
        ("dinsos", VILLAGE),
        ("pendamping", VILLAGE),
        ("bupati", "35"),
    ],
)
def test_an_area_is_of_its_kind_s_level(kind: str, area: str) -> None:
    record = next(record for record, kinds in MAY.items() if kind in kinds.split() and record != "FamilyRegistered")
    given(registered()).when(say(record, agency=f"{kind}/{area}")).refused("OUTSIDE_AREA", "/header/agency")


def test_a_family_is_registered_by_the_village_it_lives_in() -> None:
    Scenario().when(registered(agency="desa/35.71.02.1002")).refused("OUTSIDE_AREA")
    Scenario().when(registered(agency="dinsos/35.71")).accepted()
    Scenario().when(registered(agency="dinsos/12.74")).refused("OUTSIDE_AREA")


def test_a_bps_code_is_in_no_agency_s_area_though_the_digits_agree() -> None:
    coded = place("3571010001", "BPS", regions.BPS_EDITION)
    Scenario().when(registered(region=coded, agency="dinsos/35.71")).refused("OUTSIDE_AREA")
    Scenario().when(registered(region=coded, agency="kemensos")).accepted()


def test_after_a_move_the_new_place_s_offices_speak_for_the_family() -> None:
    scene = given(registered(), say("FamilyMoved", agency="kemensos", region=place("12.74.01.1001")))
    scene.when(say("MembershipClaimed", agency="dinsos/35.71")).refused("OUTSIDE_AREA")
    scene.when(say("MembershipClaimed", agency="dinsos/12.74")).accepted()


# --- the same change, and changes out of their time ------------------------------------------------------------------


def test_the_same_change_twice_is_known() -> None:
    scene = given(registered(), claimed())
    scene.when(claimed()).known()
    scene.when(registered(change_id=registered().header.change_id)).refused("ALREADY_REGISTERED")


def test_the_registration_itself_said_again_is_known() -> None:
    first = registered()
    given(first).when(first).known()


def test_a_known_change_is_known_before_anything_else_is_asked() -> None:
    given(registered(), claimed()).when(claimed(agency="bps", sex=9, occurred=NOW + 9 * DAY)).known()


def filled(scene: Scenario, changes: int) -> Scenario:
    """Accept so many changes that say nothing new of persons."""
    return scene.and_given(*(say("ReevaluationRequested") for _ in range(changes)))


def test_the_last_sixty_four_changes_are_known() -> None:
    first = say("ReevaluationRequested")
    scene = filled(given(registered(), first), 63)
    scene.when(first).known()
    filled(scene, 1).when(first).then("ReevaluationRequested")


@pytest.mark.parametrize("place_in_line", range(4))
def test_a_change_in_force_is_known_however_old_it_is(place_in_line: int) -> None:
    changes = (registered(), claimed(), matched(), drafted())
    filled(given(*changes), 200).when(changes[place_in_line]).known()


def test_the_draft_of_an_ended_proposal_does_not_open_it_again() -> None:
    scene = filled(given(registered(), drafted(), say("ProposalCancelled")), 65)
    scene.when(drafted()).known()
    assert scene.step(DRAFT) == "DIBATALKAN"


def test_an_id_across_two_remembered_ones_is_not_known() -> None:
    state = given(
        registered(), claimed(change_id=b"0123456789abcdef"), say("MembershipEnded", change_id=b"ghijklmnopqrstuv")
    ).state
    assert family.known(state, b"0123456789abcdef")
    assert not family.known(state, b"89abcdefghijklmn")
    assert not family.known(state, b"123456789abcdefg")


def test_an_id_is_found_aligned_though_it_also_stands_across_two() -> None:
    state = given(registered()).state
    ids = b"xxxxxxxx" + b"AAAAAAAABBBBBBBB" + b"yyyyyyyy" + b"AAAAAAAABBBBBBBB"
    object.__setattr__(state, "recent_changes", ids)
    assert family.known(state, b"AAAAAAAABBBBBBBB")
    object.__setattr__(state, "recent_changes", ids[:32])
    assert not family.known(state, b"AAAAAAAABBBBBBBB")


@pytest.mark.parametrize("record", ["FamilyRegistered", "FamilyMoved", "ReevaluationRequested"])
def test_nothing_occurs_later_than_a_day_after_it_was_said(record: str) -> None:
    def tried(ahead: int) -> Outcome:
        scene = Scenario() if record == "FamilyRegistered" else given(registered())
        return scene.when(say(record, occurred=NOW + ahead), NOW)

    tried(DAY + 1).refused("OCCURRED_IN_FUTURE", "/header/occurred_at")
    tried(2**62).refused("OCCURRED_IN_FUTURE", "/header/occurred_at")
    tried(DAY).accepted()


@pytest.mark.parametrize("record", ["FamilyRegistered", "FamilyMoved", "ProposalDrafted", "GroundCheckRecorded"])
@pytest.mark.parametrize("occurred", [-(2**63), -(2**55), at(1899, 12, 31)])
def test_nothing_occurred_before_1900(record: str, occurred: int) -> None:
    scene = Scenario() if record == "FamilyRegistered" else given(registered())
    scene.when(say(record, occurred=occurred)).refused("OCCURRED_TOO_EARLY", "/header/occurred_at")


def test_a_refusal_s_explanation_never_holds_a_value_of_a_person() -> None:
    change = change_of(codec.encode(claimed(birth_year=1888)), NOW)
    refused = family.handle(change, given(registered()).state, NO_RULES).refused
    assert refused is not None
    assert not any(value in refused.explanation for value in ("1888", ANI, FAMILY, CLAIM[ANI].decode()))
