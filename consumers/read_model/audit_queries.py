"""Who saw whom, as the tables hold it: by subject, by accessor and day, by agency and day.

Only the gateway asks, after a written audit intent: reading the audit is audited. Knows the tables; must not know
whose reference a subject is, nor what may be shown of a line.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, NamedTuple

from cassandra.cluster import Session

from consumers.read_model import tables
from consumers.read_model.audit_rows import LOG, REVIEWED, USED, hour_of, hours_of
from schemas import codec, records
from transport.cassandra import LOCAL_QUORUM

PAGE: Final = 1_000
_HOURS_AT_ONCE: Final = 8


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


class Emergency(NamedTuple):
    """One BREAK_GLASS that was let in: its intent, by which two officers, until when (µs) it must be reviewed."""

    intent_id: bytes
    actor: str
    second_actor: str
    review_due_at: int


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
        self._emergencies = self._prepared(
            "SELECT intent_id, step, actor, second_actor, review_due_at"  # noqa: S608  names are ours
            f" FROM {tables.ACCESS_EMERGENCY.named(version)} WHERE of_agency = ?"
        )
        self._intent = self._prepared(
            "SELECT intent, kafka_partition, kafka_offset"  # noqa: S608  names are ours
            f" FROM {tables.ACCESS_INTENT.named(version)} WHERE intent_id = ?"
        )
        self._epochs = self._prepared(
            f"SELECT epoch FROM {tables.ACCESS_EPOCH.named(version)} WHERE log = ?"  # noqa: S608  names are ours
        )

    def unreviewed(self, agency: str) -> tuple[Emergency, ...]:
        """Return every emergency of the agency that nobody reviewed yet."""
        rows = tuple(self._session.execute(self._emergencies, (agency,)))
        reviewed = {intent_id for intent_id, step, *_ in rows if step == REVIEWED}
        return tuple(Emergency(one, *rest) for one, step, *rest in rows if step == USED and one not in reviewed)

    def intent(self, intent_id: bytes) -> records.AccessIntent | None:
        """Return an intent as it went on record, None where no projector has seen it."""
        row = self._session.execute(self._intent, (intent_id,)).one()
        found = codec.decode(row[0]) if row is not None else None
        return found if isinstance(found, records.AccessIntent) else None

    def place_of(self, intent_id: bytes) -> tuple[int, int] | None:
        """Return partition and offset of an intent on the audit topic, None where no projector has seen it."""
        row = self._session.execute(self._intent, (intent_id,)).one()
        return None if row is None else (row[1], row[2])

    def look(self, intent: records.AccessIntent) -> Access | None:
        """Return the line of a look, with what became of it so far."""
        place = (intent.agency_id, hour_of(intent.occurred_at), intent.occurred_at + 1, b"")
        for row in self._session.execute(self._by_agency, place):
            line = Access(*row)
            if line.event_id == intent.event_id or line.occurred_at < intent.occurred_at:
                return line if line.event_id == intent.event_id else None
        return None

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

    def of_subjects(self, *groups: Sequence[bytes]) -> tuple[tuple[Access, ...], ...]:
        """Return every line about the subjects of each group, all asked for at once: as long as the slowest takes."""
        asked = [[self._session.execute_async(self._by_subject, (one,)) for one in group] for group in groups]
        return tuple(tuple(Access(*row) for answer in group for row in answer.result()) for group in asked)

    def of_accessor(self, agency: str, actor: str, day: str, after: Position = NEWEST, limit: int = PAGE) -> AccessPage:
        """Return up to `limit` looks of an accessor on a day (WIB, as 2025-07-31), newest first."""
        found = self._session.execute(self._by_accessor, (agency, actor, day, *after))
        return _page((Access(*row) for row in found), limit)

    def of_agency(self, agency: str, day: str, after: Position = NEWEST, limit: int = PAGE) -> AccessPage:
        """Return up to `limit` looks of an agency on a day (WIB, as 2025-07-31), newest first."""
        return _page(self._of_agency(agency, day, after), limit)

    def _of_agency(self, agency: str, day: str, after: Position) -> Iterator[Access]:
        """Yield a day's looks, newest first; some hours are asked for while those after them are read."""
        hours = iter(hours_of(day))

        def ask(count: int) -> Iterator[Any]:
            for hour in islice(hours, count):
                yield self._session.execute_async(self._by_agency, (agency, hour, *after))

        asked = deque(ask(_HOURS_AT_ONCE))
        while asked:
            found = asked.popleft().result()
            asked.extend(ask(1))
            for row in found:
                yield Access(*row)

    def epochs(self) -> tuple[int, ...]:
        """Return the epochs in which the audit trail has entries."""
        return tuple(sorted(row[0] for row in self._session.execute(self._epochs, (LOG,))))


def _page(found: Iterator[Access], limit: int) -> AccessPage:
    lines = tuple(islice(found, limit + 1))
    last = lines[limit - 1] if len(lines) > limit else None
    return AccessPage(lines[:limit], None if last is None else Position(last.occurred_at, last.event_id))
