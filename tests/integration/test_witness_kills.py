"""A real witness killed at random moments, asked by a log that forks: all that it ever cosigned is one history."""

import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.unit.witness_by_hand import LOG, WITNESS, cosigned_seconds, grown, leaves, root, text_of

KILLS = 200 if os.environ.get("JEJAK_FAULTS_AT_LENGTH") else 20
KILLS_OF_A_LIFE = 4
BRANCHES = ("honest", "forked")
SHARED = 3
LARGEST = 60
SECONDS = 20.0


class Nursery:
    """Starts witnesses, one at a time, on the same port."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.witness_nursery"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._told()

    def start(self, folder: Path) -> int:
        """Return the pid of a witness that keeps its state in this folder."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{folder} {self.port}\n")
        self._process.stdin.flush()
        return int(self._told())

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(SECONDS)

    def _told(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    started = Nursery()
    yield started
    started.end()


@cache
def body_of(known: int, size: int, branch: str) -> bytes:
    return grown(known, leaves(size, branch, SHARED), LOG)


class ForkingLog(threading.Thread):
    """A log that signs two histories and asks for cosignatures of one, as often as it can, until told to stop."""

    def __init__(self, port: int, branch: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.cosigned: list[tuple[int, str]] = []
        self.answered = 0
        self.stop = threading.Event()
        self._port, self._branch, self._random = port, branch, random.Random(seed)  # noqa: S311  a test's choices

    def run(self) -> None:
        known = 0
        while not self.stop.is_set():
            size = min(LARGEST, max(SHARED, known) + self._random.randrange(3))
            try:
                known = self._ask(known, size)
            except (OSError, http.client.HTTPException):  # it was killed: ask again
                time.sleep(0.002)

    def _ask(self, known: int, size: int) -> int:
        asked = body_of(known, size, self._branch)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("POST", "/add-checkpoint", asked)
            answer = connection.getresponse()
            body = answer.read().decode()
            self.answered += 1
        finally:
            connection.close()
        if answer.status == 200:
            self.cosigned.append((size, body))
            return size
        if answer.headers["content-type"] == "text/x.tlog.size":
            # An older size is told to a log that lost time only; one that is asked to fork is told the other's size.
            return min(int(body), size)
        return known


def wait_until_it_answers(logs: list[ForkingLog]) -> None:
    before, deadline = sum(log.answered for log in logs), time.monotonic() + SECONDS
    while sum(log.answered for log in logs) == before:
        assert time.monotonic() < deadline, "the witness never answered"
        time.sleep(0.002)


def lived(nursery: Nursery, folder: Path, chance: random.Random) -> list[ForkingLog]:
    """Return both histories' logs after a witness with this folder was killed and started again a few times."""
    logs = [ForkingLog(nursery.port, branch, seed) for seed, branch in enumerate(BRANCHES)]
    for log in logs:
        log.start()
    for _ in range(KILLS_OF_A_LIFE):
        pid = nursery.start(folder)
        wait_until_it_answers(logs)
        time.sleep(chance.uniform(0, 0.1))  # when it is killed is what the test tries
        os.kill(pid, signal.SIGKILL)
    for log in logs:
        log.stop.set()
        log.join(SECONDS)
    return logs


def test_a_witness_killed_at_random_moments_never_cosigns_two_histories(nursery: Nursery, tmp_path: Path) -> None:
    chance = random.Random(20_260_101)  # noqa: S311  a test's choices
    sizes = 0
    for life in range(KILLS // KILLS_OF_A_LIFE):
        logs = lived(nursery, tmp_path / f"{life}", chance)
        beyond = [{size for size, _ in log.cosigned if size > SHARED} for log in logs]
        assert not all(beyond), "two histories were cosigned"
        sizes += sum(map(len, beyond))
        for log, branch in zip(logs, BRANCHES, strict=True):
            for size, line in log.cosigned:
                cosigned_seconds(line, WITNESS, text_of(leaves(size, branch, SHARED)))
    assert sizes > KILLS // 4, "hardly anything was cosigned"


def test_the_histories_of_this_test_differ() -> None:
    assert root(leaves(SHARED, "honest", SHARED)) == root(leaves(SHARED, "forked", SHARED))
    assert root(leaves(SHARED + 1, "honest", SHARED)) != root(leaves(SHARED + 1, "forked", SHARED))
