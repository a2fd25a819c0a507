"""What a trail is read from, and through what: the door, the tables of looks, homes, and who proves an entry.

Knows their form alone; must not know where any of them is answered.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from consumers.gateway.request import (
    AuditAsked,
    AuditDisclosed,
    AuditFound,
    Caller,
    FamilyDisclosed,
    PersonAsked,
    Purpose,
    Withheld,
)
from consumers.read_model.audit_queries import Access, AccessPage, Position


class Passage(Protocol):
    """What the door does for a trail: puts its reading on record, and shows the person's own data."""

    def audit_read(
        self, caller: Caller, purpose: Purpose, about: AuditAsked, read: Callable[[], AuditFound]
    ) -> AuditDisclosed | Withheld:
        """Return what `read` finds once the intent, and then the outcome, are on record."""

    def look_family(
        self, caller: Caller, purpose: Purpose, asked: PersonAsked, fields: Sequence[str]
    ) -> FamilyDisclosed | Withheld:
        """Return the family's permitted fields once the look is on record."""


class AccessTables(Protocol):
    """The lines as the read model holds them, newest first."""

    def of_subjects(self, *groups: Sequence[bytes]) -> Sequence[Sequence[Access]]:
        """Return every line about the subjects of each group: persons or families as epochs name them."""

    def of_accessor(self, agency: str, actor: str, day: str, after: Position, limit: int) -> AccessPage:
        """Return looks of an accessor on a day."""

    def of_agency(self, agency: str, day: str, after: Position, limit: int) -> AccessPage:
        """Return looks of an agency on a day."""

    def epochs(self) -> Sequence[int]:
        """Return the epochs in which the audit trail has entries."""


class Homes(Protocol):
    """Where a person lives, and by which cards that family is asked for."""

    def family_of(self, reference: str) -> str | None:
        """Return the family in which a reference stands."""

    def cards_of(self, family_id: str) -> Sequence[str]:
        """Return the reference of every card that the family had."""


class Prover(Protocol):
    """Makes the proof that an entry is in the log."""

    def receipt(self, partition: int, offset: int) -> str | None:
        """Return the receipt of the entry at that place of the topic; None until a checkpoint covers it."""


class NoProofs:
    """Proves nothing: every line is pending."""

    def receipt(self, partition: int, offset: int) -> str | None:
        """Return None."""
        del partition, offset
        return None
