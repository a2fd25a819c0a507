"""The engine under faults on a real broker: whatever happens, every change is decided once and nothing is lost."""

import importlib.util
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from jejak import stack as local
from stream_processors.engine.loop import Worker
from stream_processors.engine.transaction import Aborted, Transaction
from transport import kafka

HERE = Path(__file__).parent


def _beside(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


rig_module = _beside("engine_rig")
toy_fold = _beside("toy_fold")
pytestmark = pytest.mark.real


@pytest.fixture
def rig(stack: Any, tmp_path: Path) -> Iterator[Any]:
    made = rig_module.Rig(stack.kafka, tmp_path)
    yield made
    made.end_all()


def test_poison_amid_a_batch_is_set_aside_and_the_rest_is_decided(rig: Any) -> None:
    rig.feed(1_000, poison_every=50)
    worker = rig.start("one")
    rig.wait_all_decided()
    assert rig.stop(worker) == 0
    rig.assert_exact()
    letter = rig.read("dead")[0]
    headers = dict(letter.headers())
    assert letter.value() == b"poison"
    assert letter.key().startswith(b"family-")
    assert headers["dl_topic"] == rig.topic("changes").encode()
    assert headers["dl_code"] == b"TOY_POISON"
    assert headers["dl_consumer"] == f"{rig.prefix}.group".encode()
    assert {"dl_partition", "dl_offset"} <= headers.keys()


def test_a_worker_killed_amid_the_flow_leaves_exact_outputs_when_it_is_started_again(rig: Any) -> None:
    worker = rig.start("one", batch=200)
    rig.feed(5_000)
    for stage in range(3):
        rig.wait_decided(1 + stage * 4_000)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        worker = rig.start("one", batch=200)
        rig.feed(5_000)
    rig.wait_all_decided()
    assert rig.stop(worker) == 0
    rig.assert_exact()


@pytest.mark.at_length
def test_a_kill_amid_an_open_transaction_is_undone_by_the_next_start(rig: Any) -> None:
    rig.feed(20_000)
    worker = rig.start("one", batch=20, commit_interval_s=3.0)
    freeze_amid_a_transaction(rig, worker)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    again = rig.start("one")
    rig.wait_all_decided()
    assert rig.stop(again) == 0
    rig.assert_exact()


def freeze_amid_a_transaction(rig: Any, worker: Any) -> None:
    client = kafka.admin(rig.bootstrap)

    def frozen_amid() -> bool:
        if not rig.has_open_transaction(client):  # looked at while it runs: stopped to be looked at it hardly works
            return False
        worker.send_signal(signal.SIGSTOP)
        if rig.has_open_transaction(client):
            return True
        worker.send_signal(signal.SIGCONT)
        return False

    rig_module.wait_until(frozen_amid, "an open transaction")


def test_a_frozen_worker_that_wakes_after_another_took_over_is_fenced_and_joins_again(rig: Any) -> None:
    rig.feed(20_000)
    zombie = rig.start("zombie", batch=20, commit_interval_s=6.0)
    freeze_amid_a_transaction(rig, zombie)
    heir = rig.start("heir")
    rig.wait_all_decided()
    rig.feed(1_000)
    zombie.send_signal(signal.SIGCONT)
    rig_module.wait_until(lambda: "partitions lost" in rig.log("zombie"), "the zombie learns its loss")
    rig.feed(5_000)
    rig_module.wait_until(lambda: rig.log("zombie").count("partitions assigned") > 1, "the zombie joins again")
    assert rig.stop(heir) == 0
    rig.feed(5_000)
    rig.wait_all_decided()
    assert "transaction aborted" in rig.log("zombie")
    assert rig.stop(zombie) == 0
    rig.assert_exact()


@pytest.mark.at_length
def test_workers_that_join_and_leave_share_the_work_without_a_trace(rig: Any) -> None:
    first = rig.start("first", batch=100)
    rig.feed(5_000)
    rig.wait_decided(1)
    second = rig.start("second", batch=100)
    rig.feed(10_000)
    rig_module.wait_until(lambda: "partitions revoked" in rig.log("first"), "the first gives some away")
    rig.feed(5_000)
    assert rig.stop(first) == 0
    rig.feed(5_000)
    third = rig.start("third", batch=100)
    rig.feed(5_000)
    rig.wait_all_decided()
    # The second may have decided it all before the third is up, and a process that starts doesn't know how to leave.
    rig_module.wait_until(lambda: "partitions assigned" in rig.log("third"), "the third takes part")
    assert rig.stop(second) == 0
    assert rig.stop(third) == 0
    rig.assert_exact()


def test_too_many_dead_letters_stop_the_worker_and_what_it_read_stays_undecided(rig: Any) -> None:
    rig.feed(500, poison_every=2)
    worker = rig.start("one")
    assert worker.wait(rig_module.SETTLE_S) == 70
    assert "TooManyDeadLetters" in rig.log("one")
    assert rig.read("dead") == []
    assert rig.events() == {}
    assert rig.decided() == 0


def test_a_fault_of_the_fold_ends_the_process_at_once_without_telling_the_data(rig: Any) -> None:
    rig.feed(10)
    producer = rig_module.kafka.producer(rig.bootstrap)
    producer.produce(rig.topic("changes"), key=b"family-0", value=b"bug")
    producer.flush()
    worker = rig.start("one")
    assert worker.wait(rig_module.SETTLE_S) == 70
    log = rig.log("one")
    assert "RuntimeError" in log
    assert "toy_fold.py" in log
    assert "bug'" not in log


def test_without_group_offsets_the_position_is_the_truth(rig: Any) -> None:
    rig.feed(1_000)
    worker = rig.start("one")
    rig.wait_all_decided()
    assert rig.stop(worker) == 0
    admin = rig_module.kafka.admin(rig.bootstrap)
    admin.delete_consumer_groups([f"{rig.prefix}.group"])[f"{rig.prefix}.group"].result(30)
    rig.feed(1_000)
    again = rig.start("again")
    rig.wait_all_decided()
    assert rig.stop(again) == 0
    assert "group offset differs" in rig.log("again")
    rig.assert_exact()


@pytest.mark.parametrize("wrong", [0, 10])
def test_a_group_offset_that_differs_from_the_position_is_not_believed(rig: Any, wrong: int) -> None:
    rig.feed(400, keys=40)
    worker = rig.start("one")
    rig.wait_all_decided()
    assert rig.stop(worker) == 0
    places = [TopicPartition(rig.topic("changes"), number, wrong) for number in range(rig_module.PARTITIONS)]
    asked = ConsumerGroupTopicPartitions(f"{rig.prefix}.group", places)
    admin = rig_module.kafka.admin(rig.bootstrap)
    admin.alter_consumer_group_offsets([asked])[asked.group_id].result(30)
    rig.feed(400, keys=40)
    again = rig.start("again")
    rig.wait_all_decided()
    assert rig.stop(again) == 0
    assert "group offset differs" in rig.log("again")
    rig.assert_exact()


def test_a_state_topic_without_positions_of_a_group_with_offsets_ends_the_worker(rig: Any) -> None:
    rig.feed(100)
    worker = rig.start("one")
    rig.wait_all_decided()
    assert rig.stop(worker) == 0
    again = rig.start("again", state_topic=rig.topic("sums").replace("sums", "dead"))
    assert again.wait(rig_module.SETTLE_S) == 70
    assert "no position record" in rig.log("again")


def test_at_low_load_a_commit_waits_for_no_interval(rig: Any) -> None:
    worker = rig.start("one", commit_interval_s=120.0)
    for _ in range(3):
        rig.feed(1, keys=1)
        rig.wait_all_decided(seconds=20)
    assert rig.stop(worker) == 0
    rig.assert_exact()


@pytest.mark.at_length
def test_a_broker_that_restarts_amid_the_flow_costs_time_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JEJAK_KAFKA", raising=False)
    monkeypatch.setenv("JEJAK_CASSANDRA", "127.0.0.1:9")  # not used: only a broker is started
    data = tmp_path / "stack"
    rig = rig_module.Rig(local.up(data).kafka, tmp_path)
    try:
        rig.feed(10_000)
        worker = rig.start("one", batch=50)
        rig.wait_decided(1)
        local.kill_server(data, local.KAFKA)
        local.start_server(data, local.KAFKA)
        rig.feed(5_000)
        rig.wait_decided(10_001)
        local.stop_server(data, local.KAFKA)
        local.start_server(data, local.KAFKA)
        rig.feed(1_000)
        rig.wait_all_decided()
        assert rig.stop(worker) == 0
        rig.assert_exact()
    finally:
        rig.end_all()
        local.down(data)


def test_an_aborted_commit_is_decided_again_by_the_same_member(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = refused = 0
    commit = Transaction.commit

    def refused_now_and_then(transaction: Transaction, offsets: Any, membership: Any) -> None:
        nonlocal commits, refused
        commits += 1
        if commits % 3 == 2:
            refused += 1
            transaction.flush()
            raise Aborted("ILLEGAL_GENERATION")
        commit(transaction, offsets, membership)

    monkeypatch.setattr(Transaction, "commit", refused_now_and_then)
    rig.feed(20_000)
    faults: list[BaseException] = []
    worker = Worker(rig.settings(batch=100, commit_interval_s=0.05), toy_fold.counting(rig.prefix), crash=faults.append)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        rig.wait_all_decided()
    finally:
        worker.stop()
        thread.join(rig_module.SETTLE_S)
    assert not thread.is_alive()
    assert faults == []
    assert refused >= 1  # how many there are depends on how much was read at once
    rig.assert_exact()
