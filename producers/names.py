"""How alike two writings of a name are: titles, old spellings and short forms set aside, as a data file says.

A machine judges only what is clear; names between the two thresholds are a person's to judge. Knows text and nothing
else, and tells nobody what it read.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from rapidfuzz import fuzz

SHIPPED: Final = Path(__file__).with_name("names.toml")
_MOST: Final = 100
_NO_LETTER: Final = re.compile(r"[^A-Z ]+")
_MARKS: Final = re.compile(r"[.'`\u2019]")

Judged = Literal["same", "doubtful", "different"]


class NamesRefused(Exception):
    """A file of rules for names can't be used; the text says which value breaks what."""


@dataclass(frozen=True, slots=True)
class NameRules:
    """Thresholds of likeness, 0 to 100, and what is set aside before two names are compared."""

    version: str
    same: int
    different: int
    titles: frozenset[str]
    spelling: tuple[tuple[str, str], ...]
    short: Mapping[str, str]

    def plain(self, name: str) -> tuple[str, ...]:
        """Return the words of a name in their plain form; all of them where nothing but titles would be left out."""
        bare = "".join(one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one))
        words = _NO_LETTER.sub(" ", _MARKS.sub("", bare.upper())).split()
        kept = [word for word in words if word not in self.titles] or words
        return tuple(self._spelt(self.short.get(word, word)) for word in kept)

    def _spelt(self, word: str) -> str:
        for old, new in self.spelling:
            word = word.replace(old, new)
        return word

    def likeness(self, one: str, other: str) -> int:
        """Return how alike two names are, 0 to 100: words in any order, written together or apart."""
        ours, theirs = self.plain(one), self.plain(other)
        if not ours or not theirs:
            return 0
        whole = fuzz.ratio("".join(ours), "".join(theirs))
        sorted_whole = fuzz.ratio(" ".join(sorted(ours)), " ".join(sorted(theirs)))
        found = max(whole, sorted_whole)
        if found < self.different and (set(ours) <= set(theirs) or set(theirs) <= set(ours)):
            return self.different  # one name holds all words of the other: nothing that a machine may call different
        return int(found)

    def judged(self, one: str, other: str) -> tuple[Judged, int]:
        """Return whether two names are one, another, or a person's to judge; and their likeness."""
        found = self.likeness(one, other)
        return "same" if found >= self.same else "doubtful" if found >= self.different else "different", found


@cache
def rules(path: Path = SHIPPED) -> NameRules:
    """Return the rules in a file; raises NamesRefused for thresholds outside 0 to 100 or the wrong way round."""
    data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        same, different = data["same"], data["different"]
        found = NameRules(
            str(data["version"]),
            same,
            different,
            frozenset(data["titles"]),
            tuple(data["spelling"].items()),
            dict(data["short"]),
        )
    except KeyError as missing:
        raise NamesRefused(f"{path.name}: {missing.args[0]} is missing") from missing
    if not (isinstance(same, int) and isinstance(different, int) and 0 < different <= same <= _MOST):
        raise NamesRefused(f"{path.name}: 0 < different <= same <= 100, whole numbers")
    return found
