"""What each rule's code means, in a sentence of Indonesian and one of English; and a fault as code, column, figures.

The sentences are data (`messages.toml`), so that an official reads and mends them. A fault never holds a value of a
person: only figures, row numbers and names of columns. Must not know files or sources.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal

Language = Literal["id", "en"]
Severity = Literal["reject", "warn", "flag"]
_NOTHING: Final[Mapping[str, str | int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Message:
    """One code's severity and sentences; braces in a sentence name the figures that a fault fills in."""

    code: str
    severity: Severity
    sentence: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fault:
    """The rule that was broken, in which column (empty: the row), and the figures its sentence names."""

    rule: str
    column: str = ""
    figures: Mapping[str, str | int] = field(default_factory=lambda: _NOTHING)

    @property
    def severity(self) -> Severity:
        """How much it weighs: a rejected row is no change, a warning or flag rides on one."""
        return table()[self.rule].severity

    def sentence(self, language: Language) -> str:
        """Return the sentence; a code without one is a LookupError, since every code has both."""
        return table()[self.rule].sentence[language].format_map(_Figures(self.figures))


class _Figures(dict[str, str | int]):
    """Figures by name; one that the fault's maker didn't give reads as an ellipsis."""

    def __missing__(self, key: str) -> str:
        return "…"


@cache
def table() -> Mapping[str, Message]:
    """Return every message by its code."""
    said = tomllib.loads((files("producers") / "messages.toml").read_text("utf-8"))
    return MappingProxyType(
        {code: Message(code, one["severity"], {"id": one["id"], "en": one["en"]}) for code, one in said.items()}
    )


def sentence(rule: str, language: Language) -> str:
    """Return the sentence of a code that comes with no figures; empty for a code of another room (the fold's)."""
    return Fault(rule).sentence(language) if rule in table() else ""
