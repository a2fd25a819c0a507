"""A run's input as columns: one file for each partition, its rows in the order of family ids.

Knows frames and files; must not know Kafka, nor what a value means.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import polars as pl

from stream_processors.ranking.standing import Standing

CHUNK: Final = 50_000
_FIXED: Final = {
    "family_id": pl.String,
    "sequence": pl.Int64,
    "region": pl.String,
    "persons": pl.Int64,
    "before": pl.Int8,
    "reason": pl.String,
}


def schema(variables: Sequence[str]) -> dict[str, Any]:
    """Return the columns of an input and their types."""
    return {**_FIXED, **dict.fromkeys(variables, pl.Int16)}


def frame(standings: Iterable[Standing], variables: Sequence[str]) -> pl.DataFrame:
    """Return the standings as a frame in the order of family ids; rows are held as columns, never all as objects."""
    chunks = [_chunk((), variables)]
    rows = iter(standings)
    while some := tuple(islice(rows, CHUNK)):
        chunks.append(_chunk(some, variables))
    return pl.concat(chunks).sort("family_id")


def _chunk(standings: Sequence[Standing], variables: Sequence[str]) -> pl.DataFrame:
    wanted = schema(variables)
    if not standings:
        return pl.DataFrame(schema=wanted)
    by_column = [*list(zip(*standings, strict=True))[:-1], *zip(*[one.values for one in standings], strict=True)]
    kinds = wanted.items()
    return pl.DataFrame([pl.Series(name, held, kind) for (name, kind), held in zip(kinds, by_column, strict=True)])


def lines(one: pl.DataFrame) -> Iterator[bytes]:
    """Yield the rows of a frame as lines of CSV without heads, many at a time: what digests are taken of."""
    for stretch in one.iter_slices(CHUNK):
        yield stretch.write_csv(include_header=False).encode()


def digest(one: pl.DataFrame) -> str:
    """Return the SHA-256, in hex, of a frame's lines."""
    taken = hashlib.sha256()
    for some in lines(one):
        taken.update(some)
    return taken.hexdigest()


def write(one: pl.DataFrame, path: Path) -> None:
    """Have the file hold the frame, whole or not at all."""
    beside = path.with_name(path.name + ".part")
    one.write_ipc(beside)
    beside.replace(path)


def read(path: Path) -> pl.DataFrame:
    """Return the frame in a file."""
    return pl.read_ipc(path)
