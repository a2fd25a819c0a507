"""The master key: what data keys are wrapped with at rest. It must not know where wrapped keys are stored."""

import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from identity.keys import KEY_ID_BYTES
from identity.secret_file import load_or_create_secret

_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_CIPHERTEXT_AT: Final = len(_VERSION) + _NONCE_BYTES


class WrappedKeyError(Exception):
    """A stored key doesn't unwrap: another master key, or a row that was altered or moved."""


class MasterKey:
    """The AES-256-GCM key that wraps data keys, bound to their owner and id; it shows nothing of itself."""

    __slots__ = ("_cipher",)

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(secret)

    def __repr__(self) -> str:
        return "MasterKey()"

    def wrap(self, owner: str, key_id: int, secret: bytes) -> bytes:
        """Return the secret encrypted for storage: a version byte, 12 of nonce, the ciphertext and its tag."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, secret, _place(owner, key_id))

    def unwrap(self, owner: str, key_id: int, wrapped: bytes) -> bytes:
        """Return the secret; raises WrappedKeyError when it wasn't wrapped by this key for this owner and id."""
        nonce, ciphertext = wrapped[len(_VERSION) : _CIPHERTEXT_AT], wrapped[_CIPHERTEXT_AT:]
        if wrapped[: len(_VERSION)] != _VERSION or len(nonce) < _NONCE_BYTES:
            raise WrappedKeyError(f"a key of {owner} is in an unknown format")
        try:
            return self._cipher.decrypt(nonce, ciphertext, _place(owner, key_id))
        except InvalidTag:
            raise WrappedKeyError(f"a key of {owner} doesn't unwrap with this master key") from None


def load_or_create_master_key(path: Path) -> MasterKey:
    """Return the master key in the file, made with mode 0600 when there is none; see `load_or_create_secret`."""
    return MasterKey(load_or_create_secret(path))


def _place(owner: str, key_id: int) -> bytes:
    """Return the associated data; the id has a fixed length and stands first, so no two places read the same."""
    return key_id.to_bytes(KEY_ID_BYTES, "big") + owner.encode()
