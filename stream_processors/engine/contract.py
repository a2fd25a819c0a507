"""What the engine asks of a fold, and what a fold gives back: the only thing both sides know of each other.

A fold is memory and arithmetic; it must not know brokers, groups, transactions or clocks. The engine must not know
rules or records.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from schemas.cloudevents import Headers


class Output(NamedTuple):
    """One record for the partition of its input, in the same transaction as all else of its batch.

    On a topic with another key than the input's (`EngineSettings.keyed_topics`) it goes to its own key's partition.
    A tuple and no dataclass: several are made per change, and a frozen dataclass takes three times as long to make.
    """

    topic: str
    key: bytes
    value: bytes
    headers: Headers | None = None
    timestamp_ms: int = 0  # milliseconds since 1970; 0: the time of sending


class Poison(Exception):
    """A change that this fold can't take, raised before anything was changed; `code` names why, and no content."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class PartitionFold(Protocol):
    """The fold of one assigned partition, in memory only.

    It is never rolled back: after an aborted transaction the engine throws it away and restores another one.
    """

    def restore(self, key: bytes, value: bytes) -> None:
        """Take over one record of the state topic's partition; they come in the order of the log, all of them."""
        ...

    def restored(self) -> Sequence[Output]:
        """Return what must be published again once the last record was taken over: the recounted cells."""
        ...

    @property
    def next_offset(self) -> int | None:
        """Offset of the next change to decide, from the restored position record; None if there was none."""
        ...

    def fold(self, key: bytes | None, value: bytes, offset: int, appended_at: int) -> Sequence[Output]:
        """Decide one change and return what follows from it.

        `appended_at` is the broker's append time in microseconds since 1970, UTC. Raises Poison or
        `schemas.codec.Undecodable` before anything is changed; any other exception is a fault and ends the worker.
        """
        ...

    def close_batch(self, next_offset: int) -> Sequence[Output]:
        """Return what ends a transaction: the position record with `next_offset`, and the changed counts."""
        ...


@runtime_checkable
class Digesting(Protocol):
    """What a partition's fold may do besides: tell a digest of its state, so that two of them can be compared."""

    def digest(self) -> tuple[int, bytes]:
        """Return the offset of the next change to decide, and the digest of the state at that offset."""
        ...


FoldFactory = Callable[[int], PartitionFold]
"""Makes the empty fold of a partition, by its number."""
