"""Hashes and proofs against published figures and against an oracle that shares no code with them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.merkle import (
    EMPTY_ROOT,
    MOST_LEAVES,
    consistency_holds,
    inclusion_holds,
    leaf_hash,
    node_hash,
    tree_root,
)
from tests.unit import merkle_oracle
from tests.unit.merkle_oracle import Oracle

if TYPE_CHECKING:
    from collections.abc import Sequence

# The entries and roots that Certificate Transparency's implementations test themselves with, sizes 1 to 8.
PUBLISHED_ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
PUBLISHED_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PUBLISHED_PATH_OF_5_IN_8 = [
    "vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=",
    "yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA=",
    "037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=",
]
PUBLISHED_PROOF_FROM_2_TO_5 = [
    "Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=",
    "vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=",
]
ENTRIES = [b"%d" % number for number in range(300)]
ORACLE = Oracle(ENTRIES)
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
sizes = st.integers(1, len(ENTRIES))


def decoded(lines: Sequence[str]) -> list[bytes]:
    return [base64.b64decode(line) for line in lines]


def test_the_empty_tree_and_the_empty_entry_hash_to_the_published_values() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


def test_a_leaf_is_never_a_node_of_the_same_bytes() -> None:
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1])


@pytest.mark.parametrize("size", range(1, 9))
def test_the_published_entries_give_the_published_roots(size: int) -> None:
    leaves = [leaf_hash(entry) for entry in PUBLISHED_ENTRIES[:size]]
    assert tree_root(leaves).hex() == PUBLISHED_ROOTS[size - 1]


def test_the_published_inclusion_path_of_leaf_5_in_8_holds() -> None:
    root, path = bytes.fromhex(PUBLISHED_ROOTS[7]), decoded(PUBLISHED_PATH_OF_5_IN_8)
    assert inclusion_holds(leaf_hash(PUBLISHED_ENTRIES[5]), 5, 8, path, root)
    assert not inclusion_holds(leaf_hash(PUBLISHED_ENTRIES[4]), 5, 8, path, root)
    assert not inclusion_holds(leaf_hash(PUBLISHED_ENTRIES[5]), 4, 8, path, root)


def test_the_published_consistency_proof_from_2_to_5_holds() -> None:
    old, new = bytes.fromhex(PUBLISHED_ROOTS[1]), bytes.fromhex(PUBLISHED_ROOTS[4])
    proof = decoded(PUBLISHED_PROOF_FROM_2_TO_5)
    assert consistency_holds(2, old, 5, new, proof)
    assert not consistency_holds(2, new, 5, old, proof)
    assert not consistency_holds(3, old, 5, new, proof)


def test_a_root_alone_does_not_tell_its_size() -> None:
    # A proof may fit two sizes of one shape; what binds a root to its size is the checkpoint that names both.
    old, proof = bytes.fromhex(PUBLISHED_ROOTS[1]), decoded(PUBLISHED_PROOF_FROM_2_TO_5)
    assert consistency_holds(2, old, 6, bytes.fromhex(PUBLISHED_ROOTS[4]), proof)
    assert not consistency_holds(2, old, 6, bytes.fromhex(PUBLISHED_ROOTS[5]), proof)


def test_the_oracle_itself_gives_the_published_figures() -> None:
    oracle = Oracle(PUBLISHED_ENTRIES)
    assert [oracle.root(size).hex() for size in range(1, 9)] == PUBLISHED_ROOTS
    assert list(oracle.path(5, 8)) == decoded(PUBLISHED_PATH_OF_5_IN_8)
    assert list(oracle.proof(2, 5)) == decoded(PUBLISHED_PROOF_FROM_2_TO_5)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 64, 65, 300])
def test_the_last_leafs_path_has_a_hash_for_each_one_bit_of_its_index(size: int) -> None:
    path = ORACLE.path(size - 1, size)
    assert len(path) == (size - 1).bit_count()
    assert inclusion_holds(LEAVES[size - 1], size - 1, size, path, ORACLE.root(size))


@pytest.mark.parametrize(
    ("leaf", "index", "size", "path", "root"),
    [
        (LEAVES[0][:31], 0, 1, (), LEAVES[0][:31]),
        (LEAVES[0] + b"\0", 0, 1, (), LEAVES[0] + b"\0"),
        (b"", 0, 1, (), b""),
        (LEAVES[0], 1, 1, (), LEAVES[0]),
        (LEAVES[0], 0, 0, (), LEAVES[0]),
        (EMPTY_ROOT, 0, 0, (), EMPTY_ROOT),
        (LEAVES[0], -1, 1, (), LEAVES[0]),
        (LEAVES[1], -1, 2, (LEAVES[0],), ORACLE.root(2)),
        (LEAVES[0], 0, -1, (), LEAVES[0]),
        (LEAVES[0], 0, 2, (), ORACLE.root(2)),
        (LEAVES[0], 0, 2, (LEAVES[1][:31],), node_hash(LEAVES[0], LEAVES[1][:31])),
        (LEAVES[0], 0, 1, (LEAVES[1],), ORACLE.root(2)),
        (LEAVES[1], 0, 1, (LEAVES[0],), ORACLE.root(2)),
        (LEAVES[7], 3, 4, ORACLE.path(7, 8), ORACLE.root(8)),
        (LEAVES[0], 0, MOST_LEAVES + 1, ORACLE.path(0, 300), ORACLE.root(300)),
    ],
)
def test_an_ill_formed_inclusion_proof_is_refused(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    assert not inclusion_holds(leaf, index, size, path, root)


@pytest.mark.parametrize(
    ("old", "old_root", "new", "new_root", "proof"),
    [
        (0, ORACLE.root(1), 2, ORACLE.root(2), ()),
        (0, EMPTY_ROOT, 2, ORACLE.root(2), (LEAVES[0],)),
        (0, EMPTY_ROOT, 0, ORACLE.root(1), ()),
        (0, ORACLE.root(1), 0, ORACLE.root(1), ()),
        (3, ORACLE.root(3), 2, ORACLE.root(2), ()),
        (-1, ORACLE.root(1), 2, ORACLE.root(2), ()),
        (2, ORACLE.root(2), 2, ORACLE.root(3), ()),
        (2, ORACLE.root(2), 2, ORACLE.root(2), (LEAVES[0],)),
        (2, ORACLE.root(2), 4, ORACLE.root(4), ()),
        (3, ORACLE.root(3), 4, ORACLE.root(4), ()),
        (3, ORACLE.root(7), 4, ORACLE.root(8), ORACLE.proof(7, 8)),
        (1, LEAVES[0][:31], 2, node_hash(LEAVES[0][:31], LEAVES[1]), (LEAVES[1],)),
        (1, LEAVES[0], 2, node_hash(LEAVES[0], LEAVES[1][:31]), (LEAVES[1][:31],)),
        (2, ORACLE.root(2)[:31], 2, ORACLE.root(2)[:31], ()),
        (3, ORACLE.root(3), MOST_LEAVES + 1, ORACLE.root(4), ORACLE.proof(3, 4)),
    ],
)
def test_an_ill_formed_consistency_proof_is_refused(
    old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    assert not consistency_holds(old, old_root, new, new_root, proof)


def test_the_largest_tree_is_proved_and_one_leaf_more_is_refused() -> None:
    # given a path of the first leaf under 63 right siblings, which fits any size above 2^62
    siblings = [leaf_hash(b"sibling %d" % height) for height in range(63)]
    root = LEAVES[0]
    for sibling in siblings:
        root = node_hash(root, sibling)
    # then the bound alone decides
    for size, fits in ((MOST_LEAVES, True), (MOST_LEAVES + 1, False)):
        assert inclusion_holds(LEAVES[0], 0, size, siblings, root) is fits
        assert consistency_holds(1, LEAVES[0], size, root, siblings) is fits


def test_every_tree_begins_with_the_empty_one() -> None:
    assert consistency_holds(0, EMPTY_ROOT, 0, EMPTY_ROOT, ())
    assert consistency_holds(0, EMPTY_ROOT, 300, ORACLE.root(300), ())


@given(st.data())
def test_a_flipped_bit_anywhere_in_an_inclusion_proof_is_refused(data: st.DataObject) -> None:
    size = data.draw(sizes)
    index = data.draw(st.integers(0, size - 1))
    proof = [LEAVES[index], *ORACLE.path(index, size), ORACLE.root(size)]
    place = data.draw(st.integers(0, len(proof) - 1))
    proof[place] = flipped(proof[place], data.draw(st.integers(0, 255)))
    assert not inclusion_holds(proof[0], index, size, proof[1:-1], proof[-1])


@given(st.data())
def test_a_flipped_bit_anywhere_in_a_consistency_proof_is_refused(data: st.DataObject) -> None:
    new = data.draw(sizes)
    old = data.draw(st.integers(1, new))
    proof = [ORACLE.root(old), *ORACLE.proof(old, new), ORACLE.root(new)]
    place = data.draw(st.integers(0, len(proof) - 1))
    proof[place] = flipped(proof[place], data.draw(st.integers(0, 255)))
    assert not consistency_holds(old, proof[0], new, proof[-1], proof[1:-1])


@settings(max_examples=300)
@given(st.data())
def test_a_bent_inclusion_proof_is_judged_as_the_recursion_judges_it(data: st.DataObject) -> None:
    # given a proof that holds
    size = data.draw(sizes)
    index = data.draw(st.integers(0, size - 1))
    path, root = list(ORACLE.path(index, size)), ORACLE.root(size)
    # when its numbers, its hashes' order or number, or its root are bent
    bent_size, bent_index = data.draw(bent(size)), data.draw(bent(index))
    bent_path = data.draw(rearranged(path, [root, LEAVES[index], LEAVES[0]]))
    bent_root = data.draw(st.sampled_from([root, root, root, ORACLE.root(size - 1), LEAVES[index]]))
    holds = inclusion_holds(LEAVES[index], bent_index, bent_size, bent_path, bent_root)
    # then it holds exactly where PATH, walked backwards, says so, and never with other hashes
    assert holds == merkle_oracle.included(LEAVES[index], bent_index, bent_size, bent_path, bent_root)
    if holds:
        assert (bent_path, bent_root) == (path, root)
        assert (bent_index, bent_size) == (index, size) or bent_size != size


@settings(max_examples=300)
@given(st.data())
def test_a_bent_consistency_proof_is_judged_as_the_recursion_judges_it(data: st.DataObject) -> None:
    # given a proof that holds
    new = data.draw(sizes)
    old = data.draw(st.integers(0, new))
    proof, old_root, new_root = list(ORACLE.proof(old, new)), ORACLE.root(old), ORACLE.root(new)
    # when its numbers, its hashes' order or number, or its roots are bent
    bent_old, bent_new = data.draw(bent(old)), data.draw(bent(new))
    bent_proof = data.draw(rearranged(proof, [old_root, new_root, LEAVES[0]]))
    roots = st.sampled_from([(old_root, new_root)] * 3 + [(new_root, old_root), (old_root, LEAVES[1])])
    bent_roots = data.draw(roots)
    holds = consistency_holds(bent_old, bent_roots[0], bent_new, bent_roots[1], bent_proof)
    # then it holds exactly where PROOF, walked backwards, says so
    assert holds == merkle_oracle.consistent(bent_old, bent_roots[0], bent_new, bent_roots[1], bent_proof)


@given(st.data())
def test_no_proof_leads_from_another_history(data: st.DataObject) -> None:
    new = data.draw(sizes)
    old = data.draw(st.integers(1, new))
    changed = data.draw(st.integers(0, old - 1))
    other = Oracle([*ENTRIES[:changed], b"another", *ENTRIES[changed + 1 :]])
    for proof in (ORACLE.proof(old, new), other.proof(old, new)):
        assert not consistency_holds(old, ORACLE.root(old), new, other.root(new), proof)


def flipped(value: bytes, bit: int) -> bytes:
    return (int.from_bytes(value, "big") ^ (1 << bit)).to_bytes(len(value), "big")


def bent(number: int) -> st.SearchStrategy[int]:
    """The number itself, or one beside it, doubled, halved, with a low bit flipped or with a high one added."""
    others = (number + 1, number - 1, number * 2, number // 2, number ^ 2, number + 2**32, -number)
    return st.sampled_from((number, number, number, *others))


def rearranged(path: list[bytes], strangers: list[bytes]) -> st.SearchStrategy[list[bytes]]:
    """The path itself, cut at an end, lengthened by a stranger at an end, or turned round."""
    lengthened = [at for stranger in strangers for at in ([stranger, *path], [*path, stranger])]
    return st.sampled_from([path, path, path, path[1:], path[:-1], path[::-1], [], path + path, *lengthened])
