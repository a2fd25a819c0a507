"""A sequencer that dies at any step of its life, by a kill or a power cut, leaves one log to whoever goes on.

Beside it a rival of its own folder opens rounds now and then, so that a death meets lost rounds too.
JEJAK_FAULT_POINTS says how many deaths are tried.
"""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from stream_processors.sequencer.contract import SequencerFault
from stream_processors.sequencer.directory import Directory
from tests.unit.disk_faults import Died, Disk
from tests.unit.sequencer_rig import Log, Rig, require_sound

if TYPE_CHECKING:
    from pathlib import Path

DEATHS = int(os.environ.get("JEJAK_FAULT_POINTS", "50"))
COMPARED_EACH = 50
STEPS = 220  # of one life, about


class InTurn:
    """Flushes one file after the other, so that steps come in one order."""

    map = staticmethod(map)


class Lives:
    """Lives of one sequencer after the other on one folder, and a rival on another."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "log"
        self.log = Log()
        self.rival = Rig(self.log, folder / "rival").take_over()
        self.rng = random.Random(0)  # noqa: S311  chances of a test, not secrets
        self.disk = Disk(self.folder, monkeypatch)
        self.died: Counter[str] = Counter()

    def live(self, die_at: int | None) -> None:
        """Take over and go through rounds: small, of several tiles, one that a rival may win, one not cosigned."""
        self.disk.live(die_at)
        rig = Rig(self.log, self.folder)
        self._trace(rig)
        rig.take_over()
        rig.round()
        self.log.write_many(self.rng.choice((1, 40, 256)))
        rig.round()
        self.log.write_many(self.rng.randint(1, 700))
        if self.rng.random() < 0.5:
            rig.rounds.before_append.append(lambda _: self.rival.round())
        rig.round()
        rig.witnesses.away = True
        self.log.write_many(3)
        rig.round()
        rig.witnesses.away = False
        rig.round()

    def _trace(self, rig: Rig) -> None:
        rig.directory._flushing = InTurn()  # type: ignore[assignment]
        for of, name in ((rig.rounds, "append"), (rig.rounds, "read"), (rig.witnesses, "cosign")):
            setattr(of, name, self._step(name, getattr(of, name)))

    def _step(self, name: str, call: Any) -> Any:
        def traced(*args: Any) -> Any:
            self.disk.at(f"{name} before")
            answer = call(*args)
            self.disk.at(f"{name} after")
            return answer

        return traced

    def die(self, at: int, *, power_cut: bool) -> None:
        try:
            self.live(at)
        except Died as death:
            self.died[f"{death} {'power cut' if power_cut else 'kill'}"] += 1
        if power_cut:
            self.disk.cut_power(self.rng)

    def require_one_log(self) -> None:
        self.live(None)
        require_sound(self.log, self.folder)


@pytest.mark.timeout(120 + 2 * DEATHS)
def test_a_sequencer_that_dies_at_any_step_leaves_one_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    died: Counter[str] = Counter()
    stride = max(1, STEPS // DEATHS)
    for first in range(0, DEATHS, COMPARED_EACH):
        with monkeypatch.context() as patched:
            lives = Lives(tmp_path / str(first), patched)
            for number in range(first, min(DEATHS, first + COMPARED_EACH)):
                lives.die(number * stride % STEPS, power_cut=number // (STEPS // stride) % 2 == number % 2)
            lives.require_one_log()
            died += lives.died
    sys.stdout.write(f"{died.total()} deaths of {DEATHS} tried, by step: {dict(died)}\n")
    assert died.total() > DEATHS * 0.8


def test_the_test_finds_a_sequencer_that_flushes_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The faults are real ones: without a step that guards against them, a log breaks or a sequencer stops."""
    monkeypatch.setattr(Directory, "place", _placed_without_flush)
    lives = Lives(tmp_path, monkeypatch)
    lives.live(None)
    steps = len(lives.disk.names)

    def many() -> None:
        for number in range(300):
            lives.die(number * 7 % steps, power_cut=True)
            lives.require_one_log()

    with pytest.raises((SequencerFault, AssertionError, FileNotFoundError)):
        many()


def _placed_without_flush(directory: Directory, staged: Any) -> None:
    for aside, name, _ in staged.files:
        target = directory.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        aside.replace(target)
