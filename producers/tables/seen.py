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


class _Hashes:
    """A private database of keyed hashes."""

    def __init__(self, table: str) -> None:
        self._secret = token_bytes(16)
        self._rows = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -8192"):
            self._rows.execute(f"PRAGMA {pragma}")
        self._rows.execute(table)
        self._rows.execute("BEGIN")

    def hashed(self, text: str) -> int:
        """Return the keyed hash of a text."""
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_SIZE, key=self._secret).digest()
        return int.from_bytes(digest, "big", signed=True)


class Seen(_Hashes):
    """The keys of one document, each with the row that named it first."""

    def __init__(self) -> None:
        super().__init__("CREATE TABLE seen (key INTEGER PRIMARY KEY, row INTEGER)")

    def before(self, key: str) -> int | None:
        """Return the row that named the key, None when none did."""
        found = self._rows.execute("SELECT row FROM seen WHERE key = ?", (self.hashed(key),)).fetchone()
        return found[0] if found else None

    def first(self, key: str, row: int) -> int | None:
        """Return the earlier row that named the key; None when this row is the first, which is kept."""
        hashed = self.hashed(key)
        put = self._rows.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (hashed, row))
        if put.rowcount:
            return None
        return int(self._rows.execute("SELECT row FROM seen WHERE key = ?", (hashed,)).fetchone()[0])


@dataclass(frozen=True, slots=True)
class Statement:
    """What is said of a key, since when, in which row."""

    key: str
    content: str
    at: int
    row: int


@dataclass(frozen=True, slots=True)
class Before:
    """What was said earlier: the hash of its content, since when, in which row."""

    content: int
    at: int
    row: int


class Said(_Hashes):
    """What an earlier document said, by key; the first statement of a key counts."""

    def __init__(self) -> None:
        super().__init__(
            "CREATE TABLE said (key INTEGER PRIMARY KEY, content INTEGER, at INTEGER, row INTEGER, met INTEGER)"
        )

    def put(self, one: Statement) -> None:
        """Keep a statement."""
        values = (self.hashed(one.key), self.hashed(one.content), one.at, one.row)
        self._rows.execute("INSERT OR IGNORE INTO said VALUES (?, ?, ?, ?, 0)", values)

    def meet(self, key: str) -> Before | None:
        """Return what was said of the key, None when nothing was; it counts as met."""
        hashed = self.hashed(key)
        found = self._rows.execute("SELECT content, at, row FROM said WHERE key = ?", (hashed,)).fetchone()
        if found is None:
            return None
        self._rows.execute("UPDATE said SET met = 1 WHERE key = ? AND met = 0", (hashed,))
        return Before(*found)

    def content(self, text: str) -> int:
        """Return the hash that a content is compared by."""
        return self.hashed(text)

    def unmet(self) -> int:
        """Return how many keys were not met."""
        return int(self._rows.execute("SELECT count(*) FROM said WHERE met = 0").fetchone()[0])


def doubled(row: Row | Broken, seen: Seen, key: tuple[str, ...], again: Fault) -> Row | Broken:
    """Return the row; one that says what an earlier right row said, or names its key again, is broken.

    `again` is the fault of the second: two rows of one document that say different things of the same.
    """
    if isinstance(row, Broken):
        return row
    before = seen.first(repr([row[column] for column in key]), row.number)
    if before is None:
        seen.first(_whole(row), row.number)
        return row
    same = seen.before(_whole(row))
    if same is not None:
        return Broken(row.number, (Fault("DOUBLED_ROW", "", {"row": same}),), row.values)
    return Broken(row.number, (Fault(again.rule, again.column, {"row": before}),), row.values)


def _whole(row: Row) -> str:
    return repr(tuple(row.values.values()))
