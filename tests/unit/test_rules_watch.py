"""The rules watch without a broker: it waits for one that is away, and for nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from stream_processors.folds import rules_watch
from stream_processors.folds.rules_watch import RulesWatch
from transport import kafka


class Reader:
    """A reader of an empty rules topic; it answers after as many faults as it is given."""

    def __init__(self, *faults: int) -> None:
        self.faults = list(faults)
        self.asked = 0

    def assign(self, places: Any) -> None:
        pass

    def get_watermark_offsets(self, place: Any, timeout: float) -> tuple[int, int]:
        self.asked += 1
        if self.faults:
            raise KafkaException(KafkaError(self.faults.pop(0)))
        return 0, 0


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
