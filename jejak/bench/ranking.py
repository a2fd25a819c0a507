"""How fast a run is scored and cut, and in how much memory: synthetic families as columns, no servers.

Scored and cut in a process of its own, so that its memory is its own. Every family is invented.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from jejak.bench import corpus as corpora
from jejak.bench import profile
from jejak.bench.resident import peak
from jejak.bench.results import Result
from jejak.ranking import columns, computing
from jejak.ranking.run import FAMILIES, Asked, Folder
from schemas import catalogue, codec
from stream_processors.ranking import model_file
from stream_processors.ranking.model import Model
from stream_processors.ranking.standing import standing
from stream_processors.ranking.variables import CATALOGUE, NOT_ASKED

PARTITIONS: Final = 12
RUN: Final = "bench"
_AS_OF: Final = 1_767_225_600_000_000
_COUNTS: Final = 12
_NATION: Final = 95_000_000
_MEBI: Final = 1 << 20
_DISTRICT, _TIMES = 200, 50


def ranking(families: int) -> Iterator[Result]:
    """Yield what scoring and cutting so many synthetic families costs, and what the nation's would."""
    with tempfile.TemporaryDirectory() as place:
        variables = invent(Path(place), families)
        command = [sys.executable, "-m", "jejak.bench.ranking", place]
        told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    cpu = told["cpu"]
    note = f"{families:,} families in {PARTITIONS} partitions, {variables} variables, both percentiles"
    yield Result("rank.seconds", "scored and cut, by the clock", told["seconds"], "s", note)
    yield Result("rank.cpu", "scored and cut", cpu / families * 1e6, "CPU s per million", f"{cpu:.1f} CPU s in all")
    yield Result("rank.five", "5 million families", cpu / families * 5e6, "CPU s", "as measured, by the number")
    yield Result(
        "rank.memory", "peak of resident memory", told["peak"] / _MEBI, "MiB", f"{told['base'] / _MEBI:.0f} idle"
    )
    yield from standings(_DISTRICT)
    yield Result("rank.nation", f"{_NATION:,} families", cpu / families * _NATION / 60, "CPU min", "as measured")


def standings(families: int) -> Iterator[Result]:
    """Yield what it costs to make a row of a family's state and ground check, as bytes; Kafka's client left out."""
    corpus = corpora.taken(corpora.drafts(families))
    states: dict[str, bytes] = {}
    visits: dict[str, bytes] = {}
    for outputs in profile.outputs(corpus):
        for one in outputs:
            if one.topic == catalogue.FAMILIES_TOPIC:
                states[one.key.decode()] = one.value
            elif codec.name_of(codec.decode(one.value)) == "jejak.GroundCheckRecorded":
                visits[one.key.decode()] = one.value
    model = model_file.parse(model_file.shipped())
    given = [(state, visits[key]) for key, state in states.items() if key in visits] * _TIMES
    begun = time.process_time()
    rows = (standing(codec.decode(state), codec.decode(visit), model, _AS_OF) for state, visit in given)
    columns.digest(columns.frame((row for row in rows if row is not None), model.variables))
    each = (time.process_time() - begun) / len(given)
    note = f"{len(given):,} states with ground checks: decode both, {len(model.terms)} variables, columns, digest"
    yield Result("rank.read", "a run's input made of states and ground checks", each * 1e6, "CPU s per million", note)


def invent(place: Path, families: int) -> int:
    """Have a run's folder hold the input of so many invented families; return how many variables each has."""
    text = model_file.shipped()
    model = model_file.parse(text)
    folder = Folder(place, RUN)
    nothing = (0,) * PARTITIONS
    folder.begin(Asked(RUN, FAMILIES, _AS_OF, model.digest.hex(), "none", "none", nothing, nothing), text)
    for number in range(PARTITIONS):
        made = invented(number, families, model)
        columns.write(made, folder.input(number))
        folder.keep(number, columns.digest(made))
    return len(model.variables)


def invented(number: int, families: int, model: Model) -> pl.DataFrame:
    """Return the columns of one partition of invented families, the same every time."""
    index = pl.int_range(number, families, PARTITIONS, dtype=pl.UInt64, eager=True)
    told = pl.DataFrame({"index": index}).select(
        pl.Series("family_id", [hashlib.md5(b"%d" % one, usedforsecurity=False).hexdigest()[:26] for one in index]),
        pl.lit(10, pl.Int64).alias("sequence"),
        pl.format("KEMENDAGRI {}.{}", 11 + _drawn("province", 38), 10 + _drawn("district", 14)).alias("region"),
        (1 + _drawn("persons", 6)).cast(pl.Int64).alias("persons"),
        _drawn("before", 11).cast(pl.Int8).alias("before"),
        pl.when(_drawn("reason", 50) == 0).then(pl.lit("NO_MATCHED_MEMBER")).alias("reason"),
        *[_value(name).alias(name) for name in model.variables],
    )
    return told.sort("family_id")


def _drawn(what: str, many: int) -> pl.Expr:
    """Return numbers from 0 to below `many`, one for each index, of no pattern that matters here."""
    seed = int.from_bytes(hashlib.sha256(what.encode()).digest()[:4], "big") | 1
    return (pl.col("index") * (2 * seed + 1) + seed) // 977 % many


def _value(name: str) -> pl.Expr:
    variable = CATALOGUE[name]
    listed = sorted(variable.codes) or range(_COUNTS)
    table = pl.Series([*listed, NOT_ASKED] if variable.may_be_skipped else listed, dtype=pl.Int16)
    return pl.lit(table).gather(_drawn(name, len(table)))


def main() -> None:
    """Score and cut the run in a folder, and print what that took as JSON."""
    folder = Folder(Path(sys.argv[1]), RUN)
    asked = folder.asked()
    if asked is None:
        raise SystemExit("no run there")
    base, begun, cpu = peak(), time.perf_counter(), time.process_time()
    computing.compute(folder, asked, folder.model())
    told = {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu, "base": base, "peak": peak()}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
