"""The tables of identities, in two keyspaces with backups of their own; names carry the version of their shape."""

from collections.abc import Mapping
from typing import Final

from identity.buckets import Session

_KEYSPACES: Final = ("jejak_keys", "jejak_identity")

_OWNER_KEYS: Final = """
    CREATE TABLE IF NOT EXISTS jejak_keys.owner_keys_v1 (
        bucket text, owner text, key_id bigint, wrapped blob,
        PRIMARY KEY ((bucket), owner, key_id))"""

# In another keyspace than the keys on purpose: keys restored from an old backup stay erased.
_ERASURES: Final = """
    CREATE TABLE IF NOT EXISTS jejak_identity.erasures_v1 (
        bucket text, owner text, marked_at timestamp,
        PRIMARY KEY ((bucket), owner))"""

# The family is part of the key, so that a second claim stands beside the first and never over it.
_FAMILY_ALIASES: Final = """
    CREATE TABLE IF NOT EXISTS jejak_identity.family_alias_v1 (
        bucket text, kk_ref text, family_id text,
        PRIMARY KEY ((bucket), kk_ref, family_id))"""


def create_tables(session: Session, replication: Mapping[str, str | int]) -> None:
    """Create both keyspaces and their tables where they are missing; what exists is left as it is.

    `replication` is Cassandra's map, such as `{"class": "SimpleStrategy", "replication_factor": 1}`.
    """
    options = ", ".join(f"'{name}': '{value}'" for name, value in replication.items())
    for keyspace in _KEYSPACES:
        session.execute(f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {{{options}}}")
    for table in (_OWNER_KEYS, _ERASURES, _FAMILY_ALIASES):
        session.execute(table)
