"""The last cosigned checkpoint of each log, in a folder that one process writes. Must not know notes, keys or HTTP.

What `write` returned from stays after a power cut. After a crash amid it, either the old or the new note is there,
whole. Nothing is kept in memory: what the disk holds is what is told.
"""

import fcntl
import os
from pathlib import Path
from typing import Final, Self

_LOCK: Final = "lock"
_NOTE: Final = ".checkpoint"
_ASIDE: Final = ".aside"


class StoreInUse(Exception):
    """Another process has the folder: two writers could cosign two histories."""


class Store:
    """The folder, held by this process until closed. Names are hexadecimal and given by the caller."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            os.close(self._lock)
            raise StoreInUse("another witness has this folder") from fault

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let another process have the folder."""
        self.close()

    def close(self) -> None:
        """Let another process have the folder."""
        os.close(self._lock)

    def names(self) -> list[str]:
        """Return the name of every log of which a note is held."""
        return sorted(found.name.removesuffix(_NOTE) for found in self._folder.glob(f"*{_NOTE}"))

    def read(self, name: str) -> bytes | None:
        """Return the note held for this log, or None when there is none."""
        try:
            return (self._folder / (name + _NOTE)).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, note: bytes) -> None:
        """Hold this note in place of the former, durably; raises OSError when that isn't certain."""
        aside = self._folder / (name + _ASIDE)
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                file.write(note)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        aside.replace(self._folder / (name + _NOTE))
        self._sync_folder()

    def _sync_folder(self) -> None:
        """Make a rename durable: it is a change of the folder, not of the file."""
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
