"""What gateways say in one segment of the log: their numbers and hashes as runs, and which intents were answered.

Works on what is decoded, leaf by leaf, and knows no other segment: `ledger` joins them.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

from consumers.auditor.verdict import Broken, Figures, at_leaf
from schemas import codec, records

CLOCKS_APART_US: Final = 5_000_000
_HEADER: Final = 37
Entry = records.AccessIntent | records.AccessOutcome | records.SubjectDisclosure | records.GatewayHeartbeat


@dataclass(slots=True)
class Run:
    """Entries of one gateway whose numbers and hashes follow each other, and the leaves they lie between."""

    gateway: str
    first: int
    before: bytes
    last: int
    hash: bytes
    first_leaf: int
    last_leaf: int
    place: str
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Mention:
    """An entry that opens or answers an intent, and whose it is; `closes` that of an outcome."""

    intent: bytes
    gateway: str
    number: int
    place: str
    closes: bool = False


@dataclass(slots=True)
class Said:
    """What a segment's gateways said."""

    runs: list[Run] = field(default_factory=list)
    opened: list[Mention] = field(default_factory=list)
    closed: list[bytes] = field(default_factory=list)
    unmatched: list[Mention] = field(default_factory=list)
    """Outcomes and disclosures whose intent lies in no earlier leaf of this segment."""
    figures: Figures = field(default_factory=Figures)


class Listener:
    """Takes the entries of a segment in their order; `broken` is the first that can't be."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._last: dict[str, int] = {}
        self._open: dict[bytes, Mention] = {}
        self._closed: dict[bytes, None] = {}
        self._elsewhere: set[bytes] = set()
        self._said = Said()

    def said(self) -> Said:
        """Return all of it."""
        self._said.runs.sort(key=lambda run: run.first_leaf)
        self._said.opened = list(self._open.values())
        self._said.closed = list(self._closed)
        return self._said

    def take(self, leaf: int, partition: int, offset: int, entry: bytes) -> Broken | None:
        """Return what is broken about an entry by itself or after the one before it of its gateway."""
        value = entry[_HEADER:]
        try:
            record = codec.decode(value)
        except codec.Undecodable as fault:
            return Broken("UNDECODABLE", at_leaf(leaf, partition, offset), fault.code)
        if not isinstance(record, Entry):
            return Broken("UNDECODABLE", at_leaf(leaf, partition, offset), "not a record of the audit topic")
        broker_us = int.from_bytes(entry[13:21], "big") * 1_000
        if abs(broker_us - record.occurred_at) > CLOCKS_APART_US:
            self._said.figures.clocks_apart += 1
        return self._follow(leaf, partition, offset, record, hashlib.sha256(value).digest())

    def _follow(self, leaf: int, partition: int, offset: int, record: Any, hashed: bytes) -> Broken | None:
        number, gateway = record.gateway_seq, record.gateway_id
        run = self._runs.get(gateway)
        if run is not None and number == run.last + 1:
            if record.prev_gateway_hash != run.hash:
                place = at_leaf(leaf, partition, offset)
                return Broken("CHAIN_BROKEN", place, f"number {number} of {gateway} names another entry before it")
            if run.closed:
                place = at_leaf(leaf, partition, offset)
                return Broken("AFTER_CLOSING", place, f"number {number} of {gateway}")
            run.last, run.hash, run.last_leaf = number, hashed, leaf
        else:
            place = at_leaf(leaf, partition, offset)
            run = Run(gateway, number, record.prev_gateway_hash, number, hashed, leaf, leaf, place)
            self._runs[gateway] = run
            self._said.runs.append(run)
        repeated = number <= self._last.get(gateway, 0)
        self._last[gateway] = max(number, self._last.get(gateway, 0))
        return self._sort_out(record, run, (leaf, partition, offset), repeated=repeated)

    def _sort_out(self, record: Entry, run: Run, where: tuple[int, int, int], *, repeated: bool) -> Broken | None:
        figures = self._said.figures
        match record:
            case records.AccessIntent():
                figures.intents += 1
                if not repeated:
                    self._open[record.event_id] = _mention(record.event_id, record, where)
            case records.AccessOutcome():
                figures.outcomes += 1
                if self._open.pop(record.intent_id, None):
                    self._closed[record.intent_id] = None
                elif not repeated and record.intent_id not in self._closed:
                    self._elsewhere.add(record.intent_id)
                    self._said.unmatched.append(_mention(record.intent_id, record, where, closes=True))
            case records.SubjectDisclosure():
                figures.disclosures += 1
                if not repeated and not self._knows(record.intent_id):
                    self._elsewhere.add(record.intent_id)
                    self._said.unmatched.append(_mention(record.intent_id, record, where))
            case records.GatewayHeartbeat():
                figures.heartbeats += 1
                run.closed = record.closing
                if record.last_seq != record.gateway_seq - 1:
                    return Broken(
                        "HEARTBEAT_WRONG",
                        at_leaf(*where),
                        f"{record.gateway_id} says {record.last_seq} came before {record.gateway_seq}",
                    )
            case never:
                assert_never(never)
        return None

    def _knows(self, intent: bytes) -> bool:
        return intent in self._open or intent in self._closed or intent in self._elsewhere


def _mention(intent: bytes, record: Entry, where: tuple[int, int, int], *, closes: bool = False) -> Mention:
    return Mention(intent, record.gateway_id, record.gateway_seq, at_leaf(*where), closes)
