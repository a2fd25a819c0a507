"""What the guards of machine A's rows look at, by the code that they refuse with.

A row of machines/a-proposal.toml names its guards; what is named there and not here is a fault of the build, held by a
test. The guards of FamilyRanked are those of `ranking`: a rank is refused whether a proposal awaits it or not. Pure.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from schemas.questionnaire import all_versions
from schemas.records import FamilyState, Proposal
from stream_processors.registry import aid, calendar, cases, codes
from stream_processors.registry.decision import Change, Refused, facet_of
from stream_processors.registry.machines.table import machine

Guard = Callable[[Any, Change, FamilyState, Proposal | None], Refused | None]
OPEN: Final = machine("USULAN").standing("open")
MINISTRY: Final = "kemensos"
_LISTS: Final = {"kind": codes.PROPOSAL_KINDS, "proposer": codes.PROPOSERS, "channel": codes.CHANNELS}


def _code_unknown(record: Any, _: Change, __: FamilyState, ___: Proposal | None) -> Refused | None:
    for name, allowed in _LISTS.items():
        if getattr(record, name) not in allowed:
            return Refused("CODE_UNKNOWN", f"/{name}", f"{name} is not in its list")
    return None


def _proposal_open(_: Any, __: Change, ___: FamilyState, current: Proposal | None) -> Refused | None:
    if current is None or current.step not in OPEN:
        return None
    return Refused("PROPOSAL_OPEN", "/kind", f"a proposal of this kind is open at {current.step}")


def _family_ended(_: Any, __: Change, state: FamilyState, ___: Proposal | None) -> Refused | None:
    return cases.refused_ended(state)


def _minutes_missing(record: Any, _: Change, __: FamilyState, ___: Proposal | None) -> Refused | None:
    if record.minutes_number.strip() and 0 < record.signatures <= record.attendees:
        return None
    return Refused("MINUTES_MISSING", "/minutes_number", "a meeting has signed minutes")


def _not_matched(_: Any, __: Change, ___: FamilyState, proposal: Proposal | None) -> Refused | None:
    if proposal is not None and proposal.padan == codes.PADAN:
        return None
    return Refused("NOT_MATCHED", "", "the identity is matched before the meeting")


def _questionnaire_unknown(record: Any, _: Change, __: FamilyState, ___: Proposal | None) -> Refused | None:
    if record.questionnaire in all_versions():
        return None
    return Refused("QUESTIONNAIRE_UNKNOWN", "/questionnaire", "no questionnaire has this version")


def _period_closed(record: Any, change: Change, _: FamilyState, proposal: Proposal | None) -> Refused | None:
    period = record.period
    if proposal is not None and calendar.is_month(period):
        in_time = change.prefix.occurred_at <= calendar.cut_off(proposal.kind, period)
        if in_time and period >= calendar.period_for(proposal.kind, proposal.since):
            return None
    return Refused("PERIOD_CLOSED", "/period", "sent after the month's cut-off: the next period applies")


def _no_newer_ranking(_: Any, __: Change, state: FamilyState, proposal: Proposal | None) -> Refused | None:
    ranking = facet_of(state, "ranking")
    if proposal is not None and ranking is not None and state.decile and ranking.occurred_at > proposal.since:
        return None
    return Refused("NO_NEWER_RANKING", "/outcome", "the rank is the one that was judged")


def _programme_unknown(record: Any, _: Change, state: FamilyState, __: Proposal | None) -> Refused | None:
    return aid.refused_programme(record.programme, state)


def _run_not_in_force(record: Any, _: Change, state: FamilyState, __: Proposal | None) -> Refused | None:
    """Refuse a determination on another run's decile than the family's, or on none (domain guide 4.G)."""
    if state.decile and record.run_id == state.ranking_run:
        return None
    return Refused("RUN_NOT_IN_FORCE", "/run_id", "a determination names the run that the family's decile is of")


def _excluded(record: Any, _: Change, state: FamilyState, __: Proposal | None) -> Refused | None:
    if not cases.excluded(state, record.programme):
        return None
    return Refused("EXCLUDED", "/programme", "the family is on the exclusion list of this programme")


def _not_proposer(_: Any, change: Change, __: FamilyState, proposal: Proposal | None) -> Refused | None:
    if change.prefix.agency == MINISTRY or (proposal is not None and change.prefix.agency == proposal.agency):
        return None
    return Refused("NOT_PROPOSER", "/header/agency", "only the proposer or the ministry cancels")


GUARDS: Final[Mapping[str, Guard]] = {
    "CODE_UNKNOWN": _code_unknown,
    "PROPOSAL_OPEN": _proposal_open,
    "FAMILY_ENDED": _family_ended,
    "MINUTES_MISSING": _minutes_missing,
    "NOT_MATCHED": _not_matched,
    "QUESTIONNAIRE_UNKNOWN": _questionnaire_unknown,
    "PERIOD_CLOSED": _period_closed,
    "NO_NEWER_RANKING": _no_newer_ranking,
    "PROGRAMME_UNKNOWN": _programme_unknown,
    "RUN_NOT_IN_FORCE": _run_not_in_force,
    "EXCLUDED": _excluded,
    "NOT_PROPOSER": _not_proposer,
}
