"""The requests fold: pure machine F on the engine, one instance per partition, in memory.

Knows topics and records; every rule is `stream_processors.access_requests`'s, every transaction the engine's.
"""

from collections.abc import Sequence

from schemas import catalogue, cloudevents, codec
from schemas.records import AccessRequestState, FoldPosition
from stream_processors.access_requests import usage
from stream_processors.access_requests.request import FOLD_VERSION, handle
from stream_processors.access_requests.said import Change, Handled, change_of
from stream_processors.engine.contract import Output, Poison
from stream_processors.folds import metrics, telling
from stream_processors.folds.progress import Progress
from stream_processors.folds.states import StateUnreadable
from stream_processors.registry.decision import Refused, SequenceGap, record_name

SOURCE = "/jejak/folds/access-requests"
OUTPUTS = tuple(topic.name for topic in catalogue.TOPICS if "requests fold" in topic.writer)
_CHANGES = frozenset(catalogue.REQUEST_CHANGES)


class AccessRequestsFold:
    """The requests of one partition: their states and the position, folded from changes in order."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._states: dict[bytes, AccessRequestState] = {}
        self._progress = Progress(partition, catalogue.REQUEST_STATES_TOPIC, FOLD_VERSION)

    @property
    def next_offset(self) -> int | None:
        """Offset of the next change to decide; None before the first where no position was restored."""
        return self._progress.next_offset

    @property
    def states(self) -> dict[str, AccessRequestState]:
        """The current state of each request by its id."""
        return {key.decode(): state for key, state in self._states.items()}

    def digest(self) -> tuple[int, bytes]:
        """Return the offset of the next change and a SHA-256 over every state, in order of ids."""
        return self._progress.digest((key, codec.encode(state)) for key, state in self._states.items())

    def restore(self, key: bytes, value: bytes) -> None:
        """Take one record of the partition of the states topic; raises StateUnreadable for what is none."""
        record = codec.decode(value)
        if isinstance(record, FoldPosition):
            self._progress.restore(record)
        elif isinstance(record, AccessRequestState) and record.request_id.encode() == key:
            self._states[key] = record
        else:
            raise StateUnreadable("a restored record is no state of a request")

    def restored(self) -> Sequence[Output]:
        """Return nothing to publish; raises OtherFoldVersion where another version of the fold made the states."""
        self._progress.check()
        return []

    def fold(self, key: bytes | None, value: bytes, offset: int, appended_at: int) -> Sequence[Output]:
        """Return what one change puts out; raises Poison or Undecodable, with nothing changed, where it is none."""
        recorded_at = max(self._progress.recorded_at, appended_at)
        change = change_of(value, recorded_at)
        if key is None or key != change.prefix.family_id.encode():
            raise Poison("KEY_IS_NOT_REQUEST")
        if record_name(change.record) not in _CHANGES:
            raise Poison("NOT_A_CHANGE")
        before = self._states.get(key)
        handled = _handled(change, before)
        self._progress.recorded_at, self._progress.next_offset = recorded_at, offset + 1
        if handled.refused is not None:
            metrics.REFUSALS.labels(handled.refused.rule).inc()
            return [self._refusal(change, handled.refused, offset)]
        if handled.state is None or not handled.events:
            return []
        self._states[key] = handled.state
        self._progress.counted += len(handled.events)
        return list(_outputs(key, before, handled.state, handled))

    def close_batch(self, next_offset: int) -> Sequence[Output]:
        """Return this partition's new position."""
        return [self._progress.told(next_offset)]

    def _refusal(self, change: Change, refused: Refused, offset: int) -> Output:
        return telling.refusal(change, refused, (catalogue.REQUESTS_TOPIC, self._partition, offset), SOURCE)


def _handled(change: Change, before: AccessRequestState | None) -> Handled:
    try:
        return handle(change, before)
    except SequenceGap:  # the state itself is wrong: nothing may be decided on it
        raise
    except Exception as fault:
        # As in the families fold: a change that no rule foresaw is kept as a dead letter and stops no partition.
        raise Poison("DECIDE_FAILED") from fault


def _outputs(
    key: bytes, before: AccessRequestState | None, state: AccessRequestState, handled: Handled
) -> Sequence[Output]:
    at = state.recorded_at // 1000
    outputs = []
    for event in handled.events:
        headers = cloudevents.headers(codec.name_of(event.record), event.prefix.change_id, SOURCE)
        outputs.append(Output(catalogue.REQUEST_EVENTS_TOPIC, key, event.framed, headers, at))
    outputs.append(Output(catalogue.REQUEST_STATES_TOPIC, key, codec.encode(state)))
    for due in usage.scheduled(before, state):
        due_key = f"{due.family_id}/{due.kind}".encode()
        outputs.append(Output(catalogue.DEADLINES_TOPIC, due_key, codec.encode(due)))
    return outputs
