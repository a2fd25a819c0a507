"""How far an export has come, on disk beside its file: so that a killed one goes on, and hides no disclosure.

A chunk is disclosed, then its bytes are made durable in the file, then its line in the journal. What lies in the file
beyond the journal's last line is cut off when the export goes on, and disclosed again with its chunk: a chunk that may
have left twice is on record twice, never less. Must not know what a chunk holds.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final

_MODE: Final = 0o600


OF_ANOTHER: Final = "EXPORT_OF_ANOTHER_THERE"
SHORTENED: Final = "EXPORT_FILE_SHORTENED"


class JournalRefused(Exception):
    """`code` OF_ANOTHER: what lies there is another export's. SHORTENED: the file has less than the journal says."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Reached:
    """Where an export stands after a chunk: bytes, rows, persons and families left out so far, and after which family.

    `began_at` is when it first began (microseconds since 1970); `honey` whether the recipient's mark is in the file.
    """

    export_id: str
    terms: str
    began_at: int
    bytes: int = 0
    rows: int = 0
    persons: int = 0
    left_out: int = 0
    chunks: int = 0
    region: int = 0
    after: tuple[str, str, str] | None = None
    honey: bool = False


class Journal:
    """The file in the making and its journal; of one process at a time."""

    def __init__(self, part: Path, lines: IO[bytes], body: IO[bytes]) -> None:
        self._part = part
        self._lines = lines
        self._body = body

    def write(self, body: bytes, reached: Reached) -> None:
        """Have the bytes, then the line that says they are there, durable."""
        self._body.write(body)
        self._body.flush()
        os.fsync(self._body.fileno())
        self._lines.write(json.dumps(asdict(reached)).encode() + b"\n")
        self._lines.flush()
        os.fsync(self._lines.fileno())

    def digest(self) -> bytes:
        """Return the SHA-256 of the file so far."""
        with self._part.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()


def part_of(target: Path) -> Path:
    """Return where the file lies while it is made."""
    return target.with_name(f"{target.name}.part")


def journal_of(target: Path) -> Path:
    """Return where the journal of the file lies."""
    return target.with_name(f"{target.name}.journal")


@contextmanager
def opened(target: Path, beginning: Reached) -> Iterator[tuple[Journal, Reached]]:
    """Lend the journal, and where the export stands: at `beginning`, or where an earlier run of it broke off.

    Raises JournalRefused where what lies there is another export's.
    """
    reached = _last(journal_of(target)) or beginning
    if (reached.export_id, reached.terms) != (beginning.export_id, beginning.terms):
        raise JournalRefused(OF_ANOTHER)
    part = part_of(target)
    with _private(part) as body, _private(journal_of(target)) as lines:
        if body.seek(0, os.SEEK_END) < reached.bytes:
            raise JournalRefused(SHORTENED)
        body.truncate(reached.bytes)
        body.seek(reached.bytes)
        _cut(lines)
        yield Journal(part, lines, body), reached


def _private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, _MODE), "r+b")


def _cut(lines: IO[bytes]) -> None:
    """Cut off a line that was torn, and stand at the end."""
    whole = lines.read()
    end = whole.rfind(b"\n") + 1
    lines.truncate(end)
    lines.seek(end)


def _last(path: Path) -> Reached | None:
    if not path.exists():
        return None
    whole = [line for line in path.read_bytes().split(b"\n")[:-1] if line]
    if not whole:
        return None
    said = json.loads(whole[-1])
    said["after"] = tuple(said["after"]) if said["after"] is not None else None
    return Reached(**said)
