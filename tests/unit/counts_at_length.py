"""The stream's counts against two recounts over a simulated nation: the suite asks for a little, the command for much.

`python -m tests.unit.counts_at_length [--families N] [--district N] [--copies N] [--workers N]`: for each partition of
the families fold a district of its own seed, through the real intake, and its lives again under other family ids, ten
times in all; `--copies 1` has every family live a life of its own, for half as much time again. What the partitions
publish, summed, is held to a recount of every state's fields and to the script that has nothing of this project, which
reads the states' bytes by the schema files alone. Prints what it counted; ends with 1 at a difference.

A process holds one partition at a time, as bytes: its memory is that of a partition, whatever the nation's size.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from io import BytesIO
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, NamedTuple

from fastavro import parse_schema, schemaless_reader

from jejak.bench import corpus as corpora
from jejak.bench.corpus import APPENDED_AT, Corpus
from producers.simulation.nation import Nation
from producers.simulation.stream import simulate
from schemas import catalogue, codec, contract
from schemas.framing import FRAME_LENGTH
from stream_processors.folds.families import FamiliesFold
from stream_processors.indicators.counts import Cell, recount
from tests.integration import recount as script

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stream_processors.engine.contract import Output

COPIES = 10  # of a partition
PLACES = ("35.71", "12.74", "19.71", "12.11")
BATCH = 500  # changes
Sums = Counter[Cell]


class Counted(NamedTuple):
    """Families and changes of one partition, and its sums: published, and recounted twice."""

    families: int
    changes: int
    published: Sums
    fields: Sums
    script: Sums


def district(families: int, seed: int) -> Corpus:
    """Return the changes of a district."""
    nation = Nation(families=families, seed=seed, poison=0, months=6, district=PLACES[seed % len(PLACES)])
    return corpora.taken([step.draft for step in simulate(nation)])


def partition(number: int, families: int, copies: int = COPIES) -> Counted:
    """Fold so many copies of a district as one partition, and count it."""
    book = corpora.book()
    fold = FamiliesFold(number, lambda: book)
    lives = district(families, number)
    published: dict[Cell, int] = {}
    offset = 0
    for offset, change in enumerate(lives.copies(range(number * copies, (number + 1) * copies))):
        outputs = list(fold.fold(change.key, change.value, offset, APPENDED_AT + offset))
        if offset % BATCH == 0:
            outputs += fold.close_batch(offset + 1)
        published |= _sums(outputs)
    published |= _sums(fold.close_batch(offset + 1))
    fields = recount(state for _, state in fold._states.decoded())
    return Counted(len(fold._states), offset + 1, +Counter(published), fields, by_script(fold._states._framed.values()))


def _sums(outputs: Iterable[Output]) -> dict[Cell, int]:
    """Return the latest published sum of each cell."""
    told = (codec.decode(one.value) for one in outputs if one.topic == catalogue.INDICATORS_TOPIC)
    return {Cell(record.indicator, record.region, record.category): record.sum for record in told}


def by_script(framed: Iterable[bytes]) -> Sums:
    """Return what the script counts of the states' bytes, under our names for cells."""
    found: Sums = Counter()
    for name, places in script.counted(_read(framed)).items():
        for place, total in places.items():
            region, _, category = place.partition("|")
            found[Cell(name, region, category)] = total
    return found


def _read(framed: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield each state as the Avro library reads it, one at a time."""
    schema: Any = parse_schema(contract.writer_schemas()[contract.current_ids()["jejak.FamilyState"]].full)
    for one in framed:
        state: Any = schemaless_reader(BytesIO(one[FRAME_LENGTH:]), schema, None)
        yield state


def counted(families: int, district_of: int, copies: int, workers: int) -> Counted:
    """Return the sums over as many partitions as so many families need, folded by so many processes."""
    whole = Counted(0, 0, Counter(), Counter(), Counter())
    numbers = range(-(-families * 101 // (100 * district_of * copies)))  # the intake refuses a few in a thousand
    began = time.perf_counter()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(partition, number, district_of, copies) for number in numbers]
        for ready, done in enumerate(as_completed(waiting), 1):
            whole = Counted(*[one + other for one, other in zip(whole, done.result(), strict=True)])  # type: ignore[operator]  # numbers and counters
            left = (time.perf_counter() - began) / ready * (len(numbers) - ready)
            said = f"{whole.families:,} families, {whole.changes:,} changes, about {left / 60:,.0f} min left"
            print(said, file=sys.stderr, flush=True)  # noqa: T201  a command
    return whole


def main() -> int:
    """Count at length; return the exit code."""
    asked = argparse.ArgumentParser()
    for name, default in (("families", 200_000), ("district", 1_000), ("copies", COPIES), ("workers", 2)):
        asked.add_argument(f"--{name}", type=int, default=default)
    options = asked.parse_args()
    began = time.perf_counter()
    found = counted(options.families, options.district, options.copies, options.workers)
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
