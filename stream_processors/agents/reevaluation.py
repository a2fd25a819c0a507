"""Has families decided again once a rule set is in force: paced, resumable, one change per family concerned.

A pass reads the states of the families to the end they had when it began, judges each as the fold will, and publishes
a `ReevaluationRequested` for those that would be decided otherwise. How far it has come are a consumer group's offsets
on the topic of the states, with each partition's end beside them: a pass that was interrupted goes on, and one whose
offsets ran out finds nobody left. Ids are of family, rule set and due time: sent twice, a change is known. Must not
know what a rule says.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import faust
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas import catalogue, cloudevents, codec
from schemas.identifiers import deadline_id
from schemas.records import FamilyState, Header, ReevaluationRequested
from stream_processors.folds.rules_watch import RulesWatch
from stream_processors.registry import eligibility
from stream_processors.registry.decision import eligibility_of
from stream_processors.registry.rulebook import RuleBook
from stream_processors.registry.ruleset import RuleSet
from transport import kafka

AGENCY, ACTOR = "registry", "reevaluation"
PER_SECOND: Final = 500
_LOOKED_AT: Final = 20_000  # states a step at most, so that a step's end is soon
_CALL_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Due:
    """A rule set whose families are to be decided again since `at` (microseconds)."""

    rules: RuleSet
    at: int

    @property
    def kind(self) -> str:
        """What the due time is of, as ids of changes and the group of a pass name it."""
        return f"REEVALUATION.{self.rules.name}.{self.rules.version}"


def dues(book: RuleBook, now: int) -> Iterator[Due]:
    """Yield what is due of each rule set in force: its activation, or the latest turn of its periods since."""
    for rules in book.in_force(now):
        begun = [max(one.effective_at, one.recorded_at) for one in book.activations if one.rules.digest == rules.digest]
        yield Due(rules, max([*(at for at in begun if at <= now), *(at for at in rules.turns() if at <= now)]))


def concerned(state: FamilyState, due: Due, now: int) -> bool:
    """Tell whether the fold would decide this family otherwise than it did."""
    return any(
        eligibility.differs(eligibility_of(state, rules.programme), rules, judged)
        for rules, judged in eligibility.judgements(state, now, (due.rules,))
    )


def request(family_id: str, due: Due) -> ReevaluationRequested:
    """Return the change that has a family decided again; the same family, rules and due time have the same id."""
    header = Header(
        sequence=0,
        recorded_at=0,
        occurred_at=due.at,
        change_id=deadline_id(family_id, due.kind, due.at),
        family_id=family_id,
        agency=AGENCY,
        actor=ACTOR,
        document=f"{due.rules.name}-{due.rules.version}",
    )
    return ReevaluationRequested(header=header, rule_set=due.rules.name, version=due.rules.version)


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics by name."""

    families: str = catalogue.FAMILIES_TOPIC
    rules: str = catalogue.RULES_TOPIC
    changes: str = catalogue.CHANGES_TOPIC


@dataclass(slots=True)
class _Pass:
    """One pass over the families: its reader, where each partition stands, and where it ends."""

    due: Due
    source: Consumer
    positions: dict[int, int]
    ends: dict[int, int]
    seen: set[bytes] = field(default_factory=set)

    def open_partition(self) -> int | None:
        """Return a partition that isn't read to its end, None once all are."""
        return next((one for one, end in self.ends.items() if self.positions[one] < end), None)


class Reevaluation:
    """The work of the agent, step by step, in a thread of its own; `clock` returns microseconds since 1970."""

    def __init__(self, bootstrap: str, clock: Callable[[], int], topics: Topics, per_second: int = PER_SECOND) -> None:
        self._bootstrap, self._clock, self._topics = bootstrap, clock, topics
        self._at_once = per_second
        self._watch = RulesWatch(bootstrap, topics.rules)
        self._producer = kafka.producer(bootstrap)
        self._pass: _Pass | None = None
        self._done: set[tuple[str, int]] = set()
        self._faults: list[str] = []

    def step(self) -> int:
        """Publish at most a second's changes and record how far this came; return how many were published."""
        self._watch.refresh()
        if self._pass is None:
            waiting = [one for one in dues(self._watch.book, self._clock()) if (one.kind, one.at) not in self._done]
            if not waiting:
                return 0
            self._pass = self._begin(waiting[0])
        return self._go_on(self._pass)

    def _begin(self, due: Due) -> _Pass:
        source = kafka.reader(self._bootstrap, group_id=group_of(due, self._topics.families))
        ends = kafka.end_offsets(self._bootstrap, self._topics.families)
        told = source.committed([TopicPartition(self._topics.families, one) for one in ends], timeout=_CALL_SECONDS)
        known = {one.partition: one for one in told if one.offset >= 0}
        positions = {one: known[one].offset if one in known else 0 for one in ends}
        ends = {one: int(known[one].metadata or end) if one in known else end for one, end in ends.items()}
        begun = _Pass(due, source, positions, ends)
        self._record(begun)
        return begun

    def _go_on(self, work: _Pass) -> int:
        published = looked_at = 0
        while published < self._at_once and looked_at < _LOOKED_AT:
            partition = work.open_partition()
            if partition is None:
                break
            work.source.assign([TopicPartition(self._topics.families, partition, work.positions[partition])])
            for message in _some(work.source, work.ends[partition], _LOOKED_AT - looked_at):
                looked_at += 1
                published += self._take(work, message)
                work.positions[partition] = (message.offset() or 0) + 1
                if published >= self._at_once:
                    break
            else:
                if looked_at < _LOOKED_AT:
                    work.positions[partition] = max(work.positions[partition], work.ends[partition])
                    work.seen.clear()
        self._deliver()
        self._record(work)
        if work.open_partition() is None:
            self._done.add((work.due.kind, work.due.at))
            work.source.close()
            self._pass = None
        return published

    def _take(self, work: _Pass, message: Message) -> int:
        key, value = message.key(), message.value()
        if value is None or not isinstance(key, bytes) or key in work.seen:
            return 0
        state = codec.decode(value)
        if not isinstance(state, FamilyState) or not concerned(state, work.due, max(self._clock(), work.due.at)):
            return 0
        work.seen.add(key)
        change = request(state.family_id, work.due)
        headers: Any = cloudevents.headers(codec.name_of(change), change.header.change_id, f"/agencies/{AGENCY}")
        self._producer.produce(
            self._topics.changes, key=key, value=codec.encode(change), headers=headers, on_delivery=self._delivered
        )
        self._producer.poll(0)
        return 1

    def _delivered(self, error: object, _: object) -> None:
        if error is not None:
            self._faults.append(str(error))

    def _deliver(self) -> None:
        if self._producer.flush(_CALL_SECONDS) or self._faults:
            raise TimeoutError(f"{self._topics.changes}: not acknowledged ({', '.join(self._faults) or 'no answer'})")

    def _record(self, work: _Pass) -> None:
        offsets = [
            TopicPartition(self._topics.families, one, at, metadata=str(work.ends[one]))
            for one, at in work.positions.items()
        ]
        work.source.commit(offsets=offsets, asynchronous=False)

    def close(self) -> None:
        """End the clients."""
        self._watch.close()
        if self._pass is not None:
            self._pass.source.close()


def group_of(due: Due, families: str) -> str:
    """Return the consumer group whose offsets tell how far a pass has come."""
    return f"{families}-{due.kind}-{due.at}"


def _some(source: Consumer, end: int, most: int) -> Iterator[Message]:
    """Yield at most so many records below `end` of the one partition that is assigned."""
    taken = 0
    while taken < most:
        first = source.poll(kafka.IDLE_SECONDS)
        if first is None:
            raise TimeoutError(f"nothing for {kafka.IDLE_SECONDS:.0f} s")
        error = first.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  the library's public name
                raise KafkaException(error)
            return
        if (first.offset() or 0) >= end:
            return
        taken += 1
        yield first


def attach(app: faust.App, work: Callable[[], Reevaluation], every_s: float) -> None:
    """Give the app a timer that takes one step after the other, in a thread: reading waits for the broker."""
    running: list[Reevaluation] = []

    async def step() -> None:
        if not running:
            running.append(work())
        await asyncio.get_running_loop().run_in_executor(None, running[0].step)

    app.timer(interval=every_s, name="reevaluation")(step)
