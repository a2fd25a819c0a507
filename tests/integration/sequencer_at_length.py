"""Sequencers killed and frozen at moments by lot; `make audit-faults` names this file, `make test` doesn't.

Each successor comes in a group of its own, so that no lock keeps it from being active beside those before it: on their
folder, which it takes from them, or on another. What is left is one log all the same. JEJAK_FAULT_BLOWS says how many.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.integration.engine_rig import wait_until
from tests.integration.sequencing_rig import Rig, freeze, thaw

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real

BLOWS = int(os.environ.get("JEJAK_FAULT_BLOWS", "50"))
SEED = int(os.environ.get("JEJAK_FAULT_SEED") or 20_261_121)
FOLDERS = ("log", "log", "other")


@pytest.fixture
def rig(stack: Endpoints, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(stack.kafka, tmp_path)
    yield made
    made.end_all()


class Havoc:
    """Successors, kills and freezes, one after the other."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.rng = random.Random(SEED)  # noqa: S311  chances of a test, not secrets
        self.done: Counter[str] = Counter()
        self.alive: list[subprocess.Popen[bytes]] = []
        self.frozen: list[subprocess.Popen[bytes]] = []

    def successor(self, folder: str) -> None:
        self.done["successors"] += 1
        name = f"{self.done['successors']:03}-{folder}"
        self.alive.append(self.rig.start(name, folder, group=f"{self.rig.group}-{name}", round_s=0.05))
        self.rig.wait_told(name, ("sequencer_begins", "sequencer_ends"))

    def blow(self) -> None:
        """Kill the newest and have another follow, or have another take over and strike those before it."""
        self.rig.feed(self.rng.randint(5, 150))
        time.sleep(self.rng.random() * 0.2)  # the moment of the blow, by lot
        if self.rng.random() < 0.7:
            self.strike(self.alive[-1])
        self.successor(self.rng.choice(FOLDERS))
        self.rig.feed(self.rng.randint(5, 150))
        for old in self.alive[:-1]:
            self.strike(old)
        if len(self.frozen) > 2:
            zombie = self.frozen.pop(0)
            thaw(zombie)
            self.alive.insert(0, zombie)

    def strike(self, process: subprocess.Popen[bytes]) -> None:
        self.alive.remove(process)
        if process.poll() is not None:
            self.done["ended by themselves"] += 1
        elif self.rng.random() < 0.2:
            freeze(process)
            self.frozen.append(process)
            self.done["frozen"] += 1
        else:
            self.kill(process)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        self.done["kill -9"] += 1

    def calm(self) -> None:
        """Wake up all who are frozen, and wait until both folders hold everything."""
        for zombie in self.frozen:
            thaw(zombie)
        for folder in ("log", "other"):
            self.successor(folder)
        self.rig.feed(100)
        for folder in ("log", "other"):
            wait_until(lambda folder=folder: self.rig.served(folder) == self.rig.fed, f"{folder} holds all", 120)  # type: ignore[misc]
        for process in self.alive:
            process.terminate()
        for process in self.rig.processes:
            process.wait(60)


@pytest.mark.timeout(300 + 60 * BLOWS)
def test_sequencers_that_are_killed_and_frozen_leave_one_log(rig: Rig) -> None:
    havoc, started = Havoc(rig), time.monotonic()
    havoc.successor("log")
    while havoc.done["kill -9"] < BLOWS:
        havoc.blow()
    havoc.calm()
    found = rig.require_one_log("log", "other")
    sys.stdout.write(f"{dict(havoc.done)}; {found}; {time.monotonic() - started:.0f} s\n")
    assert found.leaves == rig.fed
