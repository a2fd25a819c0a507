"""The contract of a key store, held in memory and in Cassandra alike; then what only a database does."""

import secrets
import threading
import uuid
from base64 import b32encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from identity.keys import DataKey, Erased, InMemoryKeyStore, KeyStore
from identity.keys_cassandra import CassandraKeyStore
from identity.master_key import MasterKey, WrappedKeyError
from identity.open import NotOpenable, Opener
from identity.seal import Sealer
from identity.tables import create_tables
from jejak.stack import Endpoints
from tests.unit.audit_rig import written_intent
from transport.cassandra import closing_session

RECORD, PATH, CHANGE = "id.jejak.FamilyRegistered", "head.name", uuid.UUID(int=7)
MASTER = MasterKey(bytes(32))

# Each call stands for another process: the same keys, nothing shared in memory where the store can be shared at all.
Open = Callable[[], KeyStore]


def new_owner() -> str:
    return b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


def sealed_by(store: KeyStore, owner: str) -> bytes:
    sealed = Sealer(store).seal(owner, RECORD, PATH, CHANGE, "Siti")
    assert isinstance(sealed, bytes)
    return sealed


def opened_by(store: KeyStore, owner: str, sealed: bytes) -> str | Erased | NotOpenable:
    return Opener(store).open_sealed(written_intent(), owner, RECORD, PATH, CHANGE, sealed)


@pytest.fixture(scope="session")
def session(stack: Endpoints) -> Iterator[Any]:
    with closing_session(stack.cassandra) as opened:
        create_tables(opened, {"class": "SimpleStrategy", "replication_factor": 1})
        yield opened


@pytest.fixture(params=["memory", pytest.param("cassandra", marks=pytest.mark.real)])
def open_store(request: pytest.FixtureRequest) -> Open:
    if request.param == "memory":
        store = InMemoryKeyStore()
        return lambda: store
    session = request.getfixturevalue("session")
    return lambda: CassandraKeyStore(session, MASTER)


def test_what_one_process_seals_another_opens(open_store: Open) -> None:
    owner = new_owner()
    sealed = sealed_by(open_store(), owner)
    assert opened_by(open_store(), owner, sealed) == "Siti"


def test_an_owner_keeps_one_key_however_often_it_is_asked_for(open_store: Open) -> None:
    owner = new_owner()
    first, again, elsewhere = open_store(), open_store(), open_store()
    key = first.key_for_sealing(owner)
    assert isinstance(key, DataKey)
    assert first.key_for_sealing(owner) == again.key_for_sealing(owner) == key
    assert elsewhere.keys_for_sealing([owner]) == {owner: key}


def test_two_owners_have_two_keys(open_store: Open) -> None:
    store, one, other = open_store(), new_owner(), new_owner()
    sealed = sealed_by(store, one)
    store.key_for_sealing(other)
    assert opened_by(store, other, sealed) == NotOpenable("key")


def test_a_key_is_found_by_its_id_and_no_other(open_store: Open) -> None:
    owner = new_owner()
    key = open_store().key_for_sealing(owner)
    assert isinstance(key, DataKey)
    assert open_store().key(owner, key.key_id) == key
    assert open_store().key(owner, key.key_id ^ 1) is None
    assert open_store().key(new_owner(), key.key_id) is None


def test_asking_for_a_key_by_id_makes_none(open_store: Open) -> None:
    owner = new_owner()
    assert open_store().key(owner, 7) is None
    assert not open_store().is_erased(owner)


def test_keys_of_many_owners_come_at_once_made_where_missing(open_store: Open) -> None:
    owners = [new_owner() for _ in range(500)]
    before = open_store().keys_for_sealing(owners[:250])
    keys = open_store().keys_for_sealing([*owners, *owners])
    assert list(keys) == owners
    assert before.items() <= keys.items()
    assert open_store().keys_for_sealing(owners) == keys
    assert open_store().keys_for_sealing([]) == {}


def test_many_owners_of_one_partition_all_get_their_keys(open_store: Open) -> None:
    owners = [f"aa{new_owner()[2:]}" for _ in range(250)]
    keys = open_store().keys_for_sealing(owners)
    assert list(keys) == owners
    assert open_store().keys_for_sealing(owners) == keys


def test_nothing_sealed_for_an_erased_owner_opens_and_no_more_is_sealed(open_store: Open) -> None:
    owner, other = new_owner(), new_owner()
    store = open_store()
    sealed, kept = sealed_by(store, owner), sealed_by(store, other)

    store.erase(owner)

    for process in (store, open_store()):
        assert opened_by(process, owner, sealed) == Erased()
        assert process.key_for_sealing(owner) == Erased()
        assert process.keys_for_sealing([owner])[owner] == Erased()
        assert process.is_erased(owner)
        assert process.erased_among([owner, other, new_owner()]) == {owner}
        assert opened_by(process, other, kept) == "Siti"
        assert not process.is_erased(other)


def test_erasing_twice_or_before_the_first_key_is_the_same_as_once(open_store: Open) -> None:
    owner = new_owner()
    open_store().erase(owner)
    open_store().erase(owner)
    assert open_store().key_for_sealing(owner) == Erased()


@pytest.mark.real
def test_two_processes_that_make_the_first_key_at_once_both_stay_openable(session: Any) -> None:
    """Both have asked and found nothing when both write; every reader then agrees which key seals."""
    owner = new_owner()
    one, other = CassandraKeyStore(session, MASTER), CassandraKeyStore(session, MASTER)
    assert owner not in one._load([owner])
    assert owner not in other._load([owner])
    one._create([owner])
    other._create([owner])

    sealed = [sealed_by(one, owner), sealed_by(other, owner)]

    assert sealed[0][1:9] != sealed[1][1:9]
    third, fourth = CassandraKeyStore(session, MASTER), CassandraKeyStore(session, MASTER)
    assert [opened_by(third, owner, value) for value in sealed] == ["Siti", "Siti"]
    assert opened_by(one, owner, sealed[1]) == "Siti"
    assert third.key_for_sealing(owner) == fourth.key_for_sealing(owner)


@pytest.mark.real
def test_threads_that_race_for_the_same_owners_leave_nothing_closed(session: Any) -> None:
    owners = [new_owner() for _ in range(50)]
    barrier = threading.Barrier(4)

    def seal_all() -> list[bytes]:
        store = CassandraKeyStore(session, MASTER)
        barrier.wait(30)
        store.keys_for_sealing(owners)
        return [sealed_by(store, owner) for owner in owners]

    with ThreadPoolExecutor(4) as pool:
        everything = [future.result(60) for future in [pool.submit(seal_all) for _ in range(4)]]

    reader = CassandraKeyStore(session, MASTER)
    for values in everything:
        assert [opened_by(reader, owner, value) for owner, value in zip(owners, values, strict=True)] == ["Siti"] * 50


@pytest.mark.real
def test_a_key_made_in_the_moment_of_erasure_arrives_deleted(session: Any) -> None:
    owner = new_owner()
    late = CassandraKeyStore(session, MASTER)
    assert owner not in late._load([owner])  # asked before the mark was there
    CassandraKeyStore(session, MASTER).erase(owner)

    late._create([owner])

    assert stored_keys(session, owner) == []
    assert opened_by(CassandraKeyStore(session, MASTER), owner, sealed_by(late, owner)) == Erased()


@pytest.mark.real
def test_the_mark_alone_stops_every_use_of_a_key_that_is_still_stored(session: Any) -> None:
    """As after a crash between mark and deletion, or when keys were restored from an old backup."""
    owner = new_owner()
    sealed = sealed_by(CassandraKeyStore(session, MASTER), owner)
    store = CassandraKeyStore(session, MASTER)
    session.execute(store._mark, (owner[:2], owner))

    assert stored_keys(session, owner)
    assert store.key_for_sealing(owner) == Erased()
    assert opened_by(store, owner, sealed) == Erased()
    store.erase(owner)
    assert stored_keys(session, owner) == []


@pytest.mark.real
def test_an_erasure_elsewhere_takes_hold_within_a_minute_however_busy_the_owner_is(session: Any) -> None:
    owner, now = new_owner(), [0.0]
    store = CassandraKeyStore(session, MASTER, clock=lambda: now[0])
    sealed = sealed_by(store, owner)
    CassandraKeyStore(session, MASTER).erase(owner)

    for now[0] in (10.0, 20.0, 29.0):
        opened_by(store, owner, sealed)
    now[0] = 60.0

    assert opened_by(store, owner, sealed) == Erased()
    assert store.key_for_sealing(owner) == Erased()


@pytest.mark.real
def test_keys_are_stored_wrapped_and_no_other_master_key_unwraps_them(session: Any) -> None:
    owner = new_owner()
    sealed_by(CassandraKeyStore(session, MASTER), owner)
    ((_, wrapped),) = stored_keys(session, owner)
    assert len(MASTER.unwrap(owner, stored_keys(session, owner)[0][0], wrapped)) == 32
    with pytest.raises(WrappedKeyError):
        CassandraKeyStore(session, MasterKey(bytes(range(32)))).key_for_sealing(owner)


@pytest.mark.real
def test_more_owners_than_the_cache_holds_keep_their_keys(session: Any) -> None:
    owners = [new_owner() for _ in range(40)]
    store = CassandraKeyStore(session, MASTER, cache_size=8)
    keys = store.keys_for_sealing(owners)
    assert [store.key_for_sealing(owner) for owner in owners] == list(keys.values())


@pytest.mark.real
def test_creating_the_tables_again_changes_nothing(session: Any) -> None:
    owner = new_owner()
    sealed = sealed_by(CassandraKeyStore(session, MASTER), owner)
    create_tables(session, {"class": "SimpleStrategy", "replication_factor": 1})
    assert opened_by(CassandraKeyStore(session, MASTER), owner, sealed) == "Siti"


def stored_keys(session: Any, owner: str) -> list[tuple[int, bytes]]:
    query = "SELECT key_id, wrapped FROM jejak_keys.owner_keys_v1 WHERE bucket = %s AND owner = %s"
    return list(session.execute(query, (owner[:2], owner)))
