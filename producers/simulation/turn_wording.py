"""Puts what befalls a family as a whole into the words of the contract: drafts in plain text.

Who follows the head, a split and its two halves, a merger and its two, PBI-JKN of a member, an exclusion (domain guide
4.D, 4.E, 8.3). It must not choose to whom it happens.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from producers.draft import Draft
from producers.simulation import people, wording
from producers.simulation.nation import DAY, Nation
from producers.simulation.people import Family
from producers.simulation.wording import say


def _dinsos(nation: Nation) -> str:
    return f"dinsos/{nation.district}"


def _member(nation: Nation, family: Family, at: int, card: str, place: int, relation: int, cause: str) -> Draft:  # noqa: PLR0913, PLR0917  a claim's own parts
    person = replace(family.members[place], relationship=relation)
    draft = wording.claim(nation, family, at, card, (person.nik, person.name, person))
    channel = nation.channel(_dinsos(nation), at)
    return replace(draft, channel=channel, body={**draft.body, "cause": cause})


def succeeded(nation: Nation, family: Family, at: int, place: int) -> Draft:
    """Say that a member is the head of the family now."""
    return _member(nation, family, at, family.card, place, people.HEAD, "GANTI_KEPALA")


def left(nation: Nation, family: Family, at: int, place: int, reason: str) -> Draft:
    """Say that a member goes on in another family."""
    body = {"person_ref": family.members[place].nik, "reason": reason, "evidence": f"KK-{nation.month(at)}"}
    return say(nation, "dukcapil", "MembershipEnded", at, family.card, body)


def split(nation: Nation, family: Family, at: int) -> Draft:
    """Say that a part of the family has a card of its own."""
    body = {"reason": "PECAH_KK", "evidence": f"KK-BARU-{nation.month(at)}"}
    return say(nation, _dinsos(nation), "FamilySplit", at, family.card, body)


class Branch(NamedTuple):
    """The other half of a split: when the split was said, and which member has the new card."""

    split_at: int
    place: int

    def card(self, nation: Nation, family: Family) -> str:
        """Return the new card's number."""
        return people.card_number(family.village, family.index, nation.seed, 13)


def branched(nation: Nation, family: Family, at: int, branch: Branch, record: str) -> Draft:
    """Say of the family that a split made that it is registered, of whom it came, or who is its head."""
    parent, card = split(nation, family, branch.split_at), branch.card(nation, family)
    match record:
        case "FamilyRegistered":
            draft = wording.registered(nation, family, at, card, _dinsos(nation))
        case "FamilyBranched":
            draft = say(nation, _dinsos(nation), record, at, card, {}, {"split_id": parent})
            draft = replace(draft, families={"parent_id": family.card})
        case _:
            draft = _member(nation, family, at, card, branch.place, people.HEAD, "PECAH_KK")
    return replace(draft, split_of=parent)


def merged(nation: Nation, family: Family, at: int, into: str) -> Draft:
    """Say that the family goes on in another one, named by its card."""
    body = {"reason": "SATU_KK", "evidence": f"KK-{nation.month(at)}"}
    return replace(say(nation, "dukcapil", "FamilyMerged", at, family.card, body), families={"into_id": into})


def absorbed(nation: Nation, family: Family, at: int, into: str) -> Draft:
    """Say of the other family that this one is part of it."""
    body = {"reason": "SATU_KK", "evidence": f"KK-{nation.month(at)}"}
    return replace(say(nation, "dukcapil", "FamilyAbsorbed", at, into, body), families={"merged_id": family.card})


def joined(nation: Nation, family: Family, at: int, into: str, place: int) -> Draft:
    """Say that a member of this family belongs to the other one."""
    return _member(nation, family, at, into, place, people.OTHER, "GABUNG")


def insured(nation: Nation, family: Family, at: int, place: int, record: str, said: Mapping[str, Any]) -> Draft:  # noqa: PLR0913, PLR0917  a step's own parts
    """Say what becomes of a member's PBI-JKN membership."""
    agency = _dinsos(nation) if record == "PbiReactivationProposed" else "kemensos"
    return say(nation, agency, record, at, family.card, {"person_ref": family.members[place].nik, **said})


def excluded(nation: Nation, family: Family, at: int, days: int) -> Draft:
    """Say that the family is out of two programmes for so many days."""
    body = {"exclusion": "PERANGKAT_DESA", "programmes": ["PKH", "SEMBAKO"], "evidence": f"SK-DESA-{nation.month(at)}"}
    return say(nation, _dinsos(nation), "FamilyExcluded", at, family.card, body | {"expires_on": at // DAY + days})
