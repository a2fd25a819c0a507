"""The plan of a stack, its endpoints and its processes, without servers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

import psutil
import pytest

from jejak import stack as local
from jejak.stack import control, faults, kafka_server, plan
from jejak.stack.addresses import Endpoints, combine
from jejak.stack.control import Kept, Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JEJAK_KAFKA", raising=False)
    monkeypatch.delenv("JEJAK_CASSANDRA", raising=False)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_ports_that_were_chosen_once_are_chosen_again() -> None:
    first = plan.choose_ports({}, {})
    assert len(set(first.values())) == 4
    assert plan.choose_ports({}, first) == first


def test_a_port_that_was_asked_for_and_is_taken_is_named(taken: int) -> None:
    with pytest.raises(local.PortTaken, match=f"port {taken} for kafka") as fault:
        plan.choose_ports({"kafka": taken}, {})
    assert (fault.value.server, fault.value.port) == ("kafka", taken)


def test_a_port_that_was_only_chosen_gives_way_when_it_is_taken(taken: int) -> None:
    kept = {**plan.choose_ports({}, {}), "kafka": taken}
    again = plan.choose_ports({}, kept)
    assert again.pop("kafka") != kept.pop("kafka")
    assert again == kept


def test_free_ports_lie_below_those_of_outgoing_connections() -> None:
    assert all(port in plan.FREE_PORTS for port in plan.choose_ports({}, {}).values())
    assert plan.FREE_PORTS.stop <= 32_768


def test_a_plan_is_kept_in_its_folder(tmp_path: Path) -> None:
    assert plan.load(tmp_path) is None
    chosen = plan.Plan(plan.choose_ports({}, {}), "256m", str(tmp_path / "log"), kafka_server.new_cluster_id())
    plan.save(tmp_path, chosen)
    assert plan.load(tmp_path) == chosen


def test_too_little_room_is_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(local.DiskFull, match="make room"):
        plan.check_room(tmp_path, 1 << 62)


@pytest.mark.parametrize(
    ("tail", "fault"),
    [
        ("java.io.IOException: No space left on device", local.DiskFull),
        ("java.net.BindException: Address already in use", local.PortTaken),
        ("java.lang.IllegalStateException", local.ServerCrashed),
    ],
)
def test_a_dead_servers_log_tells_the_fault(tmp_path: Path, tail: str, fault: type[Exception]) -> None:
    assert type(faults.diagnose("kafka", 1, tmp_path / "kafka.log", tail)) is fault


def test_addresses_of_the_environment_come_before_those_of_the_stack() -> None:
    own = {"kafka": "127.0.0.1:1", "cassandra": "127.0.0.1:2"}
    assert combine(own, {}) == Endpoints("127.0.0.1:1", "127.0.0.1:2")
    assert combine(own, {"JEJAK_KAFKA": "broker:9092"}) == Endpoints("broker:9092", "127.0.0.1:2")
    assert combine({}, {"JEJAK_KAFKA": "broker:9092", "JEJAK_CASSANDRA": " "}) is None


def test_with_both_addresses_given_nothing_is_started_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JEJAK_KAFKA", "broker:9092")
    monkeypatch.setenv("JEJAK_CASSANDRA", "node:9042")
    assert local.up(tmp_path / "data") == Endpoints("broker:9092", "node:9042")
    assert not (tmp_path / "data").exists()
    assert {server.state for server in local.status(tmp_path / "data").servers.values()} == {"external"}


def test_a_second_start_is_refused_while_the_first_holds_the_lock(tmp_path: Path) -> None:
    handle = control.take_lock(tmp_path)
    assert handle is not None
    try:
        assert control.is_supervised(tmp_path)
        with pytest.raises(local.AlreadyRunning, match="jejak down"):
            local.up(tmp_path)
    finally:
        os.close(handle)
    assert not control.is_supervised(tmp_path)


def test_a_broken_heap_size_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(local.StackFault, match="256m"):
        local.up(tmp_path, kafka_heap="lots")


def test_nothing_runs_in_an_unknown_folder(tmp_path: Path) -> None:
    assert local.endpoints(tmp_path) is None
    assert local.down(tmp_path) is False
    told = local.status(tmp_path)
    assert not told.running
    assert json.loads(json.dumps(told.as_json()))["servers"] == {}
    with pytest.raises(local.NotRunning):
        local.kill_server(tmp_path, local.KAFKA)
    with pytest.raises(local.NotRunning):
        local.start_server(tmp_path, local.KAFKA)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen((sys.executable, "-c", "import time; time.sleep(600)")) as process:
        yield process
        process.kill()


def record_of(tmp_path: Path, process: subprocess.Popen[bytes], off_by: float = 0.0) -> None:
    started = psutil.Process(process.pid).create_time() + off_by
    folder = tmp_path / "jejak-dead"
    folder.mkdir()
    servers = {"kafka": Kept(process.pid, started, control.RUNNING)}
    control.write_record(tmp_path, Record(2**22 + 1, 0.0, str(folder / "control"), servers))


def test_a_server_left_by_a_killed_supervisor_is_ended_and_the_record_goes(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    record_of(tmp_path, sleeper)
    control.reap(tmp_path)
    assert not psutil.pid_exists(sleeper.pid)
    assert control.read_record(tmp_path) is None
    assert not (tmp_path / "jejak-dead").exists()


def test_a_process_that_only_has_the_same_id_is_left_alone(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    record_of(tmp_path, sleeper, off_by=-60.0)
    control.reap(tmp_path)
    assert sleeper.poll() is None
    assert control.read_record(tmp_path) is None


def test_the_supervisor_keeps_a_child_ends_it_and_takes_it_along_when_killed(tmp_path: Path) -> None:
    # Given a supervisor with a child
    log = tmp_path / "logs" / "child.log"
    argv = (sys.executable, "-c", "import time; time.sleep(600)")
    launch = {"do": "start", "launch": asdict(plan.Launch("child", argv, str(log)))}
    control.start_supervisor(tmp_path)
    control.request(tmp_path, launch)
    with pytest.raises(local.StackFault, match="runs already"):
        control.request(tmp_path, launch)
    record = control.read_record(tmp_path)
    assert record is not None
    child = record.servers["child"].process
    assert child is not None

    # When the supervisor is killed
    psutil.Process(record.pid).kill()

    # Then the child ends too, and a new supervisor starts over the remains
    assert psutil.wait_procs([child], timeout=10)[1] == []
    assert control.wait_until_gone(tmp_path, 10)
    control.start_supervisor(tmp_path)
    control.request(tmp_path, {"do": "shutdown"})
    assert control.wait_until_gone(tmp_path, 10)


def test_a_child_that_ends_by_itself_ends_the_supervisor_and_its_words_are_kept(tmp_path: Path) -> None:
    argv = (sys.executable, "-c", "print('the last words'); raise SystemExit(3)")
    control.start_supervisor(tmp_path)
    log = str(tmp_path / "logs" / "child.log")
    control.request(tmp_path, {"do": "start", "launch": asdict(plan.Launch("child", argv, log))})
    assert control.wait_until_gone(tmp_path, 10)
    assert control.read_crash(tmp_path) == control.Crash("child", 3, "the last words")


def test_a_supervisor_tied_to_a_process_ends_with_it(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    control.start_supervisor(tmp_path, tied_to=sleeper.pid)
    assert control.is_supervised(tmp_path)
    sleeper.kill()
    assert control.wait_until_gone(tmp_path, 10)


def test_a_supervisor_whose_socket_was_swept_away_can_still_be_stopped(tmp_path: Path) -> None:
    control.start_supervisor(tmp_path)
    record = control.read_record(tmp_path)
    assert record is not None
    os.unlink(record.control)  # noqa: PTH108  a string by contract
    assert local.down(tmp_path)
    assert not control.is_supervised(tmp_path)


def test_java_options_of_the_user_do_not_reach_the_servers() -> None:
    assert plan.environment({"JAVA_TOOL_OPTIONS": "-Xmx1m", "HOME": "/home"}) == {"HOME": "/home"}


def test_nonsense_on_the_control_socket_does_not_end_the_supervisor(tmp_path: Path) -> None:
    control.start_supervisor(tmp_path)
    record = control.read_record(tmp_path)
    assert record is not None
    with closing(socket.socket(socket.AF_UNIX)) as channel:
        channel.connect(record.control)
        channel.sendall(b"nonsense\n")
    with pytest.raises(local.StackFault, match="cannot dance"):
        control.request(tmp_path, {"do": "dance"})
    control.request(tmp_path, {"do": "shutdown"})
    assert control.wait_until_gone(tmp_path, 10)


def test_a_large_heap_is_fixed_and_collected_by_g1() -> None:
    assert "-XX:+UseG1GC" in kafka_server.heap_flags("1g")
    assert "-Xmx1g" in kafka_server.heap_flags("1g")
    assert "-XX:+UseSerialGC" in kafka_server.heap_flags("256m")
