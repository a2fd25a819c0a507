"""Compares the tables of two versions row by row, while both may be written.

Both are read in the same order, by token, so that little is held in memory. Rows that differ are read again, by their
keys, until both versions say the same or the time is up: a row that only one of them has been given yet is no
difference. Knows tables; must not know Kafka nor what a row means, but for what a table may lack.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from cassandra.cluster import Session

from consumers.read_model import tables
from transport.cassandra import LOCAL_QUORUM

PAGE: Final = 2_000
AGAIN_SECONDS: Final = 0.5
PATIENCE_SECONDS: Final = 30.0
MOST_SUSPECTS: Final = 20_000

Key = tuple[Any, ...]
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class TableCompared:
    """One table: rows that are equal, rows that the newer may lack, rows that differ, and the first of those.

    `first` is the key of a differing row with where it is: "both", "older" or "newer"; "" when none differs.
    """

    table: str
    equal: int
    forgotten: int
    differing: int
    first: str = ""


class MayLack:
    """Which rows a rebuilt table may lack, because the topics don't tell them any more."""

    def __init__(self, refusals_begin: Mapping[int, int]) -> None:
        self._refusals_begin = refusals_begin

    def __call__(self, table: tables.Table, key: Key) -> bool:
        """Tell whether only the older version needs to have the row."""
        named = dict(zip((*table.partition, *table.clustering), key, strict=True))
        match table.name:
            case tables.KECAMATAN.name:
                return True  # where a family lived once: the compacted topic holds its last state alone
            case tables.INDICATOR_DAY.name:
                return True  # a past day's last sum: the compacted topic holds the newest alone
            case tables.REFUSAL.name | tables.REFUSAL_OF_FAMILY.name:
                return bool(named["kafka_offset"] < self._refusals_begin.get(named["kafka_partition"], 0))
            case _:
                return False


def differences(older: Iterable[Row], newer: Iterable[Row], key_length: int) -> tuple[int, set[Key]]:
    """Return how many rows are equal and the keys of those that are not, of two streams in about the same order."""
    equal, differing = 0, set[Key]()
    waiting: tuple[dict[Key, bytes], dict[Key, bytes]] = ({}, {})
    for pair in zip_longest(older, newer):
        if pair[0] == pair[1]:
            equal += 1
            continue
        for side, row in enumerate(pair):
            if row is None:
                continue
            key = row[:key_length]
            other = waiting[1 - side].pop(key, None)
            if other is None:
                waiting[side][key] = _mark(row)
            elif other == _mark(row):
                equal += 1
            else:
                differing.add(key)
        if len(differing) + len(waiting[0]) + len(waiting[1]) > MOST_SUSPECTS:
            break
    return equal, differing | waiting[0].keys() | waiting[1].keys()


def _mark(row: Row) -> bytes:
    return hashlib.blake2b(repr(row).encode(), digest_size=16).digest()


class Comparison:
    """The tables of two versions, read side by side."""

    def __init__(self, session: Session, older: str, newer: str, may_lack: MayLack) -> None:
        self._session = session
        self._versions = (older, newer)
        self._may_lack = may_lack

    def every(self, check: Callable[[], None] = lambda: None) -> Iterator[TableCompared]:
        """Yield each table's result; `check` raises when whoever feeds the newer version ended by a fault."""
        for table in tables.TABLES:
            yield self.table(table, check)

    def table(self, table: tables.Table, check: Callable[[], None]) -> TableCompared:
        """Return one table's result."""
        length = len(table.partition) + len(table.clustering)
        older, newer = (self._rows(table, version) for version in self._versions)
        equal, suspects = differences(older, newer, length)
        forgotten, first = 0, ""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while suspects:
            check()
            same, lacking, first = self._again(table, suspects)
            equal, forgotten = equal + len(same), forgotten + len(lacking)
            suspects -= same | lacking
            if time.monotonic() > deadline or len(suspects) > MOST_SUSPECTS // 2:
                break
            if suspects:
                time.sleep(AGAIN_SECONDS)
        return TableCompared(table.name, equal, forgotten, len(suspects), first if suspects else "")

    def _again(self, table: tables.Table, keys: set[Key]) -> tuple[set[Key], set[Key], str]:
        """Return the keys whose rows are equal now, those the newer may lack, and the first that differs."""
        same, lacking, first = set[Key](), set[Key](), ""
        reads = [self._one(table, version) for version in self._versions]
        for key in sorted(keys, key=repr):
            found = [self._session.execute(read, key).one() for read in reads]
            if found[0] == found[1]:
                same.add(key)
            elif found[1] is None and self._may_lack(table, key):
                lacking.add(key)
            elif not first:
                where = "both" if None not in found else "older" if found[1] is None else "newer"
                first = f"{'/'.join(str(part) for part in key)} ({where})"
        return same, lacking, first

    def _rows(self, table: tables.Table, version: str) -> Iterator[Row]:
        statement = self._prepared(f"SELECT {', '.join(table.columns)} FROM {table.named(version)}")  # noqa: S608  names are ours
        statement.fetch_size = PAGE
        return iter(self._session.execute(statement))

    def _one(self, table: tables.Table, version: str) -> Any:
        key = " AND ".join(f"{name} = ?" for name in (*table.partition, *table.clustering))
        return self._prepared(f"SELECT {', '.join(table.columns)} FROM {table.named(version)} WHERE {key}")  # noqa: S608  names are ours

    def _prepared(self, query: str) -> Any:
        statement = self._session.prepare(query)
        statement.consistency_level = LOCAL_QUORUM
        statement.is_idempotent = True
        return statement
