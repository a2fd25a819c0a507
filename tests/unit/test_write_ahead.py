"""The write-ahead file: what one fsync made durable is read back whole, wherever the crash came; else nothing."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumers.gateway.frames import Arrived, Damaged, Entry, read_segment
from consumers.gateway.write_ahead import Held, Lock, WriteAhead, leftovers, read, segments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

GROUPS = st.lists(st.lists(st.binary(max_size=60), min_size=1, max_size=4), min_size=1, max_size=5)
NONE = Arrived()
MAGIC = b"\xd7JWA"


def group(*values: bytes) -> list[Entry]:
    return [Entry(bytes([len(value) % 256]) * 16, value) for value in values]


def written(folder: Path, groups: Sequence[Sequence[bytes]], **how: Any) -> list[int]:
    """Write groups and let the files go, as a dead process does; return the length of the file after each."""
    first, lengths = 1, []
    with WriteAhead(folder, "gw-1", **how) as ahead:
        for values in groups:
            ahead.write(first, group(*values), NONE)
            first += len(values)
            lengths.append(segments(folder, "gw-1")[-1].stat().st_size)
    return lengths


def values(folder: Path) -> list[bytes]:
    found = read(folder, "gw-1")
    return [entry.value for entry in found.entries] if found else []


@given(GROUPS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_crash_at_any_byte_leaves_the_groups_that_were_durable_and_nothing_of_the_next(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("wal")
    lengths = written(folder, groups)
    (path,) = segments(folder, "gw-1")
    for at in range(lengths[-1], -1, -1):
        os.truncate(path, at)
        durable = [values for values, length in zip(groups, lengths, strict=True) if length <= at]
        assert values(folder) == [value for values in durable for value in values]


@given(GROUPS, st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_last_group_of_which_parts_never_came_to_the_disk_is_not_there_at_all(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[bytes]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("wal")
    lengths = written(folder, groups)
    (path,) = segments(folder, "gw-1")
    whole, begin = bytearray(path.read_bytes()), lengths[-2] if len(lengths) > 1 else path.read_bytes().index(MAGIC, 1)
    lost = data.draw(st.integers(begin, len(whole) - 1))
    whole[lost] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    assert values(folder) == [value for values in groups[:-1] for value in values]


@given(st.lists(st.lists(st.binary(max_size=60), min_size=1, max_size=3), min_size=2, max_size=4), st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_change_in_what_was_durable_is_named_and_never_taken_for_a_crash(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[bytes]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("wal")
    lengths = written(folder, groups)
    (path,) = segments(folder, "gw-1")
    whole = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, lengths[-2] - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    with pytest.raises(Damaged):
        read(folder, "gw-1")


def test_entries_come_back_with_their_salts_and_how_far_the_broker_had_them(tmp_path: Path) -> None:
    with WriteAhead(tmp_path, "gw-1") as ahead:
        ahead.write(1, [Entry(b"s" * 16, b"one")], NONE)
        ahead.write(2, [Entry(b"t" * 16, b"two")], Arrived(1, 7, 41))
    found = read(tmp_path, "gw-1")
    assert found is not None
    assert (found.gateway_id, found.first, found.arrived) == ("gw-1", 1, Arrived(1, 7, 41))
    assert found.entries == (Entry(b"s" * 16, b"one"), Entry(b"t" * 16, b"two"))


def test_a_long_life_keeps_only_the_files_with_entries_that_have_not_arrived(tmp_path: Path) -> None:
    with WriteAhead(tmp_path, "gw-1", segment_bytes=200) as ahead:
        for number in range(1, 21):
            ahead.write(number, group(b"x" * 100), NONE)
        assert len(segments(tmp_path, "gw-1")) > 3
        ahead.forget(18)
        kept = read(tmp_path, "gw-1")
        assert kept is not None
        assert kept.first <= 19
        assert len(segments(tmp_path, "gw-1")) <= 2
        assert kept.first + len(kept.entries) == 21


def test_the_newest_file_stays_while_the_chain_may_go_on_or_must_be_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WriteAhead(tmp_path, "gw-1") as ahead:
        ahead.write(1, group(b"one"), NONE)
        with monkeypatch.context() as patched:
            patched.setattr(os, "fdatasync", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "injected")))
            for _ in range(3):
                with pytest.raises(OSError, match="injected"):
                    ahead.write(2, group(b"two"), NONE)
                ahead.forget(1)
    assert values(tmp_path) == [b"one"]


def test_a_finished_gateway_leaves_nothing_and_an_unfinished_one_everything(tmp_path: Path) -> None:
    first, second = WriteAhead(tmp_path, "gw-1"), WriteAhead(tmp_path, "gw-2")
    for ahead in (first, second):
        ahead.write(1, group(b"x"), NONE)
    first.close(finished=True)
    second.close(finished=False)
    assert list(leftovers(tmp_path)) == ["gw-2"]
    assert segments(tmp_path, "gw-1") == []


def test_files_of_a_living_gateway_are_held_and_those_of_a_killed_one_are_not(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from consumers.gateway.write_ahead import *;"
        "a = WriteAhead(Path(sys.argv[1]), 'gw-1'); a.write(1, [Entry(bytes(16), b'x')], Arrived());"
        "print('written', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as living:
        assert living.stdout
        assert living.stdout.readline() == "written\n"
        with pytest.raises(Held):
            Lock(tmp_path / "gw-1.lock")
        living.send_signal(signal.SIGKILL)
        living.wait(10)
    Lock(tmp_path / "gw-1.lock").release(remove=False)
    assert values(tmp_path) == [b"x"]


def test_of_two_that_would_replay_one_dead_gateway_only_one_holds_it(tmp_path: Path) -> None:
    written(tmp_path, [[b"x"]])
    first = Lock(tmp_path / "gw-1.lock")
    with pytest.raises(Held):
        Lock(tmp_path / "gw-1.lock")
    first.release(remove=True)
    assert list(leftovers(tmp_path)) == []


@pytest.fixture
def full_disk(tmp_path: Path) -> Callable[[int], None]:
    """Let no file grow beyond so many bytes: a disk that is full as far as this process can tell."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size if size >= 0 else most, most))

    return limit


def test_a_full_disk_takes_nothing_in_part_and_goes_on_when_there_is_room(
    tmp_path: Path, full_disk: Callable[[int], None]
) -> None:
    with WriteAhead(tmp_path, "gw-1") as ahead:
        ahead.write(1, group(b"one"), NONE)
        size = segments(tmp_path, "gw-1")[0].stat().st_size
        full_disk(size + 50)
        try:
            with pytest.raises(OSError, match="File too large"):
                ahead.write(2, group(b"x" * 1_000), NONE)
        finally:
            full_disk(-1)
        assert segments(tmp_path, "gw-1")[0].stat().st_size == size
        ahead.write(2, group(b"two"), NONE)
    assert values(tmp_path) == [b"one", b"two"]


CALLS = ("open", "pwrite", "fdatasync", "fsync", "ftruncate", "unlink", "mkdir")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("number", range(1, 7))
def test_whichever_call_fails_what_was_told_durable_is_there_and_what_was_refused_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int, number: int
) -> None:
    real, calls = getattr(os, name), 0

    def failing(*args: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            raise OSError(code, "injected")
        return real(*args, **named)

    durable: list[bytes] = []
    ahead = WriteAhead(tmp_path / "wal", "gw-1", segment_bytes=300)
    monkeypatch.setattr(os, name, failing)
    for turn in range(12):
        value = bytes([turn]) * 100
        try:
            ahead.write(len(durable) + 1, group(value), NONE)
        except OSError:
            continue
        durable.append(value)
    monkeypatch.undo()
    ahead.close(finished=False)
    assert len(durable) >= 11
    assert values(tmp_path / "wal") == durable


def test_after_a_failed_fsync_the_file_is_not_written_to_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with WriteAhead(tmp_path, "gw-1") as ahead:
        ahead.write(1, group(b"one"), NONE)
        with monkeypatch.context() as patched:
            patched.setattr(os, "fdatasync", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "injected")))
            patched.setattr(os, "ftruncate", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "injected")))
            with pytest.raises(OSError, match="injected"):
                ahead.write(2, group(b"lost"), NONE)
        ahead.write(2, group(b"two"), NONE)
    older, newer = segments(tmp_path, "gw-1")
    found = [read_segment(older), read_segment(newer)]
    assert [[entry.value for entry in each.entries] for each in found if each] == [[b"one", b"lost"], [b"two"]]
    assert values(tmp_path) == [b"one", b"two"]


def test_a_file_missing_from_the_middle_is_damage(tmp_path: Path) -> None:
    written(tmp_path, [[b"x" * 100]] * 9, segment_bytes=250)
    segments(tmp_path, "gw-1")[1].unlink()
    with pytest.raises(Damaged):
        read(tmp_path, "gw-1")
