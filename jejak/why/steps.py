"""What happened to a family, step by step: each accepted event and each refusal as a sentence.

Tells agencies by kind and area and members by number; must not tell a person's name, reference, condition or answer,
nor who objected. Knows events; not where they are read.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from jejak.why.wording import Words
from schemas import records

_OUTCOMES: Final = ("outcome", "status", "result")
_KINDS: Final = ("kind", "objection_kind", "exclusion", "rule_set")
# A ground for reactivating PBI-JKN may be an illness, and what a person's erasure rests on is theirs alone.
_REASONLESS: Final = frozenset({"PbiReactivationProposed", "PersonErased"})


class Step(NamedTuple):
    """One thing that was said: when it was true and when it was learned (microseconds), and the sentence.

    `sequence` is the event's, None of a refusal; `code` is the rule of a refusal.
    """

    sequence: int | None
    record: str
    true_since: int
    known_since: int
    sentence: str
    code: str = ""


def told(
    events: Sequence[Any], refusals: Sequence[records.ChangeRefused], members: Mapping[str, int], words: Words
) -> tuple[Step, ...]:
    """Return a step for each event and refusal, in the order in which they were said; a refusal as it is dated."""
    accepted = [_event(one, members, words) for one in events]
    steps = [*accepted, *(_refusal(one, words) for one in refusals)]
    return tuple(sorted(steps, key=lambda step: (step.known_since, step.sequence or 0)))


def _event(event: Any, members: Mapping[str, int], words: Words) -> Step:
    header, name = event.header, type(event).__name__
    sentence = words.find("record", *_names(event, name), **_given(event, members, words))
    reasons = tuple(_reasons(event))
    text = f"{words.agency(header.agency)}: {name}." if sentence is None else sentence
    if reasons:
        text = words.line("because", sentence=text, reasons=words.codes(reasons))
    return Step(header.sequence, name, header.occurred_at, header.recorded_at, text)


def _refusal(refused: records.ChangeRefused, words: Words) -> Step:
    header, name = refused.header, refused.record.rpartition(".")[2]
    text = words.line(
        "refused",
        who=words.agency(header.agency),
        step=words.plain(name, "next"),
        rule=words.code(refused.rule, "rule"),
    )
    return Step(None, name, header.occurred_at, header.recorded_at or header.occurred_at, text, refused.rule)


def _names(event: Any, name: str) -> tuple[str, ...]:
    """Return the names that the sentence may have, the closest first."""
    match event:
        case records.FamilyRanked(decile=None):
            return f"{name}.TANPA_DESIL", name
        case records.DeadlineReached(kind=kind):
            return f"{name}.{kind.partition('.')[0]}", name
        case _:
            return (name,)


def _given(event: Any, members: Mapping[str, int], words: Words) -> dict[str, str]:
    """Return the values that a sentence may name: agencies, codes, places, numbers; never a person."""
    given = {"who": words.agency(event.header.agency), "member": _member(event, members, words)}
    outcome = next((getattr(event, name) for name in _OUTCOMES if hasattr(event, name)), None)
    if outcome is not None:
        is_visit = isinstance(event, records.GroundCheckRecorded)
        given["outcome"] = words.plain(f"VISIT.{outcome}" if is_visit else str(outcome))
    kind = next((getattr(event, name) for name in _KINDS if hasattr(event, name)), None)
    if kind is not None:
        given["kind"] = words.plain(kind)
    region = getattr(event, "region", None)
    if region is not None:
        given["region"] = region.code
    programmes = getattr(event, "programmes", None) or (getattr(event, "programme", None),)
    given["programme"] = ", ".join(str(one) for one in programmes if one)
    return {**given, **_numbers(event, words)}


def _numbers(event: Any, words: Words) -> dict[str, str]:
    given = {"run": str(getattr(event, "run_id", "") or ""), "decile": str(getattr(event, "decile", "") or "")}
    period, amount = getattr(event, "period", None), getattr(event, "amount_rupiah", None)
    if period is not None:
        given["period"] = words.month(period) if isinstance(period, int) else str(period)
    if amount is not None:
        given["amount"] = words.rupiah(amount)
    if isinstance(event, records.ProposalDrafted):
        given["proposer"] = words.plain(event.proposer)
    return given


def _member(event: Any, members: Mapping[str, int], words: Words) -> str:
    number = members.get(getattr(event, "person_ref", None) or "")
    return words.line("somebody") if number is None else words.line("member", number=str(number))


def _reasons(event: Any) -> Iterator[str]:
    if type(event).__name__ in _REASONLESS:
        return
    for name in ("reason", "reasons", "unranked_reason"):
        match getattr(event, name, None):
            case str() as reason if reason:
                yield reason
            case tuple() as found:
                yield from found
            case _:
                pass
