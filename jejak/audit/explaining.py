"""Finds the entries of one look on the audit topic, by index, and the policies of its day. Holds no rule.

The read model knows the place of each intent; of any other entry, and of what the read model has not seen yet, the id
tells the time, and the broker knows places by time. The topic is never read as a whole: what is not found where an
index says it would be is told as not found.
"""

import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

from consumers.gateway import policy_feed
from consumers.gateway.disclosure import Door
from consumers.gateway.explaining import explained
from consumers.gateway.request import AuditDisclosed, AuditFound, Caller, Purpose, TrailEntry, Withheld
from consumers.gateway.trail_lines import UNANSWERED_SECONDS
from consumers.read_model.audit_queries import Access
from jejak.audit.entries import Entry
from schemas import records

_NO_ENTRY: Final = bytes(16)
# An entry's id is made before the broker takes it, by a clock that is at most 5 s off; in time is within 2 s.
_BEFORE_MS: Final = 10_000
_AFTER_MS: Final = 1_000 * UNANSWERED_SECONDS
_BY_TIME: Final = 7


@dataclass(frozen=True, slots=True)
class At:
    """The place of an entry on the audit topic."""

    partition: int
    offset: int


Ref = uuid.UUID | At


class Topic(Protocol):
    """The audit topic, read in parts."""

    def at(self, partition: int, offset: int) -> Entry | None:
        """Return the entry at a place."""

    def appended(self, first_ms: int, last_ms: int) -> Iterator[Entry]:
        """Yield what the broker took from the one time to before the other."""

    def after(self, entry: Entry, until_ms: int | None = None) -> Iterator[Entry]:
        """Yield what follows an entry in its partition, up to a time where one is given."""


class Index(Protocol):
    """What the read model knows of looks."""

    def place_of(self, intent_id: bytes) -> tuple[int, int] | None:
        """Return the place of an intent."""

    def look(self, intent: records.AccessIntent) -> Access | None:
        """Return the line of a look, with what became of it so far."""


@dataclass(frozen=True, slots=True)
class Found:
    """A look's intent, and its outcome where there is one already."""

    intent: records.AccessIntent
    outcome: records.AccessOutcome | None


class OutcomeMissing(Exception):
    """What became of a look was seen once and is not on the topic any more."""


@dataclass(frozen=True, slots=True)
class Looks:
    """Looks as they are found: on the topic, by the index."""

    topic: Topic
    index: Index

    def find(self, ref: Ref) -> Found | None:
        """Return the look that an entry belongs to: the entry is its intent, its outcome or one of its disclosures.

        None where it is not at its place, or was put on the topic more than a minute after its id was made, as by who
        replays a gateway's file, and is no intent.
        """
        entry = self.topic.at(ref.partition, ref.offset) if isinstance(ref, At) else self._of_id(ref.bytes)
        if entry is not None and not isinstance(entry.record, records.AccessIntent):
            intent_id = getattr(entry.record, "intent_id", None)
            entry = None if intent_id is None else self._of_id(intent_id)
        if entry is None or not isinstance(entry.record, records.AccessIntent):
            return None
        return Found(entry.record, self._outcome(entry, entry.record))

    def _of_id(self, event_id: bytes) -> Entry | None:
        place = self.index.place_of(event_id)
        if place is not None:
            return self.topic.at(*place)
        made = uuid.UUID(bytes=event_id)
        if made.version != _BY_TIME:
            return None
        made_ms = made.int >> 80
        near = self.topic.appended(made_ms - _BEFORE_MS, made_ms + _AFTER_MS)
        return next((entry for entry in near if entry.record.event_id == event_id), None)

    def _outcome(self, entry: Entry, intent: records.AccessIntent) -> records.AccessOutcome | None:
        """Return what became of a look: read on until it comes where it is known to, for a minute where it isn't."""
        look = self.index.look(intent)
        known = look is not None and look.outcome != ""
        for each in self.topic.after(entry, None if known else entry.appended_ms + _AFTER_MS):
            if isinstance(each.record, records.AccessOutcome) and each.record.intent_id == intent.event_id:
                return each.record
        if known:
            raise OutcomeMissing(intent.event_id.hex())
        return None


def explain(  # noqa: PLR0913, PLR0917  who asks through which door, about what
    bootstrap: str, looks: Looks, door: Door, caller: Caller, purpose: Purpose, ref: Ref
) -> tuple[dict[str, Any], ...] | Withheld:
    """Return each decision of the look that this entry belongs to, made again; reading it is on record first."""
    found = looks.find(ref)
    about = TrailEntry(_NO_ENTRY, caller.agency_id)
    if found is not None:
        about = TrailEntry(found.intent.event_id, found.intent.agency_id)

    def read() -> AuditFound:
        if found is None:
            return AuditFound(())
        again = explained(found.intent, found.outcome, lambda named: policy_feed.set_of_hash(bootstrap, named))
        return AuditFound(tuple(asdict(one) for one in again))

    answer = door.audit_read(caller, purpose, about, read)
    return tuple(answer.found.lines) if isinstance(answer, AuditDisclosed) else answer
