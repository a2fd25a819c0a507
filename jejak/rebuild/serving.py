"""Reads, follows and writes the serving topic, which names the version that serves.

Knows the broker; what a record makes true is `pointer`'s.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from jejak.rebuild import pointer
from jejak.rebuild.pointer import Serving, What
from schemas import catalogue, codec
from schemas.records import ServingVersionChosen
from transport import kafka

LOOK_SECONDS: Final = 1.0
_CALL_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.1
_PASSING: Final = frozenset(
    {
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001  librdkafka's own code; a broker that starts knows no topics yet
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
    }
)

_LOG: Final = structlog.get_logger(__name__)


class Pointers:
    """What serves, as far as the topic was read. `refresh` reads what came since; any thread may call it."""

    def __init__(self, bootstrap: str, topic: str = catalogue.SERVING_TOPIC) -> None:
        self._topic = topic
        self._next = 0
        self._looked_at = 0.0
        self._records: list[ServingVersionChosen] = []
        self._lock = threading.Lock()
        # Made where it is missing: to take a topic that isn't known for one without records would be to guess v1.
        kafka.create_topics(bootstrap, [replace(catalogue.topic(catalogue.SERVING_TOPIC), name=topic)])
        self._reader = kafka.reader(bootstrap)
        self._reader.assign([TopicPartition(topic, 0, 0)])

    def refresh(self, seconds: float = _CALL_SECONDS) -> None:
        """Know every record up to the topic's end; raises KafkaException or TimeoutError while the broker is away."""
        with self._lock:
            self._looked_at = time.monotonic()
            end = self._end(time.monotonic() + seconds)
            while self._next < end:
                self._take()

    def _end(self, deadline: float) -> int:
        """Return where the topic ends; asked again while its leader is not known yet, as just after it was made."""
        while True:
            try:
                left = max(0.1, deadline - time.monotonic())
                limits = self._reader.get_watermark_offsets(TopicPartition(self._topic, 0), timeout=left)
            except KafkaException as refused:
                if refused.args[0].code() not in _PASSING or time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_SECONDS)
                continue
            if limits is None:
                raise TimeoutError(f"the broker did not tell where {self._topic} ends")
            return int(limits[1])

    def _take(self) -> None:
        message = self._reader.poll(_CALL_SECONDS)
        if message is None:
            raise TimeoutError(f"{self._topic} was not read to its end")
        value, offset = message.value(), message.offset()
        if message.error() is None and value is not None and offset is not None:
            self._records.append(codec.decode(value))
            self._next = offset + 1

    def of(self, what: What) -> Serving:
        """Return what serves by the last refresh."""
        with self._lock:
            return pointer.serving(self._records)[what]

    def now(self, what: What) -> Serving:
        """Return what serves by the topic's end."""
        self.refresh()
        return self.of(what)

    def lately(self, what: What) -> Serving:
        """Return what serves, as of a second ago at most; while the broker is away, as of when it last answered."""
        if time.monotonic() - self._looked_at >= LOOK_SECONDS:
            try:
                self.refresh(LOOK_SECONDS)
            except (KafkaException, TimeoutError) as away:
                _LOG.warning("serving_topic_unread", fault=type(away).__name__)
        return self.of(what)

    def close(self) -> None:
        """End the reader."""
        self._reader.close()


@contextmanager
def pointers(bootstrap: str) -> Iterator[Pointers]:
    """Lend the pointers, read to the topic's end, and close their reader afterwards."""
    lent = Pointers(bootstrap)
    try:
        lent.refresh()
        yield lent
    finally:
        lent.close()


@contextmanager
def following(lent: Pointers, look: Callable[[], None], seconds: float = LOOK_SECONDS) -> Iterator[None]:
    """Refresh from a thread of its own while the context lasts, and call `look` after each time.

    While the broker is away, what was known last stays true: only who writes can change it.
    """
    ending = threading.Event()

    def follow() -> None:
        while not ending.wait(seconds):
            try:
                lent.refresh()
            except (KafkaException, TimeoutError) as away:
                _LOG.warning("serving_topic_unread", fault=type(away).__name__)
                continue
            look()

    thread = threading.Thread(target=follow, name="serving", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def choose(bootstrap: str, what: What, chosen: Serving, by: str, topic: str = catalogue.SERVING_TOPIC) -> Serving:
    """Write what serves from now on and return it with its time, once the record is acknowledged."""
    at = time.time_ns() // 1_000
    record = ServingVersionChosen(
        what=what, version=chosen.version, previous=chosen.previous, step=chosen.step, chosen_at=at, by=by
    )
    faults: list[str] = []
    producer = kafka.producer(bootstrap)
    producer.produce(topic, key=what.encode(), value=codec.encode(record), on_delivery=_noting(faults))
    if producer.flush(_CALL_SECONDS) or faults:
        raise TimeoutError(f"{topic}: the choice was not acknowledged ({', '.join(faults) or 'no answer'})")
    return replace(chosen, chosen_at=at)


def _noting(faults: list[str]) -> Callable[[object, object], None]:
    def delivered(error: object, _: object) -> None:
        if error is not None:
            faults.append(str(error))

    return delivered
