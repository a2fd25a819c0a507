"""Where a family stands with its rank and with each programme, in sentences.

The rank's parts are those of `jejak.ranking.explaining`; reasons are the codes of decisions. Knows no topic.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from jejak.why.wording import Words
from schemas.records import FamilyState
from stream_processors.ranking.model import UNIT


def rank(state: FamilyState, ranking: Mapping[str, Any], words: Words) -> Iterator[str]:
    """Yield the rank in force, the one before and what moved it; `ranking` is what `explaining.explained` told."""
    if not ranking["ranked"]:
        yield words.line("unranked")
        return
    now, since = ranking["now"], ranking["since"]
    if now["decile"] is None:
        yield words.line("no_decile", run=now["run_id"], reasons=words.code(now["reason"]))
    else:
        yield words.line("decile", decile=str(now["decile"]), run=now["run_id"])
    if now.get("visited_at") is not None:
        yield words.line("visited", day=words.day(now["visited_at"]))
    if "unexplained" in now:
        yield words.line("unexplained", code=now["unexplained"])
    if now.get("illustrative"):
        yield words.line("illustrative")
    if since is not None:
        yield from _since(since, state, words)


def _since(since: Mapping[str, Any], state: FamilyState, words: Words) -> Iterator[str]:
    before = since["changed"].get("decile", [state.decile or None])[0]
    yield words.line(
        "decile_before",
        run=since["run_id"],
        decile=words.line("none") if before is None else words.line("of_decile", decile=str(before)),
    )
    for one in since["variables"] or ():
        (old, new), (was, adds) = one["value"], one["adds"]
        effect = (adds or 0) - (was or 0)
        if effect:
            yield words.line(
                "moved", variable=one["variable"], old=str(old), new=str(new), effect=f"{effect / UNIT:+.6f}"
            )
    if since["others_moved"]:
        yield words.line("others_moved")


def programmes(state: FamilyState, words: Words) -> Iterator[str]:
    """Yield the latest decision on each programme with its reasons, and where the family stands with each aid."""
    if not state.eligibility:
        yield words.line("no_programme")
    for one in state.eligibility:
        given = {"programme": one.programme, "version": one.rules_version}
        if one.reasons or one.result != "LAYAK":
            yield words.line("not_eligible", **given, reasons=words.codes(one.reasons))
        elif one.amount_rupiah:
            yield words.line("eligible_amount", **given, amount=words.rupiah(one.amount_rupiah))
        else:
            yield words.line("eligible", **given)
    for held in state.aid:
        yield words.line("aid", programme=held.programme, standing=words.code(held.standing))
        if held.due_at:
            yield words.line("until", day=words.day(held.due_at))
