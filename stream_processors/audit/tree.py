"""The growing tree: what has to be remembered to append leaves, tell the root and write each tile once.

That is the right edge, the partial tile of every level: at most 255 hashes a level. A tree is a value; appending gives
another, so whoever loses a round still has the one before. It must not know entries, files or topics.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from schemas.merkle import EMPTY_ROOT, HASH_BYTES, MOST_LEAVES, tree_root
from stream_processors.audit.tiles import TILE_BYTES, TILE_HEIGHT, hashes_at, partial_width, right_edge, tile_path

ReadTile = Callable[[int, int, int], bytes]
"""Gives the first `width` hashes, end to end, of the tile at a level and index; asked as (level, index, width)."""

_SIZE_BYTES: Final = 8


class TileUnusable(Exception):
    """A tile that was read has not the asked number of hashes; names level, index and width."""

    def __init__(self, level: int, index: int, width: int) -> None:
        super().__init__(f"tile {level}/{index} has not {width} hashes")
        self.level, self.index, self.width = level, index, width


@dataclass(frozen=True, slots=True)
class GrownTile:
    """A tile that a batch made or widened: all its hashes end to end, of which the first `old_width` stood before."""

    level: int
    index: int
    old_width: int
    hashes: bytes

    @property
    def width(self) -> int:
        """The number of hashes, 1 to 256; a tile of 256 is full and never changes again."""
        return len(self.hashes) // HASH_BYTES

    @property
    def path(self) -> str:
        """The path below the log's prefix, of the partial tile unless it is full."""
        return tile_path(self.level, self.index, self.width)

    @property
    def added(self) -> bytes:
        """The hashes that are new, end to end."""
        return self.hashes[self.old_width * HASH_BYTES :]


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree by its number of leaves and its right edge: for each level the hashes of its partial tile, end to end."""

    size: int = 0
    edge: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MOST_LEAVES:
            raise ValueError("a tree has 0 to 2^63-1 leaves")
        widths = tuple(partial_width(self.size, level) * HASH_BYTES for level in range(_levels(self.size)))
        if tuple(map(len, self.edge)) != widths:
            raise ValueError("the right edge is not that of a tree of this size")

    def append(self, leaf_hashes: Sequence[bytes]) -> tuple[Self, tuple[GrownTile, ...]]:
        """Return the tree with these leaves after its own, and every tile that grew, lower levels first.

        Raises ValueError when a hash has not 32 bytes.
        """
        if not set(map(len, leaf_hashes)) <= {HASH_BYTES}:
            raise ValueError("a leaf hash has 32 bytes")
        added, edge, grown = b"".join(leaf_hashes), list[bytes](), list[GrownTile]()
        for level in range(_levels(self.size + len(leaf_hashes))):
            before = self.edge[level] if level < len(self.edge) else b""
            tiles = _cut(before + added)
            first = hashes_at(self.size, level) >> TILE_HEIGHT
            if added:
                grown += _grown(level, first, len(before) // HASH_BYTES, tiles)
            full = tiles[:-1]
            edge.append(tiles[-1])
            added = b"".join(tree_root(split_hashes(tile)) for tile in full)
        return type(self)(self.size + len(leaf_hashes), tuple(edge)), tuple(grown)

    def root(self) -> bytes:
        """Return the 32-byte root; of the tree without leaves, EMPTY_ROOT."""
        row: list[bytes] = []
        for partial in self.edge:
            hashes = split_hashes(partial) + row
            row = [tree_root(hashes)] if hashes else []
        return row[0] if row else EMPTY_ROOT

    def to_bytes(self) -> bytes:
        """Return u64 size and the right edge from level 0 on, end to end; `from_bytes` gives the tree back."""
        return self.size.to_bytes(_SIZE_BYTES, "big") + b"".join(self.edge)

    @classmethod
    def from_bytes(cls, saved: bytes) -> Self:
        """Return the tree that `to_bytes` wrote; raises ValueError when these bytes are of none."""
        size = int.from_bytes(saved[:_SIZE_BYTES], "big")
        edge, at = list[bytes](), _SIZE_BYTES
        for level in range(_levels(size)):
            end = at + partial_width(size, level) * HASH_BYTES
            edge.append(saved[at:end])
            at = end
        if at != len(saved):
            raise ValueError("not the bytes of a tree")
        return cls(size, tuple(edge))

    @classmethod
    def from_tiles(cls, size: int, read_tile: ReadTile) -> Self:
        """Return the tree of a size from its partial tiles; raises TileUnusable. The root is still to be compared."""
        edge = [b""] * _levels(size)
        for name in right_edge(size):
            edge[name.level or 0] = tile_hashes(read_tile, name.level or 0, name.index, name.width)
        return cls(size, tuple(edge))


def split_hashes(hashes: bytes) -> list[bytes]:
    """Return hashes that stand end to end as a list."""
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]


def tile_hashes(read_tile: ReadTile, level: int, index: int, width: int) -> bytes:
    """Return the tile's hashes as they were read; raises TileUnusable when there are not `width` of them."""
    hashes = read_tile(level, index, width)
    if len(hashes) != width * HASH_BYTES:
        raise TileUnusable(level, index, width)
    return hashes


def _levels(size: int) -> int:
    return (size.bit_length() + TILE_HEIGHT - 1) // TILE_HEIGHT


def _cut(hashes: bytes) -> list[bytes]:
    """Return the full tiles and, last, what is left for the partial one, perhaps nothing."""
    return [hashes[at : at + TILE_BYTES] for at in range(0, len(hashes) + 1, TILE_BYTES)]


def _grown(level: int, first: int, old_width: int, tiles: list[bytes]) -> list[GrownTile]:
    """Return the tiles but an empty last one; only the first of them had hashes before."""
    return [
        GrownTile(level, first + place, 0 if place else old_width, tile) for place, tile in enumerate(tiles) if tile
    ]
