"""A real worker's health over HTTP: starting, restoring, idle, behind, stuck; and its metrics on the same port."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from transport import kafka

HERE = Path(__file__).parent
STUCK_AFTER_S = 4.0


def _beside(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


rig_module = _beside("engine_rig")
pytestmark = pytest.mark.real


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Watched:
    """A worker of the toy fold whose health is asked for."""

    def __init__(self, rig: Any) -> None:
        self.rig = rig
        self.gate = rig.logs / "gate"
        self.port = 0

    def start(self) -> "subprocess.Popen[bytes]":
        self.port = free_port()
        options = json.dumps(self.rig.options("one", digest_interval_s=0.5))
        command = [sys.executable, str(HERE / "health_worker.py"), options, str(self.port), str(STUCK_AFTER_S)]
        with (self.rig.logs / "one.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, str(self.gate)],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TOY_PREFIX": self.rig.prefix},
            )
        self.rig.processes.append(process)
        return process

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except urllib.error.URLError:
            return 0, "{}"

    def wait_for(self, state: str) -> dict[str, Any]:
        told: dict[str, Any] = {}

        def said() -> bool:
            told.update(json.loads(self.get("/health/live")[1]))
            return told.get("state") == state

        rig_module.wait_until(said, f"a worker that is {state}")
        return told

    def sample(self, name: str) -> float:
        _, text = self.get("/metrics")
        values = [float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name)]
        assert values, name
        return sum(values)


@pytest.fixture
def watched(stack: Any, tmp_path: Path) -> Iterator[Watched]:
    made = rig_module.Rig(stack.kafka, tmp_path)
    yield Watched(made)
    made.end_all()


def test_a_worker_that_folds_tells_its_state_of_health_in_every_phase(watched: Watched) -> None:
    # Given a worker that has folded everything there is
    watched.gate.touch()
    watched.rig.feed(2_000, poison_every=200)
    worker = watched.start()
    watched.rig.wait_all_decided()
    # Then it is idle, live and ready, however long that lasts
    told = watched.wait_for("idle")
    assert (told["live"], told["ready"], told["lag_messages"], told["reason"]) == (True, True, 0, "")
    assert watched.get("/health/ready")[0] == 200
    rig_module.wait_until(lambda: watched.sample('jejak_worker_state{state="idle"}') == 1, "idle by its gauge")
    # and its metrics say what was done
    assert watched.sample("jejak_events_consumed_total") == 2_010
    assert watched.sample("jejak_dlq_messages_total") == 10
    assert watched.sample('jejak_rebalances_total{kind="assigned"}') >= 1
    assert watched.sample('jejak_batch_seconds_count{stage="commit"}') >= 1
    # and the digests of its states, each at the offset it belongs to
    rig_module.wait_until(
        lambda: len(json.loads(watched.get("/health/live")[1])["digests"]) == rig_module.PARTITIONS,
        "a digest of every partition",
    )
    digests = json.loads(watched.get("/health/live")[1])["digests"]
    assert sum(told["next_offset"] for told in digests.values()) == 2_010
    assert watched.sample("jejak_state_digest_offset") == 2_010
    watched.rig.stop(worker)

    # When it is started again and its restore takes long
    watched.gate.unlink()
    worker = watched.start()
    told = watched.wait_for("restoring")
    # Then it is live but not ready
    assert (told["live"], told["ready"]) == (True, False)
    assert watched.get("/health/ready")[0] == 503
    rig_module.wait_until(lambda: watched.sample("jejak_restore_remaining") > 0, "how much is to be read")
    watched.gate.touch()
    watched.wait_for("idle")
    assert watched.sample("jejak_restore_progress_ratio") == rig_module.PARTITIONS
    # and what it restored has the digest of what was folded
    rig_module.wait_until(
        lambda: json.loads(watched.get("/health/live")[1])["digests"] == digests, "the same digests after a restore"
    )

    # When a change makes it hang for ever
    producer = kafka.producer(watched.rig.bootstrap)
    producer.produce(watched.rig.topic("changes"), key=b"family-1", value=b"hang")
    assert producer.flush(30) == 0
    told = watched.wait_for("stuck")
    # Then it is told from an idle one
    assert (told["live"], told["ready"], told["reason"]) == (False, False, "LOOP_HANGS")
    assert told["turn_age_seconds"] > STUCK_AFTER_S
    assert watched.get("/health/live")[0] == watched.get("/health/ready")[0] == 503
    worker.kill()


def test_a_path_that_is_not_there_is_not_found(watched: Watched) -> None:
    watched.gate.touch()
    watched.start()
    watched.wait_for("idle")
    assert watched.get("/")[0] == watched.get("/health")[0] == 404
