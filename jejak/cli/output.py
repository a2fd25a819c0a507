"""How results reach people and programs: tables on a terminal, JSON on request, progress on stderr.

A result is plain data; this module must not know where it came from.
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

WIDE = 150  # a file or a pipe has no width of its own
OUT = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)
ERR = Console(stderr=True, highlight=False, soft_wrap=True)


def as_json(value: Any) -> None:
    """Print a value as one JSON document on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as a table; columns of numbers are set to the right."""
    shown = Table(title=title, title_justify="left", title_style="bold", header_style="bold", expand=False)
    kept = [tuple(row) for row in rows]
    for index, head in enumerate(heads):
        numbers = bool(kept) and all(isinstance(row[index], int | float) for row in kept)
        shown.add_column(head, justify="right" if numbers else "left", overflow="fold")
    for row in kept:
        shown.add_row(*[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row])
    OUT.print(shown)


def say(text: str) -> None:
    """Print a line for people on standard error."""
    ERR.print(text)


def progress() -> Callable[[str], None]:
    """Return what shows progress: lines on standard error on a terminal, nothing elsewhere."""
    return say if sys.stderr.isatty() else _silent


def _silent(_: str) -> None:
    """Show progress to nobody."""
