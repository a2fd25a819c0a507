"""Which emergencies still wait for their review: a fold of the audit trail's intents, one entry after the other.

An emergency is reviewed by an allowed AUDIT_READ intent that names it, of an officer of the same agency who was
neither of the two. Must not know where the trail is read, nor who asks now.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

from schemas import records

BREAK_GLASS: Final = "BREAK_GLASS"
_NONE: Final[Mapping[bytes, "Emergency"]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Emergency:
    """One BREAK_GLASS that was let in: whose, by which two officers, and until when it must be reviewed."""

    agency: str
    officers: frozenset[str]
    review_due_at: int


class Reviews(Protocol):
    """Where the emergencies stand."""

    def waiting(self) -> Mapping[bytes, Emergency]:
        """Return, by the event_id of its intent, every emergency that was not reviewed yet."""


class NoReviews:
    """No emergency at all: what the door asks where nobody keeps any."""

    def waiting(self) -> Mapping[bytes, Emergency]:
        """Return none."""
        return _NONE


class Emergencies:
    """The emergencies of the entries applied so far; applying an entry again changes nothing that follows."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, Emergency] = {}
        self._reviewed: set[bytes] = set()

    def waiting(self) -> Mapping[bytes, Emergency]:
        """Return, by the event_id of its intent, every emergency that was not reviewed yet."""
        return dict(self._waiting)

    def apply(self, entry: Any) -> None:
        """Take one entry of the trail into account; entries of several gateways may come in any order."""
        if not isinstance(entry, records.AccessIntent) or entry.decision != "ALLOW":
            return
        if entry.action == BREAK_GLASS and entry.event_id not in self._reviewed:
            officers = frozenset({entry.actor_ref, entry.second_actor_ref or entry.actor_ref})
            self._waiting[entry.event_id] = Emergency(entry.agency_id, officers, entry.review_due_at or 0)
        elif entry.reviews_intent_id is not None:
            self._reviewed.add(entry.reviews_intent_id)
            self._waiting.pop(entry.reviews_intent_id, None)


def overdue(waiting: Mapping[bytes, Emergency], agency: str, at: int) -> bool:
    """Tell whether an emergency of the agency should have been reviewed by now."""
    return any(one.agency == agency and one.review_due_at <= at for one in waiting.values())


def may_review(waiting: Mapping[bytes, Emergency], intent_id: bytes, agency: str, actor_ref: str) -> bool:
    """Tell whether the officer may review the emergency: it waits, it is their agency's, and they took no part."""
    found = waiting.get(intent_id)
    return found is not None and found.agency == agency and actor_ref not in found.officers
