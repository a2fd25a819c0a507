"""The stream's counts against two recounts over a simulated nation: the suite asks for a little, the command for much.

`python -m tests.unit.counts_at_length [--families N] [--district N] [--workers N]`: districts of several seeds through
the real intake, and their lives again under other family ids, a partition of the families fold for each ten copies.
What the partitions publish, summed, is held to a recount of every state's fields and to the script that has nothing of
this project. Prints what it counted; ends with 1 at a difference.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import cache
from multiprocessing import get_context
from typing import TYPE_CHECKING, NamedTuple

from jejak.bench import corpus as corpora
from jejak.bench.corpus import APPENDED_AT, Corpus
from producers.simulation.nation import Nation
from producers.simulation.stream import simulate
from schemas import catalogue, codec
from stream_processors.folds.families import FamiliesFold
from stream_processors.indicators.counts import Cell, recount
from tests.integration import recount as script

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.records import FamilyState
    from stream_processors.engine.contract import Output

COPIES = 10  # of a partition
PLACES = ("35.71", "12.74", "19.71", "12.11")  # a district of its own seed in each
BATCH = 500  # changes
Sums = Counter[Cell]


class Counted(NamedTuple):
    """Families and changes of one partition, and its sums: published, and recounted twice."""

    families: int
    changes: int
    published: Sums
    fields: Sums
    script: Sums


@cache
def district(families: int, place: int) -> Corpus:
    """Return the changes of a district."""
    nation = Nation(families=families, seed=place, poison=0, months=6, district=PLACES[place])
    return corpora.taken([step.draft for step in simulate(nation)])


def partition(number: int, families: int, copies: int = COPIES) -> Counted:
    """Fold so many copies of a district as one partition, and count it."""
    book = corpora.book()
    fold = FamiliesFold(number, lambda: book)
    lives = district(families, number % len(PLACES))
    published: dict[Cell, int] = {}
    offset = 0
    for offset, change in enumerate(lives.copies(range(number * copies, (number + 1) * copies))):
        outputs = list(fold.fold(change.key, change.value, offset, APPENDED_AT + offset))
        if offset % BATCH == 0:
            outputs += fold.close_batch(offset + 1)
        published |= _sums(outputs)
    published |= _sums(fold.close_batch(offset + 1))
    states = [*fold.states.values()]
    return Counted(len(states), offset + 1, +Counter(published), recount(states), _by_script(states))


def _sums(outputs: Iterable[Output]) -> dict[Cell, int]:
    """Return the latest published sum of each cell."""
    told = (codec.decode(one.value) for one in outputs if one.topic == catalogue.INDICATORS_TOPIC)
    return {Cell(record.indicator, record.region, record.category): record.sum for record in told}


def _by_script(states: Iterable[FamilyState]) -> Sums:
    """Return what the script counts, under our names for cells."""
    found: Sums = Counter()
    for name, places in script.counted([asdict(state) for state in states]).items():
        for place, total in places.items():
            region, _, category = place.partition("|")
            found[Cell(name, region, category)] = total
    return found


def counted(families: int, district_of: int, workers: int) -> Counted:
    """Return the sums over as many partitions as so many families need."""
    whole = Counted(0, 0, Counter(), Counter(), Counter())
    numbers = range(-(-families // (district_of * COPIES)))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for done in pool.map(partition, numbers, [district_of] * len(numbers)):
            whole = Counted(*[one + other for one, other in zip(whole, done, strict=True)])  # type: ignore[operator]  # numbers and counters
            print(f"{whole.families:,} families, {whole.changes:,} changes", file=sys.stderr)  # noqa: T201  a command
    return whole


def main() -> int:
    """Count at length; return the exit code."""
    asked = argparse.ArgumentParser()
    for name, default in (("families", 200_000), ("district", 1_000), ("workers", 2)):
        asked.add_argument(f"--{name}", type=int, default=default)
    options = asked.parse_args()
    began = time.perf_counter()
    found = counted(options.families, options.district, options.workers)
    same = found.published == found.fields == found.script
    by_indicator: Counter[str] = Counter()
    for cell, total in found.published.items():
        by_indicator[cell.indicator] += total
    lines = [f"{name}: {total:,}" for name, total in sorted(by_indicator.items())]
    seconds = time.perf_counter() - began
    said = f"{found.families:,} families, {found.changes:,} changes, {len(found.published):,} cells in {seconds:,.0f} s"
    print("\n".join([said, *lines, "stream, recount and script agree" if same else "they DIFFER"]))  # noqa: T201
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
