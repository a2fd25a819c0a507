"""Two commands over one state: the one that was overtaken neither lets its version serve nor calls the other's off."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

import pytest

from jejak.rebuild import groups, pointer, state
from jejak.rebuild.pointer import CALLED_OFF, STATE, SWITCHED, SWITCHING, RebuildRefused, Serving
from jejak.rebuild.state import Beside
from schemas import catalogue
from stream_processors.folds.shadow import Shadow, StateLog
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Callable


class World:
    """What was chosen so far; at one step of a switch, something else happens."""

    def __init__(self) -> None:
        self.chosen = [Serving()]
        self.meanwhile: dict[str, Callable[[], object]] = {}

    def now(self, _: str) -> Serving:
        return self.chosen[-1]

    def choose(self, chosen: Serving) -> Serving:
        self.chosen.append(replace(chosen, chosen_at=len(self.chosen)))
        return self.chosen[-1]

    def reached(self, step: str) -> None:
        self.meanwhile.pop(step, lambda: None)()

    @property
    def steps(self) -> list[tuple[str, str]]:
        return [(one.version, one.step) for one in self.chosen[1:]]


class Builder:
    """Builds a state of no families, at once."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def open(self, number: int) -> Shadow:
        self._world.reached("opened")
        return Shadow(StateLog("families", number), 0)

    def advance(self, *_: object) -> None:
        pass

    def read(self, _: object) -> None:
        pass

    def place(self, *_: object) -> None:
        self._world.reached("placed")

    def mark(self, _: object) -> None:
        pass


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(state, "Builder", lambda *_: Builder(made))
    monkeypatch.setattr(state, "choose", lambda _bootstrap, _what, chosen, _by: made.choose(chosen))
    monkeypatch.setattr(groups, "until_left", lambda *_: made.reached("at rest"))
    monkeypatch.setattr(groups, "until_closed", lambda *_: None)
    monkeypatch.setattr(kafka, "end_offsets", lambda *_: {0: 0})
    topics = {catalogue.families_topic(f"v{number}"): None for number in (1, 2, 3)}
    known = SimpleNamespace(list_topics=lambda **_: SimpleNamespace(topics=topics))
    monkeypatch.setattr(kafka, "admin", lambda _: known)
    return made


def switch(world: World, version: str) -> tuple[Serving, bool]:
    beside: Any = Beside("nowhere", world, "operator-1")  # type: ignore[arg-type]  # as much of it as is asked
    told: tuple[Serving, bool] = beside.switch(version, lambda *_: None, accept_differences=False)
    return told


def test_a_switch_rests_the_fold_and_names_the_version(world: World) -> None:
    assert switch(world, "v2")[1]
    assert world.steps == [("v1", SWITCHING), ("v2", SWITCHED)]


@pytest.mark.parametrize("step", ["at rest", "placed"])
def test_a_switch_that_was_called_off_amid_its_work_does_not_serve(world: World, step: str) -> None:
    # Given a switch that somebody takes for dead and calls off, whereupon the fold is at work on v1 again
    world.meanwhile[step] = lambda: world.choose(pointer.called_off(world.now(STATE)))
    # When it goes on
    with pytest.raises(RebuildRefused, match="OVERTAKEN"):
        switch(world, "v2")
    # Then v2, which lacks what v1 has folded since, does not serve
    assert world.steps == [("v1", SWITCHING), ("v1", CALLED_OFF)]


def test_a_switch_is_not_begun_from_what_served_when_it_was_asked_for(world: World) -> None:
    # Given a switch to v3 during whose first reading another command has v2 serve
    world.meanwhile["opened"] = lambda: switch(world, "v2")
    # When it comes to have the fold rest
    with pytest.raises(RebuildRefused, match="OVERTAKEN"):
        switch(world, "v3")
    # Then the fold is never sent back to v1, which is stale by now
    assert world.steps == [("v1", SWITCHING), ("v2", SWITCHED)]


def test_who_fails_does_not_call_off_the_switch_of_another(world: World) -> None:
    # Given a switch that another command takes over while the fold rests
    def taken_over() -> None:
        world.choose(pointer.pausing(world.now(STATE)))
        raise RebuildRefused("BUILT_BY_ANOTHER", "taken over")

    world.meanwhile["at rest"] = taken_over
    with pytest.raises(RebuildRefused, match="BUILT_BY_ANOTHER"):
        switch(world, "v2")
    # Then the fold still rests, for the other's sake
    assert world.steps == [("v1", SWITCHING), ("v1", SWITCHING)]


def test_who_fails_alone_calls_its_switch_off(world: World) -> None:
    def fail() -> None:
        raise TimeoutError("the broker is away")

    world.meanwhile["at rest"] = fail
    with pytest.raises(TimeoutError):
        switch(world, "v2")
    assert world.steps == [("v1", SWITCHING), ("v1", CALLED_OFF)]
