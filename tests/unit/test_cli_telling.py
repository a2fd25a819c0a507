"""What an officer is told on the command line: somebody of elsewhere reads as nobody, as far as any word goes."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from consumers.gateway.request import Withheld
from jejak.cli import read
from jejak.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAMILY = "f" * 26


@pytest.mark.parametrize("command", ["show", "history", "eligibility"])
@pytest.mark.parametrize(
    ("on_record", "said"),
    [
        ("NOT_FOUND", "NOT_FOUND"),
        ("OUTSIDE_AREA", "NOT_FOUND"),
        ("AGREEMENT_NOT_FOR_PLACE", "NOT_FOUND"),
        ("QUOTA_EXCEEDED", "QUOTA_EXCEEDED"),
    ],
)
def test_somebody_of_elsewhere_reads_as_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, on_record: str, said: str
) -> None:
    @contextmanager
    def door(_: Any) -> Iterator[Any]:
        refusing = lambda *_: Withheld(on_record)  # noqa: E731  one answer to both questions
        yield SimpleNamespace(look_family=refusing, history=refusing)

    monkeypatch.setenv("JEJAK_DATA", str(tmp_path))
    monkeypatch.setattr(read, "_door", door)
    monkeypatch.setattr(read, "caller", lambda _: None)
    ended = CliRunner().invoke(app, ["family", command, FAMILY])
    assert (ended.exit_code, ended.stdout, ended.stderr.strip()) == (read.REFUSED, "", f"withheld: {said}")
