"""Who saw whom, as the tables hold it: by subject, by accessor and day, by agency and day.

Only the gateway asks, after a written audit intent: reading the audit is audited. Knows the tables; must not know
whose reference a subject is, nor what may be shown of a line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, NamedTuple

from cassandra.cluster import Session

from consumers.read_model import tables
from consumers.read_model.audit_rows import LOG, hours_of
from transport.cassandra import LOCAL_QUORUM

PAGE: Final = 1_000


class Access(NamedTuple):
    """One line: an intent with what became of it, or the disclosure of one person; times in µs, UTC."""

    occurred_at: int
    event_id: bytes
    kind: str
    intent_id: bytes
    agency: str
    actor: str
    role: str
    action: str
    purpose: str
    purpose_version: str
    legal_basis: str
    agreement: str
    channel: str
    fields: Sequence[str] | None
    outcome: str
    reason: str
    persons: int
    epoch: int
    record_version: int
    as_of: int
    known_at: int
    visibility: str
    visible_from: int
    appended_at: int
    kafka_partition: int
    kafka_offset: int


class Position(NamedTuple):
    """A line's place in a list that is newest first: lists go on after it."""

    occurred_at: int
    event_id: bytes


NEWEST: Final = Position(2**63 - 1, b"\xff" * 16)


@dataclass(frozen=True, slots=True)
class AccessPage:
    """A part of a list, newest first; `after` asks for the next part, None at the end."""

    lines: tuple[Access, ...]
    after: Position | None


class Accesses:
    """The tables of looks of one version of the projection."""

    def __init__(self, session: Session, version: str = tables.VERSION) -> None:
        self._session = session
        self._version = version
        older = "(occurred_at, event_id) < (?, ?)"
        self._by_subject = self._select(tables.ACCESS_OF_SUBJECT, "subject = ?")
        self._by_accessor = self._select(
            tables.ACCESS_OF_ACCESSOR, f"of_agency = ? AND of_actor = ? AND day = ? AND {older}"
        )
        self._by_agency = self._select(tables.ACCESS_OF_AGENCY, f"of_agency = ? AND hour = ? AND {older}")
        self._epochs = self._prepared(
            f"SELECT epoch FROM {tables.ACCESS_EPOCH.named(version)} WHERE log = ?"  # noqa: S608  names are ours
        )

    def _select(self, table: tables.Table, where: str) -> Any:
        columns = ", ".join(Access._fields)
        return self._prepared(f"SELECT {columns} FROM {table.named(self._version)} WHERE {where}")  # noqa: S608  names are ours

    def _prepared(self, query: str) -> Any:
        statement = self._session.prepare(query)
        statement.consistency_level = LOCAL_QUORUM
        statement.is_idempotent = True
        statement.fetch_size = PAGE
        return statement

    def of_subject(self, subject: bytes) -> tuple[Access, ...]:
        """Return every line about a person or family as one epoch names it, newest first."""
        return tuple(Access(*row) for row in self._session.execute(self._by_subject, (subject,)))

    def of_subjects(self, subjects: Sequence[bytes]) -> tuple[Access, ...]:
        """Return every line about these subjects, asked for at once: as long as the slowest takes."""
        asked = [self._session.execute_async(self._by_subject, (subject,)) for subject in subjects]
        return tuple(Access(*row) for answer in asked for row in answer.result())

    def of_accessor(self, agency: str, actor: str, day: str, after: Position = NEWEST, limit: int = PAGE) -> AccessPage:
        """Return up to `limit` looks of an accessor on a day (WIB, as 2025-07-31), newest first."""
        found = self._session.execute(self._by_accessor, (agency, actor, day, *after))
        return _page((Access(*row) for row in found), limit)

    def of_agency(self, agency: str, day: str, after: Position = NEWEST, limit: int = PAGE) -> AccessPage:
        """Return up to `limit` looks of an agency on a day (WIB, as 2025-07-31), newest first."""
        return _page(self._of_agency(agency, day, after), limit)

    def _of_agency(self, agency: str, day: str, after: Position) -> Iterator[Access]:
        for hour in hours_of(day):
            for row in self._session.execute(self._by_agency, (agency, hour, *after)):
                yield Access(*row)

    def epochs(self) -> tuple[int, ...]:
        """Return the epochs in which the audit trail has entries."""
        return tuple(sorted(row[0] for row in self._session.execute(self._epochs, (LOG,))))


def _page(found: Iterator[Access], limit: int) -> AccessPage:
    lines = tuple(islice(found, limit + 1))
    last = lines[limit - 1] if len(lines) > limit else None
    return AccessPage(lines[:limit], None if last is None else Position(last.occurred_at, last.event_id))
