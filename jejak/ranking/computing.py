"""From a run's input to its output: scores by partition, then the cut, stretch by stretch of scores.

Never holds more than one partition or one stretch of families; where stretches begin changes nothing in what comes out.
Knows frames and the run's folder; must not know Kafka.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from jejak.ranking import columns
from jejak.ranking.run import PERSONS, Asked, Folder, Result, RunRefused, Tenth
from stream_processors.ranking import scoring
from stream_processors.ranking.deciles import TENTHS, Cutter, NobodyRanked
from stream_processors.ranking.model import Model

STRETCH: Final = 1_000_000
OUTPUT: Final = ("family_id", "score", "decile", "percentile", "local_percentile")
"""The columns of the output's digest, of each ranked family in rank order; then family_id and reason of each other."""
_SAMPLED: Final = 500  # one family in so many says where stretches begin

Bound = tuple[int, int]
"""A score and a tie: stretches end before one and begin at it."""


@dataclass(slots=True)
class _Scored:
    """What the scored partitions come to: how many, what they weigh, why others have no score, where scores lie."""

    families: int = 0
    ranked: int = 0
    weight: int = 0
    local: Counter[str] = field(default_factory=Counter)
    unranked: Counter[str] = field(default_factory=Counter)
    sample: list[Bound] = field(default_factory=list)

    def add(self, ranked: pl.DataFrame, unranked: pl.DataFrame) -> None:
        """Take in a partition."""
        self.families += len(ranked) + len(unranked)
        self.ranked += len(ranked)
        self.weight += int(ranked["weight"].sum())
        self.local.update(_by(ranked, "region", pl.col("weight").sum()))
        self.unranked.update(_by(unranked, "reason", pl.len()))
        self.sample += ranked.select("score", "tie").gather_every(_SAMPLED).rows()


def compute(folder: Folder, asked: Asked, model: Model, stretch: int = STRETCH) -> Result:
    """Return what the input in the folder comes to, its rows in the folder too; raises RunRefused if nobody is ranked.

    About `stretch` families at a time are held.
    """
    partitions = range(len(asked.states))
    folder.clear()
    found = _Scored()
    for number in partitions:
        found.add(*_score(folder, number, asked, model))
    try:
        cutter = Cutter(found.weight, found.local)
    except NobodyRanked as none:
        told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(found.unranked.items()))
        raise RunRefused(
            "NOBODY_RANKED",
            f"of {found.families:,} families none has a score: {told or 'there is none'}; name a new run later",
        ) from none
    outputs, tenths = hashlib.sha256(), _Tenths()
    for number, bounds in enumerate(_stretches(found, stretch)):
        done = cutter.cut(pl.concat([_between(folder, partition, bounds) for partition in partitions]))
        columns.write(done, folder.output(number))
        tenths.add(done)
        for lines in columns.lines(done.select(OUTPUT)):
            outputs.update(lines)
    for number in partitions:
        for lines in columns.lines(columns.read(folder.unranked(number)).select("family_id", "reason")):
            outputs.update(lines)
        folder.work(f"scored-{number}").unlink()
    return Result(
        input_digest=folder.input_digest(len(asked.states)),
        output_digest=outputs.hexdigest(),
        families=found.families,
        ranked=found.ranked,
        persons=sum(one.persons for one in tenths.made()),
        weight=found.weight,
        tenths=tenths.made(),
        unranked=dict(sorted(found.unranked.items())),
    )


def _score(folder: Folder, number: int, asked: Asked, model: Model) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the ranked and the other families of a partition, each kept in a file."""
    ranked, unranked = scoring.scored(columns.read(folder.input(number)), model)
    weight = pl.col("persons") if asked.basis == PERSONS else pl.lit(1, pl.Int64)
    ranked = ranked.with_columns(scoring.ties(asked.run_id, ranked["family_id"]), weight=weight)
    columns.write(unranked, folder.unranked(number))
    columns.write(ranked, folder.work(f"scored-{number}"))
    return ranked, unranked


def _stretches(found: _Scored, stretch: int) -> Iterator[tuple[Bound | None, Bound | None]]:
    """Yield from where to where each stretch goes, in the order of scores; None is the first and the last of all."""
    sample = sorted(found.sample)
    every = max(stretch // _SAMPLED, 1)
    inner = [sample[place] for place in range(every, len(sample), every)] if found.ranked > stretch else []
    yield from zip([None, *inner], [*inner, None], strict=True)


def _between(folder: Folder, partition: int, bounds: tuple[Bound | None, Bound | None]) -> pl.DataFrame:
    low, high = bounds
    inside = pl.lit(True)
    if low is not None:
        inside &= ~_below(low)
    if high is not None:
        inside &= _below(high)
    return pl.scan_ipc(folder.work(f"scored-{partition}")).filter(inside).collect()


def _below(bound: Bound) -> pl.Expr:
    score, tie = bound
    return (pl.col("score") < score) | ((pl.col("score") == score) & (pl.col("tie") < pl.lit(tie, pl.UInt64)))


def _by(frame: pl.DataFrame, name: str, what: pl.Expr) -> Mapping[str, int]:
    rows: list[tuple[Any, ...]] = frame.group_by(name).agg(what.alias("of")).rows()
    return {key: int(count) for key, count in rows}


class _Tenths:
    """What the stretches handed over have in each decile."""

    def __init__(self) -> None:
        self._found = [Tenth(0, 0, 0, 0)] * TENTHS

    def add(self, done: pl.DataFrame) -> None:
        """Take in a stretch; its scores are not below those of the stretches before."""
        told = done.group_by("decile").agg(
            pl.len(), pl.col("persons").sum(), pl.col("score").min().alias("low"), pl.col("score").max().alias("high")
        )
        for decile, families, persons, low, high in told.rows():
            before = self._found[decile - 1]
            lowest = before.lowest if before.families else low
            self._found[decile - 1] = Tenth(before.families + families, before.persons + persons, lowest, high)

    def made(self) -> tuple[Tenth, ...]:
        """Return the ten."""
        return tuple(self._found)
