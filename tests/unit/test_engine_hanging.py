"""No partition is written to while a transaction is open on its outputs: waited for, swept, or a fault."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from confluent_kafka import KafkaError, KafkaException

from stream_processors.engine.faults import EngineFault
from stream_processors.engine.hanging import Clearance, Place
from stream_processors.engine.log_ends import LogEnds
from stream_processors.engine.settings import EngineSettings
from transport.kafka import Isolation

END = 9
SETTINGS = EngineSettings(
    "127.0.0.1:9", "group", "id", "changes", "state", "dead", ("events", "state"), transaction_timeout_ms=10_000
)
NEVER = float("inf")


class Logs:
    """Every log ends at END; some are open from `open_from` on, until a time comes or their owner sweeps them."""

    def __init__(self, open_until: dict[Place, float] | None = None, own: Iterable[Place] = ()) -> None:
        self.open_until = dict(open_until or {})
        self.own = set(own)
        self.now = 0.0
        self.asked: list[tuple[str, Isolation, list[int]]] = []
        self.sweeps: list[list[Place]] = []
        self.on_sleep: Callable[[], None] = lambda: None

    def __call__(self, topic: str, isolation: Isolation, among: list[int] | None) -> dict[int, int]:
        among = [0, 1, 2] if among is None else among
        self.asked.append((topic, isolation, among))
        return {
            number: END - (isolation == "read_committed" and self.now < self.open_until.get((topic, number), 0))
            for number in among
        }

    def sweep(self, places: Iterable[Place]) -> None:
        self.sweeps.append(list(places))
        for place in self.own & set(self.sweeps[-1]):
            del self.open_until[place]

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.on_sleep()

    def wait(self, numbers: Iterable[int], stopping: Callable[[], bool] = lambda: False) -> bool:
        clearance = Clearance(SETTINGS, self, stopping, clock=lambda: self.now, sleep=self.sleep)
        return clearance.wait(numbers, self)


def test_where_nothing_is_open_every_output_is_looked_at_once_and_nothing_is_sent() -> None:
    logs = Logs()
    assert logs.wait({2, 0})
    assert logs.now == 0
    assert logs.sweeps == []
    assert logs.asked == [
        (topic, isolation, [0, 2])
        for topic in ("state", "events", "dead")
        for isolation in ("read_uncommitted", "read_committed")
    ]


def test_what_others_append_between_the_two_questions_is_no_open_transaction() -> None:
    class Growing(Logs):
        def __call__(self, topic: str, isolation: Isolation, among: list[int] | None) -> dict[int, int]:
            ends = super().__call__(topic, isolation, among)
            return {number: end + len(self.asked) for number, end in ends.items()}

    logs = Growing()
    assert logs.wait({0})
    assert logs.now == 0


def test_a_transaction_that_its_owner_ends_is_waited_for_and_not_touched() -> None:
    logs = Logs({("events", 1): 1.5})
    assert logs.wait({0, 1})
    assert 1.5 <= logs.now < 2.0
    assert logs.sweeps == []


def test_only_what_is_open_is_looked_at_again() -> None:
    logs = Logs({("events", 1): 0.1})
    logs.wait({0, 1})
    assert {(topic, tuple(among)) for topic, _, among in logs.asked[6:]} == {("events", (1,))}


def test_what_this_workers_own_id_left_open_is_swept_and_nothing_else_is() -> None:
    left = {("events", 1): NEVER, ("dead", 0): NEVER}
    logs = Logs(left, own=left)
    assert logs.wait({0, 1})
    assert [sorted(places) for places in logs.sweeps] == [sorted(left)]
    assert logs.now < 3


def test_a_sweep_that_the_broker_did_not_heed_is_tried_again() -> None:
    logs = Logs({("events", 1): NEVER})
    logs.on_sleep = lambda: logs.own.add(("events", 1)) if logs.sweeps else None
    assert logs.wait({1})
    assert len(logs.sweeps) == 2


def test_a_transaction_that_only_its_timeout_ends_is_waited_for() -> None:
    logs = Logs({("state", 0): 20.0})
    assert logs.wait({0})
    assert logs.now >= 20


def test_what_another_id_left_open_for_good_is_a_fault_that_names_the_place_and_the_tool() -> None:
    logs = Logs({("events", 1): NEVER, ("state", 0): NEVER}, own=[("state", 0)])
    with pytest.raises(EngineFault, match=r"left on events/1: .*kafka-transactions abort"):
        logs.wait({0, 1})
    assert 25 <= logs.now < 31


def test_a_worker_that_is_stopped_waits_no_longer() -> None:
    logs = Logs({("events", 1): NEVER})
    assert not logs.wait({1}, lambda: logs.now > 1)
    assert logs.now < 2
    assert logs.sweeps == []


def test_at_its_start_a_worker_sweeps_what_is_open_on_any_partition_and_waits_for_nothing() -> None:
    own = {("events", 2): NEVER}
    logs = Logs({("state", 0): 20.0, **own}, own=own)
    Clearance(SETTINGS, logs, lambda: False, sleep=logs.sleep).sweep_own(logs)
    assert logs.sweeps == [[("state", 0), ("events", 2)]]
    assert logs.now == 0


def test_at_its_start_a_worker_sends_nothing_where_nothing_is_open() -> None:
    logs = Logs()
    Clearance(SETTINGS, logs, lambda: False).sweep_own(logs)
    assert logs.sweeps == []


class Broker:
    """Refuses the first questions, each by the next of the given codes, and remembers who asked."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.made = 0
        self.asked_by: list[int] = []

    def make(self, _: str) -> int:
        self.made += 1
        return self.made

    def ask(self, _: str, topic: str, isolation: Isolation, among: list[int], *, client: int) -> dict[int, int]:
        assert (topic, isolation) == ("events", "read_committed")
        self.asked_by.append(client)
        if self.codes:
            raise KafkaException(KafkaError(self.codes.pop(0)))
        return dict.fromkeys(among, END)

    def ends(self, patience_s: float = 60.0) -> LogEnds:
        return LogEnds("127.0.0.1:9", patience_s, self.make, self.ask)


def test_one_client_asks_every_question() -> None:
    broker = Broker()
    ends = broker.ends()
    assert ends("events", "read_committed", [0, 1]) == {0: END, 1: END}
    ends("events", "read_committed", [0])
    assert broker.asked_by == [1, 1]


def test_a_broker_that_has_just_come_back_is_asked_again_by_a_client_that_knows_nothing_of_before() -> None:
    broker = Broker(KafkaError.FENCED_LEADER_EPOCH)
    assert broker.ends()("events", "read_committed", [0]) == {0: END}
    assert broker.asked_by == [1, 2]


@pytest.mark.parametrize(
    ("code", "patience_s"), [(KafkaError.TOPIC_AUTHORIZATION_FAILED, 60.0), (KafkaError.FENCED_LEADER_EPOCH, -1.0)]
)
def test_what_does_not_pass_or_takes_too_long_is_a_fault(code: int, patience_s: float) -> None:
    with pytest.raises(KafkaException):
        Broker(code).ends(patience_s)("events", "read_committed", [0])


def test_on_topics_of_another_key_nobody_is_waited_for_and_what_may_be_its_own_is_swept() -> None:
    logs = Logs({("keyed", 2): NEVER, ("events", 0): 1.0})
    settings = replace(SETTINGS, output_topics=("events",), keyed_topics=("keyed",))
    clearance = Clearance(settings, logs, lambda: False, clock=lambda: logs.now, sleep=logs.sleep)
    assert clearance.wait({0}, logs)
    assert logs.sweeps == [[("keyed", 2)]]
    assert logs.now < 2.0
