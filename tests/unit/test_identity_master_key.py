"""The master key, where it comes from, and what it wraps; and the cache of unwrapped keys."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from identity.key_cache import KeyCache
from identity.master_key import MasterKey, WrappedKeyError, load_or_create_master_key
from identity.secret_file import SecretError, load_or_create_secret, load_secret, secret_from

OWNER = "abcdefghijklmnopqrstuvwxyz"
SECRET = bytes(range(32))
TEXT = base64.b64encode(SECRET).decode()


@pytest.fixture
def master() -> MasterKey:
    return MasterKey(bytes(32))


def test_a_wrapped_key_unwraps_for_its_owner_and_id(master: MasterKey) -> None:
    assert master.unwrap(OWNER, 7, master.wrap(OWNER, 7, SECRET)) == SECRET


def test_a_wrapped_key_shows_nothing_of_the_key(master: MasterKey) -> None:
    assert SECRET[:8] not in master.wrap(OWNER, 7, SECRET)
    assert repr(master) == "MasterKey()"


@pytest.mark.parametrize(("owner", "key_id"), [("abcdefghijklmnopqrstuvwxy2", 7), (OWNER, 8)])
def test_a_wrapped_key_moved_to_another_row_is_a_fault(master: MasterKey, owner: str, key_id: int) -> None:
    with pytest.raises(WrappedKeyError):
        master.unwrap(owner, key_id, master.wrap(OWNER, 7, SECRET))


def test_another_master_key_is_a_fault(master: MasterKey) -> None:
    with pytest.raises(WrappedKeyError):
        MasterKey(SECRET).unwrap(OWNER, 7, master.wrap(OWNER, 7, SECRET))


@pytest.mark.parametrize("position", [0, 1, 13, 60])
def test_an_altered_row_is_a_fault(master: MasterKey, position: int) -> None:
    wrapped = bytearray(master.wrap(OWNER, 7, SECRET))
    wrapped[position] ^= 1
    with pytest.raises(WrappedKeyError):
        master.unwrap(OWNER, 7, bytes(wrapped))


@pytest.mark.parametrize("length", [0, 1, 12, 13, 28])
def test_a_row_cut_short_is_a_fault(master: MasterKey, length: int) -> None:
    with pytest.raises(WrappedKeyError):
        master.unwrap(OWNER, 7, master.wrap(OWNER, 7, SECRET)[:length])


def test_a_secret_file_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    first = load_or_create_secret(path)
    assert load_or_create_secret(path) == first
    assert len(first) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_processes_that_start_at_once_have_the_same_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(load_or_create_secret, [tmp_path / "master.key"] * 32))
    assert len(secrets) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_what_one_start_wrapped_the_next_unwraps(tmp_path: Path) -> None:
    wrapped = load_or_create_master_key(tmp_path / "master.key").wrap(OWNER, 7, SECRET)
    assert load_or_create_master_key(tmp_path / "master.key").unwrap(OWNER, 7, wrapped) == SECRET


def test_a_secret_file_open_to_every_user_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    load_or_create_secret(path)
    path.chmod(0o644)
    with pytest.raises(SecretError, match="every user"):
        load_secret(path)


def test_a_secret_comes_from_the_environment_or_from_the_file_it_names(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.touch(0o600)
    path.write_text(TEXT)
    assert secret_from({"JEJAK_MASTER_KEY": TEXT}, "JEJAK_MASTER_KEY") == SECRET
    assert secret_from({"JEJAK_MASTER_KEY_FILE": str(path)}, "JEJAK_MASTER_KEY") == SECRET


@pytest.mark.parametrize("environment", [{}, {"JEJAK_MASTER_KEY": TEXT, "JEJAK_MASTER_KEY_FILE": "master.key"}])
def test_no_secret_or_two_are_a_fault(environment: dict[str, str]) -> None:
    with pytest.raises(SecretError):
        secret_from(environment, "JEJAK_MASTER_KEY")


@pytest.mark.parametrize("text", ["", "not base64!", TEXT[:-4], base64.b64encode(bytes(33)).decode(), "é"])
def test_a_malformed_secret_is_a_fault_whose_text_does_not_hold_it(text: str) -> None:
    with pytest.raises(SecretError) as fault:
        secret_from({"JEJAK_MASTER_KEY": text}, "JEJAK_MASTER_KEY")
    assert not text or text not in str(fault.value)


def test_a_cache_forgets_after_its_time_however_often_it_is_asked() -> None:
    times = iter([0.0, 10.0, 20.0, 30.0, 30.1])
    cache: KeyCache[str] = KeyCache(size=10, seconds=30, clock=lambda: next(times))
    cache.put("owner", "held")
    assert [cache.get("owner") for _ in range(4)] == ["held", "held", "held", None]


def test_a_full_cache_forgets_what_was_put_first() -> None:
    cache: KeyCache[int] = KeyCache(size=2, seconds=30)
    for number, owner in enumerate(("a", "b", "a", "c")):
        cache.put(owner, number)
    assert [cache.get(owner) for owner in "abc"] == [2, None, 3]


def test_a_cache_forgets_what_it_is_told_to() -> None:
    cache: KeyCache[int] = KeyCache(size=2, seconds=30)
    cache.put("a", 1)
    cache.drop("a")
    cache.drop("a")
    assert cache.get("a") is None
