"""The demo kills its fold whatever the district's size, and says so where it did not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jejak.demo import district
from producers.publish import Published
from producers.simulation.nation import Nation

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

NATION = Nation(families=100, seed=1, district="35.71")


class Workers:
    def __init__(self) -> None:
        self.killed: list[str] = []

    def kill(self, name: str) -> int:
        self.killed.append(name)
        return 4711


def published(sent: int) -> Callable[..., Published]:
    def nation(_registry: Any, _nation: Nation, progress: Callable[[Published], None]) -> Published:
        progress(Published(sent=sent))
        return Published(sent=sent)

    return nation


def outcome(workers: Any) -> bool | None:
    registry: Any = None
    return district._publish_and_kill(registry, NATION, workers, lambda _: None)


def test_a_fold_that_begins_after_everything_was_published_is_killed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    workers, looks = Workers(), iter([False, False, True])
    monkeypatch.setattr(district.publishing, "nation", published(40))
    monkeypatch.setattr(district, "_folding", lambda _: next(looks))
    assert outcome(workers) is True
    assert workers.killed == ["fold"]


def test_a_fold_that_never_begins_was_not_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Workers()
    monkeypatch.setattr(district.publishing, "nation", published(40))
    monkeypatch.setattr(district, "_folding", lambda _: False)
    monkeypatch.setattr(district, "FOLD_SECONDS", 0.1)
    assert outcome(workers) is False
    assert workers.killed == []


def test_where_nothing_is_new_nothing_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Workers()
    monkeypatch.setattr(district.publishing, "nation", published(0))
    monkeypatch.setattr(district, "_folding", lambda _: True)
    assert outcome(workers) is None
    assert workers.killed == []
