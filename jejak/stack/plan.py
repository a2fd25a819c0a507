"""What a data folder's stack was asked to be, kept in it, and the command that starts one server.

Knows folders, ports and sizes; the two servers' own configuration stands in their modules.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from jejak.stack.addresses import LOOPBACK, SERVERS
from jejak.stack.faults import DiskFull, PortTaken

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Below the range that Linux hands to outgoing connections: a client's own socket can then never hold the port of a
# server that is down for a moment.
FREE_PORTS: Final = range(20_000, 32_000)
ROOM_NEEDED: Final = 1 << 30
PLAN_NAME: Final = "stack.json"
JAVA_VARIABLES: Final = frozenset({"CLASSPATH", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"})
EXTRA_PORTS: Final = ("controller", "storage")


@dataclass(frozen=True, slots=True)
class Plan:
    """Ports by name (kafka, controller, cassandra, storage), heap of the broker, folder of its log, cluster id.

    `quick` leaves out Java's optimising compiler: a third less work to start, at the price of peak throughput.
    """

    ports: dict[str, int]
    kafka_heap: str
    kafka_log_dir: str
    cluster_id: str
    quick: bool = False

    def address(self, server: str) -> str:
        """Return the client address of a server as `host:port`."""
        return f"{LOOPBACK}:{self.ports[server]}"


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start one server: arguments, log file (standard output and error), greatest file size in bytes."""

    server: str
    argv: tuple[str, ...]
    log: str
    file_size_limit: int | None = None


def compiler_flags(plan: Plan) -> tuple[str, ...]:
    """Return the JVM's flags for a plan's choice of compilers."""
    return ("-XX:TieredStopAtLevel=1",) if plan.quick else ()


def environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return an environment in which no Java option of the user's changes the servers."""
    return {name: value for name, value in environ.items() if name not in JAVA_VARIABLES}


def load(data: Path) -> Plan | None:
    """Return the plan kept in a data folder, or None if no stack was ever started there."""
    try:
        return Plan(**json.loads((data / PLAN_NAME).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def save(data: Path, plan: Plan) -> None:
    """Keep the plan in the data folder, whole or not at all."""
    replace_text(data / PLAN_NAME, json.dumps(asdict(plan), indent=1))


def replace_text(path: Path, text: str) -> None:
    """Put text in a file such that a reader finds the old one or the new one, never a part."""
    aside = path.with_name(path.name + ".new")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def is_free(port: int) -> bool:
    """Tell whether a server could listen on a loopback port now."""
    with socket.socket() as probe:
        # As the servers do: a port whose last connections are still closing counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def choose_ports(asked: dict[str, int | None], kept: dict[str, int], used: tuple[str, ...] = SERVERS) -> dict[str, int]:
    """Return a port for each name: the asked one, else the kept one, else (or if that is taken) a free one.

    Raises PortTaken if a port that was asked for is taken; only servers in `used` are held to it.
    """
    ports: dict[str, int] = {}
    for name in (*SERVERS, *EXTRA_PORTS):
        wanted = asked.get(name)
        if wanted and name in used and not is_free(wanted):
            raise PortTaken(name, wanted)
        known = wanted or kept.get(name)
        ports[name] = known if known and (wanted or is_free(known)) else free_port(set(ports.values()))
    return ports


def free_port(avoid: set[int]) -> int:
    """Return a port that nobody listens on now, none of `avoid`."""
    return next(
        port
        for port in random.sample(FREE_PORTS, len(FREE_PORTS))  # no secret: any free port will do
        if port not in avoid and is_free(port)
    )


def check_room(folder: Path, needed: int = ROOM_NEEDED) -> None:
    """Raise DiskFull unless the folder's disk has the bytes that a first start needs."""
    if shutil.disk_usage(folder).free < needed:
        raise DiskFull(folder, needed)


def log_file(data: Path, server: str) -> Path:
    """Return the log file of a server."""
    return data / "logs" / f"{server}.log"


def tail(path: Path, lines: int = 60, most: int = 1 << 15) -> str:
    """Return the last lines of a file, or "" if there is none."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - most))
            return "\n".join(stream.read().decode("utf-8", "replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""
