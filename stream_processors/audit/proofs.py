"""Makes inclusion and consistency proofs for any size from tiles alone (RFC 6962 section 2.1).

Tiles are read through a callable. It must not know where they are kept, nor verify anything.
"""

from functools import lru_cache
from typing import Final

from schemas.merkle import EMPTY_ROOT, MOST_LEAVES, node_hash, parents
from stream_processors.audit.tiles import TILE_HEIGHT, tile_width
from stream_processors.audit.tree import ReadTile, split_hashes, tile_hashes

KEPT_TILES: Final = 256


class Proofs:
    """Makes proofs over one set of tiles and keeps the last ones read, with the nodes inside them: 16 KiB each."""

    def __init__(self, read_tile: ReadTile, kept_tiles: int = KEPT_TILES) -> None:
        self._read_tile = read_tile
        self._rows = lru_cache(maxsize=kept_tiles)(self._read_rows)

    def inclusion(self, size: int, index: int) -> tuple[bytes, ...]:
        """Return the hashes that lead from leaf `index` to the root of the tree of a size, the leaf's sibling first.

        Raises ValueError for an index outside the tree, TileUnusable for a tile that has too few hashes or too many.
        """
        if not 0 <= index < size <= MOST_LEAVES:
            raise ValueError("an index is between 0 and the size less one")
        return tuple(self._siblings(size, 0, index))

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Return the hashes that show the tree of the old size to be the beginning of that of the new one.

        None for equal sizes and the empty tree. Raises ValueError for old above new, TileUnusable as for inclusion.
        """
        if not 0 <= old <= new <= MOST_LEAVES:
            raise ValueError("the old size is between 0 and the new one")
        if old in {0, new}:
            return ()
        # The old tree's last complete subtree, which is a node of the new tree: as high as the old size has low zeros.
        height = (old & -old).bit_length() - 1
        position = (old >> height) - 1
        start = [self._complete(new, height, position)] if position else []
        return (*start, *self._siblings(new, height, position))

    def root(self, size: int) -> bytes:
        """Return the root of the tree of a size; raises TileUnusable as for inclusion."""
        return self._ragged(size, 0) if size else EMPTY_ROOT

    def _siblings(self, size: int, height: int, position: int) -> list[bytes]:
        """Return the sibling of each node on the way from one to the root; at the right edge some have none."""
        siblings: list[bytes] = []
        last = (size - 1) >> height
        while last:
            sibling = position ^ 1
            if (sibling + 1) << height <= size:
                siblings.append(self._complete(size, height, sibling))
            elif sibling <= last:
                siblings.append(self._ragged(size, sibling << height))
            height, position, last = height + 1, position >> 1, last >> 1
        return siblings

    def _complete(self, size: int, height: int, position: int) -> bytes:
        """Return the node over the 2^height leaves from position * 2^height on, all of them in the tree."""
        level, row = divmod(height, TILE_HEIGHT)
        index, at = divmod(position, 1 << (TILE_HEIGHT - row))
        return self._rows(level, index, tile_width(size, level, index))[row][at]

    def _ragged(self, size: int, start: int) -> bytes:
        """Return the node over the leaves from start to the tree's end: its complete parts, joined from the right."""
        end, made = size, b""
        while end > start:
            height = (end & -end).bit_length() - 1
            end -= 1 << height
            part = self._complete(size, height, end >> height)
            made = node_hash(part, made) if made else part
        return made

    def _read_rows(self, level: int, index: int, width: int) -> list[list[bytes]]:
        """Return the tile's hashes and, row above row, the nodes over their pairs; an odd last one has none."""
        rows = [split_hashes(tile_hashes(self._read_tile, level, index, width))]
        for _ in range(1, TILE_HEIGHT):
            rows.append(parents(rows[-1]))
        return rows


def inclusion_path(size: int, index: int, read_tile: ReadTile) -> tuple[bytes, ...]:
    """Return one inclusion proof, as `Proofs.inclusion`; each tile is read once."""
    return Proofs(read_tile).inclusion(size, index)


def consistency_path(old: int, new: int, read_tile: ReadTile) -> tuple[bytes, ...]:
    """Return one consistency proof, as `Proofs.consistency`; each tile is read once."""
    return Proofs(read_tile).consistency(old, new)


def root_from_tiles(size: int, read_tile: ReadTile) -> bytes:
    """Return the root of the tree of a size from its tiles, as `Proofs.root`."""
    return Proofs(read_tile).root(size)
