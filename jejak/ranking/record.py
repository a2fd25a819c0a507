"""A run on the log: what it was computed from, by which model, and what it came to, once all its changes are published.

Knows the topic of runs; must not know how a run is computed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jejak.ranking.run import MISSING_RULE, TIE_BREAK, Asked, Result, RunRefused
from producers.publish import PublishFailed
from schemas import catalogue, codec
from schemas.records import RankingInput, RankingReason, RankingRunPublished, RankingTenth
from stream_processors.ranking.model import Model
from stream_processors.registry.ranking import NATIONAL
from transport import kafka

RUN_TAKEN: Final = "RUN_TAKEN"
_DEADLINE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Published:
    """What is said of a run beside what it is: when (µs), by whom, and which of its changes."""

    at: int
    by: str
    changed_only: bool
    changes: int


def runs(bootstrap: str, topic: str = catalogue.RANKING_RUNS_TOPIC) -> dict[str, RankingRunPublished]:
    """Return every run that was published, by its id, in the order of their publication."""
    found: dict[str, RankingRunPublished] = {}
    for message in kafka.read_all(bootstrap, topic):
        one: RankingRunPublished = codec.decode(message.value() or b"")
        found.setdefault(one.run_id, one)
    return found


def check_free(known: Mapping[str, RankingRunPublished], asked: Asked, result: Result) -> bool:
    """Tell whether this run still has to be said; raises RunRefused where its name is another run's."""
    before = known.get(asked.run_id)
    if before is None:
        return True
    if before.output_digest.hex() != result.output_digest:
        raise RunRefused(RUN_TAKEN, f"{asked.run_id} was published with another outcome: name a new run")
    return False


def of(asked: Asked, model: Model, text: bytes, result: Result, said: Published) -> RankingRunPublished:
    """Return the record of a run; `text` is the model's file."""
    ends = enumerate(zip(asked.states, asked.events, strict=True))
    return RankingRunPublished(
        run_id=asked.run_id,
        published_at=said.at,
        published_by=said.by,
        as_of=asked.as_of,
        basis=asked.basis,
        scope=NATIONAL,
        model_version=model.version,
        dpia_id=model.dpia_id,
        illustrative=model.illustrative,
        model_digest=model.digest,
        model=text.decode(),
        tie_break=TIE_BREAK,
        missing_rule=MISSING_RULE,
        states_topic=asked.states_topic,
        events_topic=asked.events_topic,
        input=tuple(RankingInput(partition=number, states_end=one, events_end=other) for number, (one, other) in ends),
        input_digest=bytes.fromhex(result.input_digest),
        output_digest=bytes.fromhex(result.output_digest),
        families=result.families,
        ranked=result.ranked,
        persons=result.persons,
        weight=result.weight,
        tenths=tuple(
            RankingTenth(families=one.families, persons=one.persons, lowest=one.lowest, highest=one.highest)
            for one in result.tenths
        ),
        unranked=tuple(RankingReason(reason=reason, families=count) for reason, count in result.unranked.items()),
        changed_only=said.changed_only,
        changes=said.changes,
    )


def say(bootstrap: str, record: RankingRunPublished, topic: str = catalogue.RANKING_RUNS_TOPIC) -> None:
    """Have the topic hold the record; raises PublishFailed when the broker does not take it."""
    faults: list[object] = []
    producer = kafka.producer(bootstrap)
    producer.produce(
        topic,
        key=record.run_id.encode(),
        value=codec.encode(record),
        on_delivery=lambda error, _: faults.append(error) if error is not None else None,
    )
    if producer.flush(_DEADLINE_SECONDS) or faults:
        raise PublishFailed("the broker did not take the run's record: publish the run again")
