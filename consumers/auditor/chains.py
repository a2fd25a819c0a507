"""What gateways say in one segment of the log: their numbers and hashes as runs, and which intents were answered.

Works on what is decoded, leaf by leaf, and knows no other segment: `ledger` joins them. A place is put into words only
where something is wrong, and what is soon answered is a plain tuple meanwhile: this runs once an entry.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, NamedTuple

from consumers.auditor.verdict import Broken, Figures, at_leaf
from schemas import codec, records

CLOCKS_APART_US: Final = 5_000_000
_HEADER: Final = 37

Where = tuple[int, int, int]
"""Leaf, partition and offset."""


class Mention(NamedTuple):
    """An entry that opens or answers an intent, and whose it is; `closes` that of an outcome."""

    intent: bytes
    gateway: str
    number: int
    where: Where
    closes: bool = False

    @property
    def place(self) -> str:
        """Where the entry is, in words."""
        return at_leaf(*self.where)


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
    where: Where
    closed: bool = False

    @property
    def place(self) -> str:
        """Where the first of them is, in words."""
        return at_leaf(*self.where)


@dataclass(slots=True)
class Said:
    """What a segment's gateways said."""

    runs: list[Run] = field(default_factory=list)
    opened: list[Mention] = field(default_factory=list)
    closed: list[bytes] = field(default_factory=list)
    unmatched: list[Mention] = field(default_factory=list)
    """Outcomes and disclosures whose intent lies in no earlier leaf of this segment."""
    figures: Figures = field(default_factory=Figures)


@dataclass(slots=True)
class _Gateway:
    """A gateway's run, the highest number it ever said in this segment, and whether its last one came before."""

    run: Run
    highest: int
    repeats: bool = False


class Listener:
    """Takes the entries of a segment in their order; `broken` is the first that can't be."""

    def __init__(self) -> None:
        self._gateways: dict[str, _Gateway] = {}
        self._runs: list[Run] = []
        self._open: dict[bytes, tuple[str, int, Where]] = {}
        self._closed: dict[bytes, None] = {}
        self._elsewhere: set[bytes] = set()
        self._unmatched: list[Mention] = []
        self._clocks_apart = 0
        self._counts: dict[type[Any], int] = dict.fromkeys(self._HEARD, 0)

    def said(self) -> Said:
        """Return all of it."""
        counts = self._counts
        figures = Figures(
            intents=counts[records.AccessIntent],
            outcomes=counts[records.AccessOutcome],
            disclosures=counts[records.SubjectDisclosure],
            heartbeats=counts[records.GatewayHeartbeat],
            clocks_apart=self._clocks_apart,
        )
        opened = [Mention(intent, *whose) for intent, whose in self._open.items()]
        return Said(self._runs, opened, list(self._closed), self._unmatched, figures)

    def take(self, leaf: int, partition: int, offset: int, entry: bytes) -> Broken | None:
        """Return what is broken about an entry by itself or after the one before it of its gateway."""
        value, where = entry[_HEADER:], (leaf, partition, offset)
        try:
            record = codec.decode(value)
        except codec.Undecodable as fault:
            return Broken("UNDECODABLE", at_leaf(*where), fault.code)
        kind = record.__class__
        if kind not in self._counts:
            return Broken("UNDECODABLE", at_leaf(*where), "not a record of the audit topic")
        self._counts[kind] += 1
        broker_us = int.from_bytes(entry[13:21], "big") * 1_000
        if not -CLOCKS_APART_US <= broker_us - record.occurred_at <= CLOCKS_APART_US:
            self._clocks_apart += 1
        number, gateway = record.gateway_seq, self._gateways.get(record.gateway_id)
        if gateway is None or number != gateway.run.last + 1:
            gateway = self._begin(record, where, gateway)
        else:
            run = gateway.run
            if run.closed or record.prev_gateway_hash != run.hash:
                return _does_not_follow(record, run, where)
            run.last, run.last_leaf = number, leaf
        gateway.run.hash = sha256(value).digest()
        gateway.repeats = number <= gateway.highest
        if not gateway.repeats:
            gateway.highest = number
        return self._HEARD[kind](self, record, gateway, where)

    def _begin(self, record: Any, where: Where, gateway: _Gateway | None) -> _Gateway:
        """Return the gateway, a run of it begun."""
        number = record.gateway_seq
        run = Run(record.gateway_id, number, record.prev_gateway_hash, number, b"", where[0], where[0], where)
        self._runs.append(run)
        if gateway is None:
            gateway = self._gateways[run.gateway] = _Gateway(run, 0)
        gateway.run = run
        return gateway

    def _intent(self, record: Any, gateway: _Gateway, where: Where) -> None:
        if not gateway.repeats:
            self._open[record.event_id] = (record.gateway_id, record.gateway_seq, where)

    def _outcome(self, record: Any, gateway: _Gateway, where: Where) -> None:
        intent = record.intent_id
        if self._open.pop(intent, None):
            self._closed[intent] = None
        elif not gateway.repeats and intent not in self._closed:
            self._answers_elsewhere(record, where, closes=True)

    def _disclosure(self, record: Any, gateway: _Gateway, where: Where) -> None:
        intent = record.intent_id
        known = intent in self._open or intent in self._closed or intent in self._elsewhere
        if not known and not gateway.repeats:
            self._answers_elsewhere(record, where, closes=False)

    def _answers_elsewhere(self, record: Any, where: Where, *, closes: bool) -> None:
        self._elsewhere.add(record.intent_id)
        self._unmatched.append(Mention(record.intent_id, record.gateway_id, record.gateway_seq, where, closes))

    def _heartbeat(self, record: Any, gateway: _Gateway, where: Where) -> Broken | None:
        gateway.run.closed = record.closing
        if record.last_seq == record.gateway_seq - 1:
            return None
        text = f"{record.gateway_id} says {record.last_seq} came before {record.gateway_seq}"
        return Broken("HEARTBEAT_WRONG", at_leaf(*where), text)

    # What is done with each record of the audit topic; a look-up, where a match would ask four times.
    _HEARD: Final[dict[type[Any], Callable[["Listener", Any, _Gateway, Where], Broken | None]]] = {
        records.AccessIntent: _intent,
        records.AccessOutcome: _outcome,
        records.SubjectDisclosure: _disclosure,
        records.GatewayHeartbeat: _heartbeat,
    }


def _does_not_follow(record: Any, run: Run, where: Where) -> Broken:
    number, gateway = record.gateway_seq, record.gateway_id
    if record.prev_gateway_hash != run.hash:
        return Broken("CHAIN_BROKEN", at_leaf(*where), f"number {number} of {gateway} names another entry before it")
    return Broken("AFTER_CLOSING", at_leaf(*where), f"number {number} of {gateway}")
