"""The cut into ten against the guide's formula in plain Python, in one stretch or in many."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processors.ranking import deciles, scoring
from stream_processors.ranking.deciles import Cutter, NobodyRanked
from tests.unit import ranking_oracle as oracle

RUN = "2026-Q1"
REGIONS = ("KEMENDAGRI 35.71", "KEMENDAGRI 12.74", "BPS 3571")
FAMILIES = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 4), st.sampled_from(REGIONS)), min_size=1, max_size=60)


def family_id(number: int) -> str:
    return f"{number:026}"


def frame(families: list[tuple[int, int, str]]) -> pl.DataFrame:
    ids = pl.Series("family_id", [family_id(number) for number in range(len(families))])
    told = pl.DataFrame(families, schema={"score": pl.Int64, "weight": pl.Int64, "region": pl.String}, orient="row")
    return told.with_columns(ids, scoring.ties(RUN, ids))


def cutter(given_frame: pl.DataFrame) -> Cutter:
    local = given_frame.group_by("region").agg(pl.col("weight").sum())
    return Cutter(int(given_frame["weight"].sum()), dict(local.rows()))


def places(done: pl.DataFrame) -> dict[str, tuple[int, ...]]:
    told = done.select("family_id", "decile", "percentile", "local_percentile")
    return {family: tuple(place) for family, *place in told.rows()}


def expected(families: list[tuple[int, int, str]]) -> dict[str, tuple[int, ...]]:
    whole = [
        oracle.Family(family_id(number), region, weight, Fraction(score))
        for number, (score, weight, region) in enumerate(families)
    ]
    return {family: tuple(place) for family, place in oracle.places(whole, RUN).items()}


@given(FAMILIES)
def test_deciles_are_those_of_the_guides_formula_with_ties_and_weights_of_nothing(
    families: list[tuple[int, int, str]],
) -> None:
    whole = frame(families)
    if not whole["weight"].sum():
        with pytest.raises(NobodyRanked):
            cutter(whole)
        return
    assert places(cutter(whole).cut(whole)) == expected(families)


@given(FAMILIES, st.lists(st.integers(0, 60), max_size=4))
def test_where_stretches_begin_changes_nothing(families: list[tuple[int, int, str]], bounds: list[int]) -> None:
    whole = frame(families).sort(*deciles.ORDER)
    if not whole["weight"].sum():
        return
    cut, edges = cutter(whole), [0, *sorted(bounds), len(whole)]
    parts = [cut.cut(whole.slice(low, high - low)) for low, high in pairwise(edges) if low < high]
    assert places(pl.concat(parts)) == expected(families)


@given(FAMILIES, st.randoms(use_true_random=False))
def test_the_order_in_which_families_come_changes_nothing(families: list[tuple[int, int, str]], rng: object) -> None:
    whole = frame(families)
    if not whole["weight"].sum():
        return
    mixed = whole.sample(fraction=1, shuffle=True, seed=rng.randrange(1 << 30))  # type: ignore[attr-defined]
    assert cutter(whole).cut(mixed).equals(cutter(whole).cut(whole))


def test_one_family_alone_is_in_the_first_decile() -> None:
    whole = frame([(7, 1, REGIONS[0])])
    assert places(cutter(whole).cut(whole)) == {family_id(0): (1, 0, 0)}


def test_ten_families_of_one_score_fill_ten_deciles_in_the_order_of_their_hashes() -> None:
    whole = frame([(5, 1, REGIONS[0])] * 10)
    done = cutter(whole).cut(whole)
    assert done["decile"].to_list() == list(range(1, 11))
    assert done["tie"].is_sorted()
    assert done["tie"].to_list() == [scoring.tie(RUN, one) for one in done["family_id"]]


def test_another_run_breaks_ties_otherwise() -> None:
    ids = pl.Series([family_id(number) for number in range(50)])
    assert scoring.ties(RUN, ids).arg_sort().to_list() != scoring.ties("2026-Q2", ids).arg_sort().to_list()


def test_a_family_is_never_split_so_a_heavy_one_may_leave_deciles_empty() -> None:
    whole = frame([(1, 1, REGIONS[0]), (2, 8, REGIONS[0]), (3, 1, REGIONS[0])])
    assert [place[0] for place in places(cutter(whole).cut(whole)).values()] == [1, 2, 10]


def test_nobody_is_cut_out_of_nothing() -> None:
    with pytest.raises(NobodyRanked):
        Cutter(0, {})
