"""The one write path into the database: prepared, batched by partition, bounded in flight, and patient.

A faster client would change this file alone. Knows the driver; must not know what rows mean. While the database is
away every statement is kept and sent again until it is acknowledged: nothing is lost and nothing is given up.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from cassandra import OperationTimedOut, ReadTimeout, Unavailable, WriteFailure, WriteTimeout
from cassandra.cluster import NoHostAvailable, Session
from cassandra.concurrent import execute_concurrent
from cassandra.connection import ConnectionBusy, ConnectionException, ConnectionShutdown
from cassandra.pool import NoConnectionsAvailable
from cassandra.protocol import OverloadedErrorMessage, ServerError
from cassandra.query import BatchStatement, BatchType, BoundStatement

from consumers.read_model.batches import batches
from consumers.read_model.rows import Placed, Write
from consumers.read_model.tables import ACCESS_INTENT, FAMILY, TABLES, VERSION, Table, bucket_of
from schemas.records import Region
from transport.cassandra import LOCAL_QUORUM

IN_FLIGHT: Final = 32
_SENDERS: Final = 2
FAMILIES_A_READ: Final = 100
# One read asks every bucket in it for every family in it: so many places are looked up, most of them in vain.
PLACES_A_READ: Final = 1_024
INTENTS_A_READ: Final = 50


def _list_packed(texts: Sequence[str]) -> bytes:
    parts = [struct.pack(">i", len(texts))]
    for text in texts:
        encoded = text.encode()
        parts += [struct.pack(">i", len(encoded)), encoded]
    return b"".join(parts)


# The bytes that CQL's types have on the wire. Binding by the driver costs more than all else about a row.
_PACKED: Final[Mapping[str, Callable[[Any], bytes]]] = {
    "text": str.encode,
    "blob": bytes,
    "int": struct.Struct(">i").pack,
    "bigint": struct.Struct(">q").pack,
    "frozen<list<text>>": _list_packed,
}

# The database may answer the same statement well a moment later; any other error is a fault of ours.
_PASSING: Final = (
    NoHostAvailable,
    OperationTimedOut,
    WriteTimeout,
    WriteFailure,
    ReadTimeout,
    Unavailable,
    ConnectionException,
    ConnectionShutdown,
    ConnectionBusy,
    NoConnectionsAvailable,
    OverloadedErrorMessage,
    ServerError,
)

Between = Callable[[int, str], None]
"""Called between attempts with the attempt's number, from 1, and the fault's name; returns when to try again."""

Statements = Sequence[tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class _Written:
    """A prepared statement about a row, and what makes bytes of each of its values."""

    prepared: Any
    packed: tuple[Callable[[Any], bytes], ...]

    def bytes_of(self, values: tuple[Any, ...]) -> list[bytes]:
        return [packed(value) for packed, value in zip(self.packed, values, strict=True)]


@dataclass(frozen=True, slots=True)
class Begun:
    """Writes that are on their way; they hold once `Store.finish` returned."""

    statements: Statements
    outcomes: Future[Any]


class Store:
    """The tables of one version of the projection, as their only writer sees them."""

    def __init__(self, session: Session, between: Between, version: str = VERSION) -> None:
        self._session = session
        # Sends for whoever called, so that the next rows are made meanwhile; the driver's own such call waits.
        self._senders = ThreadPoolExecutor(_SENDERS, "rows")
        self._between = between
        self._inserts = {table.name: self._insert(table, version) for table in TABLES}
        self._deletes = {table.name: self._delete(table, version) for table in TABLES}
        self._placed = self._prepared(
            "SELECT family_id, sequence, region_system, region_edition, region_code, decile, status, in_doubt"  # noqa: S608  names are ours
            f" FROM {FAMILY.named(version)} WHERE bucket IN ? AND family_id IN ?"
        )
        self._intents = self._prepared(
            "SELECT intent_id, intent, kafka_partition, kafka_offset, appended_at"  # noqa: S608  names are ours
            f" FROM {ACCESS_INTENT.named(version)} WHERE intent_id IN ?"
        )

    def _prepared(self, query: str) -> Any:
        statement = self._session.prepare(query)
        statement.consistency_level = LOCAL_QUORUM
        statement.is_idempotent = True
        return statement

    def _insert(self, table: Table, version: str) -> _Written:
        kinds = (*table.partition.values(), *table.clustering.values(), *table.rest.values(), "bigint")
        return _Written(self._prepared(table.insert(version)), tuple(_PACKED[kind] for kind in kinds))

    def _delete(self, table: Table, version: str) -> _Written:
        kinds = ("bigint", *table.partition.values(), *table.clustering.values())
        return _Written(self._prepared(table.delete(version)), tuple(_PACKED[kind] for kind in kinds))

    def write(self, writes: Iterable[Write]) -> None:
        """Return once a quorum acknowledged every one of the writes; blocks for as long as that takes."""
        self.finish(self.begin(writes))

    def begin(self, writes: Iterable[Write]) -> Begun:
        """Send the writes and return; nothing about them is known before `finish`."""
        statements = [(self._batch(chosen), None) for chosen in batches(writes)]
        return Begun(statements, self._sent(statements))

    def finish(self, begun: Begun) -> None:
        """Return once a quorum acknowledged every write that was begun; blocks for as long as that takes."""
        self._acknowledged(begun.statements, begun.outcomes)

    def placed(self, family_ids: Iterable[str]) -> dict[str, Placed]:
        """Return what was last written of those families that were ever written; blocks as `finish` does."""
        reads = [(self._placed, asked) for asked in _reads(family_ids)]
        return {
            row[0]: Placed(row[1], Region(system=row[2], edition=row[3], code=row[4]), *row[5:8])
            for result in self._acknowledged(reads, self._sent(reads))
            for row in result
        }

    def intents(self, intent_ids: Iterable[bytes]) -> list[tuple[bytes, bytes, int, int, int]]:
        """Return those access intents that were ever written: id, value, partition, offset, append time (µs)."""
        asked = sorted(intent_ids)
        reads = [(self._intents, (asked[at : at + INTENTS_A_READ],)) for at in range(0, len(asked), INTENTS_A_READ)]
        return [tuple(row) for result in self._acknowledged(reads, self._sent(reads)) for row in result]

    def _sent(self, statements: Statements) -> Future[Any]:
        return self._senders.submit(
            execute_concurrent, self._session, statements, concurrency=IN_FLIGHT, raise_on_first_error=False
        )

    def _acknowledged(self, statements: Statements, sent: Future[Any]) -> list[Any]:
        results: list[Any] = []
        left, attempt = statements, 0
        while left:
            outcomes = sent.result()
            results += [outcome for succeeded, outcome in outcomes if succeeded]
            faults = [(statement, outcome) for statement, (ok, outcome) in zip(left, outcomes, strict=True) if not ok]
            for _, fault in faults:
                if not isinstance(fault, _PASSING):
                    raise fault
            left, attempt = [statement for statement, _ in faults], attempt + 1
            if faults:
                self._between(attempt, type(faults[0][1]).__name__)
                sent = self._sent(left)
        return results

    def _batch(self, writes: Sequence[Write]) -> BatchStatement:
        batch = BatchStatement(BatchType.UNLOGGED, consistency_level=LOCAL_QUORUM)
        batch.is_idempotent = True
        bound: dict[int, BoundStatement] = {}
        for table, partition, values, timestamp, removes in writes:
            if removes:
                written, row = self._deletes[table.name], (timestamp, *partition, *values)
            else:
                written, row = self._inserts[table.name], (*partition, *values, timestamp)
            statement = bound.get(id(written))
            if statement is None:
                statement = bound[id(written)] = BoundStatement(written.prepared)
            statement.values = written.bytes_of(row)
            batch.add(statement)
        return batch


def _reads(family_ids: Iterable[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the buckets and families of each read, a bucket's families mostly together."""
    buckets: dict[str, None] = {}
    asked: list[str] = []
    for family_id in sorted(family_ids):
        bucket = bucket_of(family_id)
        wider = len(buckets) + (bucket not in buckets)
        if asked and (len(asked) >= FAMILIES_A_READ or wider * (len(asked) + 1) > PLACES_A_READ):
            yield list(buckets), asked
            buckets, asked = {}, []
        buckets[bucket] = None
        asked.append(family_id)
    if asked:
        yield list(buckets), asked
