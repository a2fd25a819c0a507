"""The whole nation's stream, interleaved by simulated time, and what is expected to become of it.

Families come in waves, so that memory is bounded whatever the nation's size: within a wave everything is in order of
time, across waves each family still is. It must not know keys, topics or the fold.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from producers.draft import Draft
from producers.simulation import casework, faults, life, people, ranking, turns
from producers.simulation.nation import Nation

WAVE: Final = 20_000  # families; about 8 KB of plan each


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is said, and what is expected of it.

    `expected` is empty for what is accepted, `AlreadyKnown` for a repeat, else the rule that refuses it; `by` says
    whether `intake` or the `fold` does.
    """

    draft: Draft
    expected: str = ""
    by: str = ""


@dataclass(slots=True)
class Expected:
    """What a stream is expected to come to: changes by record, refusals by rule, repeats."""

    accepted: Counter[str] = field(default_factory=Counter)
    refused_by_intake: Counter[str] = field(default_factory=Counter)
    refused_by_fold: Counter[str] = field(default_factory=Counter)
    known: int = 0

    @property
    def published(self) -> int:
        """Changes that reach the topic."""
        return self.accepted.total() + self.refused_by_fold.total() + self.known


def simulate(nation: Nation) -> Iterator[Step]:
    """Yield everything said in the nation; the same steps, in the same order, for the same nation."""
    runs = ranking.runs(nation)
    for start in range(0, nation.families, WAVE):
        yield from _wave(nation, runs, range(start, min(start + WAVE, nation.families)))


def expected(steps: Iterable[Step]) -> Expected:
    """Return what a stream is expected to come to, from the labels of its steps alone."""
    result = Expected()
    for step in steps:
        match step.expected, step.by:
            case "", _:
                result.accepted[step.draft.record] += 1
            case life.KNOWN, _:
                result.known += 1
            case rule, "intake":
                result.refused_by_intake[rule] += 1
            case rule, _:
                result.refused_by_fold[rule] += 1
    return result


def _wave(nation: Nation, runs: tuple[ranking.Run, ...], indexes: range) -> Iterator[Step]:
    plan: list[tuple[int, int, people.Family, life.Entry]] = []
    for index in indexes:
        rng = people.chance(nation, index)
        family = people.family(nation, index, rng)
        said = faults.with_faults(nation, family, life.history(nation, family, runs, rng), rng)
        said = turns.with_turns(nation, family, casework.with_cases(nation, family, said), runs)
        # The serial keeps a family's own order where two steps share a moment, and is nobody else's.
        plan += [(entry.at, index << 10 | n, family, entry) for n, entry in enumerate(said)]
    plan.sort()
    for at, _, family, entry in plan:
        yield Step(entry.word(nation, family, at, *entry.args), entry.expected, entry.by)
