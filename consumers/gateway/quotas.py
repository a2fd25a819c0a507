"""Counts the persons that were seen in each clock hour (UTC), in one file that all processes of a gateway's name share.

Persons are reserved before an intent and settled when it is known how many were seen; what a crash leaves reserved
counts as seen until the hour is over. Several gateways split each quota: every name has the whole part of its share,
so that all of them together never exceed it. Must not know what is seen, nor any policy.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HOUR_US: Final = 3_600_000_000
MEMORY: Final = ":memory:"
_WAIT_SECONDS: Final = 2.0
_KEPT_HOURS: Final = 48
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS seen (hour INTEGER, counter TEXT, persons INTEGER, PRIMARY KEY (hour, counter))"
)
_READ: Final = "SELECT persons FROM seen WHERE hour = ? AND counter = ?"
_ADD: Final = (
    "INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT (hour, counter) DO UPDATE SET persons = persons + excluded.persons"
)


@dataclass(frozen=True, slots=True)
class Counter:
    """One count that a look is held against: its quota, whose it is, and the persons an hour may have."""

    quota_id: str
    whose: str
    most: int

    @property
    def name(self) -> str:
        """What the file knows it by."""
        return f"{self.quota_id}|{self.whose}"


@dataclass(frozen=True, slots=True)
class Reservation:
    """Persons that are counted as seen in an hour, until they are settled."""

    hour: int
    counters: tuple[Counter, ...]
    persons: int


@dataclass(frozen=True, slots=True)
class Exceeded:
    """The refusal to count more persons: the quota that has not as many left in this hour."""

    quota_id: str


class Quotas:
    """The counts of one gateway's name, safe between threads and processes; raises sqlite3.Error when the file is away.

    `gateways` is among how many gateways each quota is split.
    """

    def __init__(self, file: Path | None = None, gateways: int = 1) -> None:
        if file is not None:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._gateways = gateways
        self._lock = threading.Lock()
        self._file = sqlite3.connect(
            MEMORY if file is None else file, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )
        # WAL and NORMAL: what a killed process counted stays counted; a power cut may lose the last of it.
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = NORMAL")
        self._file.execute(_TABLE)

    def close(self) -> None:
        """Close the file; what is reserved stays counted."""
        self._file.close()

    def reserve(self, counters: Sequence[Counter], persons: int, at: int) -> Reservation | Exceeded:
        """Count the persons in the hour of `at` (microseconds since 1970) against every counter, or none of them."""
        made = Reservation(at // HOUR_US, tuple(counters), persons)
        with self._transaction():
            exceeded = self._exceeded(made, persons)
            if exceeded is None:
                self._add(made, persons)
        return made if exceeded is None else exceeded

    def settle(self, reserved: Reservation, seen: int) -> Exceeded | None:
        """Count what was seen in place of what was reserved; Exceeded, with the reserve kept, when that is too much."""
        more = seen - reserved.persons
        with self._transaction():
            exceeded = self._exceeded(reserved, more) if more > 0 else None
            if exceeded is None and more:
                self._add(reserved, more)
        return exceeded

    def seen(self, counter: Counter, at: int) -> int:
        """Return how many persons are counted in the hour of `at`."""
        with self._transaction():
            return self._counted(at // HOUR_US, counter)

    def _exceeded(self, asked: Reservation, persons: int) -> Exceeded | None:
        for counter in asked.counters:
            if self._counted(asked.hour, counter) + persons > counter.most // self._gateways:
                return Exceeded(counter.quota_id)
        return None

    def _counted(self, hour: int, counter: Counter) -> int:
        row = self._file.execute(_READ, (hour, counter.name)).fetchone()
        return int(row[0]) if row else 0

    def _add(self, reserved: Reservation, persons: int) -> None:
        self._file.executemany(_ADD, [(reserved.hour, counter.name, persons) for counter in reserved.counters])
        self._file.execute("DELETE FROM seen WHERE hour < ?", (reserved.hour - _KEPT_HOURS,))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Lend the file to one thread of one process; what fails inside leaves no trace."""
        with self._lock:
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._file.execute("ROLLBACK")
                raise
            self._file.execute("COMMIT")
