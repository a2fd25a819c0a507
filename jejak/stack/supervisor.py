"""The process that keeps a data folder's servers: `python -m jejak.stack.supervisor FOLDER`.

It starts, stops and kills servers as it is told over a socket. A server that ends without being told to takes the
others and the supervisor with it, so that nobody works against half a stack; the log's tail is kept. The servers
die with it (on Linux, whatever ends it). It has one thread: a child's death signal is bound to the thread that made
it. It knows command lines, nothing of Kafka, Cassandra or their readiness.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from jejak.stack.control import (
    CRASHED,
    RUNNING,
    STOPPED,
    STOPPING,
    Crash,
    Kept,
    Record,
    take_lock,
    write_crash,
    write_record,
)
from jejak.stack.plan import Launch, tail

if TYPE_CHECKING:
    from collections.abc import Callable

PR_SET_PDEATHSIG: Final = 1
PATIENCE_SECONDS: Final = 20.0
LOG_KEPT: Final = 8 << 20
READ_SECONDS: Final = 2.0


class Supervisor:
    """Keeps the servers of one data folder; `run` returns when all of them have ended."""

    def __init__(
        self, data: Path, listener: socket.socket, wake: socket.socket, control: str, owner: int | None = None
    ) -> None:
        self._data = data
        self._listener = listener
        self._wake = wake
        self._owner = owner
        me = psutil.Process()
        self._record = Record(me.pid, me.create_time(), control)
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: dict[str, Path] = {}
        self._deadlines: dict[str, float] = {}
        self._closing = False
        write_record(data, self._record)

    def run(self) -> None:
        """Obey commands and watch the servers until told to shut down or a server ends by itself."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            if self._owner is not None:
                selector.register(self._owner, selectors.EVENT_READ)
            while not (self._closing and not self._children):
                for key, _ in selector.select(0.5 if self._deadlines else None):
                    if key.fileobj is self._listener:
                        self._answer()
                    elif key.fileobj == self._owner:
                        selector.unregister(self._owner)
                        self.close()
                    else:
                        self._heed_signals()
                self._look()

    def close(self) -> None:
        """Ask every server to end, and accept no other; safe to call again."""
        self._closing = True
        for name in self._children:
            self._stop(name, signal.SIGTERM)

    def _answer(self) -> None:
        channel, _ = self._listener.accept()
        with channel:
            channel.settimeout(READ_SECONDS)
            try:
                reply = self._obey(json.loads(channel.makefile().readline()))
                channel.sendall(json.dumps(reply).encode() + b"\n")
            except (OSError, ValueError) as fault:
                # A client that left or spoke nonsense must not end the servers; the log tells.
                sys.stderr.write(f"command not answered: {fault!r}\n")

    def _obey(self, command: dict[str, Any]) -> dict[str, str]:
        match command:
            case {"do": "start", "launch": launch} if not self._closing:
                return self._start(Launch(**{**launch, "argv": tuple(launch["argv"])}))
            case {"do": "stop", "server": str(name), "signal": int(number)} if name in self._children:
                self._stop(name, number)
            case {"do": "shutdown"}:
                self.close()
            case _:
                return {"error": f"the stack cannot {command.get('do')} {command.get('server', '')} now"}
        return {}

    def _start(self, launch: Launch) -> dict[str, str]:
        if launch.server in self._children:
            return {"error": f"{launch.server} runs already"}
        log = Path(launch.log)
        _make_room(log)
        with log.open("ab") as out:
            child = subprocess.Popen(
                launch.argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                preexec_fn=_bound_to(os.getpid(), launch.file_size_limit),  # noqa: PLW1509  there is one thread
            )
        self._children[launch.server] = child
        self._logs[launch.server] = log
        self._note(launch.server, Kept(child.pid, psutil.Process(child.pid).create_time(), RUNNING))
        return {}

    def _stop(self, name: str, number: int) -> None:
        self._note(name, replace(self._record.servers[name], state=STOPPING))
        self._deadlines.setdefault(name, time.monotonic() + PATIENCE_SECONDS)
        self._children[name].send_signal(number)

    def _heed_signals(self) -> None:
        numbers = self._wake.recv(64)
        if signal.SIGTERM in numbers or signal.SIGINT in numbers:
            self.close()

    def _look(self) -> None:
        """Note the servers that have ended, and end those that outlived their patience."""
        for name, child in list(self._children.items()):
            code = child.poll()
            if code is None:
                if time.monotonic() > self._deadlines.get(name, float("inf")):
                    child.kill()
                continue
            del self._children[name]
            self._deadlines.pop(name, None)
            self._ended(name, code)

    def _ended(self, name: str, code: int) -> None:
        kept = self._record.servers[name]
        if kept.state == STOPPING:
            self._note(name, replace(kept, state=STOPPED, code=code))
            return
        # Before the state: who sees the state looks for the reason next.
        write_crash(self._data, Crash(name, code, tail(self._logs[name])))
        self._note(name, replace(kept, state=CRASHED, code=code))
        self.close()

    def _note(self, name: str, kept: Kept) -> None:
        self._record = replace(self._record, servers={**self._record.servers, name: kept})
        write_record(self._data, self._record)


def _make_room(log: Path) -> None:
    """Set a long log aside, keeping one."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_KEPT:
        log.replace(log.with_name(log.name + ".1"))


def _bound_to(parent: int, file_size_limit: int | None) -> Callable[[], None]:
    """Return what a child does before it becomes the server: die with the parent, respect a file size limit."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def before() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
        if file_size_limit is not None:
            # Only the soft limit, so that it can be lifted again.
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size_limit, resource.RLIM_INFINITY))
        # The supervisor's wakeup descriptor is its own.
        signal.set_wakeup_fd(-1)

    return before


def _wakened_by_signals() -> socket.socket:
    """Return a socket that gets a byte, the number, for each signal of a child's end or of a wish to end this."""
    wake, feed = socket.socketpair()
    feed.setblocking(False)
    signal.set_wakeup_fd(feed.detach(), warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return wake


def serve(data: Path, announce: Callable[[], None], owner: int | None = None) -> None:
    """Supervise a data folder until it is shut down or the process behind the descriptor `owner` ends.

    `announce` is called once commands are accepted.
    """
    # In the system's folder for temporary files: a socket's path may have about a hundred bytes, a data folder's more.
    with (
        tempfile.TemporaryDirectory(prefix="jejak-") as place,
        socket.socket(socket.AF_UNIX) as listener,
        _wakened_by_signals() as wake,
    ):
        control = str(Path(place) / "control")
        listener.bind(control)
        listener.listen()
        supervisor = Supervisor(data, listener, wake, control, owner)
        announce()
        supervisor.run()


def main() -> None:
    """Take the folder's lock, leave the caller's process tree, and serve."""
    data = Path(sys.argv[1])
    owner = os.pidfd_open(int(sys.argv[2])) if sys.argv[2:] and sys.platform == "linux" else None
    if take_lock(data) is None:
        sys.exit(f"{data} is supervised already")
    if os.fork():
        # The caller waits for the pipe to be closed by the one that stays, not for this one.
        os._exit(0)
    serve(data, _say_ready, owner)


def _say_ready() -> None:
    os.write(1, b"ready\n")
    os.dup2(2, 1)


if __name__ == "__main__":
    main()
