"""Where a record goes that can't be projected: on, with its origin and a code, and the projection goes on too.

Knows Kafka; must not know what made the record unreadable, nor quote it anywhere but in the dead letter itself.
"""

from typing import Final

from confluent_kafka import KafkaException, Message, Producer

from schemas.dead_letters import Origin, headers
from transport.metrics import DEAD_LETTERS

FLUSH_SECONDS: Final = 30.0


class PoisonLimit(Exception):
    """So many records in a row are unreadable that the fault is likely ours: the worker stops instead of draining."""


class DeadLetters:
    """A topic of dead letters, and how many came in a row."""

    def __init__(self, producer: Producer, topic: str, consumer_name: str, consecutive_limit: int = 100) -> None:
        self._producer = producer
        self._topic = topic
        self._consumer_name = consumer_name
        self._limit = consecutive_limit
        self._consecutive = 0
        self._faults: list[str] = []

    def readable(self) -> None:
        """Note that a record was readable: the count of consecutive ones starts again."""
        self._consecutive = 0

    def send(self, message: Message, code: str) -> None:
        """Hand the record over to be sent as received; raises PoisonLimit when too many came in a row."""
        self._consecutive += 1
        if self._consecutive > self._limit:
            raise PoisonLimit(f"{self._consecutive} unreadable records in a row, the last with {code}")
        origin = Origin(
            str(message.topic()), message.partition() or 0, message.offset() or 0, code, self._consumer_name
        )
        told: list[tuple[str, str | bytes | None]] = [*headers(origin)]
        DEAD_LETTERS.labels(str(message.topic()), code).inc()
        self._producer.produce(
            self._topic, key=message.key(), value=message.value(), headers=told, on_delivery=self._delivered
        )

    def flush(self) -> None:
        """Return once every dead letter is acknowledged; raises KafkaException or TimeoutError when one isn't."""
        left = self._producer.flush(FLUSH_SECONDS)
        if self._faults:
            raise KafkaException(self._faults[0])
        if left:
            raise TimeoutError(f"{left} dead letters are unacknowledged after {FLUSH_SECONDS:.0f} s")

    def _delivered(self, error: object, _: Message) -> None:
        if error is not None:
            self._faults.append(str(error))
