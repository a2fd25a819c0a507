"""The write-ahead file of one gateway: what was decided to be on record is on this disk before the broker hears of it.

`<folder>/<gateway id>.<number>.wal`, segments of frames, each frame what one fsync made durable; beside them
`<gateway id>.lock`, held with flock for as long as the gateway lives. Must not know what an entry says, nor of Kafka.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from consumers.gateway import frames
from consumers.gateway.frames import Arrived, Entry, Segment

SEGMENT_BYTES: Final = 64 << 20
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Held(Exception):
    """Another process lives by this gateway's id, or is replaying its file."""


class Lock:
    """A gateway's lock file, held by this process until `release`."""

    def __init__(self, path: Path) -> None:
        """Raise Held if another process holds it."""
        while True:
            self._fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as fault:
                os.close(self._fd)
                raise Held(path.stem) from fault
            if _is_still(self._fd, path):
                break
            os.close(self._fd)  # whoever held it has just finished and removed it
        self._path = path

    def release(self, *, remove: bool) -> None:
        """Let it go; `remove` it too when nothing is left to replay."""
        with suppress(OSError):  # a lock without files is taken for nothing left
            if remove:
                self._path.unlink(missing_ok=True)
        os.close(self._fd)


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


class WriteAhead:
    """The segments of one living gateway; made when there is something to write."""

    def __init__(
        self, folder: Path, gateway_id: str, segment_bytes: int = SEGMENT_BYTES, lock: Lock | None = None
    ) -> None:
        """`lock` is given by who replays a dead gateway's files and writes after them."""
        self._folder = folder
        self.gateway_id = gateway_id
        self._segment_bytes = segment_bytes
        self._lock = lock
        self._fd = -1
        self._path = folder
        self._length = 0
        self._last = 0
        self._retired = [(path, 0) for path in segments(folder, gateway_id)]
        self._made = int(self._retired[-1][0].suffixes[-2][1:]) if self._retired else 0

    def write(self, first: int, entries: Sequence[Entry], arrived: Arrived) -> None:
        """Make these entries durable, numbered from `first`; after an OSError they aren't there and never were.

        A file whose fsync failed is not written to again: the kernel may have dropped what it could not write.
        """
        if self._fd < 0:
            self._open(first)
        frame = frames.frame(frames.group_body(first, entries, arrived))
        try:
            _write_all(self._fd, frame, self._length)
        except OSError:
            _cut(self._fd, self._length)
            raise
        try:
            os.fdatasync(self._fd)
        except OSError:
            self._retire()
            raise
        self._length += len(frame)
        self._last = first + len(entries) - 1
        if self._length >= self._segment_bytes:
            self._retire()

    def forget(self, number: int) -> None:
        """Remove the files that hold nothing but entries up to this number, which have arrived.

        The newest stays: by it whoever comes after a crash knows the chain, and closes it.
        """
        while len(self._retired) > (self._fd < 0) and self._retired[0][1] <= number:
            self._retired[0][0].unlink(missing_ok=True)
            self._retired.pop(0)

    def close(self, *, finished: bool) -> None:
        """Let the files go; remove them when all that they hold has arrived."""
        if self._fd >= 0:
            os.close(self._fd)
            self._retired.append((self._path, self._last))
            self._fd = -1
        if self._lock is not None:
            self._lock.release(remove=finished and self._removed())
            self._lock = None

    def _removed(self) -> bool:
        """Tell whether all files are gone; as long as one is left, so is the lock by which it is found."""
        try:
            for path, _ in self._retired:
                path.unlink(missing_ok=True)
        except OSError:
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close(finished=False)

    def _open(self, first: int) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._lock is None:
            self._lock = Lock(self._folder / f"{self.gateway_id}.lock")
        self._made += 1
        path = self._folder / f"{self.gateway_id}.{self._made:06d}.wal"
        opened = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        frame = frames.frame(frames.head_body(self.gateway_id, time.time_ns() // 1_000, first))
        try:
            _write_all(opened, frame, 0)
            os.fdatasync(opened)  # a frame follows only what is durable: else damage couldn't be told from a crash
            _sync_folder(self._folder)
        except OSError:
            os.close(opened)
            path.unlink()
            raise
        self._fd, self._path, self._length = opened, path, len(frame)

    def _retire(self) -> None:
        """Write no more to this segment; what was not durable in it is cut off where that is still possible."""
        opened, self._fd = self._fd, -1
        self._retired.append((self._path, self._last))
        _cut(opened, self._length)
        os.close(opened)


def leftovers(folder: Path) -> Iterator[str]:
    """Yield the id of each gateway of which there are files, dead or alive."""
    for path in sorted(folder.glob("*.lock")):
        yield path.stem


def segments(folder: Path, gateway_id: str) -> list[Path]:
    """Return a gateway's files, in the order in which they were written."""
    return sorted(folder.glob(f"{gateway_id}.[0-9]*.wal"))


def read(folder: Path, gateway_id: str) -> Segment | None:
    """Return all that a dead gateway left, as one; None if it never made an entry durable. Raises Damaged.

    What a crash left half written at the end is not part of it: nobody was ever told that it is on record.
    """
    whole: Segment | None = None
    for path in segments(folder, gateway_id):
        if (found := frames.read_segment(path)) is not None:
            whole = found if whole is None else frames.joined(whole, found, path)
    return whole


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    """Write everything at this offset; a short write is gone on with, and says at its end why it was short."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def _cut(descriptor: int, length: int) -> None:
    """Cut off what didn't become durable, where that is still possible.

    Where it isn't, it does no harm: the next frame takes its place, or the next segment's first number.
    """
    with suppress(OSError):
        os.ftruncate(descriptor, length)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
