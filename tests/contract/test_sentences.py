"""Every code that a person may meet has a sentence in both languages."""

from __future__ import annotations

import ast
import string
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from jejak.why.wording import LANGUAGES, Words, sentences
from stream_processors.ranking.variables import CATALOGUE
from stream_processors.registry import aid, codes
from stream_processors.registry.decision import EventRecord
from stream_processors.registry.machines.table import machines
from stream_processors.registry.ruleset import EXCLUSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

REGISTRY = Path(__file__).parents[2] / "stream_processors" / "registry"
RECORDS = sorted(one.__name__ for one in get_args(EventRecord))
_NAMES = frozenset(
    {"who", "member", "kind", "outcome", "programme", "region", "run", "decile", "period", "amount", "proposer"}
)


def refused_with() -> Iterator[str]:
    """Yield each code that the registry's rules refuse with, as their source spells it."""
    for path in sorted(REGISTRY.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    yield str(first.value)
    yield from (guard for one in machines().values() for row in one.rows for guard in row.guards)
    yield from (f"V{number}" for number in range(1, 16))
    yield from ("OBJECTION_UNKNOWN", "TASK_UNKNOWN")


def told_codes() -> Iterator[str]:
    """Yield each outcome, reason and kind of the registry's lists, tables and rule files."""
    yield from codes.PADAN_STATUSES | codes.END_REASONS | codes.CONTEST_REASONS | codes.PROPOSAL_KINDS | codes.PROPOSERS
    yield from EXCLUSIONS
    yield from aid.WAITLIST_REASONS | {aid.HELD, aid.WAITING, aid.SUSPENDED, aid.GRACE, aid.STOPPED}
    for one in machines().values():
        yield from (row.outcome for row in one.rows if row.outcome and not row.outcome.isdigit())
        for listed in one.codes.values():
            yield from listed
    for path in (REGISTRY / "rules").glob("*.toml"):
        yield from (row["code"] for row in tomllib.loads(path.read_text(encoding="utf-8")).get("rule", ()))


def entries(table: Any, *names: str) -> Iterator[tuple[str, dict[str, str]]]:
    for name, value in table.items():
        if set(value) == set(LANGUAGES):
            yield "/".join((*names, name)), value
        else:
            yield from entries(value, *names, name)


def named(sentence: str) -> set[str]:
    return {part[1] for part in string.Formatter().parse(sentence) if part[1]}


ENTRIES = dict(entries({name: table for name, table in sentences().items() if name != "months"}))


@pytest.mark.parametrize("section", ["record", "next"])
def test_every_record_that_a_family_s_history_holds_has_a_sentence(section: str) -> None:
    known = sentences()[section]
    decided_here = {"EligibilityDecided"}  # nobody says it: it is never a step to come, nor refused
    assert [one for one in RECORDS if one not in known and not (section == "next" and one in decided_here)] == []


def test_every_code_of_refusal_has_a_sentence() -> None:
    assert sorted(set(refused_with()) - sentences()["rule"].keys()) == []


def test_every_outcome_reason_and_kind_has_a_sentence() -> None:
    assert sorted(set(told_codes()) - sentences()["code"].keys()) == []


def test_every_state_of_every_machine_has_a_sentence_and_none_is_left_over() -> None:
    assert {name: set(table) for name, table in sentences()["state"].items()} == {
        name: set(one.states) for name, one in machines().items()
    }
    assert sentences()["machine"].keys() == machines().keys()


def test_every_agency_that_a_row_names_has_a_sentence() -> None:
    assert sorted({actor for one in machines().values() for row in one.rows for actor in row.actors}) == sorted(
        sentences()["agency"]
    )


def test_every_variable_of_the_ranking_and_every_programme_has_a_name() -> None:
    assert sentences()["variable"].keys() == CATALOGUE.keys()
    files = [tomllib.loads(path.read_text(encoding="utf-8")) for path in (REGISTRY / "rules").glob("*-*.toml")]
    assert sorted({one["programme"] for one in files} - sentences()["programme"].keys()) == []


def test_both_languages_of_a_sentence_name_the_same_values() -> None:
    fields = {name: [named(both[one]) for one in LANGUAGES] for name, both in ENTRIES.items()}
    assert [name for name, (indonesian, english) in fields.items() if indonesian != english] == []
    assert [name for name, found in fields.items() if name.startswith("record/") and not found[0] <= _NAMES] == []


def test_no_sentence_is_empty() -> None:
    assert [name for name, both in ENTRIES.items() if not all(both[one].strip() for one in LANGUAGES)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_code_without_a_sentence_is_told_as_itself(language: Any) -> None:
    words = Words(language)
    assert words.code("A_CODE_OF_TOMORROW") == "A_CODE_OF_TOMORROW"
    assert words.code("A_CODE_OF_TOMORROW", "rule") == "A_CODE_OF_TOMORROW"
    assert words.agency("bappeda/35.71").endswith("Kota Kediri (35.71)")
    assert words.codes(("VARIABLE_MISSING:roof",)).endswith("(VARIABLE_MISSING:roof)")
