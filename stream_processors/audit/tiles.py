"""Tiles of the log by C2SP tlog-tiles v0.1.0: which there are at a size, how wide, and by what path they are served.

A tile is up to 256 hashes of one level; a hash of level l covers 256^l leaves. It must not know where tiles are kept.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from schemas.merkle import HASH_BYTES, MOST_LEAVES

TILE_WIDTH: Final = 256
TILE_HEIGHT: Final = 8
TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
LAST_LEVEL: Final = 63

_GROUP: Final = 1000
_NAME: Final = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<groups>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class TileName:
    """What a path names: a tile of a level or, without one, a bundle of entries; width is 256 unless it is partial."""

    level: int | None
    index: int
    width: int


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return the path below the log's prefix of a tile, full unless a width of 1 to 255 is given; raises ValueError."""
    if not 0 <= level <= LAST_LEVEL:
        raise ValueError("a level is between 0 and 63")
    return f"tile/{level}/{_groups(index)}{_partial(width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return the path below the log's prefix of a bundle of entries; width and errors as for a tile."""
    return f"tile/entries/{_groups(index)}{_partial(width)}"


def parse_tile_path(path: str) -> TileName | None:
    """Return what a path names, or None when it has not the one form that tile_path and entries_path write."""
    found = _NAME.fullmatch(path)
    if found is None:
        return None
    groups = found["groups"].replace("x", "").split("/")
    level = None if found["level"] == "entries" else int(found["level"])
    name = TileName(level, int("".join(groups)), int(found["width"] or TILE_WIDTH))
    return name if _lawful(name) and path == path_of(name) else None


def path_of(name: TileName) -> str:
    """Return the path of a tile or bundle; raises ValueError."""
    if name.level is None:
        return entries_path(name.index, name.width)
    return tile_path(name.level, name.index, name.width)


def hashes_at(size: int, level: int) -> int:
    """Return how many hashes the level has in a tree of this size: its complete subtrees of 256^level leaves."""
    return size >> (TILE_HEIGHT * level)


def partial_width(size: int, level: int) -> int:
    """Return the width of the level's partial tile in a tree of this size; 0 means that there is none."""
    return hashes_at(size, level) % TILE_WIDTH


def tile_width(size: int, level: int, index: int) -> int:
    """Return how many hashes the tile has in a tree of this size: 0 (it is not there) to 256."""
    return max(0, min(TILE_WIDTH, hashes_at(size, level) - index * TILE_WIDTH))


def right_edge(size: int) -> Iterator[TileName]:
    """Yield the partial tiles of a tree of this size, level 0 first; levels without one are passed over."""
    level = 0
    while hashes_at(size, level):
        if width := partial_width(size, level):
            yield TileName(level, hashes_at(size, level) // TILE_WIDTH, width)
        level += 1


def _lawful(name: TileName) -> bool:
    return 1 <= name.width <= TILE_WIDTH and name.index <= MOST_LEAVES and (name.level or 0) <= LAST_LEVEL


def _groups(index: int) -> str:
    """Return the index in groups of three digits, all but the last marked by an x."""
    if not 0 <= index <= MOST_LEAVES:
        raise ValueError("a tile's index is between 0 and 2^63-1")
    groups = f"{index % _GROUP:03}"
    while index := index // _GROUP:
        groups = f"x{index % _GROUP:03}/{groups}"
    return groups


def _partial(width: int) -> str:
    if not 1 <= width <= TILE_WIDTH:
        raise ValueError("a tile has 1 to 256 hashes")
    return "" if width == TILE_WIDTH else f".p/{width}"
