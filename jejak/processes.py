"""Worker processes of this machine: started, watched, started again when they end by themselves, stopped by pid.

In a cluster Kubernetes does this; here it is so that one command can run the whole system and survive a kill -9.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

STOP_SECONDS = 20.0
_RESTART_PAUSE = 0.5
_LOOK_SECONDS = 0.25
_PARENT_SECONDS = 1.0


@dataclass(slots=True)
class Child:
    """One worker: its command, its running process, and how often it was started again."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(repr=False)  # may hold keys
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    ended_at: float = 0.0
    files: list[IO[bytes]] = field(default_factory=list)


def end_with(parent: int) -> None:
    """Have this process asked to end (SIGTERM) once `parent` is no longer its parent: killed, it left its workers."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=look, name="parent", daemon=True).start()


class Children:
    """The workers of one command. Use as a context manager: none outlives it."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        # A name of their own: a worker of another command must not take this one's transactions for its own.
        own = {"JEJAK_WORKER": f"of-{os.getpid()}", "JEJAK_PARENT": str(os.getpid())}
        self._environment = {**os.environ, **own, **environment}
        self._children: dict[str, Child] = {}

    def __enter__(self) -> Self:
        """Have a folder for the workers' logs."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop every worker."""
        self.stop_all()

    def start(self, name: str, *arguments: str, **environment: str) -> None:
        """Start `jejak <arguments>` as a worker; its output goes to a log file of its name.

        `environment` is its own: it stands over what all workers have.
        """
        command = [sys.executable, "-m", "jejak.cli", *arguments]
        child = Child(name, command, self._folder / f"{name}.log", {**self._environment, **environment})
        self._children[name] = child
        self._launch(child)

    def _launch(self, child: Child) -> None:
        log = child.log.open("ab")
        child.files.append(log)
        child.process = subprocess.Popen(
            child.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=child.environment
        )

    def kill(self, name: str) -> int:
        """Kill a worker with -9 and return the pid it had; `watch` starts it again."""
        process = self._children[name].process
        if process is None:
            raise ProcessLookupError(f"worker {name} was never started")
        process.send_signal(signal.SIGKILL)
        process.wait()
        return process.pid

    def watch(self) -> None:
        """Start again, after a pause, every worker that has ended; call it now and then."""
        now = time.monotonic()
        for child in self._children.values():
            if child.process is None or child.process.poll() is None:
                continue
            if not child.ended_at:
                child.ended_at = now
            elif now - child.ended_at >= _RESTART_PAUSE:
                child.ended_at = 0.0
                child.restarts += 1
                self._launch(child)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch from a thread of its own while the context lasts."""
        ending = threading.Event()

        def look() -> None:
            while not ending.wait(_LOOK_SECONDS):
                self.watch()

        thread = threading.Thread(target=look, name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()

    def running(self) -> dict[str, int]:
        """Return the pid of each worker that runs."""
        pids = {name: child.process for name, child in self._children.items()}
        return {name: process.pid for name, process in pids.items() if process is not None and process.poll() is None}

    def restarts(self) -> dict[str, int]:
        """Return how often each worker was started again."""
        return {name: child.restarts for name, child in self._children.items()}

    def stop_all(self) -> None:
        """Ask every worker to end, and end those that don't within the deadline."""
        alive = [child.process for child in self._children.values() if child.process and child.process.poll() is None]
        for process in alive:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in alive:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for child in self._children.values():
            for file in child.files:
                file.close()
