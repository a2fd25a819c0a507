"""Makes inclusion and consistency proofs for any size from tiles alone (RFC 6962 section 2.1).

Tiles are read through a callable, once each for a proof. It must not know where they are kept, nor verify anything.
"""

from schemas.merkle import EMPTY_ROOT, HASH_BYTES, MOST_LEAVES, node_hash, tree_root
from stream_processors.audit.tiles import TILE_HEIGHT, TILE_WIDTH, tile_width
from stream_processors.audit.tree import ReadTile, split_hashes, tile_hashes


def inclusion_path(size: int, index: int, read_tile: ReadTile) -> tuple[bytes, ...]:
    """Return the hashes that lead from leaf `index` to the root of the tree of this size, the leaf's sibling first.

    Raises ValueError for an index outside the tree, TileUnusable for a tile that is too short.
    """
    if not 0 <= index < size <= MOST_LEAVES:
        raise ValueError("an index is between 0 and the size less one")
    return tuple(_siblings(_Tiles(size, read_tile), 0, index))


def consistency_path(old: int, new: int, read_tile: ReadTile) -> tuple[bytes, ...]:
    """Return the hashes that show the tree of the old size to be the beginning of that of the new one.

    None for equal sizes and for the empty tree. Raises ValueError for old above new, TileUnusable for a short tile.
    """
    if not 0 <= old <= new <= MOST_LEAVES:
        raise ValueError("the old size is between 0 and the new one")
    if old in {0, new}:
        return ()
    tiles = _Tiles(new, read_tile)
    # The last complete subtree of the old tree that the new one keeps as a node: as high as the old size has low zeros.
    height = (old & -old).bit_length() - 1
    position = (old >> height) - 1
    start = [tiles.complete(height, position)] if position else []
    return (*start, *_siblings(tiles, height, position))


def root_from_tiles(size: int, read_tile: ReadTile) -> bytes:
    """Return the root of the tree of this size from its tiles; raises TileUnusable for a short one."""
    return _Tiles(size, read_tile).ragged(0) if size else EMPTY_ROOT


class _Tiles:
    """The nodes of the tree of one size, computed from its tiles; each tile is read once."""

    def __init__(self, size: int, read_tile: ReadTile) -> None:
        self.size = size
        self._read_tile = read_tile
        self._read: dict[tuple[int, int], bytes] = {}

    def node(self, height: int, position: int) -> bytes:
        """Return the node over leaves [position * 2^height, ...), as many as it has in this tree."""
        if (position + 1) << height <= self.size:
            return self.complete(height, position)
        return self.ragged(position << height)

    def complete(self, height: int, position: int) -> bytes:
        """Return the node over 2^height leaves, all of them in the tree, from the 2^(height mod 8) hashes below it."""
        level, above = divmod(height, TILE_HEIGHT)
        index, at = divmod(position << above, TILE_WIDTH)
        hashes = self._tile(level, index)[at * HASH_BYTES : (at + (1 << above)) * HASH_BYTES]
        return tree_root(split_hashes(hashes))

    def ragged(self, start: int) -> bytes:
        """Return the node over the leaves from start to the tree's end: its complete parts, joined from the right."""
        left, made = self.size, None
        while left > start:
            height = min((left & -left).bit_length(), (left - start).bit_length()) - 1
            left -= 1 << height
            part = self.complete(height, left >> height)
            made = part if made is None else node_hash(part, made)
        return made or EMPTY_ROOT

    def _tile(self, level: int, index: int) -> bytes:
        hashes = self._read.get((level, index))
        if hashes is None:
            width = tile_width(self.size, level, index)
            hashes = self._read[level, index] = tile_hashes(self._read_tile, level, index, width)
        return hashes


def _siblings(tiles: _Tiles, height: int, position: int) -> list[bytes]:
    """Return the sibling of each node on the way up from one to the root; at the right edge a node may have none."""
    siblings: list[bytes] = []
    last = (tiles.size - 1) >> height
    while last:
        sibling = position ^ 1
        if sibling <= last:
            siblings.append(tiles.node(height, sibling))
        height, position, last = height + 1, position >> 1, last >> 1
    return siblings
