"""The growing tree, its tiles and the proofs from them against the oracle, at every size up to 2,048."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.merkle import EMPTY_ROOT, leaf_hash, tree_root
from stream_processors.audit.proofs import Proofs, consistency_path, inclusion_path, root_from_tiles
from stream_processors.audit.tree import TileUnusable, Tree
from tests.unit.merkle_at_length import Log, every_pair, random_pairs

SIZES = 2_048


@pytest.fixture(scope="module")
def log() -> Log:
    return Log(SIZES, batch=77)


def test_the_root_of_every_size_up_to_2048_is_the_oracles(log: Log) -> None:
    log.require_roots(range(SIZES + 1))


def test_the_root_over_leaf_hashes_alone_is_the_oracles(log: Log) -> None:
    for size in [*range(520), 1_023, 1_024, 1_025, 2_047, 2_048]:
        assert tree_root(log.leaves[:size]) == log.oracle.root(size)


def test_a_tree_that_grows_leaf_by_leaf_has_the_oracles_root_at_every_size(log: Log) -> None:
    tree = Tree()
    assert tree.root() == EMPTY_ROOT
    for size, leaf in enumerate(log.leaves, start=1):
        tree, _ = tree.append([leaf])
        assert tree.root() == log.oracle.root(size)


def test_proofs_of_every_size_up_to_2048_are_the_oracles_and_hold(log: Log) -> None:
    draw = Random(6962)  # noqa: S311  a repeatable choice of cases
    for size in range(1, SIZES + 1):
        for index in {0, size - 1, size // 2, draw.randrange(size), draw.randrange(size)}:
            log.require_inclusion(size, index)
        for old in {0, 1, size, size - 1, 1 << (size.bit_length() - 1), draw.randint(0, size), draw.randint(0, size)}:
            log.require_consistency(old, size)


def test_every_pair_of_sizes_up_to_70_gives_the_oracles_proofs() -> None:
    assert every_pair(70) == 71 * 71


def test_random_proofs_over_three_levels_of_tiles_are_the_oracles() -> None:
    assert random_pairs(300, 66_000, seed=1) == 600


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 600), max_size=8))
def test_batches_of_any_size_make_the_same_tree_and_tiles(batches: list[int]) -> None:
    leaves = [leaf_hash(b"%d" % number) for number in range(sum(batches))]
    # given the leaves at once
    whole, grown = Tree().append(leaves)
    # when they come in batches
    tree, at = Tree(), 0
    tiles: dict[tuple[int, int], bytes] = {}
    for batch in batches:
        before = tree.size
        tree, touched = tree.append(leaves[at : at + batch])
        at += batch
        # then each tile goes on where it stood
        for tile in touched:
            stood = tiles.get((tile.level, tile.index), b"")
            assert (tile.hashes[: tile.old_width * 32], tile.width > tile.old_width) == (stood, True)
            assert tile.added == tile.hashes[len(stood) :]
            tiles[tile.level, tile.index] = tile.hashes
        assert tree.size == before + batch
    # and all is the same in the end
    assert tree == whole
    assert tiles == {(tile.level, tile.index): tile.hashes for tile in grown}


def test_a_batch_gives_every_tile_it_touched_children_first() -> None:
    leaves = [leaf_hash(b"%d" % number) for number in range(70_000)]
    tree, _ = Tree().append(leaves[:250])
    _, grown = tree.append(leaves[250:])
    assert [(tile.level, tile.index) for tile in grown] == [
        *((0, index) for index in range(274)),
        (1, 0),
        (1, 1),
        (2, 0),
    ]
    assert [(grown[place].old_width, grown[place].width) for place in (0, 1, 273, 275, 276)] == [
        (250, 256),
        (0, 256),
        (0, 112),
        (0, 17),
        (0, 1),
    ]
    assert grown[273].path == "tile/0/273.p/112"
    assert grown[0].path == "tile/0/000"


def test_appending_nothing_changes_nothing_and_grows_no_tile(log: Log) -> None:
    tree, _ = Tree().append(log.leaves)
    assert tree.append([]) == (tree, ())


def test_who_loses_a_round_still_has_the_tree_before_it(log: Log) -> None:
    before, _ = Tree().append(log.leaves[:300])
    lost, _ = before.append([leaf_hash(b"lost")])
    won, _ = before.append(log.leaves[300:400])
    assert lost.root() != won.root() == log.oracle.root(400)
    assert before.root() == log.oracle.root(300)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 2_048])
def test_a_saved_tree_is_read_back_equal_and_grows_on(log: Log, size: int) -> None:
    tree, _ = Tree().append(log.leaves[:size])
    saved = Tree.from_bytes(tree.to_bytes())
    assert saved == tree == Tree.from_tiles(size, log.read_tile)
    assert saved.append(log.leaves[size:])[0].root() == log.oracle.root(SIZES)


@pytest.mark.parametrize("change", [lambda saved: saved[:-1], lambda saved: saved + b"\0", lambda saved: b""])
def test_bytes_that_are_no_saved_tree_are_refused(log: Log, change: object) -> None:
    saved = Tree().append(log.leaves[:300])[0].to_bytes()
    broken = change(saved)  # type: ignore[operator]
    if broken:
        with pytest.raises(ValueError, match="tree"):
            Tree.from_bytes(broken)


def test_a_saved_tree_of_an_impossible_size_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves"):
        Tree.from_bytes(b"\xff" * 8 + bytes(32 * 255 * 8))


def test_a_tree_whose_edge_does_not_fit_its_size_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="right edge"):
        Tree(2, (bytes(32),))


def test_a_leaf_hash_of_31_bytes_is_not_appended() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Tree().append([bytes(32), bytes(31)])


@pytest.mark.parametrize(("size", "index"), [(0, 0), (5, 5), (5, -1), (-1, 0)])
def test_no_path_is_made_for_an_index_outside_the_tree(log: Log, size: int, index: int) -> None:
    with pytest.raises(ValueError, match="index"):
        inclusion_path(size, index, log.read_tile)


@pytest.mark.parametrize(("old", "new"), [(2, 1), (-1, 1)])
def test_no_proof_is_made_from_a_larger_or_negative_size(log: Log, old: int, new: int) -> None:
    with pytest.raises(ValueError, match="old size"):
        consistency_path(old, new, log.read_tile)


def test_a_tile_that_is_too_short_is_named(log: Log) -> None:
    def short(level: int, index: int, width: int) -> bytes:
        hashes = log.read_tile(level, index, width)
        return hashes[:-1] if (level, index) == (0, 1) else hashes

    with pytest.raises(TileUnusable, match="0/1"):
        root_from_tiles(300, short)


def test_a_proof_asks_for_each_tile_once_and_only_as_wide_as_its_size_has_it(log: Log) -> None:
    asked: list[tuple[int, int, int]] = []

    def read_tile(level: int, index: int, width: int) -> bytes:
        asked.append((level, index, width))
        return log.read_tile(level, index, width)

    inclusion_path(700, 3, read_tile)
    assert sorted(asked) == [(0, 0, 256), (0, 2, 188), (1, 0, 2)]


def test_many_proofs_over_the_same_tiles_read_each_once(log: Log) -> None:
    asked: list[tuple[int, int, int]] = []

    def read_tile(level: int, index: int, width: int) -> bytes:
        asked.append((level, index, width))
        return log.read_tile(level, index, width)

    proofs = Proofs(read_tile)
    for index in range(700):
        assert proofs.inclusion(700, index) == log.oracle.path(index, 700)
    assert len(asked) == len(set(asked)) == 4
