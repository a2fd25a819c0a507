"""Writes docs/machines.md, the machines' diagrams and tables: `python -m stream_processors.registry.machines`."""

from pathlib import Path
from typing import Final

from stream_processors.registry.machines import page

TARGET: Final = Path(__file__).parents[3] / "docs" / "machines.md"

if __name__ == "__main__":
    TARGET.write_text(page.render(), encoding="utf-8")
