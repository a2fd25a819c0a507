"""Puts a gateway's audit trail together: producer, write-ahead folder, checkpoints, and what dead gateways left."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog
from confluent_kafka import KafkaException

from consumers.gateway import audit_log
from consumers.gateway.audit_log import AuditLog
from consumers.gateway.chain import NO_POLICIES
from consumers.gateway.grace import Grace
from consumers.gateway.policy import Policies
from consumers.gateway.replay_ahead import NotReplayed, replay
from jejak.settings import Settings

AGAIN_SECONDS: Final = 30.0

_LOG: Final = structlog.get_logger(__name__)


def folder(settings: Settings) -> Path:
    """Return where the gateways of this data folder keep their write-ahead files."""
    return settings.data.resolve() / "audit-wal"


@contextmanager
def trail(settings: Settings, bootstrap: str, policies: Callable[[], Policies | None]) -> Iterator[AuditLog]:
    """Lend a gateway's chain of audit entries; what dead gateways of this folder left is replayed beside it.

    `policies` tells the set that serves, which heartbeats name.
    """

    def serving() -> bytes:
        found = policies()
        return NO_POLICIES if found is None else found.hash

    with (
        Grace(bootstrap, settings.grace_minutes * 60, known_seconds=settings.audit_seconds) as grace,
        AuditLog(
            audit_log.producer(bootstrap),
            settings.gateway,
            folder=folder(settings),
            deadline_seconds=settings.audit_seconds,
            forbidden=grace.forbids,
            policies=serving,
        ) as log,
        _replaying(folder(settings), bootstrap),
    ):
        grace.wait()
        yield log


@contextmanager
def _replaying(files: Path, bootstrap: str) -> Iterator[None]:
    """Replay in the background, until nothing of a dead gateway is left; a replay that is cut short is begun anew."""
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            try:
                for done in replay(files, bootstrap):
                    _LOG.warning("audit_replayed", gateway=done.gateway_id, missing=done.missing)
            except (NotReplayed, KafkaException, OSError) as fault:  # tried again: the broker or the disk is away
                _LOG.warning("audit_not_replayed", why=type(fault).__name__)
            over.wait(AGAIN_SECONDS)

    thread = threading.Thread(target=run, name="audit-replay", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(audit_log.DEADLINE_SECONDS)
