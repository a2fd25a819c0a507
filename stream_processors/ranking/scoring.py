"""Scores families by a model, column by column: a sum of whole millionths, so every machine gets the same.

Knows frames of variables' values; must not know where they come from, nor what a score is compared with.
"""

import hashlib
from typing import Final

import polars as pl

from stream_processors.ranking.model import OFFSET, Model, Term
from stream_processors.ranking.variables import MISSING

VARIABLE_MISSING: Final = "VARIABLE_MISSING"
CODE_UNKNOWN: Final = "CODE_UNKNOWN"
_TIE_BYTES: Final = 8


def scored(frame: pl.DataFrame, model: Model) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the families that have a score, with `score` in millionths, and the others, with the `reason` why not.

    A column for each of the model's variables holds values as `variables` has them. A family with a `reason` in the
    frame isn't scored; one whose values give no score gets VARIABLE_MISSING or CODE_UNKNOWN, with the first such
    variable of the model. Neither frame has the variables' columns, nor the ranked one a reason.
    """
    score = pl.sum_horizontal(
        pl.lit(model.intercept, pl.Int64), *[_effect(term) for term in model.terms], ignore_nulls=False
    )
    told = frame.with_columns(score=pl.when(pl.col("reason").is_null()).then(score))
    has = pl.col("score").is_not_null()
    ranked = told.filter(has).drop("reason", *model.variables)
    why = pl.coalesce(pl.col("reason"), *[_why(term) for term in model.terms])
    return ranked, told.filter(~has).with_columns(reason=why).drop("score", *model.variables)


def _effect(term: Term) -> pl.Expr:
    place = (pl.col(term.variable).cast(pl.Int16) + OFFSET).clip(0, len(term.effects) - 1)
    return pl.lit(pl.Series(term.effects, dtype=pl.Int64)).gather(place)


def _why(term: Term) -> pl.Expr:
    missing, unknown = f"{VARIABLE_MISSING}:{term.variable}", f"{CODE_UNKNOWN}:{term.variable}"
    told = pl.when(pl.col(term.variable) == MISSING).then(pl.lit(missing))
    return told.when(_effect(term).is_null()).then(pl.lit(unknown))


def tie(run_id: str, family_id: str) -> int:
    """Return what decides between equal scores: the first 64 bits of SHA-256 of family id and run id (guide 7)."""
    return int.from_bytes(_hash(family_id, run_id.encode()), "big")


def ties(run_id: str, family_ids: pl.Series) -> pl.Series:
    """Return `tie` of each family, as a column of that name."""
    run = run_id.encode()
    hashed = [_hash(family_id, run) for family_id in family_ids.to_list()]
    return pl.Series("tie", hashed, dtype=pl.Binary).bin.reinterpret(dtype=pl.UInt64, endianness="big")


def _hash(family_id: str, run: bytes) -> bytes:
    return hashlib.sha256(family_id.encode() + run).digest()[:_TIE_BYTES]
