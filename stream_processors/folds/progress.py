"""How far the fold of one partition is: restored from its topic, told with each batch, and digested with its states.

Must not know what is folded, nor any rule.
"""

import hashlib
from collections.abc import Iterable

from schemas.records import FoldPosition
from stream_processors.engine.contract import Output
from stream_processors.folds import telling
from stream_processors.folds.states import OtherFoldVersion


class Progress:
    """The position of one partition, and what was counted up to it."""

    __slots__ = ("_made_by", "_partition", "_topic", "_version", "counted", "next_offset", "recorded_at")

    def __init__(self, partition: int, states_topic: str, version: str) -> None:
        self._partition, self._topic, self._version = partition, states_topic, version
        self._made_by = version
        self.next_offset: int | None = None  # None before the first record, where none was restored
        self.recorded_at = 0
        self.counted = 0

    def restore(self, said: FoldPosition) -> None:
        """Go on from a position that was told."""
        self.next_offset, self.recorded_at, self.counted = said.next_offset, said.recorded_at, said.events
        self._made_by = said.fold_version

    def check(self) -> None:
        """Raise OtherFoldVersion where another version of the fold made the states restored."""
        if self._made_by != self._version:
            raise OtherFoldVersion(f"states of fold version {self._made_by}, this is {self._version}")

    def told(self, next_offset: int) -> Output:
        """Return the record of the position after a batch."""
        self.next_offset = next_offset
        said = FoldPosition(
            partition=self._partition,
            next_offset=next_offset,
            recorded_at=self.recorded_at,
            events=self.counted,
            fold_version=self._version,
        )
        return telling.position(self._topic, said)

    def digest(self, states: Iterable[tuple[bytes, bytes]]) -> tuple[int, bytes]:
        """Return the offset of the next record and a SHA-256 over every state by its key, in order of keys."""
        whole = hashlib.sha256()
        for key, framed in sorted(states):
            whole.update(key)
            whole.update(hashlib.sha256(framed).digest())
        return self.next_offset or 0, whole.digest()
