"""What comes next for a family, who acts, and until when: from the machines' tables and the calendar, in sentences.

A step that no row of a table allows is never offered. The present is given as a time, never read from a clock.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from jejak.why.wording import Words
from schemas.records import Case, FamilyState, Proposal
from stream_processors.registry import calendar, codes, proposal, verification
from stream_processors.registry.machines.table import Row, machines

_CORRECTING: Final = ("PERBAIKAN", "PERUBAHAN_DESIL")
_USULAN: Final = "USULAN"
_BY_ITSELF: Final = "DeadlineReached"
# Asides that every state of a machine has; they are no next step of a matter that goes on.
_ASIDES: Final = frozenset({"ProposalCancelled"})


def ahead(state: FamilyState, ranking: Mapping[str, Any], now: int, words: Words) -> Iterator[str]:
    """Yield what is open and who acts next, dates that are awaited, and how what is wrong can be corrected.

    `ranking` is what `jejak.ranking.explaining` told.
    """
    for one in state.proposals:
        yield from _proposal(one, words)
    for case in state.cases:
        yield from _case(case, state, words)
    yield from _awaited(state, words)
    yield from _corrections(state, ranking, now, words)
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
            return words.part("member", number=str(number))
    code, _, programme = case.about.partition("/")
    return f"{words.plain(code)}, {words.plain(programme, 'programme')}" if programme else words.plain(code)


def _awaited(state: FamilyState, words: Words) -> Iterator[str]:
    """Yield until when a place is kept in a programme's grace, and by when the family is visited again."""
    for one in state.eligibility:
        if one.grace_until:
            programme = words.plain(one.programme, "programme")
            yield words.line("grace", programme=programme, day=words.day(one.grace_until))
    due = verification.due_of(state)
    if due is not None:
        yield words.line("verified_by", day=words.day(due[1]))


def _stands(name: str, step: str, words: Words, kind: str) -> str:
    told = words.plain(step, f"state/{name}")
    machine = words.plain(name, "machine")
    if kind:
        return words.line("stands_kind", machine=machine, kind=kind, state=told)
    return words.line("stands", machine=machine, state=told)


def _step(rows: Iterable[Row], words: Words) -> Iterator[str]:
    """Yield who may lead on from here, each with the steps that are theirs; what comes by itself is a date."""
    actors: dict[str, Mapping[str, None]] = {}
    for row in rows:
        if row.record != _BY_ITSELF and row.record not in _ASIDES:
            actors[row.record] = {**actors.get(row.record, {}), **dict.fromkeys(row.actors)}
    steps: dict[str, list[str]] = {}
    for record, by in actors.items():
        who = words.any_of(words.plain(actor, "agency") for actor in by)
        steps.setdefault(who, []).append(words.plain(record, "next"))
    for who, what in steps.items():
        yield words.line("step", what=words.any_of(what), who=who)


def _corrections(state: FamilyState, ranking: Mapping[str, Any], now: int, words: Words) -> Iterator[str]:
    for number, member in enumerate(state.members, 1):
        if member.standing in codes.ACTIVE_STANDINGS and member.padan not in {"", codes.PADAN}:
            told = words.part("member", number=str(number))
            yield words.line("correct_identity", member=told, reasons=words.code(member.padan))
    if not state.decile:
        yield _for_a_decile(ranking, words)
    yield from _remedies(state, words)
    if state.status == codes.FAMILY_ACTIVE:
        yield from _proposals_to_ask_for(state, now, words)


def _for_a_decile(ranking: Mapping[str, Any], words: Words) -> str:
    """Return what gives a family a decile, by why it has none."""
    reason = ranking["now"]["reason"] if ranking["ranked"] else None
    code, _, variable = (reason or "").partition(":")
    return words.said("remedy", code, variable=words.plain(variable, "variable")) or words.line("ask_visit")


def _remedies(state: FamilyState, words: Words) -> Iterator[str]:
    """Yield what can be done about the reasons of each programme, each once with the programmes that it is for."""
    found: dict[str, list[str]] = {}
    for one in state.eligibility:
        for code in one.reasons:
            own = f"ELIGIBILITY.{one.programme}.{_general(code)}"
            remedy = words.find("remedy", own, f"ELIGIBILITY.{code}", f"ELIGIBILITY.{_general(code)}")
            if remedy is not None:
                found.setdefault(remedy, []).append(words.plain(one.programme, "programme"))
    for remedy, of in found.items():
        yield words.line("remedy", programmes=words.all_of(dict.fromkeys(of)), remedy=remedy)


def _general(code: str) -> str:
    """Return the name under which reasons with numbers are, as DESIL_DI_LUAR_1_4."""
    return code.rstrip("0123456789_")


def _proposals_to_ask_for(state: FamilyState, now: int, words: Words) -> Iterator[str]:
    open_states = machines()[_USULAN].standing("open")
    open_kinds = {one.kind for one in state.proposals if one.step in open_states}
    for kind in _CORRECTING:
        if kind not in open_kinds:
            period = calendar.period_for(kind, now)
            day = words.day(calendar.cut_off(kind, period))
            yield words.line(f"ask_{kind}", period=words.month(period), day=day)
