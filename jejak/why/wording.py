"""The sentences of `sentences.toml`: what a code means in plain Indonesian or English.

A code that has no sentence is told as itself, so that a new code is never an error; the reason codes of a rule file may
bring sentences of their own. Knows no family and no event.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

from schemas import regions
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
    """The sentences in one language; `own` are those that activated rule files give their reason codes."""

    language: Language
    own: Mapping[str, Mapping[Language, str]] = field(default_factory=dict)

    def line(self, name: str, **given: str) -> str:
        """Return a line of the frame, beginning with a capital; asking for one that isn't there is a fault."""
        return _capital(self.part(name, **given))

    def part(self, name: str, **given: str) -> str:
        """Return a part of the frame as it stands within a sentence."""
        return str(sentences()["line"][name][self.language]).format_map(_Given(given))

    def find(self, section: str, *names: str, **given: str) -> str | None:
        """Return the sentence of the first of these names that has one, None where none has."""
        table: Any = sentences()
        for part in section.split("/"):
            table = table.get(part, {})
        known = next((table[name] for name in names if name in table), None)
        return None if known is None else str(known[self.language]).format_map(_Given(given))

    def said(self, section: str, *names: str, **given: str) -> str | None:
        """Return likewise what begins a line, with a capital."""
        found = self.find(section, *names, **given)
        return None if found is None else _capital(found)

    def code(self, code: str, section: str = "code") -> str:
        """Return what a code means, with the code behind it; a code without a sentence alone.

        What stands after a colon, as in VARIABLE_MISSING:roof, is kept as it is.
        """
        own = self.own.get(code, {}).get(self.language) if section == "code" else None
        found = own or self.find(section, code, code.partition(":")[0])
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
        return self.part("area", who=who, area=place(area)) if area else who

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

    def score(self, millionths: int) -> str:
        """Return the size of a score or effect, as this language writes it, without what rounds to nothing."""
        text = f"{abs(millionths) / 1_000_000:.6f}".rstrip("0").rstrip(".")
        return text.replace(".", ",") if self.language == "id" else text

    def any_of(self, parts: Iterable[str]) -> str:
        """Return alternatives, each once, in their order."""
        return f" {self.part('or')} ".join(dict.fromkeys(parts))

    def all_of(self, parts: Iterable[str]) -> str:
        """Return what belongs together, in its order: `1, 2 and 3`."""
        *some, last = parts
        return f"{', '.join(some)} {self.part('and')} {last}" if some else last


def place(code: str) -> str:
    """Return a region by its name and code, by its code alone where no name is known."""
    name = regions.name_of(regions.kemendagri(code))
    return code if name is None else f"{name} ({code})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
