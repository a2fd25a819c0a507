"""A model's file: what it must say, and every way in which it is refused with a place and a code."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.questionnaire import Questionnaire, all_versions, latest
from stream_processors.ranking import model_file
from stream_processors.ranking.model import Model, contributions
from stream_processors.ranking.model_file import ModelRefused, parse
from stream_processors.ranking.variables import CATALOGUE, MISSING, NOT_ASKED
from tests.unit import ranking_oracle as oracle

if TYPE_CHECKING:
    from collections.abc import Iterable

HEAD = """
[model]
version = "m-1"
dpia_id = "D-1"
source = "a test"
illustrative = true
unit = "log rupiah"
intercept = 10.5
questionnaires = ["REGSOSEK22-K"]
"""
SEX = '[[term]]\nvariable = "head_sex"\ncodes = { 1 = 0.25, 2 = -0.000001 }\n'
POWER = '[[term]]\nvariable = "power_1"\nnot_asked = -1\ncodes = { 1 = 0, 2 = 1, 3 = 2, 4 = 3, 5 = 4 }\n'
CARS = '[[term]]\nvariable = "asset_car"\neach = 0.5\nat_most = 2\n'
AREA = '[[term]]\nvariable = "floor_area"\nbands = [{ to = 9, effect = -1 }, { to = 10, effect = 0 }, { effect = 1 }]\n'
WHOLE = HEAD + SEX + POWER + CARS + AREA


def model(text: str = WHOLE) -> Model:
    return parse(text.encode())


def test_a_score_is_the_intercept_and_every_answers_effect_in_whole_millionths() -> None:
    assert model().score((2, 3, 1, 10)) == 10_500_000 - 1 + 2_000_000 + 500_000 + 0


@pytest.mark.parametrize(("cars", "adds"), [(0, 0), (2, 1_000_000), (3, 1_000_000), (32_000, 1_000_000)])
def test_a_count_makes_no_difference_above_its_limit(cars: int, adds: int) -> None:
    assert {name: effect for name, _, effect in contributions(model(), (1, 1, cars, 1))}["asset_car"] == adds


@pytest.mark.parametrize(("area", "adds"), [(0, -1), (9, -1), (10, 0), (11, 1), (997, 1)])
def test_a_band_holds_up_to_its_end(area: int, adds: int) -> None:
    assert {name: effect for name, _, effect in contributions(model(), (1, 1, 0, area))}["floor_area"] == (
        adds * 1_000_000
    )


def test_what_a_skip_rule_left_out_has_an_effect_and_what_is_missing_has_none() -> None:
    assert model().score((1, NOT_ASKED, 0, 10)) == 10_500_000 + 250_000 - 1_000_000
    assert model().score((1, MISSING, 0, 10)) is None
    assert model().score((MISSING, 1, 0, 10)) is None
    assert model().score((1, 1, MISSING, 10)) is None


@pytest.mark.parametrize("code", [0, 3, 99, 32_000])
def test_a_code_that_is_none_gives_no_score(code: int) -> None:
    assert model().score((code, 1, 0, 10)) is None


def values_of(name: str) -> st.SearchStrategy[int]:
    variable = CATALOGUE[name]
    usual = st.sampled_from(sorted(variable.codes)) if variable.codes else st.integers(0, 1_200)
    return st.one_of(usual, st.sampled_from([MISSING, NOT_ASKED, 40]))


SHIPPED = parse(model_file.shipped())


@given(st.tuples(*(values_of(name) for name in SHIPPED.variables)))
def test_the_shipped_model_scores_as_a_few_lines_of_plain_python(values: tuple[int, ...]) -> None:
    plain = oracle.score(model_file.shipped(), dict(zip(SHIPPED.variables, values, strict=True)))
    assert SHIPPED.score(values) == (None if plain is None else plain * 1_000_000)


def test_the_shipped_model_says_loudly_that_it_is_illustrative() -> None:
    assert SHIPPED.illustrative
    assert "ILLUSTRATIVE" in model_file.shipped().decode().splitlines()[1]
    assert "not BPS'" in SHIPPED.source


def test_no_variable_is_a_key_or_sealed() -> None:
    assert not {"national_id", "name", "card_number", "head_name", "address_line", "geotag"} & CATALOGUE.keys()


UNSAID = HEAD.replace('questionnaires = ["REGSOSEK22-K"]', "")


def test_a_model_takes_the_versions_of_the_form_that_it_names() -> None:
    assert model().questionnaires == {"REGSOSEK22-K"}
    assert model().lacking == {}


def test_a_model_that_names_none_takes_every_version_that_asks_for_all_its_variables() -> None:
    assert model(UNSAID + SEX + POWER).questionnaires == all_versions().keys()
    assert SHIPPED.questionnaires == all_versions().keys()


def without(name: str) -> dict[str, Questionnaire]:
    """Return the versions, of which the earliest doesn't ask for this answer of the family."""
    first, *others = all_versions().values()
    shorter = replace(first, family=tuple(one for one in first.family if one.name != name))
    return {one.version: one for one in (shorter, *others)}


@pytest.mark.parametrize("name", ["power_1", "lighting"])
def test_a_version_that_lacks_a_variable_or_what_it_hangs_on_is_not_taken(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = without(name)
    lacking, *others = versions
    monkeypatch.setattr(model_file, "all_versions", lambda: versions)
    made = model(UNSAID + SEX + POWER)
    assert made.questionnaires == set(others)
    assert made.lacking == {lacking: "power_1"}
    with pytest.raises(ModelRefused, match=f"QUESTIONNAIRE_LACKS.*power_1 in {lacking}"):
        model(HEAD.replace("REGSOSEK22-K", lacking) + SEX + POWER)
    assert model(UNSAID + SEX + CARS).questionnaires == versions.keys()


def test_a_model_whose_variables_no_version_asks_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    only = next(iter(without("power_1").items()))
    monkeypatch.setattr(model_file, "all_versions", lambda: dict([only]))
    with pytest.raises(ModelRefused, match="QUESTIONNAIRE_LACKS: term"):
        model(UNSAID + SEX + POWER)


def test_what_a_variable_needs_is_asked_for_by_the_latest_version() -> None:
    asked = {one.name for one in (*latest().family, *latest().individual)}
    assert all(asked.issuperset(one.needs) for one in CATALOGUE.values())
    assert CATALOGUE["members"].needs == CATALOGUE["head_sex"].needs == ()
    assert CATALOGUE["water_distance"].needs == ("water", "water_distance")


def replaced(old: str, new: str) -> str:
    assert old in WHOLE
    return WHOLE.replace(old, new, 1)


BAD: Iterable[tuple[str, str, str]] = [
    ("MALFORMED", "file", "[model"),
    ("MALFORMED", "file", "[" * 5_000),
    ("MALFORMED", "file", "x = " + "1" * 5_000),
    ("TERM_MISSING", "term", HEAD),
    ("FIELD_UNKNOWN", "file", WHOLE + "[extra]\na = 1\n"),
    ("FIELD_UNKNOWN", "model", replaced('source = "a test"', 'source = "a test"\nauthor = "x"')),
    ("FIELD_MISSING", "model/dpia_id", replaced('dpia_id = "D-1"', "")),
    ("FIELD_MISSING", "model/version", replaced('"m-1"', '" "')),
    ("FIELD_MISSING", "model/illustrative", replaced("illustrative = true", 'illustrative = "no"')),
    ("FIELD_MISSING", "model/questionnaires", replaced('["REGSOSEK22-K"]', "[]")),
    ("QUESTIONNAIRE_UNKNOWN", "model/questionnaires", replaced('["REGSOSEK22-K"]', '["REGSOSEK22-K", "REGSOSEK30-K"]')),
    ("NUMBER", "model/intercept", replaced("10.5", "nan")),
    ("NUMBER", "model/intercept", replaced("10.5", "inf")),
    ("NUMBER", "model/intercept", replaced("10.5", "1e9")),
    ("NUMBER", "model/intercept", replaced("10.5", "1e-999999999")),
    ("NUMBER", "model/intercept", replaced("10.5", "true")),
    ("NUMBER", "model/intercept", replaced("10.5", '"10.5"')),
    ("NUMBER", "head_sex", replaced("-0.000001", "-0.0000001")),
    ("NUMBER", "head_sex", replaced("0.25", "0.1000000000000000000000000000000000000001")),
    ("VARIABLE_UNKNOWN", "term 1", replaced("head_sex", "shoe_size")),
    ("VARIABLE_UNKNOWN", "term 1", replaced("head_sex", "national_id")),
    ("VARIABLE_TWICE", "term 5", WHOLE + SEX),
    ("CODE_UNKNOWN", "head_sex", replaced("2 = -0.000001", "2 = 0, 3 = 1")),
    ("CODE_MISSING", "head_sex", replaced(", 2 = -0.000001", "")),
    ("SKIP_RULE", "power_1", replaced("not_asked = -1\n", "")),
    ("SKIP_RULE", "head_sex", replaced('"head_sex"', '"head_sex"\nnot_asked = 0')),
    ("SHAPE", "head_sex", replaced("codes = { 1 = 0.25, 2 = -0.000001 }", "each = 1\nat_most = 2")),
    ("SHAPE", "asset_car", replaced("each = 0.5\nat_most = 2", "codes = { 1 = 1 }")),
    ("SHAPE", "asset_car", replaced("each = 0.5", "each = 0.5\nbands = [{ effect = 1 }]")),
    ("NUMBER", "asset_car", replaced("at_most = 2", "")),
    ("NUMBER", "asset_car", replaced("at_most = 2", "at_most = -1")),
    ("NUMBER", "asset_car", replaced("at_most = 2", "at_most = 1000000000")),
    ("SHAPE", "bands", replaced("{ to = 10, effect = 0 }", "{ to = 8, effect = 0 }")),
    ("SHAPE", "bands", replaced(", { effect = 1 }", "")),
    ("SHAPE", "bands", replaced("{ to = 9, effect = -1 }", "{ effect = -1 }")),
    ("NUMBER", "bands", replaced("{ effect = 1 }", "{ effect = nan }")),
    ("FIELD_UNKNOWN", "bands", replaced("{ effect = 1 }", "{ effect = 1, from = 2 }")),
]


@pytest.mark.parametrize(("code", "place", "text"), BAD)
def test_a_file_that_is_no_model_is_refused_with_a_code_and_a_place(code: str, place: str, text: str) -> None:
    with pytest.raises(ModelRefused) as refused:
        model(text)
    assert refused.value.code == code
    assert place in refused.value.place


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ModelRefused, match="MALFORMED"):
        parse(b"\xff\xfe")


@given(st.text(max_size=200))
def test_no_text_makes_anything_but_a_model_or_a_refusal(text: str) -> None:
    with pytest.raises(ModelRefused):
        parse(text.encode("utf-8", "surrogatepass"))


@given(st.integers(0, len(WHOLE) - 1), st.sampled_from('=[]{}"0n\n '))
def test_a_file_with_one_letter_changed_is_a_model_or_refused(at: int, letter: str) -> None:
    with suppress(ModelRefused):
        assert model(WHOLE[:at] + letter + WHOLE[at + 1 :]).terms
