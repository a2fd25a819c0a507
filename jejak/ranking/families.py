"""Reads one partition's families for a run: the last state of each, and the ground check that it names.

Two passes: states to their end, kept as bytes in a file while only their places stay in memory; then the accepted
events, of which the visit that a state names is taken as it comes by. So memory grows with a partition's families by
the size of their keys alone. Reads Kafka, writes nothing there; must not know scores.
"""

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from consumers.replay import log
from schemas import codec, contract, prefix
from schemas.codec import Undecodable
from schemas.coded import Coded
from schemas.framing import FRAME, FRAME_LENGTH
from schemas.records import Facet, FamilyState, GroundCheckRecorded
from stream_processors.ranking.model import Model
from stream_processors.ranking.standing import GROUND_CHECK, Standing, standing

STATE_UNREADABLE: Final = "STATE_UNREADABLE"
VISIT_MISSING: Final = "VISIT_MISSING"
_POSITIONS: Final = b"position/"
_LENGTH_BITS: Final = 24  # of a place in the file: no state is longer than 16 MiB


class InputRefused(Coded):
    """The families can't be ranked from what is there; `code` says why, `text` where. Names nobody."""


@dataclass(frozen=True, slots=True)
class Part:
    """One partition's input: the topics of states and events, and the end offset of each."""

    number: int
    states_topic: str
    events_topic: str
    states_end: int
    events_end: int


def standings(source: Consumer, part: Part, work: Path, model: Model, as_of: int) -> Iterator[Standing]:
    """Yield the standing of each active family of a partition, in no order; `work` is a file that may be written.

    Raises InputRefused for a state or visit that can't be read or isn't there, and what the log raises.
    """
    places = _kept(source, part, work)
    if not places:
        return
    with work.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
        for state, visit in _with_visit(source, part, _States(held, places)):
            found = standing(state, visit, model, as_of)
            if found is not None:
                yield found


def _kept(source: Consumer, part: Part, work: Path) -> dict[bytes, int]:
    """Have the file hold every state read; return where the last one of each family stands in it."""
    places: dict[bytes, int] = {}
    at = 0
    begin = TopicPartition(part.states_topic, part.number, 0)
    with work.open("wb") as file:
        for batch in log.batches(source, begin, part.states_end):
            for message in batch:
                key, value = message.key() or b"", message.value() or b""
                if key.startswith(_POSITIONS):
                    continue
                file.write(value)
                places[key] = at << _LENGTH_BITS | len(value)
                at += len(value)
    return places


class _States:
    """The states of one partition, by the key of their family; each is told once."""

    def __init__(self, held: mmap.mmap, places: dict[bytes, int]) -> None:
        self._held = held
        self._places = places

    def has(self, key: bytes) -> bool:
        return key in self._places

    def state(self, key: bytes) -> FamilyState:
        place = self._places[key]
        at = place >> _LENGTH_BITS
        try:
            found = codec.decode(self._held[at : at + (place & (1 << _LENGTH_BITS) - 1)])
        except Undecodable as fault:
            raise InputRefused(STATE_UNREADABLE, str(fault)) from fault
        if not isinstance(found, FamilyState) or found.family_id.encode() != key:
            raise InputRefused(STATE_UNREADABLE, "a record of another family, or none, stands under a family's key")
        return found

    def done(self, key: bytes) -> None:
        del self._places[key]

    def left(self) -> list[bytes]:
        return list(self._places)


def _with_visit(
    source: Consumer, part: Part, states: _States
) -> Iterator[tuple[FamilyState, GroundCheckRecorded | None]]:
    frames, begin = _frames(), TopicPartition(part.events_topic, part.number, 0)
    for batch in log.batches(source, begin, part.events_end):
        for message in batch:
            value, key = message.value() or b"", message.key() or b""
            if value[:FRAME_LENGTH] not in frames or not states.has(key):
                continue
            state = states.state(key)
            if _is_named(state, value):
                states.done(key)
                yield state, _visit(value)
    for key in states.left():
        state = states.state(key)
        if _named(state) is not None:
            where = f"{part.events_topic}[{part.number}] below offset {part.events_end}"
            raise InputRefused(VISIT_MISSING, f"{where}: a ground check in force isn't there")
        yield state, None


def _named(state: FamilyState) -> Facet | None:
    return next((facet for facet in state.facets if facet.name == GROUND_CHECK), None)


def _is_named(state: FamilyState, framed: bytes) -> bool:
    facet = _named(state)
    if facet is None:
        return False
    head = prefix.walk(framed)
    return (head.sequence, head.change_id) == (facet.sequence, facet.change_id)


def _visit(framed: bytes) -> GroundCheckRecorded:
    try:
        found = codec.decode(framed)
    except Undecodable as fault:
        raise InputRefused(VISIT_MISSING, f"the ground check in force can't be read: {fault}") from fault
    if not isinstance(found, GroundCheckRecorded):
        raise InputRefused(VISIT_MISSING, "the event in force is no ground check")
    return found


def _frames() -> Mapping[bytes, None]:
    """Return the frames of every version of GroundCheckRecorded."""
    name = f"{contract.NAMESPACE}.{GroundCheckRecorded.__name__}"
    found = (number for number, one in contract.writer_schemas().items() if one.name == name)
    return {FRAME.pack(0, number): None for number in found}
