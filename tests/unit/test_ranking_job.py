"""The job from end to end without servers: begun once, gone on with, published in batches, taken up after a kill."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from identity.references import ReferenceKey
from jejak.ranking import columns, job, record, taking
from jejak.ranking.job import Wish
from jejak.ranking.run import FAMILIES, PERSONS, RunRefused
from producers.ledger import InMemoryLedger
from producers.publish import Publisher, PublishFailed
from schemas import codec
from stream_processors.ranking import model_file
from stream_processors.ranking.model_file import ModelRefused
from tests.unit.test_ranking_run import COUNT, NATION, NOTHING

if TYPE_CHECKING:
    from pathlib import Path

    from jejak.ranking.run import Asked, Folder

TEXT = model_file.shipped()
DAY = 1_735_689_600_000_000
OTHER_TEXT = TEXT.replace(b'version = "pmt-illustrative-1"', b'version = "pmt-illustrative-2"')


class Broker:
    """Takes changes until it has taken as many as it may."""

    def __init__(self, most: int = 1_000_000) -> None:
        self.taken: list[bytes] = []
        self.most = most

    def produce(self, _topic: str, *, key: bytes, value: bytes, headers: Any, on_delivery: Any) -> None:
        fault = None if len(self.taken) < self.most else "away"
        if fault is None:
            self.taken.append(codec.decode(value).header.change_id)
        on_delivery(fault, None)

    def poll(self, _: float) -> int:
        return 0


class Registry:
    """As much of a registry as the job uses; its families are the drawn nation."""

    def __init__(self, data: Path) -> None:
        self.settings = SimpleNamespace(data=data, reference_key=lambda: ReferenceKey(bytes(32)))
        self.endpoints = SimpleNamespace(kafka="nowhere")
        self.serving = SimpleNamespace(of=lambda _: SimpleNamespace(version="v1"))
        self.ledger = InMemoryLedger()
        self.broker = Broker()
        self.runs: dict[str, Any] = {}
        self.takes = 0

    def publisher(self, _batch: int) -> Publisher:
        return Publisher(self.broker, self.ledger, lambda: 0, 100)

    def take(self, _bootstrap: str, folder: Folder, asked: Asked, _workers: int, _show: Any) -> None:
        self.takes += 1
        for number in range(len(asked.states)):
            columns.write(NATION[number], folder.input(number))
            folder.keep(number, columns.digest(NATION[number]))

    def say(self, _bootstrap: str, said: Any) -> None:
        self.runs[said.run_id] = said


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    made = Registry(tmp_path)
    monkeypatch.setattr(taking, "position", lambda *_: (NOTHING, NOTHING))
    monkeypatch.setattr(taking, "take", made.take)
    monkeypatch.setattr(record, "runs", lambda _: made.runs)
    monkeypatch.setattr(record, "say", made.say)
    return made


def ranked(
    registry: Any, run_id: str = "Q1", basis: str = FAMILIES, text: bytes = TEXT, as_of: int | None = DAY
) -> Any:
    return job.ranked(registry, Wish(run_id, basis, text, as_of), 1, lambda _: None)


def test_a_run_that_was_computed_is_not_computed_again(registry: Any) -> None:
    first, again = ranked(registry), ranked(registry)
    assert first.result == again.result
    assert (first.kept, again.kept) == (False, True)
    assert ranked(registry, as_of=None).asked.as_of == DAY
    assert registry.takes == 1


@pytest.mark.parametrize("other", [{"basis": PERSONS}, {"text": OTHER_TEXT}, {"as_of": DAY + 1}])
def test_a_runs_name_stands_for_one_basis_model_and_day(registry: Any, other: dict[str, Any]) -> None:
    ranked(registry)
    with pytest.raises(RunRefused, match="OTHER_RUN"):
        ranked(registry, **other)


def test_a_run_of_a_day_to_come_is_refused_before_anything_is_read(registry: Any) -> None:
    with pytest.raises(RunRefused, match="AHEAD_OF_NOW"):
        ranked(registry, as_of=1 << 60)
    assert (registry.takes, list(registry.settings.data.iterdir())) == (0, [])


def test_a_file_that_is_no_model_begins_no_run(registry: Any) -> None:
    with pytest.raises(ModelRefused):
        ranked(registry, text=b"[model]")
    assert list(registry.settings.data.iterdir()) == []


def test_what_an_interrupted_computation_left_is_no_part_of_the_next(registry: Any) -> None:
    done = ranked(registry)
    columns.write(columns.read(done.folder.output(0)), done.folder.output(1))
    (done.folder.path / "result.json").unlink()
    again = ranked(registry)
    assert again.result == done.result
    assert not again.folder.output(1).exists()


def test_only_its_owner_may_look_into_a_runs_folder(registry: Any) -> None:
    assert ranked(registry).folder.path.stat().st_mode & 0o077 == 0


def test_a_publication_that_was_killed_goes_on_and_the_run_is_said_once_all_of_it_is_there(registry: Any) -> None:
    done = ranked(registry)
    registry.broker.most = 1_234
    with pytest.raises(PublishFailed):
        job.publish(registry, done, "operator", changed_only=False)
    assert registry.runs == {}
    registry.broker.most = 1_000_000
    sent = job.publish(registry, done, "operator", changed_only=False)
    assert sent.skipped == 1_200
    assert len(set(registry.broker.taken)) == COUNT
    assert len(registry.broker.taken) < COUNT + 100
    said = registry.runs["Q1"]
    assert (said.changes, said.families, said.output_digest.hex()) == (COUNT, COUNT, done.result.output_digest)
    assert sum(one.families for one in said.tenths) + sum(one.families for one in said.unranked) == COUNT


def test_a_run_is_published_once(registry: Any) -> None:
    done = ranked(registry)
    job.publish(registry, done, "operator", changed_only=False)
    first = registry.runs["Q1"]
    assert job.publish(registry, done, "another", changed_only=False).sent == 0
    assert registry.runs["Q1"] is first


def test_a_run_whose_name_was_published_with_another_outcome_sends_nothing(registry: Any) -> None:
    done = ranked(registry)
    registry.runs["Q1"] = SimpleNamespace(output_digest=b"x" * 32)
    with pytest.raises(RunRefused, match="RUN_TAKEN"):
        job.publish(registry, done, "operator", changed_only=False)
    assert registry.broker.taken == []
