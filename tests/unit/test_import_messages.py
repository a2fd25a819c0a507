"""Every code that a file's report can hold has a weight and a sentence in both languages, as data."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from identity import rules
from producers import messages
from producers.messages import Fault
from producers.sources import SOURCES
from producers.tables import dates, kinds
from schemas.regions import FindingCode
from stream_processors.registry.codes import PADAN_STATUSES

PRODUCERS = Path(messages.__file__).parent
TABLE = messages.table()


def figures(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def codes_in_the_code() -> set[str]:
    """Return the codes that the importers and the rules of identity write down."""
    text = "\n".join(
        path.read_text("utf-8")
        for path in PRODUCERS.rglob("*.py")
        if not {"simulation", "seeds"} & set(path.relative_to(PRODUCERS).parts)
    )
    found = set(re.findall(r'Fault\(\s*"([A-Z][A-Z0-9_]+)"', text))
    found |= set(
        re.findall(r'"((?:[A-Z0-9]+_)+(?:GANDA|FORMAT|ABSENT|MIXED|BEDA|DICETAK|KOSONG|DIKENAL|CAMPUR))"', text)
    )
    identity = Path(rules.__file__).read_text("utf-8")
    found |= set(re.findall(r'IdentityFinding\("([A-Z0-9_]+)"', identity)) | set(
        re.findall(r'\("([NK][IK]K?_[A-Z]+)"', identity)
    )
    found |= {f"{kind}_{part}" for kind in ("NIK", "KK") for part in ("DAY", "MONTH", "DATE", "SERIAL", "PROVINCE")}
    return found | set(FindingCode.__args__) | {"ERASED", "CODE_UNKNOWN"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("code", sorted(TABLE))
def test_a_code_has_a_weight_and_a_sentence_in_both_languages(code: str) -> None:
    message = TABLE[code]
    assert message.severity in {"reject", "warn", "flag"}
    for language in ("id", "en"):
        assert len(message.sentence[language]) > 10
        assert message.sentence[language].endswith(".")
    assert message.sentence["id"] != message.sentence["en"]
    assert figures(message.sentence["id"]) == figures(message.sentence["en"])


def test_every_code_that_can_be_told_is_in_the_table() -> None:
    codes = codes_in_the_code()
    assert len(codes) > 60
    assert codes - PADAN_STATUSES <= set(TABLE)


def test_a_fault_without_a_sentence_is_a_fault_of_ours() -> None:
    with pytest.raises(LookupError):
        Fault("NOBODY_WROTE_THIS").sentence("id")


def test_a_sentence_names_the_figures_it_was_given_and_leaves_open_what_it_was_not() -> None:
    assert "7" in Fault("DOUBLED_ROW", "", {"row": 7}).sentence("id")
    assert "…" in Fault("DOUBLED_ROW").sentence("en")


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_a_layout_asks_for_kinds_and_formats_that_there_are(source: str) -> None:
    layout = SOURCES[source].layout
    assert set(layout.dates) <= set(dates.SHOWN)
    assert layout.numbers in kinds.NUMBER_FORMATS
    assert {column.kind for column in layout.columns} <= set(kinds._KINDS)
    forms = sum(column.form is not None and not column.above for column in layout.columns)
    assert 0 < layout.shift < forms


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_the_page_for_engineers_shows_every_column_with_its_synonyms(source: str) -> None:
    page = (PRODUCERS.parent / "docs" / "importing.md").read_text("utf-8")
    section = page.split(f": `{source}`\n", 1)[1].split("\n## ", 1)[0]
    for column in SOURCES[source].layout.columns:
        line = next(line for line in section.splitlines() if line.startswith(f"| `{column.name}` |"))
        assert all(head in line for head in column.also), column.name
        assert ("above" in line.rsplit("|", 2)[1]) == column.above
