"""Proofs made from tiles against the oracle, as long as one likes: the suite asks for a sample, the command for all.

`python -m tests.unit.merkle_at_length [--pairs N] [--sizes N]`: every pair of sizes 0..2,048, and a million random
(size, index) and (old, new) pairs over a tree of 140,000 leaves, ten of each kind for each random size. Prints what it
counted; ends with 1 at a difference.
"""

from __future__ import annotations

import argparse
import sys
import time
from random import Random
from typing import TYPE_CHECKING

from schemas.merkle import consistency_holds, inclusion_holds, leaf_hash
from stream_processors.audit.proofs import Proofs
from stream_processors.audit.tree import Tree
from tests.unit.merkle_oracle import Oracle

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAVES = 140_000
SIZES = 2_048
PAIRS = 1_000_000
OF_A_SIZE = 10


class Log:
    """A log of so many entries: its tiles kept as they grew, and the oracle over the same entries."""

    def __init__(self, leaves: int, batch: int = 1_000) -> None:
        self.entries = [b"entry %d" % number for number in range(leaves)]
        self.leaves = [leaf_hash(entry) for entry in self.entries]
        self.oracle = Oracle(self.entries)
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.tree = Tree()
        for start in range(0, leaves, batch):
            self.append(self.leaves[start : start + batch])
        self.proofs = Proofs(self.read_tile, kept_tiles=4_096)

    def append(self, leaves: list[bytes]) -> None:
        self.tree, grown = self.tree.append(leaves)
        for tile in grown:
            stood = self.tiles.get((tile.level, tile.index), b"")
            assert tile.hashes == stood + tile.added
            self.tiles[tile.level, tile.index] = tile.hashes

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        return self.tiles[level, index][: 32 * width]

    def require_inclusion(self, size: int, index: int) -> None:
        path = self.proofs.inclusion(size, index)
        assert path == self.oracle.path(index, size), (size, index)
        assert inclusion_holds(self.leaves[index], index, size, path, self.oracle.root(size)), (size, index)

    def require_consistency(self, old: int, new: int) -> None:
        proof = self.proofs.consistency(old, new)
        assert proof == self.oracle.proof(old, new), (old, new)
        assert consistency_holds(old, self.oracle.root(old), new, self.oracle.root(new), proof), (old, new)

    def require_roots(self, sizes: Iterable[int]) -> None:
        for size in sizes:
            root = self.oracle.root(size)
            assert self.proofs.root(size) == root, size
            assert Tree.from_tiles(size, self.read_tile).root() == root, size


def every_pair(sizes: int) -> int:
    """Hold every inclusion and consistency proof of all sizes up to this one against the oracle; return how many."""
    log, held = Log(sizes), 0
    log.require_roots(range(sizes + 1))
    for size in range(sizes + 1):
        for other in range(size):
            log.require_inclusion(size, other)
        for other in range(size + 1):
            log.require_consistency(other, size)
        held += 2 * size + 1
    return held


def random_pairs(pairs: int, leaves: int, seed: int) -> int:
    """Hold random pairs of both kinds over a larger tree against the oracle; return how many proofs."""
    log, draw = Log(leaves), Random(seed)  # noqa: S311  a repeatable choice of cases
    assert log.tree.root() == log.oracle.root(leaves)
    size = leaves
    for number in range(pairs):
        if number % OF_A_SIZE == 0:
            size = draw.randint(1, leaves)
        log.require_inclusion(size, draw.randrange(size))
        log.require_consistency(draw.randint(0, size), size)
    return 2 * pairs


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="merkle_at_length", description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--sizes", type=int, default=SIZES)
    parser.add_argument("--seed", type=int, default=6962)
    wanted = parser.parse_args(arguments)
    start = time.process_time()
    held = every_pair(wanted.sizes)
    print(f"{held:,} proofs, every pair of sizes 0..{wanted.sizes:,}: {time.process_time() - start:.0f} CPU s")  # noqa: T201  the command's answer
    start = time.process_time()
    held = random_pairs(wanted.pairs, LEAVES, wanted.seed)
    print(f"{held:,} proofs of random pairs up to {LEAVES:,} leaves: {time.process_time() - start:.0f} CPU s")  # noqa: T201  the command's answer


if __name__ == "__main__":
    main(sys.argv[1:])
