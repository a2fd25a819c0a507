"""The crash points: every step of a worker's life, by what befalls it, and by the number of the step's passage.

A step is named as `injection` names it. The lists are whole for the engine as it is: a step that is gone never fires,
and a point that never fires fails the test.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BEFORE_AFTER = "before after"
REQUEST = "before air after"  # air: the request is sent and the process dies before it hears of the answer


@dataclass(frozen=True)
class Life:
    """One worker from its start to its death: what befalls it, and at which point it dies (None: it leaves alone)."""

    scenario: str
    step: str | None = None
    passage: int = 1
    name: str = "one"  # of its transactional id


@dataclass(frozen=True)
class Profile:
    """How the workers of a lane take their batches, and how many partitions there are."""

    batch: int
    commit_interval_s: float
    partitions: int


# A commit for every batch; several batches to a transaction; single records; large batches on one partition.
PROFILES = (Profile(8, 0.0, 2), Profile(4, 0.05, 3), Profile(2, 0.0, 2), Profile(20, 0.0, 1))


def _steps(within: str, *names: str) -> list[str]:
    """Write out `name: before after` within a path."""
    return [
        f"{within}{name}.{part}" for name, _, parts in (one.partition(": ") for one in names) for part in parts.split()
    ]


_COMMIT = (
    "close_batch: before after",
    "metadata: after",
    "transaction: before",
    "produce_batch: before half delivered after",
    f"flush: {REQUEST}",
    f"send_offsets_to_transaction: {REQUEST}",
    f"commit_transaction: {REQUEST}",
    "transaction: after",
    "commit: after",
)
_BATCH = _steps(
    "",
    "consume: before after",
    "batch: before after",
    "begin_transaction: before after",
    "fold: before after",
    "produce: before after",
    "commit: before",
    *_COMMIT,
)
_START = _steps(
    "open/",
    "open: before",
    f"init_transactions: {REQUEST}",
    "sweep_own: before after",
    "ends: before after",
    "subscribe: before after",
    "open: after",
)
_RESTORE = (
    "clearance: before after",
    "ends: before after",
    "restorer: before",
    "reader_assign: before after",
    "reader_consume: before after",
    "restore: before after",
    "reader_close: before after",
    "committed: before after",
    "restorer: after",
    "restored: before after",
    "begin_transaction: before after",
)
_ASSIGN = _steps(
    "assign/", "assign: before after", "commit: before after", *_RESTORE, "incremental_assign: before after"
)
_LEAVE = _steps(
    "close/",
    "close: before after",
    "revoke/revoke: before after",
    "revoke/drop: before after",
    "revoke/incremental_unassign: before after",
    "abort: before after",
)
_GIVE_UP = ("give_up: before after", "abort: before after", f"abort_transaction: {REQUEST}")
_HEAL = _steps(
    "heal/",
    "heal: before after",
    "commit: before after",
    *_RESTORE,
    "incremental_unassign: before after",
    "incremental_assign: before after",
)
_REPLACE = _steps("", "purge: before after", f"init_transactions: {REQUEST}", "abort: after")
_LOST = _steps("lost/", "lost: before after", *_GIVE_UP, "drop: before after", "incremental_unassign: before after")
_REVOKE = _steps(
    "revoke/",
    "revoke: before after",
    "commit: before",
    *_COMMIT,
    "drop: before after",
    "incremental_unassign: before after",
)
_SWEEP = ("produce_batch: half delivered", "flush: after", f"abort_transaction: {REQUEST}", "sweep: after")
FROZEN = (
    "batch.after",
    "flush.after",
    "metadata.after",
    "send_offsets_to_transaction.after",
    "commit_transaction.before",
    "commit_transaction.after",
)


def _lives(scenario: str, steps: list[str], *passages: int) -> Iterator[Life]:
    return (Life(scenario, step, passage) for step in steps for passage in passages)


def _all() -> Iterator[Life]:
    """Yield the lives that every profile has."""
    yield from _lives("alone", _BATCH, 1, 2, 3)
    yield from _lives("alone", _steps("", "fold: before after", "produce: before after"), 5, 8)
    yield from _lives("alone", _START, 1)
    yield from _lives("alone", _steps("open/", "ends: before after"), 6, 13)
    yield from _lives("alone", _ASSIGN, 1)
    yield from _lives("alone", _steps("assign/", "ends: before after"), 7, 14)
    yield from _lives("alone", _steps("assign/", "restore: before after"), 2, 9)
    yield from _lives("stopped", _LEAVE, 1)
    yield from _lives("stopped-late", _steps("close/", "commit: before", *_COMMIT), 1)
    yield from _lives("refused", _steps("", *_GIVE_UP), 1)
    yield from _lives("refused", _HEAL, 1)
    yield from _lives("fenced", _REPLACE, 1)
    yield from _lives("thrown-out", _LOST, 1)
    yield from _lives("thrown-out", _steps("assign/", "assign: before after"), 2)
    yield from _lives("joined", _REVOKE, 1)


def _rest(profile: int) -> Iterator[Life]:
    """Yield the slow ones, of which each profile has its share."""
    sweeps = [
        *_lives("stranger", _steps("open/sweep/", *_SWEEP), 1),
        *_lives("stranger", _steps("assign/sweep/", *_SWEEP), 1),
    ]
    left = [
        Life("left", "assign/assign.before", 3),
        Life("left", "assign/assign.after", 3),
        Life("left", "assign/commit_transaction.before"),
        Life("left", "assign/commit_transaction.after"),
        Life("left", "assign/restorer.before", 2),
        Life("left", "assign/restorer.after", 2),
        Life("left", "assign/incremental_assign.before", 3),
    ]
    frozen = [Life(f"frozen {when}", step, 2) for when in ("early", "late") for step in FROZEN]
    for slow in (sweeps, left, frozen):
        yield from slow[profile :: len(PROFILES)]


def points(profile: int) -> list[Life]:
    """Return the lives of a profile."""
    found = [*_all(), *_rest(profile)]
    if PROFILES[profile].partitions == 1:
        # One partition can't be shared: there is nothing to revoke, and nothing comes back.
        found = [life for life in found if life.scenario not in {"joined", "left"}]
    return found


def chosen(profile: int, at_most: int) -> list[Life]:
    """Return this profile's share of so many points, chosen by lot where not all are wanted.

    They are mixed, so that each finds what another kind of death left; always in the same way.
    """
    found = points(profile)
    total = sum(len(points(number)) for number in range(len(PROFILES)))
    wanted = max(1, min(len(found), len(found) * at_most // total))
    return random.Random(profile).sample(found, wanted)  # noqa: S311  a choice and an order, not a secret
