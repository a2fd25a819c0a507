"""The simulator's own ranking: a labelled sample score of which only the order matters, and its deciles.

No coefficients of the official model are public (domain guide 7); this one is no model of welfare. It must not know
what is published.
"""

from array import array
from dataclasses import dataclass
from random import Random
from typing import Final

from producers.simulation.nation import Nation

MODEL: Final = "sample-score-1"
DPIA: Final = "DPIA-SAMPLE-1"
_SHOCK: Final = 0.03  # how far a family drifts in a quarter, in shares of the nation


@dataclass(frozen=True, slots=True)
class Run:
    """One quarter's ranking of the whole nation: decile (1-10) and percentile (hundredths) by family number."""

    run_id: str
    at: int
    deciles: "array[int]"
    percentiles: "array[int]"


def runs(nation: Nation) -> tuple[Run, ...]:
    """Return every run; a run's scores are the last one's and a drift, so that deciles move from quarter to quarter."""
    scores = array("d", (nation.welfare_rank(index) / nation.families for index in range(nation.families)))
    made = []
    for number, (run_id, at) in enumerate(nation.run_times):
        rng = Random(f"{nation.seed}/{number}")  # noqa: S311  a simulation, not a secret
        for index in range(nation.families):
            scores[index] += rng.gauss(0, _SHOCK)
        made.append(_run(run_id, at, scores))
    return tuple(made)


def _run(run_id: str, at: int, scores: "array[float]") -> Run:
    """Return the run of these scores: families of weight 1, `min(10, floor(10 W / T) + 1)` (domain guide 7)."""
    total = len(scores)
    deciles, percentiles = array("B", bytes(total)), array("H", bytes(2 * total))
    for before, index in enumerate(sorted(range(total), key=scores.__getitem__)):
        deciles[index] = min(10, 10 * before // total + 1)
        percentiles[index] = 10_000 * before // total
    return Run(run_id, at, deciles, percentiles)
