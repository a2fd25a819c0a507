"""Where a family stands with its rank and with each programme, in sentences.

The rank's parts are those of `jejak.ranking.explaining`; reasons are the codes of decisions. Knows no topic.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jejak.why.wording import Words
from schemas import questionnaire
from schemas.records import FamilyState

_HUNDREDTHS: Final = 100  # of a percentile in a percent
# Counts that aren't a person's answer; what persons answered is told to have moved the score, never what they answered.
_COUNTED: Final = frozenset({"members", "children", "elderly", "dependents_percent", "floor_area_per_member"})


def rank(state: FamilyState, ranking: Mapping[str, Any], words: Words) -> Iterator[str]:
    """Yield the rank in force, the one before and what moved it; `ranking` is what `explaining.explained` told."""
    if not ranking["ranked"]:
        yield words.line("unranked")
        return
    now, since = ranking["now"], ranking["since"]
    if now["decile"] is None:
        yield words.line("no_decile", run=now["run_id"], reasons=_reason(now["reason"], words))
    else:
        yield words.line("decile", decile=str(now["decile"]), run=now["run_id"])
    if now["percentile"] is not None:
        share = now["percentile"] // _HUNDREDTHS
        yield words.line("percentile", share=str(share)) if share else words.line("percentile_lowest")
    if now.get("visited_at") is not None:
        yield words.line("visited", day=words.day(now["visited_at"]))
    if "unexplained" in now:
        yield words.line("unexplained", code=now["unexplained"])
    if now.get("illustrative"):
        yield words.line("illustrative")
    if since is not None:
        yield from _since(now, since, state, words)


def _reason(reason: str, words: Words) -> str:
    """Return why there is no score; which answer is meant is told by its name."""
    code, _, variable = reason.partition(":")
    if not variable:
        return words.code(reason)
    return f"{words.plain(code)}: {words.plain(variable, 'variable')} ({reason})"


def _since(now: Mapping[str, Any], since: Mapping[str, Any], state: FamilyState, words: Words) -> Iterator[str]:
    before = since["changed"].get("decile", [state.decile or None])[0]
    yield words.line(
        "decile_before",
        run=since["run_id"],
        decile=words.part("none") if before is None else words.part("of_decile", decile=str(before)),
    )
    if "model" in since["changed"]:
        old, new = since["changed"]["model"]
        yield words.line("model_changed", old=old, new=new)
    for one in since["variables"] or ():
        yield from _moved(one, now, words)
    if since["others_moved"]:
        yield words.line("others_moved")


def _moved(one: Mapping[str, Any], now: Mapping[str, Any], words: Words) -> Iterator[str]:
    (old, new), (was, adds) = one["value"], one["adds"]
    effect = (adds or 0) - (was or 0)
    if not effect:
        return
    name, asked = one["variable"], questionnaire.questionnaire(now["questionnaire"] or "")
    codes = next((had.codes for had in (asked.family if asked else ()) if name in had.fills), None)
    told = codes is not None or name in _COUNTED
    kind = "answered" if not told else "weight" if old == new else "moved"
    yield words.line(
        f"{kind}_{'up' if effect > 0 else 'down'}",
        variable=words.plain(name, "variable"),
        old=_answer(old, codes or {}, words),
        new=_answer(new, codes or {}, words),
        effect=words.score(effect),
    )


def _answer(value: int | None, codes: Mapping[int, str], words: Words) -> str:
    """Return an answer as the form words it; a count as it is."""
    return words.part("no_answer") if value is None or value < 0 else codes.get(value, str(value))


def programmes(state: FamilyState, words: Words) -> Iterator[str]:
    """Yield the latest decision on each programme with its reasons, and where the family stands with each aid."""
    if not state.eligibility:
        yield words.line("no_programme")
    for one in state.eligibility:
        given = {"programme": words.plain(one.programme, "programme"), "version": one.rules_version}
        if one.reasons or one.result != "LAYAK":
            yield words.line("not_eligible", **given, reasons=words.codes(one.reasons))
        elif one.amount_rupiah:
            yield words.line("eligible_amount", **given, amount=words.rupiah(one.amount_rupiah))
        else:
            yield words.line("eligible", **given)
    placed = {held.programme for held in state.aid}
    if any(one.result == "LAYAK" and one.programme not in placed for one in state.eligibility):
        yield words.line("no_place_yet")
    for held in state.aid:
        programme = words.plain(held.programme, "programme")
        yield words.line("aid", programme=programme, standing=words.code(held.standing))
        if held.due_at:
            yield words.line("until", day=words.day(held.due_at))
