"""The data keys of persons and families: what a key store promises, and one in memory for tests and benchmarks.

An owner is a person reference or a family id. A key is random, never changed and never reused, and whatever was sealed
with it can be opened until its owner is erased. It must not know what is sealed.
"""

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol, Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SECRET_BYTES: Final = 32
# Key ids are random, so that two processes that make an owner's first key at once write two rows, not one over the
# other; 63 bits fit the database's signed integer, and one owner has a handful of keys at most.
_KEY_ID_BITS: Final = 63
KEY_ID_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class DataKey:
    """One AES-256 key of one owner, ready for use; the secret can't be read back from it."""

    key_id: int
    key_id_bytes: bytes = field(repr=False)
    cipher: AESGCM = field(repr=False, compare=False)

    @classmethod
    def of(cls, key_id: int, secret: bytes) -> Self:
        """Return the key made of 32 secret bytes."""
        return cls(key_id, key_id.to_bytes(KEY_ID_BYTES, "big"), AESGCM(secret))


@dataclass(frozen=True, slots=True)
class Erased:
    """The refusal to seal for, or open of, an owner who was erased."""


class KeyStore(Protocol):
    """Where data keys live; one contract, held by every implementation (tests/integration/test_keys_real.py)."""

    def key_for_sealing(self, owner: str) -> DataKey | Erased:
        """Return a key of the owner that stays openable until erasure, made and stored when there is none."""

    def keys_for_sealing(self, owners: Iterable[str]) -> dict[str, DataKey | Erased]:
        """Return `key_for_sealing` of each owner, at the cost of few round trips."""

    def key(self, owner: str, key_id: int) -> DataKey | None:
        """Return the key with this id, or None when there is none or its owner was erased."""

    def is_erased(self, owner: str) -> bool:
        """Tell whether the owner was erased."""

    def erased_among(self, owners: Collection[str]) -> frozenset[str]:
        """Return which of the owners were erased, by any process, at the cost of few round trips."""

    def erase(self, owner: str) -> None:
        """Mark the owner erased, then delete every key: nothing sealed for them can be opened by anyone again."""


class InMemoryKeyStore:
    """A key store that ends with its process."""

    def __init__(self) -> None:
        self._keys: dict[str, dict[int, DataKey]] = {}
        self._erased: set[str] = set()

    def key_for_sealing(self, owner: str) -> DataKey | Erased:
        """Return the owner's key, made on first use, or a refusal after erasure."""
        held = self._keys.get(owner)
        if held is not None:
            return next(iter(held.values()))
        if owner in self._erased:
            return Erased()
        key = DataKey.of(*new_key())
        return next(iter(self._keys.setdefault(owner, {key.key_id: key}).values()))  # another thread may be first

    def keys_for_sealing(self, owners: Iterable[str]) -> dict[str, DataKey | Erased]:
        """Return `key_for_sealing` of each owner."""
        return {owner: self.key_for_sealing(owner) for owner in owners}

    def key(self, owner: str, key_id: int) -> DataKey | None:
        """Return the key with this id, or None."""
        return self._keys.get(owner, {}).get(key_id)

    def is_erased(self, owner: str) -> bool:
        """Tell whether the owner was erased."""
        return owner in self._erased

    def erased_among(self, owners: Collection[str]) -> frozenset[str]:
        """Return which of the owners were erased."""
        return frozenset(self._erased.intersection(owners))

    def erase(self, owner: str) -> None:
        """Mark the owner erased and drop every key."""
        self._erased.add(owner)
        self._keys.pop(owner, None)


def new_key() -> tuple[int, bytes]:
    """Return a random key id and 32 random secret bytes."""
    return secrets.randbits(_KEY_ID_BITS), secrets.token_bytes(SECRET_BYTES)
