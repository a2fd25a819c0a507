"""The rules watch without a broker: every activation once, and a fault where the end isn't told."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from stream_processors.folds import rules_watch
from stream_processors.folds.rules_watch import RulesWatch
from stream_processors.registry.rulebook import RuleBook
from transport import kafka


class Message:
    """A record of the rules topic; what it says is none of the reader's business."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def error(self) -> None:
        return None

    def value(self) -> bytes:
        return b"activation"

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return 0, 1


class Reader:
    """A reader of a rules topic with so many records; it answers after as many faults as it is given."""

    def __init__(self, *faults: int, records: int = 0) -> None:
        self.faults = list(faults)
        self.records = records
        self.asked = 0
        self.next: int | None = None  # of an assigned reader: what it fetches next
        self.starts: list[int] = []

    def assign(self, places: Any) -> None:
        self.next = places[0].offset
        self.starts.append(places[0].offset)

    def unassign(self) -> None:
        self.next = None

    def poll(self, timeout: float) -> Message:
        assert self.next is not None
        self.next += 1
        return Message(self.next - 1)

    def __call__(self, topic: str, isolation: kafka.Isolation, among: list[int] | None) -> dict[int, int]:
        assert self.next is None, "a fetch that waits at the end would hold the answer back"
        self.asked += 1
        if self.faults:
            raise KafkaException(KafkaError(self.faults.pop(0)))
        return {0: self.records}


def watch_with(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> RulesWatch:
    monkeypatch.setattr(kafka, "reader", lambda _: reader)
    return RulesWatch("nowhere", ends=reader)


def test_a_broker_that_does_not_tell_the_end_is_a_fault_and_nothing_is_taken_for_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = Reader(KafkaError.TOPIC_AUTHORIZATION_FAILED, records=1)
    watch = watch_with(reader, monkeypatch)
    with pytest.raises(KafkaException):
        watch.refresh()
    assert (reader.asked, reader.starts) == (1, [])


def test_every_activation_is_read_once_and_no_fetch_waits_while_the_end_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[bytes] = []
    monkeypatch.setattr(rules_watch, "activation_of", lambda framed, _: read.append(framed))
    monkeypatch.setattr(RuleBook, "with_activations", lambda book, found: book)
    reader = Reader(records=2)
    watch = watch_with(reader, monkeypatch)
    watch.refresh()
    reader.records = 5
    watch.refresh()
    watch.refresh()
    assert (len(read), reader.starts, reader.asked) == (5, [0, 2], 3)
