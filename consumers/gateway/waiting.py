"""How long one request has waited to be put on record: all of its waits share one deadline.

Its intent, its outcome, what is known of checkpoints and of agreements: each alone would be told in time, one after the
other they would not (audit.md 3: refusal within 3 s). Reading is not counted here. Must not know what is waited for.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class _Waited:
    seconds: float = 0.0


_REQUEST: ContextVar[_Waited | None] = ContextVar("waited_for_the_record", default=None)


@contextmanager
def one_request() -> Iterator[None]:
    """Let everything within wait as one request; within a request already, as part of it."""
    if _REQUEST.get() is not None:
        yield
        return
    begun = _REQUEST.set(_Waited())
    try:
        yield
    finally:
        _REQUEST.reset(begun)


def has_come(event: threading.Event, seconds: float) -> bool:
    """Tell whether the event comes within what the request has left of so many seconds; what it waited is counted."""
    request = _REQUEST.get() or _Waited()
    began = time.monotonic()
    try:
        return event.wait(max(seconds - request.seconds, 0.0))
    finally:
        request.seconds += time.monotonic() - began
