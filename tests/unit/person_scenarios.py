"""Facts about one person from several families, and what an independent reading of the rules says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas import codec
from schemas.records import MembershipConfirmed, MembershipNoted
from stream_processors.persons.person import handle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.records import PersonState

ANI = "a" * 26
HERE, THERE, ELSEWHERE = "f" * 26, "g" * 26, "h" * 26
BORN = (1980, 6, 2)


def claim_id(family: str, number: int) -> bytes:
    """Return an id that says whose claim it is."""
    return f"{family[0]}{number:015}".encode()


def claimed(family: str, at: int, sequence: int | None = None, born: tuple[int, int, int] = BORN) -> MembershipNoted:
    """Return the fact that a family claims Ani since `at`."""
    number = at if sequence is None else sequence
    return _noted(family, "CLAIMED", (at, number), born=born)


def ended(family: str, at: int, sequence: int | None = None, reason: str = "PINDAH") -> MembershipNoted:
    """Return the fact that Ani left a family at `at`."""
    return _noted(family, "ENDED", (at, at if sequence is None else sequence), reason=reason)


def erased(family: str, at: int) -> MembershipNoted:
    """Return the fact that a family erased Ani."""
    return _noted(family, "ERASED", (at, at))


def _noted(
    family: str, kind: str, place: tuple[int, int], reason: str = "", born: tuple[int, int, int] = (0, 0, 0)
) -> MembershipNoted:
    year, month, sex = born
    at, sequence = place
    return MembershipNoted(
        person_ref=ANI,
        family_id=family,
        kind=kind,
        occurred_at=at,
        sequence=sequence,
        change_id=claim_id(family, sequence),
        birth_year=year,
        birth_month=month,
        sex=sex,
        reason=reason,
    )


class Told:
    """The person's record after some facts, and the last answer that each family was given."""

    def __init__(self) -> None:
        self.state: PersonState | None = None
        self.answers: list[Any] = []
        self.last: dict[str, tuple[str, str, bytes]] = {}

    def hear(self, *facts: MembershipNoted) -> Told:
        """Take facts in this order, each through its bytes."""
        for fact in facts:
            handled = handle(codec.decode(codec.encode(fact)), self.state)
            self.state = codec.decode(codec.encode(handled.state))
            for answer in handled.answers:
                self.answers.append(answer)
                standing = "CONFIRMED" if isinstance(answer, MembershipConfirmed) else "CONTESTED"
                reason = "" if isinstance(answer, MembershipConfirmed) else answer.reason
                self.last[answer.header.family_id] = (standing, reason, answer.claim_id)
        return self

    def standing(self, family: str) -> str:
        """Return what the family was told last: a standing, and a reason after a slash where there is one."""
        standing, reason, _ = self.last[family]
        return f"{standing}/{reason}" if reason else standing

    def live(self) -> dict[str, str]:
        """Return what every family that still claims the person was told last."""
        stays = self.state.stays if self.state else ()
        return {stay.family_id: self.standing(stay.family_id) for stay in stays if stay.claims}


def hear(*facts: MembershipNoted) -> Told:
    """Return the record that these facts leave."""
    return Told().hear(*facts)


def expected(facts: Iterable[MembershipNoted]) -> dict[str, str]:
    """Return what each family is told in the end, from all the facts at once and nothing of the fold."""
    last_end: dict[str, MembershipNoted] = {}
    claims: dict[str, list[MembershipNoted]] = {}
    for fact in sorted(facts, key=lambda one: (one.occurred_at, one.sequence)):
        if fact.kind == "ENDED":
            last_end[fact.family_id], claims[fact.family_id] = fact, []
        else:
            claims.setdefault(fact.family_id, []).append(fact)
    live = {family: found for family, found in claims.items() if found}
    if any(end.reason == "MENINGGAL" and family not in live for family, end in last_end.items()):
        return dict.fromkeys(live, "CONTESTED/MENINGGAL")
    doubtful = {family for family, found in live.items() if len(_described(found)) > 1}
    line = sorted((found[0].occurred_at, found[0].change_id, family) for family, found in live.items())
    holder = next((family for _, _, family in line if family not in doubtful), None)
    told = {}
    for family, found in live.items():
        other = holder is None or _born(found[-1]) != _born(live[holder][-1])
        told[family] = "CONTESTED/NIK_GANDA" if family in doubtful or other else "CONTESTED/ANGGOTA_DI_DUA_KELUARGA"
    return {**told, **({holder: "CONFIRMED"} if holder else {})}


def _described(found: list[MembershipNoted]) -> set[tuple[int, int, int]]:
    return {_born(one) for one in found if one.occurred_at == found[-1].occurred_at}


def _born(fact: MembershipNoted) -> tuple[int, int, int]:
    return fact.birth_year, fact.birth_month, fact.sex
