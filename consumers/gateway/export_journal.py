"""How far an export has come, on disk beside its file: so that a killed one goes on, and hides no disclosure.

A chunk is disclosed, then its bytes are made durable in the file, then its line in the journal. What lies in the file
beyond the journal's last line is cut off when the export goes on, and disclosed again with its chunk: a chunk that may
have left twice is on record twice, never less. The journal names by reference whose rows a chunk holds, so that an
erasure finds them; it goes with the hand-over. Must not know what else a chunk holds.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final

_MODE: Final = 0o600


OF_ANOTHER: Final = "EXPORT_OF_ANOTHER_THERE"
SHORTENED: Final = "EXPORT_FILE_SHORTENED"
UNREADABLE: Final = "EXPORT_JOURNAL_UNREADABLE"


class JournalRefused(Exception):
    """`code` OF_ANOTHER: what lies there is another export's. SHORTENED: the file has less than the journal says.

    UNREADABLE: the journal is another build's, or none.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Reached:
    """Where an export stands after a chunk: bytes, rows, persons and families left out so far, and after which family.

    `began_at` is when it first began (microseconds since 1970); `honey` whether the recipient's mark is in the file.
    `owners` are the families and persons whose rows this one chunk added, by reference: whose erasure undoes the file.
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
    owners: tuple[str, ...] = ()


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

    def owners(self) -> frozenset[str]:
        """Return the families and persons whose rows are in the file."""
        self._lines.seek(0)
        return _owners(self._lines.read())  # which leaves it at the end, where the next line goes

    def drop(self) -> None:
        """Have every row gone, durably; the export stands at its beginning."""
        for file in (self._lines, self._body):  # a file without a journal is cut when the export goes on
            file.seek(0)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())

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


def concerns(target: Path, owners: Collection[str]) -> bool:
    """Tell whether the file in the making may hold rows of one of these families or persons, or nobody knows whose."""
    journal, part = journal_of(target), part_of(target)
    lines = journal.read_bytes() if journal.exists() else b""
    if b"\n" not in lines:
        return part.exists() and part.stat().st_size > 0
    try:
        return not _owners(lines).isdisjoint(owners)
    except JournalRefused:
        return True


def owners_of(target: Path) -> frozenset[str]:
    """Return the families and persons whose rows the file in the making holds, none where there is no journal."""
    journal = journal_of(target)
    return _owners(journal.read_bytes()) if journal.exists() else frozenset()


def drop(target: Path) -> None:
    """Remove the file in the making and its journal; nobody may be writing it."""
    for path in (journal_of(target), part_of(target)):  # a journal that has more than its file would not go on
        path.unlink(missing_ok=True)


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


def _owners(lines: bytes) -> frozenset[str]:
    return frozenset(owner for line in _whole(lines) for owner in _reached(line).owners)


def _whole(lines: bytes) -> list[bytes]:
    return [line for line in lines.split(b"\n")[:-1] if line]


def _last(path: Path) -> Reached | None:
    whole = _whole(path.read_bytes()) if path.exists() else []
    return _reached(whole[-1]) if whole else None


def _reached(line: bytes) -> Reached:
    try:
        said = json.loads(line)
        after = tuple(said["after"]) if said["after"] is not None else None
        return Reached(**{**said, "after": after, "owners": tuple(said["owners"])})
    except (ValueError, KeyError, TypeError):
        raise JournalRefused(UNREADABLE) from None
