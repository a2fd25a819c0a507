"""The digest of a state: one SHA-256 over every family, whatever order the families were folded in.

Families are taken in the order of their ids, so the same set of states has one digest everywhere. (A sum of hashes
would be cheaper to keep running, but whoever may choose many states can make two sets with the same sum.) Knows
framed states as bytes; must not know what they say, nor where they come from.
"""

import hashlib
from collections.abc import Iterable, Mapping


def leaf(framed: bytes) -> bytes:
    """Return the SHA-256 of one family's framed state."""
    return hashlib.sha256(framed).digest()


def partition_digest(leaves: Mapping[str, bytes]) -> bytes:
    """Return the digest of one partition: SHA-256 of each family's id and leaf, in order of ids."""
    whole = hashlib.sha256()
    for family_id in sorted(leaves):
        whole.update(family_id.encode())
        whole.update(leaves[family_id])
    return whole.digest()


def total_digest(partitions: Iterable[tuple[int, bytes]]) -> bytes:
    """Return the digest of all partitions: SHA-256 of each number (4 bytes, big-endian) and digest, in order."""
    whole = hashlib.sha256()
    for number, digest in sorted(partitions):
        whole.update(number.to_bytes(4, "big"))
        whole.update(digest)
    return whole.digest()
