"""A digest over the events of a partition in their order, which can be taken up again where a replay stopped.

Blocks of 4,096 events, each hashed with the digest of all before it: SHA-256 of that digest, the length of each
value (4 bytes, little-endian) and the values. Knows events as bytes; must not know what they say.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass

BLOCK = 4_096
NOTHING = bytes(32)


@dataclass(frozen=True, slots=True)
class Link:
    """Where a chain is taken up: the digest of all closed blocks, and the offset at which the open one begins."""

    before: bytes = NOTHING
    start: int = 0


class Chain:
    """The digest of the events taken so far; a full block is closed when the next event comes."""

    def __init__(self, link: Link = Link()) -> None:
        self._before = link.before
        self._start = link.start
        self._open: list[bytes] = []

    def take(self, offsets: Sequence[int], values: Sequence[bytes]) -> None:
        """Take the next events, with their offsets."""
        done = 0
        while done < len(values):
            if len(self._open) == BLOCK:
                self._before, self._open = self.digest(), []
            if not self._open:
                self._start = offsets[done]
            room = BLOCK - len(self._open)
            self._open += values[done : done + room]
            done += room

    @property
    def link(self) -> Link:
        """Where this chain can be taken up; what follows is read again from there."""
        return Link(self._before, self._start)

    def digest(self) -> bytes:
        """Return the digest of every event so far; without any it is what the chain began with."""
        if not self._open:
            return self._before
        whole = hashlib.sha256(self._before)
        whole.update(struct.pack(f"<{len(self._open)}I", *map(len, self._open)))
        whole.update(b"".join(self._open))
        return whole.digest()
