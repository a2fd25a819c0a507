"""A second answer to every question about trees, written down from RFC 6962 section 2.1 alone: recursive, and slow.

Shares nothing with the code it judges. Nodes are remembered by the leaves they cover, so that many sizes over the same
entries stay affordable.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Oracle:
    """MTH, PATH and PROOF of RFC 6962 over a list of entries."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self._entries = entries
        self._known: dict[tuple[int, int], bytes] = {}

    def mth(self, start: int, end: int) -> bytes:
        """MTH(D[start:end]): the hash of nothing, of one leaf, or of the two halves at the split."""
        found = self._known.get((start, end))
        if found is None:
            found = self._known[start, end] = self._computed(start, end)
        return found

    def _computed(self, start: int, end: int) -> bytes:
        if start == end:
            return hashlib.new("sha256").digest()
        if end - start == 1:
            return leaf(self._entries[start])
        middle = start + split(end - start)
        return node(self.mth(start, middle), self.mth(middle, end))

    def root(self, size: int) -> bytes:
        return self.mth(0, size)

    def path(self, index: int, size: int) -> tuple[bytes, ...]:
        return tuple(self._path(index, 0, size))

    def _path(self, index: int, start: int, end: int) -> list[bytes]:
        """PATH(m, D[start:end]), with m counted from start."""
        if end - start == 1:
            return []
        k = split(end - start)
        if index < k:
            return [*self._path(index, start, start + k), self.mth(start + k, end)]
        return [*self._path(index - k, start + k, end), self.mth(start, start + k)]

    def proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """PROOF(m, D[n]) for 0 < m < n; the empty and the equal tree need none."""
        return tuple(self._subproof(old, 0, new, whole=True)) if 0 < old < new else ()

    def _subproof(self, old: int, start: int, end: int, *, whole: bool) -> list[bytes]:
        if old == end - start:
            return [] if whole else [self.mth(start, end)]
        k = split(end - start)
        if old <= k:
            return [*self._subproof(old, start, start + k, whole=whole), self.mth(start + k, end)]
        return [*self._subproof(old - k, start + k, end, whole=False), self.mth(start, start + k)]


def split(size: int) -> int:
    """The largest power of two smaller than the size, which is 2 or more."""
    return 1 << ((size - 1).bit_length() - 1)


def leaf(entry: bytes) -> bytes:
    return hashlib.new("sha256", bytes([0]) + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.new("sha256", bytes([1]) + left + right).digest()


def included(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path fits, by walking PATH's own recursion backwards."""
    return 0 <= index < size and all(len(each) == 32 for each in path) and _up(leaf_hash, index, size, path) == root


def _up(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    if size == 1:
        return None if path else leaf_hash
    if not path:
        return None
    k = split(size)
    if index < k:
        made = _up(leaf_hash, index, k, path[:-1])
        return made and node(made, path[-1])
    made = _up(leaf_hash, index - k, size - k, path[:-1])
    return made and node(path[-1], made)


def consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof fits, by walking PROOF's own recursion backwards."""
    if not 0 <= old <= new or any(len(each) != 32 for each in proof):
        return False
    if old == 0:
        empty = hashlib.new("sha256").digest()
        return not proof and old_root == empty and (new > 0 or new_root == empty)
    return _both(old, new, proof, old_root) == (old_root, new_root)


def _both(old: int, new: int, proof: Sequence[bytes], whole: bytes | None) -> tuple[bytes, bytes] | None:
    """The old and the new hash of this subtree; `whole` is the old root while the old tree fills the left side."""
    if old == new:
        if whole is not None:
            return None if proof else (whole, whole)
        return (proof[0], proof[0]) if len(proof) == 1 else None
    if not proof:
        return None
    k = split(new)
    if old <= k:
        below = _both(old, k, proof[:-1], whole)
        return below and (below[0], node(below[1], proof[-1]))
    below = _both(old - k, new - k, proof[:-1], None)
    return below and (node(proof[-1], below[0]), node(proof[-1], below[1]))
