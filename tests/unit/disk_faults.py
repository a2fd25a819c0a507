"""Ends a program at any step it takes on a disk, by a kill or by a power cut, which loses what was not flushed."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    import pytest


class Died(BaseException):
    """The end of a life; nothing of the program may catch it."""


class Disk:
    """Counts the steps that are taken below a folder, each before and after it is done, and ends at the chosen one."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.names: list[str] = []
        self._die_at: int | None = None
        # By the folder or file whose flush makes it last: what a power cut takes back.
        self._unflushed: dict[str, list[Callable[[], None]]] = defaultdict(list)
        for name in ("replace", "pwrite", "fsync", "unlink", "mkdir"):
            monkeypatch.setattr(os, name, self._traced(name, getattr(os, name)))

    def live(self, die_at: int | None) -> None:
        """Begin a life that ends at this step, counted from 0."""
        self.names, self._die_at = [], die_at

    def at(self, name: str) -> None:
        """Take a step; the one chosen is the last."""
        self.names.append(name)
        if self._die_at is not None and len(self.names) > self._die_at:
            raise Died(name)

    def cut_power(self, rng: random.Random) -> None:
        """Take back what was not flushed, of each name from some moment on."""
        self._die_at = None
        for undone in [*self._unflushed.values()]:
            for undo in reversed(undone[rng.randint(0, len(undone)) :]):
                undo()
        self._unflushed.clear()

    def _traced(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def traced(first: Any, *args: Any, **named: Any) -> Any:
            path = Path(f"/proc/self/fd/{first}").readlink() if isinstance(first, int) else Path(first)
            if self.folder not in path.parents and path != self.folder:
                return real(first, *args, **named)
            self.at(f"{name} before")
            undo = self._undo(name, path, args)
            answer = real(first, *args, **named)
            if name == "fsync":
                self._unflushed.pop(str(path), None)
            if undo is not None:
                self._unflushed[undo[0]].append(undo[1])
            self.at(f"{name} after")
            return answer

        return traced

    def _undo(self, name: str, path: Path, args: tuple[Any, ...]) -> tuple[str, Callable[[], None]] | None:
        match name:
            case "replace":
                target = Path(args[0])
                return str(target.parent), _back(target)
            case "pwrite":
                return str(path), _back(path)
            case "mkdir":
                return str(path.parent), lambda: shutil.rmtree(path, ignore_errors=True)
            case _:
                return None


def _back(path: Path) -> Callable[[], None]:
    held = path.read_bytes() if path.exists() else None

    def undo() -> None:
        if held is not None and path.parent.is_dir():
            path.write_bytes(held)
        else:
            path.unlink(missing_ok=True)

    return undo
