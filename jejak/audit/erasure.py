"""Erases a person: judged first, then marked, then the keys destroyed, then told to the log, which unlinks references.

Before that the person's trail is read through the door, for whom a file was handed to: they are to be told.

In this order a crash leaves nothing open: the mark alone stops every use of the keys, and the same command again goes
on where the first one broke off. Joins the registry's rule, the key store and the publisher; opens nothing.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from consumers.gateway.export_claim import InTheMaking, without
from consumers.gateway.request import Caller, Purpose, Withheld
from consumers.gateway.trail import OWN_DATA, Trail
from consumers.gateway.trail_lines import Line
from consumers.read_model.audit_rows import DISCLOSURE
from identity import members_key
from identity.keys import KeyStore
from jejak.audit import trail as trails_room
from jejak.audit.exports import CLAIMS
from jejak.composition import Registry, now
from producers import erasure as saying
from producers.erasure import Erasure
from producers.outgoing import Outgoing
from schemas import codec
from schemas.records import FamilyState, Member
from stream_processors.registry import erasure, family
from stream_processors.registry.decision import Refused, change_of

KEY_CACHE_SECONDS: Final = 30
BACKUP_DAYS: Final = 35
ALREADY_ERASED: Final = "ALREADY_ERASED"
NOT_UNLINKED_YET: Final = "NOT_UNLINKED_YET"
_ENDED: Final = "ENDED"
_EXPORT: Final = "EXPORT"
_WAIT_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.25


class References(Protocol):
    """What is asked of the read model: where a reference stands, and a family's state."""

    def family_of(self, reference: str) -> str | None:
        """Return the family in which a reference stands."""

    def family(self, family_id: str) -> FamilyState | None:
        """Return the family's state."""


@dataclass(frozen=True, slots=True)
class Done:
    """A person was erased; `with_family` tells whether the family's own keys went too, as nobody else is left in it."""

    family_id: str
    change_id: bytes
    with_family: bool


def erase(  # noqa: PLR0913, PLR0917  who erases whom and why, and what that stands on
    references: References,
    keys: KeyStore,
    publish: Callable[[Outgoing], None],
    person_ref: str,
    said: tuple[str, str],
    terms: tuple[str, str],
    clock: Callable[[], int] = now,
) -> Done | Refused:
    """Return once the keys are destroyed and the event's change is acknowledged; a Refused touched nothing.

    `said` is agency and actor, `terms` the legal basis and the number of the request that this answers.
    """
    if (refused := erasure.refused_terms(*terms)) is not None:
        return refused
    family_id = references.family_of(person_ref)
    state = references.family(family_id) if family_id is not None else None
    if family_id is None or state is None:
        code = ALREADY_ERASED if keys.is_erased(person_ref) else "PERSON_UNKNOWN"
        return Refused(code, "/person_ref", "no family in the registry has this person")
    record = saying.record_of(Erasure(*said, family_id, person_ref, *terms, clock()))
    verdict = family.decide(change_of(codec.encode(record), clock()), state)
    if isinstance(verdict, Refused):
        return verdict
    last = not any(_stays(references, member.person_ref, family_id) for member in _others(state, person_ref))
    keys.erase(person_ref)
    members_key.erase(keys, family_id)  # texts that may name this member: nobody can tell which of them do
    if last:
        keys.erase(family_id)
    publish(saying.outgoing(record))
    return Done(family_id, record.header.change_id, last)


def _others(state: FamilyState, person_ref: str) -> list[Member]:
    return [one for one in state.members if one.person_ref != person_ref and one.standing != _ENDED]


def _stays(references: References, person_ref: str, family_id: str) -> bool:
    """Tell whether a member can still be named: one who was erased has an id that no reference leads to."""
    return references.family_of(person_ref) == family_id


@dataclass(frozen=True, slots=True)
class Everywhere:
    """A person erased from every family that ever claimed them; `left` says why one still names them, or is empty."""

    done: tuple[Done, ...]
    left: str = ""


def everywhere(
    references: References, once: Callable[[], Done | Refused], person_ref: str, seconds: float = _WAIT_SECONDS
) -> Everywhere | Refused:
    """Erase until no family is led to from the reference: a person may have been claimed by several."""
    done: list[Done] = []
    while True:
        answer = once()
        if isinstance(answer, Refused):
            if not done:
                return answer
            return Everywhere(tuple(done), "" if answer.rule == ALREADY_ERASED else answer.rule)
        done.append(answer)
        if not _unlinked(references, person_ref, answer.family_id, seconds):
            return Everywhere(tuple(done), NOT_UNLINKED_YET)


def _unlinked(references: References, person_ref: str, family_id: str, seconds: float) -> bool:
    """Wait until the read model leads nobody from the reference to this family; tell whether it came to that."""
    deadline = time.monotonic() + seconds
    while references.family_of(person_ref) == family_id:
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


@dataclass(frozen=True, slots=True)
class Recipient:
    """An agency that a file with the person left for, the request it was granted by, and when last (µs, UTC)."""

    agency: str
    request_id: str
    last_at: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an erasure, and who is to be told of it; `unknown` says why nobody can say who, or is empty.

    `files` are those in the making on this machine that may have held the person.
    """

    came: Everywhere | Refused
    recipients: tuple[Recipient, ...] = field(default=())
    unknown: str = ""
    files: InTheMaking = field(default_factory=InTheMaking)


def recipients_of(lines: Iterable[Line]) -> tuple[Recipient, ...]:
    """Return whom files were exported to, by the lines of a trail: an agency and request once, with its last time."""
    last: dict[tuple[str, str], int] = {}
    for row in (line.row for line in lines):
        if row.action == _EXPORT and row.kind == DISCLOSURE:
            to = (row.agency, row.agreement)
            last[to] = max(last.get(to, 0), row.occurred_at)
    return tuple(Recipient(*to, at) for to, at in sorted(last.items()))


def run(registry: Registry, caller: Caller, person_ref: str, terms: tuple[str, str]) -> Answer:
    """Erase a person in this registry, in the name of its agency and officer; waits for the read model.

    The reading of the trail is on record for `caller`, before; where the door withholds it, the erasure goes on.
    """
    if (refused := erasure.refused_terms(*terms)) is not None:
        return Answer(refused)
    found = _trail(registry, caller, person_ref, terms)
    came = _erased(registry, person_ref, terms)
    files = _files(registry, person_ref, came)
    if isinstance(found, Withheld):
        return Answer(came, unknown=found.code, files=files)
    return Answer(came, recipients_of(found.lines), files=files)


def _files(registry: Registry, person_ref: str, came: Everywhere | Refused) -> InTheMaking:
    """Drop the exports in the making on this machine that hold the person; also where an erasure is finished again."""
    if isinstance(came, Refused) and came.rule != ALREADY_ERASED:
        return InTheMaking()
    done = () if isinstance(came, Refused) else came.done
    owners = {person_ref, *(one.family_id for one in done if one.with_family)}
    return without(registry.settings.data / CLAIMS, owners)


def _trail(registry: Registry, caller: Caller, person_ref: str, terms: tuple[str, str]) -> Trail | Withheld:
    with trails_room.trails(registry) as trails:
        return trails.of_person(caller, Purpose(OWN_DATA, f"recipients to be told of erasure {terms[1]}"), person_ref)


def _erased(registry: Registry, person_ref: str, terms: tuple[str, str]) -> Everywhere | Refused:
    settings, references, keys = registry.settings, registry.read_model(), registry.key_store()
    publisher = registry.publisher(1)

    def publish(message: Outgoing) -> None:
        document = (settings.agency, f"erasure/{message.change_id.hex()}")
        publisher.publish(document, (message,), lambda messages: messages)

    said = (settings.agency, settings.actor)
    return everywhere(references, lambda: erase(references, keys, publish, person_ref, said, terms), person_ref)
