"""The claims of one person: what families said adds up to stays, and one stay at most holds the person.

A state is a set of facts, each placed by (occurred_at, sequence) within its family: whatever the order in which they
arrive, the same facts leave the same claims. Pure: no clock, no randomness, no I/O; must not know families' states.
"""

from typing import Final

from schemas.records import HeldClaim, MembershipNoted, PersonState, Stay
from stream_processors.registry.making import maker, replace

CLAIMED, ENDED, ERASED = "CLAIMED", "ENDED", "ERASED"
KINDS: Final = frozenset({CLAIMED, ENDED, ERASED})
MOST_CLAIMS: Final = 16  # kept of one stay: the first, which gives its place in the line, and the latest

_claim, _stay, _person = maker(HeldClaim), maker(Stay), maker(PersonState)


def evolve(state: PersonState | None, noted: MembershipNoted) -> PersonState:
    """Return the person's record with this fact among the others; a fact that is known changes nothing."""
    stays = () if state is None else state.stays
    if noted.kind == ERASED:
        kept = tuple([stay for stay in stays if stay.family_id != noted.family_id])
        return _person(person_ref=noted.person_ref, stays=kept)
    before = next((stay for stay in stays if stay.family_id == noted.family_id), None)
    after = _said(_blank(noted.family_id) if before is None else before, noted)
    if before is not None and after is before and state is not None:
        return state
    others = [stay for stay in stays if stay.family_id != noted.family_id]
    return _person(person_ref=noted.person_ref, stays=tuple(sorted([*others, after], key=_family)))


def _family(stay: Stay) -> str:
    return stay.family_id


def _blank(family_id: str) -> Stay:
    return _stay(
        family_id=family_id,
        claims=(),
        ended_at=0,
        ended_sequence=0,
        end_reason="",
        standing="",
        reason="",
        answers=0,
    )


def _said(stay: Stay, noted: MembershipNoted) -> Stay:
    at = (noted.occurred_at, noted.sequence)
    if stay.ended_sequence and at <= (stay.ended_at, stay.ended_sequence):
        return stay  # of a stay that is over, or the ending itself once more
    if noted.kind == ENDED:
        left = tuple([one for one in stay.claims if place(one) > at])
        return replace(
            stay, claims=left, ended_at=noted.occurred_at, ended_sequence=noted.sequence, end_reason=noted.reason
        )
    if any(one.claim_id == noted.change_id for one in stay.claims):
        return stay
    claims = sorted([*stay.claims, _claim_of(noted)], key=place)
    if len(claims) > MOST_CLAIMS:
        del claims[1]
    return replace(stay, claims=tuple(claims))


def _claim_of(noted: MembershipNoted) -> HeldClaim:
    return _claim(
        occurred_at=noted.occurred_at,
        sequence=noted.sequence,
        claim_id=noted.change_id,
        birth_year=noted.birth_year,
        birth_month=noted.birth_month,
        sex=noted.sex,
    )


def place(claim: HeldClaim) -> tuple[int, int]:
    """Return where a claim stands among those of its family: the greatest one is in force."""
    return claim.occurred_at, claim.sequence
