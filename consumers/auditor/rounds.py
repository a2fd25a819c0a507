"""The published order of leaves: which offsets of which partition each round took, and where they stand in the tree.

Knows the index of rounds (audit.md's 4.7); must not know hashes, or where the index is read from.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from consumers.auditor import hashing
from consumers.auditor.source import HASH, LogReader

_READ_AT_ONCE = 1_024


@dataclass(frozen=True, slots=True)
class Round:
    """The tree after a round: its size, the end offset of each partition, its root. `record` counts from 0."""

    record: int
    size: int
    cut: tuple[int, ...]
    root: bytes


@dataclass(frozen=True, slots=True)
class Stretch:
    """Leaves that follow each other in one partition: the first leaf, the first offset, how many."""

    leaf: int
    partition: int
    offset: int
    count: int


@dataclass(frozen=True, slots=True)
class Index:
    """The index of rounds of a log, as long as it was when it was first looked at."""

    log: LogReader
    partitions: int
    count: int

    @classmethod
    def of(cls, log: LogReader) -> "Index":
        """Return the index as it is now; raises Malformed."""
        partitions = log.head().partitions
        return cls(log, partitions, log.rounds_length() // _form(partitions).size)

    def begin(self) -> Round:
        """Return what was before the first round."""
        return Round(-1, 0, (0,) * self.partitions, hashing.EMPTY)

    def at(self, record: int) -> Round:
        """Return one record."""
        return next(self.between(record, record + 1))

    def between(self, first: int, end: int) -> Iterator[Round]:
        """Yield records in order; fewer, when the index has become shorter."""
        form = _form(self.partitions)
        for start in range(first, end, _READ_AT_ONCE):
            some = self.log.rounds(form.size * start, form.size * min(end, start + _READ_AT_ONCE))
            whole = len(some) // form.size * form.size
            for number, (size, *cut, root) in enumerate(form.iter_unpack(some[:whole]), start):
                yield Round(number, size, tuple(cut), root)

    def taking(self, partition: int, offset: int) -> tuple[Round, Round] | None:
        """Return the round that took this offset, after the one before it; None where none has yet."""
        low, high = 0, self.count
        while low < high:  # the first record that ends behind the offset
            middle = (low + high) // 2
            low, high = (low, middle) if self.at(middle).cut[partition] > offset else (middle + 1, high)
        if low == self.count:
            return None
        return (self.at(low - 1) if low else self.begin()), self.at(low)


def is_sound(before: Round, after: Round) -> bool:
    """Return whether a round may follow another: no partition goes back, and the size is the sum of the cut."""
    forward = all(begun <= end for begun, end in zip(before.cut, after.cut, strict=True))
    return forward and after.size == sum(after.cut)


def stretches(rounds: Sequence[Round], first: int, end: int) -> list[Stretch]:
    """Return the leaves from `first` up to `end` by partition and offset; the first round given ends before them."""
    found = []
    for before, after in pairwise(rounds):
        leaf = before.size
        for partition, (begun, ended) in enumerate(zip(before.cut, after.cut, strict=True)):
            start, stop = max(leaf, first), min(leaf + ended - begun, end)
            if start < stop:
                found.append(Stretch(start, partition, begun + start - leaf, stop - start))
            leaf += ended - begun
    return found


def leaf_of(before: Round, after: Round, partition: int, offset: int) -> int:
    """Return the leaf of an offset that the round `after` took."""
    ahead = sum(ended - begun for begun, ended in zip(before.cut[:partition], after.cut[:partition], strict=True))
    return before.size + ahead + offset - before.cut[partition]


def _form(partitions: int) -> struct.Struct:
    return struct.Struct(f">{partitions + 1}Q{HASH}s")
