"""What a path of the log asks for (C2SP tlog-tiles v0.1.0). Pure; must not know files or HTTP.

A path is taken apart into numbers and files are named from numbers alone, so that no path reaches another file.
"""

import re
from dataclasses import dataclass
from typing import Final

FULL: Final = 256
_LEVELS: Final = 64
# Seven groups of three digits hold any 64-bit number.
_TILE: Final = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class NewestCheckpoint:
    """The newest published signed note."""


@dataclass(frozen=True, slots=True)
class HashTile:
    """The first `width` hashes of a tile, 1 to 256."""

    level: int
    index: int
    width: int

    def published(self, size: int) -> bool:
        """Return whether a tree of so many leaves has all of these hashes."""
        return (self.index * FULL + self.width) << (8 * self.level) <= size

    def name(self) -> str:
        """Return the file that grows into the full tile."""
        return f"tile/{self.level}/{index_path(self.index)}"


@dataclass(frozen=True, slots=True)
class EntryBundle:
    """The first `width` entries of a bundle, 1 to 256."""

    index: int
    width: int

    def published(self, size: int) -> bool:
        """Return whether a tree of so many leaves has all of these entries."""
        return self.index * FULL + self.width <= size

    def name(self) -> str:
        """Return the file that grows into the full bundle."""
        return f"tile/entries/{index_path(self.index)}"


@dataclass(frozen=True, slots=True)
class RoundIndex:
    """The records of the rounds that won."""


@dataclass(frozen=True, slots=True)
class RoundIndexHead:
    """What the record of a round holds."""


Resource = NewestCheckpoint | HashTile | EntryBundle | RoundIndex | RoundIndexHead
_SINGLE: Final[dict[str, Resource]] = {
    "checkpoint": NewestCheckpoint(),
    "rounds": RoundIndex(),
    "rounds.head": RoundIndexHead(),
}


def index_path(index: int) -> str:
    """Return a tile's number in groups of three digits, all but the last with `x`: 1234067 is `x001/x234/067`."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    return "/".join(groups)


def asked(path: str) -> Resource | None:
    """Return what a path below the log's prefix asks for; None when it is not one, written in the one lawful way."""
    if path in _SINGLE:
        return _SINGLE[path]
    found = _TILE.fullmatch(path)
    if found is None:
        return None
    index = int(found["index"].replace("x", "").replace("/", ""))
    width = int(found["width"] or FULL)
    if found["index"] != index_path(index) or (found["width"] and width >= FULL):
        return None
    if found["level"] == "entries":
        return EntryBundle(index, width)
    level = int(found["level"])
    return HashTile(level, index, width) if level < _LEVELS else None
