"""Why a family stands where it stands: what each answer added, how far the next decile is, what moved since last time.

Every score is worked out again from what was known when the run took it in, and held against the published one. Must
not know who asks: the door does.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from consumers.gateway.rankings import RankedThen
from schemas.records import RankingRunPublished
from stream_processors.ranking.model import Model, contributions
from stream_processors.ranking.model_file import ModelRefused, parse
from stream_processors.ranking.standing import standing
from stream_processors.ranking.variables import CATALOGUE

Told = dict[str, Any]
RUN_UNKNOWN: Final = "RUN_NOT_PUBLISHED"
_NEVER: Final = "NEVER_RANKED"


def explained(found: Sequence[RankedThen], runs: Mapping[str, RankingRunPublished]) -> Told:
    """Return why the family stands there, as JSON can say it; scores and effects are in millionths.

    `found` is the ranking in force and, behind it, the one before; `runs` are the published ones by id.
    """
    if not found:
        return {"ranked": False, "reason": _NEVER}
    now = _one(found[0], runs)
    return {"ranked": True, "now": now, "since": _since(now, _one(found[1], runs)) if len(found) > 1 else None}


def _one(then: RankedThen, runs: Mapping[str, RankingRunPublished]) -> Told:
    ranking, run = then.ranking, runs.get(then.ranking.run_id)
    told: Told = {
        "run_id": ranking.run_id,
        "as_of": ranking.header.occurred_at,
        "basis": ranking.basis,
        "decile": ranking.decile,
        "percentile": ranking.percentile,
        "local_percentile": ranking.local_percentile,
        "score": ranking.score,
        "reason": ranking.unranked_reason,
        "model": ranking.model_version,
        "dpia_id": ranking.dpia_id,
        "questionnaire": then.visit.questionnaire if then.visit else None,
        "visited_at": then.visit.header.occurred_at if then.visit else None,
        "visited_by": then.visit.header.agency if then.visit else None,
    }
    if run is None:
        return {**told, "unexplained": RUN_UNKNOWN}
    try:
        model = parse(run.model.encode())
    except ModelRefused as refused:  # a variable of an older build: the place stands, its parts can't be told here
        return {**told, "unexplained": refused.code}
    return {**told, "illustrative": model.illustrative, **_edges(run, ranking.decile), **_adding(then, model)}


def _edges(run: RankingRunPublished, decile: int | None) -> Told:
    """Return the lowest score of this decile and of the next one up, which isn't there for the tenth."""
    if decile is None:
        return {}
    above = next((tenth.lowest for tenth in run.tenths[decile:] if tenth.families), None)
    return {"lowest_of_decile": run.tenths[decile - 1].lowest, "lowest_of_next": above}


def _adding(then: RankedThen, model: Model) -> Told:
    found = standing(then.state, then.visit, model, then.ranking.header.occurred_at)
    if found is None or found.reason is not None:
        return {"agrees": then.ranking.decile is None}
    score = model.score(found.values)
    adds = [
        {"variable": name, "field": CATALOGUE[name].field, "value": value, "adds": effect}
        for name, value, effect in contributions(model, found.values)
    ]
    told = then.ranking.score
    return {"intercept": model.intercept, "adds": adds, "agrees": told is None or told == score}


def _since(now: Told, before: Told) -> Told:
    """Return what is another than in the run before: the place, the model, each variable's value and effect."""
    old = {one["variable"]: one for one in before.get("adds", ())}
    new = {one["variable"]: one for one in now.get("adds", ())}
    moved = [
        {
            "variable": name,
            "value": [_part(old, name, "value"), _part(new, name, "value")],
            "adds": [_part(old, name, "adds"), _part(new, name, "adds")],
        }
        for name in [*new, *(name for name in old if name not in new)]
        if _part(old, name, "value") != _part(new, name, "value")
        or _part(old, name, "adds") != _part(new, name, "adds")
    ]
    places = ("decile", "percentile", "local_percentile", "score", "reason", "model", "basis", "questionnaire")
    changed = {name: [before[name], now[name]] for name in places if before[name] != now[name]}
    both = "adds" in now and "adds" in before
    no_part_moved = both and all(one["adds"][0] == one["adds"][1] for one in moved)
    only_others = no_part_moved and before["intercept"] == now["intercept"] and "decile" in changed
    return {
        "run_id": before["run_id"],
        "changed": changed,
        "variables": moved if both else None,
        "others_moved": only_others,
    }


def _part(adds: Mapping[str, Told], name: str, part: str) -> Any:
    return adds[name][part] if name in adds else None
