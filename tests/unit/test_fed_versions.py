"""Which versions a worker feeds as another one comes to serve, and whose health it shows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from jejak import workers
from jejak.rebuild.pointer import READ_MODEL, Serving
from transport.pulse import Pulse


class Feeders:
    """Every feeder at work, by version, with the pulse it writes."""

    def __init__(self) -> None:
        self.at_work: dict[str, Pulse | None] = {}
        self.begun: list[str] = []

    def begin(self, _bootstrap: str, _session: Any, version: str, _topics: Any, pulse: Pulse | None) -> Any:
        assert version not in self.at_work
        self.at_work[version] = pulse
        self.begun.append(version)
        return SimpleNamespace(end=lambda: self.at_work.pop(version), check=lambda: None)


@pytest.fixture
def feeders(monkeypatch: pytest.MonkeyPatch) -> Feeders:
    made = Feeders()
    monkeypatch.setattr(workers, "Feeder", made.begin)
    monkeypatch.setattr(workers.tables, "versions", lambda _: ("v1", "v2"))  # type: ignore[attr-defined]  # as it imports it
    return made


def serving(now: Serving) -> Any:
    return SimpleNamespace(lately=lambda what: now if what == READ_MODEL else Serving())


def test_the_version_that_serves_and_no_other_writes_the_health_that_is_shown(feeders: Feeders) -> None:
    pulse = Pulse()
    fed = workers._Fed("nowhere", None, pulse)
    # When a worker of the first version sees a switch, and a rollback
    for now, shown, hidden in (
        (Serving("v1"), "v1", ()),
        (Serving("v2", "v1"), "v2", ("v1",)),
        (Serving("v1"), "v1", ()),
    ):
        fed.follow(serving(now), "")
        # Then the health is always that of the version which serves, written by it alone
        assert feeders.at_work == {shown: pulse} | dict.fromkeys(hidden)


def test_a_version_that_goes_on_serving_is_fed_on_undisturbed(feeders: Feeders) -> None:
    fed = workers._Fed("nowhere", None, Pulse())
    for _ in range(3):
        fed.follow(serving(Serving("v2", "v1")), "")
    assert sorted(feeders.begun) == ["v1", "v2"]
