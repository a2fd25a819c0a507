"""What happened to a family, step by step: each accepted event and each refusal as a sentence.

Tells agencies by kind and area and members by number; must not tell a person's name, reference, condition or answer,
nor who objected. Knows events; not where they are read.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any, Final, NamedTuple

from jejak.why.wording import Words, place
from schemas import records
from stream_processors.registry import calendar

_OUTCOMES: Final = ("outcome", "status", "result")
_KINDS: Final = ("kind", "objection_kind", "exclusion", "rule_set")
# A ground for reactivating PBI-JKN may be an illness, and what a person's erasure rests on is theirs alone.
_REASONLESS: Final = frozenset({"PbiReactivationProposed", "PersonErased"})


class Step(NamedTuple):
    """One thing that was said: when it was true and when it was learned (microseconds), and the sentence.

    `sequence` is the event's, None of a refusal; `code` is the rule of a refusal; `member` the number of who is meant.
    `late`: it was learned after something of a later day was known.
    """

    sequence: int | None
    record: str
    true_since: int
    known_since: int
    sentence: str
    code: str = ""
    member: int | None = None
    late: bool = False


def told(
    events: Sequence[Any], refusals: Sequence[records.ChangeRefused], members: Mapping[str, int], words: Words
) -> tuple[Step, ...]:
    """Return a step for each event and refusal, by the day since when it was true; a refusal as it is dated."""
    accepted = [_event(one, members, words) for one in events]
    steps = [*accepted, *(_refusal(one, words) for one in refusals)]
    in_order = _marked(sorted(steps, key=lambda step: (step.known_since, step.sequence or 0)))
    return tuple(sorted(in_order, key=lambda step: calendar.moment(step.true_since).date()))


def _marked(steps: Sequence[Step]) -> Iterator[Step]:
    """Yield the steps, given as they were learned, with those marked that came after something of a later day."""
    latest = date.min
    for step in steps:
        day = calendar.moment(step.true_since).date()
        yield step._replace(late=day < latest)
        latest = max(latest, day)


def lines(steps: Sequence[Step], words: Words) -> Iterator[str]:
    """Yield the steps as dated lines; what is said alike of several members on a day is one of them."""
    for (day, form), same in groupby(steps, key=lambda step: (words.day(step.true_since), _form(step, words))):
        group = list(same)
        sentence = group[0].sentence
        if group[0].member is not None and len(group) > 1:
            numbers = words.all_of(words.part("number", number=str(one)) for one in sorted(_members(group)))
            sentence = form[0].replace(_BLANK, words.part("members", numbers=numbers), 1)
        if group[0].late:
            sentence = words.line("late", sentence=sentence, day=words.day(group[0].known_since))
        yield from [f"{day}: {sentence}"] * (1 if group[0].member is not None else len(group))


_BLANK: Final = "\0"


def _form(step: Step, words: Words) -> tuple[str, str]:
    """Return the sentence without the member it is about, and the day it was learned on where that is told."""
    late = words.day(step.known_since) if step.late else ""
    if step.member is None:
        return step.sentence, late
    named = words.part("member", number=str(step.member))
    return step.sentence.replace(named, _BLANK, 1), late


def _members(group: Sequence[Step]) -> set[int]:
    return {step.member for step in group if step.member is not None}


def _event(event: Any, members: Mapping[str, int], words: Words) -> Step:
    header, name = event.header, type(event).__name__
    sentence = words.said("record", *_names(event, name), **_given(event, members, words))
    reasons = tuple(_reasons(event))
    text = f"{words.agency(header.agency)}: {name}." if sentence is None else sentence
    if reasons:
        text = words.line("because", sentence=text, reasons=words.codes(reasons))
    number = members.get(getattr(event, "person_ref", None) or "")
    return Step(header.sequence, name, header.occurred_at, header.recorded_at, text, member=number)


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
        given["region"] = place(region.code)
    programmes = getattr(event, "programmes", None) or (getattr(event, "programme", None),)
    given["programme"] = ", ".join(words.plain(one, "programme") for one in programmes if one)
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
    return words.part("somebody") if number is None else words.part("member", number=str(number))


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
