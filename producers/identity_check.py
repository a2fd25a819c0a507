"""Holds a draft against the identity edit rules before anything is sealed; knows drafts and rules, nothing else."""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Final, Literal

from identity.rules import IdentityFinding, check_kk, check_name, check_nik, check_nik_birth
from producers.draft import Draft

_SEXES: Final[dict[int, Literal["male", "female"]]] = {1: "male", 2: "female"}
PERSONS: Final = ("person_ref", "objector_ref")
_V3: Final = IdentityFinding("V3", "reject", "nik", "the birth date is no day of the calendar")


def niks(draft: Draft) -> Iterator[str]:
    """Yield the NIKs a draft names: its person, who objects, and those of the list it carries."""
    for name in PERSONS:
        person = draft.body.get(name)
        if person is not None:
            yield person
    for each in draft.body.get("individuals", ()):
        yield each["person_ref"]


def findings(draft: Draft) -> list[IdentityFinding]:
    """Return what the rules find in the card, the NIKs, the name and the birth date, rejections and warnings."""
    found = list(_card(draft.card)) if draft.card else []
    said = draft.body.get("card_number")
    if said is not None and said != draft.card:
        found += _card(said)  # of a reissued card
    for other in draft.families.values():
        found += _card(other)
    for nik in niks(draft):
        found += check_nik(nik)
    if draft.record == "MembershipClaimed":
        found += check_name(draft.body["name"])
        if not found or all(each.severity != "reject" for each in found):
            found += _birth(draft)
    return found


def _birth(draft: Draft) -> tuple[IdentityFinding, ...]:
    """Return V15 when the NIK states another birth than the record, V3 when the record's is no date at all."""
    body = draft.body
    try:
        born = date(body["birth_year"], body["birth_month"], int(body["birth_day"]))
    except ValueError:
        return (_V3,)
    sex = _SEXES.get(body["sex"])
    return check_nik_birth(body["person_ref"], born, sex) if sex else ()


@lru_cache(maxsize=4096)
def _card(kk: str) -> tuple[IdentityFinding, ...]:
    """Return `check_kk`, worked out once for the rows of one family."""
    return check_kk(kk)
