"""What gateways say in one segment of the log: their numbers and hashes as runs, and which intents were answered.

Works on what is decoded, leaf by leaf, and knows no other segment: `ledger` joins them. A place is put into words only
where something is wrong, and what is soon answered is a plain tuple meanwhile: this runs once an entry.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, NamedTuple

from consumers.auditor.looks import Due, Look, Told, Where, said_again, too_many
from consumers.auditor.verdict import Broken, Figures, at_leaf
from schemas import codec, records

CLOCKS_APART_US: Final = 5_000_000
_HEADER: Final = 37


class Letter(NamedTuple):
    """An entry that can be judged only by who knows the segments before: what it follows lies there.

    A Told is an outcome, bytes the value hash of a disclosure; None is any other entry, of which it matters that it is
    none of the disclosures that an outcome in an earlier segment may have left due.
    """

    intent: bytes
    gateway: str
    number: int
    where: Where
    said: Told | bytes | None


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
    opened: list[tuple[bytes, Look]] = field(default_factory=list)
    closed: list[tuple[bytes, int]] = field(default_factory=list)
    """Intents that were answered, with the count of the outcome."""
    letters: list[Letter] = field(default_factory=list)
    due: dict[str, Due] = field(default_factory=dict)
    """What gateways still owe at the end of the segment."""
    figures: Figures = field(default_factory=Figures)


@dataclass(slots=True)
class _Gateway:
    """A gateway's run, the highest number it ever said in this segment, and whether its last one came before.

    `due` is the outcome whose disclosures must come next; `unread`, that what it says next is told of in a letter.
    """

    run: Run
    highest: int
    repeats: bool = False
    due: Due | None = None
    unread: bool = True


class Listener:
    """Takes the entries of a segment in their order; `broken` is the first that can't be."""

    def __init__(self) -> None:
        self._gateways: dict[str, _Gateway] = {}
        self._runs: list[Run] = []
        self._open: dict[bytes, Look] = {}
        self._closed: dict[bytes, int] = {}
        self._letters: list[Letter] = []
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
        due = {name: one.due for name, one in self._gateways.items() if one.due is not None}
        return Said(self._runs, [*self._open.items()], [*self._closed.items()], self._letters, due, figures)

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
        if number > gateway.highest:
            gateway.highest = number
            return self._HEARD[kind](self, record, gateway, where)
        gateway.run.closed = kind is records.GatewayHeartbeat and record.closing  # all else was judged the first time
        return None

    def _begin(self, record: Any, where: Where, gateway: _Gateway | None) -> _Gateway:
        """Return the gateway, a run of it begun."""
        number = record.gateway_seq
        run = Run(record.gateway_id, number, record.prev_gateway_hash, number, b"", where[0], where[0], where)
        self._runs.append(run)
        if gateway is None:
            gateway = self._gateways[run.gateway] = _Gateway(run, 0)
        elif number > gateway.highest:
            gateway.due = None  # a hole, which is told of as one
        gateway.run = run
        return gateway

    def _intent(self, record: Any, gateway: _Gateway, where: Where) -> Broken | None:
        self._open[record.event_id] = Look.begun(record, where)
        return self._goes_on(record, gateway, where)

    def _outcome(self, record: Any, gateway: _Gateway, where: Where) -> Broken | None:
        intent, told = record.intent_id, Told.by(record)
        if gateway.due is None and intent not in self._open and intent not in self._closed:
            gateway.unread = True  # what follows it too
            self._letters.append(Letter(intent, record.gateway_id, record.gateway_seq, where, told))
            return None
        if broken := self._goes_on(record, gateway, where):
            return broken
        if intent in self._closed:
            return said_again(self._closed[intent], told, where)
        due = self._open.pop(intent).answered(intent, told, where)
        if isinstance(due, Broken):
            return due
        self._closed[intent] = due.count
        gateway.due = due if due.left else None
        return None

    def _disclosure(self, record: Any, gateway: _Gateway, where: Where) -> Broken | None:
        intent, due = record.intent_id, gateway.due
        if due is not None:
            if due.intent != intent:
                return due.broken()
            due.left -= 1
            gateway.due = due if due.left else None
        elif look := self._open.get(intent):
            look.shown(gateway.run.hash)
            return self._goes_on(record, gateway, where)
        elif intent in self._closed:
            return too_many(where)
        else:
            self._letters.append(Letter(intent, record.gateway_id, record.gateway_seq, where, gateway.run.hash))
        return None

    def _heartbeat(self, record: Any, gateway: _Gateway, where: Where) -> Broken | None:
        gateway.run.closed = record.closing
        if record.last_seq == record.gateway_seq - 1:
            return self._goes_on(record, gateway, where)
        text = f"{record.gateway_id} says {record.last_seq} came before {record.gateway_seq}"
        return Broken("HEARTBEAT_WRONG", at_leaf(*where), text)

    def _goes_on(self, record: Any, gateway: _Gateway, where: Where) -> Broken | None:
        """Hold what can be no disclosure that is due against what is due, in this segment or in one before."""
        if gateway.due is not None:
            return gateway.due.broken()
        if gateway.unread:
            gateway.unread = False
            self._letters.append(Letter(b"", record.gateway_id, record.gateway_seq, where, None))
        return None

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
