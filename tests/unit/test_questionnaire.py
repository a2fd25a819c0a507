"""The questionnaire as data: 13 and 26 variables, codes in their ranges, every field of the record asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.questionnaire import all_versions, latest, questionnaire
from schemas.questionnaire.definition import parsed
from schemas.records import FamilyVariables, IndividualVariables

AVRO = Path(__file__).parents[2] / "schemas" / "avro"
SMALL = """
version = "T"
title = "t"
source = "s"
in_force_from = 2025-01-01
[codes]
hasil = { 1 = "a" }
yes = { 1 = "Ya", 2 = "Tidak" }
[[family]]
id = "K1"
field = "1"
name = "lit"
label = "l"
kind = "code"
codes = "yes"
sensitivity = "umum"
"""


def test_there_are_thirteen_variables_of_a_person_and_twenty_six_of_a_family() -> None:
    assert set(latest().ids) == {f"I{n}" for n in range(1, 14)} | {f"K{n}" for n in range(1, 27)}


def test_versions_stand_side_by_side_and_the_earlier_one_lacks_what_was_added() -> None:
    earlier = questionnaire("REGSOSEK22-K-2022")
    assert earlier is not None
    then = questionnaire("REGSOSEK22-K")
    assert then is not None
    assert set(then.ids) - set(earlier.ids) == {"K14"}
    assert questionnaire("REGSOSEK22") is None


def test_the_questions_beside_the_thirty_nine_are_those_that_are_stored_and_not_counted() -> None:
    then = questionnaire("REGSOSEK22-K")
    assert then is not None
    assert latest().version == "REGSOSEK22-K-2025-07"
    assert latest().ids == then.ids
    assert then.beside == ()
    aid = {f"501{letter}" for letter in "abcdefg"}
    social = {f"431{letter}" for letter in "abcdef"}
    school = {"412", "413", "414", "415"}
    # Domain guide 5.1 lists all but 424 and 426, which belong to V9.
    stored = {"410", "411", "419", "427", "429", "505", "506", "424", "426"} | aid | social | school
    assert {one.number for one in latest().beside} == stored


def test_a_question_stands_where_the_instrument_has_it() -> None:
    names = [one.name for one in latest().individual]
    assert names.index("pregnant") == names.index("marital_status") + 1
    assert names[names.index("work_status") + 1] == "has_tax_number"
    assert names.index("caregiver") > names.index("difficulty_sadness")


def test_several_codes_are_kept_as_a_sum_and_some_stand_alone() -> None:
    by_name = {one.name: one for one in latest().beside}
    insurance = by_name["health_insurance"]
    assert set(insurance.values) == {*range(16), 99}
    assert insurance.limits == "0 or 99, or a sum of 1, 2, 4 or 8"
    assert set(by_name["identity_documents"].values) == {0, 1, 2, 3, 4, 5}  # a child's card or an adult's, never both


@pytest.mark.parametrize(("record", "group"), [(FamilyVariables, "family"), (IndividualVariables, "individual")])
def test_every_field_of_the_record_is_filled_by_one_question(record: Any, group: str) -> None:
    filled = [name for one in getattr(latest(), group) for name in one.fills]
    assert sorted(filled) == sorted(record.__dataclass_fields__)


@pytest.mark.parametrize("version", all_versions())
def test_what_names_a_person_is_sealed_and_nothing_else_is(version: str) -> None:
    for group, name in (("family", "FamilyVariables"), ("individual", "IndividualVariables")):
        fields = json.loads((AVRO / f"jejak.{name}.avsc").read_text())["fields"]
        sealed = {field["name"] for field in fields if "sealed" in field}
        for one in getattr(all_versions()[version], group):
            assert (one.sensitivity == "identitas") == bool(sealed.intersection(one.fills)), one.name


def test_health_and_income_are_specific_personal_data() -> None:
    specific = {one.id for one in latest().individual if one.sensitivity == "spesifik"}
    assert specific - {""} == {"I11", "I12", "I13"}


def test_pregnancy_a_child_s_health_and_who_is_cared_for_are_specific_personal_data() -> None:
    specific = {one.number for one in latest().beside if one.sensitivity == "spesifik"}
    assert specific == {"410", "427", "429", "419", "431c", "431d", "506"}  # the last four: personal finance


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (SMALL.replace('kind = "code"', 'kind = "colour"'), "no kind"),
        (SMALL + SMALL[SMALL.index("[[family]]") :], "stands twice"),
        (SMALL + 'asked = { of = "lamp", in = [1], rule = "V4" }', "does not come before"),
        (SMALL + '[[rule]]\ncode = "V10"\nkind = "none_where"\nfields = ["tv"]\nof = "lit"\nid = ""\nen = ""', "V10"),
        (SMALL + '[[rule]]\ncode = "V99"\nkind = "guess"\nfields = ["lit"]\nid = ""\nen = ""', "V99"),
    ],
)
def test_a_definition_that_contradicts_itself_is_no_questionnaire(change: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parsed("t", {"t": change})


def test_a_version_replaces_a_question_of_the_one_it_builds_on_in_its_place() -> None:
    later = 'version = "U"\nbased_on = "t"\ntitle = "u"\nsource = "s"\nin_force_from = 2026-01-01\n'
    own = SMALL[SMALL.index("[[family]]") :].replace('label = "l"', 'label = "new"')
    made = parsed("u", {"t": SMALL, "u": later + own})
    assert [(one.name, one.label) for one in made.family] == [("lit", "new")]
