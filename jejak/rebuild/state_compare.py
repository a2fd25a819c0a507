"""How two versions of the fold's state stand to each other, partition by partition, and in sum."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from stream_processors.folds.shadow import Standing, StateLog, standing
from stream_processors.registry import digest


@dataclass(frozen=True, slots=True)
class StateCompared:
    """Two versions of the state: families by how they stand, the first that differs, and the digests.

    `moving` families were changed while they were looked at; the digests are of one cut only where there are none.
    """

    older: str
    newer: str
    equal: int
    moving: int
    differing: int
    first: str
    older_digest: str
    newer_digest: str


class Total:
    """Adds up how the partitions of two versions stand."""

    def __init__(self, older: str, newer: str) -> None:
        self._versions = (older, newer)
        self._counts: Counter[Standing] = Counter()
        self._first = ""
        self._digests: tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]] = ([], [])

    def add(self, older: StateLog, newer: StateLog, before: Mapping[bytes, bytes]) -> None:
        """Add one partition, of which `before` is what the older one held a look before the newer caught up."""
        for key in sorted(older.framed.keys() | newer.framed.keys()):
            how = standing(older.framed.get(key), newer.framed.get(key), before.get(key))
            self._counts[how] += 1
            if how == "differing" and not self._first:
                self._first = key.decode()
        for kept, log in zip(self._digests, (older, newer), strict=True):
            kept.append((log.number, log.digest()))

    def told(self) -> StateCompared:
        """Return the sum."""
        counts, digests = self._counts, [digest.total_digest(kept).hex() for kept in self._digests]
        return StateCompared(
            *self._versions, counts["equal"], counts["moving"], counts["differing"], self._first, *digests
        )
