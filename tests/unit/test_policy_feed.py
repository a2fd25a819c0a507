"""What the gateway follows says in time that the broker is away, and what is no policy set serves as none."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import KafkaError

from consumers.gateway import policy
from consumers.gateway.agreements import FollowedAgreements
from consumers.gateway.policy_feed import FollowedPolicies, activation
from jejak.audit import admission
from schemas import codec
from transport import kafka

BY = activation(policy.shipped(), "operator", 0)
REFUSED_IN = 2.0  # the audit's own deadline comes on top; all of it is to be within three seconds, on a quiet machine


class Said:
    """A record of the policies topic, or its end."""

    def __init__(self, value: bytes | None = None, *, end: bool = False) -> None:
        self._value = value
        self._end = end

    def value(self) -> bytes | None:
        return self._value

    def partition(self) -> int:
        return 0

    def error(self) -> Any:
        return KafkaError(KafkaError._PARTITION_EOF) if self._end else None


class Topic:
    """The policies topic, as a consumer reads it."""

    def __init__(self, *said: Said) -> None:
        self.said = [*said]

    def assign(self, _: Any) -> None: ...

    def consume(self, _: int, timeout: float) -> list[Said]:
        del timeout
        found, self.said = self.said, []
        return found


@pytest.fixture
def nobody() -> str:
    """Return an address at which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{held.getsockname()[1]}"


def test_agreements_say_in_time_that_the_broker_is_away(nobody: str) -> None:
    with ExitStack() as opened:
        agreements = admission._Agreements(nobody, opened, 0.5)
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                agreements.active("a-1", "dinsos/35.71", 0)
            assert time.monotonic() - began < REFUSED_IN


class Late(Topic):
    """The topic of agreements, whose end comes once it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()

    def consume(self, most: int, timeout: float) -> list[Said]:
        if timeout and self.let.wait(timeout) and not self.said:
            return [Said(end=True)]
        return super().consume(most, timeout)

    def close(self) -> None: ...


def test_agreements_are_read_in_the_background_until_they_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    topic = Late()
    monkeypatch.setattr(kafka, "reader", lambda *_, **__: topic)
    monkeypatch.setattr(kafka, "admin", lambda _: None)
    monkeypatch.setattr(kafka, "require_answer", lambda *_: None)
    monkeypatch.setattr(kafka, "partitions", lambda *_: (0,))
    with FollowedAgreements("nowhere", known_seconds=0.05) as agreements:
        for _ in range(2):
            with pytest.raises(TimeoutError):
                agreements.active("a-1", "dinsos/35.71", 0)
        topic.let.set()
        assert agreements._read.wait(10)
        assert agreements.active("a-1", "dinsos/35.71", 0) is None


@pytest.mark.parametrize(
    "value",
    [None, b"", b"no record", codec.encode(replace(BY, policy_set_hash=bytes(32)))],
)
def test_after_what_is_no_policy_set_none_serves(monkeypatch: pytest.MonkeyPatch, value: bytes | None) -> None:
    topic = Topic(Said(codec.encode(BY)), Said(end=True))
    monkeypatch.setattr(kafka, "reader", lambda _: topic)
    policies = FollowedPolicies("nowhere")
    assert policies.current() is not None
    topic.said = [Said(value)]
    assert policies.current() is None
    assert policies.current() is None
    topic.said = [Said(codec.encode(BY))]
    assert policies.current() is not None
