"""One segment of the log, 65,536 leaves: each entry's place and hash, its tiles, its topic, its gateways.

Runs in a process of its own; knows nothing before its first leaf, so that segments can be checked side by side.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from consumers.auditor import hashing
from consumers.auditor.chains import Listener, Said
from consumers.auditor.rounds import Round, Stretch, stretches
from consumers.auditor.source import HASH, TILE, LogReader
from consumers.auditor.topics import Broker, Entries
from consumers.auditor.verdict import Broken, at_leaf

LEAVES = TILE * TILE
SHORTEST_ENTRY = 37
_PLACE = struct.Struct(">BIQ")
_PLACE_BYTES = _PLACE.size


@dataclass(frozen=True, slots=True)
class Task:
    """Leaves to check, from `first` up to `end`; the first of the rounds ends before them.

    `size` is what the log publishes, by which it names its partial tiles: signed, and so no fault of the index.
    """

    log: LogReader
    first: int
    end: int
    size: int
    rounds: tuple[Round, ...]
    decode: bool = False
    broker: Broker | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What a segment came to: its own part of the root at each size that a round ends at, up to the first fault."""

    roots: dict[int, bytes]
    root: bytes
    entries: int
    said: Said
    broken: Broken | None


class _Stop(Exception):
    """Ends a loop from inside."""

    def __init__(self, broken: Broken, kept: int = TILE) -> None:
        self.broken = broken
        self.kept = kept  # hashes of the tile that stand


def check(task: Task) -> Checked:
    """Return what the segment came to."""
    return _Segment(task).run()


class _Segment:
    def __init__(self, task: Task) -> None:
        self._task = task
        self._roots: dict[int, bytes] = {}
        self._tiles = hashing.Counter()
        self._sizes = iter(sorted({one.size for one in task.rounds if task.first < one.size <= task.end}))
        self._next = next(self._sizes, None)
        self._listener = Listener() if task.decode else None
        self._topic = Entries(task.broker) if task.broker else None
        self._upper = b""
        self._done = 0

    def run(self) -> Checked:
        broken = None
        parts = stretches(self._task.rounds, self._task.first, self._task.end)
        try:
            if self._topic is not None:
                self._topic.fetch(parts)
            places = _places(parts)
            for number in range(self._task.first // TILE, -(-self._task.end // TILE)):
                self._tile(number, places)
        except _Stop as stop:
            broken = stop.broken
        finally:
            if self._topic is not None:
                self._topic.close()
        said = self._listener.said() if self._listener else Said()
        return Checked(self._roots, self._tiles.root(), self._done, said, broken)

    def _tile(self, number: int, places: Iterator[tuple[int, int, bytes]]) -> None:
        """Check the entries of a bundle, the tile of their hashes, and the hash of that tile."""
        first = number * TILE
        width = min(TILE, self._task.end - first)
        published = min(TILE, self._task.size - first)
        hashes, stopped = self._entries(first, width, published, places)
        tile = self._task.log.tile(0, number, published)
        try:
            self._compare(first, hashes, tile, full=width == TILE)
        except _Stop as stop:
            stopped = stop.broken
            hashes = hashes[: stop.kept]
        made = hashing.rows(hashes)
        self._take_roots(first, made, len(hashes))
        self._done += len(hashes)
        if stopped is not None:
            raise _Stop(stopped)
        if width == TILE:
            self._full(number, made[-1][0])

    def _entries(
        self, first: int, width: int, published: int, places: Iterator[tuple[int, int, bytes]]
    ) -> tuple[list[bytes], Broken | None]:
        """Return the hashes of a bundle's entries up to the first that is not what its place asks for."""
        bundle = self._task.log.bundle(first // TILE, published)
        hashes: list[bytes] = []
        at, hashed = 0, hashing.leaf_hash
        hears = self._topic is not None or self._listener is not None
        for leaf in range(first, first + width):
            partition, offset, place = next(places)
            end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
            entry = bundle[at + 2 : end]
            if entry[:_PLACE_BYTES] != place or end > len(bundle) or len(entry) < SHORTEST_ENTRY:
                return hashes, _wrong(leaf, partition, offset, entry, end - at - 2)
            if hears and (wrong := self._hear(leaf, partition, offset, entry)):
                return hashes, wrong
            hashes.append(hashed(entry))
            at = end
        if width == TILE and at != len(bundle):
            where = at_leaf(first + width - 1, partition, offset)
            return hashes, Broken("LEAF_PLACE", where, "more follows in its bundle")
        return hashes, None

    def _hear(self, leaf: int, partition: int, offset: int, entry: bytes) -> Broken | None:
        """Hold an entry against its topic and its gateway, where that was asked for."""
        if self._topic is not None and (wrong := self._topic.differs(leaf, partition, offset, entry)):
            return wrong
        return self._listener.take(leaf, partition, offset, entry) if self._listener is not None else None

    def _compare(self, first: int, hashes: list[bytes], tile: bytes, *, full: bool) -> None:
        """Hold leaf hashes against their tile."""
        if tile[: HASH * len(hashes)] != b"".join(hashes):
            at = next(at for at, hashed in enumerate(hashes) if tile[HASH * at : HASH * at + HASH] != hashed)
            leaf = first + at
            [one] = stretches(self._task.rounds, leaf, leaf + 1)
            where = at_leaf(leaf, one.partition, one.offset)
            raise _Stop(Broken("LEAF_DIFFERS", where, "entry and hash in the level-0 tile are not the same"), at)
        if full and len(hashes) == TILE and len(tile) != TILE * HASH:
            raise _Stop(Broken("TILE_DIFFERS", f"tile {first // TILE} of level 0", "longer than a tile is"))

    def _take_roots(self, first: int, made: list[Sequence[bytes]], count: int) -> None:
        """Keep this segment's part of the root at each end of a round among these leaves."""
        while self._next is not None and self._next <= first + count:
            self._roots[self._next] = self._tiles.root(*hashing.peaks(made, self._next - first))
            self._next = next(self._sizes, None)

    def _full(self, number: int, root: bytes) -> None:
        """Hold the root of a full tile against its hash one level up."""
        self._tiles.add(root)
        above = number // TILE
        if not self._upper:
            self._upper = self._task.log.tile(1, above, min(TILE, self._task.size // TILE - above * TILE))
        at = number % TILE * HASH
        if self._upper[at : at + HASH] != root:
            text = f"not the root of the leaves from {number * TILE}"
            raise _Stop(Broken("TILE_DIFFERS", f"hash {number} of level 1", text))
        if number % TILE == TILE - 1 and len(self._upper) != TILE * HASH:
            raise _Stop(Broken("TILE_DIFFERS", f"tile {above} of level 1", "longer than a tile is"))


def _places(parts: list[Stretch]) -> Iterator[tuple[int, int, bytes]]:
    """Yield partition, offset and the first bytes of the entry that each leaf must hold."""
    pack = _PLACE.pack
    for part in parts:
        partition = part.partition
        for offset in range(part.offset, part.offset + part.count):
            yield partition, offset, pack(1, partition, offset)


def _wrong(leaf: int, partition: int, offset: int, entry: bytes, length: int) -> Broken:
    where = at_leaf(leaf, partition, offset)
    if len(entry) < max(length, 1):
        return Broken("LEAF_MISSING", where, "its bundle ends before it")
    if len(entry) < SHORTEST_ENTRY or entry[0] != 1:
        return Broken("LEAF_PLACE", where, "what stands there is no entry")
    _, found, at = _PLACE.unpack(entry[:_PLACE_BYTES])
    return Broken("LEAF_PLACE", where, f"partition {found}, offset {at} stands there")
