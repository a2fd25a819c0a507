"""Which keys a document named before, and in which row, in bounded memory.

Keys are kept as keyed 64-bit hashes with a key of this process alone, in a private database that is on disk where it
grows and gone when it is closed: no number of a person is written there. Two keys of a million share a hash once in
forty million documents, and then a row is refused that names the other: told, not lost.
"""

import sqlite3
from hashlib import blake2b
from secrets import token_bytes
from typing import Final

from producers.messages import Fault
from producers.tables.rows import Broken, Row

_SIZE: Final = 8


class Seen:
    """The keys of one document."""

    def __init__(self) -> None:
        self._secret = token_bytes(16)
        self._rows = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -8192"):
            self._rows.execute(f"PRAGMA {pragma}")
        self._rows.execute("CREATE TABLE seen (key INTEGER PRIMARY KEY, row INTEGER) WITHOUT ROWID")
        self._rows.execute("BEGIN")

    def before(self, key: str) -> int | None:
        """Return the row that named the key, None when none did."""
        found = self._rows.execute("SELECT row FROM seen WHERE key = ?", (self._hash(key),)).fetchone()
        return found[0] if found else None

    def put(self, key: str, row: int) -> None:
        """Keep that the row names the key; a key that is known keeps its row."""
        self._rows.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (self._hash(key), row))

    def first(self, key: str, row: int) -> int | None:
        """Return the earlier row that named the key; None when this row is the first, which is kept."""
        found = self.before(key)
        if found is None:
            self.put(key, row)
        return found

    def _hash(self, key: str) -> int:
        digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=_SIZE, key=self._secret).digest()
        return int.from_bytes(digest, "big", signed=True)


def doubled(row: Row | Broken, seen: Seen, key: tuple[str, ...], again: str) -> Row | Broken:
    """Return the row; one that says what an earlier right row said, or names its key again, is broken.

    `again` is the rule of the second: two rows of one document that say different things of the same.
    """
    if isinstance(row, Broken):
        return row
    whole = repr(tuple(row.values.values()))
    before = seen.before(whole)
    if before is not None:
        return Broken(row.number, (Fault("DOUBLED_ROW", "", {"row": before}),), row.values)
    before = seen.first(repr([row[column] for column in key]), row.number)
    if before is not None:
        return Broken(row.number, (Fault(again, key[0], {"row": before}),), row.values)
    seen.put(whole, row.number)
    return row
