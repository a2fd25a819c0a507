"""The persons fold: pure claims on the engine, one instance per partition of persons, in memory.

Knows topics and records; every rule is `stream_processors.persons`'s, every transaction the engine's. Its answers go
to the partitions of their families, which are not its own.
"""

import hashlib
from collections.abc import Sequence

from schemas import catalogue, cloudevents, codec
from schemas.records import FoldPosition, MembershipNoted, PersonState
from stream_processors.engine.contract import Output, Poison
from stream_processors.folds.states import OtherFoldVersion, StateUnreadable
from stream_processors.persons.claims import KINDS
from stream_processors.persons.person import FOLD_VERSION, Answer, handle

POSITION_PREFIX = b"position/"
SOURCE = "/jejak/folds/persons"
OUTPUTS = tuple(topic.name for topic in catalogue.TOPICS if "persons fold" in topic.writer)
KEYED = (catalogue.CHANGES_TOPIC,)


class PersonsFold:
    """The persons of one partition: their states and the position, folded in order from what families noted."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._framed: dict[bytes, bytes] = {}
        self._next_offset: int | None = None
        self._made_by = FOLD_VERSION
        self._recorded_at = 0
        self._answers = 0

    @property
    def next_offset(self) -> int | None:
        """Offset of the next fact to take; None before the first where no position was restored."""
        return self._next_offset

    @property
    def states(self) -> dict[str, PersonState]:
        """The current state of each person by reference, decoded anew."""
        return {key.decode(): codec.decode(framed) for key, framed in self._framed.items()}

    def digest(self) -> tuple[int, bytes]:
        """Return the offset of the next fact and a SHA-256 over every state, in order of references."""
        whole = hashlib.sha256()
        for key in sorted(self._framed):
            whole.update(key)
            whole.update(hashlib.sha256(self._framed[key]).digest())
        return self._next_offset or 0, whole.digest()

    def restore(self, key: bytes, value: bytes) -> None:
        """Take one record of the partition of jejak.persons.v1; raises StateUnreadable for what is none."""
        record = codec.decode(value)
        if isinstance(record, FoldPosition):
            self._next_offset, self._recorded_at, self._answers = record.next_offset, record.recorded_at, record.events
            self._made_by = record.fold_version
        elif isinstance(record, PersonState) and record.person_ref.encode() == key:
            self._framed[key] = value
        else:
            raise StateUnreadable("a restored record is no state of a person")

    def restored(self) -> Sequence[Output]:
        """Return nothing to publish; raises OtherFoldVersion where another version of the fold made the states."""
        if self._made_by != FOLD_VERSION:
            raise OtherFoldVersion(f"persons of fold version {self._made_by}, this is {FOLD_VERSION}")
        return []

    def fold(self, key: bytes | None, value: bytes, offset: int, appended_at: int) -> Sequence[Output]:
        """Return what one fact puts out; raises Poison or Undecodable, with nothing changed, where it is none."""
        noted = codec.decode(value)
        if not isinstance(noted, MembershipNoted) or noted.kind not in KINDS:
            raise Poison("NOT_A_CLAIM")
        if key is None or key != noted.person_ref.encode():
            raise Poison("KEY_IS_NOT_PERSON")
        self._recorded_at, self._next_offset = max(self._recorded_at, appended_at), offset + 1
        framed = self._framed.get(key)
        before: PersonState | None = None if framed is None else codec.decode(framed)
        handled = handle(noted, before)
        if handled.state is before:
            return []
        self._framed[key] = codec.encode(handled.state)
        self._answers += len(handled.answers)
        return [
            Output(catalogue.PERSONS_TOPIC, key, self._framed[key]),
            *(_said(answer) for answer in handled.answers),
        ]

    def close_batch(self, next_offset: int) -> Sequence[Output]:
        """Return this partition's new position."""
        self._next_offset = next_offset
        position = FoldPosition(
            partition=self._partition,
            next_offset=next_offset,
            recorded_at=self._recorded_at,
            events=self._answers,
            fold_version=FOLD_VERSION,
        )
        key = POSITION_PREFIX + str(self._partition).encode()
        return [Output(catalogue.PERSONS_TOPIC, key, codec.encode(position))]


def _said(answer: Answer) -> Output:
    headers = cloudevents.headers(codec.name_of(answer), answer.header.change_id, SOURCE)
    return Output(catalogue.CHANGES_TOPIC, answer.header.family_id.encode(), codec.encode(answer), headers)
