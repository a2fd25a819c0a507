"""One file for each grant: who exports under it says so first, and is the only one until the file is handed over.

A claim is a file in a folder of the registry's data, locked by the process that exports; it names the file in the
making and outlives the process, so that whoever comes next goes on with that file or is told of it. Must not know what
is exported.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from consumers.gateway.export_journal import journal_of, part_of

RUNNING: Final = "EXPORT_RUNNING"
ELSEWHERE: Final = "EXPORT_BEGUN_ELSEWHERE"


class Claimed(Exception):
    """The grant is being exported: `code` is RUNNING, or ELSEWHERE where another file of it lies unfinished."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


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


def _for_this_file(claim: int, target: Path) -> None:
    """Have the claim name the target, durably; raises Claimed where it names another that is still in the making."""
    said = os.pread(claim, os.fstat(claim).st_size, 0)
    other = Path(os.fsdecode(said)) if said else target
    if other != target and (part_of(other).exists() or journal_of(other).exists()):
        raise Claimed(ELSEWHERE)
    os.ftruncate(claim, 0)
    os.pwrite(claim, os.fsencode(target), 0)
    os.fsync(claim)
