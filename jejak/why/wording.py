"""The sentences of `sentences.toml`: what a code means in plain Indonesian or English.

A code that has no sentence is told as itself, so that a new code is never an error. Knows no family and no event.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

from stream_processors.registry import calendar

Language = Literal["id", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("id", "en")
_Table = Mapping[str, Any]


@cache
def sentences() -> _Table:
    """Return the file: per section and code, a sentence in each language."""
    found: _Table = tomllib.loads(resources.files("jejak.why").joinpath("sentences.toml").read_text(encoding="utf-8"))
    return found


class _Given(dict[str, str]):
    """Values of a sentence; one that isn't given is a dash."""

    def __missing__(self, name: str) -> str:
        return "-"


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences in one language."""

    language: Language

    def line(self, name: str, **given: str) -> str:
        """Return a line of the frame; asking for one that isn't there is a fault of the build."""
        return str(sentences()["line"][name][self.language]).format_map(_Given(given))

    def find(self, section: str, *names: str, **given: str) -> str | None:
        """Return the sentence of the first of these names that has one, None where none has."""
        table: Any = sentences()
        for part in section.split("/"):
            table = table.get(part, {})
        known = next((table[name] for name in names if name in table), None)
        return None if known is None else str(known[self.language]).format_map(_Given(given))

    def code(self, code: str, section: str = "code") -> str:
        """Return what a code means, with the code behind it; a code without a sentence alone.

        What stands after a colon, as in VARIABLE_MISSING:roof, is kept as it is.
        """
        found = self.find(section, code, code.partition(":")[0])
        return code if found is None else f"{found} ({code})"

    def plain(self, code: str, section: str = "code") -> str:
        """Return what a code means; the code where it has no sentence."""
        return self.find(section, code) or code

    def codes(self, codes: Iterable[str]) -> str:
        """Return what several codes mean, in their order."""
        return "; ".join(self.code(one) for one in codes)

    def agency(self, agency: str) -> str:
        """Return who an agency is: its kind, and its area where it has one; never an officer."""
        kind, _, area = agency.partition("/")
        who = self.plain(kind, "agency")
        return self.line("area", who=who, area=area) if area else who

    def day(self, micros: int) -> str:
        """Return the day (WIB) of a time in microseconds."""
        moment = calendar.moment(micros)
        return f"{moment.day} {sentences()['months'][self.language][moment.month - 1]} {moment.year}"

    def month(self, period: int) -> str:
        """Return a month as agencies write it (202503) in words; what is none is told as it is."""
        if not calendar.is_month(period):
            return str(period)
        return f"{sentences()['months'][self.language][period % 100 - 1]} {period // 100}"

    def rupiah(self, amount: int) -> str:
        """Return an amount with its thousands set apart as this language does."""
        return f"{amount:,}".replace(",", "." if self.language == "id" else ",")

    def any_of(self, parts: Iterable[str]) -> str:
        """Return alternatives, each once, in their order."""
        return f" {self.line('or')} ".join(dict.fromkeys(parts))
