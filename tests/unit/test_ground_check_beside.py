"""Submissions of the version with questions beside the 39: what importers read of them, and V5, V6, V8, V12, V13."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.families import InMemoryAliases
from identity.keys import InMemoryKeyStore
from identity.references import ReferenceKey
from producers.draft import Draft
from producers.intake import Intake
from producers.outgoing import Outgoing
from producers.simulation.nation import Nation
from producers.simulation.stream import simulate
from schemas import codec
from schemas.records import FamilyVariables, IndividualVariables, Member
from stream_processors.registry.answers import SHEETS
from tests.unit.test_ground_check_import import HOUSE, PERSON, WIFE, broken, leaves, read, visit, wrapped, written
from tests.unit.test_ground_check_import import TOP as FORMER_TOP

VERSION = "REGSOSEK22-K-2025-07"
PROGRAMMES = ("sembako", "pkh", "village_cash", "electricity", "local", "fertiliser", "lpg")
TOP = FORMER_TOP | {"questionnaire": VERSION}
DWELLING = HOUSE | {f"aid_{name}": "2" for name in PROGRAMMES} | {"internet": "3", "bank_account": "4"}
ADULT = {
    "identity_documents": "1 4",
    "schooling": "3",
    "school_level": "13",
    "school_grade": "8",
    "diploma": "13",
    "has_tax_number": "3",
    "health_insurance": "1",
    "prakerja": "2",
    "business_credit": "2",
    "micro_credit": "8",
    "work_insurance": "0",
}
HUSBAND, SPOUSE = PERSON | ADULT, WIFE | ADULT | {"pregnant": "2"}
MANY = settings(max_examples=60, deadline=None)


def sent(*people: dict[str, Any], **dwelling: Any) -> bytes:
    """Return a complete submission; an answer that is None is left out."""
    house = {name: value for name, value in (DWELLING | dwelling).items() if name not in TOP}
    top = {name: dwelling.get(name, value) for name, value in TOP.items()}
    persons = "".join(f"<members>{leaves(one)}</members>" for one in people or (HUSBAND, SPOUSE))
    return wrapped(f"{leaves(top)}<family>{leaves(house)}</family>{persons}")


def told(**answers: Any) -> set[tuple[str, str]]:
    """Return what is told of a submission whose second person answers so."""
    return broken(sent(HUSBAND, SPOUSE | answers))


def test_a_complete_form_becomes_a_visit_that_the_registry_s_sheets_take() -> None:
    body = visit(sent(aid_pkh="1", aid_pkh_month="2025-02-01")).body
    assert body["questionnaire"] == VERSION
    assert (body["family"]["aid_pkh_month"], body["family"]["bank_account"]) == (202502, 4)
    assert body["individuals"][1]["pregnant"] == 2
    assert body["individuals"][0]["identity_documents"] == 5
    sheets = SHEETS[VERSION]
    assert sheets.family.refusal(FamilyVariables(**body["family"])) is None
    assert [sheets.individual.refusal(IndividualVariables(**one)) for one in body["individuals"]] == [None, None]


def test_v5_pregnancy_is_answered_for_whom_it_is_asked_and_for_nobody_else() -> None:
    assert told(pregnant=None) == {("V5", "members[2]/pregnant")}
    assert told(marital_status="1") == {("V5", "members[2]/pregnant")}
    assert told(birth_date="1970-03-04") == {("V5", "members[2]/pregnant")}
    assert isinstance(visit(sent(HUSBAND, SPOUSE | {"birth_date": "1970-04-04"})), Draft)
    assert broken(sent(HUSBAND | {"pregnant": "2"}, SPOUSE)) == {("V5", "members[1]/pregnant")}


def test_v5_is_left_to_the_registry_where_the_form_does_not_tell_sex_or_marriage() -> None:
    partly = sent(HUSBAND, SPOUSE | {"sex": None, "marital_status": None}, result="2")
    assert visit(partly).body["individuals"][1]["pregnant"] == 2


def test_v6_nutrition_is_asked_below_five_years() -> None:
    assert ("V6", "members[2]/nutrition") in told(nutrition="2")
    child = {"national_id": "3571010105220003", "name": "Budi", "presence": "1", "sex": "1", "birth_date": "2022-05-01"}
    child |= {"marital_status": "1", "relationship": "3", "works": "2", "owns_business": "2", "chronic_illness": "1"}
    child |= {"identity_documents": "3", "schooling": "1", "health_insurance": "99"}
    child |= {f"difficulty_{part}": "4" for part in ("seeing", "hearing", "walking", "hands", "learning", "behaviour")}
    assert broken(sent(HUSBAND, SPOUSE, child, member_count="3")) == {
        ("CODE_UNKNOWN_WORD", "members[3]/identity_documents"),
        ("ANSWER_MISSING", "members[3]/nutrition"),
    }
    right = child | {"identity_documents": "1 2", "nutrition": "2"}
    assert visit(sent(HUSBAND, SPOUSE, right, member_count="3")).body["individuals"][2]["nutrition"] == 2


def test_v8_a_caregiver_is_wanted_from_sixty_on_or_with_much_difficulty_and_refused_of_nobody() -> None:
    missing = {("V8", "members[2]/caregiver")}
    assert told(difficulty_walking="2") == missing
    assert told(birth_date="1965-03-04", pregnant=None) == missing
    assert isinstance(visit(sent(HUSBAND, SPOUSE | {"difficulty_walking": "2", "caregiver": "1"})), Draft)
    assert isinstance(visit(sent(HUSBAND, SPOUSE | {"caregiver": "1"})), Draft)
    assert isinstance(visit(sent(HUSBAND, SPOUSE | {"difficulty_walking": "3"})), Draft)


@pytest.mark.parametrize(("visited", "until"), [("2025-03-14", 202512), ("2025-12-31", 202609)])
def test_a_pregnancy_is_told_as_the_condition_that_programmes_ask_for(visited: str, until: int) -> None:
    content = sent(HUSBAND, SPOUSE | {"pregnant": "1"}, visited_at=f"{visited}T09:30:00+07:00")
    draft, condition = read(content)
    assert isinstance(draft, Draft)
    assert isinstance(condition, Draft)
    assert (draft.record, condition.record) == ("GroundCheckRecorded", "PersonConditionRecorded")
    assert (condition.card, condition.occurred_at, condition.row) == (draft.card, draft.occurred_at, draft.row)
    assert condition.body == {
        "person_ref": SPOUSE["national_id"],
        "condition": "HAMIL",
        "holds": True,
        "ordinal": 0,
        "until": until,
    }


def test_a_pregnancy_s_change_names_the_person_by_reference_alone() -> None:
    intake = Intake(ReferenceKey(b"r" * 32), InMemoryAliases(), InMemoryKeyStore())
    *_, change = intake.take(
        item for item in read(sent(HUSBAND, SPOUSE | {"pregnant": "1"})) if isinstance(item, Draft)
    )
    assert isinstance(change, Outgoing)
    assert SPOUSE["national_id"].encode() not in change.value
    assert codec.decode(change.value).condition == "HAMIL"


def test_v9_a_school_is_asked_of_who_went_to_one() -> None:
    assert told(schooling="1") == {("V9", f"members[2]/{name}") for name in ("school_level", "school_grade", "diploma")}


def test_v12_a_programme_is_asked_at_its_ages() -> None:
    assert told(school_aid="1") == {("V12", "members[2]/school_aid")}
    assert told(birth_date="1994-04-04") == {("ANSWER_MISSING", "members[2]/school_aid")}


@pytest.mark.parametrize(
    ("month", "rule"),
    [
        ("2024-02-28", "V13"),
        ("2025-04-01", "V13"),
        ("March", "MONTH_FORMAT"),
        ("2025-13", "MONTH_FORMAT"),
        ("1999-01", "MONTH_FORMAT"),
        (None, "ANSWER_MISSING"),
    ],
)
def test_v13_aid_was_received_within_twelve_months(month: str | None, rule: str) -> None:
    assert broken(sent(aid_pkh="1", aid_pkh_month=month)) == {(rule, "aid_pkh_month")}
    assert isinstance(visit(sent(aid_pkh="1", aid_pkh_month="2024-03")), Draft)


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ("1 99", "CODES_TOGETHER"),
        ("0 1", "CODES_TOGETHER"),
        ("3", "CODE_UNKNOWN_WORD"),
        ("1 1", "CODE_FORMAT"),
        ("PBI", "CODE_FORMAT"),
    ],
)
def test_several_codes_are_those_of_the_list_and_go_together(answer: str, rule: str) -> None:
    assert told(health_insurance=answer) == {(rule, "members[2]/health_insurance")}
    assert told(identity_documents="2 4") == {("CODES_TOGETHER", "members[2]/identity_documents")}


@pytest.mark.parametrize("presence", ["2", "3", "4"])
def test_nothing_is_due_of_who_died_or_moved_away(presence: str) -> None:
    gone = {name: SPOUSE[name] for name in ("national_id", "name")} | {"presence": presence}
    assert visit(sent(HUSBAND, gone, member_count="1")).body["individuals"][1] == {
        "person_ref": SPOUSE["national_id"],
        **{name: value if name != "presence" else int(value) for name, value in gone.items()},
    }


@pytest.mark.parametrize(
    ("group", "key", "parent"), [("", "KEY", "PARENT_KEY"), ("members/", "_uuid", "_submission__uuid")]
)
def test_an_export_may_have_a_column_for_each_code(group: str, key: str, parent: str) -> None:
    instance = "5b0a5f2e-90c5-4b0e-9d6f-6e9a5a2f7f41"
    visits = written([TOP | {"result": "2", key: instance}], ",")
    chosen = {"1": "1", "2": "0", "8": "1", "99": "0"}
    person = {f"{group}health_insurance/{code}": value for code, value in chosen.items()}
    both = person | {f"{group}work_insurance": "2 4", f"{group}work_insurance/2": "1", f"{group}work_insurance/8": "0"}
    line = {f"{group}national_id": HUSBAND["national_id"]} | both | {parent: instance}
    (seen,) = visit(visits, written([line], ","), suffix=".csv").body["individuals"]
    assert (seen["health_insurance"], seen["work_insurance"]) == (9, 6)


MEMBER = Member(
    person_ref=HUSBAND["national_id"],
    standing="PENDING",
    padan="",
    birth_year=1980,
    birth_month=3,
    sex=1,
    relationship=1,
    marital_status=2,
    claim_id=b"c" * 16,
    reason="",
    severe_disability=False,
    work_status=0,
)
ANSWERS = {
    "pregnant": ["1", "2", "3"],
    "caregiver": ["1", "3", "9"],
    "nutrition": ["1", "8", "5"],
    "school_aid": ["1", "8"],
    "work_insurance": ["0", "1 2", "99", "99 1"],
    "prakerja": ["2"],
    "schooling": ["1", "2"],
    "school_level": ["1", "22", "23"],
    "difficulty_walking": ["1", "2", "4"],
    "difficulty_sadness": ["2", "3"],
    "sex": ["1", "2"],
    "marital_status": ["1", "2", "4"],
    "presence": ["1", "2", "3"],
}


@MANY
@given(st.data())
def test_what_the_importer_takes_of_a_person_breaks_no_rule_of_the_registry(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(list(ANSWERS)), max_size=4, unique=True))
    answers = {name: data.draw(st.sampled_from([None, *ANSWERS[name]]), label=name) for name in names}
    year = data.draw(st.integers(1950, 2025))
    result = data.draw(st.sampled_from(["1", "2"]))
    person = HUSBAND | answers | {"birth_date": f"{year}-02-01"}
    (item,) = read(sent(person, result=result))
    if isinstance(item, Draft):
        (seen,) = item.body["individuals"]
        sheet = SHEETS[VERSION].individual
        record = IndividualVariables(**seen)
        assert sheet.refusal(record) is None
        due = result == "1" and record.presence not in SHEETS[VERSION].gone
        told = record.sex is not None and record.marital_status is not None
        refused = sheet.refusal_of(record, 2025 - year, MEMBER, due=due)
        assert refused is None or (not told and refused.rule == "V5")


def test_some_simulated_visits_answer_them_the_same_each_time_and_break_no_rule() -> None:
    nation = Nation(families=150, seed=7)
    visits = [one.draft for one in simulate(nation) if one.draft.record == "GroundCheckRecorded"]
    beside = [one for one in visits if one.body["questionnaire"] == VERSION]
    assert 0 < len(beside) < len(visits) // 2
    assert beside == [one.draft for one in simulate(nation) if one.draft.body.get("questionnaire") == VERSION]
    for told_of in [one.body for one in visits if one.body["family"]]:
        assert len(told_of["individuals"]) <= told_of["family"]["member_count"]
    persons = [IndividualVariables(**one) for visit in beside for one in visit.body["individuals"]]
    assert {one.pregnant for one in persons} >= {None, 2}
    assert {one.caregiver for one in persons} > {None}
    sheets = SHEETS[VERSION]
    for person in persons:
        age = 2025 - (person.birth_year or 0) - ((person.birth_month or 0) > 9)
        assert sheets.individual.refusal(person) is None
        assert person.pregnant is None or sheets.individual.refusal_of(person, age, MEMBER, due=True) is None
