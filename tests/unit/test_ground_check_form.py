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

    assert bool(row["relevant"]) == (one.asked is not None)
    if one.asked is not None and one.asked.of:
        assert row["relevant"] == " or ".join(f"${{{one.asked.of}}} = '{code}'" for code in sorted(one.asked.codes))
    if one.kind == "whole":
        assert f". >= {one.first} and . <= {one.last}" in row["constraint"]
    if one.kind == "code":
        assert row["type"] == f"select_one {one.list_name}"
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


def test_the_form_tells_where_a_family_has_not_one_head() -> None:
    assert row_of(latest(), "heads_note")["label"].startswith("V14")


@pytest.mark.parametrize(("name", "age"), [("difficulty_seeing", 2), ("difficulty_sadness", 5)])
def test_v7_an_age_is_relevance_on_the_age(name: str, age: int) -> None:
    assert row_of(latest(), name)["relevant"] == f"${{age}} >= {age}"
