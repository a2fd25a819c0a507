"""Ends a worker that hangs in a call which ignores its own timeout; a worker that hangs holds its partitions.

Knows time and one callback; must not know what is being done meanwhile.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stream_processors.engine.faults import EngineFault

_LOOK_S = 0.5


class Watchdog:
    """Calls `bite` from a thread of its own when what is done within `watch` takes longer than `patience_s`."""

    def __init__(self, patience_s: float, bite: Callable[[BaseException], None]) -> None:
        self._patience_s = patience_s
        self._bite = bite
        self._since: float | None = None
        self._over = threading.Event()
        threading.Thread(target=self._guard, daemon=True, name="watchdog").start()

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Watch over what is done within."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = None

    def close(self) -> None:
        """Watch no more."""
        self._over.set()

    def _guard(self) -> None:
        while not self._over.wait(min(_LOOK_S, self._patience_s)):
            since = self._since
            if since is not None and time.monotonic() - since > self._patience_s:
                self._bite(EngineFault(f"a commit took longer than {self._patience_s:.0f} s"))
                return
