"""The whole story of a family as JSON can say it: what happened, its rank, its programmes, and what comes next.

Puts the parts together; reads nothing and knows no clock.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from consumers.gateway.why import Life
from jejak.why import ahead, standing, steps
from jejak.why.wording import Words, place
from schemas.records import ChangeRefused, FamilyState
from stream_processors.indicators import definitions
from stream_processors.registry import codes


def story(
    life: Life, refusals: Sequence[ChangeRefused], ranking: Mapping[str, Any], now: int, words: Words
) -> dict[str, Any]:
    """Return the story; `ranking` is what `jejak.ranking.explaining` told, `now` the time of asking (microseconds).

    `timeline` has an entry for each event and refusal; `happened` are the same as lines, alike ones joined.
    """
    state = life.state
    members = {one.person_ref: number for number, one in enumerate(state.members, 1)}
    told = steps.told(life.events, refusals, members, words)
    return {
        "family_id": state.family_id,
        "sequence": state.sequence,
        "language": words.language,
        "family": _family(state, words),
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
            for one in told
        ],
        "happened": list(steps.lines(told, words)),
        "rank": list(standing.rank(state, ranking, words)),
        "programmes": list(standing.programmes(state, words)),
        "next": list(ahead.ahead(state, ranking, now, words)),
    }


def _family(state: FamilyState, words: Words) -> str:
    active = sum(one.standing in codes.ACTIVE_STANDINGS for one in state.members)
    status = words.plain(state.status, "state/KELUARGA")
    kabkota = place(definitions.region_at(state.region.code, "kabkota"))
    return words.line("family", region=state.region.code, kabkota=kabkota, status=status, members=str(active))
