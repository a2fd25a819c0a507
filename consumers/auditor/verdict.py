"""What an audit can find: the first place where something does not hold, or figures of what does.

Knows codes and places; must not know how anything is checked.
"""

from dataclasses import dataclass, field
from typing import Final

CODES: Final = (
    "CHECKPOINT_REFUSED",
    "POLICY_UNMET",
    "INDEX_MALFORMED",
    "OTHER_ORIGIN",
    "ROUND_CUT",
    "ROUND_ROOT",
    "LEAF_MISSING",
    "LEAF_PLACE",
    "LEAF_DIFFERS",
    "TILE_DIFFERS",
    "CHECKPOINT_ROOT",
    "KNOWN_CHECKPOINT",
    "TOPIC_DIFFERS",
    "ROUND_DIFFERS",
    "NOT_PUBLISHED",
    "UNDECODABLE",
    "CHAIN_BROKEN",
    "SEQUENCE_HOLE",
    "HEARTBEAT_WRONG",
    "AFTER_CLOSING",
    "REPEAT_DIFFERS",
    "WITHOUT_INTENT",
    "COUNT_DIFFERS",
    "BATCH_ROOT_DIFFERS",
)


@dataclass(frozen=True, slots=True)
class Broken:
    """The first thing that does not hold: a code of CODES, where it is, and what is wrong there."""

    code: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.code} at {self.where}: {self.text}"

    @property
    def leaf(self) -> int:
        """The leaf that it is at, -1 where it is at none: before any entry is judged by what it says."""
        kind, _, rest = self.where.partition(" ")
        return int(rest.partition(" ")[0]) if kind == "leaf" else -1


@dataclass(slots=True)
class Figures:
    """What was checked, and what an auditor counts though it proves no damage."""

    entries: int = 0
    rounds: int = 0
    checkpoints: int = 0
    gateways: int = 0
    intents: int = 0
    outcomes: int = 0
    disclosures: int = 0
    heartbeats: int = 0
    repeats: int = 0
    intents_without_outcome: int = 0
    outcomes_cut_off: int = 0
    chains_without_closing: int = 0
    clocks_apart: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an audit came to; it holds when nothing is broken."""

    origin: str
    size: int
    root: bytes
    witnesses: tuple[str, ...]
    figures: Figures
    broken: Broken | None = None
    decoded: bool = False
    topics: bool = False
    open_intents: tuple[str, ...] = field(default=())

    @property
    def holds(self) -> bool:
        """Whether everything that was looked at holds."""
        return self.broken is None


def at_leaf(leaf: int, partition: int, offset: int) -> str:
    """Return the name of a leaf's place."""
    return f"leaf {leaf} (partition {partition}, offset {offset})"


def first(one: Broken | None, other: Broken | None) -> Broken | None:
    """Return the one that is at the earlier leaf, where there are two."""
    return min((each for each in (one, other) if each is not None), key=lambda each: each.leaf, default=None)
