"""Which rows travel together, and which families are read together: nothing is lost, and no limit is passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.read_model import tables, writes
from consumers.read_model.batches import (
    BYTES_A_BATCH,
    BYTES_A_MIXED_BATCH,
    PARTITIONS_A_MIXED_BATCH,
    ROWS_A_BATCH,
    batches,
)
from consumers.read_model.rows import Write

if TYPE_CHECKING:
    from collections.abc import Sequence


def event(family: str, sequence: int, size: int = 100) -> Write:
    row = (family, sequence, 1, 1, bytes(size))
    return Write(tables.EVENT, (tables.bucket_of(family),), row, sequence)


def lives(family: str) -> Write:
    partition = ("KEMENDAGRI", "2025", "35.71.02")
    return Write(tables.FAMILY_IN_REGION, partition, ("35.71.02.1001", family, 0, "AKTIF"), 1)


def partitions(batch: Sequence[Write]) -> set[tuple[str, object]]:
    return {(write.table.name, write.partition) for write in batch}


def payload(batch: Sequence[Write]) -> int:
    return sum(len(value) for write in batch for value in write.values if isinstance(value, bytes))


families = st.text("abcd", min_size=4, max_size=4)
some_writes = st.lists(
    st.builds(event, families, st.integers(1, 50), st.sampled_from([0, 200, 1_200, 6_000, 80_000]))
    | st.builds(lives, families),
    max_size=200,
)
quick = settings(max_examples=50)


@given(some_writes)
@quick
def test_every_write_is_in_exactly_one_batch(chosen: list[Write]) -> None:
    sent = [id(write) for batch in batches(chosen) for write in batch]
    assert sorted(sent) == sorted(id(write) for write in chosen)


@given(some_writes)
@quick
def test_a_batch_over_several_partitions_stays_below_what_a_server_warns_of(chosen: list[Write]) -> None:
    for batch in batches(chosen):
        if len(partitions(batch)) > 1:
            assert len(partitions(batch)) <= PARTITIONS_A_MIXED_BATCH
            assert payload(batch) < BYTES_A_MIXED_BATCH
        else:
            assert len(batch) <= ROWS_A_BATCH
            assert payload(batch) <= BYTES_A_BATCH or len(batch) == 1


def test_many_rows_of_one_partition_are_one_mutation() -> None:
    (batch,) = batches([event("aaaa", sequence) for sequence in range(1, ROWS_A_BATCH + 1)])
    assert len(batch) == ROWS_A_BATCH


def test_single_rows_of_ten_partitions_travel_together() -> None:
    sizes = [len(batch) for batch in batches([event(f"{letter}aaa", 1) for letter in "abcdefghijklmnopqrst"])]
    assert sizes == [10, 10]


@given(st.lists(st.text("abcdefgh", min_size=26, max_size=26), unique=True, max_size=300))
def test_every_family_is_asked_for_once_in_its_bucket_and_no_read_is_too_wide(family_ids: list[str]) -> None:
    reads = list(writes._reads(family_ids))
    assert sorted(asked for _, found in reads for asked in found) == sorted(family_ids)
    for buckets, found in reads:
        assert {tables.bucket_of(family_id) for family_id in found} == set(buckets)
        assert len(found) <= writes.FAMILIES_A_READ
        assert len(buckets) * len(found) <= writes.PLACES_A_READ
