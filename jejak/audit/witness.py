"""A witness put together: its key, its folder, its logs, its port.

Knows nothing else of Jejak: an institution runs it on a machine that holds nothing else of it.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from consumers.witness import app as over_http
from consumers.witness.store import Store
from consumers.witness.witness import Witness
from identity.secret_file import load_or_create_secret
from jejak.audit import web_server
from schemas.note import Cosigner, VerifierKey


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
        web_server.run(over_http.application(Witness(cosigner, logs, store, time.time)), port)
