"""What a gateway answers when it can't vouch for entries, and what the door asks of an audit trail.

Must not know how an entry becomes durable.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from consumers.gateway.chain import NO_POLICIES, Draft
from consumers.gateway.pending import Receipt

UNAVAILABLE: Final = "AUDIT_UNAVAILABLE"
DISK_FULL: Final = "DISK_FULL"
CLOCK_WRONG: Final = "CLOCK_WRONG"
WITNESSES_LATE: Final = "WITNESSES_LATE"
TOO_LARGE: Final = "AUDIT_RECORD_TOO_LARGE"


@dataclass(frozen=True, slots=True)
class AuditUnavailable:
    """The refusal to vouch for entries, and why: nothing may be shown on their strength.

    `queued` are the ids of entries that are on record all the same, or may be later. `code` is AUDIT_UNAVAILABLE,
    DISK_FULL, CLOCK_WRONG, WITNESSES_LATE or AUDIT_RECORD_TOO_LARGE.
    """

    queued: tuple[bytes, ...] = ()
    code: str = UNAVAILABLE


class AuditTrail(Protocol):
    """What the door asks of the audit trail."""

    def append(self, *drafts: Draft) -> tuple[Receipt, ...] | AuditUnavailable:
        """Return the receipts once every entry is durable, in order; a refusal at the deadline."""

    def queue(self, draft: Draft) -> None:
        """Let the entry become durable whenever that is possible; wait for nothing, promise nothing."""


def no_policies() -> bytes:
    """Tell that no policy set serves: what heartbeats say where nobody knows of any."""
    return NO_POLICIES


def in_time() -> str:
    """Tell that no checkpoint is awaited: nothing forbids to vouch."""
    return ""
