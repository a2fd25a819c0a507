"""A run over what a fold left on a real broker: every family's standing, read once, the same after a kill."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from jejak.bench import corpus as corpora
from jejak.bench import profile
from jejak.ranking import changes, columns, computing, record, taking
from jejak.ranking.families import InputRefused
from jejak.ranking.run import FAMILIES, Asked, Folder
from schemas import catalogue, codec, prefix
from stream_processors.ranking import model_file
from stream_processors.ranking.standing import standing
from tests.integration.engine_rig import wait_until
from transport import kafka

if TYPE_CHECKING:
    from pathlib import Path

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real

TEXT = model_file.shipped()
MODEL = model_file.parse(TEXT)
AS_OF = 1_767_225_600_000_000
PARTITIONS, DISTRICT = 3, 40


class Left:
    """The states and events of a small district under topics of their own, and what the last of each says."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        tag = uuid.uuid4().hex[:10]
        self.topics = {catalogue.FAMILIES_TOPIC: f"families-{tag}", catalogue.EVENTS_TOPIC: f"events-{tag}"}
        self.runs = f"runs-{tag}"
        made = [
            replace(catalogue.topic(name), name=own, partitions=PARTITIONS, config={})
            for name, own in self.topics.items()
        ]
        runs = replace(catalogue.topic(catalogue.RANKING_RUNS_TOPIC), name=self.runs)
        kafka.create_topics(bootstrap, [*made, runs])
        self.states: dict[str, Any] = {}
        self.events: dict[tuple[str, int], bytes] = {}
        producer = kafka.producer(bootstrap)
        for outputs in profile.outputs(corpora.taken(corpora.drafts(DISTRICT))):
            for one in outputs:
                if one.topic in self.topics:
                    producer.produce(self.topics[one.topic], key=one.key, value=one.value)
                self._keep(one.topic, one.value)
        assert producer.flush(30) == 0

    def _keep(self, topic: str, value: bytes) -> None:
        if topic == catalogue.FAMILIES_TOPIC:
            state = codec.decode(value)
            self.states[state.family_id] = state
        elif topic == catalogue.EVENTS_TOPIC:
            head = prefix.walk(value)
            self.events[head.family_id, head.sequence] = value

    def asked(self, run_id: str) -> Asked:
        states, events = self.topics.values()
        ends = taking.position(self.bootstrap, states, events)
        return Asked(run_id, FAMILIES, AS_OF, MODEL.digest.hex(), states, events, *ends)

    def expected(self) -> dict[str, Any]:
        """Return each family's standing, by the last state and the very event that it names."""
        found = {}
        for family_id, state in self.states.items():
            facet = next((one for one in state.facets if one.name == "ground_check"), None)
            visit = codec.decode(self.events[family_id, facet.sequence]) if facet else None
            one = standing(state, visit, MODEL, AS_OF)
            if one is not None:
                found[family_id] = one
        return found


@pytest.fixture(scope="module")
def left(stack: Endpoints) -> Left:
    return Left(stack.kafka)


def test_a_run_takes_every_family_with_the_visit_in_force_and_goes_on_after_a_kill(
    left: Left, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = left.expected()
    assert len(expected) > DISTRICT // 2
    asked = left.asked("whole")
    folder = Folder(tmp_path, "whole")
    folder.begin(asked, TEXT)
    taking.take(left.bootstrap, folder, asked, workers=1, show=lambda _: None)
    taken = {}
    for number in range(PARTITIONS):
        for row in columns.read(folder.input(number)).iter_rows(named=True):
            taken[row["family_id"]] = row
    assert taken.keys() == expected.keys()
    for family_id, one in expected.items():
        row = taken[family_id]
        assert tuple(row[name] for name in MODEL.variables) == one.values
        assert (row["sequence"], row["persons"], row["reason"], row["before"]) == (
            one.sequence,
            one.persons,
            one.reason,
            one.before,
        )
    result = computing.compute(folder, asked, MODEL)
    assert result.ranked > DISTRICT // 2

    killed = Folder(tmp_path / "again", "whole")
    killed.begin(asked, TEXT)
    whole: Any = taking._take
    read: list[int] = []

    def dies_at_the_second(job: Any) -> Any:
        read.append(job.number)
        if len(read) == 2:
            raise KeyboardInterrupt
        return whole(job)

    monkeypatch.setattr(taking, "_take", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        taking.take(left.bootstrap, killed, asked, workers=1, show=lambda _: None)
    taking.take(left.bootstrap, killed, asked, workers=1, show=lambda _: None)
    assert read == [0, 1, 1, 2]
    assert computing.compute(killed, asked, MODEL) == result

    said = record.of(asked, MODEL, TEXT, result, record.Published(AS_OF, "operator", changed_only=False, changes=1))
    record.say(left.bootstrap, said, left.runs)
    wait_until(lambda: record.runs(left.bootstrap, left.runs) == {"whole": said}, "the run's record is there")
    rows = list(changes.rows(folder, asked, changed_only=False))
    assert {row.family_id for row in rows} == expected.keys()


def test_a_visit_that_a_state_names_and_the_log_lacks_refuses_the_run_and_keeps_nothing(
    left: Left, tmp_path: Path
) -> None:
    asked = replace(left.asked("short"), events=(0,) * PARTITIONS)
    folder = Folder(tmp_path, "short")
    folder.begin(asked, TEXT)
    with pytest.raises(InputRefused, match="VISIT_MISSING"):
        taking.take(left.bootstrap, folder, asked, workers=1, show=lambda _: None)
    assert not any(folder.has(number) for number in range(PARTITIONS))
