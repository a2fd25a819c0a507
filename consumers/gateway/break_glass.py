"""Which emergencies still wait for their review, as the read model keeps them: by agency.

An emergency is reviewed by an allowed AUDIT_READ intent that names it, of an officer of the same agency who was
neither of the two. Must not know how rows are made of the trail, nor who asks now.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from cassandra import DriverException
from cassandra.cluster import NoHostAvailable

from consumers.gateway.waiting import reading
from consumers.read_model import audit_queries

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

    def waiting(self, agency: str) -> Mapping[bytes, Emergency]:
        """Return, by the event_id of its intent, every emergency of the agency that was not reviewed yet.

        Raises TimeoutError where that can't be told in time.
        """


class NoReviews:
    """No emergency at all: what the door asks where nobody keeps any."""

    def waiting(self, agency: str) -> Mapping[bytes, Emergency]:
        """Return none."""
        del agency
        return _NONE


class EmergencyTables(Protocol):
    """The rows of emergencies."""

    def unreviewed(self, agency: str) -> Iterable[audit_queries.Emergency]:
        """Return every emergency of the agency that nobody reviewed yet."""


class KeptReviews:
    """Where emergencies stand by the tables, some seconds after the trail: a review is due after days."""

    def __init__(self, tables: EmergencyTables) -> None:
        self._tables = tables

    def waiting(self, agency: str) -> Mapping[bytes, Emergency]:
        """Return every emergency of the agency that was not reviewed yet; raises TimeoutError without a database."""
        try:
            with reading():
                rows = self._tables.unreviewed(agency)
        except (DriverException, NoHostAvailable) as fault:
            raise TimeoutError("the tables of emergencies do not answer") from fault
        return {
            row.intent_id: Emergency(agency, frozenset({row.actor, row.second_actor}), row.review_due_at)
            for row in rows
        }


def overdue(waiting: Mapping[bytes, Emergency], agency: str, at: int) -> bool:
    """Tell whether an emergency of the agency should have been reviewed by now."""
    return any(one.agency == agency and one.review_due_at <= at for one in waiting.values())


def may_review(waiting: Mapping[bytes, Emergency], intent_id: bytes, agency: str, actor_ref: str) -> bool:
    """Tell whether the officer may review the emergency: it waits, it is their agency's, and they took no part."""
    found = waiting.get(intent_id)
    return found is not None and found.agency == agency and actor_ref not in found.officers
