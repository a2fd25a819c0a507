"""What a batch of entries makes of the log: the tree after it, and the files that grew.

Pure, and a value: a round that loses leaves the one before as it was. Must not know disks, topics or who signs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Self

from stream_processors.audit.entry import bundle_bytes, parse_bundle
from stream_processors.audit.tiles import TILE_WIDTH, entries_path, partial_width, tile_path
from stream_processors.audit.tree import Tree

ReadFile = Callable[[str], bytes]
"""Returns a placed file by its name below the log's directory."""
_LEAF: Final = b"\x00"


@dataclass(frozen=True, slots=True)
class Growth:
    """The tree, the entries of its open bundle, and, by name, every file that the last batch made or widened."""

    tree: Tree = field(default_factory=Tree)
    open_bundle: tuple[bytes, ...] = ()
    files: dict[str, bytes] = field(default_factory=dict)

    def grow(self, entries: Sequence[bytes]) -> Self:
        """Return the log with these entries after its own."""
        tree, tiles = self.tree.append([sha256(_LEAF + entry).digest() for entry in entries])
        files = {tile_path(tile.level, tile.index): tile.hashes for tile in tiles}
        unbundled = (*self.open_bundle, *entries)
        first = self.tree.size // TILE_WIDTH
        for place, start in enumerate(range(0, len(unbundled), TILE_WIDTH)):
            files[entries_path(first + place)] = bundle_bytes(unbundled[start : start + TILE_WIDTH])
        whole = len(unbundled) // TILE_WIDTH * TILE_WIDTH
        return type(self)(tree, unbundled[whole:], files if entries else {})

    @classmethod
    def from_files(cls, size: int, read: ReadFile) -> Self:
        """Return the log of a size from its placed files.

        Raises TileUnusable or EntryRefused for a file that is too short; nothing tells that what they hold is right.
        """
        tree = Tree.from_tiles(size, tile_reader(read))
        width = partial_width(size, 0)
        held = parse_bundle(read(entries_path(size // TILE_WIDTH))) if width else ()
        return cls(tree, held[:width])

    def open_bundle_is_sound(self) -> bool:
        """Tell whether the entries of the open bundle are those whose hashes the open tile holds."""
        hashes = b"".join(sha256(_LEAF + entry).digest() for entry in self.open_bundle)
        return hashes == (self.tree.edge[0] if self.tree.edge else b"")


def tile_reader(read: ReadFile) -> Callable[[int, int, int], bytes]:
    """Return what reads the first hashes of a tile from its placed file."""

    def read_tile(level: int, index: int, width: int) -> bytes:
        return read(tile_path(level, index))[: width * 32]

    return read_tile
