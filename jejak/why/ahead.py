"""What comes next for a family, who acts, and until when: from the machines' tables and the calendar, in sentences.

A step that no row of a table allows is never offered. The present is given as a time, never read from a clock.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from jejak.why.wording import Words
from schemas.records import Case, FamilyState, Proposal
from stream_processors.registry import calendar, codes, proposal
from stream_processors.registry.machines.table import Row, machines

_CORRECTING: Final = frozenset({"PERBAIKAN", "PERUBAHAN_DESIL"})
_USULAN: Final = "USULAN"
_BY_ITSELF: Final = "DeadlineReached"
# Asides that every state of a machine has; they are no next step of a matter that goes on.
_ASIDES: Final = frozenset({"ProposalCancelled"})


def ahead(state: FamilyState, now: int, words: Words) -> Iterator[str]:
    """Yield what is open and who acts next, dates that are awaited, and how what is wrong can be corrected."""
    for one in state.proposals:
        yield from _proposal(one, words)
    for case in state.cases:
        yield from _case(case, state, words)
    yield from _corrections(state, now, words)
    yield words.line("ask_trail")


def _proposal(one: Proposal, words: Words) -> Iterator[str]:
    rows = [
        row for row in machines()[_USULAN].rows if row.state == one.step and (not row.kinds or one.kind in row.kinds)
    ]
    if not rows:
        return
    yield _stands(_USULAN, one.step, words, words.plain(one.kind))
    yield from _step(rows, words)
    due = proposal.due_at(one)
    if due is not None:
        yield words.line("cut_off", period=words.month(one.period), day=words.day(due))


def _case(case: Case, state: FamilyState, words: Words) -> Iterator[str]:
    found = machines().get(case.machine)
    if found is None or found.states.get(case.step) not in {"open", "halted"}:
        return
    yield _stands(case.machine, case.step, words, _about(case, state, words))
    yield from _step([row for row in found.rows if row.state == case.step], words)
    if case.due_at:
        yield words.line("until", day=words.day(case.due_at))


def _about(case: Case, state: FamilyState, words: Words) -> str:
    """Return what a case is about: a code, a programme, a member by number."""
    for number, member in enumerate(state.members, 1):
        if member.person_ref == case.about:
            return words.line("member", number=str(number))
    code, _, programme = case.about.partition("/")
    return f"{words.plain(code)}, {programme}" if programme else words.plain(code)


def _stands(name: str, step: str, words: Words, kind: str) -> str:
    told = words.plain(step, f"state/{name}")
    machine = words.plain(name, "machine")
    if kind:
        return words.line("stands_kind", machine=machine, kind=kind, state=told)
    return words.line("stands", machine=machine, state=told)


def _step(rows: Iterable[Row], words: Words) -> Iterator[str]:
    """Yield the steps that lead on from here, with who says each; what the registry says by itself is a date."""
    by: dict[str, Mapping[str, None]] = {}
    for row in rows:
        if row.record != _BY_ITSELF and row.record not in _ASIDES:
            by[row.record] = {**by.get(row.record, {}), **dict.fromkeys(row.actors)}
    for record, actors in by.items():
        who = words.any_of(words.plain(actor, "agency") for actor in actors)
        yield words.line("step", what=words.plain(record, "next"), who=who)


def _corrections(state: FamilyState, now: int, words: Words) -> Iterator[str]:
    for number, member in enumerate(state.members, 1):
        if member.standing in codes.ACTIVE_STANDINGS and member.padan not in {"", codes.PADAN}:
            told = words.line("member", number=str(number))
            yield words.line("correct_identity", member=told[0].upper() + told[1:], reasons=words.code(member.padan))
    if not state.decile:
        yield words.line("ask_visit")
    open_kinds = {one.kind for one in state.proposals if one.step in machines()[_USULAN].standing("open")}
    if state.status == codes.FAMILY_ACTIVE and not open_kinds & _CORRECTING:
        yield words.line("correct_data", day=words.day(_cut_off(now)))


def _cut_off(now: int) -> int:
    kind = min(_CORRECTING)
    return calendar.cut_off(kind, calendar.period_for(kind, now))
