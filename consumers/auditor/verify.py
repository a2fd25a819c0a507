"""The auditor's full check of a log: every entry, tile, round, checkpoint, cosignature and gateway, from front to back.

Needs the log and the keys and quorum of a policy, and trusts neither the log nor its writer. Segments are checked side
by side in processes of their own and joined here in order: memory stays bounded, and the fault named is the first.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Final

from consumers.auditor import checkpoints, hashing, published, segment, topics
from consumers.auditor.checkpoints import Opened
from consumers.auditor.ledger import Ledger
from consumers.auditor.reread import value_hashes
from consumers.auditor.rounds import Index, Round, is_sound
from consumers.auditor.segment import LEAVES, Checked, Task
from consumers.auditor.source import HASH, TILE, LogReader, Malformed
from consumers.auditor.topics import Broker
from consumers.auditor.verdict import Broken, Verdict, first
from schemas import codec
from schemas.quorum import Policy

Show = Callable[[int, int], None]
"""Is told how many leaves are checked, and how many there are."""
_LEVEL_ABOVE: Final = 2
_AHEAD: Final = 2


@dataclass(frozen=True, slots=True)
class Wishes:
    """What to check beyond hashes: entries `decode`d, the topics of a `broker`, checkpoints that others `kept`."""

    decode: bool = True
    broker: Broker | None = None
    kept: tuple[bytes, ...] = ()
    workers: int = 1


class _Stop(Exception):
    """Ends the audit from inside."""

    def __init__(self, broken: Broken) -> None:
        self.broken = broken


def verify(log: LogReader, policy: Policy, wishes: Wishes, show: Show = lambda *_: None) -> Verdict:
    """Return what the log came to, with the first place where something does not hold.

    Raises Unreadable, KafkaException or TimeoutError where it can't be read: then nothing is said about it.
    """
    audit = _Audit(log, policy, wishes, show)
    try:
        audit.run()
    except _Stop as stop:
        return audit.verdict(stop.broken)
    return audit.verdict(None)


class _Audit:
    """One audit on its way."""

    def __init__(self, log: LogReader, policy: Policy, wishes: Wishes, show: Show) -> None:
        self._log, self._policy, self._wishes, self._show = log, policy, wishes, show
        self._served = Opened("", 0, b"", frozenset(), met=False)
        self._index = Index(log, 1, 0)
        self._size = 0
        self._wanted: dict[int, tuple[bytes, str, str]] = {}  # roots that the log must have been through
        self._ledger = Ledger()
        self._segments = hashing.Counter()
        self._upper = hashing.Upper(_LEVEL_ABOVE, TILE, self._above)
        self._tiles: dict[int, bytes] = {}
        self._open_intents: tuple[str, ...] = ()

    def run(self) -> None:
        """Check everything; raises _Stop at the first fault."""
        self._served = self._checkpoint()
        self._index = self._head()
        self._size = self._index.at(self._index.count - 1).size if self._index.count else 0  # for progress alone
        self._remember()
        self._passed(0, hashing.EMPTY)
        for task, checked in _in_order(self._tasks(), min(self._wishes.workers, -(-self._size // LEAVES))):
            self._join(task, checked)
        for size, (_, code, where) in sorted(self._wanted.items()):
            raise _Stop(Broken(code, where, f"no round of the log ends at its {size} leaves"))
        self._ledger.figures.rounds = self._index.count
        self._open_intents = self._ledger.finish()
        self._stop(self._ledger.repeated(partial(value_hashes, self._log, self._served.size)))
        if self._wishes.broker is not None:
            self._compare_topic(self._wishes.broker)

    def verdict(self, broken: Broken | None) -> Verdict:
        """Return what it came to."""
        return Verdict(
            origin=self._served.origin,
            size=self._served.size,
            root=self._served.root,
            witnesses=checkpoints.names(self._served.witnesses),
            figures=self._ledger.figures,
            broken=broken,
            decoded=self._wishes.decode,
            topics=self._wishes.broker is not None,
            open_intents=self._open_intents,
        )

    def _checkpoint(self) -> Opened:
        try:
            served = checkpoints.opened(self._log.checkpoint(), self._policy)
        except checkpoints.Refused as refused:
            raise _Stop(Broken("CHECKPOINT_REFUSED", "checkpoint", f"{refused.code}: {refused}")) from refused
        if not served.met:
            who = ", ".join(sorted(served.witnesses)) or "nobody"
            raise _Stop(Broken("POLICY_UNMET", "checkpoint", f"cosigned by {who} alone"))
        return served

    def _head(self) -> Index:
        try:
            origin, index = self._log.head().origin, Index.of(self._log)
        except Malformed as fault:
            raise _Stop(Broken("INDEX_MALFORMED", "rounds.head", str(fault))) from fault
        if origin != self._served.origin:
            raise _Stop(Broken("OTHER_ORIGIN", "rounds.head", "the index is of another log than the checkpoint"))
        return index

    def _remember(self) -> None:
        """Keep which roots the log must have been through: what it serves, and what others kept."""
        try:
            kept = checkpoints.kept_elsewhere(self._wishes.kept, self._policy, self._served)
        except checkpoints.Refused as refused:
            raise _Stop(Broken("KNOWN_CHECKPOINT", "kept checkpoint", f"{refused.code}: {refused}")) from refused
        self._wanted = {size: (root, "KNOWN_CHECKPOINT", "kept checkpoint") for size, root in kept.items()}
        if kept.get(self._served.size, self._served.root) != self._served.root:
            raise _Stop(Broken("KNOWN_CHECKPOINT", "kept checkpoint", "FORK: the log serves another root at its size"))
        self._wanted[self._served.size] = (self._served.root, "CHECKPOINT_ROOT", "checkpoint")

    def _tasks(self) -> Iterator[Task | Broken]:
        """Yield the segments in order, each with the rounds it lies in; where the index breaks, that, last."""
        held, first = [self._index.begin()], 0
        broken = None
        for after in self._index.between(0, self._index.count):
            before = held[-1]
            where = f"round {after.record + 1}"
            if not is_sound(before, after):
                broken = Broken("ROUND_CUT", where, "its cut goes back, or its size is not the sum of its cut")
                break
            if after.size == before.size:
                if after.root != before.root:
                    broken = Broken("ROUND_ROOT", where, "no leaf came, and yet the root is another")
                    break
                continue
            held.append(after)
            while after.size - first >= LEAVES:
                yield self._task(held, first, first + LEAVES)
                first += LEAVES
                held = held[next(at for at in range(len(held) - 1, -1, -1) if held[at].size <= first) :]
        if held[-1].size > first:
            yield self._task(held, first, held[-1].size)
        if broken is not None:
            yield broken

    def _task(self, held: list[Round], first: int, end: int) -> Task:
        wishes = self._wishes
        return Task(self._log, first, end, self._served.size, tuple(held), wishes.decode, wishes.broker)

    def _join(self, task: Task, checked: Checked) -> None:
        """Take a segment after those before it."""
        for one in task.rounds[1:]:
            if one.size not in checked.roots:
                continue
            root = self._segments.root(checked.roots[one.size])
            if root != one.root:
                text = f"its {one.size} leaves have another root than the index names"
                raise _Stop(Broken("ROUND_ROOT", f"round {one.record + 1}", text))
            self._passed(one.size, root)
        self._stop(first(checked.broken, self._ledger.take(checked.said)))
        self._ledger.figures.entries += checked.entries
        if task.end - task.first == LEAVES:
            self._segments.add(checked.root)
            self._upper.add(checked.root)
        self._show(task.end, self._size)

    def _passed(self, size: int, root: bytes) -> None:
        """Hold the root that the log has at this size against what is remembered of it."""
        wanted, code, where = self._wanted.pop(size, (root, "", ""))
        if wanted != root:
            raise _Stop(Broken(code, where, f"the log's {size} leaves have another root"))

    def _above(self, level: int, number: int, hashed: bytes) -> None:
        """Hold a hash above the segments against its tile."""
        tile, at = number // TILE, number % TILE
        if at == 0:
            self._tiles[level] = self._log.tile(level, tile, min(TILE, (self._served.size >> 8 * level) - tile * TILE))
        held = self._tiles[level]
        if held[HASH * at : HASH * at + HASH] != hashed or (at == TILE - 1 and len(held) != HASH * TILE):
            first = number << 8 * level
            raise _Stop(Broken("TILE_DIFFERS", f"hash {number} of level {level}", f"not over the leaves from {first}"))

    def _compare_topic(self, broker: Broker) -> None:
        comparison = published.Comparison(self._index, self._served.origin, self._policy)
        try:
            records = topics.checkpoint_records(broker, codec.decode)
            self._stop(published.compare(records, comparison))
        except codec.Undecodable as fault:
            raise _Stop(Broken("UNDECODABLE", "checkpoints topic", fault.code)) from fault
        self._ledger.figures.checkpoints = comparison.checkpoints
        self._stop(published.behind(comparison.largest, self._checkpoint))

    @staticmethod
    def _stop(broken: Broken | None) -> None:
        if broken is not None:
            raise _Stop(broken)


def _in_order(tasks: Iterator[Task | Broken], workers: int) -> Iterator[tuple[Task, Checked]]:
    """Yield what each segment came to, in order; a few are on their way at once."""
    if workers <= 1:
        for task in tasks:
            yield _whole(task), segment.check(_whole(task))
        return
    # A process of its own rather than a copy of this one: Kafka's client has threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        ahead: deque[tuple[Task | Broken, Future[Checked] | None]] = deque()
        try:
            for task in tasks:
                ahead.append((task, None if isinstance(task, Broken) else pool.submit(segment.check, task)))
                if len(ahead) > _AHEAD * workers:
                    yield _done(*ahead.popleft())
            while ahead:
                yield _done(*ahead.popleft())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _whole(task: Task | Broken) -> Task:
    if isinstance(task, Broken):
        raise _Stop(task)
    return task


def _done(task: Task | Broken, future: Future[Checked] | None) -> tuple[Task, Checked]:
    whole = _whole(task)
    assert future is not None  # noqa: S101  every task has one
    return whole, future.result()
