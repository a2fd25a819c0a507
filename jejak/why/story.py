"""The whole story of a family as JSON can say it: what happened, its rank, its programmes, and what comes next.

Puts the parts together; reads nothing and knows no clock.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consumers.gateway.why import Life
from jejak.why import ahead, standing, steps
from jejak.why.wording import Words
from schemas.records import ChangeRefused

Latest = Callable[[str, int], Sequence[ChangeRefused]]
"""Gives an agency's newest refusals, so many at most."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """What was refused of a family; `cut` of an agency's refusals were looked through, 0 where all of them were."""

    found: tuple[ChangeRefused, ...] = ()
    cut: int = 0


def story(life: Life, refusals: Refusals, ranking: Mapping[str, Any], now: int, words: Words) -> dict[str, Any]:
    """Return the story; `ranking` is what `jejak.ranking.explaining` told, `now` the time of asking (microseconds)."""
    state = life.state
    members = {one.person_ref: number for number, one in enumerate(state.members, 1)}
    happened = steps.told(life.events, refusals.found, members, words)
    return {
        "family_id": state.family_id,
        "sequence": state.sequence,
        "language": words.language,
        "timeline": [
            {
                "sequence": one.sequence,
                "day": words.day(one.true_since),
                "true_since": one.true_since,
                "known_since": one.known_since,
                "step": one.record,
                "rule": one.code,
                "sentence": one.sentence,
            }
            for one in happened
        ],
        "notes": [words.line("more_refusals", count=str(refusals.cut))] if refusals.cut else [],
        "rank": list(standing.rank(state, ranking, words)),
        "programmes": list(standing.programmes(state, words)),
        "next": list(ahead.ahead(state, now, words)),
    }


def refusals_of(life: Life, agencies: Sequence[str], latest: Latest, most: int) -> Refusals:
    """Return what these agencies were refused of the family; `most` of each agency's newest are looked through."""
    found: list[ChangeRefused] = []
    cut = 0
    for agency in agencies:
        read = latest(agency, most)
        cut = most if len(read) >= most else cut
        found += [one for one in read if one.header.family_id == life.state.family_id]
    return Refusals(tuple(found), cut)


def agencies_of(life: Life) -> tuple[str, ...]:
    """Return who may have said something of the family: who did, and the offices of every place it lived in."""
    spoke = {one.header.agency for one in life.events}
    codes = {life.state.region.code} | {one.region.code for one in life.events if getattr(one, "region", None)}
    village = {f"desa/{code}" for code in codes}
    city = {f"{kind}/{'.'.join(code.split('.')[:2])}" for code in codes for kind in ("dinsos", "pendamping", "bupati")}
    return tuple(sorted(spoke | village | city | {"kemensos", "bps", "dukcapil"}))
