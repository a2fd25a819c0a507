"""Whether the outcome of a look and its disclosures say the same: how many persons, and the root over an export's.

A gateway writes a look's disclosures in a row behind its outcome, an export's before it. Knows one look at a time, and
of an export the hashes that may still matter alone; must not know segments, nor where entries come from.
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from consumers.auditor.hashing import Counter, leaf_hash
from consumers.auditor.verdict import Broken, at_leaf

IN_FLIGHT: Final = 10_000
"""The most entries a gateway has under way: of an export that broke off, so many may be on record uncounted."""
DELIVERED: Final = "DELIVERED"
_OF_LINES: Final = frozenset({"AUDIT_READ", "LIST"})
_AS_SAID: Final = -1

Where = tuple[int, int, int]
"""Leaf, partition and offset."""


class Told(NamedTuple):
    """What an outcome says that its disclosures must bear out."""

    outcome: str
    reason: str | None
    persons: int
    batch_root: bytes | None
    batch_size: int | None

    @classmethod
    def by(cls, outcome: Any) -> "Told":
        """Return what an AccessOutcome says."""
        return cls(outcome.outcome, outcome.reason, outcome.result_count, outcome.batch_root, outcome.batch_size)


@dataclass(slots=True)
class Due:
    """An outcome of which `left` disclosures must follow, before its gateway says anything else."""

    intent: bytes
    where: Where
    count: int
    left: int

    def broken(self) -> Broken:
        """Return that they don't follow."""
        text = f"the outcome counts {self.count} persons, {self.count - self.left} disclosures follow it"
        return Broken("COUNT_DIFFERS", at_leaf(*self.where), text)


@dataclass(slots=True)
class _Batch:
    """The disclosures before an outcome: a tree over those that surely count, and the hashes behind it."""

    count: int = 0
    tree: Counter = field(default_factory=Counter)
    late: list[bytes] = field(default_factory=list)

    def add(self, value_hash: bytes) -> None:
        self.count += 1
        self.late.append(leaf_hash(value_hash))
        if len(self.late) > 2 * IN_FLIGHT:
            for hashed in self.late[:IN_FLIGHT]:
                self.tree.add(hashed)
            del self.late[:IN_FLIGHT]

    def root(self, count: int) -> bytes:
        """Return the root over the first `count` of them, empty where that many can't be told any more."""
        rest = count - self.tree.count
        if not 0 <= rest <= len(self.late):
            return b""
        tree = self.tree.copy()
        for hashed in self.late[:rest]:
            tree.add(hashed)
        return tree.root()


@dataclass(slots=True)
class Look:
    """An intent that nobody answered yet, whose it is and where; `trail` persons if it reads the trail, else -1."""

    gateway: str
    number: int
    where: Where
    trail: int
    _batch: _Batch | None = None

    @classmethod
    def begun(cls, intent: Any, where: Where) -> "Look":
        """Return the look of an AccessIntent; of a trail or list an outcome counts lines, one person shown at most."""
        trail = _AS_SAID if intent.action not in _OF_LINES else int(intent.subject_ref is not None)
        return cls(intent.gateway_id, intent.gateway_seq, where, trail)

    @property
    def place(self) -> str:
        """Where the intent is, in words."""
        return at_leaf(*self.where)

    def shown(self, value_hash: bytes) -> None:
        """Count a disclosure that comes before the outcome."""
        if self._batch is None:
            self._batch = _Batch()
        self._batch.add(value_hash)

    def answered(self, intent: bytes, told: Told, where: Where) -> Broken | Due:
        """Return how many disclosures must follow the outcome, none perhaps; or how it isn't what came before it."""
        count = told.persons
        if self.trail != _AS_SAID:
            count = self.trail if told.outcome == DELIVERED and told.reason is None else 0
        before = self._batch.count if self._batch is not None else 0
        if told.batch_root is not None or before:
            return self._closed(told, before, where) or Due(intent, where, count, 0)
        return Due(intent, where, count, count)

    def _closed(self, told: Told, before: int, where: Where) -> Broken | None:
        """Return how the outcome of an export is wrong; one that broke off may have more on record than it counts."""
        least = 0 if told.outcome != DELIVERED else before
        if not least <= told.persons <= before or (told.batch_size or 0) != told.persons:
            text = f"the outcome counts {told.persons} persons, {before} disclosures came before it"
            return Broken("COUNT_DIFFERS", at_leaf(*where), text)
        if (self._batch or _Batch()).root(told.persons) != told.batch_root:
            text = f"the outcome's root is not over the {told.persons} disclosures before it"
            return Broken("BATCH_ROOT_DIFFERS", at_leaf(*where), text)
        return None


def said_again(first: int, told: Told, where: Where) -> Broken | None:
    """Return how another outcome of a look contradicts the first: it says the same, or that nothing was shown."""
    if told.persons in {0, first}:
        return None
    text = f"the outcome counts {told.persons} persons, an earlier one of the same look {first}"
    return Broken("COUNT_DIFFERS", at_leaf(*where), text)


def too_many(where: Where) -> Broken:
    """Return that a disclosure is one more than the outcome before it counts."""
    return Broken("COUNT_DIFFERS", at_leaf(*where), "one disclosure more than the outcome of its look counts")
