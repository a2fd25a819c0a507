"""Who holds a person: the stay that began first, unless the person died or one NIK was given to two persons.

Source: Kepmensos 150/HUK/2022 (nobody in two families), domain guide 4.D and 4.G. The order is (occurred_at of the
stay's first claim, its change id): both are the claim's own, so that no order of arrival can change who is first.
"""

from typing import Final, NamedTuple

from schemas.records import HeldClaim, PersonState, Stay

CONFIRMED, CONTESTED = "CONFIRMED", "CONTESTED"
IN_TWO_FAMILIES: Final = "ANGGOTA_DI_DUA_KELUARGA"
TWO_PERSONS: Final = "NIK_GANDA"
DEAD: Final = "MENINGGAL"


class Verdict(NamedTuple):
    """What a family's claim comes to: confirmed, or contested with a reason."""

    standing: str
    reason: str = ""


def verdicts(state: PersonState) -> dict[str, Verdict]:
    """Return the verdict on each stay that isn't over, by family id; at most one of them is confirmed."""
    live = [stay for stay in state.stays if stay.claims]
    if any(stay.end_reason == DEAD and not stay.claims for stay in state.stays):
        return {stay.family_id: Verdict(CONTESTED, DEAD) for stay in live}
    sound = [stay for stay in live if not _of_two_persons(stay)]
    holder = min(sound, key=_began) if sound else None
    return {stay.family_id: _verdict(stay, holder) for stay in live}


def _began(stay: Stay) -> tuple[int, bytes]:
    first = stay.claims[0]
    return first.occurred_at, first.claim_id


def _verdict(stay: Stay, holder: Stay | None) -> Verdict:
    if stay is holder:
        return Verdict(CONFIRMED)
    if holder is None or _of_two_persons(stay) or _born(stay.claims[-1]) != _born(holder.claims[-1]):
        return Verdict(CONTESTED, TWO_PERSONS)
    return Verdict(CONTESTED, IN_TWO_FAMILIES)


def _of_two_persons(stay: Stay) -> bool:
    """Tell whether the claims of the latest moment describe two persons: one NIK stands twice in one family."""
    latest = stay.claims[-1]
    return any(one.occurred_at == latest.occurred_at and _born(one) != _born(latest) for one in stay.claims)


def _born(claim: HeldClaim) -> tuple[int, int, int]:
    return claim.birth_year, claim.birth_month, claim.sex
