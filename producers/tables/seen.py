"""Which keys a document named before, and in which row, in bounded memory.

Keys are kept as keyed 64-bit hashes with a key of this process alone, in a private database that is on disk where it
grows and gone when it is closed: no number of a person is written there. Two keys of a million share a hash once in
forty million documents, and then a row is refused that names the other: told, not lost.
"""

import sqlite3
from dataclasses import dataclass
from hashlib import blake2b
from secrets import token_bytes
from typing import Final

from producers.messages import Fault
from producers.tables.rows import Broken, Row

_SIZE: Final = 8


@dataclass(frozen=True, slots=True)
class Statement:
    """What is said of a key, in which row, since when."""

    key: str
    content: str
    row: int
    at: int = 0


@dataclass(frozen=True, slots=True)
class Before:
    """What was said earlier of a key: the hash of its content, in which row, since when."""

    content: int
    row: int
    at: int


class Said:
    """What a document said, by key; the first statement of a key counts."""

    def __init__(self) -> None:
        self._secret = token_bytes(16)
        self._rows = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -8192"):
            self._rows.execute(f"PRAGMA {pragma}")
        self._rows.execute(
            "CREATE TABLE said (key INTEGER PRIMARY KEY, content INTEGER, row INTEGER, at INTEGER, met INTEGER)"
        )
        self._rows.execute("BEGIN")

    def hashed(self, text: str) -> int:
        """Return the keyed hash by which keys and contents are compared."""
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_SIZE, key=self._secret).digest()
        return int.from_bytes(digest, "big", signed=True)

    def first(self, one: Statement) -> Before | None:
        """Return what was said of the key before; None when this is the first, which is kept."""
        values = (self.hashed(one.key), self.hashed(one.content), one.row, one.at)
        put = self._rows.execute("INSERT OR IGNORE INTO said VALUES (?, ?, ?, ?, 0)", values)
        return None if put.rowcount else self._before(values[0])

    def meet(self, key: str) -> Before | None:
        """Return what was said of the key, None when nothing was; it counts as met."""
        found = self._before(self.hashed(key))
        if found is not None:
            self._rows.execute("UPDATE said SET met = 1 WHERE key = ? AND met = 0", (self.hashed(key),))
        return found

    def unmet(self) -> int:
        """Return how many keys were not met."""
        return int(self._rows.execute("SELECT count(*) FROM said WHERE met = 0").fetchone()[0])

    def _before(self, key: int) -> Before | None:
        found = self._rows.execute("SELECT content, row, at FROM said WHERE key = ?", (key,)).fetchone()
        return None if found is None else Before(*found)


class Seen:
    """The keys of one document, where nothing but the row that named one first is asked for."""

    def __init__(self) -> None:
        self._said = Said()

    def first(self, key: str, row: int) -> int | None:
        """Return the earlier row that named the key; None when this row is the first, which is kept."""
        before = self._said.first(Statement(key, "", row))
        return None if before is None else before.row


def doubled(row: Row | Broken, said: Said, key: tuple[str, ...], again: Fault) -> Row | Broken:
    """Return the row; one that says what an earlier right row said, or names its key again, is broken.

    `again` is the fault of the second: two rows of one document that say different things of the same.
    """
    if isinstance(row, Broken):
        return row
    content = repr(tuple(row.values.values()))
    before = said.first(Statement(repr([row.values.get(column) for column in key]), content, row.number))
    if before is None:
        return row
    same = before.content == said.hashed(content)
    fault = Fault("DOUBLED_ROW" if same else again.rule, "" if same else again.column, {"row": before.row})
    return Broken(row.number, (fault,), row.values)
