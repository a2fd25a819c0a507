"""A receipt of our own log for somebody at the command line: it holds an entry, so its reading is on record first.

Must not know how a receipt is made, nor how a reading is judged.
"""

from collections.abc import Callable
from typing import Final, Protocol

from consumers.auditor import receipt as receipts
from consumers.auditor.receipt import NotYet, Receipt
from consumers.auditor.source import LogReader
from consumers.gateway.request import (
    AuditAsked,
    AuditDisclosed,
    AuditFound,
    Caller,
    Purpose,
    TrailEntry,
    WholeTrail,
    Withheld,
)
from schemas import codec, records
from schemas.quorum import Policy

Wanted = tuple[int, int] | bytes
"""Partition and offset of an entry, or its event id."""

_HEADER: Final = 37


class Passage(Protocol):
    """The part of the door that reading the audit passes."""

    def audit_read(
        self, caller: Caller, purpose: Purpose, about: AuditAsked, read: Callable[[], AuditFound]
    ) -> AuditDisclosed | Withheld:
        """Return what is read once that is on record."""


def unrecorded(log: LogReader, wanted: Wanted, policy: Policy | None = None) -> Receipt | NotYet:
    """Return the receipt of an entry of somebody's copy of the log; no door stands before a file that they hold."""
    place = wanted if isinstance(wanted, tuple) else receipts.find(log, wanted)
    return NotYet(0) if place is None else receipts.make(log, *place, policy)


def receipt(  # noqa: PLR0913, PLR0917  who asks through which door, and for what
    log: LogReader, door: Passage, caller: Caller, purpose: Purpose, wanted: Wanted, policy: Policy
) -> Receipt | NotYet | Withheld:
    """Return the receipt of an entry once its reading is on record.

    An agency may have those of its own looks; an entry that belongs to no look, or is not published, is the whole
    trail's. Raises LogDamaged, Malformed or Unreadable.
    """
    made: list[Receipt | NotYet] = []

    def read() -> AuditFound:
        found = unrecorded(log, wanted, policy)
        made.append(found)
        return AuditFound([found.format()] if isinstance(found, Receipt) else [])

    answer = door.audit_read(caller, purpose, _about(log, wanted), read)
    return answer if isinstance(answer, Withheld) else made[-1]


def _about(log: LogReader, wanted: Wanted) -> AuditAsked:
    """Return the look that an entry belongs to, by its intent; read only to judge who may see it."""
    found = unrecorded(log, wanted)
    if isinstance(found, NotYet):
        return WholeTrail()
    entry = codec.decode(found.entry[_HEADER:])
    if not isinstance(entry, records.AccessIntent):
        intent_id = getattr(entry, "intent_id", None)
        asked = receipts.find(log, intent_id, found.index) if intent_id is not None else None
        first = unrecorded(log, asked) if asked is not None else None
        entry = codec.decode(first.entry[_HEADER:]) if isinstance(first, Receipt) else None
    return TrailEntry(entry.event_id, entry.agency_id) if isinstance(entry, records.AccessIntent) else WholeTrail()
