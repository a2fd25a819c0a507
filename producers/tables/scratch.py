"""Room outside memory for what a file holds, sealed with a key that this process alone has and never writes.

Blocks stay in memory up to a few megabytes; beyond that they are in a temporary file without a name, gone when it is
closed or the process ends. What is on that disk is AES-256-GCM under a random key: no text of a person rests there, and
a block that was changed is a fault. Must not know what a block holds.
"""

import zlib
from array import array
from secrets import token_bytes
from tempfile import SpooledTemporaryFile
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_IN_MEMORY: Final = 4 << 20
_KEY: Final = 32
_NONCE: Final = 12
_FAST: Final = 1


class ScratchFull(Exception):
    """The disk of temporary files took no more; nothing of the file was published."""


class Scratch:
    """Blocks of bytes by their number, from 0, in the order they were put."""

    def __init__(self, in_memory: int = _IN_MEMORY) -> None:
        self._cipher = AESGCM(token_bytes(_KEY))
        self._file = SpooledTemporaryFile(max_size=in_memory)  # noqa: SIM115  closed, and gone, with this object
        self._ends = array("Q", [0])

    def __len__(self) -> int:
        """Return how many blocks were put."""
        return len(self._ends) - 1

    def put(self, block: bytes) -> int:
        """Keep a block and return its number; raises ScratchFull where the disk takes no more."""
        number = len(self)
        sealed = self._cipher.encrypt(_nonce(number), zlib.compress(block, _FAST), None)
        try:
            self._file.seek(self._ends[-1])
            self._file.write(sealed)
        except OSError as full:
            raise ScratchFull("no room for temporary files") from full
        self._ends.append(self._ends[-1] + len(sealed))
        return number

    def get(self, number: int) -> bytes:
        """Return a block that was put; one that was changed on the disk is an InvalidTag fault."""
        start, end = self._ends[number], self._ends[number + 1]
        self._file.seek(start)
        return zlib.decompress(self._cipher.decrypt(_nonce(number), self._file.read(end - start), None))


def _nonce(number: int) -> bytes:
    """Return the nonce of a block: no two blocks of one key share it."""
    return number.to_bytes(_NONCE, "big")
