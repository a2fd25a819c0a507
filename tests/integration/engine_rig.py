"""Topics, workers as processes, input and the verdict for the engine's tests on a real broker."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient

from stream_processors.engine.settings import EngineSettings
from transport import kafka

PARTITIONS = 4
SCRIPT = Path(__file__).with_name("engine_worker.py")
SETTLE_S = 150.0


@dataclass(frozen=True)
class Topic:
    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


def wait_until(true: Callable[[], bool], what: str, seconds: float = SETTLE_S) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


class Rig:
    """One set of topics with their own prefix, fed with numbered records, read back whole."""

    def __init__(self, bootstrap: str, logs: Path, factory: str = "toy_fold:make") -> None:
        self.bootstrap = bootstrap
        self.prefix = f"engine-{uuid.uuid4().hex[:10]}"
        self.factory = factory
        self.logs = logs
        self.sent: Counter[bytes] = Counter()
        self.poisoned = 0
        self.processes: list[subprocess.Popen[bytes]] = []
        compact = {"cleanup.policy": "compact"}
        appended = {"message.timestamp.type": "LogAppendTime"}
        kinds = {"changes": appended, "events": {}, "state": compact, "sums": compact, "dead": {}}
        kafka.create_topics(bootstrap, [Topic(self.topic(kind), PARTITIONS, config) for kind, config in kinds.items()])

    def topic(self, kind: str) -> str:
        return f"{self.prefix}.{kind}"

    def options(self, name: str, **others: Any) -> dict[str, Any]:
        return {
            "bootstrap": self.bootstrap,
            "group": f"{self.prefix}.group",
            "transactional_id": f"{self.prefix}.{name}",
            "input_topic": self.topic("changes"),
            "state_topic": self.topic("state"),
            "dead_letters_topic": self.topic("dead"),
            "output_topics": [self.topic("events"), self.topic("sums")],
            "session_timeout_ms": 6_000,
            **others,
        }

    def settings(self, name: str = "one", **others: Any) -> EngineSettings:
        return EngineSettings(**self.options(name, **others))

    def start(self, name: str, **others: Any) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "TOY_PREFIX": self.prefix}
        with (self.logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(SCRIPT), self.factory, json.dumps(self.options(name, **others))],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        self.processes.append(process)
        return process

    def log(self, name: str) -> str:
        return (self.logs / f"{name}.log").read_text()

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        process.send_signal(signal.SIGTERM)
        return process.wait(SETTLE_S)

    def end_all(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait(SETTLE_S)

    def feed(self, records: int, keys: int = 50, poison_every: int = 0) -> None:
        """Send numbered records, round robin over keys, so that each key's numbers are dense; some poison between."""
        producer = kafka.producer(self.bootstrap)
        for number in range(records):
            key = b"family-%d" % (number % keys)
            self.sent[key] += 1
            producer.produce(self.topic("changes"), key=key, value=b"%d" % self.sent[key])
            if poison_every and number % poison_every == 0:
                self.poisoned += 1
                producer.produce(self.topic("changes"), key=key, value=b"poison")
            producer.poll(0)
        assert producer.flush(SETTLE_S) == 0

    def read(self, kind: str) -> list[Any]:
        return list(kafka.read_all(self.bootstrap, self.topic(kind)))

    def has_open_transaction(self, client: AdminClient | None = None) -> bool:
        """Tell whether events were written and are neither committed nor aborted; a client of one's own is quick."""
        written, settled = (
            kafka.end_offsets(self.bootstrap, self.topic("events"), isolation, client=client)
            for isolation in ("read_uncommitted", "read_committed")
        )
        return bool(written != settled)

    def events(self) -> dict[bytes, list[bytes]]:
        found: dict[bytes, list[bytes]] = defaultdict(list)
        for message in self.read("events"):
            found[message.key()].append(message.value())
        return found

    def latest(self, kind: str) -> dict[bytes, bytes]:
        return {message.key(): message.value() for message in self.read(kind)}

    def decided(self) -> int:
        """How many changes the positions say were decided or dead-lettered."""
        return sum(int(value) for key, value in self.latest("state").items() if key.startswith(b"position/"))

    def wait_decided(self, at_least: int, seconds: float = SETTLE_S) -> None:
        wait_until(lambda: self.decided() >= at_least, f"{at_least} changes decided", seconds)

    def wait_all_decided(self, seconds: float = SETTLE_S) -> None:
        self.wait_decided(sum(self.sent.values()) + self.poisoned, seconds)

    def assert_exact(self) -> None:
        """Check every (key, number) once and in order, state and sums equal to an unbroken run, poison set aside."""
        events = self.events()
        for key, count in self.sent.items():
            assert events[key] == [b"%d:%d" % (number, number) for number in range(1, count + 1)]
        state = self.latest("state")
        assert {key: int(state[key]) for key in state if not key.startswith(b"position/")} == dict(self.sent)
        assert sum(int(value) for value in self.latest("sums").values()) == sum(self.sent.values())
        dead = self.read("dead")
        assert len(dead) == self.poisoned
        assert len({tuple(map(tuple, message.headers())) for message in dead}) == self.poisoned
