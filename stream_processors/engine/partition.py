"""An assigned partition: its fold restored from the state topic, and where in the changes it goes on.

Knows how to read logs to their end; must not know the group's rebalances, transactions or what a fold holds.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from stream_processors.engine import clients
from stream_processors.engine.contract import FoldFactory, PartitionFold
from stream_processors.engine.faults import EngineFault, tolerate
from stream_processors.engine.log_ends import Ends
from stream_processors.engine.settings import EngineSettings
from transport.pulse import Pulse

_log = structlog.get_logger(__name__)
_AT_ONCE = 10_000
_POLL_S = 0.1


@dataclass(slots=True)
class Assigned:
    """A partition this worker holds. `moved` is true from the first change folded until the commit.

    `appended_ms` is the append time of the newest change folded here, 0 before the first; `digested_at` is when its
    state was last digested, by the worker's clock.
    """

    number: int
    fold: PartitionFold
    next_offset: int
    moved: bool = False
    appended_ms: int = 0
    digested_at: float = float("-inf")


def start_of(number: int, position: int | None, group_offset: int | None, earliest: int) -> int:
    """Return where to go on: at the position record; the group's offset is only compared with it.

    A group offset beyond the earliest change without any position record means that the state topic was lost, and
    neither deciding everything again nor going on with an empty state would be right: EngineFault.
    """
    if position is None:
        if group_offset is not None and group_offset > earliest:
            raise EngineFault(f"partition {number}: the group is at {group_offset}, but there is no position record")
        return earliest
    if position != group_offset:
        _log.warning("group offset differs from position", partition=number, position=position, group=group_offset)
    return position


class Restorer:
    """Brings up the folds of partitions; gives up without a result as soon as `stopping` says so."""

    def __init__(
        self, settings: EngineSettings, factory: FoldFactory, ends: Ends, stopping: Callable[[], bool], pulse: Pulse
    ) -> None:
        self._settings = settings
        self._factory = factory
        self._ends = ends
        self._stopping = stopping
        self._pulse = pulse

    def restore(self, group: Consumer, numbers: Iterable[int]) -> list[Assigned]:
        """Return the partitions with all committed state; an open transaction in them was waited out.

        Returns nothing if the worker is being stopped. Raises EngineFault when the logs don't fit each other or the
        end of the state log isn't reached although nothing was read for the worker's patience.
        """
        folds = {number: self._factory(number) for number in sorted(numbers)}
        # The end that counts open transactions: a lost owner's last batch may be among them, committed or not yet.
        ends = self._ends(self._settings.state_topic, "read_uncommitted", [*folds])
        if not self._read(folds, ends):
            return []
        offsets = self._group_offsets(group, folds)
        return [
            Assigned(number, fold, self._start(group, number, fold.next_offset, offsets[number]))
            for number, fold in folds.items()
        ]

    def _start(self, group: Consumer, number: int, position: int | None, group_offset: int | None) -> int:
        if position is not None:
            return start_of(number, position, group_offset, 0)
        place = TopicPartition(self._settings.input_topic, number)
        limits = group.get_watermark_offsets(place, timeout=self._settings.patience_s)
        if limits is None:
            raise EngineFault(f"partition {number}: the broker does not tell where the changes begin")
        return start_of(number, position, group_offset, limits[0])

    def _group_offsets(self, group: Consumer, numbers: Iterable[int]) -> dict[int, int | None]:
        asked = [TopicPartition(self._settings.input_topic, number) for number in numbers]
        answers = group.committed(asked, timeout=self._settings.patience_s)
        for answer in answers:
            if answer.error is not None:
                raise KafkaException(answer.error)
        return {answer.partition: answer.offset if answer.offset >= 0 else None for answer in answers}

    def _read(self, folds: Mapping[int, PartitionFold], ends: Mapping[int, int]) -> bool:
        """Give each fold its partition's committed records up to the given end; tell whether that was reached."""
        left = {number for number, end in ends.items() if end > 0}
        for number, end in ends.items():
            self._pulse.restoring(number, 0, end)
        if not left:
            return True
        consumer = clients.restoring_consumer(self._settings)
        try:
            consumer.assign([TopicPartition(self._settings.state_topic, number, 0) for number in left])
            return self._read_all(consumer, folds, ends, left)
        finally:
            consumer.close()

    def _read_all(
        self, consumer: Consumer, folds: Mapping[int, PartitionFold], ends: Mapping[int, int], left: set[int]
    ) -> bool:
        progress = time.monotonic()
        while left:
            if self._stopping():
                return False
            messages: list[Any] = consumer.consume(_AT_ONCE, _POLL_S)
            read: dict[int, int] = {}
            for message in messages:
                number, error = message.partition(), message.error()
                read[number] = message.offset()
                if error is None:
                    self._take(folds[number], message.key(), message.value())
                elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  librdkafka's own code
                    tolerate(error)
                elif message.offset() >= ends[number]:
                    # Only the end is proof: markers take offsets too, so the last record says nothing.
                    left.discard(number)
            for number, offset in read.items():
                self._pulse.restoring(number, offset, ends[number])
            if messages:
                progress = time.monotonic()
            elif time.monotonic() - progress > self._settings.patience_s:
                raise EngineFault(f"the state of partitions {sorted(left)} could not be read to its end")
        return True

    def _take(self, fold: PartitionFold, key: bytes | None, value: bytes | None) -> None:
        if key is None or value is None:
            raise EngineFault(f"{self._settings.state_topic} holds a record without key or value; nobody writes such")
        fold.restore(key, value)
