"""The one place that publishes what producers make: in order, idempotent, resumable after a kill.

Inputs go out in batches of a fixed size. A batch enters the ledger once the broker has acknowledged all of it and all
before it, so a document that was interrupted goes on after its last recorded batch. At most one batch's worth per
pipeline slot is sent twice then, and change ids make the repeat harmless. It must not know what an input is.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, Protocol, TypeVar

from producers.draft import RowRefused
from producers.ledger import Entry, Ledger
from producers.outgoing import Outgoing, refusal_message

Input = TypeVar("Input")
Prepare = Callable[[Sequence[Input]], Iterable[Outgoing | RowRefused]]
Progress = Callable[["Published"], None]

BATCH: Final = 2_000
_BATCHES_IN_FLIGHT: Final = 4
_POLL_SECONDS: Final = 0.05
# Longer than the client's own delivery.timeout.ms (5 minutes), which reports every message one way or the other.
_DELIVERY_SECONDS: Final = 330.0


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a document: changes sent now, changes that had been sent before, rows refused in all."""

    sent: int = 0
    skipped: int = 0
    refused: int = 0


class PublishFailed(Exception):
    """The broker did not take a message; what was acknowledged before stands in the ledger."""


class KafkaProducer(Protocol):
    """What is used of a confluent-kafka producer; `transport.kafka.producer` makes one that is idempotent."""

    def produce(
        self, topic: str, *, key: bytes, value: bytes, headers: Any, on_delivery: Callable[[Any, Any], None]
    ) -> None:
        """Queue a message; raises BufferError when the queue is full."""

    def poll(self, timeout: float) -> int:
        """Serve delivery reports for at most `timeout` seconds."""


class _Batch:
    """Messages on their way: how many are unacknowledged, and the first fault."""

    __slots__ = ("fault", "open", "refused", "sent")

    def __init__(self) -> None:
        self.open = self.sent = self.refused = 0
        self.fault: object = None

    def delivered(self, error: object, _message: object) -> None:
        """Take the broker's report of one message."""
        self.open -= 1
        if error is not None and self.fault is None:
            self.fault = error


class Publisher:
    """Publishes documents through one producer, keeping the ledger; `now` gives microseconds since 1970."""

    def __init__(
        self, producer: KafkaProducer, ledger: Ledger, now: Callable[[], int], batch_size: int = BATCH
    ) -> None:
        self._producer = producer
        self._ledger = ledger
        self._now = now
        self._batch_size = batch_size

    def publish(
        self,
        document: tuple[str, str],
        inputs: Iterable[Input],
        prepare: Prepare[Input],
        *,
        progress: Progress = lambda _: None,
        report: Callable[[RowRefused], None] = lambda _: None,
    ) -> Published:
        """Return what was published once the broker has acknowledged all of it.

        `document` is an agency and a digest of the content that the inputs come from: the same inputs in the same
        order, whenever they are read. Refused rows go to `report` and, as ChangeRefused, to the agency. Raises
        PublishFailed when the broker does not take a message.
        """
        entry = self._ledger.entry(*document) or Entry(self._batch_size)
        if entry.complete:
            return Published(0, entry.sent, entry.refused)
        outcome = Published(0, entry.sent, entry.refused)
        waiting: deque[_Batch] = deque()
        for rows in _batches(inputs, entry):
            waiting.append(self._send(prepare(rows), report))
            while waiting and (len(waiting) > _BATCHES_IN_FLIGHT or not waiting[0].open):
                entry = self._acknowledged(document, waiting.popleft(), entry)
                outcome = replace(outcome, sent=entry.sent - outcome.skipped, refused=entry.refused)
                progress(outcome)
        for batch in waiting:
            entry = self._acknowledged(document, batch, entry)
        self._ledger.record(*document, replace(entry, complete=True))
        outcome = replace(outcome, sent=entry.sent - outcome.skipped, refused=entry.refused)
        progress(outcome)
        return outcome

    def _send(self, prepared: Iterable[Outgoing | RowRefused], report: Callable[[RowRefused], None]) -> _Batch:
        batch = _Batch()
        for item in prepared:
            if isinstance(item, RowRefused):
                report(item)
                batch.refused += 1
                self._produce(refusal_message(item, self._now), batch)
            else:
                batch.sent += 1
                self._produce(item, batch)
        self._producer.poll(0)
        return batch

    def _produce(self, message: Outgoing, batch: _Batch) -> None:
        batch.open += 1
        while True:
            try:
                self._producer.produce(
                    message.topic,
                    key=message.key,
                    value=message.value,
                    headers=message.headers,
                    on_delivery=batch.delivered,
                )
            except BufferError:  # the queue is full: back-pressure, serve reports until there is room
                self._producer.poll(_POLL_SECONDS)
            else:
                return

    def _acknowledged(self, document: tuple[str, str], batch: _Batch, entry: Entry) -> Entry:
        """Return the entry after this batch, written once every message of it was acknowledged."""
        deadline = time.monotonic() + _DELIVERY_SECONDS
        while batch.open and batch.fault is None:
            self._producer.poll(_POLL_SECONDS)
            if time.monotonic() > deadline:
                raise PublishFailed("the broker acknowledged nothing in time")
        if batch.fault is not None:
            raise PublishFailed(str(batch.fault))
        entry = entry.after(batch.sent, batch.refused)
        self._ledger.record(*document, entry)
        return entry


def _batches(inputs: Iterable[Input], entry: Entry) -> Iterator[Sequence[Input]]:
    """Yield the inputs after those acknowledged, in batches of the size the document was begun with."""
    rest = iter(inputs)
    for _ in islice(rest, entry.batches * entry.batch_size):
        pass
    while batch := tuple(islice(rest, entry.batch_size)):
        yield batch
