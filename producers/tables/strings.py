"""The texts that a workbook's cells share, by their place in its list: sealed outside memory, a few blocks at hand.

Cells name most of their texts near each other, in the order the list has, so few blocks are enough. Must not know
cells.
"""

import re
from array import array
from bisect import bisect_right
from collections import OrderedDict
from typing import IO, Final

from producers.tables.markup import LONGEST, Attributes, Damaged, Markup
from producers.tables.scratch import Scratch

_BLOCK_TEXTS: Final = 512
_BLOCK_CHARACTERS: Final = 1 << 15
_AT_HAND: Final = 64
_BETWEEN: Final = "\x00"  # no XML holds it
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
_SURROGATES: Final = range(0xD800, 0xE000)


class SharedStrings:
    """Texts by their place, from 0."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._firsts, self._blocks = array("Q"), array("Q")
        self._open: list[str] = []
        self._held = self._count = 0
        self._hot: OrderedDict[int, list[str]] = OrderedDict()

    def add(self, text: str) -> None:
        """Add the next text."""
        self._open.append(text)
        self._held += len(text)
        if len(self._open) >= _BLOCK_TEXTS or self._held >= _BLOCK_CHARACTERS:
            self.close()

    def close(self) -> None:
        """Keep what was added; texts are asked for afterwards."""
        if self._open:
            self._firsts.append(self._count)
            self._blocks.append(self._scratch.put(_BETWEEN.join(self._open).encode()))
            self._count += len(self._open)
            self._open, self._held = [], 0

    def __getitem__(self, place: int) -> str:
        """Return the text at a place; one the list doesn't have is Damaged."""
        if not 0 <= place < self._count:
            raise Damaged("a cell names a text that isn't there")
        at = bisect_right(self._firsts, place) - 1
        return self._block(at)[place - self._firsts[at]]

    def _block(self, at: int) -> list[str]:
        found = self._hot.get(at)
        if found is None:
            text = self._scratch.get(self._blocks[at]).decode()
            found = self._hot[at] = [unescaped(one) for one in text.split(_BETWEEN)]
            if len(self._hot) > _AT_HAND:
                self._hot.popitem(last=False)
        else:
            self._hot.move_to_end(at)
        return found


class Runs:
    """Gathers the text of an item from its runs, phonetic guides left out; `markup` reads a part with it."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.markup: Markup
        self._phonetic = False
        self._length = 0

    def phonetic(self, _: Attributes) -> None:
        """Begin a phonetic guide: its text isn't the cell's."""
        self._phonetic = True

    def spoken(self) -> None:
        """End a phonetic guide."""
        self._phonetic = False

    def begin(self, _: Attributes) -> None:
        """Begin a run's text."""
        self.markup.text.clear()
        self.markup.inside = True

    def end(self) -> None:
        """End a run's text."""
        self.markup.inside = False
        if not self._phonetic:
            self.parts.append("".join(self.markup.text))
            self._length += len(self.parts[-1])
            if self._length > LONGEST:
                raise Damaged("a text longer than any cell's")

    def taken(self) -> str:
        """Return the item's text, and begin the next."""
        text = self.parts[0] if len(self.parts) == 1 else "".join(self.parts)
        self.drop()
        return text

    def drop(self) -> None:
        """Forget what was gathered: it belonged to no item."""
        self.parts.clear()
        self._length = 0


def shared_strings(part: IO[bytes], scratch: Scratch) -> SharedStrings:
    """Return the texts of a workbook's part of shared strings; raises Damaged."""
    found, runs = SharedStrings(scratch), Runs()
    runs.markup = Markup(
        {"t": runs.begin, "rPh": runs.phonetic},
        {"t": runs.end, "rPh": runs.spoken, "si": lambda: found.add(runs.taken())},
    )
    for _ in runs.markup.read(part):
        pass
    found.close()
    return found


def unescaped(text: str) -> str:
    """Return a workbook's text with its escapes (`_x000D_`) as the characters they stand for."""
    return _ESCAPED.sub(_character, text) if "_x" in text else text


def _character(found: re.Match[str]) -> str:
    number = int(found[1], 16)
    return "\ufffd" if number in _SURROGATES else chr(number)
