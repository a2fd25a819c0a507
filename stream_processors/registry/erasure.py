"""A person's erasure: the member stays with coded variables under an id that leads nowhere, and nothing names them.

Source: UU 27/2022 (UU PDP) art. 8, 43-44; design.md section 6. That the keys are gone is not the fold's to know: it
takes the references out of the state, and refuses an erasure that says neither basis nor request.
"""

import base64
import re
from typing import Any, Final

from schemas.identifiers import derived_id
from schemas.records import FamilyState, PersonErased
from stream_processors.registry.decision import AlreadyKnown, Event, Refused, member_of
from stream_processors.registry.making import replace

BASES: Final = frozenset({"UU27/2022-8", "UU27/2022-43", "UU27/2022-44"})
LONGEST_NUMBER: Final = 64
_DIGITS: Final = re.compile(r"(?:[0-9][ ./-]?){16,}")


def refused_terms(legal_basis: str, request_number: str) -> Refused | None:
    """Refuse an erasure without a basis in law or without the number of the request that it answers."""
    if not legal_basis:
        return Refused("LEGAL_BASIS_MISSING", "/legal_basis", "an erasure names its basis in law")
    if legal_basis not in BASES:
        return Refused("LEGAL_BASIS_UNKNOWN", "/legal_basis", "no basis of an erasure")
    if not request_number.strip():
        return Refused("REQUEST_NUMBER_MISSING", "/request_number", "an erasure names the request it answers")
    if len(request_number) > LONGEST_NUMBER or _DIGITS.search(request_number):
        return Refused("REQUEST_NUMBER_UNSOUND", "/request_number", "a short number of a letter, never of a person")
    return None


def unlinked_id(change_id: bytes) -> str:
    """Return the id that a member has after the erasure with this change id: it leads to no person."""
    return base64.b32encode(derived_id(change_id, "unlinked")).decode("ascii").rstrip("=").lower()


def decide(record: PersonErased, state: FamilyState) -> Refused | AlreadyKnown | None:
    """Refuse an erasure without basis or number, or of somebody the family never claimed."""
    if member_of(state, unlinked_id(record.header.change_id)) is not None:
        return AlreadyKnown()
    if (refused := refused_terms(record.legal_basis, record.request_number)) is not None:
        return refused
    if member_of(state, record.person_ref) is None:
        return Refused("MEMBER_UNKNOWN", "/person_ref", "this family never claimed the person")
    return None


def evolve(state: FamilyState, record: PersonErased, event: Event) -> dict[str, Any]:
    """Return what an erasure changes: the member and its facets go on under the unlinked id."""
    unlinked = unlinked_id(event.prefix.change_id)
    ending = f"/{record.person_ref}"
    members = tuple(
        [
            replace(member, person_ref=unlinked) if member.person_ref == record.person_ref else member
            for member in state.members
        ]
    )
    facets = tuple(
        [
            replace(facet, name=facet.name.removesuffix(ending) + f"/{unlinked}")
            if facet.name.endswith(ending)
            else facet
            for facet in state.facets
        ]
    )
    cases = tuple([replace(case, about=unlinked) if case.about == record.person_ref else case for case in state.cases])
    conditions = tuple(
        [replace(one, person_ref=unlinked) if one.person_ref == record.person_ref else one for one in state.conditions]
    )
    others = {"cases": cases, "conditions": conditions}
    return {"members": members, "facets": facets} | {name: value for name, value in others.items() if value}
