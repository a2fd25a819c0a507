"""The log's directory: files written aside and flushed before they are placed, so that none is ever seen torn.

What is placed belongs to a round that won, so whoever writes a name writes the same bytes or a longer file that begins
with them; anything else found there stops the sequencer. Must not know Kafka, signing, or how a tree is made.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from stream_processors.audit.rounds import Round, record_bytes
from stream_processors.sequencer.contract import SequencerFault

CHECKPOINT: Final = "checkpoint"
ROUNDS: Final = "rounds"
ROUNDS_HEAD: Final = "rounds.head"
POSITION: Final = "position"
STAGING: Final = "staging"
FIRST_ROUND: Final = 1
_FLUSHED_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Head:
    """What the index of rounds is an index of; never changes."""

    origin: str
    partitions: int
    first_round: int = FIRST_ROUND


@dataclass(frozen=True, slots=True)
class Position:
    """The newest round whose tiles are placed, and the offset of its RoundOpened, from which reading goes on."""

    round: Round
    offset: int


@dataclass(frozen=True, slots=True)
class Staged:
    """Files written aside and flushed: where, the name each is to get, and what it holds."""

    files: tuple[tuple[Path, str, bytes], ...]


class Directory:
    """The log's directory, written by one sequencer at a time."""

    def __init__(self, folder: Path, sequencer: str) -> None:
        self.folder = folder
        self._staging = folder / STAGING / f"{sequencer}-{uuid4().hex}"
        self._staged = 0
        self._flushing = ThreadPoolExecutor(_FLUSHED_AT_ONCE, "flush")

    def take_over(self) -> None:
        """Become the only one that can place files: what others have staged is gone, and their next step fails."""
        aside = self.folder / STAGING
        aside.mkdir(parents=True, exist_ok=True)
        for other in [*aside.iterdir()]:
            shutil.rmtree(other)
        self._staging.mkdir()
        _flush(aside)
        _flush(self.folder)

    def head(self) -> Head | None:
        """Return what the index is of, or None in a new directory."""
        held = self._read(ROUNDS_HEAD)
        return None if held is None else Head(**json.loads(held))

    def claim(self, head: Head) -> None:
        """Make the directory that of this log; raises SequencerFault if it is another's."""
        held = self.head()
        if held is None:
            self._replace(ROUNDS_HEAD, _json(asdict(head)))
        elif held != head:
            raise SequencerFault("OTHER_LOG", "the directory is of another origin or number of partitions")

    def position(self, partitions: int) -> Position | None:
        """Return where to go on from, or None where the log is to be built anew."""
        held = self._read(POSITION)
        if held is None:
            return None
        told = json.loads(held)
        number, width = told["round"], record_bytes(partitions)
        record = self._read_index((number - FIRST_ROUND) * width, width)
        if record.hex() != told["record"]:
            raise SequencerFault("DISK_DIFFERS", f"the index does not hold round {number} as the position does")
        return Position(Round.unpacked(number, record), told["offset"])

    def read(self, name: str) -> bytes:
        """Return a placed file; raises SequencerFault if it is not there."""
        held = self._read(name)
        if held is None:
            raise SequencerFault("DISK_DIFFERS", f"{name} is not there")
        return held

    def stage(self, files: Mapping[str, bytes]) -> Staged:
        """Write files aside and flush them; none is visible under its name yet."""
        staged = []
        for name, data in files.items():
            self._staged += 1
            staged.append((self._staging / str(self._staged), name, data))
        # Flushes that wait together share one commit of the file system's journal: several times as fast.
        for _ in self._flushing.map(_write, staged):
            pass
        return Staged(tuple(staged))

    def drop(self, staged: Staged) -> None:
        """Forget staged files."""
        for aside, _, _ in staged.files:
            aside.unlink(missing_ok=True)

    def place(self, staged: Staged) -> None:
        """Have the staged files durable under their names; raises SequencerFault if one contradicts what is there."""
        folders: set[Path] = set()
        for aside, name, data in staged.files:
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if self._continues(name, data):
                with _not_taken_over():
                    aside.replace(target)
            else:
                aside.unlink(missing_ok=True)
            # Also where nothing was to be done: one that was killed may have placed it and not flushed the name.
            folders |= {self.folder / above for above in Path(name).parents}
        for _ in self._flushing.map(_flush, folders):
            pass

    def note_rounds(self, rounds: Sequence[Round], offset: int) -> None:
        """Have the index hold these rounds, and the position the last of them; their tiles are placed."""
        records = [each.packed() for each in rounds]
        descriptor = os.open(self.folder / ROUNDS, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            # At its own place: whoever writes a round again writes the same bytes.
            os.pwrite(descriptor, b"".join(records), (rounds[0].number - FIRST_ROUND) * len(records[0]))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._replace(POSITION, _json({"round": rounds[-1].number, "offset": offset, "record": records[-1].hex()}))

    def checkpoint(self) -> bytes | None:
        """Return the note that is served, or None before the first."""
        return self._read(CHECKPOINT)

    def serve(self, note: bytes) -> None:
        """Have this note served from now on."""
        self._replace(CHECKPOINT, note)

    def _read(self, name: str) -> bytes | None:
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def _read_index(self, at: int, length: int) -> bytes:
        try:
            with (self.folder / ROUNDS).open("rb") as file:
                file.seek(at)
                return file.read(length)
        except FileNotFoundError:
            return b""

    def _replace(self, name: str, data: bytes) -> None:
        ((aside, _, _),) = self.stage({name: data}).files
        with _not_taken_over():
            aside.replace(self.folder / name)
        _flush(self.folder)

    def _continues(self, name: str, data: bytes) -> bool:
        """Tell whether data goes on from what is placed under this name; False if that is as long or longer."""
        held = self._read(name)
        if held is None:
            return True
        if not held.startswith(data[: len(held)]) or not data.startswith(held[: len(data)]):
            raise SequencerFault("DISK_DIFFERS", f"{name} holds something else than the topics")
        return len(data) > len(held)


def _write(staged: tuple[Path, str, bytes]) -> None:
    """Have a new file durable, though not yet its name."""
    with _not_taken_over(), staged[0].open("xb") as file:
        file.write(staged[2])
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _not_taken_over() -> Iterator[None]:
    """Tell what a staged file that is gone means."""
    try:
        yield
    except FileNotFoundError:
        raise SequencerFault("TAKEN_OVER", "another sequencer holds the directory") from None


def _json(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, indent=1).encode() + b"\n"


def _flush(path: Path) -> None:
    """Have a file's bytes, or a folder's names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
