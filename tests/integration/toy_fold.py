"""A fold as small as can be, to try the engine with: it counts per key and per partition."""

import os
from collections.abc import Callable, Sequence

from stream_processors.engine.contract import Output, PartitionFold, Poison

PREFIX = os.environ.get("TOY_PREFIX", "toy")
POISON = b"poison"
BUG = b"bug"


class ToyFold:
    """Emits (count so far, input) per change, the count of the key as state, and the partition's sum as a cell."""

    def __init__(self, prefix: str, partition: int) -> None:
        self._prefix = prefix
        self._partition = partition
        self._counts: dict[bytes, int] = {}
        self._position: int | None = None

    def restore(self, key: bytes, value: bytes) -> None:
        if key.startswith(b"position/"):
            assert key == self._position_key
            self._position = int(value)
        else:
            self._counts[key] = int(value)

    def restored(self) -> Sequence[Output]:
        return [self._sum()] if self._position is not None else []

    @property
    def next_offset(self) -> int | None:
        return self._position

    def fold(self, key: bytes | None, value: bytes, offset: int, appended_at: int) -> Sequence[Output]:
        if key is None or value == POISON:
            raise Poison("TOY_POISON")
        if value == BUG:
            raise RuntimeError(value)
        assert appended_at > 1_600_000_000_000_000
        assert self._position is None or offset >= self._position
        count = self._counts[key] = self._counts.get(key, 0) + 1
        headers = [("offset", str(offset).encode())] if count % 3 == 0 else None
        return [
            Output(f"{self._prefix}.events", key, b"%d:%b" % (count, value), headers),
            Output(f"{self._prefix}.state", key, b"%d" % count),
        ]

    def close_batch(self, next_offset: int) -> Sequence[Output]:
        self._position = next_offset
        return [Output(f"{self._prefix}.state", self._position_key, b"%d" % next_offset), self._sum()]

    @property
    def _position_key(self) -> bytes:
        return b"position/%d" % self._partition

    def _sum(self) -> Output:
        return Output(f"{self._prefix}.sums", b"sum/%d" % self._partition, b"%d" % sum(self._counts.values()))


def counting(prefix: str) -> Callable[[int], PartitionFold]:
    """Return a factory of folds that write to the topics with this prefix."""
    return lambda partition: ToyFold(prefix, partition)


def make(partition: int) -> PartitionFold:
    """Make a fold for the topics named by TOY_PREFIX."""
    return ToyFold(PREFIX, partition)
