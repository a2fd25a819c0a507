"""What is asked at the door, by whom and why, and what comes back. Must not know how either is decided.

Four questions, each a method of `Door`, each with an intent on record before anything is read:
`look_family` and `history` about a family; `break_glass` about one family where no purpose allows it, with a second
officer; `audit_read` about the trail itself, where the asker of the door hands over the read; `open_export`, which
lends an `ExportStream` whose every chunk is on record, person by person, before its bytes are returned.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from consumers.gateway.audit_log import Receipt
from consumers.gateway.timeline import Entry


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the authenticated channel says; `agency_id` is an agency of the contract, as `dinsos/35.71`.

    Made by `authentication.Authenticator` of a verified token, never of what a request says. `token_jti` and
    `token_issuer` name that token, `client_cert_digest` is the SHA-256 of the certificate it is bound to. `person_ref`
    is set where the caller is a citizen, and is the only person whose data or trail they may ask for.
    """

    agency_id: str
    client_id: str
    actor_ref: str
    actor_role: str
    assurance_level: str
    channel: str
    request_id: str
    trace_id: str = ""
    src_ip_prefix: str | None = None
    token_jti: str | None = None
    token_issuer: str | None = None
    client_cert_digest: bytes | None = None
    person_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why somebody asks: a code of the register, and what they say about it (at most 200 characters are kept).

    Where the purpose withholds its looks from whom they are about, the asker names when that ends (`visible_from`, µs
    since 1970, UTC) and, where it takes one, the reference of the court's order.
    """

    code: str
    text: str | None = None
    agreement_id: str | None = None
    visible_from: int | None = None
    court_order: str | None = None


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
class TrailOfPerson:
    """Who saw the person with this reference."""

    person_ref: str


@dataclass(frozen=True, slots=True)
class TrailOfAccessor:
    """Whom this officer of this agency saw."""

    agency_id: str
    actor_ref: str


@dataclass(frozen=True, slots=True)
class TrailOfAgency:
    """Whom this agency saw."""

    agency_id: str


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """One entry of the trail, by the event_id of its intent, of a look that this agency made."""

    event_id: bytes
    agency_id: str


@dataclass(frozen=True, slots=True)
class WholeTrail:
    """Every entry of the trail, whoever looked at whomever."""


AuditAsked = TrailOfPerson | TrailOfAccessor | TrailOfAgency | TrailEntry | WholeTrail


@dataclass(frozen=True, slots=True)
class RefusalsAsked:
    """What was refused to this agency."""

    agency_id: str


@dataclass(frozen=True, slots=True)
class AuditFound:
    """What a read of the trail found: `lines` are what JSON can say; `suppressed` were left out, as law lets them.

    `body` are the very bytes that will be sent of it, where who asks has made them.
    """

    lines: Sequence[Any]
    suppressed: int = 0
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class ExportAsked:
    """An export under an agreement: which fields, of families in which regions (Kemendagri codes), of how many persons.

    `export_id` is the same when an export is taken up again; each time is an intent of its own.
    """

    export_id: str
    fields: tuple[str, ...]
    regions: tuple[str, ...]
    persons: int


@dataclass(frozen=True, slots=True)
class RefusalsDisclosed:
    """What was refused to an agency, line by line, on record."""

    lines: Sequence[Any]
    receipts: tuple[Receipt, ...]


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
class RankingDisclosed:
    """What a family's last two rankings were made of, as it was told, on record."""

    family_id: str
    told: Any
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class LifeDisclosed:
    """A family's whole life as it was told, on record."""

    family_id: str
    told: Any
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class Withheld:
    """Nothing is shown, and why: a code of the policy, AUDIT_UNAVAILABLE, READ_MODEL_UNAVAILABLE, NOT_FOUND, ...

    READ_MODEL_BEHIND: an event that the state speaks of isn't readable yet; asked again later, it is.
    BEFORE_FIRST_EVENT: at the times asked for, nothing was known of the family, or nothing of it was true.
    EVENT_NOT_OF_STATE: the event read is another than the state names.
    """

    code: str


@dataclass(frozen=True, slots=True)
class AuditDisclosed:
    """What was read of the trail, the reading on record."""

    found: AuditFound
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """One family of an export: its permitted fields, masked as a look would show them."""

    family_id: str
    sequence: int
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChunkDisclosed:
    """The bytes of a chunk that may leave now: the disclosure of each of its persons is durable.

    `left_out` are families that are not in it, each with why: NOT_FOUND, OUTSIDE_AREA, READ_MODEL_BEHIND, ...
    """

    body: bytes
    families: int
    persons: int
    left_out: tuple[tuple[str, str], ...]
    receipts: tuple[Receipt, ...]


Render = Callable[[Sequence[FamilyRow]], bytes]
"""Makes the bytes that leave of the rows that may leave; reads nothing further."""


class ExportStream(Protocol):
    """An export that was let in, chunk by chunk; exactly one of `close` and `abandon` ends it."""

    @property
    def intent(self) -> Receipt:
        """Where the export's one intent is durable."""

    def disclose_chunk(self, family_ids: Sequence[str], render: Render) -> ChunkDisclosed | Withheld:
        """Return the chunk's bytes once a disclosure of each person in it is durable; a Withheld showed nothing."""

    def erased_among(self, owners: Collection[str]) -> frozenset[str] | Withheld:
        """Return which of these persons and families were erased since, by any process."""

    def close(self) -> tuple[Receipt, ...] | Withheld:
        """Leave the outcome: the count of persons, a digest of every byte, and the root over every disclosure."""

    def abandon(self, code: str) -> Withheld:
        """Leave the outcome of an export that broke off: what left of it, and why it ended."""
