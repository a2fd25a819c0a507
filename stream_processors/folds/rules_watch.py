"""Follows jejak.rules.v1 to its end before each batch, so that every worker judges a change by the same rules.

A batch is read first and the rules after it: whatever was activated before a change was appended is known by then.
Must not know what a rule says.
"""

import time
from collections.abc import Iterator
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from schemas import catalogue
from stream_processors.registry.rulebook import Activation, RuleBook, activation_of
from transport import kafka

_DEADLINE_SECONDS: Final = 60.0  # as long as the engine waits for a broker that does not answer
_CALL_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.1

# The broker is away or has just come back: it answers the same question a moment later.
_PASSING: Final = frozenset(
    {
        KafkaError._TRANSPORT,  # noqa: SLF001  librdkafka's own code
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001  idem
        KafkaError._TIMED_OUT,  # noqa: SLF001  idem
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001  idem; a broker that starts does not know its topics yet
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
    }
)


class RulesWatch:
    """The rule book as far as the rules topic goes; `refresh` reads what came since."""

    def __init__(self, bootstrap: str, topic: str = catalogue.RULES_TOPIC) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._reader = kafka.reader(bootstrap)
        self._position = 0
        self.book = RuleBook()

    def refresh(self) -> None:
        """Know every activation up to the topic's end; raises RulesDiffer or LookupError for one we can't judge by."""
        end = self._end()
        if self._position >= end:
            return
        # Assigned only while there is something to read: the broker answers a connection's requests one after the
        # other, and a fetch that waits at the end would hold the next question for half a second, at every batch.
        self._reader.assign([TopicPartition(self._topic, 0, self._position)])
        found = list(self._read_to(end))
        self._reader.unassign()
        self.book = self.book.with_activations(found)

    def _read_to(self, end: int) -> Iterator[Activation]:
        while self._position < end:
            message = self._reader.poll(_DEADLINE_SECONDS)
            if message is None:
                raise TimeoutError(f"{self._topic} was not read to its end in {_DEADLINE_SECONDS} s")
            value, offset = message.value(), message.offset()
            if message.error() is None and value is not None and offset is not None:
                self._position = offset + 1
                yield activation_of(value, message.timestamp()[1] * 1000)

    def _end(self) -> int:
        """Return where the topic ends; asked again while the broker is away."""
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while True:
            try:
                limits = self._reader.get_watermark_offsets(TopicPartition(self._topic, 0), timeout=_CALL_SECONDS)
            except KafkaException as refused:
                if refused.args[0].code() not in _PASSING:
                    raise
                limits = None
            if limits is not None:
                return limits[1]
            if time.monotonic() > deadline:
                raise TimeoutError(f"the broker did not tell where {self._topic} ends in {_DEADLINE_SECONDS} s")
            time.sleep(_PAUSE_SECONDS)

    def close(self) -> None:
        """End the reader."""
        self._reader.close()
