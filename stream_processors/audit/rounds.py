"""The published order of leaves: which rounds won, and where each record of the audit topic stands in the tree.

The first record of a round number wins. Leaves are ordered by round, then partition, then offset, so a round's size is
the sum of its cut (end offsets by partition). It must not know topics, files or what is in a leaf.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from schemas.merkle import EMPTY_ROOT, HASH_BYTES, MOST_LEAVES
from schemas.records import RoundOpened

_U64: Final = 8


class RoundRefused(Exception):
    """A round that no honest sequencer opens; `code` says why, `number` which.

    GAP (numbers have a hole), PARTITIONS (not 0, 1, ... or not as many as before), SHRUNK (an end offset went back),
    SIZE (not the sum of the cut), ROOT (not 32 bytes, or another one for the same leaves).
    """

    def __init__(self, code: str, number: int) -> None:
        super().__init__(f"{code}: round {number}")
        self.code, self.number = code, number


@dataclass(frozen=True, slots=True)
class Span:
    """Offsets [start, end) of one partition, which stand side by side in the tree."""

    partition: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Round:
    """A round that won: the end offset of each partition, and the tree of all leaves before them."""

    number: int
    cut: tuple[int, ...]
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if self.number < 0 or not self.cut:
            raise RoundRefused("PARTITIONS" if not self.cut else "GAP", self.number)
        if min(self.cut) < 0 or self.size != sum(self.cut) or self.size > MOST_LEAVES:
            raise RoundRefused("SIZE", self.number)
        if len(self.root) != HASH_BYTES or (self.size == 0 and self.root != EMPTY_ROOT):
            raise RoundRefused("ROOT", self.number)

    @classmethod
    def of(cls, record: RoundOpened) -> Self:
        """Return the round that a record opens; raises RoundRefused."""
        if [cut.partition for cut in record.cut] != list(range(len(record.cut))):
            raise RoundRefused("PARTITIONS", record.round)
        return cls(record.round, tuple(cut.end_offset for cut in record.cut), record.tree_size, record.root)

    def packed(self) -> bytes:
        """Return the round as the index of rounds keeps it: u64 size, u64 end offset of each partition, root."""
        return struct.pack(f">{1 + len(self.cut)}Q", self.size, *self.cut) + self.root

    @classmethod
    def unpacked(cls, number: int, record: bytes) -> Self:
        """Return round `number` of its bytes in the index of rounds; raises RoundRefused."""
        offsets = len(record) - HASH_BYTES
        if offsets <= 0 or offsets % _U64:
            raise RoundRefused("PARTITIONS", number)
        size, *cut = struct.unpack_from(f">{offsets // _U64}Q", record)
        return cls(number, tuple(cut), size, record[offsets:])


def record_bytes(partitions: int) -> int:
    """Return the length in bytes of each record of the index of rounds."""
    return _U64 * (1 + partitions) + HASH_BYTES


class Winners:
    """Tells of each RoundOpened of one log, in the order of its topic, whether it won."""

    __slots__ = ("_origin", "last")

    def __init__(self, origin: str, last: Round | None = None) -> None:
        self._origin = origin
        self.last = last

    def offer(self, record: RoundOpened) -> Round | None:
        """Return the round when it is its number's first record, and None when it lost or is another log's.

        Raises RoundRefused when it would win but can't follow the last winner.
        """
        if record.origin != self._origin or (self.last is not None and record.round <= self.last.number):
            return None
        won = Round.of(record)
        if self.last is not None:
            require_follows(self.last, won)
        self.last = won
        return won


def winners(origin: str, records: Iterable[RoundOpened]) -> Iterator[Round]:
    """Yield the rounds of a log that won, in order; raises RoundRefused at the first that can't follow."""
    election = Winners(origin)
    for record in records:
        if (won := election.offer(record)) is not None:
            yield won


def require_follows(before: Round, after: Round) -> None:
    """Hold a round against the one before it: next number, same partitions, no offset back; raises RoundRefused."""
    if after.number != before.number + 1:
        raise RoundRefused("GAP", after.number)
    if len(after.cut) != len(before.cut):
        raise RoundRefused("PARTITIONS", after.number)
    if any(end < start for start, end in zip(before.cut, after.cut, strict=True)):
        raise RoundRefused("SHRUNK", after.number)
    if after.size == before.size and after.root != before.root:
        raise RoundRefused("ROOT", after.number)


def spans(before: Round | None, after: Round) -> tuple[Span, ...]:
    """Return the leaves that a round adds in their order in the tree, those of each partition together."""
    starts = before.cut if before is not None else (0,) * len(after.cut)
    cuts = enumerate(zip(starts, after.cut, strict=True))
    return tuple(Span(partition, start, end) for partition, (start, end) in cuts if start < end)


def index_of(rounds: Sequence[Round], partition: int, offset: int) -> int | None:
    """Return the leaf index of a record, or None when no round holds it yet; `rounds` begins with the log's first."""
    if not rounds or offset < 0 or not 0 <= partition < len(rounds[0].cut):
        return None
    place = bisect_right(rounds, offset, key=lambda each: each.cut[partition])
    if place == len(rounds):
        return None
    index = rounds[place - 1].size if place else 0
    for span in spans(rounds[place - 1] if place else None, rounds[place]):
        if span.partition == partition:
            break
        index += span.end - span.start
    return index + offset - (rounds[place - 1].cut[partition] if place else 0)


def place_of(rounds: Sequence[Round], index: int) -> tuple[int, int] | None:
    """Return the partition and offset of a leaf, or None when no round holds it yet: the inverse of `index_of`."""
    place = bisect_right(rounds, index, key=lambda each: each.size)
    if index < 0 or place == len(rounds):
        return None
    left = index - (rounds[place - 1].size if place else 0)
    for span in spans(rounds[place - 1] if place else None, rounds[place]):
        if left < span.end - span.start:
            return span.partition, span.start + left
        left -= span.end - span.start
    raise AssertionError("a round's size is the sum of its cut")
