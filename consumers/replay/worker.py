"""One partition's replay: from a snapshot that fits or from the beginning, exactly to the cut.

Reads the log and snapshots, writes leaves and a snapshot; never to Kafka. Knows one partition.
"""

import gc
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from consumers.replay import log, snapshot
from consumers.replay.chain import Chain, Link
from consumers.replay.quick import QuickFold
from consumers.replay.snapshot import Progress, Snapshot, SnapshotInvalid
from schemas.codec import FRAME_LENGTH
from stream_processors.indicators.counts import Cell, Counts
from stream_processors.registry import digest

Tell = Callable[[int, int], None]
"""Is told a partition and the offset before which it is folded."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to replay: a partition of the events topic up to an end offset, and where its files go."""

    bootstrap: str
    topic: str
    number: int
    end: int
    leaves: Path
    snapshots: Path | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """A snapshot that was not used, and why."""

    path: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """What a partition came to. `began` is the offset that a snapshot led to, 0 without one."""

    number: int
    progress: Progress
    families: int
    state_digest: bytes
    counts: Mapping[Cell, int]
    began: int = 0
    passed: tuple[Passed, ...] = ()


class _Run:
    """A partition on its way: its fold, its chain, and what was met."""

    def __init__(self, number: int, begun: Snapshot | None) -> None:
        at = begun.progress if begun else Progress(0, Link(), b"", 0, 0, frozenset())
        self.fold = QuickFold(number, begun.states if begun else None)
        self._chain = Chain(at.link)
        self._at = at
        self._events = at.events
        self._frames: set[bytes] = set()
        self.end = at.end

    def reread(self, source: Consumer, topic: str, number: int) -> None:
        """Take the open block's events into the chain again; raises SnapshotInvalid where the log has others."""
        for batch in log.batches(source, TopicPartition(topic, number, self._at.link.start), self._at.end):
            self._chain.take(
                [message.offset() or 0 for message in batch], [message.value() or b"" for message in batch]
            )
        if self._chain.digest() != self._at.events_digest:
            raise SnapshotInvalid(snapshot.OTHER_LOG, "the events before its end are not those it was taken of")

    def take(self, batch: log.Batch) -> None:
        """Fold a batch of the log."""
        offsets = [message.offset() or 0 for message in batch]
        values = [message.value() or b"" for message in batch]
        self.fold.take(offsets, [message.key() or b"" for message in batch], values)
        self._chain.take(offsets, values)
        self._frames.update([value[:FRAME_LENGTH] for value in values])
        self._events += len(values)
        self.end = offsets[-1] + 1

    def progress(self) -> Progress:
        """Return how far it came."""
        ids = {int.from_bytes(frame[1:], "big") for frame in self._frames}
        return Progress(
            end=self.end,
            link=self._chain.link,
            events_digest=self._chain.digest(),
            events=self._events,
            repeated=self._at.repeated + self.fold.repeated,
            schema_ids=self._at.schema_ids | ids,
        )


def run(job: Job, tell: Tell) -> Done:
    """Return what a partition comes to at the cut; its leaves are in a file afterwards, and a snapshot if one is due.

    Raises ReplayRefused where the log can't be folded, TimeoutError or KafkaException where it can't be read.
    """
    passed: list[Passed] = []
    with _uncollected(), log.reader(job.bootstrap) as source:
        begun = _begin(source, job, passed)
        began = begun.end
        for batch in log.batches(source, TopicPartition(job.topic, job.number, began), job.end):
            begun.take(batch)
            tell(job.number, begun.end)
        return _finish(job, begun, began, tuple(passed))


def _begin(source: Consumer, job: Job, passed: list[Passed]) -> _Run:
    """Return the run at the newest snapshot that fits, or at the beginning; note those that don't."""
    for path in snapshot.candidates(job.snapshots, job.number) if job.snapshots else []:
        try:
            found = _Run(job.number, snapshot.read(path, job.number, job.end))
            found.reread(source, job.topic, job.number)
        except SnapshotInvalid as fault:
            passed.append(Passed(str(path), fault.code, fault.text))
        else:
            return found
    return _Run(job.number, None)


def _finish(job: Job, done: _Run, began: int, passed: tuple[Passed, ...]) -> Done:
    leaves: dict[str, bytes] = {}
    families: Counter[bytes] = Counter()
    progress = done.progress()
    with job.leaves.open("w", encoding="ascii") as file:

        def states() -> Iterator[tuple[str, bytes]]:
            for family_id, framed, counted in done.fold.framed():
                leaves[family_id] = leaf = digest.leaf(framed)
                families[counted] += 1
                file.write(f"{job.number} {family_id} {leaf.hex()}\n")
                yield family_id, framed

        if job.snapshots is not None and done.end > began:
            snapshot.write(job.snapshots, job.number, progress, states(), lambda: digest.partition_digest(leaves))
        else:
            deque(states(), 0)
    counts = Counts()
    counts.add(families)
    return Done(
        number=job.number,
        progress=progress,
        families=done.fold.families,
        state_digest=digest.partition_digest(leaves),
        counts=counts.sums(),
        began=began,
        passed=passed,
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the collector from walking states that are all alive."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
