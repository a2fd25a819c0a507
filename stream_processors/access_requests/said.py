"""What goes into a decision on a request and what comes out of it. Knows framed records; must not know any rule."""

from typing import NamedTuple

from schemas import codec, records
from schemas.prefix import Prefix, stamp
from stream_processors.registry.decision import Refused

ChangeRecord = (
    records.AccessRequestDrafted
    | records.AccessRequestSubmitted
    | records.AccessRequestReviewed
    | records.AccessGranted
    | records.DataHandedOver
    | records.UsageReportFiled
    | records.UsageReportReviewed
    | records.AccessSuspended
    | records.AccessResumed
    | records.DeadlineReached
)
EventRecord = ChangeRecord | records.UsageReportReminded | records.UsageReportEscalated


class Change(NamedTuple):
    """What an office says of a request, as received, and when the registry came to know it (microseconds)."""

    framed: bytes
    prefix: Prefix
    record: ChangeRecord
    recorded_at: int


class Event(NamedTuple):
    """What the registry accepted: the change's bytes with sequence and recorded time, or a record that follows."""

    framed: bytes
    prefix: Prefix
    record: EventRecord


class Handled(NamedTuple):
    """What one change did: its events in order (none when refused or known), and the request's state afterwards."""

    state: records.AccessRequestState | None
    events: tuple[Event, ...] = ()
    refused: Refused | None = None


def change_of(framed: bytes, recorded_at: int) -> Change:
    """Return the change in `framed`; raises Undecodable where it is none."""
    header, record = codec.read(framed)
    return Change(framed, header, record, recorded_at)


def accepted(change: Change, sequence: int) -> Event:
    """Return the event that a change becomes; its payload bytes are the change's own."""
    framed, stamped = stamp(change.framed, change.prefix, sequence, change.recorded_at)
    return Event(framed, stamped, change.record)


def event_of(framed: bytes) -> Event:
    """Return the event in `framed`, as read from the events topic; raises Undecodable where it is none."""
    return Event(framed, *codec.read(framed))
