"""Proofs made from tiles against the oracle, as long as one likes: the suite asks for a sample, the command for all.

`python -m tests.unit.merkle_at_length [--pairs N] [--sizes N] [--workers N]`: every pair of sizes 0..2,048, and a
million random (size, index) and (old, new) pairs over a tree of 140,000 leaves, ten of each kind for each random size;
shared out among two processes. Prints what it counted; ends with 1 at a difference.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from random import Random
from typing import TYPE_CHECKING

from schemas.merkle import consistency_holds, inclusion_holds, leaf_hash
from stream_processors.audit.proofs import Proofs
from stream_processors.audit.tree import Tree
from tests.unit.merkle_oracle import Oracle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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


def every_pair(sizes: int, part: int = 0, parts: int = 1) -> int:
    """Hold every inclusion and consistency proof of all sizes up to this one against the oracle; return how many.

    Of several `parts` each holds every `parts`-th size; together they hold all.
    """
    log, held = Log(sizes), 0
    mine = range(part, sizes + 1, parts)
    log.require_roots(mine)
    for size in mine:
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


def shared(work: Callable[..., int], parts: list[tuple[int, ...]]) -> tuple[int, float]:
    """Return how many proofs all parts held, each in a process of its own, and how many seconds that took."""
    begin = time.perf_counter()
    with ProcessPoolExecutor(len(parts), mp_context=get_context("spawn")) as pool:
        held = sum(pool.map(work, *zip(*parts, strict=True)))
    return held, time.perf_counter() - begin


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="merkle_at_length", description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--sizes", type=int, default=SIZES)
    parser.add_argument("--seed", type=int, default=6962)
    parser.add_argument("--workers", type=int, default=2)
    wanted = parser.parse_args(arguments)
    each = range(wanted.workers)
    held, seconds = shared(every_pair, [(wanted.sizes, part, wanted.workers) for part in each])
    print(f"{held:,} proofs, every pair of sizes 0..{wanted.sizes:,}: {seconds:.0f} s", flush=True)  # noqa: T201  the command's answer
    pairs = -(-wanted.pairs // wanted.workers)
    held, seconds = shared(random_pairs, [(pairs, LEAVES, wanted.seed + part) for part in each])
    print(f"{held:,} proofs of random pairs up to {LEAVES:,} leaves: {seconds:.0f} s")  # noqa: T201  the command's answer


if __name__ == "__main__":
    main(sys.argv[1:])
