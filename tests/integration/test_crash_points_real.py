"""A worker that dies at any point of its life leaves nothing lost and nothing counted twice.

Each death is a real one (SIGKILL, or SIGSTOP where it is to wake up later) of a process that runs the product's fold
on the product's engine, at a point named beforehand; that it was reached is checked for each. In between and at the end
all that was left is compared with an unbroken run, record by record. JEJAK_FAULT_POINTS bounds how many are tried.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest

from jejak.composition import FOLD_OUTPUTS
from schemas import catalogue
from tests.integration import fault_report
from tests.integration import registry_rig as rigs
from tests.integration.crash_points import PROFILES, Life, chosen

if TYPE_CHECKING:
    from pathlib import Path

    from jejak.stack import Endpoints
    from tests.integration.registry_rig import Rig
    from tests.integration.unbroken_run import Compared

pytestmark = pytest.mark.real

POINTS = int(os.environ.get("JEJAK_FAULT_POINTS", "60"))
AT_LENGTH = POINTS > 200
ROUNDS = 4 if AT_LENGTH else 1  # after each, everything is compared
CHANGES_PER_LIFE = 24
NO_AVRO = b"\x00\x00\x00"
TIMEOUT_S = 900 if AT_LENGTH else 180


class Tried:
    """A lane of crash points and what became of it."""

    def __init__(self, endpoints: Endpoints, logs: Path, profile: int) -> None:
        self.profile, self.lives = profile, chosen(profile, POINTS)
        self.rig = rigs.Rig(endpoints, logs, partitions=PROFILES[profile].partitions)
        self.told: list[dict[str, Any]] = []
        self.compared: Compared | None = None

    def run(self) -> None:
        """Let all lives be lived, and compare after each round."""
        self.rig.activate(rigs.PKH)
        size = -(-len(self.lives) // ROUNDS)
        for number in range(ROUNDS):
            if number == ROUNDS // 2:
                self.rig.activate(rigs.SEMBAKO)
            self._round(number, self.lives[number * size :][:size])
            self.compared = self.rig.compare(rows=False)

    def _round(self, number: int, lives: list[Life]) -> None:
        messages = self.rig.logs / f"messages-{self.profile}-{number}"
        messages.write_bytes(pickle.dumps(self._changes(200 + CHANGES_PER_LIFE * len(lives), number)))
        lane = {
            "tag": self.rig.tag,
            "partitions": self.rig.partitions,
            "options": _options(self.rig, self.profile),
            "log": str(self.rig.logs / f"lane-{self.profile}.log"),
            "messages": str(messages),
            "lives": [asdict(life) for life in lives],
        }
        run = subprocess.run(
            [sys.executable, "-m", "tests.integration.crash_lane", json.dumps(lane)],
            check=False,
            capture_output=True,
            text=True,
            cwd=rigs.ROOT,
            timeout=TIMEOUT_S,
        )
        assert run.returncode == 0, run.stderr[-4_000:]
        self.told += [json.loads(line) for line in run.stdout.splitlines()]

    def _changes(self, count: int, seed: int) -> list[tuple[Any, ...]]:
        """Return changes, some of them said twice, and now and then poison between them."""
        found = []
        for number, change in enumerate(rigs.simulated(count, 100 * self.profile + seed), 1):
            found.append(change)
            if number % 30 == 0:
                found.append(found[-20])
            if number % 70 == 0:
                found.append(replace(change, value=NO_AVRO))
        return [(self.rig.name(one.topic), one.key, one.value, [*one.headers]) for one in found]

    def unfired(self) -> list[Any]:
        """Return the points that were not reached, and every worker that ended otherwise than it should."""
        return [one for one in self.told if "late" in one or "fault" in one or ("fired" in one) != bool(one["step"])]


def _options(rig: Rig, profile: int) -> dict[str, Any]:
    return {
        "bootstrap": rig.bootstrap,
        "group": rig.group,
        "input_topic": rig.name(catalogue.CHANGES_TOPIC),
        "state_topic": rig.name(catalogue.FAMILIES_TOPIC),
        "dead_letters_topic": rig.name(catalogue.DEAD_LETTERS_TOPIC),
        "output_topics": [rig.name(topic) for topic in FOLD_OUTPUTS],
        "session_timeout_ms": 6_000,
        "transaction_timeout_ms": 3_000,
        "batch": PROFILES[profile].batch,
        "commit_interval_s": PROFILES[profile].commit_interval_s,
    }


@pytest.mark.timeout(TIMEOUT_S)
def test_a_worker_that_dies_at_any_point_of_its_life_leaves_what_an_unbroken_run_leaves(
    stack: Endpoints, tmp_path: Path
) -> None:
    started = time.monotonic()
    tried = [Tried(stack, tmp_path, profile) for profile in range(len(PROFILES))]
    with ThreadPoolExecutor(len(tried)) as lanes:
        for outcome in [lanes.submit(one.run) for one in tried]:
            outcome.result()
    assert [one.unfired() for one in tried] == [[]] * len(tried)
    fired = Counter(told["scenario"] for one in tried for told in one.told if "fired" in told)
    assert fired.total() == sum(len(one.lives) for one in tried)
    if AT_LENGTH:
        for one in tried:
            one.rig.start_read_model()
            one.rig.settle()
            one.compared = one.rig.compare()
    fault_report.tell(
        "crash points by injection",
        seconds=time.monotonic() - started,
        compared=[one.compared for one in tried if one.compared is not None],
        crash_points=fired.total(),
        by_what_befell_them=dict(fired),
    )
