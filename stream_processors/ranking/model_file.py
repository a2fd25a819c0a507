"""Reads a scoring model from its file: every variable and code known, every number exact, nothing left out.

A file that leaves something open is refused, with the place and what to mend. Must not know families or scores.
"""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from importlib import resources
from typing import Any, Final

from schemas.questionnaire import all_versions
from stream_processors.ranking.model import OFFSET, Model, Term
from stream_processors.ranking.variables import CATALOGUE, MISSING, NOT_ASKED, Variable

_PLACES: Final = 6
_LARGEST_EFFECT: Final = 1_000
_MOST_STEPS: Final = 1_000
_HEAD: Final = frozenset({"version", "dpia_id", "source", "illustrative", "unit", "intercept", "questionnaires"})
_TERM: Final = frozenset({"variable", "not_asked", "codes", "each", "at_most", "bands"})
_NAMED: Final = "model/questionnaires"
_SHIPPED: Final = "pmt-illustrative-1.toml"


class ModelRefused(Exception):
    """The file is no model; `code` says why, `place` where in it, and `text` what to mend."""

    def __init__(self, code: str, place: str, text: str) -> None:
        super().__init__(f"{code}: {place}: {text}")
        self.code = code
        self.place = place
        self.text = text


def shipped() -> bytes:
    """Return the model file of this build: illustrative, ours, nobody's policy."""
    return resources.files("stream_processors.ranking").joinpath("models", _SHIPPED).read_bytes()


def parse(text: bytes) -> Model:
    """Return the model in a file; raises ModelRefused for anything a model can't say or leaves out."""
    try:
        read = tomllib.loads(text.decode("utf-8"), parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as fault:
        raise ModelRefused("MALFORMED", "file", f"not TOML in UTF-8: {fault}") from fault
    _only(read, frozenset({"model", "term"}), "file")
    head = _table(read.get("model"), "model")
    _only(head, _HEAD, "model")
    terms = read.get("term")
    if not isinstance(terms, list) or not terms:
        raise ModelRefused("TERM_MISSING", "term", "a model has at least one [[term]]")
    made = tuple(_term(_table(one, f"term {number}"), f"term {number}") for number, one in enumerate(terms, 1))
    _once(made)
    lacking = _lacking(made)
    return Model(
        version=_text(head, "version"),
        dpia_id=_text(head, "dpia_id"),
        source=_text(head, "source"),
        illustrative=_flag(head),
        unit=_text(head, "unit"),
        intercept=_millionths(head.get("intercept"), "model/intercept"),
        questionnaires=_questionnaires(head, lacking),
        terms=made,
        variables=tuple(term.variable for term in made),
        digest=hashlib.sha256(text).digest(),
        lacking=lacking,
    )


def _lacking(terms: Sequence[Term]) -> Mapping[str, str]:
    """Return each version of the questionnaire that doesn't ask for what a term needs, with the first such variable."""
    found: dict[str, str] = {}
    for version, one in all_versions().items():
        asked = {question.name for question in (*one.family, *one.individual)}
        lacks = [term.variable for term in terms if not asked.issuperset(CATALOGUE[term.variable].needs)]
        if lacks:
            found[version] = lacks[0]
    return found


def _questionnaires(head: Mapping[str, Any], lacking: Mapping[str, str]) -> frozenset[str]:
    """Return the versions that the file names, or else every one that asks for all that the terms need."""
    if "questionnaires" not in head:
        found = all_versions().keys() - lacking.keys()
        if not found:
            raise ModelRefused("QUESTIONNAIRE_LACKS", "term", f"no version of the form asks for all: {_told(lacking)}")
        return frozenset(found)
    named = _names(head["questionnaires"])
    if unknown := sorted(named - all_versions().keys()):
        listed = ", ".join(all_versions())
        raise ModelRefused("QUESTIONNAIRE_UNKNOWN", _NAMED, f"no form {', '.join(unknown)}; there is {listed}")
    if lacks := {version: lacking[version] for version in sorted(named & lacking.keys())}:
        raise ModelRefused("QUESTIONNAIRE_LACKS", _NAMED, f"a form doesn't ask for it: {_told(lacks)}")
    return named


def _told(lacking: Mapping[str, str]) -> str:
    return ", ".join(f"{variable} in {version}" for version, variable in lacking.items())


def _once(terms: Sequence[Term]) -> None:
    seen: set[str] = set()
    for number, term in enumerate(terms, 1):
        if term.variable in seen:
            raise ModelRefused("VARIABLE_TWICE", f"term {number}", f"{term.variable} has a term already")
        seen.add(term.variable)


def _term(table: Mapping[str, Any], place: str) -> Term:
    _only(table, _TERM, place)
    name = table.get("variable")
    variable = CATALOGUE.get(name) if isinstance(name, str) else None
    if variable is None:
        raise ModelRefused("VARIABLE_UNKNOWN", place, f"variable is one of {', '.join(sorted(CATALOGUE))}")
    place = f"{place} ({variable.name})"
    skipped = _not_asked(table, variable, place)
    shapes = [shape for shape in ("codes", "each", "bands") if shape in table]
    if len(shapes) != 1:
        raise ModelRefused("SHAPE", place, "exactly one of codes, each, bands")
    if bool(variable.codes) != (shapes == ["codes"]):
        kind = "codes" if variable.codes else "each or bands"
        raise ModelRefused("SHAPE", place, f"this variable takes {kind}")
    effects = {"codes": _codes, "each": _each, "bands": _bands}[shapes[0]](table, variable, place)
    by_value: dict[int, int | None] = {MISSING: None, NOT_ASKED: skipped}
    return Term(variable.name, tuple(by_value.get(value) for value in range(-OFFSET, 0)) + effects)


def _not_asked(table: Mapping[str, Any], variable: Variable, place: str) -> int | None:
    if ("not_asked" in table) != variable.may_be_skipped:
        rule = "needs" if variable.may_be_skipped else "takes no"
        raise ModelRefused("SKIP_RULE", place, f"{rule} effect `not_asked`: see the questionnaire's skip rules")
    return _millionths(table["not_asked"], f"{place}/not_asked") if variable.may_be_skipped else None


Effects = tuple[int | None, ...]


def _codes(table: Mapping[str, Any], variable: Variable, place: str) -> Effects:
    given = _table(table["codes"], f"{place}/codes")
    listed = {str(code) for code in variable.codes}
    if unknown := sorted(given.keys() - listed):
        raise ModelRefused(
            "CODE_UNKNOWN", place, f"{variable.name} ({variable.field}) has no code {', '.join(unknown)}"
        )
    if missing := sorted(listed - given.keys(), key=int):
        raise ModelRefused("CODE_MISSING", place, f"no effect for code {', '.join(missing)}")
    effects = {int(code): _millionths(effect, f"{place}/codes/{code}") for code, effect in given.items()}
    return (*(effects.get(value) for value in range(max(effects) + 1)), None)


def _each(table: Mapping[str, Any], _: Variable, place: str) -> Effects:
    most = _whole(table.get("at_most"), f"{place}/at_most")
    effect = _millionths(table["each"], f"{place}/each")
    return tuple(effect * value for value in range(most + 1))


def _bands(table: Mapping[str, Any], _: Variable, place: str) -> Effects:
    if "at_most" in table:
        raise ModelRefused("SHAPE", place, "at_most goes with each")
    given = table["bands"]
    if not isinstance(given, list) or not given:
        raise ModelRefused(
            "SHAPE", f"{place}/bands", "bands is a list of { to = 3, effect = 0.1 }, the last without to"
        )
    effects: list[int] = []
    for number, one in enumerate(given, 1):
        where = f"{place}/bands {number}"
        band = _table(one, where)
        _only(band, frozenset({"to", "effect"}), where)
        if (number == len(given)) == ("to" in band):
            raise ModelRefused("SHAPE", where, "every band but the last says up to which value (to)")
        last = _whole(band["to"], where) if "to" in band else len(effects)
        if last < len(effects):
            raise ModelRefused("SHAPE", where, "bands rise")
        effects += [_millionths(band.get("effect"), where)] * (last + 1 - len(effects))
    return tuple(effects)


def _only(table: Mapping[str, Any], known: frozenset[str], place: str) -> None:
    if unknown := sorted(table.keys() - known):
        raise ModelRefused("FIELD_UNKNOWN", place, f"no {', '.join(unknown)}; there is {', '.join(sorted(known))}")


def _table(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ModelRefused("MALFORMED", place, "this is a table")
    return value


def _text(head: Mapping[str, Any], name: str) -> str:
    value = head.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ModelRefused("FIELD_MISSING", f"model/{name}", "a text that isn't empty")
    return value


def _flag(head: Mapping[str, Any]) -> bool:
    value = head.get("illustrative")
    if not isinstance(value, bool):
        raise ModelRefused(
            "FIELD_MISSING", "model/illustrative", "true or false: whether the model decides about nobody"
        )
    return value


def _names(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one for one in value):
        raise ModelRefused("FIELD_MISSING", _NAMED, "the versions of the form whose answers it takes")
    return frozenset(value)


def _whole(value: object, place: str) -> int:
    if type(value) is not int or not 0 <= value <= _MOST_STEPS:
        raise ModelRefused("NUMBER", place, f"a whole number from 0 to {_MOST_STEPS}")
    return value


def _millionths(value: object, place: str) -> int:
    """Return a decimal number as whole millionths; no NaN, no infinity, nothing that would have to be rounded."""
    if type(value) is not int and not isinstance(value, Decimal):
        raise ModelRefused("NUMBER", place, "a decimal number")
    number = Decimal(value)
    if not number.is_finite() or abs(number) > _LARGEST_EFFECT:
        raise ModelRefused("NUMBER", place, f"a decimal number from -{_LARGEST_EFFECT} to {_LARGEST_EFFECT}")
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_PLACES:
        raise ModelRefused("NUMBER", place, f"at most {_PLACES} decimal places")
    return int(number.scaleb(_PLACES))
