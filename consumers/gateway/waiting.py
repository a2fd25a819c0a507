"""How long one request has waited: for what puts it on record, and in vain for the database, under one deadline.

Its intent, a read of the database, its outcome, what is known of checkpoints and agreements: each alone would be told
in time, one after the other they would not (audit.md 3: refusal within 3 s). The record and the database have some 2 s
each, and what went to the one is taken by half from the other: 3 s together, and a refusal for a database that hangs
still has time to be put on record. A read that succeeds counts nothing. Must not know what is waited for.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

_LEAST: Final = 0.05  # for a database that answers at once, however little time is left


@dataclass(slots=True)
class _Waited:
    record: float = 0.0
    in_vain: float = 0.0


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
        return event.wait(max(seconds - request.record - request.in_vain / 2, 0.0))
    finally:
        request.record += time.monotonic() - began


def left_to_read(seconds: float) -> float:
    """Return what the request has left, of so many seconds, for the database's next answer."""
    request = _REQUEST.get() or _Waited()
    return max(seconds - request.record / 2 - request.in_vain, _LEAST)


@contextmanager
def reading() -> Iterator[None]:
    """Count what is read within as time lost, if it ends with an error."""
    request = _REQUEST.get() or _Waited()
    began, on_record = time.monotonic(), request.record
    try:
        yield
    except Exception:
        request.in_vain += time.monotonic() - began - (request.record - on_record)
        raise
