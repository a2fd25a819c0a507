"""Follows jejak.rules.v1 to its end before each batch, so that every worker judges a change by the same rules.

A batch is read first and the rules after it: whatever was activated before a change was appended is known by then.
Must not know what a rule says.
"""

from collections.abc import Iterator
from typing import Final

from confluent_kafka import TopicPartition

from schemas import catalogue
from stream_processors.engine.log_ends import Ends, LogEnds
from stream_processors.registry.rulebook import Activation, RuleBook, activation_of
from transport import kafka

_DEADLINE_SECONDS: Final = 60.0  # as long as the engine waits for a broker that does not answer


class RulesWatch:
    """The rule book as far as the rules topic goes; `refresh` reads what came since."""

    def __init__(self, bootstrap: str, topic: str = catalogue.RULES_TOPIC, ends: Ends | None = None) -> None:
        self._topic = topic
        self._ends: Ends = LogEnds(bootstrap, _DEADLINE_SECONDS) if ends is None else ends
        self._reader = kafka.reader(bootstrap)
        self._position = 0
        self.book = RuleBook()

    def refresh(self) -> None:
        """Know every activation up to the topic's end; raises RulesDiffer or LookupError for one we can't judge by.

        Raises KafkaException or TimeoutError when the broker stays away for longer than the engine waits for it.
        """
        end = self._ends(self._topic, "read_committed", [0])[0]
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

    def close(self) -> None:
        """End the reader."""
        self._reader.close()
