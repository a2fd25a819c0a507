"""What befalls some families as a whole: their head dies, they split or merge, a member is insured, they are excluded.

Every step is legal where it stands, in whichever order both halves of a turn are told; each family draws from a chance
of its own, so that nothing else in its history moves. It must not word what is said.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from producers.simulation import machine, people, proposal_wording, turn_wording, wording
from producers.simulation.life import Entry, history
from producers.simulation.nation import DAY, SECOND, Nation
from producers.simulation.people import Family
from producers.simulation.ranking import Run

_FIRST: Final = 60  # days after its entry, before which nothing of this befalls a family
_SMALLEST: Final = 4  # members of a family that splits
_TOLD_FIRST: Final = 0.4  # share of turns whose second half is told before the first
_JUNE: Final = 5  # months: who lost PBI-JKN before may not be brought back (domain guide 4.E)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a family's history says of its members: who is claimed, who died when, and whose place is undoubted."""

    entered: int
    last_claim: int
    claimed: tuple[int, ...]
    died: dict[int, int]
    sound: tuple[int, ...]  # matched at once, alive, confirmed or unanswered, and claimed by nobody else


def with_turns(nation: Nation, family: Family, said: list[Entry], runs: tuple[Run, ...]) -> list[Entry]:
    """Return the history with what befalls the family as a whole, in order; the same list when nothing does."""
    told = _told(nation, family, said)
    if told is None:
        return said
    rng = Random(f"{nation.seed}/{family.index}/turns")  # noqa: S311  a simulation, not a secret
    merging = _merging(nation, family, told, runs, rng)
    if merging:
        merged_at = merging[0].at
        said = [one for one in said if one.at < merged_at]
        return _in_order(nation, said, [*_succession(nation, told, rng, until=merged_at), *merging])
    added = [*_succession(nation, told, rng, until=nation.end)]
    draw, rates = rng.random(), nation.rates
    if draw < rates.split:
        added += _split(nation, family, said, told, rng)
    elif draw < rates.split + rates.insured:
        added += _insured(nation, told, rng)
    elif draw < rates.split + rates.insured + rates.excluded and not _proposes(said):
        at = machine.office_time(told.entered, rng.randint(_FIRST, 200), rng)
        added.append(Entry(at, turn_wording.excluded, (rng.randint(60, 400),)))
    return _in_order(nation, said, added)


def _in_order(nation: Nation, said: list[Entry], added: list[Entry]) -> list[Entry]:
    kept = [one for one in added if one.at < nation.end]
    return sorted([*said, *kept], key=lambda one: one.at) if kept else said


def _proposes(said: list[Entry]) -> bool:
    return any(one.word is proposal_wording.drafted for one in said)


def _told(nation: Nation, family: Family, said: list[Entry]) -> _Told | None:
    registered = next((one for one in said if one.word is wording.registered and not one.expected), None)
    claims = [one for one in said if one.word is wording.claimed and not one.expected]
    if registered is None or not claims:
        return None
    died = {one.args[0]: one.at for one in said if one.word is wording.died and not one.expected}
    doubted = {one.args[0].place for one in said if one.word is wording.confirmed and one.args[1]}
    if not nation.answered:
        doubted.add(len(family.members) - 1)  # whom another family may claim too
    unmatched = {one.args[0] for one in said if one.word is wording.matched and one.args[1] != "PADAN"}
    matched = {one.args[0] for one in said if one.word is wording.matched and one.args[1] == "PADAN"}
    places = tuple(one.args[1] for one in claims)
    sound = [
        place
        for place in places
        if family.members[place].nik in matched - unmatched and place not in died and place not in doubted
    ]
    return _Told(registered.at, max(one.at for one in claims), places, died, tuple(sound))


def _succession(nation: Nation, told: _Told, rng: Random, until: int) -> Iterator[Entry]:
    """Yield who follows a head that died, told after the death or before it; of some families nobody is named."""
    heirs = [place for place in told.claimed if place and place not in told.died]
    if 0 not in told.died or not heirs or rng.random() >= nation.rates.succeeded:
        return
    days = -rng.randint(1, 3) if rng.random() < _TOLD_FIRST else rng.randint(1, 20)
    at = machine.office_time(told.died[0], days, rng)
    if max(told.last_claim, told.entered) + DAY < at < until:
        yield Entry(at, turn_wording.succeeded, (heirs[0],))


def _insured(nation: Nation, told: _Told, rng: Random) -> Iterator[Entry]:
    """Yield a member's PBI-JKN membership; some lose it by their decile, and of these most ask for it back."""
    if not told.sound:
        return
    place = told.sound[0]
    begin = max(told.last_claim, nation.month_starts[min(_JUNE, nation.months)])
    at = machine.office_time(begin, rng.randint(20, 80), rng)
    steps: list[tuple[str, dict[str, Any], int]] = [("PbiEnrolled", {"determination_number": "SK-PBI-1"}, 0)]
    if rng.random() < 0.6:  # noqa: PLR2004  plausible shares
        steps.append(("PbiDeactivated", {"reason": "DESIL_6_10", "evidence": "SK-PBI-2"}, rng.randint(20, 60)))
        ground = {"ground": "PENYAKIT_KRONIS", "evidence": "SURAT-DOKTER"}
        approved = rng.random() < 0.7  # noqa: PLR2004  idem
        outcome = {"outcome": "DISETUJUI", "reason": None} if approved else {"outcome": "DITOLAK", "reason": "MAMPU"}
        steps += [
            ("PbiReactivationProposed", ground, rng.randint(3, 12)),
            ("PbiReactivationDecided", outcome, rng.randint(3, 12)),
            *([("PbiActivated", {}, rng.randint(1, 5))] if approved else []),
        ]
    for record, said, days in steps:
        at = machine.office_time(at, days, rng) if days else at
        yield Entry(at, turn_wording.insured, (place, record, said))


def _split(nation: Nation, family: Family, said: list[Entry], told: _Told, rng: Random) -> Iterator[Entry]:
    """Yield both halves of a split, the parent's and the new family's, in either order: a member leaves with a card."""
    places = [place for place in told.sound if 0 < place < len(family.members) - 1]
    if 0 not in told.sound or not places or len(told.claimed) < _SMALLEST:
        return
    last = max(one.at for one in said if one.word in {wording.visited, wording.claimed})
    at = machine.office_time(last, rng.randint(10, 60), rng)
    child_at = machine.office_time(at, -rng.randint(1, 4) if rng.random() < _TOLD_FIRST else rng.randint(1, 10), rng)
    branch = turn_wording.Branch(at, places[0])
    yield Entry(at, turn_wording.split, ())
    yield Entry(at + SECOND, turn_wording.left, (places[0], "PECAH_KK"))
    if at < nation.end:
        for number, record in enumerate(("FamilyRegistered", "FamilyBranched", "MembershipClaimed")):
            yield Entry(child_at + number * SECOND, turn_wording.branched, (branch, record))


def _merging(nation: Nation, family: Family, told: _Told, runs: tuple[Run, ...], rng: Random) -> list[Entry]:
    """Return both halves of a merger, empty where there is none, into the family before this one; that never merges."""
    if not family.index % 2 or rng.random() >= 2 * nation.rates.merged:
        return []
    chance = people.chance(nation, family.index - 1)
    into = people.family(nation, family.index - 1, chance)
    other = _told(nation, into, history(nation, into, runs, chance))
    if other is None:
        return []
    at = machine.office_time(max(told.last_claim, other.last_claim), rng.randint(_FIRST, 250), rng)
    if at + DAY >= nation.end:
        return []
    members = [place for place in told.claimed if told.died.get(place, at) >= at]
    here = [Entry(at, turn_wording.merged, (into.card,))]
    here += [Entry(at + (n + 1) * SECOND, turn_wording.left, (p, "GABUNG")) for n, p in enumerate(members)]
    there = at + (-3 * DAY if rng.random() < _TOLD_FIRST else 2 * SECOND * len(members) + SECOND)
    here.append(Entry(there, turn_wording.absorbed, (into.card,)))
    here += [Entry(there + (n + 1) * SECOND, turn_wording.joined, (into.card, p)) for n, p in enumerate(members)]
    return here
