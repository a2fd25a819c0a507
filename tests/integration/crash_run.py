"""Runs a lane of crash points and compares what it left with an unbroken run, record by record."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from jejak.composition import FOLD_OUTPUTS
from schemas import catalogue
from tests.integration import registry_rig as rigs
from tests.integration.crash_points import PROFILES, Life
from transport import kafka

if TYPE_CHECKING:
    from pathlib import Path

    from jejak.stack import Endpoints
    from tests.integration.registry_rig import Rig
    from tests.integration.unbroken_run import Compared

CHANGES_PER_LIFE = 24
SPARE_LIVES = 16  # for those lived again, where there are many
NO_AVRO = b"\x00\x00\x00"
LANE_S = 1_000.0


class Tried:
    """A lane of crash points and what became of it."""

    def __init__(self, endpoints: Endpoints, logs: Path, profile: int, lives: list[Life], rounds: int = 1) -> None:
        self.profile, self.lives, self.rounds = profile, lives, rounds
        self.rig = rigs.Rig(endpoints, logs, partitions=PROFILES[profile].partitions)
        self.told: list[dict[str, Any]] = []
        self.compared: Compared | None = None

    def run(self) -> None:
        """Let all lives be lived, and compare after each round."""
        self.rig.activate(rigs.PKH)
        size = -(-len(self.lives) // self.rounds)
        for number in range(self.rounds):
            if number == self.rounds // 2:
                self.rig.activate(rigs.SEMBAKO)
            self.live(number, self.lives[number * size :][:size])
            self.compared = self.rig.compare(rows=False)

    def live(self, number: int, lives: list[Life]) -> None:
        """Let the lives of one round be lived, and everything be decided that was sent for them."""
        messages = self.rig.logs / f"messages-{self.profile}-{number}"
        spare = SPARE_LIVES if len(lives) > SPARE_LIVES else 0
        messages.write_bytes(pickle.dumps(self._changes(200 + CHANGES_PER_LIFE * (len(lives) + spare), number)))
        lane = {
            "tag": self.rig.tag,
            # How many changes earlier rounds sent.
            "sent": sum(kafka.end_offsets(self.rig.bootstrap, self.rig.name(catalogue.CHANGES_TOPIC)).values()),
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
            timeout=LANE_S,
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

    def read(self) -> None:
        """Have the read model made of what the lane left, and compare that too."""
        self.rig.start_read_model()
        self.rig.settle()
        self.compared = self.rig.compare()

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
        "keyed_topics": [rig.name(catalogue.CLAIMS_TOPIC)],
        "session_timeout_ms": 6_000,
        "transaction_timeout_ms": 3_000,
        "batch": PROFILES[profile].batch,
        "commit_interval_s": PROFILES[profile].commit_interval_s,
    }
