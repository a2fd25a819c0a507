"""Workers as processes: started again when they end by themselves, ended together, none left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from jejak import processes
from jejak.processes import Children

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DEADLINE = 30.0
SLEEPER = "import sys, time; print('began', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('began', flush=True); "
    "time.sleep(600)"
)
TELLER = "import os; print(os.environ.get('JEJAK_WORKER'), os.environ.get('JEJAK_DATA'), flush=True)"


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline, "not within the deadline"
        time.sleep(0.02)


@pytest.fixture
def children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Children]:
    """Workers that run Python code in place of a command of the registry."""
    real = subprocess.Popen

    def python(command: list[str], **settings: object) -> object:
        return real([sys.executable, "-c", command[-1]], **settings)  # type: ignore[call-overload]

    monkeypatch.setattr("jejak.processes.subprocess.Popen", python)
    with Children(tmp_path / "logs", {"JEJAK_DATA": "shared", "JEJAK_WORKER": "of all"}) as made:
        yield made


def began(tmp_path: Path, name: str, times: int = 1) -> bool:
    return (tmp_path / "logs" / f"{name}.log").read_text(encoding="utf-8").count("began") >= times


def test_a_killed_worker_is_started_again_and_counted(children: Children, tmp_path: Path) -> None:
    children.start("one", SLEEPER)
    until(lambda: began(tmp_path, "one"))
    with children.watching():
        dead = children.kill("one")
        until(lambda: children.restarts() == {"one": 1} and began(tmp_path, "one", 2))
    assert children.running()["one"] != dead
    assert not psutil.pid_exists(dead)


def test_a_worker_that_ends_by_itself_is_started_again_too(children: Children) -> None:
    children.start("one", "pass")
    with children.watching():
        until(lambda: children.restarts()["one"] >= 2)


def test_one_worker_ending_leaves_the_others_alone(children: Children, tmp_path: Path) -> None:
    children.start("one", SLEEPER)
    children.start("two", SLEEPER)
    until(lambda: began(tmp_path, "one") and began(tmp_path, "two"))
    kept = children.running()["two"]
    with children.watching():
        children.kill("one")
        until(lambda: children.restarts()["one"] == 1)
    assert (children.running()["two"], children.restarts()["two"]) == (kept, 0)


def test_nobody_is_started_again_when_nobody_watches(children: Children, tmp_path: Path) -> None:
    children.start("one", SLEEPER)
    until(lambda: began(tmp_path, "one"))
    children.kill("one")
    assert children.running() == {}
    assert children.restarts() == {"one": 0}


def test_stopping_ends_every_worker(children: Children, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        children.start(name, SLEEPER)
    until(lambda: all(began(tmp_path, name) for name in ("one", "two", "three")))
    pids = children.running().values()
    children.stop_all()
    assert children.running() == {}
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_worker_that_does_not_end_when_told_is_killed(
    children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.3)
    children.start("one", STUBBORN)
    until(lambda: began(tmp_path, "one"))
    (pid,) = children.running().values()
    children.stop_all()
    assert not psutil.pid_exists(pid)


def test_no_worker_outlives_the_command_that_fails(tmp_path: Path, children: Children) -> None:
    pids: list[int] = []

    def fail() -> None:
        with Children(tmp_path / "logs", {}) as inner:
            inner.start("one", SLEEPER)
            pids.extend(inner.running().values())
            raise RuntimeError("the command fails")

    with pytest.raises(RuntimeError, match="the command fails"):
        fail()
    assert pids
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_worker_s_own_environment_stands_over_what_all_have(children: Children, tmp_path: Path) -> None:
    children.start("one", TELLER, JEJAK_WORKER="own")
    log = tmp_path / "logs" / "one.log"
    until(lambda: log.read_text(encoding="utf-8").strip() == "own shared")


def test_killing_is_by_the_worker_s_own_pid_and_tells_it(children: Children, tmp_path: Path) -> None:
    children.start("one", SLEEPER)
    until(lambda: began(tmp_path, "one"))
    (pid,) = children.running().values()
    assert pid != os.getpid()
    assert children.kill("one") == pid
    assert not psutil.pid_exists(pid)


def test_signals_are_those_that_cannot_be_ignored(children: Children, tmp_path: Path) -> None:
    children.start("one", STUBBORN)
    until(lambda: began(tmp_path, "one"))
    os.kill(children.running()["one"], signal.SIGTERM)
    dead = children.kill("one")
    assert not psutil.pid_exists(dead)


def test_the_folder_of_logs_is_its_owner_s_alone(children: Children, tmp_path: Path) -> None:
    assert (tmp_path / "logs").stat().st_mode & 0o077 == 0


def test_a_worker_ends_once_its_parent_was_killed(tmp_path: Path) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import os, time\nfrom jejak.processes import end_with\nend_with(os.getppid())\n"
        "print(os.getpid(), flush=True)\ntime.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, {str(worker)!r}])"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    orphan = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    try:
        orphan.wait(DEADLINE)
    except psutil.TimeoutExpired:
        orphan.kill()
        raise
