"""A witness put together: its key, its folder, its logs, its port.

Knows nothing else of Jejak: an institution runs it on a machine that holds nothing else of it.
"""

import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

from consumers.witness import app as over_http
from consumers.witness.store import Store
from consumers.witness.witness import Witness
from identity.secret_file import load_or_create_secret
from schemas.note import Cosigner, VerifierKey

# Connections that may be open at once; more are answered 503. A log keeps one.
_CONNECTIONS: Final = 64
# Longer than a log waits between two rounds, so that its connection stays.
_IDLE_SECONDS: Final = 75


class StateMissing(Exception):
    """The key was used before and the checkpoints cosigned with it are not there: it must not be used again."""


def cosigner(key: Path, state: Path, name: str) -> Cosigner:
    """Return the witness's signing key, made with its state folder on first use.

    Raises StateMissing when the key is there and the folder is not: from an empty state it would cosign a second
    history of a log it has vouched for.
    """
    if key.exists() and not state.is_dir():
        raise StateMissing("the key was used, and its checkpoints are missing: bring them back, or take a new key")
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Cosigner(load_or_create_secret(key), name)


def serve(cosigner: Cosigner, logs: Sequence[VerifierKey], state: Path, port: int) -> None:
    """Answer logs on loopback until stopped; raises StoreInUse and StateDamaged."""
    with Store(state) as store:
        run(over_http.application(Witness(cosigner, logs, store, time.time)), port)


def run(app: FastAPI, port: int) -> None:
    """Serve an application on loopback until SIGTERM or SIGINT; requests under way are answered first.

    It returns then, so that the caller closes what it lent: a door its chain of audit entries.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        # The web server, when it has ended, raises the signal again for whom it heard it in place of.
        signal.signal(number, _heard)
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        access_log=False,
        log_level="warning",
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=5,
        server_header=False,
    )


def _heard(_number: int, _frame: FrameType | None) -> None:
    """Let the process go on to its end."""
