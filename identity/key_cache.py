"""Keys held in memory for a short while: bounded in number and in age. It must not know where they came from."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Held = TypeVar("Held")


class KeyCache(Generic[Held]):
    """What was loaded per owner in the last `seconds`, at most `size` owners; the ones loaded first leave first.

    Age counts from loading, not from use, so that an erasure elsewhere takes hold here however busy the owner is.
    A lookup takes no lock, which a dictionary's `get` doesn't need.
    """

    def __init__(self, size: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._seconds = seconds
        self._clock = clock
        self._held: dict[str, tuple[float, Held]] = {}
        self._lock = threading.Lock()

    def get(self, owner: str) -> Held | None:
        """Return what is held for the owner, or None when nothing is or it is too old."""
        entry = self._held.get(owner)
        if entry is None or entry[0] < self._clock():
            return None
        return entry[1]

    def put(self, owner: str, held: Held) -> None:
        """Hold this for the owner from now on."""
        with self._lock:
            self._held.pop(owner, None)
            if len(self._held) >= self._size:
                del self._held[next(iter(self._held))]
            self._held[owner] = (self._clock() + self._seconds, held)

    def drop(self, owner: str) -> None:
        """Hold nothing for the owner."""
        with self._lock:
            self._held.pop(owner, None)
