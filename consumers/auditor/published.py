"""The checkpoints topic against the log: every round's winner stands in the index, every checkpoint is of a round.

Knows records and rounds; must not know leaves. What the index says is checked against the leaves elsewhere.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from consumers.auditor.checkpoints import Opened, Refused, opened
from consumers.auditor.rounds import Index, Round
from consumers.auditor.verdict import Broken
from schemas import records
from schemas.quorum import Policy

SERVED_WITHIN_SECONDS: Final = 5.0
_KEPT: Final = 1_024
_PAUSE_SECONDS: Final = 0.1


class Comparison:
    """Takes the topic's records in order; the first record of a round number wins, as for every reader."""

    def __init__(self, index: Index, origin: str, policy: Policy) -> None:
        self.checkpoints = 0
        self.largest = 0
        self._origin = origin
        self._policy = policy
        self._count = index.count
        self._rounds = index.between(0, index.count)
        self._index = index
        self._recent: dict[int, Round] = {}
        self._won = 0

    def take(self, offset: int, record: Any) -> Broken | None:
        """Return what is broken about a record."""
        if getattr(record, "origin", self._origin) != self._origin:
            return None  # of the log before: a new origin begins anew
        match record:
            case records.RoundOpened():
                return self._round(offset, record)
            case records.CheckpointPublished():
                return self._checkpoint(offset, record)
            case _:
                return Broken("ROUND_DIFFERS", f"checkpoints offset {offset}", "neither a round nor a checkpoint")

    def finish(self) -> Broken | None:
        """Return what is broken about the index once the topic has ended."""
        if self._won < self._count:
            return Broken("ROUND_DIFFERS", f"round {self._won + 1}", "in the index, but never opened on the topic")
        return None

    def _round(self, offset: int, said: records.RoundOpened) -> Broken | None:
        if said.round <= self._won or self._won == self._count:
            return None  # it lost, or it was opened after this audit began
        where = f"round {said.round}"
        if said.round != self._won + 1:
            return Broken("ROUND_DIFFERS", f"round {self._won + 1}", f"never opened; offset {offset} opens a later one")
        held = next(self._rounds)
        cut = {one.partition: one.end_offset for one in said.cut}
        if len(said.cut) != len(held.cut) or cut != dict(enumerate(held.cut)):
            return Broken("ROUND_DIFFERS", where, "the index has another cut than its winner")
        if (said.tree_size, said.root) != (held.size, held.root):
            return Broken("ROUND_DIFFERS", where, "the index has another size or root than its winner")
        self._won += 1
        self._recent[said.round] = held
        self._recent.pop(said.round - _KEPT, None)
        return None

    def _checkpoint(self, offset: int, said: records.CheckpointPublished) -> Broken | None:
        where = f"checkpoint of round {said.round}, offset {offset}"
        try:
            found = opened(said.note, self._policy)
        except Refused as refused:
            return Broken("CHECKPOINT_REFUSED", where, f"{refused.code}: {refused}")
        if not found.met:
            return Broken("POLICY_UNMET", where, f"cosigned by {', '.join(sorted(found.witnesses)) or 'nobody'} alone")
        if said.round > self._won < self._count:
            return Broken("ROUND_DIFFERS", where, "published before its round was opened")
        self.largest = max(self.largest, found.size)
        if said.round > self._count:
            return None  # after this audit began
        held = self._recent.get(said.round) or self._index.at(said.round - 1)
        if (found.origin, found.size, found.root) != (self._origin, held.size, held.root):
            return Broken("CHECKPOINT_ROOT", where, "of another tree than its round")
        self.checkpoints += 1
        return None


def compare(topic: Iterable[tuple[int, Any]], comparison: Comparison) -> Broken | None:
    """Return the first thing that is broken between the topic and the index."""
    for offset, record in topic:
        if broken := comparison.take(offset, record):
            return broken
    return comparison.finish()


def behind(largest: int, served: Callable[[], Opened]) -> Broken | None:
    """Return that the log serves an older tree than was published; a live log has a few seconds to serve it."""
    deadline = time.monotonic() + SERVED_WITHIN_SECONDS
    while (found := served()).size < largest:
        if time.monotonic() > deadline:
            return Broken("NOT_PUBLISHED", "checkpoint", f"{found.size} leaves are served, {largest} were published")
        time.sleep(_PAUSE_SECONDS)
    return None
