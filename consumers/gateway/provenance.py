"""Where each variable of a family comes from: who told it, in which document, since when true and known, and how.

The answer in force is that of the visit in force, else that of the claim, the registration or the residence in force.
Opens nothing and shows no answer: only that there is one, and whose word it is. Must not know who asks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from consumers.gateway import opening
from consumers.gateway.audit_log import Receipt
from consumers.gateway.families import Families
from consumers.gateway.request import Withheld
from schemas import records
from schemas.questionnaire import Variable, latest, questionnaire

_VISIT: Final = "ground_check"
_OF_FAMILY: Final = ("residence", "registration")
_METHODS: Final = {
    "GroundCheckRecorded": "KUNJUNGAN",
    "MembershipClaimed": "PENDATAAN",
    "FamilyRegistered": "PENDAFTARAN",
    "FamilyMoved": "PERPINDAHAN",
    "FamilyArrived": "PERPINDAHAN",
}
BESIDE: Final = "beside"
_KEY: Final = "person_ref"  # whose answers they are; no answer itself


@dataclass(frozen=True, slots=True)
class Source:
    """One variable's source; `sequence` is 0 and the rest empty where nobody ever answered it.

    `variable` is its id among the 39, `beside` where it is none of them; `number` is that of the questionnaire.
    `method` is how it was found: a visit (KUNJUNGAN, with the questionnaire's version), a claim, a registration, a
    move. Times are in microseconds (UTC).
    """

    variable: str
    number: str
    name: str
    person_ref: str = ""
    agency: str = ""
    document: str = ""
    method: str = ""
    occurred_at: int = 0
    recorded_at: int = 0
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class ProvenanceDisclosed:
    """The sources of a family's variables, on record."""

    family_id: str
    sources: tuple[Source, ...]
    receipts: tuple[Receipt, ...]


def sources_of(families: Families, state: records.FamilyState) -> tuple[Source, ...] | Withheld:
    """Return the source of each variable of the family and of each of its persons, in the questionnaire's order."""
    members = opening.persons_in(state)
    names = {_VISIT, *_OF_FAMILY, *(f"member/{member.person_ref}" for member in members)}
    facets = [facet for facet in state.facets if facet.name in names]
    sequences = sorted({facet.sequence for facet in facets})
    events = opening.in_force(state.family_id, facets, families.events_at(state.family_id, sequences))
    if isinstance(events, opening.Unproven):
        return Withheld(events.code)
    visit = events.get(_VISIT)
    asked = (questionnaire(visit.questionnaire) if visit is not None else None) or latest()
    house = _told(visit, visit.family if visit is not None else None)
    house += [(events[name], events[name]) for name in _OF_FAMILY if name in events]
    found = list(_sources(asked.family, house))
    seen = {person.person_ref: person for person in visit.individuals} if visit is not None else {}
    for member in members:
        claim = events.get(f"member/{member.person_ref}")
        told = [*_told(visit, seen.get(member.person_ref)), *_told(claim, claim)]
        found += _sources(asked.individual, told, member.person_ref)
    return tuple(found)


def _told(event: Any, answers: Any) -> list[tuple[Any, Any]]:
    return [] if event is None or answers is None else [(event, answers)]


def _sources(asked: Sequence[Variable], told: Sequence[tuple[Any, Any]], person_ref: str = "") -> Iterator[Source]:
    """Yield each variable's source: the first event whose answers have it."""
    for one in asked:
        fields = [name for name in one.fills if name != _KEY]
        event = next((event for event, answers in told if _answered(answers, fields)), None)
        yield _source(one, event, person_ref)


def _answered(answers: Any, fields: Sequence[str]) -> bool:
    return any(getattr(answers, name, None) is not None for name in fields)


def _source(one: Variable, event: Any, person_ref: str) -> Source:
    if event is None:
        return Source(one.id or BESIDE, one.number, one.name, person_ref)
    record, header = type(event).__name__, event.header
    version = getattr(event, "questionnaire", "")
    return Source(
        variable=one.id or BESIDE,
        number=one.number,
        name=one.name,
        person_ref=person_ref,
        agency=header.agency,
        document=header.document,
        method=f"{_METHODS.get(record, record)} {version}".strip(),
        occurred_at=header.occurred_at,
        recorded_at=header.recorded_at,
        sequence=header.sequence,
    )
