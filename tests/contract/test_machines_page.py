"""The page of state machines is what the code draws of its tables, and every arrow of it has a row."""

import re
from pathlib import Path

from stream_processors.registry.machines import __main__ as command
from stream_processors.registry.machines import page
from stream_processors.registry.machines.table import REQUESTS, machines

PAGE = Path(__file__).parents[2] / "docs" / "machines.md"
EVERY = sorted([*machines().values(), *machines(REQUESTS).values()], key=lambda one: one.letter)
ARROW = re.compile(r"^    (\S+) --> (\w+): (\w+)", re.MULTILINE)


def test_the_page_is_what_the_code_draws() -> None:
    assert command.TARGET == PAGE
    assert PAGE.read_text(encoding="utf-8") == page.render()


def test_each_machine_has_one_diagram_whose_arrows_are_its_rows() -> None:
    diagrams = PAGE.read_text(encoding="utf-8").split("stateDiagram-v2")[1:]
    assert len(diagrams) == len(EVERY)
    for drawn, one in zip(diagrams, EVERY, strict=True):
        arrows = set(ARROW.findall(drawn.split("```")[0]))
        assert arrows == {(row.state or "[*]", row.to, row.record) for row in one.rows}
