"""The policy sets of the policies topic: the newest serves; a set that is not valid serves as none, so all is refused.

Must not know what a set says.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Final, Self

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumers.gateway.policy import Policies, PolicyFault
from schemas import codec
from schemas.catalogue import POLICIES_TOPIC
from schemas.records import PolicyFile, PolicySetActivated
from transport import kafka

READY_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.1

_LOG: Final = structlog.get_logger(__name__)


class FollowedPolicies:
    """The policy set that serves now; close it at the end. Safe to share between threads."""

    def __init__(self, bootstrap: str, topic: str = POLICIES_TOPIC) -> None:
        self._lock = threading.Lock()
        self._serving: Policies | None = None
        self.activations = 0
        self._reader = kafka.reader(bootstrap)
        self._reader.assign([TopicPartition(topic, 0, 0)])
        self._read_to_end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def current(self) -> Policies | None:
        """Return the newest set that was activated; None where none was, or the newest is not valid."""
        with self._lock:
            while found := self._reader.consume(kafka.AT_ONCE, timeout=0):
                for message in found:
                    self._taken(message)
            return self._serving

    def _read_to_end(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            if time.monotonic() > deadline:
                raise TimeoutError("the policies could not be read to their end")
            for message in self._reader.consume(kafka.AT_ONCE, timeout=_POLL_SECONDS):
                if self._taken(message):
                    return

    def _taken(self, message: Any) -> bool:
        """Let a set serve; tell whether this was the topic's end instead. What the broker says else is passing."""
        error = message.error()
        if error is not None:
            return bool(error.code() == KafkaError._PARTITION_EOF)  # noqa: SLF001  the library's public name
        self.activations += 1
        self._serving = _serving(message.value())
        return False


def _serving(value: bytes | None) -> Policies | None:
    """Return the set that a record has serve; none for what is no record of a set: the one before serves no more."""
    try:
        record = codec.decode(value or b"")
    except codec.Undecodable as undecodable:
        _LOG.error("policy_set_not_decodable", code=undecodable.code)
        return None
    return opened(record) if isinstance(record, PolicySetActivated) else None


def opened(record: PolicySetActivated) -> Policies | None:
    """Return the set of a record; None where it is not valid or not the one its hash names."""
    try:
        found = Policies({file.name: file.content for file in record.files})
    except PolicyFault:
        _LOG.exception("policy_set_not_valid", policy_set_hash=record.policy_set_hash.hex())
        return None
    if found.hash != record.policy_set_hash:
        _LOG.error("policy_set_not_its_hash", policy_set_hash=record.policy_set_hash.hex())
        return None
    return found


def activation(policies: Policies, by: str, at: int) -> PolicySetActivated:
    """Return the record that activates a set; `at` in microseconds since 1970."""
    files = tuple(PolicyFile(name=name, content=content) for name, content in policies.files.items())
    return PolicySetActivated(policy_set_hash=policies.hash, activated_at=at, activated_by=by, files=files)


def set_of_hash(bootstrap: str, wanted: bytes, topic: str = POLICIES_TOPIC) -> Policies | None:
    """Return the set that this hash names, of all that ever were activated."""
    for message in kafka.read_all(bootstrap, topic):
        record = codec.decode(message.value() or b"")
        if isinstance(record, PolicySetActivated) and record.policy_set_hash == wanted:
            return opened(record)
    return None


def activate(bootstrap: str, record: PolicySetActivated, topic: str = POLICIES_TOPIC) -> None:
    """Have the set serve once the topic holds it; raises KafkaException or TimeoutError."""
    faults: list[KafkaError] = []
    producer = kafka.producer(bootstrap)
    producer.produce(
        topic, key=record.policy_set_hash.hex().encode(), value=codec.encode(record), on_delivery=_noting(faults)
    )
    if producer.flush(READY_SECONDS):
        raise TimeoutError(f"{topic}: the policy set was not acknowledged")
    if faults:
        raise KafkaException(faults[0])


def _noting(faults: list[KafkaError]) -> Callable[[KafkaError | None, object], None]:
    def delivered(error: KafkaError | None, _: object) -> None:
        if error is not None:
            faults.append(error)

    return delivered
