"""A real Kafka broker and a real Cassandra node on loopback, without containers or a system Java."""

from jejak.stack.addresses import CASSANDRA, KAFKA, LOOPBACK, Endpoints
from jejak.stack.faults import (
    AlreadyRunning,
    CorruptJar,
    DiskFull,
    NoNetwork,
    NotReady,
    NotRunning,
    PortTaken,
    ServerCrashed,
    StackFault,
)
from jejak.stack.local import (
    ServerStatus,
    StackStatus,
    down,
    endpoints,
    kill_server,
    reset,
    start_server,
    status,
    stop_server,
    up,
)

__all__ = [
    "CASSANDRA",
    "KAFKA",
    "LOOPBACK",
    "AlreadyRunning",
    "CorruptJar",
    "DiskFull",
    "Endpoints",
    "NoNetwork",
    "NotReady",
    "NotRunning",
    "PortTaken",
    "ServerCrashed",
    "ServerStatus",
    "StackFault",
    "StackStatus",
    "down",
    "endpoints",
    "kill_server",
    "reset",
    "start_server",
    "status",
    "stop_server",
    "up",
]
