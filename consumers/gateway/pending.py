"""Entries that somebody waits for: from the moment they are handed in until they are on record or given up.

Shared by the thread that waits, the one that writes and the one that hears from the broker. Knows none of them.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from consumers.gateway.chain import Draft


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where an entry is durable, and the SHA-256 of its value; the value too, where who wrote it gives it."""

    event_id: bytes
    topic: str
    partition: int
    offset: int
    value_hash: bytes
    value: bytes = field(default=b"", repr=False, compare=False)


class Pending:
    """Drafts handed in together: all of them go on record in a row, or none does."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self.drafts = drafts
        self.event_ids: tuple[bytes, ...] = ()
        self.receipts: list[Receipt] = []
        self.off = 0
        self.code = ""
        self.fault: Exception | None = None
        self.done = threading.Event()
        self._lock = threading.Lock()
        self._taken = self._given_up = False

    def take(self) -> bool:
        """Have the drafts written from now on; False if who asked has gone, so that nothing is to be written."""
        with self._lock:
            self._taken = not self._given_up
            return self._taken

    def give_up(self) -> tuple[bytes, ...]:
        """Wait no longer; return the ids of the entries that may be on record later, none if they were not begun."""
        with self._lock:
            self._given_up = not self._taken
            return self.event_ids

    def refuse(self, code: str) -> None:
        """Tell that none of it is on record, nor will be."""
        self.code, self.event_ids = code, ()
        self.done.set()

    def fail(self, fault: Exception) -> None:
        """Tell that the drafts can't be made into entries; who handed them in raises it."""
        self.fault = fault
        self.done.set()

    def arrived(self, receipt: Receipt, off: int) -> None:
        """Count an entry as acknowledged, in order; `off` is what it tells of the clock, in microseconds."""
        self.receipts.append(receipt)
        self.off = max(self.off, off, key=abs)
        if len(self.receipts) == len(self.event_ids):
            self.done.set()
