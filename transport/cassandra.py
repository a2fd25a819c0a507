"""Configured sessions with Cassandra: consistency, deadlines, reconnection, rows as tuples.

Knows addresses and keyspaces; nothing of tables. The driver's own log lines go to the standard logger `cassandra` and
are silent until somebody listens to it.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from cassandra import ConsistencyLevel, ProtocolVersion
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import (
    ConstantReconnectionPolicy,
    DCAwareRoundRobinPolicy,
    TokenAwarePolicy,
)
from cassandra.query import tuple_factory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

logging.getLogger("cassandra").addHandler(logging.NullHandler())

LOCAL_ONE: Final = ConsistencyLevel.LOCAL_ONE
LOCAL_QUORUM: Final = ConsistencyLevel.LOCAL_QUORUM
REQUEST_SECONDS: Final = 15.0
CONNECT_SECONDS: Final = 10.0
# A node that was away for a moment is used again about a second after it is back.
RECONNECT_SECONDS: Final = 1.0
PORT: Final = 9042


def contact(address: str) -> tuple[list[str], int]:
    """Return the hosts and the port of `host:port[,host:port...]`; raise ValueError if the ports differ."""
    pairs = [part.strip().rpartition(":") for part in address.split(",")]
    hosts = [host or port for host, _, port in pairs]
    ports = {int(port) if host else PORT for host, _, port in pairs}
    if len(ports) != 1:
        raise ValueError("the nodes of one cluster listen on one port")
    return hosts, ports.pop()


def session(
    address: str,
    keyspace: str | None = None,
    *,
    consistency: int = LOCAL_ONE,
    request_seconds: float = REQUEST_SECONDS,
) -> Session:
    """Return a session with the cluster at `address`; rows come as tuples. End it with `close`.

    Raises cassandra.cluster.NoHostAvailable if no node answers.
    """
    hosts, port = contact(address)
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy()),
        consistency_level=consistency,
        request_timeout=request_seconds,
        row_factory=tuple_factory,
    )
    cluster = Cluster(
        hosts,
        port,
        protocol_version=ProtocolVersion.V5,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        reconnection_policy=ConstantReconnectionPolicy(RECONNECT_SECONDS, max_attempts=None),
        connect_timeout=CONNECT_SECONDS,
        control_connection_timeout=CONNECT_SECONDS,
        compression=False,
    )
    try:
        return cluster.connect(keyspace)
    except BaseException:  # whatever hinders it, the cluster's threads must end
        cluster.shutdown()
        raise


class Hasty:
    """A session that waits for each answer as long as is left then; all else that is asked of it is the session's."""

    def __init__(self, lent: Session, seconds: Callable[[], float]) -> None:
        self._lent = lent
        self._seconds = seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lent, name)

    def execute(self, *asked: Any, **told: Any) -> Any:
        """Return the rows; raises OperationTimedOut."""
        return self._lent.execute(*asked, **{"timeout": self._seconds(), **told})

    def execute_async(self, *asked: Any, **told: Any) -> Any:
        """Return the answer to come; its `result` raises OperationTimedOut."""
        return self._lent.execute_async(*asked, **{"timeout": self._seconds(), **told})


def hasty(lent: Session, seconds: Callable[[], float]) -> Session:
    """Return the session for who must be refused in time where the database hangs: `seconds` is asked at each wait."""
    return cast("Session", Hasty(lent, seconds))


def close(opened: Session) -> None:
    """End a session and its cluster's connections and threads."""
    opened.cluster.shutdown()


@contextmanager
def closing_session(address: str, keyspace: str | None = None, *, consistency: int = LOCAL_ONE) -> Iterator[Session]:
    """Lend a session and close it afterwards."""
    lent = session(address, keyspace, consistency=consistency)
    try:
        yield lent
    finally:
        close(lent)
