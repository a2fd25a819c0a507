"""Accepted events for replays: a synthetic nation's changes decided by the pure fold, written as the fold writes them.

python accepted.py BOOTSTRAP TOPIC EVENTS publishes about so many; a family's life is said again under other family
ids, so that a million come in seconds.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from identity.families import InMemoryAliases
from identity.keys import InMemoryKeyStore
from identity.references import ReferenceKey
from producers.intake import Intake
from producers.outgoing import Outgoing
from producers.simulation import Nation, simulate
from schemas import catalogue
from stream_processors.registry import rulebook
from stream_processors.registry.decision import change_of
from stream_processors.registry.family import handle
from stream_processors.registry.rulebook import Activation, RuleBook
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.records import FamilyState

RULES_SINCE = 1_735_689_600_000_000  # 2025-01-01, before anything is simulated
FIRST_MS = 1_790_000_000_000  # 2026-09-21: the registry learns of everything after it happened
PER_MILLISECOND = 4
_FLUSH_SECONDS = 60.0
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


class Accepted(NamedTuple):
    """One record of the events topic."""

    family_id: bytes
    framed: bytes
    at_ms: int


def rules() -> RuleBook:
    """Return the book with the standard rule sets in force since 2025."""
    return RuleBook(tuple(Activation(one, RULES_SINCE, RULES_SINCE) for one in rulebook.standard()))


def accepted(families: int, seed: int = 1) -> Iterator[Accepted]:
    """Yield the events of a nation of so many families, in the order in which the registry accepted them."""
    intake = Intake(ReferenceKey(b"r" * 32), InMemoryAliases(), InMemoryKeyStore())
    said = intake.take(step.draft for step in simulate(Nation(families=families, seed=seed, poison=0)))
    states: dict[str, FamilyState] = {}
    book = rules()
    for number, change in enumerate(said):
        if not isinstance(change, Outgoing) or change.topic != catalogue.CHANGES_TOPIC:
            continue
        at_ms = FIRST_MS + number // PER_MILLISECOND
        taken = change_of(change.value, at_ms * 1000)
        handled = handle(taken, states.get(taken.prefix.family_id), book)
        if handled.state is not None:
            states[taken.prefix.family_id] = handled.state
        for event in handled.events:
            yield Accepted(change.key, event.framed, at_ms)


def again(events: Iterable[Accepted], times: int) -> Iterator[Accepted]:
    """Yield each event for `times` families of the same life: a family's id is replaced wherever it stands."""
    endings = [a + b for a in _LETTERS for b in _LETTERS][:times]
    for one in events:
        for ending in endings:
            other = one.family_id[:-2] + ending.encode()
            yield Accepted(other, one.framed.replace(one.family_id, other), one.at_ms)


def publish(bootstrap: str, topic: str, events: Iterable[Accepted]) -> dict[int, int]:
    """Write events as the fold does, in transactions of many; return each partition's end afterwards."""
    producer = kafka.transactional_producer(bootstrap, f"{topic}.accepted", queue_buffering_max_messages=200_000)
    producer.init_transactions(_FLUSH_SECONDS)
    producer.begin_transaction()
    for number, one in enumerate(events, 1):
        producer.produce(topic, key=one.family_id, value=one.framed, timestamp=one.at_ms)
        if number % 20_000 == 0:
            producer.commit_transaction(_FLUSH_SECONDS)
            producer.begin_transaction()
    producer.commit_transaction(_FLUSH_SECONDS)
    return kafka.end_offsets(bootstrap, topic)


def main(bootstrap: str, topic: str, events: int) -> None:
    """Publish at least so many events to a topic made for them."""
    kafka.create_topics(bootstrap, [catalogue.topic(topic)])
    some = list(accepted(1_000))
    ends = publish(bootstrap, topic, again(some, -(-events // len(some))))
    sys.stdout.write(f"{sum(ends.values())} offsets\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
