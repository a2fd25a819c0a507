"""Which rounds win, and where each record stands in the tree: a rebuild by hand is the judge."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.merkle import EMPTY_ROOT
from schemas.records import PartitionCut, RoundOpened
from stream_processors.audit.rounds import (
    Round,
    RoundRefused,
    Span,
    Winners,
    index_of,
    place_of,
    record_bytes,
    spans,
    winners,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

ORIGIN = "jejak.example/audit/2026"


def opened(
    number: int, *cut: int, root: bytes | None = None, origin: str = ORIGIN, size: int | None = None
) -> RoundOpened:
    made = root or (bytes([sum(cut) % 256]) * 32 if sum(cut) else EMPTY_ROOT)
    ends = tuple(PartitionCut(partition=partition, end_offset=end) for partition, end in enumerate(cut))
    return RoundOpened(origin=origin, round=number, cut=ends, tree_size=sum(cut) if size is None else size, root=made)


def rounds_of(cuts: Sequence[Sequence[int]]) -> list[Round]:
    return list(winners(ORIGIN, [opened(number, *cut) for number, cut in enumerate(cuts)]))


@st.composite
def growing_cuts(draw: st.DrawFn) -> list[tuple[int, ...]]:
    partitions = draw(st.integers(1, 4))
    steps = draw(
        st.lists(st.lists(st.integers(0, 4), min_size=partitions, max_size=partitions), min_size=1, max_size=6)
    )
    cuts = [tuple(steps[0])]
    for step in steps[1:]:
        cuts.append(tuple(end + more for end, more in zip(cuts[-1], step, strict=True)))
    return cuts


def laid_out(cuts: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Every leaf's partition and offset in the order of the log, written down plainly."""
    return [
        (partition, offset)
        for before, after in pairwise([(0,) * len(cuts[0]), *cuts])
        for partition in range(len(after))
        for offset in range(before[partition], after[partition])
    ]


def test_the_first_record_of_a_round_number_wins_and_later_ones_lose() -> None:
    election = Winners(ORIGIN)
    first = election.offer(opened(7, 2, 0))
    assert first is not None
    assert (first.number, first.cut, first.size) == (7, (2, 0), 2)
    assert election.offer(opened(7, 3, 0)) is None
    second = election.offer(opened(8, 2, 1))
    assert second is not None
    # a sequencer that slept through both opens what it still believes to be next
    assert election.offer(opened(7, 5, 5)) is None
    assert election.offer(opened(8, 5, 5)) is None
    assert election.last == second


def test_another_logs_rounds_are_passed_over() -> None:
    assert [won.number for won in winners(ORIGIN, [opened(0, 1, origin="another.example/log"), opened(3, 1)])] == [3]


def test_an_election_goes_on_from_the_last_winner_it_is_given() -> None:
    election = Winners(ORIGIN, rounds_of([(1,), (2,)])[-1])
    assert election.offer(opened(1, 9)) is None
    with pytest.raises(RoundRefused, match="SHRUNK"):
        election.offer(opened(2, 1))
    assert election.offer(opened(2, 3)) is not None


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (opened(2, 5, 5), "GAP"),
        (opened(1, 5), "PARTITIONS"),
        (opened(1, 5, 5, 5), "PARTITIONS"),
        (opened(1), "PARTITIONS"),
        (opened(1, 5, 2), "SHRUNK"),
        (opened(1, 2, 6), "SHRUNK"),
        (opened(1, 5, 5, size=9), "SIZE"),
        (opened(1, 5, 5, size=11), "SIZE"),
        (opened(1, 9, -1), "SIZE"),
        (opened(1, 5, 5, root=bytes(31)), "ROOT"),
        (opened(1, 3, 3, root=bytes(32)), "ROOT"),
    ],
)
def test_a_first_record_that_cannot_follow_is_refused_by_its_fault(record: RoundOpened, code: str) -> None:
    election = Winners(ORIGIN)
    election.offer(opened(0, 3, 3))
    with pytest.raises(RoundRefused) as refused:
        election.offer(record)
    assert (refused.value.code, refused.value.number) == (code, record.round)


def test_partitions_out_of_order_are_refused() -> None:
    ends = (PartitionCut(partition=1, end_offset=0), PartitionCut(partition=0, end_offset=0))
    with pytest.raises(RoundRefused, match="PARTITIONS"):
        Round.of(RoundOpened(origin=ORIGIN, round=0, cut=ends, tree_size=0, root=EMPTY_ROOT))


def test_the_empty_tree_has_one_root() -> None:
    assert Round(0, (0, 0), 0, EMPTY_ROOT).size == 0
    with pytest.raises(RoundRefused, match="ROOT"):
        Round(0, (0, 0), 0, bytes(32))


def test_a_round_adds_its_leaves_by_partition_and_leaves_out_those_that_stood_still() -> None:
    first, second = rounds_of([(2, 0, 1), (2, 3, 4)])
    assert spans(None, first) == (Span(0, 0, 2), Span(2, 0, 1))
    assert spans(first, second) == (Span(1, 0, 3), Span(2, 1, 4))


def test_leaves_stand_by_round_then_partition_then_offset() -> None:
    rounds = rounds_of([(1, 1), (1, 1), (2, 3)])
    assert [place_of(rounds, index) for index in range(5)] == [(0, 0), (1, 0), (0, 1), (1, 1), (1, 2)]
    assert index_of(rounds, 0, 1) == 2


@given(growing_cuts())
def test_every_record_has_the_index_that_a_rebuild_by_hand_gives_it(cuts: list[tuple[int, ...]]) -> None:
    rounds, leaves = rounds_of(cuts), laid_out(cuts)
    assert [index_of(rounds, *place) for place in leaves] == list(range(len(leaves)))
    assert [place_of(rounds, index) for index in range(len(leaves))] == leaves
    assert rounds[-1].size == len(leaves)


@given(growing_cuts())
def test_what_no_round_holds_yet_has_no_index(cuts: list[tuple[int, ...]]) -> None:
    rounds = rounds_of(cuts)
    for partition, end in enumerate(cuts[-1]):
        assert index_of(rounds, partition, end) is None
    assert index_of(rounds, len(cuts[0]), 0) is None
    assert index_of(rounds, -1, 0) is None
    assert index_of(rounds, 0, -1) is None
    assert place_of(rounds, rounds[-1].size) is None
    assert place_of(rounds, -1) is None


def test_a_log_without_rounds_holds_nothing() -> None:
    assert index_of([], 0, 0) is None
    assert place_of([], 0) is None


def test_a_round_is_kept_as_size_cut_and_root_in_fixed_width() -> None:
    won = rounds_of([(1, 258)])[0]
    assert won.packed().hex() == "0000000000000103" + "0000000000000001" + "0000000000000102" + won.root.hex()
    assert len(won.packed()) == record_bytes(2)
    assert Round.unpacked(0, won.packed()) == won


@pytest.mark.parametrize("change", [b"", bytes(7), bytes(32), bytes(39), bytes(47)])
def test_bytes_that_are_no_kept_round_are_refused(change: bytes) -> None:
    with pytest.raises(RoundRefused, match="PARTITIONS"):
        Round.unpacked(0, change)


def test_a_kept_round_with_one_byte_changed_is_refused_or_another_round() -> None:
    packed = rounds_of([(1, 258)])[0].packed()
    for at in range(24):
        changed = packed[:at] + bytes([packed[at] ^ 1]) + packed[at + 1 :]
        with pytest.raises(RoundRefused, match="SIZE"):
            Round.unpacked(0, changed)
