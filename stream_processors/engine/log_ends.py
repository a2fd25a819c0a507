"""Where logs end, asked of the broker with one client for the worker's life.

A client made and dropped for every question is a risk under load. Knows which errors pass while a broker comes back;
must not know what the answers are for.
"""

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from confluent_kafka import KafkaError, KafkaException

from transport import kafka
from transport.kafka import Isolation

_PAUSE_S: Final = 0.2

# The broker is away or has just come back: it answers the same question a moment later.
_PASSING: Final = frozenset(
    {
        KafkaError._TRANSPORT,  # noqa: SLF001  librdkafka's own code
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001  idem
        KafkaError._TIMED_OUT,  # noqa: SLF001  idem
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001  idem; a broker that starts does not know its topics yet
        KafkaError._NOENT,  # noqa: SLF001  idem; nor who leads them
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.REQUEST_TIMED_OUT,
    }
)


class Ends(Protocol):
    """Tells where partitions of a topic end for readers of an isolation level."""

    def __call__(self, topic: str, isolation: Isolation, among: list[int] | None) -> dict[int, int]:
        """Return the ends by partition, of all partitions if `among` is None."""


class LogEnds:
    """Asks the broker where logs end, again while that may help and for the worker's patience."""

    def __init__(
        self, bootstrap: str, patience_s: float, make: Callable[[str], Any] = kafka.admin, ask: Any = kafka.end_offsets
    ) -> None:
        self._bootstrap = bootstrap
        self._patience_s = patience_s
        self._make = make
        self._ask = ask
        self._client: Any = None

    def __call__(self, topic: str, isolation: Isolation, among: list[int] | None) -> dict[int, int]:
        """Return the ends by partition, of all partitions if `among` is None; raises KafkaException."""
        deadline = time.monotonic() + self._patience_s
        while True:
            if self._client is None:
                self._client = self._make(self._bootstrap)
            try:
                told: dict[int, int] = self._ask(self._bootstrap, topic, isolation, among, client=self._client)
            except KafkaException as refused:
                if refused.args[0].code() not in _PASSING or time.monotonic() > deadline:
                    raise
                # What it knows of the leaders may be from before the broker went away.
                self._client = None
                time.sleep(_PAUSE_S)
            else:
                return told
