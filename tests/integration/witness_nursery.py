"""Starts real witnesses fast: loads once, then forks one for each line `<folder> <port>` it reads, and tells its pid.

Run as a module; it ends, with its last witness, when its input does.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from consumers.witness.app import application
from consumers.witness.limits import Limits
from consumers.witness.store import Store
from consumers.witness.witness import Witness
from jejak.audit.web_server import run
from schemas.note import Cosigner, VerifierKey
from tests.unit.witness_by_hand import LOG, WITNESS


def serve(folder: str, port: str) -> None:
    with Store(Path(folder)) as store:
        witness = Witness(Cosigner(WITNESS.seed, WITNESS.name), [VerifierKey.parse(LOG.vkey)], store, time.time)
        run(application(witness, Limits(time.monotonic, per_second=1e6, burst=1e6)), int(port))


def main() -> None:
    uvicorn.Config(FastAPI()).load()  # what a server would load first
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    child = 0
    for line in sys.stdin:
        if child:
            os.waitpid(child, 0)  # killed by whoever asks for the next
        child = os.fork()
        if not child:
            serve(*line.split())
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
    if child:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
