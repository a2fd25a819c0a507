"""Eligibility for PKH and Sembako: results with reasons, under the rules in force when the change was recorded."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.records import IndividualVariables
from stream_processors.registry import calendar, rule_file, rulebook
from stream_processors.registry.rulebook import Activation, RuleBook
from stream_processors.registry.ruleset import EXCLUSIONS, Rule
from tests.unit.registry_scenarios import (
    ANI,
    BOTH,
    BUDI,
    DAY,
    NO_RULES,
    NOW,
    Scenario,
    at,
    claimed,
    given,
    matched,
    registered,
    say,
)

DECIDED = "EligibilityDecided"
ADULT = {"birth_year": 1990, "birth_month": 1}
CHILD = {"birth_year": 2015, "birth_month": 1}


def family(born: dict[str, int], *more: Any, rules: RuleBook = BOTH) -> Scenario:
    return given(registered(), claimed(**born), matched(), *more, rules=rules)


def ranked(decile: int | None = 2, **fields: Any) -> Any:
    body = {"decile": decile} if decile else {"decile": None, "percentile": None, "unranked_reason": "VARIABEL_KURANG"}
    return say("FamilyRanked", **body, **fields)


def verdicts(scene: Scenario) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {one.programme: (one.result, one.reasons) for one in scene.state.eligibility}


def test_nothing_is_decided_before_the_first_ranking() -> None:
    scene = family(CHILD, say("MembershipConfirmed"), say("ReevaluationRequested"))
    assert scene.state.eligibility == ()


def test_nothing_is_decided_while_no_rules_are_in_force() -> None:
    family(CHILD, rules=NO_RULES).when(ranked()).then("FamilyRanked")


@pytest.mark.parametrize(
    ("decile", "pkh", "sembako"),
    [
        (1, (), ()),
        (4, (), ()),
        (5, ("DESIL_DI_LUAR_1_4",), ()),
        (6, ("DESIL_DI_LUAR_1_4",), ("DESIL_DI_LUAR_1_5",)),
        (10, ("DESIL_DI_LUAR_1_4",), ("DESIL_DI_LUAR_1_5",)),
        (None, ("BELUM_ADA_DESIL",), ("BELUM_ADA_DESIL",)),
    ],
)
def test_pkh_takes_deciles_1_to_4_and_sembako_1_to_5(
    decile: int | None, pkh: tuple[str, ...], sembako: tuple[str, ...]
) -> None:
    scene = family(CHILD).when(ranked(decile)).then("FamilyRanked", DECIDED, DECIDED)
    expected = {"PKH": ("TIDAK_LAYAK" if pkh else "LAYAK", pkh)}
    assert verdicts(scene) == expected | {"SEMBAKO": ("TIDAK_LAYAK" if sembako else "LAYAK", sembako)}


@pytest.mark.parametrize(
    ("year", "month", "component"),
    [
        (2025, 3, True),  # newborn
        (2018, 3, True),  # 7, of school age
        (2006, 4, True),  # 18, until next month
        (2006, 3, False),  # 19 this month: without school data no pupil any more
        (1965, 4, False),  # 59, until next month
        (1965, 3, True),  # 60 this month
        (1990, 1, False),
    ],
)
def test_pkh_wants_a_component_by_age(year: int, month: int, component: bool) -> None:  # noqa: FBT001  a column of the table
    scene = family({"birth_year": year, "birth_month": month}).and_given(ranked())
    assert verdicts(scene)["PKH"] == (("LAYAK", ()) if component else ("TIDAK_LAYAK", ("TANPA_KOMPONEN",)))
    assert verdicts(scene)["SEMBAKO"] == ("LAYAK", ())


def test_a_pupil_on_record_has_pkh_until_22_and_a_graduate_has_none() -> None:
    scene = family({"birth_year": 2003, "birth_month": 4}, ranked())
    assert verdicts(scene)["PKH"] == ("TIDAK_LAYAK", ("TANPA_KOMPONEN",))
    scene.and_given(say("PersonConditionRecorded", condition="SMA", ordinal=0, until=0))
    assert verdicts(scene)["PKH"] == ("LAYAK", ())
    scene.and_given(say("PersonConditionRecorded", condition="LULUSAN_SMA", ordinal=0, until=0))
    assert verdicts(scene)["PKH"] == ("TIDAK_LAYAK", ("TANPA_KOMPONEN",))


def visit(**answers: Any) -> Any:
    return say("GroundCheckRecorded", individuals=(IndividualVariables(person_ref=ANI, **answers),))


def test_a_severe_disability_is_a_component() -> None:
    scene = family(ADULT, ranked())
    assert verdicts(scene)["PKH"] == ("TIDAK_LAYAK", ("TANPA_KOMPONEN",))
    scene.when(visit(difficulty_walking=1)).then("GroundCheckRecorded", DECIDED)
    assert verdicts(scene)["PKH"] == ("LAYAK", ())


def test_a_state_employee_in_the_family_ends_both() -> None:
    scene = family(CHILD, ranked())
    scene.when(visit(works=1, work_status=5)).then("GroundCheckRecorded", DECIDED, DECIDED)
    assert set(verdicts(scene).values()) == {("TIDAK_LAYAK", ("ANGGOTA_ASN_TNI_POLRI",))}


@pytest.mark.parametrize("change", [say("MembershipEnded"), say("MembershipContested")])
def test_a_member_who_is_not_active_counts_for_nothing(change: Any) -> None:
    scene = family(CHILD, ranked()).and_given(change)
    assert verdicts(scene)["PKH"] == ("TIDAK_LAYAK", ("NIK_TIDAK_PADAN", "TANPA_KOMPONEN"))
    assert verdicts(scene)["SEMBAKO"] == ("TIDAK_LAYAK", ("NIK_TIDAK_PADAN",))


def test_a_decision_keeps_every_rule_with_its_input_and_the_version() -> None:
    handled = family(ADULT).handle(ranked(5))
    pkh = next(event.record for event in handled.events[1:] if event.record.programme == "PKH")  # type: ignore[union-attr]
    outcomes = [(one.rule, one.input, one.passed) for one in pkh.rules]  # type: ignore[union-attr]
    assert outcomes[:6] == [
        ("KELUARGA_TIDAK_AKTIF", "active_family=1", True),
        ("BELUM_ADA_DESIL", "decile=5", True),
        ("DESIL_DI_LUAR_1_4", "decile=5", False),
        ("NIK_TIDAK_PADAN", "matched_members=1", True),
        ("TANPA_KOMPONEN", "components=0", False),
        ("ANGGOTA_ASN_TNI_POLRI", "state_employees=0", True),
    ]
    assert outcomes[6:] == [(code, f"excluded {code}=0", True) for code in EXCLUSIONS]
    assert (pkh.rules_version, pkh.rules_digest) == ("2025.1", rulebook.rule_set("pkh", "2025.1").digest)  # type: ignore[union-attr]


def test_a_decision_is_the_registry_s_own_and_names_its_cause() -> None:
    change = ranked()
    cause, *decided = family(CHILD).handle(change).events
    assert [event.prefix.sequence for event in decided] == [cause.prefix.sequence + 1, cause.prefix.sequence + 2]
    for event in decided:
        header = event.record.header
        assert (header.agency, header.causation_id, header.correlation_id) == (
            "registry",
            change.header.change_id,
            change.header.change_id,
        )
        assert (header.recorded_at, header.occurred_at) == (cause.prefix.recorded_at, cause.prefix.occurred_at)
    assert len({event.prefix.change_id for event in (cause, *decided)}) == 3


def test_the_same_verdict_is_not_said_again() -> None:
    scene = family(CHILD, ranked(2))
    scene.when(ranked(3, run_id="2025-2")).then("FamilyRanked")
    scene.when(say("ReevaluationRequested")).then("ReevaluationRequested")
    scene.when(claimed(BUDI, birth_year=1999)).then("MembershipClaimed")


def test_a_verdict_is_said_again_when_its_reasons_change() -> None:
    scene = family(ADULT, ranked(9))
    scene.when(claimed(BUDI, **CHILD)).then("MembershipClaimed", DECIDED)
    assert verdicts(scene)["PKH"] == ("TIDAK_LAYAK", ("DESIL_DI_LUAR_1_4",))


def test_growing_older_changes_a_verdict_at_the_next_look() -> None:
    scene = family({"birth_year": 2006, "birth_month": 4}, ranked())
    scene.clock = at(2025, 4, 2)
    scene.when(say("ReevaluationRequested")).then("ReevaluationRequested", DECIDED)
    assert verdicts(scene)["PKH"] == ("TIDAK_LAYAK", ("TANPA_KOMPONEN",))


def test_a_proposal_is_no_fact_about_the_family_within_a_month() -> None:
    scene = family({"birth_year": 2006, "birth_month": 4}, ranked())
    scene.rules = scene.rules.with_activations([Activation(STRICT, MARCH, scene.clock)])
    scene.when(say("ProposalDrafted")).then("ProposalDrafted")


def test_the_first_event_of_a_month_decides_again_whatever_it_says() -> None:
    scene = family({"birth_year": 2006, "birth_month": 4}, ranked())
    scene.clock = at(2025, 4, 2)
    scene.when(say("ProposalDrafted")).then("ProposalDrafted", DECIDED)
    assert verdicts(scene)["PKH"] == ("TIDAK_LAYAK", ("TANPA_KOMPONEN",))


# --- which rules are in force ---

STRICT_FILE = b"""
rule_set = "sembako"
programme = "SEMBAKO"
version = "2025.2"
source = "a test"

[[rule]]
code = "DESIL_DI_LUAR_1_1"
fact = "decile"
operator = "at_most"
value = 1
"""
OLD, STRICT = rulebook.rule_set("sembako", "2025.1"), rule_file.read(STRICT_FILE)
MARCH, APRIL, MAY = at(2025, 3, 1), at(2025, 4, 1), at(2025, 5, 1)


def in_force(*rows: tuple[str, int, int]) -> RuleBook:
    """Return a book of (version, effective from, recorded at) of the Sembako rules."""
    return RuleBook(tuple(Activation(OLD if version == "2025.1" else STRICT, *times) for version, *times in rows))


def versions(book: RuleBook, *times: int) -> list[list[str]]:
    return [[one.version for one in book.in_force(time)] for time in times]


def test_a_version_is_in_force_from_its_date_on_once_it_is_known() -> None:
    early = in_force(("2025.1", APRIL, MARCH))
    assert versions(early, MARCH, APRIL - 1, APRIL, MAY) == [[], [], ["2025.1"], ["2025.1"]]
    late = in_force(("2025.1", MARCH, APRIL))
    assert versions(late, MARCH, APRIL - 1, APRIL) == [[], [], ["2025.1"]]


def test_a_newer_version_takes_over_on_its_date() -> None:
    book = in_force(("2025.1", MARCH, MARCH), ("2025.2", MAY, APRIL))
    assert versions(book, MARCH, APRIL, MAY - 1, MAY) == [["2025.1"], ["2025.1"], ["2025.1"], ["2025.2"]]


@pytest.mark.parametrize("order", [1, -1])
def test_an_older_version_that_is_made_known_late_does_not_take_over(order: int) -> None:
    rows = [("2025.2", APRIL, MARCH), ("2025.1", MARCH, MAY)][::order]
    assert versions(in_force(*rows), APRIL - 1, APRIL, MAY, MAY + DAY) == [[], ["2025.2"], ["2025.2"], ["2025.2"]]


def test_of_two_versions_effective_on_one_day_the_one_recorded_later_is_in_force() -> None:
    book = in_force(("2025.2", MARCH, APRIL), ("2025.1", MARCH, MARCH))
    assert versions(book, MARCH, APRIL) == [["2025.1"], ["2025.2"]]


def test_what_is_in_force_does_not_depend_on_what_was_asked_before() -> None:
    rows = (("2025.1", MARCH, MARCH), ("2025.2", MAY, APRIL))
    times = (MAY, MARCH, APRIL, MARCH - 1, MAY + DAY, MARCH)
    asked = in_force(*rows)
    assert versions(asked, *times) == [versions(in_force(*rows), time)[0] for time in times]


def test_rules_activated_later_decide_nothing_that_was_recorded_before() -> None:
    scene = family(ADULT, rules=in_force(("2025.1", MARCH, MARCH)))
    scene.and_given(ranked(2))
    scene.rules = scene.rules.with_activations([Activation(STRICT, MARCH, scene.clock + DAY)])
    scene.when(say("ReevaluationRequested")).then("ReevaluationRequested")
    assert scene.decision("SEMBAKO").rules_version == "2025.1"


def test_a_reevaluation_after_the_activation_decides_under_the_new_version() -> None:
    scene = family(ADULT, ranked(2), rules=in_force(("2025.1", MARCH, MARCH)))
    scene.rules = scene.rules.with_activations([Activation(STRICT, scene.clock, scene.clock)])
    scene.when(say("ReevaluationRequested")).then("ReevaluationRequested", DECIDED)
    assert verdicts(scene) == {"SEMBAKO": ("TIDAK_LAYAK", ("DESIL_DI_LUAR_1_1",))}
    assert scene.decision("SEMBAKO").rules_version == "2025.2"


def test_the_same_verdict_under_a_new_version_is_said_once_more() -> None:
    scene = family(ADULT, ranked(1), rules=in_force(("2025.1", MARCH, MARCH)))
    scene.rules = scene.rules.with_activations([Activation(STRICT, scene.clock, scene.clock)])
    scene.when(say("ReevaluationRequested")).then("ReevaluationRequested", DECIDED)
    scene.when(say("ReevaluationRequested")).then("ReevaluationRequested")


@pytest.mark.parametrize(("operator", "holds"), [("at_least", [2, 3]), ("at_most", [1, 2]), ("equals", [2])])
def test_an_operator_compares_as_it_says(operator: Any, holds: list[int]) -> None:
    rule = Rule("C", "decile", operator, 2)
    assert [value for value in (1, 2, 3) if rule.holds(value)] == holds


def test_age_turns_with_the_month_of_birth_in_the_place_s_calendar() -> None:
    may = at(2025, 5, 1, 0)
    assert [calendar.full_years(2000, 5, moment) for moment in (may - 1, may, NOW)] == [24, 25, 24]
