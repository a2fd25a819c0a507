"""One file for each grant: who exports under it says so first, and is the only one until the file is handed over.

A claim is a file in a folder of the registry's data, locked by the process that exports; it names the file in the
making and outlives the process, so that whoever comes next goes on with that file or is told of it. Must not know what
is exported.
"""

import fcntl
import hashlib
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from consumers.gateway.export_journal import concerns, drop, journal_of, part_of

RUNNING: Final = "EXPORT_RUNNING"
ELSEWHERE: Final = "EXPORT_BEGUN_ELSEWHERE"


class Claimed(Exception):
    """The grant is being exported: `code` is RUNNING, or ELSEWHERE where another file of it lies unfinished."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class InTheMaking:
    """The files in the making that an erasure concerns: those dropped, and those that a process writes just now."""

    dropped: tuple[Path, ...] = ()
    running: tuple[Path, ...] = ()


@contextmanager
def claimed(folder: Path, request_id: str, target: Path) -> Iterator[None]:
    """Hold the claim of a grant for this target; raises Claimed.

    An earlier target counts for as long as anything of its file in the making is there.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(request_id.encode()).hexdigest()[:32]}.claim"
    opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Claimed(RUNNING) from None
        _for_this_file(opened, target.resolve())
        yield
    finally:
        os.close(opened)


def without(folder: Path, owners: Collection[str]) -> InTheMaking:
    """Drop every file in the making that may hold rows of these families or persons, and return which those were.

    One that a process is writing is left to it: it asks who was erased before its end, and drops its rows itself.
    """
    dropped, running = [], []
    for path in sorted(folder.glob("*.claim")):
        claim = os.open(path, os.O_RDWR)
        try:
            said = os.pread(claim, os.fstat(claim).st_size, 0)
            target = Path(os.fsdecode(said))
            if not said or not concerns(target, owners):
                continue
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                running.append(target)
                continue
            drop(target)
            dropped.append(target)
        finally:
            os.close(claim)
    return InTheMaking(tuple(dropped), tuple(running))


def _for_this_file(claim: int, target: Path) -> None:
    """Have the claim name the target, durably; raises Claimed where it names another that is still in the making."""
    said = os.pread(claim, os.fstat(claim).st_size, 0)
    other = Path(os.fsdecode(said)) if said else target
    if other != target and (part_of(other).exists() or journal_of(other).exists()):
        raise Claimed(ELSEWHERE)
    os.ftruncate(claim, 0)
    os.pwrite(claim, os.fsencode(target), 0)
    os.fsync(claim)
