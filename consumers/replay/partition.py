"""The accepted events of one partition folded into its families' states: the registry's own `evolve`, in memory.

Never decides: what was accepted stays accepted, whatever the rules say now. Knows records in the order of the log;
must not know brokers, files or other partitions.
"""

from collections.abc import Iterator, Mapping, Sequence

from schemas import codec
from schemas.codec import Undecodable
from schemas.records import FamilyState
from stream_processors.indicators import counted
from stream_processors.registry.decision import EventRecord, SequenceGap, event_of
from stream_processors.registry.family import evolve
from stream_processors.registry.framed_state import counted_in

SEQUENCE_HOLE, NOT_AN_EVENT = "SEQUENCE_HOLE", "NOT_AN_EVENT"
KEY_IS_NOT_FAMILY, NOT_FOLDABLE = "KEY_IS_NOT_FAMILY", "NOT_FOLDABLE"


class ReplayRefused(Exception):
    """The log can't be replayed; `code` says why and `text` where: partition, offset, family and sequence."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


class PartitionFold:
    """The states of one partition's families after the events taken so far; it may begin with framed states."""

    def __init__(self, number: int, states: Mapping[str, bytes] | None = None) -> None:
        self._number = number
        self._untouched: dict[str, bytes] = dict(states or {})  # not decoded before an event comes to the family
        self._states: dict[str, FamilyState] = {}
        self.repeated = 0

    def take(self, offsets: Sequence[int], keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Fold the next events; raises ReplayRefused at the first that can't be."""
        for offset, key, value in zip(offsets, keys, values, strict=True):
            self._fold(offset, key, value)

    def _fold(self, offset: int, key: bytes, value: bytes) -> None:
        try:
            event = event_of(value)
        except Undecodable as fault:
            raise self._refused(fault.code, offset, str(fault)) from fault
        family_id, sequence = event.prefix.family_id, event.prefix.sequence
        if key != family_id.encode():
            raise self._refused(KEY_IS_NOT_FAMILY, offset, f"family {family_id} under another key")
        if not isinstance(event.record, EventRecord):
            raise self._refused(NOT_AN_EVENT, offset, f"{codec.name_of(event.record)} is none that the fold takes")
        before = self._states.get(family_id) or self._touched(family_id)
        place = f"family {family_id}, sequence {sequence}"
        try:
            after = evolve(before, event)
        except SequenceGap as fault:
            raise self._refused(SEQUENCE_HOLE, offset, f"{place}: {fault}") from fault
        except LookupError as fault:  # a step out of order, as no fold accepts it
            raise self._refused(NOT_FOLDABLE, offset, f"{place}: no such step where the family stands") from fault
        self.repeated += after is before
        self._states[family_id] = after

    def _refused(self, code: str, offset: int, text: str) -> ReplayRefused:
        return ReplayRefused(code, f"partition {self._number}, offset {offset}: {text}")

    def _touched(self, family_id: str) -> FamilyState | None:
        framed = self._untouched.pop(family_id, None)
        return None if framed is None else codec.decode(framed)

    def holds(self, family_id: str) -> bool:
        """Tell whether a family is there."""
        return family_id in self._states or family_id in self._untouched

    def adopt(self, family_id: str, framed: bytes) -> None:
        """Take over a family as another fold left it."""
        self._untouched[family_id] = framed

    @property
    def families(self) -> int:
        """How many families there are."""
        return len(self._states) + len(self._untouched)

    def framed(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield each family's id, framed state and what it counts, in order of ids."""
        for family_id in sorted([*self._states, *self._untouched]):
            state = self._states.get(family_id)
            if state is None:
                framed = self._untouched[family_id]
                yield family_id, framed, counted_in(framed)
            else:
                yield family_id, codec.encode(state), counted.of(state)
