"""Outputs reach the producer in their order, whatever its queue takes; refusals are told from faults."""

from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given
from hypothesis import strategies as st

from stream_processors.engine.contract import Output
from stream_processors.engine.transaction import Aborted, Transaction


class Producer:
    """A producer whose queue takes only `room` records until it is polled."""

    def __init__(self, room: int = 1_000) -> None:
        self.room = self.free = room
        self.log: dict[tuple[str, int], list[bytes]] = {}
        self.calls: list[str] = []
        self.raises: dict[str, KafkaException] = {}

    def __getattr__(self, name: str) -> Any:
        def call(*_: Any) -> int:
            self.calls.append(name)
            if name in self.raises:
                raise self.raises[name]
            return 0

        return call

    def poll(self, _: float) -> None:
        self.free = self.room

    def produce(self, topic: str, *, value: bytes, partition: int, **_: Any) -> None:
        if not self.free:
            raise BufferError
        self.free -= 1
        self.log.setdefault((topic, partition), []).append(value)

    def produce_batch(self, topic: str, messages: Sequence[dict[str, Any]], partition: int) -> int:
        taken = min(self.free, len(messages))
        for message in messages[taken:]:
            message["_error"] = KafkaError(KafkaError._QUEUE_FULL)
        for message in messages[:taken]:
            assert message.keys() == {"key", "value"}  # librdkafka's batches carry neither headers nor times
            self.produce(topic, value=message["value"], partition=partition)
        return taken


def refused(code: int) -> KafkaException:
    return KafkaException(KafkaError(code))


@given(
    outputs=st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]), st.integers(0, 2), st.sampled_from([None, [("h", b"")]]), st.integers(0, 1)
        )
    ),
    room=st.integers(1, 5),
)
def test_each_partition_of_a_topic_gets_its_records_once_and_in_order(
    outputs: list[tuple[str, int, list[tuple[str, bytes]] | None, int]], room: int
) -> None:
    producer = Producer(room)
    transaction = Transaction(lambda: producer, 60)  # type: ignore[arg-type, return-value]
    expected: dict[tuple[str, int], list[bytes]] = {}
    for number, (topic, partition, headers, at) in enumerate(outputs):
        value = b"%d" % number
        expected.setdefault((topic, partition), []).append(value)
        transaction.send([Output(topic, b"key", value, headers, at)], partition)
    transaction.flush()
    assert producer.log == expected


def test_the_records_are_delivered_before_the_membership_is_checked() -> None:
    producer = Producer()
    transaction = Transaction(lambda: producer, 60)  # type: ignore[arg-type, return-value]
    transaction.send([Output("a", b"", b"")], 0)
    transaction.commit([], None)
    assert producer.calls == [
        "init_transactions",
        "begin_transaction",
        "flush",
        "send_offsets_to_transaction",
        "commit_transaction",
    ]
    assert not transaction.is_open


@pytest.mark.parametrize("call", ["send_offsets_to_transaction", "commit_transaction"])
@pytest.mark.parametrize(
    "code", [KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS, KafkaError._FENCED, KafkaError._CONFLICT]
)
def test_a_refused_commit_is_an_abort(call: str, code: int) -> None:
    producer = Producer()
    transaction = Transaction(lambda: producer, 60)  # type: ignore[arg-type, return-value]
    producer.raises[call] = refused(code)
    with pytest.raises(Aborted):
        transaction.commit([], None)
    transaction.abort()
    assert producer.calls[-1] == "abort_transaction"
    assert not transaction.is_open


def as_the_client_slips() -> SystemError:
    slip = SystemError("returned a result with an exception set")
    slip.__cause__ = refused(KafkaError._FENCED)
    return slip


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("flush", refused(KafkaError._FENCED)),
        ("flush", as_the_client_slips()),
        ("produce", refused(KafkaError._FATAL)),
    ],
)
def test_a_producer_that_learns_amid_sending_that_it_was_fenced_is_replaced(
    call: str, told: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    producers = [Producer(), Producer()]
    made = iter(producers)

    def fenced(*_: Any, **__: Any) -> int:
        raise told

    monkeypatch.setattr(producers[0], call, fenced, raising=False)
    producers[0].raises["abort_transaction"] = refused(KafkaError._FENCED)
    transaction = Transaction(lambda: next(made), 60)  # type: ignore[arg-type, return-value]

    def tell() -> None:
        transaction.send([Output("a", b"", b"old", [])], 0)
        transaction.commit([], None)

    with pytest.raises(Aborted):
        tell()
    transaction.abort()
    transaction.send([Output("a", b"", b"new")], 0)
    transaction.commit([], None)
    assert producers[1].log == {("a", 0): [b"new"]}


def test_another_error_is_a_fault() -> None:
    producer = Producer()
    transaction = Transaction(lambda: producer, 60)  # type: ignore[arg-type, return-value]
    producer.raises["commit_transaction"] = refused(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaException):
        transaction.commit([], None)


def test_a_record_that_no_queue_takes_is_a_fault_and_no_endless_loop() -> None:
    producer = Producer()

    def too_large(_topic: str, messages: Sequence[dict[str, Any]], **_: Any) -> int:
        for message in messages:
            message["_error"] = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
        return 0

    producer.produce_batch = too_large  # type: ignore[method-assign, assignment]
    transaction = Transaction(lambda: producer, 60)  # type: ignore[arg-type, return-value]
    transaction.send([Output("a", b"", b"")], 0)
    with pytest.raises(KafkaException):
        transaction.flush()


@pytest.mark.parametrize("code", [KafkaError._FENCED, KafkaError._CONFLICT])
def test_a_fenced_producer_is_replaced(code: int) -> None:
    producers = [Producer(), Producer()]
    made = iter(producers)
    transaction = Transaction(lambda: next(made), 60)  # type: ignore[arg-type, return-value]
    transaction.send([Output("a", b"", b"old")], 0)
    producers[0].raises["abort_transaction"] = refused(code)
    transaction.abort()
    transaction.send([Output("a", b"", b"new")], 0)
    transaction.flush()
    assert producers[0].log == {}
    assert producers[1].calls[0] == "init_transactions"
    assert producers[1].log == {("a", 0): [b"new"]}


class Newcomer(Producer):
    """A producer that the broker, being away, does not come to know at first."""

    def __init__(self, *, fenced: bool, away: int = 0) -> None:
        super().__init__(100)
        self.fenced = fenced
        self.away = away
        self.known = False

    def init_transactions(self, timeout: float) -> None:
        self.away -= 1
        if self.away >= 0:
            raise refused(KafkaError._TIMED_OUT)
        self.known = True

    def begin_transaction(self) -> None:
        if not self.known:
            raise refused(KafkaError._CONFLICT)

    def abort_transaction(self, timeout: float) -> None:
        if self.fenced:
            raise refused(KafkaError._FENCED)

    def purge(self) -> None:
        pass


def test_a_producer_made_while_the_broker_was_away_is_made_known_before_it_is_used() -> None:
    made = iter([Newcomer(fenced=True), heir := Newcomer(fenced=False, away=1)])
    transaction = Transaction(lambda: next(made), 0)  # type: ignore[arg-type, return-value]
    transaction.send([Output("a", b"key", b"lost")], 0)
    with pytest.raises(Aborted):
        transaction.abort()
    transaction.send([Output("a", b"key", b"kept")], 0)
    transaction.flush()
    assert heir.log == {("a", 0): [b"kept"]}


def test_a_sweep_delivers_a_record_to_each_place_and_gives_all_of_it_up() -> None:
    producer = Producer()
    transaction = Transaction(lambda: producer, 60)  # type: ignore[arg-type, return-value]
    transaction.sweep([("events", 3), ("dead", 1)])
    assert producer.log == {("events", 3): [b""], ("dead", 1): [b""]}
    assert producer.calls == ["init_transactions", "begin_transaction", "flush", "abort_transaction"]
    assert not transaction.is_open


def test_a_sweep_that_is_refused_is_given_up_too() -> None:
    producer = Producer()
    transaction = Transaction(lambda: producer, 60)  # type: ignore[arg-type, return-value]
    producer.raises["begin_transaction"] = refused(KafkaError._CONFLICT)
    transaction.sweep([("events", 3)])
    assert producer.log == {}
    assert not transaction.is_open


def test_a_record_of_another_key_goes_where_its_key_belongs_and_a_sweep_goes_where_it_is_sent() -> None:
    producer: Any = Producer()
    transaction = Transaction(lambda: producer, 1.0, keyed=("b",))
    transaction.send([Output("a", b"k", b"1"), Output("b", b"k", b"2"), Output("b", b"k", b"3", [("h", b"")])], 2)
    transaction.flush()
    assert producer.log == {("a", 2): [b"1"], ("b", -1): [b"2", b"3"]}
    transaction.abort()
    transaction.sweep([("b", 1)])
    assert producer.log["b", 1] == [b""]
