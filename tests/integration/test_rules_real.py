"""An official's rule file on a real broker: activated with a day, families decided again at a pace, by two agents."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from consumers.replay import rules as known_rules
from jejak.programmes import allocating, ruling
from schemas import codec
from schemas.records import FoldPosition
from stream_processors.agents.reevaluation import Reevaluation, Topics
from stream_processors.registry import rule_file
from stream_processors.registry.allocation import Allocation
from stream_processors.registry.decision import change_of
from stream_processors.registry.family import handle
from tests.unit import registry_scenarios as scenes
from tests.unit.registry_scenarios import claimed, matched, registered, say
from tests.unit.test_programmes import OFFICIALS
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real
FAMILIES, AT_ONCE, PARTITIONS = 45, 10, 2
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


@dataclass(frozen=True)
class Topic:
    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


def states() -> dict[str, Any]:
    """Return families in deciles 1 to 5, decided under the rules that come with the build; every ninth is unranked."""
    found = {}
    for number in range(FAMILIES):
        scene = scenes.given(registered(), claimed(birth_year=2015), matched(), rules=scenes.BOTH)
        if number % 9:
            scene.and_given(say("FamilyRanked", decile=number % 5 + 1, percentile=number))
        family_id = LETTERS[number % 32] + LETTERS[number // 32] + "a" * 24
        found[family_id] = replace(scene.state, family_id=family_id)
    return found


def test_an_activated_file_has_every_family_concerned_decided_again_once(stack: Endpoints, tmp_path: Path) -> None:
    # Given families on a topic of states, each with an older record before its last
    front, bootstrap = f"rules-{uuid.uuid4().hex[:8]}", stack.kafka
    topics = Topics(f"{front}.families", f"{front}.rules", f"{front}.changes")
    made = [Topic(topics.families, PARTITIONS), Topic(topics.changes, PARTITIONS)]
    in_time = {"message.timestamp.type": "LogAppendTime"}
    kafka.create_topics(bootstrap, [*made, Topic(topics.rules, 1, in_time)])
    families, producer = states(), kafka.producer(bootstrap)
    for family_id, state in families.items():
        for one in (replace(state, sequence=state.sequence - 1, percentile=9_999), state):
            producer.produce(topics.families, key=family_id, value=codec.encode(one))
    for partition in range(PARTITIONS):
        values: dict[str, Any] = {"next_offset": 7, "recorded_at": scenes.NOW, "events": 1, "fold_version": "0"}
        position = codec.encode(FoldPosition(partition=partition, **values))
        producer.produce(topics.families, key=f"position/{partition}", value=position, partition=partition)
    assert producer.flush(30) == 0

    # When an official's file is activated, and one agent is lost on its way
    rules = rule_file.read(OFFICIALS.encode())
    ruling.put(bootstrap, rules, scenes.NOW, "official", topics.rules)
    lost = Reevaluation(bootstrap, _now, topics, AT_ONCE)
    assert lost.step() == AT_ONCE
    other = Reevaluation(bootstrap, _now, topics, AT_ONCE)
    paced = [other.step() for _ in range(8)]

    # Then each ranked family is asked for, by a change id of family, rule set and day, at the pace; of what the lost
    # agent had published, a family with a later record of its own may be asked again by the same id
    ranked = {family_id for family_id, state in families.items() if state.ranking_run}
    said = [message.value() or b"" for message in kafka.read_all(bootstrap, topics.changes)]
    changes = [codec.decode(value) for value in said]
    assert {one.header.family_id for one in changes} == ranked
    assert len({one.header.change_id for one in changes}) == len(ranked)
    assert len(changes) - len(ranked) <= 1
    assert (max(paced), paced[-1], sum(paced) + AT_ONCE) == (AT_ONCE, 0, len(changes))
    assert {(one.rule_set, one.version) for one in changes} == {("sembako", "2026.1")}

    # And the decisions name the file, as the topic carries it
    book = known_rules.book(bootstrap, topics.rules)
    for value in said:
        change = change_of(value, _now())
        state = families[change.prefix.family_id]
        decided: Any = handle(change, state, book).events[1].record
        assert (decided.rules_version, decided.rules_digest) == ("2026.1", rules.digest)
        assert (decided.result == "LAYAK") == (state.decile <= 3)
        assert decided.amount_rupiah in {0, 3_000_000}
    lost.close()
    other.close()

    # And places are given from the same topic: the same bytes twice
    asked = Allocation("SEMBAKO", "2025-03", 5, "35.71", "run-1", "P-1")
    plans = [allocating.write(bootstrap, topics.families, asked, tmp_path / name) for name in ("a.jsonl", "b.jsonl")]
    assert plans[0].digest == plans[1].digest
    assert (plans[0].given, plans[0].allocation.positions) == (5, (7, 7))
    assert plans[0].given + plans[0].waiting == sum(state.decile in range(1, 6) for state in families.values())


def _now() -> int:
    return time.time_ns() // 1_000
