"""The one write path into the database: prepared, batched by partition, bounded in flight, and patient.

A faster client would change this file alone. Knows the driver; must not know what rows mean. While the database is
away every statement is kept and sent again until it is acknowledged: nothing is lost and nothing is given up.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from cassandra import OperationTimedOut, ReadTimeout, Unavailable, WriteFailure, WriteTimeout
from cassandra.cluster import NoHostAvailable, Session
from cassandra.concurrent import execute_concurrent
from cassandra.connection import ConnectionBusy, ConnectionException, ConnectionShutdown
from cassandra.pool import NoConnectionsAvailable
from cassandra.protocol import OverloadedErrorMessage, ServerError
from cassandra.query import BatchStatement, BatchType

from consumers.read_model.rows import Placed, Write
from consumers.read_model.tables import FAMILY, TABLES, VERSION, bucket_of
from schemas.records import Region
from transport.cassandra import LOCAL_QUORUM

ROWS_A_BATCH: Final = 100
BYTES_A_BATCH: Final = 65_536
IN_FLIGHT: Final = 32
FAMILIES_A_READ: Final = 100

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


class Store:
    """The tables of one version of the projection, as their only writer sees them."""

    def __init__(self, session: Session, between: Between, version: str = VERSION) -> None:
        self._session = session
        self._between = between
        self._inserts = {table.name: self._prepared(table.insert(version)) for table in TABLES}
        self._deletes = {table.name: self._prepared(table.delete(version)) for table in TABLES}
        self._placed = self._prepared(
            "SELECT family_id, sequence, region_system, region_edition, region_code, decile, status"  # noqa: S608  names are ours
            f" FROM {FAMILY.named(version)} WHERE bucket = ? AND family_id IN ?"
        )

    def _prepared(self, query: str) -> Any:
        statement = self._session.prepare(query)
        statement.consistency_level = LOCAL_QUORUM
        statement.is_idempotent = True
        return statement

    def write(self, writes: Iterable[Write]) -> int:
        """Return the number of writes once a quorum acknowledged every one; blocks for as long as that takes."""
        chosen = list(writes)
        self._acknowledged([(batch, None) for batch in self._batches(chosen)])
        return len(chosen)

    def placed(self, family_ids: Iterable[str]) -> dict[str, Placed]:
        """Return what was last written of those families that were ever written; blocks as `write` does."""
        asked: dict[str, list[str]] = {}
        for family_id in family_ids:
            asked.setdefault(bucket_of(family_id), []).append(family_id)
        reads = [(self._placed, (bucket, chunk)) for bucket, ids in asked.items() for chunk in _chunks(ids)]
        return {
            row[0]: Placed(row[1], Region(system=row[2], edition=row[3], code=row[4]), row[5], row[6])
            for result in self._acknowledged(reads)
            for row in result
        }

    def _acknowledged(self, statements: Sequence[tuple[Any, Any]]) -> list[Any]:
        results: list[Any] = []
        left, attempt = list(statements), 0
        while left:
            outcomes = execute_concurrent(self._session, left, concurrency=IN_FLIGHT, raise_on_first_error=False)
            results += [outcome for succeeded, outcome in outcomes if succeeded]
            faults = [(statement, outcome) for statement, (ok, outcome) in zip(left, outcomes, strict=True) if not ok]
            for _, fault in faults:
                if not isinstance(fault, _PASSING):
                    raise fault
            left, attempt = [statement for statement, _ in faults], attempt + 1
            if faults:
                self._between(attempt, type(faults[0][1]).__name__)
        return results

    def _batches(self, writes: Sequence[Write]) -> Iterator[BatchStatement]:
        """Yield batches of one partition each, so that a batch is one mutation on one replica set."""
        partitions: dict[tuple[str, tuple[Any, ...]], list[Write]] = {}
        for write in writes:
            partitions.setdefault((write.table.name, write.partition), []).append(write)
        for group in partitions.values():
            for chunk in _bounded(group):
                yield self._batch(chunk)

    def _batch(self, writes: Sequence[Write]) -> BatchStatement:
        batch = BatchStatement(BatchType.UNLOGGED, consistency_level=LOCAL_QUORUM)
        batch.is_idempotent = True
        for table, partition, values, timestamp, removes in writes:
            if removes:
                batch.add(self._deletes[table.name], (timestamp, *partition, *values))
            else:
                batch.add(self._inserts[table.name], (*partition, *values, timestamp))
        return batch


def _chunks(family_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(family_ids), FAMILIES_A_READ):
        yield family_ids[start : start + FAMILIES_A_READ]


def _bounded(writes: Sequence[Write]) -> Iterator[list[Write]]:
    """Yield the writes in batches of bounded rows and blob bytes; one larger row makes a batch of its own."""
    chunk: list[Write] = []
    size = 0
    for write in writes:
        length = sum(len(value) for value in write.values if isinstance(value, bytes))
        if chunk and (len(chunk) >= ROWS_A_BATCH or size + length > BYTES_A_BATCH):
            yield chunk
            chunk, size = [], 0
        chunk.append(write)
        size += length
    if chunk:
        yield chunk
