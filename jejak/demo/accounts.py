"""Reads everything back from Kafka and accounts for it: no change without its fate, no event without its place.

Independent of the fold's own memory: states are folded here from the events alone.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas import catalogue, codec, contract, dead_letters, prefix
from schemas.records import DeadlineReached, FamilyState, MembershipConfirmed, MembershipContested
from stream_processors.indicators.counts import Cell, recount
from stream_processors.registry.decision import SequenceGap, event_of, record_name
from stream_processors.registry.family import evolve
from transport import kafka

Place = tuple[int, int]
DERIVED = "EligibilityDecided"
_HASTY = (DeadlineReached, MembershipConfirmed, MembershipContested)


@dataclass(slots=True)
class Changes:
    """Every change by its place, with the id it carries where it can be read."""

    ids: dict[Place, bytes] = field(default_factory=dict)
    unread: set[Place] = field(default_factory=set)
    hasty: set[Place] = field(default_factory=set)  # what the registry says itself, and may say too late

    @property
    def total(self) -> int:
        """How many values the topic holds."""
        return len(self.ids) + len(self.unread)


@dataclass(slots=True)
class Events:
    """Every event folded anew: states, records counted, and what doesn't follow."""

    states: dict[str, FamilyState] = field(default_factory=dict)
    records: Counter[str] = field(default_factory=Counter)
    accepted_ids: set[bytes] = field(default_factory=set)
    kinds: dict[str, set[str]] = field(default_factory=dict)
    gaps: int = 0
    twice: int = 0

    @property
    def accepted(self) -> int:
        """How many changes became events."""
        return self.records.total() - self.records[DERIVED]


@dataclass(slots=True)
class Refusals:
    """Refusals by rule, of the fold (with the places of their changes) and of the producers."""

    by_fold: Counter[str] = field(default_factory=Counter)
    by_producers: Counter[str] = field(default_factory=Counter)
    places: set[Place] = field(default_factory=set)


def changes(bootstrap: str) -> Changes:
    """Return every change on the topic."""
    found = Changes()
    ids = contract.current_ids()
    hasty = {ids[f"{contract.NAMESPACE}.{one.__name__}"] for one in _HASTY}
    for message in kafka.read_all(bootstrap, catalogue.CHANGES_TOPIC):
        place, value = (message.partition() or 0, message.offset() or 0), message.value() or b""
        try:
            found.ids[place] = prefix.walk(value).change_id
        except codec.Undecodable:
            found.unread.add(place)
            continue
        if codec.schema_id_of(value) in hasty:
            found.hasty.add(place)
    return found


def events(bootstrap: str) -> Events:
    """Return the events and the states they add up to, each family from nothing."""
    found = Events()
    for message in kafka.read_all(bootstrap, catalogue.EVENTS_TOPIC):
        event = event_of(message.value() or b"")
        family_id, name = event.prefix.family_id, record_name(event.record)
        before = found.states.get(family_id)
        if before is not None and event.prefix.sequence <= before.sequence:
            found.twice += 1
            continue
        try:
            found.states[family_id] = evolve(before, event)
        except SequenceGap:
            found.gaps += 1
            continue
        found.records[name] += 1
        found.kinds.setdefault(family_id, set()).add(name)
        if name != DERIVED:
            found.accepted_ids.add(event.prefix.change_id)
    return found


def refusals(bootstrap: str) -> Refusals:
    """Return every refusal, by who refused and by rule."""
    found = Refusals()
    for message in kafka.read_all(bootstrap, catalogue.REFUSALS_TOPIC):
        record = codec.decode(message.value() or b"")
        if record.source_topic == catalogue.CHANGES_TOPIC:
            found.by_fold[record.rule] += 1
            found.places.add((record.source_partition, record.source_offset))
        else:
            found.by_producers[record.rule] += 1
    return found


def dead_places(bootstrap: str) -> dict[Place, str]:
    """Return the place and code of every dead letter that came from the changes."""
    found: dict[Place, str] = {}
    for message in kafka.read_all(bootstrap, catalogue.DEAD_LETTERS_TOPIC):
        origin = dead_letters.origin_of(message.headers() or [])
        if origin.topic == catalogue.CHANGES_TOPIC:
            found[origin.partition, origin.offset] = origin.code
    return found


def published_states(bootstrap: str) -> dict[str, bytes]:
    """Return the bytes of each family's latest state as the fold published it."""
    latest = {message.key(): message.value() for message in kafka.read_all(bootstrap, catalogue.FAMILIES_TOPIC)}
    states = {bytes(key or b"").decode(): value or b"" for key, value in latest.items()}
    return {key: value for key, value in states.items() if not key.startswith("position/")}


def published_sums(bootstrap: str) -> Counter[Cell]:
    """Return every cell of the indicators topic: the latest sum of each partition, added up."""
    latest: dict[tuple[int, Cell], int] = {}
    for message in kafka.read_all(bootstrap, catalogue.INDICATORS_TOPIC):
        record = codec.decode(message.value() or b"")
        latest[record.partition, Cell(record.indicator, record.region, record.category)] = record.sum
    total: Counter[Cell] = Counter()
    for (_, cell), value in latest.items():
        total[cell] += value
    return +total


def recounted(states: Mapping[str, FamilyState]) -> Counter[Cell]:
    """Return the same cells counted from states."""
    return +recount(states.values())


def unaccounted(said: Changes, became: Events, refused: Refusals, dead: Mapping[Place, str]) -> int:
    """Return how many changes have no fate, or two: accepted (or a repeat of it), refused, or a dead letter.

    A due date or an answer to a claim that no longer mattered when it was told leaves nothing, as a repeat does.
    """
    wrong = 0
    for place, change_id in said.ids.items():
        accepted = change_id in became.accepted_ids
        stale = place in said.hasty
        fates = (accepted or (stale and place not in refused.places), place in refused.places, place in dead)
        wrong += sum(fates) != 1
    return wrong + len(said.unread ^ set(dead))
