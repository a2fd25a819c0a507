"""Follows jejak.rules.v1 to its end before each batch, so that every worker judges a change by the same rules.

A batch is read first and the rules after it: whatever was activated before a change was appended is known by then.
Must not know what a rule says.
"""

from confluent_kafka import TopicPartition

from schemas import catalogue, codec
from stream_processors.registry.rulebook import Activation, RuleBook, rule_set
from transport import kafka

_DEADLINE_SECONDS = 30.0


class RulesDiffer(Exception):  # noqa: N818  the fault is that they differ
    """A rule set was activated that this build holds with other content: such a worker must not decide."""


class RulesWatch:
    """The rule book as far as the rules topic goes; `refresh` reads what came since."""

    def __init__(self, bootstrap: str, topic: str = catalogue.RULES_TOPIC) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._reader = kafka.reader(bootstrap)
        self._reader.assign([TopicPartition(topic, 0, 0)])
        self._position = 0
        self.book = RuleBook()

    def refresh(self) -> None:
        """Know every activation up to the topic's end; raises RulesDiffer or LookupError for one we can't judge by."""
        _, end = self._reader.get_watermark_offsets(TopicPartition(self._topic, 0), timeout=_DEADLINE_SECONDS)
        found = []
        while self._position < end:
            message = self._reader.poll(_DEADLINE_SECONDS)
            if message is None:
                raise TimeoutError(f"{self._topic} was not read to its end in {_DEADLINE_SECONDS} s")
            if message.error() is None:
                self._position = message.offset() + 1
                found.append(activation_of(message.value(), message.timestamp()[1] * 1000))
        if found:
            self.book = self.book.with_activations(found)

    def close(self) -> None:
        """End the reader."""
        self._reader.close()


def activation_of(framed: bytes, appended_at: int) -> Activation:
    """Return the activation a record of the rules topic announces (times in microseconds)."""
    record = codec.decode(framed)
    if rule_set(record.rule_set, record.version).digest != record.digest:
        raise RulesDiffer(f"rule set {record.rule_set} {record.version} differs from the one that was activated")
    return Activation(record.rule_set, record.version, record.header.occurred_at, appended_at)
