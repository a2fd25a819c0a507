"""A broker that gateways of unit tests are given: it takes, acknowledges, stays away or refuses as it is told."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME

from schemas import codec

if TYPE_CHECKING:
    from collections.abc import Callable


class Delivered:
    def __init__(self, offset: int, appended_ms: int, kind: int) -> None:
        self._offset, self._told = offset, (kind, appended_ms)

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return self._told


class Broker:
    """What arrived, in order; what is sent while it is `away` arrives when it is back, if its sender still lives."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.now = now
        self.ahead_ms = 0
        self.kind = TIMESTAMP_LOG_APPEND_TIME
        self.values: list[bytes] = []
        self.salts: list[bytes] = []
        self.away = False


class Producer:
    """One gateway's producer: as much of it as a gateway uses."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self._sent: list[tuple[bytes, bytes, Callable[..., None]]] = []
        self._some = threading.Event()

    def produce(self, topic: str, *, key: bytes, value: bytes, headers: dict[str, bytes], on_delivery: Any) -> None:
        assert key.decode() == codec.decode(value).gateway_id
        self._sent.append((value, headers["salt"], on_delivery))
        self._some.set()

    def poll(self, seconds: float) -> None:
        self._some.wait(min(seconds, 0.01))
        self._some.clear()
        while self._sent and not self.broker.away:
            value, salt, callback = self._sent.pop(0)
            self.broker.values.append(value)
            self.broker.salts.append(salt)
            appended_ms = self.broker.now() // 1_000 + self.broker.ahead_ms
            callback(None, Delivered(len(self.broker.values) - 1, appended_ms, self.broker.kind))

    def purge(self) -> None:
        self._sent.clear()
