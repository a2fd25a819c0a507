"""What clients send is no larger than the topics take, and what was sent is not taken for granted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from consumers.gateway import audit_log
from jejak import publishing
from producers.publish import PublishFailed
from schemas import catalogue
from stream_processors.engine import clients
from stream_processors.engine.settings import EngineSettings
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Callable

REGISTRY: Any = SimpleNamespace(endpoints=SimpleNamespace(kafka="127.0.0.1:1"))


def limit(topic: str) -> int:
    return int(catalogue.topic(topic).config["max.message.bytes"])


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    told: dict[str, Any] = {}
    monkeypatch.setattr(kafka, "Producer", lambda config, **_: told.update(config))
    return told


def test_a_state_as_large_as_its_topic_takes_is_sent(settings: dict[str, Any]) -> None:
    clients.transactional_producer(EngineSettings("127.0.0.1:1", "g", "t", "changes", catalogue.FAMILIES_TOPIC))
    assert settings["message.max.bytes"] == limit(catalogue.FAMILIES_TOPIC)


def test_audit_entries_that_queued_up_leave_in_batches_their_topic_takes(settings: dict[str, Any]) -> None:
    audit_log.producer("127.0.0.1:1")
    assert audit_log.LONGEST_VALUE <= settings["batch.size"] < limit(catalogue.AUDIT_TOPIC)


class Broker:
    """A producer whose broker takes the first `takes` messages."""

    def __init__(self, takes: int) -> None:
        self._left = takes

    def produce(self, _topic: str, *, key: bytes, value: bytes, on_delivery: Callable[..., None]) -> None:
        assert value
        self._left -= 1
        on_delivery(None if self._left >= 0 else "refused", SimpleNamespace(key=lambda: key))

    def flush(self, _seconds: float) -> int:
        return 0


def test_rules_that_the_broker_acknowledged_are_activated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing.kafka, "producer", lambda _: Broker(2))
    assert publishing.rules(REGISTRY, 0) == ("pkh 2025.1", "sembako 2025.1")


def test_rules_of_which_the_broker_refused_one_are_not_called_activated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing.kafka, "producer", lambda _: Broker(1))
    with pytest.raises(PublishFailed):
        publishing.rules(REGISTRY, 0)
