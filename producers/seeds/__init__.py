"""The printed tables of the five source documents, transcribed, read and checked.

Each TOML file here holds one document's tables exactly as printed, with heading and period. Reading gives frozen
values; what deviates from the rules of section 9 of the domain guide is reported beside them and never repaired. Names,
telephone numbers and addresses of staff and signatories are not transcribed. Must not know topics, families or persons.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from producers.seeds import babel, briefing, dairi, kediri, tnp2k
from producers.seeds.metadata import Check
from producers.seeds.reading import read_document
from producers.seeds.tables import (
    Document,
    Finding,
    ReferenceCell,
    ReferenceColumn,
    ReferenceRow,
    ReferenceTable,
    Source,
)

__all__ = [
    "Finding",
    "ReferenceCell",
    "ReferenceColumn",
    "ReferenceRow",
    "ReferenceTable",
    "Source",
    "load_tables",
    "read_tables",
]

FILES: Final = ("000_babel.toml", "001_dairi.toml", "002_kediri.toml", "003_briefing.toml", "004_tnp2k.toml")


def _as_printed(document: Document) -> Document:
    return document


_RULES: Final[Mapping[str, tuple[Callable[[Document], Document], tuple[Check, ...]]]] = MappingProxyType(
    {
        "babel-2023": (_as_printed, babel.CHECKS),
        "dairi-2023": (_as_printed, dairi.CHECKS),
        "kediri-2024": (kediri.compute, kediri.CHECKS),
        "groundcheck-2025": (briefing.compute, briefing.CHECKS),
        "tnp2k-2017": (tnp2k.compute, tnp2k.CHECKS),
    }
)


def read_tables(text: str) -> tuple[ReferenceTable, ...]:
    """Return the tables of one transcribed document with computed values and every finding; pure given the text."""
    name, printed = read_document(text)
    compute, checks = _RULES[name]
    document = compute(printed)
    findings = [finding for check in checks for finding in check(document)]
    return tuple(
        replace(table, findings=(*table.findings, *(f for f in findings if f.table == table.name)))
        for table in document.values()
    )


@cache
def load_tables() -> tuple[ReferenceTable, ...]:
    """Return the tables of all five documents, in the order of the documents; the packaged files are read once."""
    texts = (files("producers.seeds").joinpath(name).read_text(encoding="utf-8") for name in FILES)
    return tuple(table for text in texts for table in read_tables(text))
