"""The two sides' agreement about a data folder: its lock, the supervisor's record, and the commands it obeys.

A supervisor runs if and only if it holds the lock, which the kernel frees however it ends. The record tells what
it keeps; a process in it is that process only if the start time agrees, as ids are used again.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from jejak.stack.faults import NotRunning, StackFault
from jejak.stack.plan import environment, replace_text

LOCK_NAME: Final = "lock"
RECORD_NAME: Final = "supervisor.json"
CRASH_NAME: Final = "crash.json"
# A process' start time follows the wall clock, which may be corrected meanwhile.
CLOCK_SLACK_SECONDS: Final = 2.0
REPLY_SECONDS: Final = 5.0
REAP_SECONDS: Final = 10.0

RUNNING: Final = "running"
STOPPING: Final = "stopping"
STOPPED: Final = "stopped"
CRASHED: Final = "crashed"


@dataclass(frozen=True, slots=True)
class Kept:
    """A server as the supervisor last saw it; `started` in seconds since 1970, `code` the exit code once it ended."""

    pid: int
    started: float
    state: str
    code: int | None = None

    @property
    def process(self) -> psutil.Process | None:
        """The process itself, or None if it has ended (or its id now names another one)."""
        return living(self.pid, self.started)


@dataclass(frozen=True, slots=True)
class Record:
    """What the supervisor writes down: itself, its control socket, its servers by name."""

    pid: int
    started: float
    control: str
    servers: dict[str, Kept] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Crash:
    """How the stack last ended by itself: which server, its exit code, the last lines of its log."""

    server: str
    code: int | None
    tail: str


def living(pid: int, started: float) -> psutil.Process | None:
    """Return the process with this id and start time, or None if it is gone or has ended."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < CLOCK_SLACK_SECONDS
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def take_lock(data: Path) -> int | None:
    """Return a descriptor that holds the folder's lock until it is closed, or None if another process holds it."""
    handle = os.open(data / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def is_supervised(data: Path) -> bool:
    """Tell whether a supervisor runs for this data folder."""
    if not (data / LOCK_NAME).exists():
        return False
    if (handle := take_lock(data)) is None:
        return True
    os.close(handle)
    return False


def read_record(data: Path) -> Record | None:
    """Return the supervisor's record, of a running or an ended one, or None if there is none."""
    try:
        raw = json.loads((data / RECORD_NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Record(**{**raw, "servers": {name: Kept(**kept) for name, kept in raw["servers"].items()}})


def write_record(data: Path, record: Record) -> None:
    """Put the record in the data folder, whole or not at all."""
    replace_text(data / RECORD_NAME, json.dumps(asdict(record)))


def read_crash(data: Path) -> Crash | None:
    """Return how the stack last ended by itself since it was last started, or None."""
    try:
        return Crash(**json.loads((data / CRASH_NAME).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def write_crash(data: Path, crash: Crash | None) -> None:
    """Keep how the stack ended, or forget it with None."""
    if crash is None:
        (data / CRASH_NAME).unlink(missing_ok=True)
    else:
        replace_text(data / CRASH_NAME, json.dumps(asdict(crash)))


def request(data: Path, command: dict[str, Any]) -> None:
    """Have the folder's supervisor obey a command; raise NotRunning if there is none, StackFault if it refuses."""
    record = read_record(data)
    if record is None or not is_supervised(data):
        raise NotRunning(data)
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(REPLY_SECONDS)
        try:
            channel.connect(record.control)
            channel.sendall(json.dumps(command).encode() + b"\n")
            reply = json.loads(channel.makefile().readline() or "{}")
        except (ConnectionError, FileNotFoundError) as fault:
            raise NotRunning(data) from fault
    if error := reply.get("error"):
        raise StackFault(error)


def start_supervisor(data: Path, tied_to: int | None = None) -> None:
    """Start the supervisor of a data folder, detached; it listens when this returns.

    With `tied_to` it ends, on Linux, when the process with that id ends.

    Whatever an earlier one left behind (after kill -9) is ended and cleared first.
    """
    reap(data)
    log = data / "logs" / "supervisor.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        argv = (sys.executable, "-m", "jejak.stack.supervisor", str(data), *([str(tied_to)] if tied_to else []))
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=out,
            check=False,
            start_new_session=True,
            env=environment(),
        )
    if done.stdout.strip() != b"ready":
        raise StackFault(f"the supervisor did not start: see {log}")


def reap(data: Path) -> None:
    """End the servers that a dead supervisor left running, and remove its socket."""
    if is_supervised(data) or (record := read_record(data)) is None:
        return
    left = [process for kept in record.servers.values() if (process := kept.process)]
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=REAP_SECONDS)
    Path(record.control).unlink(missing_ok=True)
    if Path(record.control).parent.is_dir():
        Path(record.control).parent.rmdir()
    (data / RECORD_NAME).unlink()


def wait_until_gone(data: Path, seconds: float) -> bool:
    """Wait until no supervisor holds the folder; tell whether that came within the time allowed."""
    deadline = time.monotonic() + seconds
    while is_supervised(data):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
