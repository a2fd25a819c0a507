"""When a server is ready: Kafka when it answers a metadata call, Cassandra when it answers a CQL query.

Knows addresses only; the clients are imported late, as the supervisor needs none.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Final

from jejak.stack.addresses import CASSANDRA, KAFKA

if TYPE_CHECKING:
    from collections.abc import Callable

CALL_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.1


def listens(address: str) -> bool:
    """Tell whether something accepts connections at `host:port`; cheap, and not yet readiness."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1):
            return True
    except OSError:
        return False


def kafka_answers(address: str) -> bool:
    """Tell whether the broker answers a metadata call and counts itself as a member."""
    from confluent_kafka import KafkaException  # noqa: PLC0415  see the module's docstring

    from transport.kafka import admin  # noqa: PLC0415  idem

    try:
        return bool(admin(address).list_topics(timeout=CALL_SECONDS).brokers)
    except KafkaException:
        return False


def cassandra_answers(address: str) -> bool:
    """Tell whether the node answers a CQL query."""
    from cassandra import DriverException, OperationTimedOut  # noqa: PLC0415  see the module's docstring
    from cassandra.cluster import NoHostAvailable  # noqa: PLC0415  idem

    from transport.cassandra import closing_session  # noqa: PLC0415  idem

    try:
        with closing_session(address) as opened:
            return bool(opened.execute("SELECT release_version FROM system.local").one())
    except (NoHostAvailable, OperationTimedOut, DriverException):
        return False


ANSWERS: Final = {KAFKA: kafka_answers, CASSANDRA: cassandra_answers}


def wait(server: str, address: str, seconds: float, alive: Callable[[], bool]) -> bool:
    """Wait until a server answers; return False if it stops being alive or the time allowed passes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and alive():
        if listens(address) and ANSWERS[server](address):
            return True
        time.sleep(POLL_SECONDS)
    return False
