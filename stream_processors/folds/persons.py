"""The persons fold: pure claims on the engine, one instance per partition of persons, in memory.

Knows topics and records; every rule is `stream_processors.persons`'s, every transaction the engine's. Its answers go
to the partitions of their families, which are not its own.
"""

from collections.abc import Sequence

from schemas import catalogue, cloudevents, codec
from schemas.records import FoldPosition, MembershipNoted, PersonState
from stream_processors.engine.contract import Output, Poison
from stream_processors.folds.progress import Progress
from stream_processors.folds.states import StateUnreadable
from stream_processors.persons.claims import KINDS
from stream_processors.persons.person import FOLD_VERSION, Answer, handle

SOURCE = "/jejak/folds/persons"
OUTPUTS = tuple(topic.name for topic in catalogue.TOPICS if "persons fold" in topic.writer)
KEYED = (catalogue.CHANGES_TOPIC,)


class PersonsFold:
    """The persons of one partition: their states and the position, folded in order from what families noted."""

    def __init__(self, partition: int) -> None:
        self._framed: dict[bytes, bytes] = {}
        self._progress = Progress(partition, catalogue.PERSONS_TOPIC, FOLD_VERSION)

    @property
    def next_offset(self) -> int | None:
        """Offset of the next fact to take; None before the first where no position was restored."""
        return self._progress.next_offset

    @property
    def states(self) -> dict[str, PersonState]:
        """The current state of each person by reference, decoded anew."""
        return {key.decode(): codec.decode(framed) for key, framed in self._framed.items()}

    def digest(self) -> tuple[int, bytes]:
        """Return the offset of the next fact and a SHA-256 over every state, in order of references."""
        return self._progress.digest(self._framed.items())

    def restore(self, key: bytes, value: bytes) -> None:
        """Take one record of the partition of jejak.persons.v1; raises StateUnreadable for what is none."""
        record = codec.decode(value)
        if isinstance(record, FoldPosition):
            self._progress.restore(record)
        elif isinstance(record, PersonState) and record.person_ref.encode() == key:
            self._framed[key] = value
        else:
            raise StateUnreadable("a restored record is no state of a person")

    def restored(self) -> Sequence[Output]:
        """Return nothing to publish; raises OtherFoldVersion where another version of the fold made the states."""
        self._progress.check()
        return []

    def fold(self, key: bytes | None, value: bytes, offset: int, appended_at: int) -> Sequence[Output]:
        """Return what one fact puts out; raises Poison or Undecodable, with nothing changed, where it is none."""
        noted = codec.decode(value)
        if not isinstance(noted, MembershipNoted) or noted.kind not in KINDS:
            raise Poison("NOT_A_CLAIM")
        if key is None or key != noted.person_ref.encode():
            raise Poison("KEY_IS_NOT_PERSON")
        progress = self._progress
        progress.recorded_at, progress.next_offset = max(progress.recorded_at, appended_at), offset + 1
        framed = self._framed.get(key)
        before: PersonState | None = None if framed is None else codec.decode(framed)
        handled = handle(noted, before)
        if handled.state is before:
            return []
        self._framed[key] = codec.encode(handled.state)
        progress.counted += len(handled.answers)
        return [
            Output(catalogue.PERSONS_TOPIC, key, self._framed[key]),
            *(_said(answer) for answer in handled.answers),
        ]

    def close_batch(self, next_offset: int) -> Sequence[Output]:
        """Return this partition's new position."""
        return [self._progress.told(next_offset)]


def _said(answer: Answer) -> Output:
    headers = cloudevents.headers(codec.name_of(answer), answer.header.change_id, SOURCE)
    return Output(catalogue.CHANGES_TOPIC, answer.header.family_id.encode(), codec.encode(answer), headers)
