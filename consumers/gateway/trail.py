"""Who saw whom: the trail of a person, an accessor's day, an agency's day. Reading the audit is audited, by the door.

A person's trail unites the references that every epoch gave them; an epoch whose key is gone is unlinked, and the
trail says so. Must not know how a caller was authenticated, nor how an answer is carried.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from consumers.gateway import waiting
from consumers.gateway.request import (
    AuditAsked,
    AuditFound,
    Caller,
    FamilyDisclosed,
    PersonAsked,
    Purpose,
    TrailEntry,
    TrailOfAccessor,
    TrailOfAgency,
    TrailOfPerson,
    Withheld,
)
from consumers.gateway.trail_lines import Line, Lines, became, lines
from consumers.gateway.trail_sources import AccessTables, Homes, NoProofs, Passage, Prover
from consumers.read_model.audit_queries import NEWEST, PAGE, Access, AccessPage, Position
from identity.audit_reference import EpochKey

OWN_DATA: Final = "HAK_SUBJEK_DATA"
_BOTH_AWAY: Final = frozenset({"AUDIT_UNAVAILABLE", "READ_MODEL_UNAVAILABLE"})
# UU 27/2022 art. 32: what the registry holds of the person, as the purpose permits it.
OWN_FIELDS: Final = (
    "region",
    "status",
    "decile",
    "proposals",
    "eligibility",
    "members",
    "member.name",
    "member.national_id",
    "address_line",
    "card_number",
    "telephone",
)


@dataclass(frozen=True, slots=True)
class Trail:
    """Who saw a person: every line, newest first; how many are withheld, until when at the latest (µs); what is cut.

    `unlinked` are epochs whose key is gone: what they hold about the person can't be told from the rest any more.
    `after` asks for older lines, where `lines` were limited; None at the end.
    """

    lines: tuple[Line, ...]
    withheld: int
    withheld_until: int
    epochs: tuple[int, ...]
    unlinked: tuple[int, ...]
    after: Position | None = None


@dataclass(frozen=True, slots=True)
class Looks:
    """A part of a list of looks, newest first; `after` asks for the next part, None at the end."""

    lines: tuple[Line, ...]
    after: Position | None


@dataclass(frozen=True, slots=True)
class DataAndTrail:
    """What UU 27/2022 art. 32 owes within 3x24 hours: the person's data and the record of its processing."""

    data: FamilyDisclosed | Withheld
    trail: Trail | Withheld


def now() -> int:
    """Return the time in microseconds since 1970 (UTC)."""
    return time.time_ns() // 1_000


class Trails:
    """The audit trail as it is asked about, through one door.

    `keys` returns the key of every epoch that is there now: one that was destroyed names nobody from then on.
    """

    def __init__(  # noqa: PLR0913, PLR0917  what it stands on
        self,
        door: Passage,
        tables: AccessTables,
        homes: Homes,
        keys: Callable[[], Sequence[EpochKey]],
        prover: Prover | None = None,
        clock: Callable[[], int] = now,
    ) -> None:
        self._door = door
        self._tables = tables
        self._homes = homes
        self._keys = keys
        self._prover: Prover = NoProofs() if prover is None else prover
        self._clock = clock

    def of_person(  # noqa: PLR0913  who asks, about whom, and which part
        self,
        caller: Caller,
        purpose: Purpose,
        person_ref: str,
        *,
        prove: bool = False,
        after: Position = NEWEST,
        limit: int | None = None,
        render: Callable[[Trail], bytes] | None = None,
    ) -> Trail | Withheld:
        """Return everybody who saw the person, or tried; with `prove`, each line with its receipt.

        `limit` keeps the newest lines older than `after`; what is withheld is counted over all of them. The reading
        itself is on record before, and is a line of the next trail: with a digest of the bytes that `render` makes,
        which are what may be sent.
        """
        kept: list[Trail] = []

        def read() -> AuditFound:
            trail = self._trail(person_ref, after, limit, prove=prove)
            kept.append(trail)
            body = None if render is None else render(trail)
            return AuditFound([line.told() for line in trail.lines], trail.withheld, body)

        answer = self._door.audit_read(caller, purpose, TrailOfPerson(person_ref), read)
        return answer if isinstance(answer, Withheld) else kept[-1]

    @waiting.one_request()
    def data_and_trail(
        self,
        caller: Caller,
        person_ref: str,
        text: str | None = None,
        render: Callable[[Trail], bytes] | None = None,
    ) -> DataAndTrail:
        """Return the person's data and who saw it, each under the right of the person to have it.

        Where the data is refused because the record or the read model is away, so is the trail, at once.
        """
        purpose = Purpose(OWN_DATA, text)
        data = self._door.look_family(caller, purpose, PersonAsked(person_ref), OWN_FIELDS)
        if isinstance(data, Withheld) and data.code in _BOTH_AWAY:
            return DataAndTrail(data, data)
        return DataAndTrail(data, self.of_person(caller, purpose, person_ref, prove=True, render=render))

    def of_accessor(  # noqa: PLR0913, PLR0917  who asks, about whom, and which part
        self,
        caller: Caller,
        purpose: Purpose,
        agency: str,
        actor: str,
        day: str,
        after: Position = NEWEST,
        limit: int = PAGE,
        render: Callable[[Looks], bytes] | None = None,
    ) -> Looks | Withheld:
        """Return up to `limit` looks of an accessor on a day (WIB, as 2025-07-31): a line each, with its persons."""
        asked = TrailOfAccessor(agency, actor)
        page = partial(self._tables.of_accessor, agency, actor, day, after, limit)
        return self._looks(caller, purpose, asked, page, render)

    def of_agency(  # noqa: PLR0913, PLR0917  idem
        self,
        caller: Caller,
        purpose: Purpose,
        agency: str,
        day: str,
        after: Position = NEWEST,
        limit: int = PAGE,
        render: Callable[[Looks], bytes] | None = None,
    ) -> Looks | Withheld:
        """Return up to `limit` looks of an agency on a day, likewise."""
        page = partial(self._tables.of_agency, agency, day, after, limit)
        return self._looks(caller, purpose, TrailOfAgency(agency), page, render)

    def receipt(self, caller: Caller, purpose: Purpose, person_ref: str, event_id: bytes) -> str | Withheld:
        """Return the receipt of one line of the person's trail; NOT_FOUND where no line shown to them has this id.

        PENDING until a checkpoint covers the entry.
        """
        kept: list[str | Withheld] = []

        def read() -> AuditFound:
            shown = self._united(person_ref).shown
            row = next((line.row for line in shown if line.row.event_id == event_id), None)
            kept.append(self._receipt(row))
            return _of_receipt(row, kept[-1])

        answer = self._door.audit_read(caller, purpose, TrailOfPerson(person_ref), read)
        return answer if isinstance(answer, Withheld) else kept[-1]

    def receipt_of_look(
        self, caller: Caller, purpose: Purpose, agency: str, event_id: bytes, days: Sequence[str]
    ) -> str | Withheld:
        """Return the receipt of one look of an agency, by its intent, which it made on one of the days."""
        kept: list[str | Withheld] = []

        def read() -> AuditFound:
            row = next((row for day in days for row in self._every(agency, day) if row.event_id == event_id), None)
            kept.append(self._receipt(row))
            return _of_receipt(row, kept[-1])

        answer = self._door.audit_read(caller, purpose, TrailEntry(event_id, agency), read)
        return answer if isinstance(answer, Withheld) else kept[-1]

    def _every(self, agency: str, day: str) -> Sequence[Access]:
        found: list[Access] = []
        after: Position | None = NEWEST
        while after is not None:
            page = self._tables.of_agency(agency, day, after, PAGE)
            found += page.lines
            after = page.after
        return found

    def _receipt(self, row: Access | None) -> str | Withheld:
        if row is None:
            return Withheld("NOT_FOUND")
        return self._prover.receipt(row.kafka_partition, row.kafka_offset) or Withheld("PENDING")

    def _looks(
        self,
        caller: Caller,
        purpose: Purpose,
        asked: AuditAsked,
        page: Callable[[], AccessPage],
        render: Callable[[Looks], bytes] | None,
    ) -> Looks | Withheld:
        kept: list[Looks] = []

        def read() -> AuditFound:
            found = page()
            at = self._clock()
            looks = Looks(tuple(Line(row, became(row, at)) for row in found.lines), found.after)
            kept.append(looks)
            body = None if render is None else render(looks)
            return AuditFound([line.told() for line in looks.lines], body=body)

        answer = self._door.audit_read(caller, purpose, asked, read)
        return answer if isinstance(answer, Withheld) else kept[-1]

    def _trail(self, person_ref: str, after: Position, limit: int | None, *, prove: bool) -> Trail:
        found = self._united(person_ref)
        older = [line for line in found.shown if (line.row.occurred_at, line.row.event_id) < after]
        known = tuple(sorted(key.epoch for key in self._keys()))
        unlinked = tuple(epoch for epoch in self._tables.epochs() if epoch not in known)
        shown = tuple(self._proved(line) if prove else line for line in older[:limit])
        last = shown[-1].row if len(older) > len(shown) > 0 else None
        more = None if last is None else Position(last.occurred_at, last.event_id)
        return Trail(shown, found.withheld, found.withheld_until, known, unlinked, more)

    def _united(self, person_ref: str) -> Lines:
        """Return the lines under every name that the epochs gave the person and their family."""
        family_id, keys = self._homes.family_of(person_ref), self._keys()
        person = [key.subject_ref(person_ref) for key in keys]
        names = () if family_id is None else (family_id, *self._homes.cards_of(family_id))
        home = [key.subject_ref(name) for key in keys for name in names]
        of_person, of_home = self._tables.of_subjects(person, home)
        return lines(of_person, of_home, self._clock())

    def _proved(self, line: Line) -> Line:
        proof = self._prover.receipt(line.row.kafka_partition, line.row.kafka_offset)
        return replace(line, proof=proof or "")


def _of_receipt(row: Access | None, proof: str | Withheld) -> AuditFound:
    """Return what goes on record of a receipt that was asked for: its own text is what is sent, or nothing is."""
    found = [] if row is None else [row.event_id.hex()]
    return AuditFound(found, body=b"" if isinstance(proof, Withheld) else proof.encode())
