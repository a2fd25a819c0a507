"""The rules watch without a broker: it waits for one that is away, and for nothing else."""

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

    def get_watermark_offsets(self, place: Any, timeout: float) -> tuple[int, int]:
        assert self.next is None, "a fetch that waits at the end would hold the answer back"
        self.asked += 1
        if self.faults:
            raise KafkaException(KafkaError(self.faults.pop(0)))
        return 0, self.records


def watch_with(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> RulesWatch:
    monkeypatch.setattr(kafka, "reader", lambda _: reader)
    monkeypatch.setattr(rules_watch, "_PAUSE_SECONDS", 0.0)
    return RulesWatch("nowhere")


def test_a_broker_that_is_away_for_a_moment_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(KafkaError._TRANSPORT, KafkaError.NOT_LEADER_FOR_PARTITION)
    watch_with(reader, monkeypatch).refresh()
    assert reader.asked == 3


def test_a_broker_that_stays_away_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_watch, "_DEADLINE_SECONDS", 0.0)
    reader = Reader(*[KafkaError._TRANSPORT] * 1_000_000)
    with pytest.raises(TimeoutError):
        watch_with(reader, monkeypatch).refresh()


def test_what_waiting_does_not_heal_is_a_fault_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaException):
        watch_with(reader, monkeypatch).refresh()
    assert reader.asked == 1


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
