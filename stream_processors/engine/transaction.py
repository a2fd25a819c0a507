"""One Kafka transaction after another: what was sent is there with its offsets, or not at all.

Knows a producer; must not know folds, partitions' states or groups beyond the metadata it passes on.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from schemas.cloudevents import Headers
from stream_processors.engine.contract import Output
from stream_processors.engine.faults import EngineFault

_log = structlog.get_logger(__name__)

# Another member has our partitions, another producer has our id, or the transaction ran into its timeout: nothing is
# wrong with the records, so they are decided again from the restored state. Everything else is a fault.
GIVEN_UP = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.INVALID_PRODUCER_ID_MAPPING,
        KafkaError.INVALID_TXN_STATE,
        KafkaError.PRODUCER_FENCED,
        KafkaError.TRANSACTION_ABORTABLE,
        KafkaError.UNKNOWN_PRODUCER_ID,
        KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
        KafkaError._FENCED,  # noqa: SLF001  librdkafka's own codes are public under this name
        KafkaError._FATAL,  # noqa: SLF001  idem; what every produce says once the producer was fenced
        KafkaError._CONFLICT,  # noqa: SLF001  idem
        KafkaError._STATE,  # noqa: SLF001  idem; a produce after the transaction failed, the commit would say why
        KafkaError._MSG_TIMED_OUT,  # noqa: SLF001  idem
        KafkaError._TIMED_OUT,  # noqa: SLF001  idem
        KafkaError._PURGE_QUEUE,  # noqa: SLF001  idem
        KafkaError._PURGE_INFLIGHT,  # noqa: SLF001  idem
    }
)
_CALL_S = 10.0
_SWEEP_KEY = b"sweep"  # compacted topics take no record without a key
_BY_KEY = -1  # has the client's partitioner choose
_FULL_QUEUE_S = 0.05


def _unobserved(_stage: str, _seconds: float) -> None:
    """Take no note."""


class Aborted(EngineFault):
    """The transaction can't be committed; what was decided in it must be forgotten. `code` is Kafka's name for why.

    The loop mends it; only where even a new producer can't be had does it end the worker.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Transaction:
    """The worker's current transaction; it begins with the first record sent. Not for several threads.

    `make` returns a producer on which `init_transactions` is still to be called; it is called again whenever the
    producer in use was fenced, as such a producer is good for nothing else. `observe` is told the seconds of each stage
    of a commit: send, deliver, offsets, commit. Records of `keyed` topics go to the partitions of their keys.
    """

    def __init__(
        self,
        make: Callable[[], Producer],
        patience_s: float,
        observe: Callable[[str, float], None] = _unobserved,
        keyed: Iterable[str] = (),
    ) -> None:
        self._make = make
        self._keyed = frozenset(keyed)
        self._observe = observe
        self._patience_s = patience_s
        self._producer = self._ready()
        self._queued: dict[tuple[str, int], list[dict[str, Any]]] = {}
        self._open = False

    @property
    def is_open(self) -> bool:
        """Whether something was sent since the last commit or abort."""
        return self._open

    def send(self, outputs: Sequence[Output], partition: int) -> None:
        """Take records for one partition of their topics; they leave in this order with the next `flush`."""
        if not outputs:
            return
        if not self._open:
            self._begin()
        queued, keyed = self._queued, self._keyed
        for output in outputs:
            topic, key, value, headers, timestamp_ms = output
            to = _BY_KEY if topic in keyed else partition
            if headers is not None or timestamp_ms:
                self._send_alone(output, headers or [], to)
                continue
            message: dict[str, Any] = {"key": key, "value": value}
            place = (topic, to)
            if place in queued:
                queued[place].append(message)
            else:
                queued[place] = [message]

    def flush(self) -> None:
        """Hand what was taken to the producer, which sends it in the background; raises Aborted."""
        started = time.perf_counter()
        queued, self._queued = self._queued, {}
        for (topic, partition), messages in queued.items():
            self._produce_batch(topic, partition, messages)
        self._observe("send", time.perf_counter() - started)

    def commit(self, offsets: Sequence[TopicPartition], membership: Any) -> None:
        """Commit the records sent and the group's offsets together; raises Aborted, and `abort` must follow.

        The records reach the broker before it is asked whether this member still holds its partitions: whoever gets
        them next then sees our records before the end of the log, and waits for our verdict.
        """
        self._begin()
        self.flush()
        self._staged("deliver", self._deliver)
        self._staged(
            "offsets",
            lambda: self._insist(
                lambda: self._producer.send_offsets_to_transaction(list(offsets), membership, _CALL_S)
            ),
        )
        self._staged("commit", lambda: self._insist(lambda: self._producer.commit_transaction(_CALL_S)))
        self._open = False

    def _staged(self, stage: str, work: Callable[[], None]) -> None:
        started = time.perf_counter()
        work()
        self._observe(stage, time.perf_counter() - started)

    def sweep(self, places: Iterable[tuple[str, int]]) -> None:
        """Have the broker end, as aborted, what a producer of this id left open in these (topic, partition) places.

        A marker is written only where the transaction wrote: so one record is sent to each, and given up. No reader of
        committed records gets to see it. Call it between transactions; what is open would be given up too.
        """
        try:
            for topic, partition in places:
                self._begin()
                self._queued[topic, partition] = [{"key": _SWEEP_KEY, "value": b""}]
            self.flush()
            self._deliver()
        except Aborted as refused:
            # The caller looks at the logs again, whatever became of this.
            _log.warning("sweep refused", code=refused.code)
        self.abort()

    def abort(self) -> None:
        """Leave no trace of the open transaction; the producer is a new one if the old one was fenced."""
        self._queued.clear()
        if not self._open:
            return
        self._open = False
        try:
            self._insist(lambda: self._producer.abort_transaction(_CALL_S))
        except (Aborted, KafkaException) as refused:
            # A fenced producer can't even abort. A new one under the same id ends whatever is open; if it can't be
            # had, that is raised.
            _log.info("producer replaced", code=str(refused.args[0]))
            self._producer.purge()
            self._producer = self._ready()

    def _ready(self) -> Producer:
        self._producer = self._make()
        self._initialised = False
        self._initialise()
        return self._producer

    def _initialise(self) -> None:
        self._insist(lambda: self._producer.init_transactions(_CALL_S))
        self._initialised = True

    def _begin(self) -> None:
        if not self._open:
            if not self._initialised:
                # The broker was away when this producer was made; until it is known there, all else is a conflict.
                self._initialise()
            self._insist(self._producer.begin_transaction)
            self._open = True

    def _send_alone(self, output: Output, headers: Headers, partition: int) -> None:
        """Produce one record by itself, as batches carry no headers and no times, after those queued before it."""
        if queued := self._queued.pop((output.topic, partition), None):
            self._produce_batch(output.topic, partition, queued)
        while True:
            try:
                self._producer.produce(
                    output.topic,
                    value=output.value,
                    key=output.key,
                    partition=partition,
                    headers=[*headers],
                    timestamp=output.timestamp_ms,
                )
            except BufferError:
                _judged(lambda: self._producer.poll(_FULL_QUEUE_S))
            except KafkaException as refused:
                _judge(refused)
            else:
                return

    def _produce_batch(self, topic: str, partition: int, messages: list[dict[str, Any]]) -> None:
        """Produce a batch; what did not fit into the producer's queue is its tail, and is tried again."""
        while messages and self._producer.produce_batch(topic, messages, partition=partition) < len(messages):
            messages = [message for message in messages if message.get("_error") is not None]
            for error in {message.pop("_error") for message in messages}:
                if error.code() != KafkaError._QUEUE_FULL:  # noqa: SLF001  librdkafka's own code
                    _judge(KafkaException(error))
            _judged(lambda: self._producer.poll(_FULL_QUEUE_S))

    def _deliver(self) -> None:
        deadline = time.monotonic() + self._patience_s
        while _judged(lambda: self._producer.flush(1.0)):
            if time.monotonic() > deadline:
                raise Aborted("_MSG_TIMED_OUT")

    def _insist(self, call: Callable[[], object]) -> None:
        """Make a call until it is done, again while Kafka says that is worth it; raises Aborted or the fault."""
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                call()
            except KafkaException as refused:
                if not refused.args[0].retriable() or time.monotonic() > deadline:
                    _judge(refused)
                time.sleep(_FULL_QUEUE_S)
            else:
                return


def _judged(call: Callable[[], int]) -> int:
    """Make a call that serves the producer's callbacks: it may tell, once, that the producer was fenced."""
    try:
        return call()
    except KafkaException as refused:
        _judge(refused)
        raise
    except SystemError as told:
        # The client's own slip: it may return a number with the callback's exception still set.
        if isinstance(told.__cause__, KafkaException):
            _judge(told.__cause__)
        raise


def _judge(refused: KafkaException) -> None:
    """Raise Aborted for what deciding again can heal, the fault itself for everything else."""
    error: KafkaError = refused.args[0]
    if error.code() in GIVEN_UP:
        raise Aborted(error.name()) from refused
    raise refused


def topic_partitions(topic: str, offsets: Iterable[tuple[int, int]]) -> list[TopicPartition]:
    """Return Kafka's form of (partition, offset) pairs of a topic."""
    return [TopicPartition(topic, partition, offset) for partition, offset in offsets]
