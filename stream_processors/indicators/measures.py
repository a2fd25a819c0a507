"""What can be counted of a family: the closed list of measures that counts.toml picks from. Another one is Python.

Each measure gives the class of each thing counted, one per unit, twice: from a state's fields (`classes`), and from the
parts that a state carries as bytes (`of_parts`, see `counted`). Knows a family's state; must not know any stream.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from schemas.records import FamilyState

FILE: Final[Mapping[str, Any]] = tomllib.loads(
    files("stream_processors.indicators").joinpath("counts.toml").read_text(encoding="utf-8")
)
BORN_UNTIL: Final[int] = FILE["born_until"]
NO_DECILE: Final = "BELUM_ADA_DESIL"
NOT_MATCHED: Final = "BELUM_DIPADANKAN"
FAMILY_ACTIVE: Final = "AKTIF"
ELIGIBLE: Final = "LAYAK"
ACTIVE: Final = frozenset({"PENDING", "CONFIRMED"})
SEVERE: Final = "DISABILITAS_BERAT"
PBI: Final = "PBI_JKN"
INSURED: Final = frozenset({"AKTIF", "AKTIF_BPJS", "MASA_TENGGANG"})  # machine E: in the grace still covered
RECEIVED: Final = "DITERIMA"  # aid arrived and no place is on record
_AFTER: Final = "\x1f"
_EPOCH: Final = date(1970, 1, 1).toordinal()
_CACHED: Final = 4_096

Classes = Callable[[FamilyState], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Measure:
    """One way to count: the fields of a state it reads beside status and region, the parts, and the classes of each."""

    fields: tuple[str, ...]
    parts: tuple[str, ...]
    classes: Classes
    of_parts: Callable[..., list[str]]


def items(part: str) -> list[str]:
    """Return the items of one part."""
    return part.split(_AFTER)[:-1]


def decile(state: FamilyState) -> str:
    """Return the class of a family's decile; no score is a class of its own and never decile 10."""
    return str(state.decile) if state.decile else NO_DECILE


def traits(state: FamilyState) -> list[str]:
    """Return what is counted of each active member beside marital status and padan, an item for each.

    The year of birth up to BORN_UNTIL, conditions on record, of which severe disability may also come of a ground
    check, and membership of PBI-JKN.
    """
    active = {one.person_ref: one for one in state.members if one.standing in ACTIVE}
    found = [str(one.birth_year) for one in active.values() if one.birth_year <= BORN_UNTIL]
    having = {(ref, SEVERE) for ref, one in active.items() if one.severe_disability}
    having |= {(one.person_ref, one.condition) for one in state.conditions if one.person_ref in active}
    found += [condition for _, condition in having]
    found += [PBI for one in state.cases if one.machine == PBI and one.step in INSURED and one.about in active]
    return sorted(found)


def _family_decile(state: FamilyState) -> Iterator[str]:
    yield decile(state)


def _person_decile(state: FamilyState) -> Iterator[str]:
    return (decile(state) for member in state.members if member.standing in ACTIVE)


def _marital_status(state: FamilyState) -> Iterator[str]:
    return (str(member.marital_status) for member in state.members if member.standing in ACTIVE)


def _padan(state: FamilyState) -> Iterator[str]:
    return (member.padan or NOT_MATCHED for member in state.members if member.standing in ACTIVE)


def _eligible(state: FamilyState) -> Iterator[str]:
    return (entry.programme for entry in state.eligibility if entry.result == ELIGIBLE)


def _proposal_step(state: FamilyState) -> Iterator[str]:
    return (f"{proposal.kind}/{proposal.step}" for proposal in state.proposals)


def _birth_year(state: FamilyState) -> Iterator[str]:
    return (str(one.birth_year) for one in state.members if one.standing in ACTIVE and one.birth_year <= BORN_UNTIL)


def _condition(state: FamilyState) -> Iterator[str]:
    return (one for one in traits(state) if _is_condition(one))


def _is_condition(trait: str) -> bool:
    return not trait.isdigit() and trait != PBI


def _person_insured(state: FamilyState) -> Iterator[str]:
    return (one for one in traits(state) if one == PBI)


def _family_insured(state: FamilyState) -> Iterator[str]:
    if PBI in traits(state):
        yield PBI


def _aid(state: FamilyState) -> Iterator[str]:
    return (f"{one.programme}/{one.standing or RECEIVED}" for one in state.aid)


def _recipients(state: FamilyState) -> Iterator[str]:
    for one in state.aid:
        for place in one.recipients:
            if state.members[place].standing in ACTIVE:
                yield of_year(one.programme, one.received_on)


def of_year(programme: str, day: int) -> str:
    """Return the class of somebody whom a programme's aid reached in the year of a day."""
    return f"{programme}/{year_of(day)}"


def is_of_year(item: str) -> bool:
    """Tell a recipient from where a family stands with a programme: a year from a standing."""
    return item.rpartition("/")[2].isdigit()


@lru_cache(_CACHED)
def year_of(day: int) -> int:
    """Return the year of a day (days since 1970)."""
    return date.fromordinal(_EPOCH + day).year


_OF_PERSONS: Final = ("members", "conditions", "cases")
MEASURES: Final[Mapping[str, Measure]] = MappingProxyType(
    {
        "families_by_decile": Measure(("decile",), ("decile",), _family_decile, lambda decile: [decile or NO_DECILE]),
        "persons_by_decile": Measure(
            ("decile", "members"),
            ("decile", "members"),
            _person_decile,
            lambda decile, members: [decile or NO_DECILE] * len(items(members)),
        ),
        "persons_by_marital_status": Measure(
            ("members",),
            ("members",),
            _marital_status,
            lambda members: [one.partition("/")[0] for one in items(members)],
        ),
        "persons_by_padan": Measure(
            ("members",),
            ("members",),
            _padan,
            lambda members: [one.partition("/")[2] or NOT_MATCHED for one in items(members)],
        ),
        "families_eligible": Measure(("eligibility",), ("eligibility",), _eligible, items),
        "proposals_by_step": Measure(("proposals",), ("proposals",), _proposal_step, items),
        "persons_by_birth_year": Measure(
            ("members",),
            ("traits",),
            _birth_year,
            lambda traits: [one for one in items(traits) if one.isdigit()],
        ),
        "persons_by_condition": Measure(
            _OF_PERSONS,
            ("traits",),
            _condition,
            lambda traits: [one for one in items(traits) if _is_condition(one)],
        ),
        "persons_in_pbi_jkn": Measure(
            _OF_PERSONS, ("traits",), _person_insured, lambda traits: [one for one in items(traits) if one == PBI]
        ),
        "families_in_pbi_jkn": Measure(
            _OF_PERSONS, ("traits",), _family_insured, lambda traits: [PBI] if PBI in items(traits) else []
        ),
        "families_by_aid": Measure(
            ("aid",), ("aid",), _aid, lambda aid: [one for one in items(aid) if not is_of_year(one)]
        ),
        "persons_by_aid": Measure(
            ("aid", "members"),
            ("aid",),
            _recipients,
            lambda aid: [one for one in items(aid) if is_of_year(one)],
        ),
    }
)
