"""Fetching jars: what a broken cache, a broken network and a full disk lead to."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from typing import TYPE_CHECKING

import pytest

from jejak.stack import CorruptJar, DiskFull, NoNetwork, jars
from jejak.stack.jars import Jar

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = {f"org.example:part-{n}:1.0": f"the bytes of part {n}".encode() for n in range(12)}
JARS = tuple(Jar(name, hashlib.sha256(data).hexdigest(), len(data), ("kafka",)) for name, data in CONTENT.items())


class Repository:
    """A repository that gives each jar, after as many bad answers as it is told."""

    def __init__(self, *bad: bytes | Exception) -> None:
        self.asked: list[str] = []
        self._bad = {jar.coordinate: list(bad) for jar in JARS[:1]}

    def __call__(self, jar: Jar, aside: Path) -> Path:
        self.asked.append(jar.coordinate)
        bad = self._bad.get(jar.coordinate, [])
        answer = bad.pop(0) if bad else CONTENT[jar.coordinate]
        if isinstance(answer, Exception):
            raise answer
        aside.mkdir()
        path = aside / "downloaded"
        path.write_bytes(answer)
        return path


def quiet(_: str) -> None: ...


def test_an_empty_cache_is_filled_and_a_full_one_asks_nobody(tmp_path: Path) -> None:
    said: list[str] = []
    assert jars.fetch(JARS, tmp_path / "new", said.append, Repository()) == len(JARS)
    assert said[-1].startswith("jars: 12/12")
    again = Repository()
    assert jars.fetch(JARS, tmp_path / "new", quiet, again) == 0
    assert again.asked == []


@pytest.mark.parametrize("damaged", [b"", b"the bytes", b"the bytes of part X", b"the bytes of part 0 and more"])
def test_a_damaged_jar_in_the_cache_is_fetched_again_and_no_other(tmp_path: Path, damaged: bytes) -> None:
    jars.fetch(JARS, tmp_path, quiet, Repository())
    broken = tmp_path / JARS[0].filename
    broken.write_bytes(damaged)
    repository = Repository()
    assert jars.fetch(JARS, tmp_path, quiet, repository) == 1
    assert repository.asked == [JARS[0].coordinate]
    assert broken.read_bytes() == CONTENT[JARS[0].coordinate]


@pytest.mark.parametrize(
    "bad", [b"the by", b"an error page", OSError("connection reset"), RuntimeError("not found")], ids=str
)
def test_a_bad_answer_is_asked_for_again(tmp_path: Path, bad: bytes | Exception) -> None:
    assert jars.fetch(JARS, tmp_path, quiet, Repository(bad, bad)) == len(JARS)
    assert jars.missing(JARS, tmp_path) == []


def test_a_jar_that_never_has_its_digest_is_named_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    with pytest.raises(CorruptJar, match=r"org\.example:part-0:1\.0"):
        jars.fetch(JARS, tmp_path, quiet, Repository(*[b"altered"] * jars.ATTEMPTS))
    assert not (tmp_path / JARS[0].filename).exists()
    assert not list(tmp_path.glob("partial-*"))


def test_without_a_network_the_fault_counts_what_is_missing_and_a_later_call_goes_on(tmp_path: Path) -> None:
    jars.fetch(JARS[6:], tmp_path, quiet, Repository())

    def unreachable(jar: Jar, _: Path) -> Path:
        raise OSError(f"no route to the repository of {jar.coordinate}")

    with pytest.raises(NoNetwork, match="6 jars are not in") as fault:
        jars.fetch(JARS, tmp_path, quiet, unreachable)
    assert fault.value.missing == 6
    assert jars.fetch(JARS, tmp_path, quiet, Repository()) == 6


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named_and_not_tried_again(tmp_path: Path, number: int) -> None:
    repository = Repository(*[OSError(number, os.strerror(number))] * jars.ATTEMPTS)
    with pytest.raises(DiskFull, match=str(tmp_path)):
        jars.fetch(JARS[:1], tmp_path, quiet, repository)
    assert len(repository.asked) == 1


def test_two_first_starts_fetch_each_jar_once(tmp_path: Path) -> None:
    repository = Repository()
    starts = [threading.Thread(target=jars.fetch, args=(JARS, tmp_path, quiet, repository)) for _ in range(2)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert sorted(repository.asked) == sorted(CONTENT)


def test_what_a_killed_fetch_left_behind_is_cleared(tmp_path: Path) -> None:
    (tmp_path / "partial-dead" / "part").mkdir(parents=True)
    jars.fetch(JARS, tmp_path, quiet, Repository())
    assert not (tmp_path / "partial-dead").exists()


def test_the_lock_names_every_jar_once_with_a_whole_digest() -> None:
    locked = jars.locked()
    assert len({jar.filename for jar in locked}) == len({jar.coordinate for jar in locked}) == len(locked)
    assert all(len(bytes.fromhex(jar.sha256)) == 32 and jar.size > 0 and jar.roles for jar in locked)
    kafka_clients = [jar for jar in locked if "kafka" in jar.roles and ":kafka-clients:" in jar.coordinate]
    assert [jar.coordinate.split(":")[2] for jar in kafka_clients] == [jars.version(locked, "kafka_2.13")]


def test_a_class_path_holds_the_jars_of_its_server_only(tmp_path: Path) -> None:
    own = Jar("g:one:1:linux", "", 0, ("kafka",))
    both = Jar("g:two:2", "", 0, ("cassandra", "kafka"))
    other = Jar("g:three:3", "", 0, ("cassandra",))
    path = jars.class_path("kafka", tmp_path, (own, both, other))
    assert path.split(os.pathsep) == [str(tmp_path / "one-1-linux.jar"), str(tmp_path / "two-2.jar")]
