"""Whether the tests run on containers, and how they are started.

Containers are used where the environment names both images and a Docker daemon answers; everything else is the
project's own launcher. Knows images and settings, no test.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from jejak.stack import Endpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

KAFKA_IMAGE: Final = "JEJAK_TEST_KAFKA_IMAGE"
CASSANDRA_IMAGE: Final = "JEJAK_TEST_CASSANDRA_IMAGE"
START_SECONDS: Final = 180
_DAEMON_SECONDS: Final = 5
# One node: whatever is copied or waited for among several is one here; topics are made by the catalogue alone.
_BROKER: Final = {
    "KAFKA_DEFAULT_REPLICATION_FACTOR": "1",
    "KAFKA_MIN_INSYNC_REPLICAS": "1",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "4",
    "KAFKA_TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS": "1000",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
}


@dataclass(frozen=True, slots=True)
class Images:
    """The images to start."""

    kafka: str
    cassandra: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What the real tests run on, `images` being None for the project's own launcher, and why, in one line."""

    images: Images | None
    why: str


def choose(environ: Mapping[str, str], daemon: Callable[[], str]) -> Choice:
    """Return what to run on; `daemon` tells what keeps Docker from answering, nothing when it answers.

    It is asked only where both images are named. Addresses of running servers come before everything.
    """
    given = [name for name in ("JEJAK_KAFKA", "JEJAK_CASSANDRA") if environ.get(name, "").strip()]
    images = Images(environ.get(KAFKA_IMAGE, "").strip(), environ.get(CASSANDRA_IMAGE, "").strip())
    missing = [name for name, image in ((KAFKA_IMAGE, images.kafka), (CASSANDRA_IMAGE, images.cassandra)) if not image]
    if given:
        return Choice(None, f"running servers where {' and '.join(given)} say, else the project's own launcher")
    if missing:
        return Choice(None, f"the project's own launcher, no containers: {' and '.join(missing)} not set")
    if trouble := daemon():
        return Choice(None, f"the project's own launcher, no containers: no Docker daemon answers ({trouble})")
    return Choice(images, f"containers of {images.kafka} and {images.cassandra}")


def docker_trouble() -> str:
    """Return what keeps the Docker daemon from answering, nothing when it answers."""
    import docker  # type: ignore[import-untyped]  # noqa: PLC0415  untyped; needed only where containers are asked for
    from docker.errors import DockerException  # type: ignore[import-untyped]  # noqa: PLC0415  idem

    try:
        docker.from_env(timeout=_DAEMON_SECONDS).ping()
    except DockerException as fault:
        return type(fault).__name__
    return ""


@cache
def chosen() -> Choice:
    """Return what this run's tests run on; the daemon is asked once."""
    return choose(os.environ, docker_trouble)


@contextmanager
def started(images: Images) -> Iterator[Endpoints]:
    """Lend a broker and a node in containers, on ports of this machine, and remove both afterwards."""
    from testcontainers.community.cassandra import CassandraContainer  # noqa: PLC0415  reads the daemon's settings
    from testcontainers.community.kafka import KafkaContainer  # noqa: PLC0415  idem

    node: Any = CassandraContainer(images.cassandra)
    broker: Any = KafkaContainer(images.kafka).with_kraft()
    for name, value in _BROKER.items():
        broker.with_env(name, value)
    with ExitStack() as ending:
        for container in (node, broker):
            ending.callback(container.stop)
        node.start()
        broker.start(timeout=START_SECONDS)
        host, port = node.get_contact_points()[0]
        yield Endpoints(broker.get_bootstrap_server(), f"{host}:{port}")
