"""What the projector notes of itself: how far behind each partition is, and what its batches take.

Asks the client only what it knows already. Knows places in topics; must not know rows, nor what is concluded.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import Message, TopicPartition

from transport.metrics import BATCH_SECONDS, EVENTS_CONSUMED
from transport.pulse import Place, Pulse

_LOOK_S: Final = 1.0


class Vitals:
    """Notes one projector's signs of life in its pulse."""

    def __init__(self, pulse: Pulse, clock: Callable[[], float] = time.monotonic) -> None:
        self._pulse = pulse
        self._clock = clock
        self._look_at = 0.0
        self._next: dict[Place, int] = {}
        self._appended: dict[Place, float] = {}
        self._ended: dict[Place, int] = {}
        self._stages = {stage: BATCH_SECONDS.labels(stage) for stage in ("read", "project")}

    def stage(self, name: str, seconds: float) -> None:
        """Count a stage of a batch."""
        self._stages[name].observe(seconds)

    def ended(self, place: Place, offset: int) -> None:
        """Note that nothing that may be read lies from `offset` on."""
        self._ended[place] = offset

    def waiting(self, code: str) -> None:
        """Note that a server is away."""
        self._pulse.waiting(code)

    def acknowledged(self, next_offsets: Mapping[Place, int], by_topic: Mapping[str, Sequence[Message]]) -> None:
        """Note a batch whose rows the database has acknowledged."""
        self._next.update(next_offsets)
        for topic, messages in by_topic.items():
            for message in messages:
                self._appended[topic, int(message.partition() or 0)] = message.timestamp()[1] / 1_000
            EVENTS_CONSUMED.labels(topic).inc(len(messages))
        self._pulse.committed()

    def look(self, consumer: Any) -> None:
        """Note that the loop came round, and about each second how far behind it is."""
        self._pulse.turned()
        now = self._clock()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_S
        places = [(held.topic, held.partition) for held in consumer.assignment()]
        behind = sum(self._measure(consumer, place) for place in places)
        if not behind:
            self._pulse.settled()
        self._pulse.held(places)

    def _measure(self, consumer: Any, place: Place) -> bool:
        limits = consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
        end = limits[1] if limits is not None else -1
        # Of a partition not read from yet nothing is known: neither where the group left it nor how far it goes.
        done = self._next.get(place, end)
        at_end = self._ended.get(place) == done
        self._pulse.read(place, done, end, self._appended.get(place, 0.0), at_end=at_end)
        return end > done and not at_end
