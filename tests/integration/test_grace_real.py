"""A gateway vouches without checkpoints for a grace, counted from the oldest entry that none covers, and no longer."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from consumers.gateway.grace import TAIL, Grace
from schemas import codec, records
from schemas.catalogue import AUDIT_TOPIC, Topic, topic
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Callable

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real

ORIGIN = "jejak.test/audit/2026"
MINUTES = 60.0


class Log:
    """An audit topic, a topic of checkpoints, and a clock that may be set forward."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.audit, self.checkpoints = (f"{name}.{uuid.uuid4().hex[:10]}" for name in ("audit", "checkpoints"))
        config = topic(AUDIT_TOPIC).config
        kafka.create_topics(
            bootstrap,
            [Topic(self.audit, 2, "", (), "", (), config), Topic(self.checkpoints, 1, "", (), "", (), config)],
        )
        self.forward = 0.0
        self._producer: Any = kafka.producer(bootstrap, linger_ms=0)

    def send(self, name: str, partition: int, *values: bytes) -> None:
        for value in values:
            self._producer.produce(name, partition=partition, value=value)
        assert not self._producer.flush(30)

    def entry(self, partition: int = 0) -> None:
        self.send(self.audit, partition, b"an entry")

    def opened(self, number: int, *ends: int) -> bytes:
        cut = tuple(records.PartitionCut(partition=p, end_offset=end) for p, end in enumerate(ends))
        return codec.encode(
            records.RoundOpened(origin=ORIGIN, round=number, cut=cut, tree_size=sum(ends), root=bytes(32))
        )

    def published(self, number: int, size: int) -> bytes:
        note = f"{ORIGIN}\n{size}\nAAAA\n\n— x y\n"
        return codec.encode(records.CheckpointPublished(origin=ORIGIN, round=number, note=note))

    def covered(self, number: int, *ends: int) -> None:
        self.send(self.checkpoints, 0, self.opened(number, *ends), self.published(number, sum(ends)))

    def grace(self) -> Grace:
        return Grace(
            self.bootstrap,
            15 * MINUTES,
            checkpoints=self.checkpoints,
            audit=self.audit,
            now=lambda: time.time() + self.forward,
        )


@pytest.fixture
def log(stack: Endpoints) -> Log:
    return Log(stack.kafka)


def verdict(grace: Grace) -> str:
    """Return what it forbids once it knows: a new topic may have no leader for a while on a busy machine."""
    until(lambda: grace.forbids() != "AUDIT_UNAVAILABLE")
    return grace.forbids()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_without_a_sequencer_the_grace_counts_from_the_first_entry(log: Log) -> None:
    log.entry()
    with log.grace() as grace:
        assert verdict(grace) == ""
        log.forward = 14 * MINUTES
        assert verdict(grace) == ""
        log.forward = 16 * MINUTES
        assert verdict(grace) == "WITNESSES_LATE"
    with log.grace() as fresh:
        assert verdict(fresh) == "WITNESSES_LATE"


def test_a_log_that_is_covered_whole_may_stay_quiet_for_hours(log: Log) -> None:
    log.entry()
    log.entry(1)
    log.covered(1, 1, 1)
    log.forward = 300 * MINUTES
    with log.grace() as grace:
        assert verdict(grace) == ""
        log.forward += 14 * MINUTES
        assert verdict(grace) == ""


def test_rounds_that_are_opened_and_never_published_cover_nothing_and_a_checkpoint_ends_the_lateness(log: Log) -> None:
    log.entry()
    log.covered(1, 1, 0)
    log.entry(1)
    log.send(log.checkpoints, 0, log.opened(2, 1, 1))
    log.forward = 16 * MINUTES
    with log.grace() as grace:
        assert verdict(grace) == "WITNESSES_LATE"
        log.send(log.checkpoints, 0, log.published(2, 2))
        until(lambda: not grace.forbids())
        log.forward += 60 * MINUTES
        until(lambda: not grace.forbids())


def test_of_two_rounds_of_one_number_the_first_says_what_is_covered(log: Log) -> None:
    log.entry()
    log.entry(1)
    log.send(log.checkpoints, 0, log.opened(1, 1, 0), log.opened(1, 1, 1), log.published(1, 2), log.published(1, 1))
    log.forward = 16 * MINUTES
    with log.grace() as grace:
        assert verdict(grace) == "WITNESSES_LATE"


def test_a_fresh_gateway_finds_the_last_checkpoint_behind_many_rounds_that_no_witness_took(log: Log) -> None:
    log.entry()
    log.covered(1, 1, 0)
    log.send(log.checkpoints, 0, *(log.opened(number, 1, 0) for number in range(2, TAIL + 50)))
    log.forward = 16 * MINUTES
    with log.grace() as grace:
        assert verdict(grace) == ""


def test_without_a_broker_nothing_is_known_and_nothing_may_be_vouched_for() -> None:
    began = time.monotonic()
    with Grace("127.0.0.1:1") as grace:
        assert grace.forbids() == "AUDIT_UNAVAILABLE"
        assert time.monotonic() - began < 3
