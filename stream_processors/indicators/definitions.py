"""What is counted: indicators as data, each with unit, level and class.

Families and persons never share a counter (domain guide 1 and 9). Knows a family's state; must not know any stream.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from schemas.records import FamilyState

VERSION = "1"  # another version of the definitions is another version of the fold: what a state counts is part of it
NO_DECILE = "BELUM_ADA_DESIL"
NOT_MATCHED = "BELUM_DIPADANKAN"
FAMILY_ACTIVE = "AKTIF"
ELIGIBLE = "LAYAK"
FINEST = "kecamatan"
ACTIVE = frozenset({"PENDING", "CONFIRMED"})
_LEVELS = {"provinsi": 2, "kabkota": 5, "kecamatan": 8}

Classes = Callable[[FamilyState], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator: `classes` yields the class of each thing counted, one per unit, from the fields it `reads`."""

    name: str
    unit: str
    level: str
    source: str
    reads: tuple[str, ...]  # beside status and region, which every count depends on
    classes: Classes


def decile(state: FamilyState) -> str:
    """Return the class of a family's decile; no score is a class of its own and never decile 10."""
    return str(state.decile) if state.decile else NO_DECILE


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


INDICATORS = (
    Indicator("families_by_decile", "keluarga", "kecamatan", "DTSEN, domain guide 7", ("decile",), _family_decile),
    Indicator("persons_by_decile", "jiwa", "kecamatan", "DTSEN, domain guide 7", ("decile", "members"), _person_decile),
    Indicator("persons_by_marital_status", "jiwa", "kabkota", "seed 000, Regsosek 408", ("members",), _marital_status),
    Indicator("persons_by_padan", "jiwa", "kabkota", "seed 000 (NIK ownership), domain guide 6", ("members",), _padan),
    Indicator("families_eligible", "keluarga", "kabkota", "Kepmensos 79/HUK/2025", ("eligibility",), _eligible),
    Indicator("proposals_by_step", "usulan", "kabkota", "complaint 6: the funnel", ("proposals",), _proposal_step),
)


def region_at(code: str, level: str) -> str:
    """Return the part of a Kemendagri code at a level; a shorter or foreign code stays as it is."""
    return code[: _LEVELS[level]] if "." in code else code
