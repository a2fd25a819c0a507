"""The families fold: the pure registry on the engine, one instance per partition, in memory.

Knows topics and records; every rule is the registry's, every transaction the engine's.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from schemas import catalogue, cloudevents, codec
from schemas.records import (
    DeadlineReached,
    EligibilityDecided,
    FamilyState,
    FoldPosition,
    IndicatorSum,
    MembershipNoted,
)
from stream_processors.engine.contract import Output, Poison
from stream_processors.folds import metrics, telling
from stream_processors.folds.states import OtherFoldVersion, States
from stream_processors.indicators import counted, definitions
from stream_processors.indicators.counts import Counts
from stream_processors.registry import calendar, deadlines, membership
from stream_processors.registry.decision import AidStep, Change, Refused, SequenceGap, change_of, record_name
from stream_processors.registry.family import FOLD_VERSION, Handled, handle
from stream_processors.registry.rulebook import RuleBook

POSITION_PREFIX = telling.POSITION_PREFIX
SOURCE = "/jejak/folds/families"
KEYED = (catalogue.CLAIMS_TOPIC,)  # of another key than the changes: the person
_output: Callable[[type[Output], tuple[Any, ...]], Output] = tuple.__new__  # half the cost of Output(...)
_CHANGES = frozenset(catalogue.CHANGES)
_UNITS = {indicator.name: indicator.unit for indicator in definitions.INDICATORS}


class FamiliesFold:
    """The families of one partition: states, position and counts, folded from changes in order."""

    def __init__(
        self, partition: int, rules: Callable[[], RuleBook], state_topic: str = catalogue.FAMILIES_TOPIC
    ) -> None:
        self._partition = partition
        self._rules = rules
        self._state_topic = state_topic
        self._states = States()
        self._counts = Counts()
        self._next_offset: int | None = None
        self._made_by = FOLD_VERSION
        self._recorded_at = 0
        self._midnight = 0  # when the day of the last change ends (WIB); known from the first change on
        self._events = 0
        self.known = 0

    @property
    def next_offset(self) -> int | None:
        """Offset of the next change to decide; None before the first where no position was restored."""
        return self._next_offset

    @property
    def states(self) -> dict[str, FamilyState]:
        """The current state of each family by family id, decoded anew."""
        return dict(self._states.decoded())

    def digest(self) -> tuple[int, bytes]:
        """Return the offset of the next change and the digest of the states that all before it add up to.

        Made on demand from the bytes held, about a microsecond a family, by the thread that folds.
        """
        return self._next_offset or 0, self._states.digest()

    def restore(self, key: bytes, value: bytes) -> None:
        """Take one record of the partition of jejak.families.v1; what is neither state nor position is a fault.

        A state is kept as its bytes, and decoded when it is first needed.
        """
        if key.startswith(POSITION_PREFIX):
            record = codec.decode(value)
            self._next_offset, self._recorded_at, self._events = record.next_offset, record.recorded_at, record.events
            self._made_by = record.fold_version
        else:
            self._states.restore(key, value)

    def restored(self) -> Sequence[Output]:
        """Recount every cell from the restored states and return all of them, to be published again.

        Raises OtherFoldVersion where the last position says that another version of the fold made them.
        """
        if self._made_by != FOLD_VERSION:
            raise OtherFoldVersion(
                f"partition {self._partition}: the state is of fold version {self._made_by}, this is {FOLD_VERSION}: "
                "build it anew with `jejak rebuild start state`, then switch"
            )
        self._counts = Counts()
        self._counts.add(self._states.counted())
        return list(self._changed_sums(self._next_offset or 0))

    def fold(self, key: bytes | None, value: bytes, offset: int, appended_at: int) -> Sequence[Output]:
        """Return what one change puts out; raises Poison or Undecodable, with nothing changed, where it is none."""
        recorded_at = max(self._recorded_at, appended_at)
        change = change_of(value, recorded_at)
        family_id = change.prefix.family_id
        if key != family_id.encode():
            raise Poison("KEY_IS_NOT_FAMILY")
        if record_name(change.record) not in _CHANGES:
            raise Poison("NOT_A_CHANGE")
        before = self._states.get(key)
        rules = self._rules()
        handled, framed = self._handled(key, change, before, rules)
        of_yesterday = self._day_closed(recorded_at, offset)
        self._recorded_at = recorded_at
        self._next_offset = offset + 1
        if handled.refused is not None:
            metrics.REFUSALS.labels(handled.refused.rule).inc()
            return [*of_yesterday, self._refusal(change, handled.refused, offset)]
        if handled.state is None or not handled.events:
            self.known += 1
            return of_yesterday
        if type(change.record) is DeadlineReached and deadlines.is_breach(change.record.kind):
            metrics.BREACHES.labels(change.record.kind.partition(".")[0]).inc()
        self._events += len(handled.events)
        self._counts.move(None if before is None else counted.of(before), handled.state.counted)
        outputs = self._outputs(key, before, handled, framed, rules)
        return [*of_yesterday, *outputs] if of_yesterday else outputs

    def _day_closed(self, recorded_at: int, offset: int) -> Sequence[Output]:
        """Return the sums that a day ends with, before the first change recorded on a later one (WIB) moves them.

        A batch may span midnight: without these no record would say what the sums of the day were.
        """
        if recorded_at < self._midnight:
            return []
        self._midnight = calendar.next_midnight(recorded_at)
        return list(self._changed_sums(offset))

    def _handled(
        self, key: bytes, change: Change, before: FamilyState | None, rules: RuleBook
    ) -> tuple[Handled, bytes]:
        """Return what a change came to, and the bytes of the state it left; raises Poison, with nothing changed."""
        try:
            handled = handle(change, before, rules)
            if handled.state is None or not handled.events:
                return handled, b""
            return handled, self._states.put(key, handled.state)
        except SequenceGap:  # the state itself is wrong: nothing may be decided on it
            raise
        except Exception as fault:
            # A change that no rule foresaw must not stop its partition for ever: it is kept, and the limits on dead
            # letters stop the worker when the fault is ours. Nothing was changed: handling is pure.
            raise Poison("DECIDE_FAILED") from fault

    def close_batch(self, next_offset: int) -> Sequence[Output]:
        """Return the counts that changed and this partition's new position."""
        self._next_offset = next_offset
        position = FoldPosition(
            partition=self._partition,
            next_offset=next_offset,
            recorded_at=self._recorded_at,
            events=self._events,
            fold_version=FOLD_VERSION,
        )
        return [*self._changed_sums(next_offset), telling.position(self._state_topic, position)]

    def _outputs(
        self, key: bytes, before: FamilyState | None, handled: Handled, framed: bytes, rules: RuleBook
    ) -> list[Output]:
        state = handled.state
        if state is None:
            raise TypeError("events leave a state")
        at = state.recorded_at // 1000
        outputs = []
        for event_framed, prefix, record in handled.events:
            headers = cloudevents.headers(codec.name_of(record), prefix.change_id, SOURCE)
            outputs.append(_output(Output, (catalogue.EVENTS_TOPIC, key, event_framed, headers, at)))
            if isinstance(record, EligibilityDecided | AidStep):
                outputs.append(_output(Output, (catalogue.ELIGIBILITY_TOPIC, key, event_framed, headers, at)))
        outputs.append(_output(Output, (self._state_topic, key, framed, None, 0)))
        outputs += map(_noted, membership.noted(before, handled.events[0], state))
        for due in deadlines.scheduled(before, state, rules):
            due_key = f"{due.family_id}/{due.kind}".encode()
            outputs.append(Output(catalogue.DEADLINES_TOPIC, due_key, codec.encode(due)))
        return outputs

    def _refusal(self, change: Change, refused: Refused, offset: int) -> Output:
        return telling.refusal(change, refused, (catalogue.CHANGES_TOPIC, self._partition, offset), SOURCE)

    def _changed_sums(self, next_offset: int) -> Iterator[Output]:
        for cell, total in self._counts.take_changed().items():
            record = IndicatorSum(
                definition_version=definitions.VERSION,
                indicator=cell.indicator,
                region=cell.region,
                category=cell.category,
                partition=self._partition,
                sum=total,
                unit=_UNITS[cell.indicator],
                next_offset=next_offset,
                recorded_at=self._recorded_at,
            )
            key = "/".join((definitions.VERSION, *cell)).encode()
            yield Output(catalogue.INDICATORS_TOPIC, key, codec.encode(record))


def _noted(said: MembershipNoted) -> Output:
    return Output(catalogue.CLAIMS_TOPIC, said.person_ref.encode(), codec.encode(said))
