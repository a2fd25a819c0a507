"""What is asked at the door, by whom and why, and what comes back. Must not know how either is decided."""

from dataclasses import dataclass
from typing import Any

from consumers.gateway.audit_log import Receipt
from consumers.gateway.timeline import Entry


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the authenticated channel says; `agency_id` is an agency of the contract, as `dinsos/35.71`."""

    agency_id: str
    client_id: str
    actor_ref: str
    actor_role: str
    assurance_level: str
    channel: str
    request_id: str
    trace_id: str = ""
    src_ip_prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why somebody asks: a code of the register, and what they say about it (at most 200 characters are kept)."""

    code: str
    text: str | None = None
    agreement_id: str | None = None


@dataclass(frozen=True, slots=True)
class FamilyAsked:
    """The family with this id."""

    family_id: str


@dataclass(frozen=True, slots=True)
class PersonAsked:
    """The family that holds the person with this reference."""

    person_ref: str


@dataclass(frozen=True, slots=True)
class CardAsked:
    """The family whose card has this reference."""

    card_ref: str


Asked = FamilyAsked | PersonAsked | CardAsked


@dataclass(frozen=True, slots=True)
class FamilyDisclosed:
    """A family as the caller may see it, on record: its state's sequence, the permitted fields, the audit receipts."""

    family_id: str
    sequence: int
    recorded_at: int
    fields: dict[str, Any]
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class HistoryDisclosed:
    """A family's history as lines to read, on record."""

    family_id: str
    entries: tuple[Entry, ...]
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class Withheld:
    """Nothing is shown, and why: a code of the policy, AUDIT_UNAVAILABLE, READ_MODEL_UNAVAILABLE, NOT_FOUND, ...

    READ_MODEL_BEHIND: an event that the state speaks of isn't readable yet; asked again later, it is.
    BEFORE_FIRST_EVENT: at the times asked for, nothing was known of the family, or nothing of it was true.
    EVENT_NOT_OF_STATE: the event read is another than the state names.
    """

    code: str
