"""Puts the facts of a synthetic family's life into the words of the contract: drafts in plain text.

Every function is told the nation, the family and the moment, and says one thing. It must not choose what happens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from producers.draft import Draft
from producers.simulation import beside, housing, people, ranking
from producers.simulation.nation import Nation
from producers.simulation.people import Family, Person

QUESTIONNAIRE: Final = "REGSOSEK22-K"
_FILLED: Final = frozenset({1, 2})
_STILL_ASKED_THE_39: Final = 3  # one visit in so many, once there is a version with the questions beside them
_NOTHING: Final[Mapping[str, Draft]] = MappingProxyType({})


def say(  # noqa: PLR0913, PLR0917  a draft's own parts
    nation: Nation,
    agency: str,
    record: str,
    at: int,
    card: str,
    body: Mapping[str, Any],
    refers: Mapping[str, Draft] = _NOTHING,
) -> Draft:
    """Return the draft of what an agency says of a moment in that moment's month."""
    return Draft(nation.channel(agency, at), record, at, card, body, refers=refers)


def village_of(family: Family) -> str:
    """Return the agency of the village that a family is registered in."""
    return f"desa/{family.village}"


def registered(nation: Nation, family: Family, at: int, card: str, agency: str = "") -> Draft:
    """Say that the family enters the registry under this card."""
    body = {
        "region": nation.regions[family.village],
        "card_number": card,
        "address_line": family.address,
        "telephone": f"08{family.index:010d}" if family.index % 3 == 0 else None,
    }
    return say(nation, agency or village_of(family), "FamilyRegistered", at, card, body)


def claimed(nation: Nation, family: Family, at: int, card: str, place: int) -> Draft:
    """Say that a member belongs to the family."""
    person = family.members[place]
    return claim(nation, family, at, card, (person.nik, person.name, person))


def claimed_wrongly(nation: Nation, family: Family, at: int, place: int) -> Draft:
    """Say so with the NIK or the name that the first source wrote wrongly."""
    person = family.members[place]
    name = person.name if person.wrong_name is None else person.wrong_name
    return claim(nation, family, at, family.card, (person.wrong_nik or person.nik, name, person))


def stranger_claimed(nation: Nation, family: Family, at: int, card: str) -> Draft:
    """Say that the family's head belongs to a family that was never registered."""
    head = family.members[0]
    return claim(nation, family, at, card, (head.nik, head.name, head))


def claimed_too(nation: Nation, family: Family, at: int, other: int) -> Draft:
    """Say that the last member of another family belongs to this one: a person in two families."""
    person = people.family(nation, other, people.chance(nation, other)).members[-1]
    if person.relationship == people.HEAD:
        person = replace(
            person, relationship=people.OTHER
        )  # who lives alone is this family's head no more than another's
    return claim(nation, family, at, family.card, (person.nik, person.name, person))


def claim(nation: Nation, family: Family, at: int, card: str, who: tuple[str, str, Person]) -> Draft:
    """Say that somebody, by NIK, name and what else is known, belongs to the family with this card."""
    nik, name, person = who
    year, month, day = person.born
    body = {
        "person_ref": nik,
        "birth_year": year,
        "birth_month": month,
        "sex": person.sex,
        "relationship": person.relationship,
        "marital_status": person.marital,
        "presence": 1,
        "national_id": nik,
        "name": name,
        "birth_day": f"{day:02}",
    }
    return say(nation, village_of(family), "MembershipClaimed", at, card, body)


class Claim(NamedTuple):
    """A claim that was accepted: of which member, when."""

    place: int
    at: int


def confirmed(nation: Nation, family: Family, at: int, claim: Claim, contest: str = "") -> Draft:
    """Say that the person's own record agrees with the claim, or, with a reason, that another family claims them."""
    body: dict[str, Any] = {"person_ref": family.members[claim.place].nik}
    if contest:
        body["reason"] = contest
    record = "MembershipContested" if contest else "MembershipConfirmed"
    refers = {"claim_id": claimed(nation, family, claim.at, family.card, claim.place)}
    return say(nation, "registry", record, at, family.card, body, refers)


def matched(nation: Nation, family: Family, at: int, nik: str, status: str) -> Draft:
    """Say what the civil registry answers about a person."""
    body = {"person_ref": nik, "status": status, "batch": f"PADAN-{nation.month(at)}"}
    return say(nation, "dukcapil", "CivilRegistryMatched", at, family.card, body)


def moved(nation: Nation, family: Family, at: int, village: str) -> Draft:
    """Say that the family lives in another village since then."""
    body = {"region": nation.regions[village], "address_line": f"{family.address} (baru)"}
    return say(nation, f"dinsos/{nation.district}", "FamilyMoved", at, family.card, body)


def died(nation: Nation, family: Family, at: int, place: int) -> Draft:
    """Say that a member has died."""
    evidence = f"AKTA-MATI-{nation.month(at)}-{family.index}"
    body = {"person_ref": family.members[place].nik, "reason": "MENINGGAL", "evidence": evidence}
    return say(nation, "dukcapil", "MembershipEnded", at, family.card, body)


class Visit(NamedTuple):
    """A field worker's visit: when, with which result (205), which members were seen, and what decides the answers."""

    at: int
    result: int
    places: tuple[int, ...]
    salt: int


def visited(nation: Nation, family: Family, at: int, visit: Visit) -> Draft:
    """Say what was found; told at `at`, which decides only the document it stands in."""
    seen_at, result, places, salt = visit
    rng = Random(salt)  # noqa: S311  a simulation, not a secret
    body: dict[str, Any] = {"result": result, "questionnaire": QUESTIONNAIRE, "family": None, "individuals": []}
    if result in _FILLED:
        answers = housing.family_answers(family.decile, len(places), rng)
        answers["geotag"] = f"{-7.8 - rng.random() / 10:.6f},{112.0 + rng.random() / 10:.6f}"
        answers["electricity_customer"] = f"51{family.index:010d}" if "power_1" in answers else None
        year, month = divmod(nation.month(seen_at), 100)
        people = [family.members[place] for place in places]
        ages = [max(0, year - one.born[0] - (month < one.born[1])) for one in people]
        body["family"] = answers
        body["individuals"] = [housing.person_answers(one, age, rng) for one, age in zip(people, ages, strict=True)]
        body["photo_digest"] = rng.randbytes(32)
        if seen_at >= beside.SINCE and salt % _STILL_ASKED_THE_39:
            body |= _with_beside(body, family.decile, nation.month(seen_at), list(zip(people, ages, strict=True)), salt)
    channel = nation.channel(f"pendamping/{nation.district}", at)
    return Draft(channel, "GroundCheckRecorded", seen_at, family.card, body)


def _with_beside(
    body: Mapping[str, Any], decile: int, month: int, people: Sequence[tuple[Person, int]], salt: int
) -> dict[str, Any]:
    """Return the visit's answers with those to the questions beside the 39, by the version that asks them."""
    rng = Random(f"{salt} beside")  # noqa: S311  a simulation, not a secret
    answered = zip(people, body["individuals"], strict=True)
    return {
        "questionnaire": beside.QUESTIONNAIRE,
        "family": {**body["family"], **beside.of_family(decile, month, rng)},
        "individuals": [{**one, **beside.of_person(person, age, one, rng)} for (person, age), one in answered],
    }


def ranked(nation: Nation, family: Family, at: int, run: ranking.Run, reason: str = "") -> Draft:
    """Say where a run places the family, or, with a reason, that it can't."""
    body = {
        "run_id": run.run_id,
        "decile": None if reason else run.deciles[family.index],
        "percentile": None if reason else run.percentiles[family.index],
        "unranked_reason": reason or None,
        "basis": "FAMILIES",
        "scope": "NATIONAL",
        "model_version": ranking.MODEL,
        "dpia_id": ranking.DPIA,
    }
    return Draft(nation.channel("bps", at), "FamilyRanked", run.at, family.card, body)
