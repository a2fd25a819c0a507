"""Where a log ends is told once its leaders are settled, and no fault is waited out."""

from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from transport import kafka

TOPIC = "toy"


class _End:
    offset = 7


class _Broker:
    """Answers the first question with each of these errors in turn, then with the end."""

    def __init__(self, *errors: int) -> None:
        self.errors = list(errors)
        self.asked = 0

    def list_offsets(self, asked: dict[TopicPartition, Any], **_: Any) -> dict[TopicPartition, Future[Any]]:
        self.asked += 1
        answer: Future[Any] = Future()
        if self.errors:
            answer.set_exception(KafkaException(KafkaError(self.errors.pop(0))))
        else:
            answer.set_result(_End())
        return dict.fromkeys(asked, answer)


def ends(broker: Any) -> dict[int, int]:
    return kafka.end_offsets("nowhere:1", TOPIC, among=[0], client=broker)


def test_an_end_is_asked_for_again_while_leaders_are_not_settled() -> None:
    broker = _Broker(KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART)
    assert ends(broker) == {0: 7}
    assert broker.asked == 3


def test_an_end_that_no_leader_tells_for_as_long_as_a_call_may_take_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "CALL_SECONDS", 0.0)
    with pytest.raises(KafkaException):
        ends(_Broker(*[KafkaError.NOT_LEADER_FOR_PARTITION] * 5))


def test_any_other_fault_is_told_at_once() -> None:
    broker = _Broker(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaException):
        ends(broker)
    assert broker.asked == 1
