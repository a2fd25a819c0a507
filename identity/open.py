"""Opening sealed values: for the gateway alone (an import contract holds it), only with proof of a written intent."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

from cryptography.exceptions import InvalidTag

from identity.keys import KEY_ID_BYTES, Erased, KeyStore
from identity.seal import NONCE_BYTES, VERSION, associated_data
from identity.written_intent import WrittenIntent

_NONCE_AT: Final = len(VERSION) + KEY_ID_BYTES
_CIPHERTEXT_AT: Final = _NONCE_AT + NONCE_BYTES


@dataclass(frozen=True, slots=True)
class NotOpenable:
    """Why a value didn't open: not in a known format, no such key of the owner, or altered or moved."""

    reason: Literal["format", "key", "altered"]


class Opener:
    """Opens sealed values with the keys of a store."""

    __slots__ = ("_keys",)

    def __init__(self, keystore: KeyStore) -> None:
        self._keys = keystore

    def erased_among(self, owners: Collection[str]) -> frozenset[str]:
        """Return which of the owners were erased: nothing is opened, and nothing told but that."""
        return self._keys.erased_among(owners)

    def open_sealed(  # noqa: PLR0913, PLR0917  the place of a value has four parts
        self, intent: WrittenIntent, owner: str, record: str, path: str, change_id: uuid.UUID, sealed: bytes
    ) -> str | Erased | NotOpenable:
        """Return the text sealed for exactly this place, or why there is none; no exception ever holds plaintext.

        Raises TypeError, with no key asked for, where `intent` is no proof that the look is on record.
        """
        if type(intent) is not WrittenIntent:
            raise TypeError("nothing opens without the proof of a written intent")
        if sealed[: len(VERSION)] != VERSION or len(sealed) < _CIPHERTEXT_AT:
            return NotOpenable("format")
        key = self._keys.key(owner, int.from_bytes(sealed[len(VERSION) : _NONCE_AT], "big"))
        if key is None:
            return Erased() if self._keys.is_erased(owner) else NotOpenable("key")
        nonce, ciphertext = sealed[_NONCE_AT:_CIPHERTEXT_AT], sealed[_CIPHERTEXT_AT:]
        try:
            plaintext = key.cipher.decrypt(nonce, ciphertext, associated_data(owner, record, path, change_id))
        except InvalidTag:
            return NotOpenable("altered")
        return plaintext.decode("utf-8", "surrogatepass")
