"""The auditor's own tree: RFC 6962 hashes made tile by tile, so that the sequencer's work is judged by other code.

Pure. Must not know what entries hold or where tiles lie.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final

EMPTY: Final = hashlib.sha256().digest()
_sha256 = hashlib.sha256


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry as a leaf."""
    return _sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return _sha256(b"\x01" + left + right).digest()


def rows(hashes: Sequence[bytes]) -> list[Sequence[bytes]]:
    """Return the hashes, the nodes over pairs of them, over pairs of those and so on; what has no partner ends."""
    found = [hashes]
    while len(row := found[-1]) > 1:
        found.append(
            [_sha256(b"\x01" + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=False)]
        )
    return found


def peaks(made: list[Sequence[bytes]], count: int) -> Iterator[bytes]:
    """Yield the roots of the complete subtrees that the first `count` hashes fall into, the smallest, last, first."""
    for height in range(count.bit_length()):
        if count >> height & 1:
            yield made[height][(count >> height) - 1]


class Counter:
    """Complete subtrees of one size, joined as they come: the peaks of the tree over them."""

    def __init__(self) -> None:
        self.count = 0
        self._peaks: list[bytes] = []  # the largest, first, first

    def add(self, root: bytes) -> None:
        """Take the next subtree."""
        joined = self.count
        self.count += 1
        while joined & 1:
            root = node_hash(self._peaks.pop(), root)
            joined >>= 1
        self._peaks.append(root)

    def copy(self) -> "Counter":
        """Return another that goes on from here."""
        other = Counter()
        other.count, other._peaks = self.count, [*self._peaks]
        return other

    def root(self, *ends: bytes) -> bytes:
        """Return the root over the subtrees and then `ends`, the smallest, last, first, each smaller than a subtree."""
        found = b""
        for peak in (*ends, *reversed(self._peaks)):
            found = node_hash(peak, found) if found else peak
        return found or EMPTY


class Upper:
    """The levels of tiles above the segments: each hash is told before it is joined to the next level."""

    def __init__(self, level: int, width: int, told: Callable[[int, int, bytes], None]) -> None:
        self._first = level
        self._width = width
        self._told = told
        self._open: list[list[bytes]] = []
        self._taken: list[int] = []

    def add(self, root: bytes, above: int = 0) -> None:
        """Take the next hash of the lowest of these levels; `told` gets level, number and hash."""
        if above == len(self._open):
            self._open.append([])
            self._taken.append(0)
        self._told(self._first + above, self._taken[above], root)
        self._taken[above] += 1
        self._open[above].append(root)
        if len(self._open[above]) == self._width:
            full, self._open[above] = self._open[above], []
            self.add(rows(full)[-1][0], above + 1)
