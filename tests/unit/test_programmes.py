"""Programmes as rule files: each row gives its own reason, amounts follow from components, periods begin and end."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import Case, Condition, FamilyState, Member
from stream_processors.registry import difference, eligibility, rule_file, rulebook
from stream_processors.registry.components import Traits
from stream_processors.registry.difference import Direction, RulesNotComparable
from stream_processors.registry.rule_file import RuleFileUnsound
from stream_processors.registry.rulebook import Activation, RuleBook, RulesDiffer
from stream_processors.registry.ruleset import CONDITIONS, EXCLUSIONS, FACTS, Rule, RuleSet
from tests.unit import registry_scenarios as scenes
from tests.unit.registry_scenarios import at, claimed, matched, registered, say

NOVEMBER = at(2025, 11, 10)
CHILD, ELDER, DISABLED = "a" * 26, "b" * 26, "c" * 26
ROWS = [(rules, rule) for rules in rulebook.shipped() for rule in rules.rules]
PKH = rulebook.rule_set("pkh", "2025.1")


def named(rules: RuleSet) -> str:
    return f"{rules.name}@{rules.version}"


def member(ref: str, birth_year: int, **fields: Any) -> Member:
    values: dict[str, Any] = {"standing": "CONFIRMED", "padan": "PADAN", "severe_disability": False, "work_status": 0}
    values |= {"birth_month": 1, "sex": 1, "relationship": 3, "marital_status": 1, "claim_id": bytes(16), "reason": ""}
    return Member(person_ref=ref, birth_year=birth_year, **(values | fields))


def a_family(**fields: Any) -> FamilyState:
    """Return the state of a family that meets every rule of every programme in November 2025."""
    members = (member(CHILD, 2015), member(ELDER, 1950), member(DISABLED, 1990, severe_disability=True))
    conditions = [Condition(person_ref=CHILD, condition=one, ordinal=0, until=0) for one in ("DAPODIK", "YATIM")]
    conditions.append(Condition(person_ref=DISABLED, condition="LULUSAN_SMA", ordinal=0, until=0))
    state = scenes.given(registered()).state
    values = {"decile": 1, "percentile": 100, "ranking_run": "2025-4", "members": members}
    made: FamilyState = replace(state, **({**values, "conditions": tuple(conditions)} | fields))
    return made


def excluded(code: str, programme: str, due_at: int = 0, step: str = "BERLAKU") -> Case:
    about = f"{code}/{programme}"
    values: dict[str, Any] = {"case_id": bytes(16), "agency": "kemensos", "since": 0, "reason": "", "reference": ""}
    return Case(machine="PENGECUALIAN", about=about, step=step, due_at=due_at, **values)


def reasons(state: FamilyState, rules: RuleSet, when: int = NOVEMBER) -> tuple[str, ...]:
    ((_, judged),) = eligibility.judgements(state, when, (rules,))
    return judged.reasons


def breaking(rule: Rule, rules: RuleSet) -> tuple[FamilyState, int]:  # noqa: C901  a line for each fact
    """Return a family, and a time, that fail this one rule."""
    state, when = a_family(), NOVEMBER
    match rule.fact:
        case "active_family":
            state = replace(state, status="BUBAR")
        case "in_period":
            when = at(2026, 1, 1)
        case "decile":
            state = replace(state, decile=0 if rule.operator == "at_least" else rule.value + 1)
        case "matched_members":
            state = replace(state, members=tuple(replace(one, padan="NAMA_BEDA") for one in state.members))
        case "state_employees":
            state = replace(state, members=(*state.members, member("d" * 26, 1990, work_status=5)))
        case "components":
            state = replace(state, members=(member("d" * 26, 1990),))
        case "excluded":
            state = replace(state, cases=(excluded(rule.of, rules.programme),))
        case "persons_with":
            left = tuple(one for one in state.conditions if one.condition != rule.of)
            state = replace(state, conditions=left)
        case "persons_aged":
            state = replace(state, members=tuple(one for one in state.members if one.person_ref != ELDER))
        case "severely_disabled":
            state = replace(state, members=tuple(one for one in state.members if one.person_ref != DISABLED))
        case _:
            pytest.fail(f"no family here fails {rule.fact}")
    return state, when


@pytest.mark.parametrize("rules", rulebook.shipped(), ids=named)
def test_a_family_that_meets_every_rule_is_eligible(rules: RuleSet) -> None:
    assert reasons(a_family(), rules) == ()


@pytest.mark.parametrize(("rules", "rule"), ROWS, ids=[f"{named(rules)}-{rule.code}" for rules, rule in ROWS])
def test_a_family_that_fails_one_rule_is_told_exactly_its_reason(rules: RuleSet, rule: Rule) -> None:
    state, when = breaking(rule, rules)
    assert reasons(state, rules, when) == (rule.code,)


@pytest.mark.parametrize("rules", rulebook.shipped(), ids=named)
def test_every_rule_file_names_its_sources_and_a_reason_for_each_row(rules: RuleSet) -> None:
    assert rules.source
    assert rules.title
    assert len({one.code for one in rules.rules}) == len(rules.rules)
    assert [one.code for one in rules.rules if not one.source and one.code != "KELUARGA_TIDAK_AKTIF"] == []
    assert rule_file.read(rules.file).digest == rules.digest


@pytest.mark.parametrize("programme", ["pkh", "sembako", "pbi-jkn"])
def test_the_exclusion_list_has_a_row_for_each_group(programme: str) -> None:
    rules = rulebook.rule_set(programme, "2025.1")
    assert [one.code for one in rules.rules if one.fact == "excluded"] == list(EXCLUSIONS)


def test_a_state_employee_that_the_ground_check_found_is_excluded_wherever_the_list_holds() -> None:
    # Domain guide 8.3: the list is of PKH, BPNT and PBI; 5.2: work status 5 feeds it
    found = a_family(members=(*a_family().members, member("d" * 26, 1990, work_status=5)))
    by_list = [rules for rules in rulebook.shipped() if any(one.fact == "excluded" for one in rules.rules)]
    assert {rules.programme for rules in by_list} == {"PKH", "SEMBAKO", "PBI_JKN"}
    assert {reasons(found, rules) for rules in by_list} == {("ANGGOTA_ASN_TNI_POLRI",)}


def test_an_exclusion_of_another_programme_or_one_that_ended_does_not_hold() -> None:
    for case in (
        excluded("PERANGKAT_DESA", "SEMBAKO"),
        excluded("PERANGKAT_DESA", "PKH", due_at=NOVEMBER),
        excluded("PERANGKAT_DESA", "PKH", step="DICABUT"),
    ):
        assert reasons(a_family(cases=(case,)), PKH) == ()
    assert reasons(a_family(cases=(excluded("PERANGKAT_DESA", "PKH", due_at=NOVEMBER + 1),)), PKH) == (
        "PERANGKAT_DESA",
    )


@pytest.mark.parametrize("name", ["pbi-jkn", "atensi-yapi", "atensi-lansia", "atensi-disabilitas", "kemensos-lain"])
def test_an_assessment_stands_for_a_decile_where_the_programme_takes_one(name: str) -> None:
    rules = rulebook.rule_set(name, "2025.1")
    assessed = (*a_family().conditions, Condition(person_ref=ELDER, condition="ASESMEN", ordinal=0, until=202512))
    for decile in (0, 9):
        assert reasons(a_family(decile=decile), rules) != ()
        assert reasons(a_family(decile=decile, conditions=assessed), rules) == ()
    unranked = a_family(decile=0, ranking_run="", conditions=assessed)
    assert reasons(unranked, rules) == ()
    assert list(eligibility.judgements(unranked, NOVEMBER, (PKH,))) == []
    assert list(eligibility.judgements(unranked, at(2026, 1, 1), (rules,))) == []  # the assessment ran out


def test_who_holds_pkh_has_pip_without_a_decile() -> None:
    scene = scenes.given(registered(), claimed(birth_year=2015), matched(), say("FamilyRanked"), rules=scenes.BOTH)
    place = {"programme": "PKH", "run_id": "r", "determination_number": "P-1", "agency": "kemensos"}
    held = scene.and_given(say("AidAllocated", **place)).state.aid
    pip = rulebook.rule_set("pip", "2025.1")
    assert reasons(a_family(decile=0), pip) == ("BELUM_ADA_DESIL",)
    assert reasons(a_family(decile=0, aid=held), pip) == ()


@pytest.mark.parametrize("card", ["KIP", "KKS"])
@pytest.mark.parametrize("decile", [0, 9])
def test_who_holds_a_card_has_pip_in_any_decile_while_it_is_in_force(card: str, decile: int) -> None:
    pip = rulebook.rule_set("pip", "2025.1")
    reason = ("DESIL_DI_LUAR_1_4",) if decile else ("BELUM_ADA_DESIL",)
    assert reasons(a_family(decile=decile), pip) == reason
    held = (*a_family().conditions, Condition(person_ref=ELDER, condition=card, ordinal=0, until=202511))
    assert reasons(a_family(decile=decile, conditions=held), pip) == ()
    assert reasons(a_family(decile=decile, conditions=held), pip, at(2025, 12, 1)) == reason
    assert reasons(a_family(decile=9, conditions=held), PKH) == ("DESIL_DI_LUAR_1_4",)


@pytest.mark.parametrize("level", ["SD", "SMP", "SMA"])
def test_a_level_on_record_is_school_data_for_pip_too(level: str) -> None:
    pip = rulebook.rule_set("pip", "2025.1")
    recorded = (Condition(person_ref=CHILD, condition=level, ordinal=0, until=202511),)
    assert reasons(a_family(conditions=recorded), pip) == ()
    assert reasons(a_family(conditions=recorded), pip, at(2025, 12, 1)) == ("TANPA_PELAJAR_DAPODIK",)


def test_a_decision_tells_each_fact_that_could_have_stood_for_the_decile() -> None:
    ((_, judged),) = eligibility.judgements(a_family(decile=9), NOVEMBER, (rulebook.rule_set("pip", "2025.1"),))
    told = {one.rule: one.input for one in judged.outcomes}
    assert told["DESIL_DI_LUAR_1_4"] == "decile=9 holds_aid PKH=0 persons_with KIP=0 persons_with KKS=0"


def test_kip_kuliah_has_both_readings_of_the_open_point() -> None:
    three, four = rulebook.rule_set("kip-kuliah", "2025.1"), rulebook.rule_set("kip-kuliah", "2025.2")
    assert reasons(a_family(decile=4), three) == ("DESIL_DI_LUAR_1_3",)
    assert reasons(a_family(decile=4), four) == ()
    proof = (*a_family().conditions, Condition(person_ref=CHILD, condition="PENGHASILAN_RENDAH", ordinal=0, until=0))
    assert reasons(a_family(decile=9, conditions=proof), three) == ()


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        (at(2025, 9, 30, 23, 59), False),
        (at(2025, 10, 1, 0), True),
        (at(2025, 12, 31, 23, 59), True),
        (at(2026, 1, 1, 0), False),
    ],
)
def test_a_programme_begins_and_ends_with_its_days(when: int, holds: bool) -> None:  # noqa: FBT001  a column of the table
    rules = rulebook.rule_set("blts", "2025.1")
    assert reasons(a_family(), rules, when) == (() if holds else ("DI_LUAR_MASA_PROGRAM",))


@pytest.mark.parametrize(
    ("name", "rupiah", "payment"), [("sembako", 2_400_000, 200_000), ("blts", 900_000, 900_000), ("pip", 0, 0)]
)
def test_a_fixed_amount_is_told_for_a_year_and_for_a_payment(name: str, rupiah: int, payment: int) -> None:
    rules = rulebook.rule_set(name, "2025.1")
    ((_, judged),) = eligibility.judgements(a_family(), NOVEMBER, (rules,))
    assert (judged.amount_rupiah, rules.payment(judged.amount_rupiah)) == (rupiah, payment)
    ((_, none),) = eligibility.judgements(a_family(status="BUBAR"), NOVEMBER, (rules,))
    assert none.amount_rupiah == 0


# --- PKH, by another hand ---

SCHOOL = {"SD": 900_000, "SMP": 1_500_000, "SMA": 2_000_000}


def components_of(one: Traits) -> dict[str, int]:
    """Return what a person has, told from the guide's table."""
    conditions = dict(one.conditions)
    found = {}
    if 1 <= conditions.get("HAMIL", 0) <= 2 or conditions.get("HAMIL", 9) == 0:
        found["HAMIL"] = 3_000_000
    if 0 <= one.years <= 6:
        found["USIA_DINI"] = 3_000_000
    school = [code for code in SCHOOL if code in conditions]
    by_age = (
        "SD" if 7 <= one.years <= 12 else "SMP" if 13 <= one.years <= 15 else "SMA" if 16 <= one.years <= 18 else ""
    )
    if 6 <= one.years <= 21 and "LULUSAN_SMA" not in conditions:
        for code in school or ([by_age] if by_age else []):
            found[code] = SCHOOL[code]
    if one.severe_disability:
        found["DISABILITAS_BERAT"] = 2_400_000
    if one.years >= 60:
        found["LANSIA"] = 2_400_000
    if "KORBAN_HAM_BERAT" in conditions:
        found["KORBAN_HAM_BERAT"] = 10_800_000
    return found


def best(family: list[Traits], *, toddlers_are_children: bool) -> int:
    """Return the most that any choice of at most four persons gives under the caps, each with the higher component."""
    paid = []
    for one in family:
        having = components_of(one)
        if having:
            order = ["HAMIL", "USIA_DINI", *SCHOOL, "DISABILITAS_BERAT", "LANSIA", "KORBAN_HAM_BERAT"]
            paid.append(max(having.items(), key=lambda item: (item[1], -order.index(item[0]))))
    children = set(SCHOOL) | ({"USIA_DINI"} if toddlers_are_children else set())
    most = 0
    for size in range(min(4, len(paid)) + 1):
        for chosen in combinations(paid, size):
            codes = [code for code, _ in chosen]
            within = codes.count("USIA_DINI") <= 2 and codes.count("DISABILITAS_BERAT") <= 4
            if within and sum(code in children for code in codes) <= 3:
                most = max(most, sum(amount for _, amount in chosen))
    return most


persons = st.builds(
    Traits,
    st.integers(0, 99),
    st.booleans(),
    st.lists(
        st.tuples(st.sampled_from(["HAMIL", *SCHOOL, "LULUSAN_SMA", "KORBAN_HAM_BERAT", "YATIM"]), st.integers(0, 3)),
        max_size=2,
        unique_by=lambda one: one[0],
    ).map(tuple),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(persons, max_size=7), st.sampled_from(["2025.1", "2025.2"]))
def test_the_amount_of_pkh_is_the_most_that_the_caps_allow(family: list[Traits], version: str) -> None:
    rules = rulebook.rule_set("pkh", version)
    assert rules.entitlement is not None
    count, rupiah = rules.entitlement.of_family(family)
    assert rupiah == best(family, toddlers_are_children=version == "2025.2")
    assert count == sum(bool(components_of(one)) for one in family)
    assert rules.payment(rupiah) * 4 == rupiah


@pytest.mark.parametrize("version", ["2025.1", "2025.2"])
@pytest.mark.parametrize(
    ("years", "conditions", "components"),
    [
        # A pupil is 6 to 21 and has a level on record, and hasn't finished SMA
        (40, ("SMA",), ()),
        (22, ("SMA",), ()),
        (21, ("SMA",), ("SMA",)),
        (17, ("SMP",), ("SMP",)),
        (21, ("SMA", "LULUSAN_SMA"), ()),
        (18, ("LULUSAN_SMA",), ()),
        (6, ("SD",), ("USIA_DINI", "SD")),
        (5, ("SD",), ("USIA_DINI",)),
        # Where nothing is on record the row says which ages count alone
        (21, (), ()),
        (19, (), ()),
        (18, (), ("SMA",)),
        (16, (), ("SMA",)),
        (13, (), ("SMP",)),
        (7, (), ("SD",)),
        (17, ("DAPODIK",), ("SMA",)),
    ],
)
def test_a_school_child_of_pkh_is_6_to_21_with_a_level_on_record_and_has_not_finished(
    version: str, years: int, conditions: tuple[str, ...], components: tuple[str, ...]
) -> None:
    entitlement = rulebook.rule_set("pkh", version).entitlement
    assert entitlement is not None
    one = Traits(years, severe_disability=False, conditions=tuple((code, 0) for code in conditions))
    assert tuple(found.code for found in entitlement.of_person(one)) == components


@pytest.mark.parametrize("version", ["2025.1", "2025.2"])
def test_a_family_whose_only_pupil_is_too_old_or_has_finished_gets_no_pkh(version: str) -> None:
    rules = rulebook.rule_set("pkh", version)
    for born, codes in ((1985, ("SMA",)), (2007, ("LULUSAN_SMA",)), (2007, ("SMA", "LULUSAN_SMA")), (2004, ())):
        conditions = tuple(Condition(person_ref=CHILD, condition=one, ordinal=0, until=0) for one in codes)
        state = a_family(members=(member(CHILD, born),), conditions=conditions)
        assert reasons(state, rules) == ("TANPA_KOMPONEN",)
    ((_, judged),) = eligibility.judgements(a_family(members=(member(CHILD, 2007),)), NOVEMBER, (rules,))
    assert (judged.reasons, judged.amount_rupiah) == ((), 2_000_000)


def test_without_ages_alone_only_what_is_on_record_makes_a_pupil() -> None:
    lines = [line for line in PKH.file.splitlines(keepends=True) if not line.startswith(b"ages_alone")]
    strict = rule_file.read(b"".join(lines)).entitlement
    assert strict is not None
    pupil = Traits(10, severe_disability=False, conditions=(("SD", 0),))
    assert strict.of_person(Traits(10, severe_disability=False)) == ()
    assert [one.code for one in strict.of_person(pupil)] == ["SD"]


def test_counted_as_components_each_of_a_person_is_paid_by_itself() -> None:
    text = PKH.file.replace(b'unit = "persons"', b'unit = "components"').replace(b'"2025.1"', b'"2025.9"')
    rules = rule_file.read(text)
    assert rules.entitlement is not None
    old_and_disabled = [Traits(70, severe_disability=True)]
    assert rules.entitlement.of_family(old_and_disabled) == (1, 4_800_000)
    assert PKH.entitlement is not None
    assert PKH.entitlement.of_family(old_and_disabled) == (1, 2_400_000)


# --- rule files ---


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('fact = "matched_members"', 'fact = "income"', "rule[4].fact"),
        ('operator = "at_most"', 'operator = "below"', "rule[3].operator"),
        ("value = 5", 'value = "five"', "rule[3].value"),
        ("value = 5", "value = true", "rule[3].value"),
        ("value = 5", "bonus = 1\nvalue = 5", "rule[3].bonus"),
        ('code = "DESIL_DI_LUAR_1_5"', 'code = "desil"', "rule[3].code"),
        ('code = "NIK_TIDAK_PADAN"', 'code = "KELUARGA_TIDAK_AKTIF"', "rule[4].code"),
        ('version = "2025.1"', 'version = "baru"', "version"),
        ('version = "2025.1"', 'valid_from = "2025-12-31"\nversion = "2025.1"', "valid_from"),
        ('version = "2025.1"', 'valid_from = 2025-12-31\nversion = "2025.1"', "valid_from"),
        ('of = "PERANGKAT_DESA"', 'of = "KEPALA_DESA"', "rule[13].of"),
        ("rupiah = 200_000", "rupiah = -1", "amount.rupiah"),
        ("payments = 12", "payments = 5", "amount.payments"),
    ],
)
def test_a_rule_file_with_an_error_is_told_by_line_and_field(old: str, new: str, field: str) -> None:
    text = rulebook.rule_set("sembako", "2025.1").file.decode()
    before, found, after = text.partition(old)
    assert found
    with pytest.raises(RuleFileUnsound) as caught:
        rule_file.read(f"{before}{new}{after}".encode())
    ((line, name, says),) = [(one.line, one.field, one.says) for one in caught.value.problems]
    assert (line, name, says != "") == (before.count("\n") + 1, field, True)


@pytest.mark.parametrize(
    "text", [b"\xff", b"rule_set = ", b"x" * 300_000, b"", b"[[rule]]\n", b"rule = 1\n", b"amount = 3"]
)
def test_what_is_no_rule_file_is_refused_with_a_sentence(text: bytes) -> None:
    with pytest.raises(RuleFileUnsound) as caught:
        rule_file.read(text)
    assert all(one.says for one in caught.value.problems)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_spoilt_rule_file_is_read_or_refused_and_never_a_fault(data: st.DataObject) -> None:
    text = bytearray(PKH.file)
    for _ in range(data.draw(st.integers(1, 4))):
        at_byte = data.draw(st.integers(0, len(text) - 1))
        text[at_byte : at_byte + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=6))
    try:
        rules = rule_file.read(bytes(text))
    except RuleFileUnsound:
        return
    list(eligibility.judgements(a_family(), NOVEMBER, (rules,)))


def test_all_errors_of_a_file_are_told_at_once() -> None:
    with pytest.raises(RuleFileUnsound) as caught:
        rule_file.read(PKH.file.replace(b"at_most", b"below").replace(b"most = 3", b"most = 0"))
    assert len(caught.value.problems) == 2


def test_a_row_is_asked_on_its_own_days_only() -> None:
    dated = PKH.file.replace(
        b'code = "TANPA_KOMPONEN"', b'code = "TANPA_KOMPONEN"\nfrom = 2025-12-01\nuntil = 2025-12-31'
    )
    rules, childless = rule_file.read(dated), a_family(members=(member("d" * 26, 1990),))
    days = (at(2025, 11, 30), at(2025, 12, 1, 0), at(2025, 12, 31, 23), at(2026, 1, 1, 0))
    assert [reasons(childless, rules, when) for when in days] == [(), ("TANPA_KOMPONEN",), ("TANPA_KOMPONEN",), ()]


def test_facts_and_conditions_are_closed_lists_with_a_sentence_each() -> None:
    assert all(one.means for one in FACTS.values())
    assert all(CONDITIONS.values())


# --- the promise: an official's text file, with a day ---

OFFICIALS = """
rule_set = "sembako"
programme = "SEMBAKO"
version = "2026.1"
title = "Program Sembako"
source = "an official's own file"

[amount]
rupiah = 250_000
payments = 12

[[rule]]
code = "BELUM_ADA_DESIL"
fact = "decile"
operator = "at_least"
value = 1

[[rule]]
code = "DESIL_DI_LUAR_1_3"
fact = "decile"
operator = "at_most"
value = 3
"""


def activated(text: bytes, effective_at: int, recorded_at: int) -> Activation:
    """Return what a fold makes of the record that a command publishes."""
    from stream_processors.folds.activation import activation  # noqa: PLC0415  as the command does

    return rulebook.activation_of(activation(rule_file.read(text), effective_at), recorded_at)


def test_an_officials_text_file_changes_a_rule_from_its_day_on_with_no_programmer() -> None:
    # Given a family in decile 4 that was decided under the rules of the build
    scene = scenes.given(registered(), claimed(), matched(), say("FamilyRanked", decile=4), rules=scenes.BOTH)
    assert scene.decision("SEMBAKO").result == "LAYAK"
    # When a file that no build has is activated, in force from April on
    april = at(2025, 4, 1, 0)
    scene.rules = scene.rules.with_activations([activated(OFFICIALS.encode(), april, scene.clock)])
    scene.when(say("ReevaluationRequested")).then("ReevaluationRequested")
    # Then the family is decided by it on that day, by name, version and hash
    handled = scene.handle(say("ReevaluationRequested"), recorded_at=april)
    record: Any = handled.events[1].record
    assert (record.result, record.reasons) == ("TIDAK_LAYAK", ("DESIL_DI_LUAR_1_3",))
    assert (record.rules_version, record.rules_digest) == ("2026.1", rule_file.read(OFFICIALS.encode()).digest)
    # And a replay of its events asks for no rule at all
    assert scenes.replay(scene.log) == scene.state


def test_an_activation_whose_file_is_not_the_one_it_names_stops_the_worker() -> None:
    from schemas import codec  # noqa: PLC0415  for one test
    from stream_processors.folds.activation import activation  # noqa: PLC0415

    record = codec.decode(activation(PKH, NOVEMBER))
    changes = (
        {"digest": bytes(32)},
        {"version": "2025.2"},
        {"rule_set": "sembako"},
        {"file": PKH.file + b"\n"},
        {"file": b""},
    )
    for change in changes:
        with pytest.raises(RulesDiffer):
            rulebook.activation_of(codec.encode(replace(record, **change)), NOVEMBER)
    assert rulebook.activation_of(codec.encode(record), NOVEMBER).rules.digest == PKH.digest


def test_one_version_never_has_two_files() -> None:
    other = rule_file.read(PKH.file + b"# a word more\n")
    book = RuleBook((Activation(PKH, NOVEMBER, NOVEMBER),))
    with pytest.raises(RulesDiffer):
        book.with_activations([Activation(other, NOVEMBER, NOVEMBER)])
    assert len(book.with_activations([Activation(PKH, NOVEMBER + 1, NOVEMBER)]).activations) == 2


# --- what another version would change ---


def families() -> list[Any]:
    found = []
    for decile in (*range(1, 11), None):
        body: dict[str, Any] = {"decile": decile} if decile else {
            "decile": None, "percentile": None, "unranked_reason": "VARIABEL_KURANG"
        }  # fmt: skip
        for year in (1950, 1990, 2015, 2021):
            scene = scenes.given(registered(), claimed(birth_year=year), matched(), rules=scenes.BOTH)
            found.append(scene.and_given(say("FamilyRanked", **body)))
    found.append(scenes.given(registered(), claimed(), rules=scenes.BOTH))
    return found


@pytest.mark.parametrize(
    "new", [rule_file.read(OFFICIALS.encode()), rulebook.rule_set("pkh", "2025.2"), PKH], ids=named
)
def test_the_difference_is_what_a_full_reevaluation_decides(new: RuleSet) -> None:
    old = rulebook.rule_set(new.name, "2025.1")
    moved, decided = [], []
    for scene in families():
        before = {one.programme: one for one in scene.state.eligibility}.get(new.programme)
        when = scene.clock + scenes.SECOND
        moved.append(difference.moved(scene.state, old, new, when))
        rules = scene.rules.with_activations([Activation(new, when, when)]) if new is not PKH else scene.rules
        scene.rules = rules
        scene.handle(say("ReevaluationRequested"), recorded_at=when)
        after = {one.programme: one for one in scene.state.eligibility}.get(new.programme)
        decided.append(_told(before, after))
    assert [None if one is None else (one.direction, one.rupiah) for one in moved] == decided
    found = difference.total(moved)
    assert found.families == len(moved)
    assert sum(found.counts.values()) == sum(one is not None for one in moved)
    assert {region for region, _ in found.counts} <= {"35.71"}


def _told(before: Any, after: Any) -> tuple[Direction, int] | None:
    if before is None or (before.reasons, before.amount_rupiah) == (after.reasons, after.amount_rupiah):
        return None
    rupiah = after.amount_rupiah - before.amount_rupiah
    if before.result != after.result:
        return (Direction.GAINS if after.result == "LAYAK" else Direction.LOSES), rupiah
    return (Direction.AMOUNT if after.result == "LAYAK" else Direction.REASONS), rupiah


def test_two_programmes_are_not_compared() -> None:
    with pytest.raises(RulesNotComparable):
        difference.check(PKH, rulebook.rule_set("sembako", "2025.1"))
