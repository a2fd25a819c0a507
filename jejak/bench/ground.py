"""What a measurement stands on: a broker and a database of its own, begun empty, changes on them, and workers.

Knows servers, topics and processes; must not know what is measured on them.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psutil
from confluent_kafka import KafkaException, TopicPartition

from jejak import composition, publishing, stack
from jejak.bench.corpus import RULES_SINCE, Corpus
from jejak.composition import Registry
from jejak.processes import Children
from jejak.settings import Settings
from producers.outgoing import Outgoing
from schemas import catalogue
from transport import kafka

DEADLINE_SECONDS: Final = 1_800.0
LOOK_SECONDS: Final = 0.05
_FLUSH_SECONDS: Final = 60.0
_CALL_SECONDS: Final = 10.0

Place = tuple[str, int]
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person at the command line asked for; sizes, seconds and rates."""

    families: int = 2_000
    copies: int = 5
    minutes: float = 2.0
    seconds: float = 20.0
    rate: int = 5_000
    states: int = 200_000
    entries: int = 1_000_000
    ranked: int = 1_000_000
    workers: int = 2


class WorkerEnded(Exception):
    """A worker that was measured is no more."""


class Ground:
    """One fresh pair of servers; its registry is connected, its rule sets are in force."""

    def __init__(self, registry: Registry, corpus: Corpus, wishes: Wishes, progress: Progress) -> None:
        self.registry = registry
        self.corpus = corpus
        self.wishes = wishes
        self.progress = progress
        self._published = False

    @property
    def kafka(self) -> str:
        """Where the broker answers."""
        return self.registry.endpoints.kafka

    def send(self, changes: Iterable[Outgoing], seconds: float = DEADLINE_SECONDS) -> int:
        """Return how many changes the broker took, of as many as can be sent in these seconds."""
        producer, deadline, count = kafka.producer(self.kafka), time.monotonic() + seconds, 0
        for count, change in enumerate(changes, 1):  # noqa: B007  the last count is the answer
            produce(producer, change)
            if time.monotonic() > deadline:
                break
        if producer.flush(_FLUSH_SECONDS):
            raise TimeoutError("the broker did not take all changes")
        return count

    def publish(self) -> int:
        """Have the copies of the district on the topic of changes; return how many changes lie there."""
        if not self._published:
            self.progress(f"publish {self.wishes.copies} copies of the district")
            self.send(self.corpus.copies(range(self.wishes.copies)))
            self._published = True
        return sum(kafka.end_offsets(self.kafka, catalogue.CHANGES_TOPIC).values())

    @contextmanager
    def workers(self) -> Iterator[Children]:
        """Lend a starter of worker processes on these servers; none outlives it."""
        environment = {
            "JEJAK_DATA": str(self.registry.settings.data),
            "JEJAK_KAFKA": self.kafka,
            "JEJAK_CASSANDRA": self.registry.endpoints.cassandra,
        }
        with Children(self.registry.settings.data / "logs", environment) as children:
            yield children

    def broker(self) -> psutil.Process:
        """Return the broker's process."""
        pid = stack.status(self.registry.settings.data).servers[stack.KAFKA].pid
        if pid is None:
            raise ProcessLookupError("the broker is not a process of ours")
        return psutil.Process(pid)


def produce(producer: Any, change: Outgoing) -> None:
    """Queue a change, after a wait while the client's queue is full."""
    while True:
        try:
            producer.produce(change.topic, key=change.key, value=change.value, headers=change.headers)
        except BufferError:
            producer.poll(0.05)
        else:
            return


@contextmanager
def prepared(settings: Settings, corpus: Corpus, wishes: Wishes, progress: Progress) -> Iterator[Ground]:
    """Lend a fresh ground; its servers are stopped and their data deleted afterwards."""
    own = settings.model_copy(update={"data": settings.data.resolve() / "bench"})
    stack.reset(own.data)
    stack.up(own.data, kafka_heap="1g", progress=progress, tied_to=os.getpid())
    try:
        with composition.connected(own) as registry:
            publishing.rules(registry, RULES_SINCE)
            yield Ground(registry, corpus, wishes, progress)
    finally:
        stack.reset(own.data)


class Watch:
    """Looks at how far a group is with topics as they end now, and at what its workers' processes use."""

    def __init__(self, bootstrap: str, group: str, topics: Iterable[str], pids: Iterable[int]) -> None:
        self.ends: Mapping[Place, int] = {
            (topic, part): end for topic in topics for part, end in kafka.end_offsets(bootstrap, topic).items() if end
        }
        self.whole = sum(self.ends.values())
        self._group = group
        # One client for all looks; it joins no group.
        self._source = kafka.reader(bootstrap, group_id=group)
        self._asked = [TopicPartition(*place) for place in self.ends]
        self._seen: dict[Place, int] = {}
        self._processes = [psutil.Process(pid) for pid in pids]

    def ask(self, places: Iterable[Place]) -> None:
        """Have `offsets` tell of these partitions, whether anything lies there yet or not."""
        self._asked = [TopicPartition(*place) for place in places]

    def offsets(self) -> dict[Place, int]:
        """Return the offset up to which each partition is committed."""
        try:
            told = self._source.committed(self._asked, timeout=_CALL_SECONDS)
        except KafkaException as refused:
            if not refused.args[0].retriable():
                raise
            return self._seen  # the coordinator comes up, or a transaction is being committed
        self._seen = {(place.topic, place.partition): max(place.offset, 0) for place in told}
        return self._seen

    def done(self) -> int:
        """Return how many offsets below those ends are committed."""
        seen = self.offsets()
        return sum(min(seen.get(place, 0), end) for place, end in self.ends.items())

    def cpu(self) -> list[float]:
        """Return the CPU seconds that each process has used."""
        return [sum(process.cpu_times()[:2]) for process in self._processes]

    def until(self, share: float, deadline_seconds: float = DEADLINE_SECONDS) -> tuple[float, list[float], int]:
        """Return clock, CPU seconds and offsets done once this share is; raises TimeoutError or WorkerEnded."""
        deadline = time.monotonic() + deadline_seconds
        while time.monotonic() < deadline:
            done = self.done()
            if done and done >= share * self.whole:
                return time.perf_counter(), self.cpu(), done
            if not all(
                process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in self._processes
            ):
                raise WorkerEnded(f"a worker of {self._group} ended by itself: look at its log")
            time.sleep(LOOK_SECONDS)
        raise TimeoutError(f"{self._group}: {share:.0%} not done after {deadline_seconds:.0f} s")
