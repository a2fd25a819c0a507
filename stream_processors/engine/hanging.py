"""Transactions left open on a fold's outputs: waited for, ended where they are this worker's own, else a fault.

A broker that died amid an abort may come back with the abort done and its markers never written. The records then
stay open, and the next commit of the same producer to that partition would commit them as well. So nothing is sent to
a partition before its outputs are clear. Knows ends of logs; must not know folds, groups or what a record means.
"""

import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol

import structlog

from stream_processors.engine.faults import EngineFault
from stream_processors.engine.log_ends import Ends
from stream_processors.engine.settings import EngineSettings

_log = structlog.get_logger(__name__)

Place = tuple[str, int]  # topic, partition
# An owner that lives or is being fenced ends its transaction sooner.
_SWEEP_AFTER_S: Final = 2.0
_SWEEP_AGAIN_S: Final = 5.0
# The broker looks for transactions that ran into their timeout every ten seconds, and needs a moment to end them.
_BROKER_ENDS_S: Final = 15.0
_LOOK_AGAIN_S: Final = 0.2


class Sweeper(Protocol):
    """The worker's transactions, none of them open."""

    def sweep(self, places: Iterable[Place]) -> None:
        """Have the broker end, as aborted, what this worker's id left open in these partitions."""


class Clearance:
    """Lets a worker write to a partition only once no transaction is open on any of its outputs."""

    def __init__(
        self,
        settings: EngineSettings,
        ends: Ends,
        stopping: Callable[[], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._topics = tuple(one for one in settings.all_output_topics if one not in settings.keyed_topics)
        self._keyed = settings.keyed_topics
        self._deadline_s = settings.transaction_timeout_ms / 1_000 + _BROKER_ENDS_S
        self._ends = ends
        self._stopping = stopping
        self._clock = clock
        self._sleep = sleep

    def wait(self, numbers: Iterable[int], sweeper: Sweeper) -> bool:
        """Return True once nothing is open on the partitions' outputs, False as soon as the worker is to stop.

        Another's transaction ends with its owner or by its timeout; one that this worker's own id left is swept.
        Raises EngineFault for what is still open well after the timeout. Topics that go by another key are every
        worker's at any time: of these, what this worker's own id left is swept, and nobody is waited for.
        """
        partitions = sorted(numbers)
        self._sweep_keyed(sweeper)
        left = self._open_among([(topic, number) for topic in self._topics for number in partitions])
        started = self._clock()
        sweep_at = started + _SWEEP_AFTER_S
        while left:
            if self._stopping():
                return False
            now = self._clock()
            if now - started > self._deadline_s:
                raise EngineFault(_left_open(left))
            if now >= sweep_at:
                _log.warning("open transactions swept", places=_names(left))
                sweeper.sweep(left)
                sweep_at = self._clock() + _SWEEP_AGAIN_S
            else:
                self._sleep(_LOOK_AGAIN_S)
            left = self._open_among(left)
        return True

    def sweep_own(self, sweeper: Sweeper) -> None:
        """Have the broker end what this worker's id left open on any partition, whoever holds that now.

        Its new holder can't: it waits, and ends by a fault. What is another's is not changed by it, so nothing is
        waited for to tell them apart.
        """
        left = [(topic, number) for topic in (*self._topics, *self._keyed) for number in self._open_in(topic, None)]
        if left:
            _log.info("open transactions swept at the start", places=_names(left))
            sweeper.sweep(left)

    def _sweep_keyed(self, sweeper: Sweeper) -> None:
        left = [(topic, number) for topic in self._keyed for number in self._open_in(topic, None)]
        if left:
            _log.info("open transactions swept on topics of another key", places=_names(left))
            sweeper.sweep(left)

    def _open_among(self, places: Iterable[Place]) -> list[Place]:
        by_topic: dict[str, list[int]] = {}
        for topic, number in places:
            by_topic.setdefault(topic, []).append(number)
        return [(topic, number) for topic, numbers in by_topic.items() for number in self._open_in(topic, numbers)]

    def _open_in(self, topic: str, numbers: list[int] | None) -> list[int]:
        # In this order: what others append in between, outside of transactions, must not look open.
        written = self._ends(topic, "read_uncommitted", numbers)
        settled = self._ends(topic, "read_committed", numbers)
        return [number for number, end in written.items() if settled[number] < end]


def _names(places: Iterable[Place]) -> list[str]:
    return [f"{topic}/{number}" for topic, number in places]


def _left_open(places: Iterable[Place]) -> str:
    return (
        f"an open transaction is left on {', '.join(_names(places))}: "
        "abort it with Kafka's own tool, kafka-transactions abort"
    )
