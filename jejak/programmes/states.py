"""Every family's state from the topic of the state that serves, one after the other, and how far it was read.

A family has several records until the topic is compacted: the last one of a key counts. Knows the topic; must not know
what is made of a state.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from jejak.composition import Registry
from jejak.rebuild.pointer import STATE
from schemas import catalogue, codec
from schemas.records import FamilyState, FoldPosition
from transport import kafka

T = TypeVar("T")


class Read(NamedTuple):
    """How far the families are: the next offset of each partition's changes, and when the last one was recorded."""

    positions: tuple[int, ...]
    as_of: int


def topic_of(registry: Registry) -> str:
    """Return the topic of the state that serves."""
    return catalogue.families_topic(registry.serving.of(STATE).version)


def each(bootstrap: str, topic: str, made: Callable[[FamilyState], T]) -> tuple[dict[bytes, T], Read]:
    """Return what is made of each family's last state, by its key, and how far they were read.

    Memory is what is made, never the states.
    """
    read = ((message.key(), message.value()) for message in kafka.read_all(bootstrap, topic))
    return of(((key, value) for key, value in read if isinstance(key, bytes) and value is not None), made)


def of(records: Iterable[tuple[bytes, bytes]], made: Callable[[FamilyState], T]) -> tuple[dict[bytes, T], Read]:
    """Return likewise what is made of records in the order in which they stand in a topic."""
    found: dict[bytes, T] = {}
    positions: dict[int, FoldPosition] = {}
    for key, value in records:
        record = codec.decode(value)
        if isinstance(record, FamilyState):
            found[key] = made(record)
        else:
            positions[record.partition] = record
    last = [one for _, one in sorted(positions.items())]
    return found, Read(tuple(one.next_offset for one in last), max((one.recorded_at for one in last), default=0))
