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
    assert latest().version == "REGSOSEK22-K"
    assert set(latest().ids) - set(earlier.ids) == {"K14"}
    assert questionnaire("REGSOSEK22") is None


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
    assert specific == {"I11", "I12", "I13"}


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
