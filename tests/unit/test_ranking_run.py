"""A run from kept columns to changes: against plain Python row by row, the same bytes again, resumed, published."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import TYPE_CHECKING

import polars as pl
import pytest

from identity.references import ReferenceKey
from jejak.bench import ranking as bench
from jejak.ranking import changes, columns, computing, job
from jejak.ranking.run import FAMILIES, PERSONS, Asked, Folder, RunRefused
from schemas import codec
from stream_processors.ranking import model_file
from stream_processors.ranking.variables import MISSING
from tests.unit import ranking_oracle as oracle

if TYPE_CHECKING:
    from pathlib import Path

MODEL = model_file.parse(model_file.shipped())
KEY = ReferenceKey(bytes(32))
RUN, COUNT, PARTS = "2026-Q1", 3_000, 3
NOTHING = (0,) * PARTS


def asked(basis: str = FAMILIES, run_id: str = RUN) -> Asked:
    return Asked(run_id, basis, 1_767_225_600_000_000, MODEL.digest.hex(), "families", "events", NOTHING, NOTHING)


def drawn_nation() -> list[pl.DataFrame]:
    """Return the columns of a nation in three partitions: some values missing, some codes unknown to the model."""
    rng = random.Random(7)  # noqa: S311  a drawn nation, no secret
    whole = pl.concat([bench.invented(number, COUNT, MODEL) for number in range(bench.PARTITIONS)])
    for name in rng.sample(MODEL.variables, 6):
        spoilt = [rng.choice([MISSING, 99]) if rng.random() < 0.02 else None for _ in range(len(whole))]
        whole = whole.with_columns(pl.coalesce(pl.Series(spoilt, dtype=pl.Int16), pl.col(name)).alias(name))
    return [whole.slice(number * COUNT // PARTS, COUNT // PARTS).sort("family_id") for number in range(PARTS)]


def begun(place: Path, nation: list[pl.DataFrame], which: Asked) -> Folder:
    folder = Folder(place, which.run_id)
    folder.begin(which, model_file.shipped())
    for number, frame in enumerate(nation):
        columns.write(frame, folder.input(number))
        folder.keep(number, columns.digest(frame))
    return folder


NATION = drawn_nation()


@pytest.mark.parametrize(("basis", "stretch"), [(FAMILIES, 1_000_000), (PERSONS, 1_000_000), (PERSONS, 500)])
def test_every_familys_score_and_place_are_those_of_a_few_lines_of_plain_python(
    basis: str, stretch: int, tmp_path: Path
) -> None:
    which = asked(basis)
    folder = begun(tmp_path, NATION, which)
    result = computing.compute(folder, which, MODEL, stretch)
    families, without = [], set()
    for row in pl.concat(NATION).iter_rows(named=True):
        score = None if row["reason"] else oracle.score(model_file.shipped(), row)
        if score is None:
            without.add(row["family_id"])
            continue
        weight = row["persons"] if basis == PERSONS else 1
        families.append(oracle.Family(row["family_id"], row["region"], weight, score))
    places = oracle.places(families, RUN)
    scores = {one.family_id: one.score for one in families}
    found = {}
    for number in range(len(list(folder.path.glob("ranked-*")))):
        for row in columns.read(folder.output(number)).iter_rows(named=True):
            found[row["family_id"]] = oracle.Place(row["decile"], row["percentile"], row["local_percentile"])
            assert Fraction(row["score"], 1_000_000) == scores[row["family_id"]]
    assert found == places
    assert {row.family_id for row in changes.rows(folder, which, changed_only=False) if row.decile is None} == without
    assert (result.ranked, sum(result.unranked.values())) == (len(places), len(without))
    assert result.weight == sum(one.weight for one in families)
    assert [tenth.families for tenth in result.tenths] == [
        sum(place.decile == number for place in places.values()) for number in range(1, 11)
    ]
    assert not list(folder.path.glob("work-*"))


def test_a_family_without_a_score_says_the_first_variable_that_it_lacks(tmp_path: Path) -> None:
    first, second = MODEL.variables[:2]
    one = NATION[0].filter(pl.col("reason").is_null()).head(4)
    spoilt = one.with_columns(
        pl.Series(first, [MISSING, 1, 1, 1], dtype=pl.Int16),
        pl.Series(second, [MISSING, MISSING, 0, 0], dtype=pl.Int16),
    ).with_columns(head_sex=pl.Series([1, 1, 99, 1], dtype=pl.Int16))
    which = asked()
    folder = begun(tmp_path, [spoilt, spoilt.clear(), spoilt.clear()], which)
    computing.compute(folder, which, MODEL)
    told = {row.family_id: row.reason for row in changes.rows(folder, which, changed_only=False)}
    reasons = [told[family] for family in spoilt["family_id"]]
    assert reasons[:3] == [f"VARIABLE_MISSING:{first}", f"VARIABLE_MISSING:{second}", "CODE_UNKNOWN:head_sex"]


def test_computing_again_gives_the_same_bytes_and_another_stretch_too(tmp_path: Path) -> None:
    which = asked()
    folder = begun(tmp_path / "first", NATION, which)
    result = computing.compute(folder, which, MODEL)
    again = job.recomputed(job.Run(folder, which, MODEL, result), tmp_path / "again")
    assert again == result
    third = begun(tmp_path / "third", NATION, which)
    assert computing.compute(third, which, MODEL, stretch=700).output_digest == result.output_digest


def test_another_run_id_basis_or_answer_gives_another_digest(tmp_path: Path) -> None:
    digests = set()
    for number, (which, nation) in enumerate(
        [
            (asked(), NATION),
            (asked(PERSONS), NATION),
            (asked(run_id="2026-Q2"), NATION),
            (asked(), [NATION[0].with_columns(pl.lit(3, pl.Int16).alias("cattle")), *NATION[1:]]),
        ]
    ):
        digests.add(computing.compute(begun(tmp_path / str(number), nation, which), which, MODEL).output_digest)
    assert len(digests) == 4


def test_a_run_in_which_nobody_has_a_score_is_refused_and_says_why(tmp_path: Path) -> None:
    which = asked()
    nobody = [frame.with_columns(reason=pl.lit("GROUND_CHECK_MISSING")) for frame in NATION]
    with pytest.raises(RunRefused, match=r"NOBODY_RANKED.*GROUND_CHECK_MISSING 3,000"):
        computing.compute(begun(tmp_path, nobody, which), which, MODEL)


def test_a_run_over_no_family_at_all_is_refused(tmp_path: Path) -> None:
    which = asked()
    with pytest.raises(RunRefused, match="NOBODY_RANKED"):
        computing.compute(begun(tmp_path, [frame.clear() for frame in NATION], which), which, MODEL)


def test_changes_are_the_same_every_time_and_say_run_model_and_position_in_time(tmp_path: Path) -> None:
    which = asked()
    folder = begun(tmp_path, NATION, which)
    computing.compute(folder, which, MODEL)
    make = changes.maker(which, MODEL, KEY, "operator")
    rows = list(changes.rows(folder, which, changed_only=False))
    first, second = make(rows), make(list(changes.rows(folder, which, changed_only=False)))
    assert first == second
    assert len({one.change_id for one in first}) == len(first) == COUNT
    for one, row in zip(first, rows, strict=True):
        record = codec.decode(one.value)
        assert (record.run_id, record.basis, record.scope) == (RUN, FAMILIES, "NATIONAL")
        assert (record.decile, record.percentile, record.unranked_reason) == (row.decile, row.percentile, row.reason)
        assert (record.header.agency, record.header.occurred_at) == ("bps", which.as_of)
        assert (record.model_version, record.dpia_id) == (MODEL.version, MODEL.dpia_id)
        assert (record.decile is None) == (record.unranked_reason is not None)


def test_only_changed_deciles_are_those_that_differ_from_before(tmp_path: Path) -> None:
    which = asked()
    folder = begun(tmp_path, NATION, which)
    computing.compute(folder, which, MODEL)
    before = {row["family_id"]: row["before"] for row in pl.concat(NATION).iter_rows(named=True)}
    whole = list(changes.rows(folder, which, changed_only=False))
    some = list(changes.rows(folder, which, changed_only=True))
    assert some == [row for row in whole if (row.decile or 0) != before[row.family_id]]
    assert 0 < len(some) < len(whole)


def test_a_family_that_no_run_ever_spoke_of_is_told_that_it_has_no_decile(tmp_path: Path) -> None:
    which = asked()
    never = [frame.with_columns(before=pl.lit(-1, pl.Int8)) for frame in NATION]
    folder = begun(tmp_path, never, which)
    computing.compute(folder, which, MODEL)
    assert sum(1 for _ in changes.rows(folder, which, changed_only=True)) == COUNT


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 64, "spasi di", "a\n"])
def test_a_runs_name_is_never_a_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(RunRefused, match="RUN_ID"):
        Folder(tmp_path, name)
