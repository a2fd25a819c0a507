"""RFC 6962 tree hashes and the two proofs over them, by SHA-256; verification as RFC 9162 section 2.1 writes it.

A check answers true or false and refuses everything malformed: a hash that is not 32 bytes, an index outside the tree,
a proof of the wrong length. A root does not tell its size, since one path may fit two sizes of one shape: size and root
are always to be taken together, from one signed checkpoint. It must not know what a leaf holds, how proofs are made or
where hashes are kept.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
MOST_LEAVES: Final = 2**63 - 1
"""The largest tree size: what a signed 64-bit number of the contract holds."""
EMPTY_ROOT: Final = sha256(b"").digest()
"""The root of the tree without leaves."""

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def leaf_hash(entry: bytes) -> bytes:
    """Return the 32-byte hash of an entry as a leaf: SHA-256 of 00 and the entry."""
    return sha256(_LEAF + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the 32-byte hash of a node over its two children: SHA-256 of 01, left and right."""
    return sha256(_NODE + left + right).digest()


def tree_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over the hashes of subtrees from left to right.

    All are complete and equally large but the last, which may be smaller. Over leaf hashes it is the root of the tree;
    over none, of the empty tree.
    """
    row = hashes
    while len(row) > 1:
        row = parents(row) + list(row[len(row) & ~1 :])
    return row[0] if row else EMPTY_ROOT


def parents(row: Sequence[bytes]) -> list[bytes]:
    """Return the node over each pair of hashes from left to right; an odd last one has none."""
    return [sha256(_NODE + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=False)]


def inclusion_holds(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Return whether the path proves the leaf hash at `index` (from 0) in the tree of this size and root."""
    if not (0 <= index < size <= MOST_LEAVES and _hashes(leaf, root, *path)):
        return False
    position, last, made = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if position & 1 or position == last:
            made = node_hash(sibling, made)
            position, last = _up_to_a_right_child(position, last)
        else:
            made = node_hash(made, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and made == root


def consistency_holds(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Return whether the proof shows the old tree to be the beginning of the new one.

    Every tree begins with the empty one, whose root is EMPTY_ROOT and no other; that and equal sizes take no hashes.
    """
    if not (0 <= old_size <= new_size <= MOST_LEAVES and _hashes(old_root, new_root, *proof)):
        return False
    if _empty_with_another_root(old_size, old_root) or _empty_with_another_root(new_size, new_root):
        return False
    if old_size in {0, new_size}:
        return not proof and (old_size == 0 or old_root == new_root)
    power_of_two = old_size & (old_size - 1) == 0
    return _leads_to_both(old_size, old_root, new_size, new_root, (old_root, *proof) if power_of_two else tuple(proof))


def _leads_to_both(old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: tuple[bytes, ...]) -> bool:
    """Return whether the path from the old tree's last complete subtree makes the old root and the new one."""
    if not path:
        return False
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            position, last = _up_to_a_right_child(position, last)
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root


def _up_to_a_right_child(position: int, last: int) -> tuple[int, int]:
    """Return position and last where the position is a right child or the left edge: between, the node stands alone."""
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def _hashes(*candidates: bytes) -> bool:
    return all(len(candidate) == HASH_BYTES for candidate in candidates)


def _empty_with_another_root(size: int, root: bytes) -> bool:
    return size == 0 and root != EMPTY_ROOT
