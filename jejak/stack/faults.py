"""What can go wrong with the local stack, each with what to do about it.

Knows nothing of how the servers are started; it holds messages for people.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from jejak.stack.addresses import Endpoints

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class StackFault(Exception):
    """The local stack cannot do what was asked; the message says why and what to do."""


class PortTaken(StackFault):
    """Another process listens on a port that was asked for."""

    def __init__(self, server: str, port: int) -> None:
        super().__init__(
            f"port {port} for {server} is taken by another process: "
            f"free it, or choose another with --{server}-port, or leave the choice to jejak"
        )
        self.server = server
        self.port = port


class DiskFull(StackFault):
    """There is no room left where the stack writes."""

    def __init__(self, folder: Path, needed: int = 0) -> None:
        room = f" (about {needed // 2**20} MiB are needed)" if needed else ""
        super().__init__(f"the disk under {folder} is full{room}: make room, or choose another folder")
        self.folder = folder


class NoNetwork(StackFault):
    """Jars are missing from the cache and cannot be fetched."""

    def __init__(self, missing: int, cache: Path, cause: str) -> None:
        super().__init__(
            f"{missing} jars are not in {cache} and could not be fetched ({cause}): "
            "the first start needs a network; connect and try again, or copy a filled cache there"
        )
        self.missing = missing


class CorruptJar(StackFault):
    """A jar was fetched several times and never had the digest of the lock file."""

    def __init__(self, coordinate: str, expected: str, found: str) -> None:
        super().__init__(
            f"{coordinate} was fetched but its SHA-256 is {found}, not {expected} as locked: "
            "something between here and the repository alters it; nothing was kept"
        )
        self.coordinate = coordinate


class AlreadyRunning(StackFault):
    """A stack runs in this data folder; `endpoints` says where, or is None while it starts."""

    def __init__(self, data: Path, endpoints: Endpoints | None) -> None:
        where = f" (kafka {endpoints.kafka}, cassandra {endpoints.cassandra})" if endpoints else ""
        super().__init__(f"a stack already runs in {data}{where}: use it, or stop it with `jejak down`")
        self.endpoints = endpoints


class NotRunning(StackFault):
    """No stack runs in this data folder."""

    def __init__(self, data: Path) -> None:
        super().__init__(f"no stack runs in {data}: start it with `jejak up`")


class ServerCrashed(StackFault):
    """A server ended by itself; the last lines of its log are in the message."""

    def __init__(self, server: str, log: Path, tail: str) -> None:
        super().__init__(f"{server} ended by itself; the last lines of {log}:\n{tail}")
        self.server = server
        self.tail = tail


class NotReady(StackFault):
    """A server runs but did not answer within the time allowed."""

    def __init__(self, server: str, seconds: float, log: Path) -> None:
        super().__init__(f"{server} did not answer within {seconds:.0f} s: see {log}")
        self.server = server


def diagnose(server: str, port: int, log: Path, tail: str) -> StackFault:
    """Name the fault that the last lines of a dead server's log tell of."""
    if "No space left on device" in tail or "Disk quota exceeded" in tail:
        return DiskFull(log.parent)
    if "Address already in use" in tail:
        return PortTaken(server, port)
    return ServerCrashed(server, log, tail)
