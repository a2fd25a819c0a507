"""Where the serving topic ends is asked again while a broker that just made the topic knows no leader of it."""

import threading
import time
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from jejak.rebuild.serving import Pointers


class Reader:
    """Answers as a broker does that has just made a topic."""

    def __init__(self, code: int, refusals: int) -> None:
        self.left = refusals
        self._code = code

    def get_watermark_offsets(self, _: Any, timeout: float) -> tuple[int, int]:
        assert timeout > 0
        if self.left:
            self.left -= 1
            raise KafkaException(KafkaError(self._code))
        return 0, 0


def pointers(reader: Reader) -> Any:
    made: Any = object.__new__(Pointers)
    made._topic, made._next, made._records = "serving", 0, []
    made._lock, made._reader = threading.Lock(), reader
    return made


def test_a_topic_without_a_leader_yet_is_asked_again() -> None:
    reader = Reader(KafkaError.NOT_LEADER_FOR_PARTITION, 3)
    pointers(reader).refresh(10)
    assert reader.left == 0


def test_a_broker_that_never_knows_a_leader_is_told_at_the_deadline() -> None:
    started = time.monotonic()
    with pytest.raises(KafkaException):
        pointers(Reader(KafkaError.NOT_LEADER_FOR_PARTITION, 1_000)).refresh(0.3)
    assert time.monotonic() - started < 5


def test_any_other_fault_is_told_at_once() -> None:
    with pytest.raises(KafkaException):
        pointers(Reader(KafkaError.TOPIC_AUTHORIZATION_FAILED, 1)).refresh(10)
