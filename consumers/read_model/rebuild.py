"""Builds a version of the projection beside the one that serves: tables of its own, fed by a group of its own.

Resumable: what was acknowledged is in the group's offsets. Knows Kafka and the store; must not know which version
serves, nor who looks at the progress.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from threading import Event, Thread
from typing import Final

from cassandra.cluster import Session
from confluent_kafka import TopicPartition

from consumers.read_model import settled, tables
from consumers.read_model.cards import Cards
from consumers.read_model.dead_letters import DeadLetters
from consumers.read_model.projector import Projector, Topics, group_of, member
from consumers.read_model.rows import Write
from consumers.read_model.writes import Store
from identity.families import Aliases
from transport import kafka
from transport.cassandra import LOCAL_QUORUM
from transport.pulse import Pulse

LOOK_SECONDS: Final = 1.0
# Ends that were this fresh when they were reached: the rest is the flow itself.
FRESH_SECONDS: Final = 3.0
_KEPT_LOOKS: Final = 30
_CALL_SECONDS: Final = 30.0
_ROWS_COPIED: Final = 5_000
_COPIED: Final = 1  # no later than any write of the projection

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build is, in offsets; `rate` is offsets a second of late, `left_seconds` None while that is unknown."""

    done: int
    total: int
    rate: float
    left_seconds: float | None

    @property
    def share(self) -> float:
        """The part that is done, from 0 to 1."""
        return self.done / self.total if self.total else 1.0


class Pace:
    """Makes progress out of looks at how much is done; pure but for the times it is given."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque(maxlen=_KEPT_LOOKS)

    def at(self, now: float, done: int, total: int) -> Progress:
        """Return the progress at this moment (seconds of any one clock)."""
        self._looks.append((now, done))
        since, before = self._looks[0]
        rate = (done - before) / (now - since) if now > since else 0.0
        left = max(total - done, 0)
        return Progress(done, total, rate, left / rate if rate > 0 else (None if left else 0.0))


class Feeder:
    """Keeps one version at the head of the topics, from a thread of its own, until it is ended."""

    def __init__(
        self, bootstrap: str, session: Session, version: str, topics: Topics, pulse: Pulse | None = None
    ) -> None:
        self._bootstrap = bootstrap
        self._session = session
        self._version = version
        self._topics = topics
        self._pulse = pulse
        self._ending = Event()
        self._fault: BaseException | None = None
        self._thread = Thread(target=self._run, name=f"read-model-{version}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._feed()
        except BaseException as fault:  # noqa: BLE001  handed to the thread that looks after this one, which raises it
            self._fault = fault

    def _feed(self) -> None:
        group = group_of(self._version)
        letters = DeadLetters(kafka.producer(self._bootstrap), self._topics.dead_letters, group)
        consumer = member(self._bootstrap, group)
        try:
            running = Projector(
                consumer,
                lambda wait: Store(self._session, wait, self._version),
                letters,
                self._topics,
                self._ending.is_set,
                self._pulse,
                Cards(lambda: Aliases(self._session)),
            )
            running.run()
        finally:
            consumer.close()

    def check(self) -> None:
        """Raise the fault that ended it, if one did."""
        if self._fault is not None:
            raise self._fault

    def ask_to_end(self) -> None:
        """Have it end after its batch."""
        self._ending.set()

    def end(self) -> None:
        """Return once all that was read is written and committed; raises the fault that ended it before."""
        self.ask_to_end()
        self._thread.join()
        self.check()


@contextmanager
def feeding(bootstrap: str, session: Session, version: str, topics: Topics) -> Iterator[Feeder]:
    """Lend a feeder that works while the context lasts."""
    feeder = Feeder(bootstrap, session, version, topics)
    try:
        yield feeder
    finally:
        feeder.end()


def catch_up(  # noqa: PLR0913, PLR0917  where, what, and who looks
    bootstrap: str,
    version: str,
    topics: Topics,
    look: Callable[[Progress], None],
    check: Callable[[], None],
    stopping: Callable[[], bool] = lambda: False,
    seconds: float = math.inf,
) -> Progress:
    """Return once everything that was committed to the topics a moment ago is in the tables, or `stopping` says so.

    Somebody feeds the version meanwhile; `check` raises when that one ended by a fault. Raises TimeoutError when the
    time is up.
    """
    pace, deadline = Pace(), time.monotonic() + seconds
    taken, wanted = time.monotonic(), ends(bootstrap, topics)
    first = begins(bootstrap, wanted)
    while True:
        check()
        done = settled.committed(bootstrap, group_of(version), wanted)
        progress = pace.at(time.monotonic(), *_counted(first, done, wanted))
        look(progress)
        reached = progress.done >= progress.total
        if stopping() or (reached and time.monotonic() - taken < FRESH_SECONDS):
            return progress
        if time.monotonic() > deadline:
            raise TimeoutError(f"{version} is {progress.total - progress.done} offsets behind")
        if reached:
            taken, wanted = time.monotonic(), ends(bootstrap, topics)
        else:
            time.sleep(LOOK_SECONDS if progress.total - progress.done > progress.rate else LOOK_SECONDS / 5)


def carry(session: Session, older: str, newer: str) -> int:
    """Copy what only the older tables still know: the sums of past days, of which the compacted topic keeps the last.

    Return the number of rows. A row that the newer version has been given by a record stays: a copy never wins.
    """
    table, split = tables.INDICATOR_DAY, len(tables.INDICATOR_DAY.partition)
    store = Store(session, lambda attempt, _: time.sleep(min(attempt, _CALL_SECONDS)), newer)
    query = session.prepare(f"SELECT {', '.join(table.columns)} FROM {table.named(older)}")  # noqa: S608  names are ours
    query.consistency_level = LOCAL_QUORUM
    rows = iter(session.execute(query))
    copied = 0
    while chunk := [Write(table, row[:split], row[split:], _COPIED) for row in islice(rows, _ROWS_COPIED)]:
        store.write(chunk)
        copied += len(chunk)
    return copied


def _counted(first: Mapping[Place, int], done: Mapping[Place, int], wanted: Mapping[Place, int]) -> tuple[int, int]:
    """Return how many offsets are done and how many there are."""
    reached = sum(min(max(done[place], first[place]), end) - first[place] for place, end in wanted.items())
    return reached, sum(end - first[place] for place, end in wanted.items())


def ends(bootstrap: str, topics: Topics) -> dict[Place, int]:
    """Return where the topics' partitions end for readers of committed records."""
    return {
        (topic, partition): end
        for topic in topics.sources
        for partition, end in kafka.end_offsets(bootstrap, topic).items()
    }


def begins(bootstrap: str, places: Iterable[Place]) -> dict[Place, int]:
    """Return the offset of the first record that each partition still has."""
    found = {}
    with kafka.closing_reader(bootstrap) as source:
        for place in places:
            limits = source.get_watermark_offsets(TopicPartition(*place), timeout=_CALL_SECONDS)
            if limits is None:
                raise TimeoutError(f"the broker does not tell where {place[0]}/{place[1]} begins")
            found[place] = limits[0]
    return found
