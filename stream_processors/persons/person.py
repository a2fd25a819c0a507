"""The person: what a family noted becomes a state, and answers to every family whose verdict is another one now.

Each family hears of its claim in force, again whenever the claim or the verdict changes. Pure: answers are changes of
agency `registry`, their ids UUIDv5 of the claim and of how many answers went before. It must not know topics.
"""

from typing import Final, NamedTuple

from schemas.identifiers import derived_id
from schemas.records import Header, MembershipConfirmed, MembershipContested, MembershipNoted, PersonState, Stay
from stream_processors.persons.claims import evolve
from stream_processors.persons.verdicts import CONFIRMED, Verdict, verdicts
from stream_processors.registry.making import maker, replace

FOLD_VERSION: Final = "1"
AGENCY: Final = "registry"
ACTOR: Final = "persons-fold"

Answer = MembershipConfirmed | MembershipContested
_header, _person = maker(Header), maker(PersonState)


class Handled(NamedTuple):
    """What one fact did: the person's state afterwards, and the changes to say to families, in order of family ids."""

    state: PersonState
    answers: tuple[Answer, ...] = ()


def handle(noted: MembershipNoted, state: PersonState | None) -> Handled:
    """Return the person with this fact, and an answer for each family that was told something else before."""
    after = evolve(state, noted)
    if after is state:
        return Handled(after)
    found = verdicts(after)
    answers: list[Answer] = []
    stays: list[Stay] = []
    for stay in after.stays:
        verdict = found.get(stay.family_id)
        if verdict is None or _told(stay) == (stay.claims[-1].claim_id, verdict):
            stays.append(stay)
        else:
            answers.append(_answer(noted, stay, verdict))
            stays.append(_answered(stay, verdict))
    return Handled(_person(person_ref=after.person_ref, stays=tuple(stays)), tuple(answers))


def _told(stay: Stay) -> tuple[bytes | None, Verdict]:
    return stay.answered, Verdict(stay.standing, stay.reason)


def _answered(stay: Stay, verdict: Verdict) -> Stay:
    return replace(
        stay,
        answered=stay.claims[-1].claim_id,
        standing=verdict.standing,
        reason=verdict.reason,
        answers=stay.answers + 1,
    )


def _answer(noted: MembershipNoted, stay: Stay, verdict: Verdict) -> Answer:
    claim = stay.claims[-1]
    header = _header(
        sequence=0,
        recorded_at=0,
        # As old as the claim it answers: a family takes the answers in the order in which they come, and an ending
        # that is true later than the claim stands against all of them.
        occurred_at=claim.occurred_at,
        change_id=derived_id(claim.claim_id, f"membership/{stay.answers}"),
        family_id=stay.family_id,
        agency=AGENCY,
        actor=ACTOR,
        document="",
        correlation_id=claim.claim_id,
        causation_id=noted.change_id,
    )
    if verdict.standing == CONFIRMED:
        return MembershipConfirmed(header=header, person_ref=noted.person_ref, claim_id=claim.claim_id)
    return MembershipContested(
        header=header, person_ref=noted.person_ref, claim_id=claim.claim_id, reason=verdict.reason
    )
