"""What a witness stored before it answered is there after a crash at any step, and nothing half is."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from consumers.witness.store import Store
from consumers.witness.witness import Answer, Witness
from schemas.note import Cosigner, VerifierKey
from tests.unit.witness_by_hand import LOG, WITNESS, grown, leaves

STEPS = ["open aside", "fsync file", "replace", "open folder", "fsync folder"]


class Crash(BaseException):
    """The process ends here."""


class Disk:
    """Notes each step that touches the disk; crashes before the one of this number, or after it."""

    def __init__(self, patch: pytest.MonkeyPatch, crash_at: int = -1, *, after: bool = False) -> None:
        self.steps: list[str] = []
        self._crash_at = crash_at
        self._after = after
        self._folders: set[int] = set()
        real_open, real_fsync, real_replace = os.open, os.fsync, Path.replace

        def opened(path: Any, flags: int, *rest: Any) -> int:
            folder = bool(flags & os.O_DIRECTORY)
            descriptor: int = self._step(
                "open folder" if folder else "open aside", lambda: real_open(path, flags, *rest)
            )
            self._folders.discard(descriptor)
            if folder:
                self._folders.add(descriptor)
            return descriptor

        def synced(descriptor: int) -> None:
            name = "fsync folder" if descriptor in self._folders else "fsync file"
            self._step(name, lambda: real_fsync(descriptor))

        def replaced(path: Path, target: Path) -> Path:
            found: Path = self._step("replace", lambda: real_replace(path, target))
            return found

        patch.setattr(os, "open", opened)
        patch.setattr(os, "fsync", synced)
        patch.setattr(Path, "replace", replaced)

    def _step(self, name: str, act: Callable[[], Any]) -> Any:
        here = len(self.steps) == self._crash_at
        self.steps.append(name)
        if here and not self._after:
            raise Crash
        done = act()
        if here:
            raise Crash
        return done


def ask(folder: Path, body: bytes) -> Answer:
    with Store(folder) as store:
        return witness(store).add_checkpoint(body)


def witness(store: Store) -> Witness:
    return Witness(Cosigner(WITNESS.seed, WITNESS.name), [VerifierKey.parse(LOG.vkey)], store, lambda: 0.0)


def test_the_note_is_on_disk_before_it_gets_its_name_and_the_name_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path) as store, monkeypatch.context() as patch:
        disk = Disk(patch)
        assert witness(store).add_checkpoint(grown(0, leaves(3), LOG)).status == 200
    assert disk.steps == STEPS


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(len(STEPS)), ids=STEPS)
def test_a_crash_at_any_step_answers_nothing_and_leaves_one_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, *, after: bool
) -> None:
    assert ask(tmp_path, grown(0, leaves(3, fork_at=3), LOG)).status == 200
    honest, forked = leaves(7, fork_at=3), leaves(8, "forked", fork_at=3)
    with Store(tmp_path) as store, monkeypatch.context() as patch:
        crashing = witness(store)
        Disk(patch, step, after=after)
        with pytest.raises(Crash):
            crashing.add_checkpoint(grown(3, honest, LOG))
    # Whichever history the witness goes on with, it is one that it has stored, and it takes no other.
    answers = [ask(tmp_path, grown(3, forked, LOG)), ask(tmp_path, grown(3, honest, LOG))]
    answers.append(ask(tmp_path, grown(7, honest, LOG)))
    stored = step > STEPS.index("replace") or (step == STEPS.index("replace") and after)
    assert [answer.status for answer in answers] == ([409, 409, 200] if stored else [200, 409, 409])


def test_what_a_crash_left_aside_is_no_obstacle(tmp_path: Path) -> None:
    ask(tmp_path, grown(0, leaves(3), LOG))
    (note,) = tmp_path.glob("*.checkpoint")
    note.with_suffix(".aside").write_bytes(b"half a no")
    assert ask(tmp_path, grown(3, leaves(4), LOG)).status == 200
