"""What was published of each document, so that an interrupted one goes on and a finished one isn't sent again.

Only what the broker acknowledged is recorded. It must not know what a document holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from cassandra import ConsistencyLevel

Session = Any  # the driver has no types

_KEYSPACE: Final = "jejak_producers"
_TABLE: Final = f"""
    CREATE TABLE IF NOT EXISTS {_KEYSPACE}.document_ledger_v1 (
        agency text, document text, batch_size int, batches int, sent bigint, refused bigint, complete boolean,
        PRIMARY KEY ((agency, document)))"""
_SELECT: Final = """
    SELECT batch_size, batches, sent, refused, complete
    FROM jejak_producers.document_ledger_v1 WHERE agency = ? AND document = ?"""
_INSERT: Final = """
    INSERT INTO jejak_producers.document_ledger_v1
    (agency, document, batch_size, batches, sent, refused, complete) VALUES (?, ?, ?, ?, ?, ?, ?)"""


@dataclass(frozen=True, slots=True)
class Entry:
    """How far a document has come: its first `batches` batches of `batch_size` inputs are acknowledged.

    `sent` counts the messages of those batches without refusals, `refused` the rows refused.
    """

    batch_size: int
    batches: int = 0
    sent: int = 0
    refused: int = 0
    complete: bool = False

    def after(self, sent: int, refused: int) -> "Entry":
        """Return the entry once one more batch is acknowledged."""
        return replace(self, batches=self.batches + 1, sent=self.sent + sent, refused=self.refused + refused)


class Ledger(Protocol):
    """Where entries live; the one that writes a document's entry is the process that publishes it."""

    def entry(self, agency: str, document: str) -> Entry | None:
        """Return the entry of the agency's document, None when nothing of it was ever acknowledged."""

    def record(self, agency: str, document: str, entry: Entry) -> None:
        """Make the entry durable."""


class InMemoryLedger:
    """A ledger that ends with its process."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Entry] = {}

    def entry(self, agency: str, document: str) -> Entry | None:
        """Return the entry, or None."""
        return self._entries.get((agency, document))

    def record(self, agency: str, document: str, entry: Entry) -> None:
        """Keep the entry."""
        self._entries[agency, document] = entry


class CassandraLedger:
    """A ledger over a session that gives rows as tuples; `create_ledger_table` has been called."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._select = session.prepare(_SELECT)
        self._insert = session.prepare(_INSERT)
        for statement in (self._select, self._insert):
            statement.consistency_level = ConsistencyLevel.LOCAL_QUORUM

    def entry(self, agency: str, document: str) -> Entry | None:
        """Return the entry, or None."""
        row = self._session.execute(self._select, (agency, document)).one()
        return Entry(*row) if row is not None else None

    def record(self, agency: str, document: str, entry: Entry) -> None:
        """Write the entry; a later one of the same document stands over it."""
        values = (entry.batch_size, entry.batches, entry.sent, entry.refused, entry.complete)
        self._session.execute(self._insert, (agency, document, *values))


def create_ledger_table(session: Session, replication: Mapping[str, str | int]) -> None:
    """Create the keyspace and the table where they are missing; `replication` is Cassandra's map."""
    options = ", ".join(f"'{name}': '{value}'" for name, value in replication.items())
    session.execute(f"CREATE KEYSPACE IF NOT EXISTS {_KEYSPACE} WITH replication = {{{options}}}")
    session.execute(_TABLE)
