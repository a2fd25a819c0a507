"""What a worker notes of itself as it goes round: how far behind it is, and digests of the states it holds.

Asks the client only what it knows already, no broker. Knows partitions and their folds' optional digests; must not
know what is concluded from the signs, nor who asks for them.
"""

import time
from collections.abc import Callable, Collection
from typing import Any, Final

from confluent_kafka import KafkaError, TopicPartition

from stream_processors.engine.contract import Digesting
from stream_processors.engine.metrics import Meters
from stream_processors.engine.partition import Assigned
from stream_processors.engine.settings import EngineSettings
from transport.pulse import Pulse

_LOOK_S: Final = 1.0
# A digest keeps the loop: all of them together take a tenth of the time at most.
_PAUSE_PER_DIGEST: Final = 10.0
_AWAY: Final = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001  librdkafka's own code
        KafkaError._TRANSPORT,  # noqa: SLF001  idem
        KafkaError._TIMED_OUT,  # noqa: SLF001  idem
    }
)


class Vitals:
    """Notes one worker's signs of life in its pulse."""

    def __init__(
        self, settings: EngineSettings, pulse: Pulse, meters: Meters, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._topic = settings.input_topic
        self._digest_interval_s = settings.digest_interval_s
        self._pulse = pulse
        self._meters = meters
        self._clock = clock
        self._look_at = self._digest_at = 0.0

    def look(self, consumer: Any, owned: Collection[Assigned], *, pending: bool) -> None:
        """Note that the loop came round, and about each second the lag; with nothing pending, a digest that is due."""
        self._pulse.turned()
        now = self._clock()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_S
        behind = False
        for held in owned:
            behind |= self._measure(consumer, held)
        self._pulse.held([(self._topic, held.number) for held in owned])
        if not pending:
            if not behind:
                self._pulse.settled()
            self._digest_one(owned, now)

    def _measure(self, consumer: Any, held: Assigned) -> bool:
        limits = consumer.get_watermark_offsets(TopicPartition(self._topic, held.number), cached=True)
        end = limits[1] if limits is not None else -1
        self._pulse.read((self._topic, held.number), held.next_offset, end, held.appended_ms / 1_000)
        return end > held.next_offset

    def tolerated(self, error: KafkaError) -> None:
        """Note an error that the client mends by itself."""
        if error.code() in _AWAY:
            self._pulse.waiting("BROKER_AWAY")

    def _digest_one(self, owned: Collection[Assigned], now: float) -> None:
        """Have the digest of the partition that waits for it longest computed, if it is time for one."""
        if not self._digest_interval_s or now < self._digest_at:
            return
        due = [held for held in owned if held.digested_at + self._digest_interval_s <= now]
        for held in sorted(due, key=_digested_at)[:1]:
            fold = held.fold
            if isinstance(fold, Digesting) and fold.next_offset is not None:
                started = time.perf_counter()
                self._pulse.digested(held.number, *fold.digest())
                took = time.perf_counter() - started
                self._meters.digested(took)
                self._digest_at = now + _PAUSE_PER_DIGEST * took
                held.digested_at = now


def _digested_at(held: Assigned) -> float:
    return held.digested_at
