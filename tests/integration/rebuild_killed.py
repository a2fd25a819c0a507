"""Starts a rebuild and kills itself with -9 once some of it is done: `python rebuild_killed.py read-model|state vN`."""

import os
import signal
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2])]

from consumers.read_model import projector  # noqa: E402  a script beside the tests, not installed
from consumers.read_model.rebuild import Progress  # noqa: E402  idem
from jejak import composition  # noqa: E402  idem
from jejak.rebuild import read_model  # noqa: E402  idem
from jejak.rebuild.state import Beside  # noqa: E402  idem
from jejak.settings import Settings  # noqa: E402  idem


def look(done: int, total: int) -> None:
    if 0 < done < total:
        os.kill(os.getpid(), signal.SIGKILL)


def look_at(progress: Progress) -> None:
    look(progress.done, progress.total)


if __name__ == "__main__":
    projector.AT_ONCE = 50  # type: ignore[misc]  # so that some is done before all is
    what, version = sys.argv[1:]
    with composition.connected(Settings()) as registry:
        if what == "state":
            Beside(registry.endpoints.kafka, registry.serving, "test").start(version, look, lambda: False)
        else:
            read_model.start(registry, version, look_at, lambda: False)
