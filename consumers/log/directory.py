"""The log's directory read as far as its checkpoint names it. Must not know HTTP, or who may read what."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from consumers.log.paths import EntryBundle, HashTile
from schemas.note import Checkpoint, NoteRefused, SignedNote

_HASH: Final = 32
_LENGTH: Final = 2
_CHUNK: Final = 65_536
_LARGEST_BUNDLE: Final = 256 * (_LENGTH + 65_535)


class LogDamaged(Exception):
    """A file of the directory holds less than the published checkpoint promises, or isn't what it should be."""


@dataclass(frozen=True, slots=True)
class LogDirectory:
    """The directory of one log. What isn't published is None; what is published and not there raises LogDamaged."""

    folder: Path

    def checkpoint(self) -> bytes | None:
        """Return the newest published signed note, or None before the first."""
        try:
            return (self.folder / "checkpoint").read_bytes()
        except FileNotFoundError:
            return None

    def size(self) -> int:
        """Return how many leaves are published; 0 before the first checkpoint."""
        note = self.checkpoint()
        try:
            return 0 if note is None else Checkpoint.parse(SignedNote.parse(note).text).size
        except NoteRefused as refused:
            raise LogDamaged(f"the published checkpoint is not one: {refused.code}") from refused

    def hash_tile(self, tile: HashTile) -> bytes | None:
        """Return the hashes asked for, 32 bytes each."""
        if not tile.published(self.size()):
            return None
        return self._front(tile.name(), tile.width * _HASH, whole=True)

    def entry_bundle(self, bundle: EntryBundle) -> bytes | None:
        """Return the entries asked for, each after its length in two bytes."""
        if not bundle.published(self.size()):
            return None
        held = self._front(bundle.name(), _LARGEST_BUNDLE, whole=False)
        return held[: _end_of(bundle, held)]

    def rounds_head(self) -> bytes | None:
        """Return what tells how the index of rounds is to be read."""
        try:
            return (self.folder / "rounds.head").read_bytes()
        except FileNotFoundError:
            return None

    def published_rounds(self) -> "Rounds | None":
        """Return the index of rounds up to the last one that the checkpoint covers."""
        head = self.rounds_head()
        if head is None or self.checkpoint() is None:
            return None
        width = 8 * (1 + int(json.loads(head)["partitions"])) + _HASH
        path = self.folder / "rounds"
        return Rounds(path, width * _covered(path, width, self.size()))

    def _front(self, name: str, length: int, *, whole: bool) -> bytes:
        try:
            with (self.folder / name).open("rb") as file:
                read = file.read(length)
        except FileNotFoundError as fault:
            raise LogDamaged(f"{name} is published and missing") from fault
        if whole and len(read) < length:
            raise LogDamaged(f"{name} is shorter than published")
        return read


@dataclass(frozen=True, slots=True)
class Rounds:
    """The published part of the index of rounds, in bytes."""

    path: Path
    length: int

    def chunks(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from start up to, not with, end; the end is within the length."""
        with self.path.open("rb") as file:
            file.seek(start)
            for at in range(start, end, _CHUNK):
                yield file.read(min(_CHUNK, end - at))


def _end_of(bundle: EntryBundle, held: bytes) -> int:
    """Return where the last entry asked for ends."""
    end = 0
    for _ in range(bundle.width):
        start = end + _LENGTH
        end = start + int.from_bytes(held[end:start], "big")
        if end > len(held) or start > len(held):
            raise LogDamaged(f"{bundle.name()} holds fewer entries than published")
    return end


def _covered(path: Path, width: int, size: int) -> int:
    """Return how many records tell a size that is published; sizes never fall, so halving finds it."""
    with path.open("rb") as file:
        descriptor = file.fileno()
        held = os.fstat(descriptor).st_size // width
        return _first_beyond(lambda at: int.from_bytes(os.pread(descriptor, 8, at * width), "big"), held, size)


def _first_beyond(size_at: Callable[[int], int], held: int, size: int) -> int:
    low, high = 0, held
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if size_at(middle) <= size else (low, middle)
    return low
