"""XML read in pieces, in bounded memory, with no entity but XML's own: a document type refuses the part.

Must not know what an element means.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, Final
from xml.parsers import expat

_CHUNK: Final = 1 << 16
LONGEST: Final = 1 << 20  # of one tag, comment or text: far beyond what a cell takes
_MOST_NAMES: Final = 500
Attributes = dict[str, str]
Start = Callable[[Attributes], None]
End = Callable[[], None]


class Damaged(Exception):
    """A part can't be read to its end, or says what no spreadsheet says."""


class _ByLocalName(dict[str, Any]):
    """What an element's name stands for, whatever prefix it is written with; None for one that isn't looked at."""

    def __missing__(self, name: str) -> Any:
        found = self.get(name.rpartition(":")[2])
        if len(self) < _MOST_NAMES:
            self[name] = found
        return found


class Markup:
    """Reads one part: calls what is given for the elements looked at, by their names without a prefix.

    `text` holds the character data since it was last cleared; it is kept between pieces while `inside` is set.
    """

    def __init__(self, starts: Mapping[str, Start], ends: Mapping[str, End]) -> None:
        self.text: list[str] = []
        self.inside = False
        self._starts, self._ends = _ByLocalName(starts), _ByLocalName(ends)

    def read(self, part: IO[bytes]) -> Iterator[None]:
        """Read the part, pausing after each piece; raises Damaged."""
        parser = self._parser()
        fed = 0
        try:
            while chunk := part.read(_CHUNK):
                parser.Parse(chunk)
                fed += len(chunk)
                self._bounded(fed - parser.CurrentByteIndex)
                yield
            parser.Parse(b"", True)
        except (expat.ExpatError, LookupError) as wrong:
            raise Damaged("no well-formed XML") from wrong
        yield

    def _parser(self) -> Any:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self.text.append
        parser.StartDoctypeDeclHandler = _refuse
        return parser

    def _start(self, name: str, attributes: Attributes) -> None:
        start = self._starts[name]
        if start is not None:
            start(attributes)

    def _end(self, name: str) -> None:
        end = self._ends[name]
        if end is not None:
            end()

    def _bounded(self, pending: int) -> None:
        if pending > LONGEST or sum(map(len, self.text)) > LONGEST:
            raise Damaged("a text longer than any cell's")
        if not self.inside:
            self.text.clear()


def _refuse(*_: object) -> None:
    raise Damaged("a document type, which could define entities")
