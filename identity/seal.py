"""Sealing: encrypting one value for one owner so that it opens only in the place it was sealed for.

A sealed value is a version byte, 8 bytes of key id, 12 of nonce, then AES-256-GCM ciphertext and tag. The associated
data names record, field path, owner and change, so a value may be copied from change to event to state and never to
another person or field. It must not know how to open.
"""

import functools
import os
import uuid
from typing import Final

from identity.keys import Erased, KeyStore

VERSION: Final = b"\x01"
NONCE_BYTES: Final = 12


class Sealer:
    """Seals values with the keys of a store."""

    __slots__ = ("_keys",)

    def __init__(self, keystore: KeyStore) -> None:
        self._keys = keystore

    def seal(self, owner: str, record: str, path: str, change_id: uuid.UUID, plaintext: str) -> bytes | Erased:
        """Return the sealed value, 37 bytes longer than the text in UTF-8, or a refusal when the owner was erased.

        `record` is the record's full name, `path` the field within it, `owner` a person reference or family id.
        """
        return self._layer(owner, associated_data(owner, record, path, change_id), _utf8(plaintext))

    def seal_for_both(  # noqa: PLR0913, PLR0917  the place of a value has four parts
        self, inner: str, outer: str, record: str, path: str, change_id: uuid.UUID, plaintext: str
    ) -> bytes | Erased:
        """Return the value sealed for `inner`, and that for `outer`: it opens while neither of the two is erased.

        74 bytes longer than the text in UTF-8; a refusal when one of them was erased.
        """
        value: bytes | Erased = _utf8(plaintext)
        for owner in (inner, outer):
            if isinstance(value, Erased):
                break
            value = self._layer(owner, associated_data(owner, record, path, change_id), value)
        return value

    def _layer(self, owner: str, place: bytes, plaintext: bytes) -> bytes | Erased:
        key = self._keys.key_for_sealing(owner)
        if isinstance(key, Erased):
            return key
        nonce = os.urandom(NONCE_BYTES)
        return VERSION + key.key_id_bytes + nonce + key.cipher.encrypt(nonce, plaintext, place)


def _utf8(plaintext: str) -> bytes:
    # Lone surrogates pass, since an exception here would carry the plaintext.
    return plaintext.encode("utf-8", "surrogatepass")


def associated_data(owner: str, record: str, path: str, change_id: uuid.UUID) -> bytes:
    """Return what binds a sealed value to its place; every part has its length before it, so no two places agree."""
    return _field(record, path) + _part(owner) + change_id.bytes


@functools.lru_cache(maxsize=4096)
def _field(record: str, path: str) -> bytes:
    """Return the part that names the field, of which a schema has few."""
    return _part(record) + _part(path)


def _part(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded
