"""One registry per test: its own topics and tables, the product's workers as processes, changes, and the verdict."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from consumers.read_model import settled
from consumers.read_model import tables as read_tables
from consumers.read_model.projector import group_of
from identity.families import InMemoryAliases
from identity.keys import InMemoryKeyStore
from identity.references import ReferenceKey
from jejak.composition import FOLD_OUTPUTS
from jejak.stack import Endpoints
from producers.intake import Intake
from producers.outgoing import Outgoing
from producers.simulation import Nation, simulate
from schemas import catalogue
from stream_processors.engine.faults import FAULT_EXIT_CODE
from stream_processors.folds.activation import activation
from stream_processors.registry import rulebook
from tests.integration import unbroken_run
from tests.integration.registry_worker import own, topics
from transport import kafka
from transport.cassandra import closing_session

_log = logging.getLogger(__name__)
SCRIPT = Path(__file__).with_name("registry_worker.py")
ROOT = Path(__file__).parents[2]
DEADLINE = 240.0
CHANGES_PER_FAMILY = 20  # a simulated family says a little more than this in a year
RULES_SINCE = 1_735_689_600_000_000  # 2025-01-01, before anything is simulated
FOLD, PERSONS, READ_MODEL = "fold", "persons", "read-model"
PKH, SEMBAKO = "pkh", "sembako"
_TOPICS = (
    catalogue.CHANGES_TOPIC,
    *unbroken_run.STREAMS,
    catalogue.CLAIMS_TOPIC,
    catalogue.PERSONS_TOPIC,
    catalogue.INDICATORS_TOPIC,
    catalogue.DEAD_LETTERS_TOPIC,
    catalogue.RULES_TOPIC,
    catalogue.REFERENCE_TOPIC,
    catalogue.AUDIT_TOPIC,
)


def wait_until(true: Callable[[], bool], what: str, seconds: float = DEADLINE) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def intake() -> Intake:
    return Intake(ReferenceKey(b"r" * 32), InMemoryAliases(), InMemoryKeyStore())


def simulated(changes: int, seed: int) -> list[Outgoing]:
    """Return the first changes that a synthetic nation of this seed says, its families mingled as the months go by."""
    nation = Nation(families=20 + changes // CHANGES_PER_FAMILY, seed=seed)
    said = intake().take(step.draft for step in simulate(nation))
    found = [item for item in said if isinstance(item, Outgoing)][:changes]
    assert len(found) == changes
    return found


def shares(changes: list[Outgoing], parts: int) -> list[list[Outgoing]]:
    """Return the changes in so many parts of about the same size, in their order."""
    size = -(-len(changes) // parts)
    return [changes[start : start + size] for start in range(0, len(changes), size)]


@dataclass
class Rig:
    """Topics under one test's own names, and every process it started."""

    endpoints: Endpoints
    logs: Path
    partitions: int = 4
    changes_config: dict[str, str] = field(default_factory=dict)
    tag: str = field(default_factory=lambda: uuid.uuid4().hex[:10])
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    revived: int = 0

    def __post_init__(self) -> None:
        self.version = f"t{self.tag}"
        self.group, self.persons_group = f"fold.{self.tag}", f"persons.{self.tag}"
        self.make_topics()
        with closing_session(self.endpoints.cassandra) as session:
            read_tables.create(session, {"class": "SimpleStrategy", "replication_factor": 1}, self.version)

    @property
    def bootstrap(self) -> str:
        return self.endpoints.kafka

    def name(self, topic: str) -> str:
        return own(topic, self.tag)

    def make_topics(self) -> None:
        kafka.create_topics(self.bootstrap, map(self._own, map(catalogue.topic, _TOPICS)))

    def _own(self, topic: catalogue.Topic) -> catalogue.Topic:
        others = self.changes_config if topic.name == catalogue.CHANGES_TOPIC else {}
        return replace(
            topic,
            name=self.name(topic.name),
            partitions=min(topic.partitions, self.partitions),
            config={**topic.config, **others},
        )

    def start_fold(self, name: str, **others: Any) -> None:
        options = {
            "tag": self.tag,
            "bootstrap": self.bootstrap,
            "group": self.group,
            "transactional_id": f"{self.group}.{name}",
            "input_topic": self.name(catalogue.CHANGES_TOPIC),
            "state_topic": self.name(catalogue.FAMILIES_TOPIC),
            "dead_letters_topic": self.name(catalogue.DEAD_LETTERS_TOPIC),
            "output_topics": [self.name(topic) for topic in FOLD_OUTPUTS],
            "keyed_topics": [self.name(catalogue.CLAIMS_TOPIC)],
            "session_timeout_ms": 6_000,
            "batch": 200,
            "commit_interval_s": 0.5,
        }
        self._start(name, FOLD, {**options, **others})

    def start_persons(self, name: str) -> None:
        """Start a worker of the persons fold; after a kill under its name it is the same worker again."""
        options = {
            "bootstrap": self.bootstrap,
            "group": self.persons_group,
            "transactional_id": f"{self.persons_group}.{name}",
            "input_topic": self.name(catalogue.CLAIMS_TOPIC),
            "state_topic": self.name(catalogue.PERSONS_TOPIC),
            "dead_letters_topic": self.name(catalogue.DEAD_LETTERS_TOPIC),
            "keyed_topics": [self.name(catalogue.CHANGES_TOPIC)],
            "session_timeout_ms": 6_000,
            "commit_interval_s": 0.5,
        }
        self._start(name, PERSONS, {"tag": self.tag, **options})

    def start_read_model(self, name: str = READ_MODEL) -> None:
        where = {"bootstrap": self.bootstrap, "cassandra": self.endpoints.cassandra}
        self._start(name, READ_MODEL, {"tag": self.tag, "version": self.version, **where})

    def _start(self, name: str, what: str, options: dict[str, Any]) -> None:
        assert name not in self.running
        with (self.logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, str(SCRIPT), what, json.dumps(options)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1"},
            )

    def log(self, name: str) -> str:
        return (self.logs / f"{name}.log").read_text()

    def signal(self, name: str, number: int) -> None:
        self.running[name].send_signal(number)

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        assert process.poll() is None, f"{name} had ended by itself:\n{self.log(name)[-4_000:]}"
        process.kill()
        process.wait(DEADLINE)

    def stop(self, name: str) -> None:
        """Have a worker leave in good order; one that is just being started may end before it can."""
        process = self.running.pop(name)
        process.terminate()
        assert (code := process.wait(DEADLINE)) in {0, -signal.SIGTERM}, (
            f"{name} ended with {code}:\n{self.log(name)[-4_000:]}"
        )

    def revive(self) -> None:
        """Start again, as a supervisor does, what ended by a fault; anything else that ended fails the test."""
        for name, process in [*self.running.items()]:
            if (code := process.poll()) is not None:
                assert code == FAULT_EXIT_CODE, f"{name} ended with {code}:\n{self.log(name)[-4_000:]}"
                del self.running[name]
                self.revived += 1
                if name.startswith(READ_MODEL):
                    self.start_read_model(name)
                elif name.startswith(PERSONS):
                    self.start_persons(name)
                else:
                    self.start_fold(name)

    def end_all(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait(DEADLINE)

    def activate(self, rule_set: str) -> None:
        """Put a rule set in force, at a moment of its own: no change shares its millisecond."""
        chosen = next(one for one in rulebook.shipped() if one.name == rule_set)
        time.sleep(0.01)
        self.send([Outgoing(catalogue.RULES_TOPIC, rule_set.encode(), activation(chosen, RULES_SINCE))])
        time.sleep(0.01)

    def renamed(self, message: Outgoing) -> Outgoing:
        return replace(message, topic=self.name(message.topic))

    def send(self, messages: Iterable[Outgoing], partition: int = -1) -> None:
        """Send messages to the test's own topics and return once they are acknowledged."""
        with self.sending() as put:
            for message in messages:
                put(message, partition)

    @contextmanager
    def sending(self) -> Iterator[Callable[..., None]]:
        """Lend a way to send without waiting; all of it is acknowledged at the end."""
        producer, faults = kafka.producer(self.bootstrap), list[str]()

        def delivered(error: Any, _: object) -> None:
            if error is not None:
                faults.append(error.name())

        def put(message: Outgoing, partition: int = -1, timestamp_ms: int = 0) -> None:
            producer.produce(
                self.name(message.topic),
                key=message.key,
                value=message.value,
                headers=[*message.headers],
                partition=partition,
                timestamp=timestamp_ms,
                on_delivery=delivered,
            )
            producer.poll(0)

        yield put
        assert producer.flush(DEADLINE) == 0
        assert not faults

    def written(self) -> int:
        """How many offsets the events take by now, committed or not."""
        return sum(kafka.end_offsets(self.bootstrap, self.name(catalogue.EVENTS_TOPIC), "read_uncommitted").values())

    def wrote_beyond(self, offsets: int) -> bool:
        """Tell whether the events take more offsets by now; what a fault ended is started again first."""
        self.revive()
        return self.written() > offsets

    def has_open_transaction(self, client: AdminClient | None = None) -> bool:
        """Tell whether events were written that are neither committed nor aborted yet; a client of one's own is quick.

        Without one each call makes its own: a client that lost its broker may go on asking the one that is gone.
        """
        name, among = self.name(catalogue.EVENTS_TOPIC), range(self.partitions)
        written = kafka.end_offsets(self.bootstrap, name, "read_uncommitted", among, client=client)
        return written != kafka.end_offsets(self.bootstrap, name, among=among, client=client)

    def undecided(self) -> int:
        return settled.lag(self.bootstrap, self.group, (self.name(catalogue.CHANGES_TOPIC),))

    def unanswered(self) -> int:
        return settled.lag(self.bootstrap, self.persons_group, (self.name(catalogue.CLAIMS_TOPIC),))

    def unprojected(self) -> int:
        return settled.lag(self.bootstrap, group_of(self.version), topics(self.tag).sources)

    def settle(self, seconds: float = DEADLINE) -> None:
        """Wait until everything is decided, have every fold leave, wait for the read model if there is one."""
        wait_until(self._all_decided, "everything decided", seconds)
        models = [name for name in self.running if name.startswith(READ_MODEL)]
        for name in [name for name in self.running if name not in models]:
            self.stop(name)
        # Decided is not yet readable: a transaction's end reaches each log in its own time.
        wait_until(lambda: not self.has_open_transaction(), "every event readable", seconds)
        if models:
            wait_until(lambda: self.unprojected() == 0, "everything projected", seconds)
        for name in models:
            self.stop(name)

    def _all_decided(self) -> bool:
        self.revive()
        return self.answers() and self.undecided() == 0

    def answers(self) -> bool:
        """Tell whether the broker knows its topics; one that has just come back may not yet."""
        try:
            self.undecided()
            self.written()
        except KafkaException as fault:
            _log.warning("the broker does not answer yet: %s", fault)
            return False
        return True

    def compare(self, *, rows: bool = True) -> unbroken_run.Compared:
        """Compare all that the workers left with an unbroken run over the same changes, record by record."""
        runs = unbroken_run.unbroken(self.bootstrap, self.name)
        compared = unbroken_run.assert_topics_equal(self.bootstrap, self.name, runs)
        if rows:
            with closing_session(self.endpoints.cassandra) as session:
                compared.rows = unbroken_run.assert_rows_equal(session, self.version, runs)
        return compared


@contextmanager
def rigged(endpoints: Endpoints, logs: Path, **wishes: Any) -> Iterator[Rig]:
    """Lend a registry of a test's own; none of its processes outlives the context."""
    rig = Rig(endpoints, logs, **wishes)
    try:
        yield rig
    finally:
        rig.end_all()


def freeze_amid_a_transaction(rig: Rig, name: str) -> None:
    """Stop a worker (SIGSTOP) at a moment at which its transaction is open."""

    client = kafka.admin(rig.bootstrap)

    def frozen_amid() -> bool:
        if not rig.has_open_transaction(client):  # looked at while it runs: stopped to be looked at it hardly works
            return False
        rig.signal(name, signal.SIGSTOP)
        if rig.has_open_transaction(client):
            return True
        rig.signal(name, signal.SIGCONT)
        return False

    wait_until(frozen_amid, "an open transaction")
