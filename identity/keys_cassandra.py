"""The key store in Cassandra: append-only rows of wrapped keys, and the marks of erasure.

No row is ever overwritten, so no lock and no lightweight transaction is needed. Two processes that make an owner's
first key at once both leave a row, under ids of their own; both stay openable, and whoever loads them seals with the
one of the least id. It must not know what is sealed.
"""

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

from identity.buckets import Session, bucket_of, prepare, read_rows, write_rows
from identity.key_cache import KeyCache
from identity.keys import DataKey, Erased, new_key
from identity.master_key import MasterKey

# An erasure reaches every process within this, half of the 60 s that the design allows.
_CACHE_SECONDS: Final = 30.0
# About 2.6 KB a key, most of it the cipher's prepared state.
_CACHE_SIZE: Final = 32_768
# The deletion is dated a day ahead, so that a key another process was just making arrives already deleted, whatever
# the order of the two and the skew of the clocks. No erased owner gets a key later, so it can delete nothing wanted.
_DELETION_AHEAD_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class _Keys:
    """An owner's keys by id, and the one that seals."""

    by_id: dict[int, DataKey]
    sealing: DataKey


class CassandraKeyStore:
    """A `KeyStore` over a session that gives rows as tuples or named tuples; `create_tables` has been called.

    Safe to share between threads. Raises WrappedKeyError when a row doesn't unwrap, and what the driver raises.
    """

    def __init__(
        self,
        session: Session,
        master: MasterKey,
        cache_size: int = _CACHE_SIZE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._master = master
        self._cache: KeyCache[_Keys | Erased] = KeyCache(cache_size, _CACHE_SECONDS, clock)
        self._select = prepare(
            session, "SELECT owner, key_id, wrapped FROM jejak_keys.owner_keys_v1 WHERE bucket = ? AND owner IN ?"
        )
        self._insert = prepare(
            session, "INSERT INTO jejak_keys.owner_keys_v1 (bucket, owner, key_id, wrapped) VALUES (?, ?, ?, ?)"
        )
        self._delete = prepare(
            session, "DELETE FROM jejak_keys.owner_keys_v1 USING TIMESTAMP ? WHERE bucket = ? AND owner = ?"
        )
        self._select_marks = prepare(
            session, "SELECT owner FROM jejak_identity.erasures_v1 WHERE bucket = ? AND owner IN ?"
        )
        self._mark = prepare(
            session,
            "INSERT INTO jejak_identity.erasures_v1 (bucket, owner, marked_at) VALUES (?, ?, toTimestamp(now()))",
        )

    def key_for_sealing(self, owner: str) -> DataKey | Erased:
        """Return a stored key of the owner, made on first use, or a refusal after erasure."""
        held = self._cache.get(owner)
        if held is None:
            return self.keys_for_sealing((owner,))[owner]
        return held if isinstance(held, Erased) else held.sealing

    def keys_for_sealing(self, owners: Iterable[str]) -> dict[str, DataKey | Erased]:
        """Return `key_for_sealing` of each owner with about one request per partition for reading and for writing.

        Best called with some ten thousand owners: with fewer, fewer share a request; with more than the cache holds,
        those loaded first leave it again.
        """
        held = {owner: self._cache.get(owner) for owner in owners}
        unknown = [owner for owner, keys in held.items() if keys is None]
        loaded = self._load(unknown)
        loaded |= self._create([owner for owner in unknown if owner not in loaded])
        held |= loaded
        return {owner: keys.sealing if isinstance(keys, _Keys) else Erased() for owner, keys in held.items()}

    def key(self, owner: str, key_id: int) -> DataKey | None:
        """Return the key with this id, or None when there is none or its owner was erased."""
        held = self._cache.get(owner)
        if held is None or (isinstance(held, _Keys) and key_id not in held.by_id):  # another process may have added it
            held = self._load((owner,)).get(owner)
        return held.by_id.get(key_id) if isinstance(held, _Keys) else None

    def is_erased(self, owner: str) -> bool:
        """Tell whether the owner is marked erased in the database."""
        return bool(self.erased_among((owner,)))

    def erased_among(self, owners: Collection[str]) -> frozenset[str]:
        """Return which of the owners are marked erased in the database, whatever is cached."""
        return frozenset(owner for (owner,) in read_rows(self._session, self._select_marks, owners))

    def erase(self, owner: str) -> None:
        """Mark the owner erased, then delete every key, then drop what this process holds.

        The mark alone stops every use, so a crash in between leaves nothing open, and erasing again completes it. Other
        processes' caches empty within 30 s. The wrapped bytes leave the disks when the tables are compacted, after
        `gc_grace_seconds`; the backups of the keys when those expire.
        """
        self._session.execute(self._mark, (bucket_of(owner), owner))
        at = time.time_ns() // 1000 + _DELETION_AHEAD_US
        self._session.execute(self._delete, (at, bucket_of(owner), owner))
        self._cache.drop(owner)

    def _load(self, owners: Iterable[str]) -> dict[str, _Keys | Erased]:
        """Return, and hold, what the database knows of the owners; one it knows nothing of is left out."""
        asked = list(owners)
        secrets: dict[str, dict[int, DataKey]] = {}
        for owner, key_id, wrapped in read_rows(self._session, self._select, asked):
            secret = self._master.unwrap(owner, key_id, wrapped)
            secrets.setdefault(owner, {})[key_id] = DataKey.of(key_id, secret)
        found: dict[str, _Keys | Erased] = {owner: _Keys(keys, keys[min(keys)]) for owner, keys in secrets.items()}
        # Read after the keys: a mark older than what was read is always seen.
        found |= {owner: Erased() for (owner,) in read_rows(self._session, self._select_marks, asked)}
        for owner, held in found.items():
            self._cache.put(owner, held)
        return found

    def _create(self, owners: Iterable[str]) -> dict[str, _Keys | Erased]:
        """Return, and hold, a new key for each owner once its row is durable."""
        made = {owner: new_key() for owner in owners}
        wrap = self._master.wrap
        write_rows(
            self._session,
            self._insert,
            ((owner, key_id, wrap(owner, key_id, secret)) for owner, (key_id, secret) in made.items()),
        )
        created: dict[str, _Keys | Erased] = {}
        for owner, (key_id, secret) in made.items():
            key = DataKey.of(key_id, secret)
            created[owner] = _Keys({key_id: key}, key)
            self._cache.put(owner, created[owner])
        return created
