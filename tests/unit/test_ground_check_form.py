"""The form is the definition: each skip, range, code and rule of a version stands in the XForm that is made of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from pyxform.xls2xform import convert

from producers.ground_check import form
from schemas.questionnaire import all_versions, latest

if TYPE_CHECKING:
    from pathlib import Path

VERSIONS = list(all_versions().values())
QUESTIONS = [
    pytest.param(version, one, id=f"{version.version}-{one.name}")
    for version in VERSIONS
    for one in (*version.family, *version.individual)
]


def row_of(version: Any, name: str) -> dict[str, str]:
    return next(row for row in form.survey(version) if row.get("name") == name)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda one: one.version)
def test_the_form_becomes_an_xform_without_a_warning(version: Any, tmp_path: Path) -> None:
    form.write(version, tmp_path / "form.xlsx")

    made = convert(str(tmp_path / "form.xlsx"), validate=False)

    assert not made.warnings
    assert f'version="{version.version}"' in made.xform
    bound = set(re.findall(r'nodeset="[^"]*/([a-z_0-9]+)"', made.xform))
    assert bound >= {one.name for one in (*version.family, *version.individual)}


@pytest.mark.parametrize(("version", "one"), QUESTIONS)
def test_a_skip_is_relevance_a_range_a_constraint_and_a_list_choices(version: Any, one: Any) -> None:
    row = row_of(version, one.name)

    gates = [gate for way in one.asked.ways for gate in way.where] if one.asked is not None else []
    assert bool(row["relevant"]) == (one.asked is not None) or "${presence}" in row["relevant"]
    for name, codes in gates:
        assert " or ".join(f"${{{name}}} = '{code}'" for code in sorted(codes)) in row["relevant"]
    if one.kind == "whole":
        assert f". >= {one.first} and . <= {one.last}" in row["constraint"]
    if one.kind in {"code", "flags"}:
        assert row["type"] == f"select_{'one' if one.kind == 'code' else 'multiple'} {one.list_name}"
        listed = [
            (int(each["name"]), each["label"]) for each in form.choices(version) if each["list_name"] == one.list_name
        ]
        assert listed == list(one.codes.items())


@pytest.mark.parametrize(
    ("name", "rule", "constraint"),
    [
        ("card_number", "V1", "regex(., '^[0-9]{16}$')"),
        ("national_id", "V1", "regex(., '^[0-9]{16}$')"),
        ("birth_date", "V3", "<= today()"),
        ("asset_television", "V10", "not(${lighting} = '4')"),
        ("asset_gas_5kg", "V11", "(. > 0) = (${cooking_fuel} = '2' or ${cooking_fuel} = '3')"),
    ],
)
def test_a_rule_is_a_constraint_that_names_it(name: str, rule: str, constraint: str) -> None:
    row = row_of(latest(), name)
    assert constraint in row["constraint"]
    assert rule in row["constraint_message"]


@pytest.mark.parametrize("version", VERSIONS, ids=lambda one: one.version)
def test_v14_the_count_of_members_is_held_against_the_persons_of_the_form(version: Any, tmp_path: Path) -> None:
    row = row_of(version, "member_count")
    assert row["constraint_message"].startswith("V14: ")
    form.write(version, tmp_path / "form.xlsx")
    xform = convert(str(tmp_path / "form.xlsx"), validate=False).xform
    (bind,) = re.findall(r'<bind nodeset="/data/family/member_count"[^>]*>', xform)
    assert "(. &gt;= sum( /data/members/counted ))" in bind
    gone = " or ".join(f"${{presence}} = '{code}'" for code in (2, 3, 4))
    assert row_of(version, "counted")["calculation"] == f"if({gone}, 0, 1)"


def test_the_form_tells_where_a_family_has_not_one_head() -> None:
    assert row_of(latest(), "heads_note")["label"].startswith("V14")


OLD = "REGSOSEK22-K"


@pytest.mark.parametrize(("name", "age"), [("difficulty_seeing", 2), ("difficulty_sadness", 5)])
def test_v7_an_age_is_relevance_on_the_age(name: str, age: int) -> None:
    assert row_of(all_versions()[OLD], name)["relevant"] == f"${{age}} >= {age}"


HERE = "(not(${presence} = '2' or ${presence} = '3' or ${presence} = '4'))"
MARRIED = "(${marital_status} = '2' or ${marital_status} = '3' or ${marital_status} = '4')"
SEEING = "(${age} >= 60 or ${difficulty_seeing} = '1' or ${difficulty_seeing} = '2' or "


@pytest.mark.parametrize(
    ("name", "relevant"),
    [
        ("pregnant", f"((${{sex}} = '2' and {MARRIED} and ${{age}} >= 10 and ${{age}} <= 54)) and {HERE}"),
        ("nutrition", f"(${{age}} <= 4) and {HERE}"),
        ("school_aid", f"((${{age}} >= 5 and ${{age}} <= 30)) and {HERE}"),
        ("chronic_illness", HERE[1:-1]),
        ("aid_pkh_month", "${aid_pkh} = '1'"),
    ],
)
def test_v5_v6_v12_are_relevance_on_several_answers_and_nothing_is_asked_of_who_is_gone(
    name: str, relevant: str
) -> None:
    assert row_of(latest(), name)["relevant"] == relevant


def test_v8_a_caregiver_is_asked_for_where_one_of_several_holds() -> None:
    relevant = row_of(latest(), "caregiver")["relevant"]
    assert relevant.startswith(SEEING)
    assert "${difficulty_sadness} = '2'" in relevant


def test_v13_a_month_is_held_against_the_visit() -> None:
    row = row_of(latest(), "aid_pkh_month")
    assert (row["type"], row["appearance"]) == ("date", "month-year")
    assert "${visited_at}" in row["constraint"]
    assert "<= 12" in row["constraint"]
    assert row["constraint_message"].startswith("V13")


def test_codes_that_stand_alone_are_chosen_alone() -> None:
    row = row_of(latest(), "health_insurance")
    assert row["type"] == "select_multiple jamkes"
    assert "not(selected(., '99')) or count-selected(.) = 1" in row["constraint"]
    assert "not(selected(., '2') and selected(., '4'))" in row_of(latest(), "identity_documents")["constraint"]
