"""Cuts ranked families into ten, nationally, and says where each stands within its kabupaten or kota.

`desil = min(10, floor(10*W/T) + 1)`, W the weight of all families before this one and T that of all (domain guide 7);
a family is never split. The percentile is floor(10000*W/T) hundredths, the local one the same among the families of
one kabupaten or kota. Whole numbers throughout. Must not know models or runs.
"""

from collections.abc import Mapping
from typing import Final

import polars as pl

ORDER: Final = ("score", "tie", "family_id")
"""From the lowest: by score, then by the hash of family and run; the id decides between equal hashes."""
TENTHS, HUNDREDTHS = 10, 10_000


class NobodyRanked(Exception):
    """No family has a score, or all of them together weigh nothing: there is nothing to cut."""


class Cutter:
    """Cuts families handed over in stretches of one order, from the lowest score up; keeps the weight before each.

    `total` is the weight of all of them, `local` that of each kabupaten or kota.
    """

    def __init__(self, total: int, local: Mapping[str, int]) -> None:
        if total <= 0:
            raise NobodyRanked
        self._total = total
        self._before = 0
        self._local = pl.DataFrame(
            {"region": list(local), "of": list(local.values()), "passed": [0] * len(local)},
            schema={"region": pl.String, "of": pl.Int64, "passed": pl.Int64},
        )

    def cut(self, stretch: pl.DataFrame) -> pl.DataFrame:
        """Return the next families, in their order, with `decile`, `percentile` and `local_percentile`.

        The frame has the columns of ORDER, `weight` (Int64) and `region`, each region one of `local`.
        """
        ordered = stretch.sort(*ORDER).join(self._local, on="region", how="left", maintain_order="left")
        weight = pl.col("weight")
        before = weight.cum_sum() - weight + self._before
        nearby = weight.cum_sum().over("region") - weight + pl.col("passed")
        told = ordered.with_columns(
            decile=_share(before, pl.lit(self._total), TENTHS, TENTHS - 1) + 1,
            percentile=_share(before, pl.lit(self._total), HUNDREDTHS, HUNDREDTHS),
            local_percentile=_share(nearby, pl.col("of"), HUNDREDTHS, HUNDREDTHS),
        )
        self._pass(ordered)
        return told.drop("of", "passed")

    def _pass(self, ordered: pl.DataFrame) -> None:
        self._before += int(ordered["weight"].sum())
        here = ordered.group_by("region").agg(pl.col("weight").sum().alias("here"))
        joined = self._local.join(here, on="region", how="left", maintain_order="left")
        self._local = joined.select("region", "of", passed=pl.col("passed") + pl.col("here").fill_null(0))


def _share(before: pl.Expr, total: pl.Expr, parts: int, most: int) -> pl.Expr:
    """Return floor(parts*before/total), at most `most`; where the whole weighs nothing, `most`."""
    share = pl.when(total > 0).then(before * parts // pl.max_horizontal(total, pl.lit(1))).otherwise(most)
    return share.clip(0, most)
