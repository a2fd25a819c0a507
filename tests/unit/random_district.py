"""A district that is told changes at random, through the families fold and the persons fold as the engine calls them.

Every step is one change to the families fold. What is held of each: no exception; a dead letter if and only if its
bytes were planted; a refusal that names its rule and says why. What is held at the end: the states are what replaying
the events gives, and what a restore of the state topic gives; the published sums are those of two recounts.
"""

from __future__ import annotations

import traceback
from collections import Counter, deque
from dataclasses import replace
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schemas import catalogue, codec, contract, records
from schemas.codec import Undecodable
from stream_processors.engine.contract import Output, Poison
from stream_processors.folds.families import POSITION_PREFIX, FamiliesFold
from stream_processors.folds.persons import PersonsFold
from stream_processors.indicators.counts import Cell, recount
from stream_processors.registry import rulebook
from stream_processors.registry.decision import SequenceGap, event_of, record_name
from stream_processors.registry.family import evolve
from stream_processors.registry.rulebook import RuleBook
from stream_processors.registry.split import child_id
from tests.unit import random_records
from tests.unit.counts_at_length import by_script
from tests.unit.random_changes import DAY, HOUR, Speaker, family_id
from tests.unit.registry_scenarios import at, in_force

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FAMILIES: Final = 100
BATCH: Final = 500
OPENS: Final = at(2025, 3, 10)
_UNDECIDED: Final = "DECIDE_FAILED"
_MANY: Final = 2_000
Findings = list[str]


class Told(NamedTuple):
    """One record of the changes topic: how it came to be, and what is expected of it."""

    way: str
    key: bytes | None
    value: bytes
    record: str = ""
    planted: bool = False  # must be a dead letter
    may_die: bool = False


class District:
    """The families of one partition and the persons of one, with everything they put out."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)  # noqa: S311  changes at random, not secrets
        self.speaker = Speaker(self.chance)
        book = _book()
        self.families = FamiliesFold(0, lambda: book)
        self.persons = PersonsFold(0)
        self.now = OPENS
        self.told = 0
        self.ids = [family_id(self.chance) for _ in range(FAMILIES)]
        self.findings: Findings = []
        self.ways, self.given, self.taken, self.refused, self.events, self.dead = (Counter[str]() for _ in range(6))
        self._events: dict[bytes, list[bytes]] = {}
        self._states: dict[bytes, bytes] = {}
        self._sums: dict[Cell, int] = {}
        self._past: deque[Told] = deque(maxlen=_MANY)
        self._later: list[tuple[int, int, Told]] = []
        self._numbers, self._facts = count(), count()

    def step(self) -> None:
        """Tell the next change."""
        self.now += self.chance.choice((0, 1, 1_000_000, HOUR // 6, HOUR, HOUR, HOUR, 2 * HOUR, 12 * HOUR))
        told = heappop(self._later)[2] if self._later and self._later[0][0] <= self.told else self._next()
        self._tell(told)
        if self.told % BATCH == 0:
            self._take(self.families.close_batch(self.told))
            self.persons.close_batch(next(self._facts))

    def settle(self) -> None:
        """Close the last batch and hold what the district came to against replay, restore and recount."""
        self._take(self.families.close_batch(self.told))
        states = self.families.states
        replayed = {key.decode(): self._replayed(events) for key, events in self._events.items()}
        wrong = sum(states.get(key) != replayed.get(key) for key in {*states, *replayed})
        if wrong:
            self.findings.append(f"replay gives other states of {wrong} families")
        published = {cell: total for cell, total in self._sums.items() if total}
        if published != +recount(states.values()):
            self.findings.append("the published sums are not those of a recount")
        if published != +by_script(
            framed for key, framed in self._states.items() if not key.startswith(POSITION_PREFIX)
        ):
            self.findings.append("the published sums are not those of the script that has nothing of this project")
        again = FamiliesFold(0, RuleBook)
        for key, framed in self._states.items():
            again.restore(key, framed)
        again.restored()
        if again.digest() != self.families.digest():
            self.findings.append("a restore gives other states")

    @staticmethod
    def _replayed(events: list[bytes]) -> Any:
        state = None
        try:
            for framed in events:
                state = evolve(state, event_of(framed))
        except SequenceGap:
            return None
        return state

    # --- what is told ---

    def _next(self) -> Told:
        chance, draw = self.chance, self.chance.random()
        if draw < 0.02:
            return self._planted()
        if draw < 0.03:
            return self._damaged()
        if draw < 0.09 and self._past:
            again = chance.choice(self._past)
            return again._replace(way="again")
        told = self._change()
        if chance.random() < 0.06:
            heappush(
                self._later, (self.told + chance.randrange(1, 300), next(self._numbers), told._replace(way="late"))
            )
            return self._change()
        return told

    def _change(self) -> Told:
        chance, speaker = self.chance, self.speaker
        # Some families are spoken of a hundred times as much as others.
        family = self.ids[int(len(self.ids) * chance.random() ** 2)]
        key = family.encode()
        state = self.families._states.get(key)
        draw = chance.random()
        if state is None and draw < 0.9:
            change, way = speaker.registration(family, self.now), "registration"
        elif state is None or draw < 0.1:
            change, way = speaker.anything(family, state, self.now), "anything"
        elif draw < 0.35:
            change, way = speaker.nearly(family, state, self.now), "nearly fitting"
        else:
            change, way = speaker.fitting(family, state, self.now), "fitting"
        return Told(way, key, codec.encode(change), record_name(change))

    def _planted(self) -> Told:
        """Return bytes that no fold can take, each in a way of its own."""
        chance, sound = self.chance, self._change()
        value, key = sound.value, sound.key
        way = chance.choice(tuple(_POISONS))
        key, value = _POISONS[way](chance, key, value)
        return Told(f"planted: {way}", key, value, planted=True)

    def _damaged(self) -> Told:
        """Return a change with one byte changed: it may be anything."""
        sound, place = self._change(), 0
        place = self.chance.randrange(len(sound.value))
        value = bytearray(sound.value)
        value[place] ^= self.chance.randrange(1, 256)
        return Told("a byte damaged", sound.key, bytes(value), may_die=True)

    # --- what comes of it ---

    def _tell(self, told: Told) -> None:
        self.told += 1
        self.ways[told.way] += 1
        if told.record:
            self.given[told.record] += 1
        known = self.families.known
        try:
            outputs = self.families.fold(told.key, told.value, self.told - 1, self.now)
        except (Poison, Undecodable) as death:
            self._died(told, death)
            return
        except Exception as fault:  # noqa: BLE001  every exception is a finding, and the next change is told
            self._found(told, fault)
            return
        if told.planted:
            self.findings.append(f"change {self.told}: {told.way} was taken")
        if not told.may_die:
            self._past.append(told)
        events, refusals = self._take(outputs)
        if events and told.record:
            self.taken[told.record] += 1
        if not events and not refusals and self.families.known == known:
            self.findings.append(f"change {self.told}: {told.record} came to nothing and isn't known")

    def _died(self, told: Told, death: Poison | Undecodable) -> None:
        self.dead[f"{death.code} ({'planted' if told.planted else 'a byte damaged' if told.may_die else 'NOT'})"] += 1
        if death.code == _UNDECIDED:
            self._found(told, death.__cause__ or death)
        elif not told.planted and not told.may_die:
            self.findings.append(f"change {self.told}: {told.record} ({told.way}) is a dead letter: {death.code}")

    def _found(self, told: Told, fault: BaseException) -> None:
        frames = traceback.extract_tb(fault.__traceback__)[-3:]
        where = " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames)
        self.findings.append(f"change {self.told}: {told.record} ({told.way}): {fault!r} at {where}")

    def _take(self, outputs: Any) -> tuple[int, int]:
        """Take what a change put out; return how many events and refusals there were."""
        events = refusals = 0
        one: Output
        for one in outputs:
            match one.topic:
                case catalogue.EVENTS_TOPIC:
                    events += 1
                    self._events.setdefault(one.key, []).append(one.value)
                    self.events[_kind(one.value)] += 1
                    self._split(one.value)
                case catalogue.FAMILIES_TOPIC:
                    self._states[one.key] = one.value
                case catalogue.REFUSALS_TOPIC:
                    refusals += 1
                    self._refusal(codec.decode(one.value))
                case catalogue.CLAIMS_TOPIC:
                    self._fact(one)
                case catalogue.INDICATORS_TOPIC:
                    told = codec.decode(one.value)
                    self._sums[Cell(told.indicator, told.region, told.category)] = told.sum
                case _:
                    pass
        return events, refusals

    def _refusal(self, said: records.ChangeRefused) -> None:
        self.refused[said.rule] += 1
        if not said.rule.strip() or not said.explanation.strip():
            self.findings.append(f"change {self.told}: a refusal of {said.record} without rule or reason")

    def _split(self, framed: bytes) -> None:
        """Give the child of an accepted split to the district."""
        if _kind(framed) == "FamilySplit":
            split = event_of(framed).prefix.change_id
            self.speaker.splits[child_id(split)] = split
            self.ids.append(child_id(split))

    def _fact(self, fact: Output) -> None:
        """Tell the persons fold what a family noted; its answers come some time later, some of them twice."""
        try:
            answers = self.persons.fold(fact.key, fact.value, next(self._facts), self.now)
        except Exception as fault:  # noqa: BLE001  every exception is a finding, a dead letter here too
            self._found(Told("a claim", fact.key, b"", "MembershipNoted"), fault)
            return
        for one in answers:
            if one.topic == catalogue.CHANGES_TOPIC:
                told = Told("answer of the persons fold", one.key, one.value, _kind(one.value))
                for _ in range(1 + (self.chance.random() < 0.05)):
                    heappush(self._later, (self.told + self.chance.randrange(40), next(self._numbers), told))


def _kind(framed: bytes) -> str:
    return _NAMES[codec.schema_id_of(framed)]


def _book() -> RuleBook:
    """Return every shipped rule set, the standard ones in force from the start, the others one after the other."""
    standard = {(one.name, one.version) for one in rulebook.standard()}
    later = [(one.name, one.version) for one in rulebook.shipped() if (one.name, one.version) not in standard]
    return in_force(
        *((name, version, OPENS - DAY, OPENS - DAY) for name, version in sorted(standard)),
        *((name, version, OPENS + number * 20 * DAY, OPENS) for number, (name, version) in enumerate(later, 1)),
    )


Bytes = tuple[bytes | None, bytes]


def _derived(chance: Random, key: bytes | None, value: bytes) -> Bytes:
    """Return an event that the registry alone derives."""
    said = _blank(chance, "EligibilityDecided") | {"header": event_of(value).record.header}
    return key, codec.encode(records.EligibilityDecided(**said))


def _unreadable_family(chance: Random, _: bytes | None, value: bytes) -> Bytes:
    """Return a change whose family's id is none, under the same key."""
    record = event_of(value).record
    bad = chance.choice(("", "F" * 26, "a" * 25, "a" * 27, "position/0", "é" * 13))
    return bad.encode(), codec.encode(replace(record, header=replace(record.header, family_id=bad)))


_POISONS: Final[Mapping[str, Callable[[Random, bytes | None, bytes], Bytes]]] = {
    "nothing": lambda chance, key, value: (key, b""),
    "cut off": lambda chance, key, value: (key, value[: chance.randrange(len(value))]),
    "more bytes after it": lambda chance, key, value: (key, value + chance.randbytes(1 + chance.randrange(9))),
    "another magic byte": lambda chance, key, value: (key, bytes((chance.randrange(1, 256),)) + value[1:]),
    "an unknown schema": lambda chance, key, value: (key, b"\x00\x00\x01" + chance.randbytes(2) + value[5:]),
    "a text": lambda chance, key, value: (key, b'{"family_id": "a"}'),
    "noise": lambda chance, key, value: (key, b"\x00\x00\xff" + chance.randbytes(chance.randrange(200))),
    "a state": lambda chance, key, value: (key, codec.encode(records.HeldClaim(**_blank(chance, "HeldClaim")))),
    "a derived event": _derived,
    "no key": lambda chance, key, value: (None, value),
    "another family's key": lambda chance, key, value: (family_id(chance).encode(), value),
    "no family's id": _unreadable_family,
}


def _blank(chance: Random, name: str) -> dict[str, Any]:
    return {one: random_records.everyday(chance, of) for one, of in random_records.fields(name).items()}


_NAMES: Final = {number: name.rpartition(".")[2] for name, number in contract.current_ids().items()}
