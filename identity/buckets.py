"""Rows of many references in few partitions, so that bulk reads and writes cost few round trips.

With a partition for each reference every row is a request, and the driver's cost of a request is the ceiling.
References are uniform, so their first two base32 characters spread them over 1,024 partitions: a nation's 375 million
keys make about 50 MB a partition, a file's 20,000 owners about 20 rows a request. It must not know what a row means.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from cassandra import ConsistencyLevel
from cassandra.concurrent import execute_concurrent, execute_concurrent_with_args
from cassandra.query import BatchStatement, BatchType

# The driver has no types. A session is a `cassandra.cluster.Session`, a statement one it prepared.
Session = Any
Statement = Any

_BUCKET_CHARACTERS: Final = 2
_REFERENCES_A_READ: Final = 100
_ROWS_A_BATCH: Final = 32  # under the 5 KiB above which the database warns of a batch
_IN_FLIGHT: Final = 64


def bucket_of(reference: str) -> str:
    """Return the partition that a reference's rows are in."""
    return reference[:_BUCKET_CHARACTERS]


def prepare(session: Session, query: str) -> Statement:
    """Return the prepared statement, at LOCAL_QUORUM: what one process was told is durable, every other one reads."""
    statement = session.prepare(query)
    statement.consistency_level = ConsistencyLevel.LOCAL_QUORUM
    return statement


def read_rows(session: Session, statement: Statement, references: Iterable[str]) -> list[tuple[Any, ...]]:
    """Return the rows of all references by a statement that binds a bucket and a list; many requests in flight."""
    chosen = _chunks(((reference, reference) for reference in references), _REFERENCES_A_READ)
    answers = execute_concurrent_with_args(session, statement, list(chosen), concurrency=_IN_FLIGHT)
    return [row for answer in answers for row in answer.result_or_exc]


def write_rows(session: Session, statement: Statement, rows: Iterable[tuple[str, *tuple[Any, ...]]]) -> None:
    """Make all rows durable by a statement that binds a bucket, a reference and the rest of the row.

    Batches are of one partition, unlogged. Raises what the driver raises; rows already written then stay.
    """
    batches = []
    for bucket, chunk in _chunks(((row[0], row) for row in rows), _ROWS_A_BATCH):
        batch = BatchStatement(BatchType.UNLOGGED, consistency_level=ConsistencyLevel.LOCAL_QUORUM)
        for row in chunk:
            batch.add(statement, (bucket, *row))
        batches.append((batch, ()))
    execute_concurrent(session, batches, concurrency=_IN_FLIGHT)


def _chunks(keyed: Iterable[tuple[str, Any]], size: int) -> Iterator[tuple[str, list[Any]]]:
    """Yield each bucket's items, at most `size` at a time."""
    groups = defaultdict(list)
    for reference, item in keyed:
        groups[bucket_of(reference)].append(item)
    for bucket, items in groups.items():
        for start in range(0, len(items), size):
            yield bucket, items[start : start + size]
