"""A port that jejak chose and another process took before the server did is no reason to give up."""

from pathlib import Path
from typing import Any

import pytest

from jejak.stack import local
from jejak.stack.faults import PortTaken


class Starts:
    """Stands in for starting servers: so many times the broker finds its port taken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
        self.taken, self.starts, self.downs = taken, 0, 0
        for name in ("JEJAK_KAFKA", "JEJAK_CASSANDRA"):
            monkeypatch.delenv(name, raising=False)
        for module, name in ((local.jars, "locked"), (local.jars, "fetch"), (local.control, "reap")):
            monkeypatch.setattr(module, name, lambda *_: None)
        monkeypatch.setattr(local.control, "write_crash", lambda *_: None)
        monkeypatch.setattr(local.control, "start_supervisor", lambda *_: None)
        monkeypatch.setattr(local, "_choose", lambda *_, **__: None)
        monkeypatch.setattr(local, "_both", lambda *_: "both")
        monkeypatch.setattr(local, "down", self.down)
        monkeypatch.setattr(local, "_start", self.start)

    def start(self, *_: Any, **__: Any) -> None:
        self.starts += 1
        if self.starts <= self.taken:
            raise PortTaken(local.KAFKA, 20_000)

    def down(self, _: Path) -> None:
        self.downs += 1


def test_another_port_is_chosen_where_ours_was_taken_meanwhile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    starts = Starts(monkeypatch, taken=2)
    assert local.up(tmp_path) == "both"  # type: ignore[comparison-overlap]  # what stands in for both endpoints
    assert (starts.starts, starts.downs) == (3, 2)


def test_a_port_that_was_asked_for_and_is_taken_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    starts = Starts(monkeypatch, taken=1)
    with pytest.raises(PortTaken):
        local.up(tmp_path, kafka_port=20_000)
    assert (starts.starts, starts.downs) == (1, 1)


def test_ports_that_are_taken_again_and_again_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    starts = Starts(monkeypatch, taken=9)
    with pytest.raises(PortTaken):
        local.up(tmp_path)
    assert starts.starts == starts.downs == local.PORT_ATTEMPTS
