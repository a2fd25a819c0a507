"""The statistics office's ranking result for one family.

Source: domain guide 2 (only BPS ranks), 4.G (no ranking without an active person with a matched NIK), 7 (Belum Ada
Desil is a valid state and never decile 10), 4.A (a rank names its run and its model; section 7: the model's DPIA too).
What a rank needs is told by machine A's row of FamilyRanked. Knows nothing of how a rank is computed.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from schemas.records import FamilyRanked, FamilyState
from stream_processors.registry import codes, facets, matters, proposal
from stream_processors.registry.decision import Event, Refused

NATIONAL = "NATIONAL"
_DECILES = range(1, 11)
_PERCENTILES = ("percentile", "local_percentile")
_HUNDREDTHS = range(10_001)
_ROW: Final = proposal.MACHINE.steps()[proposal.AT_STATISTICS_OFFICE, "FamilyRanked", "DESIL"]


def _run_missing(record: FamilyRanked, _: FamilyState) -> Refused | None:
    return None if record.run_id.strip() else Refused("RUN_MISSING", "/run_id", "a decile names its ranking run")


def _no_matched_member(record: FamilyRanked, state: FamilyState) -> Refused | None:
    active = (one for one in state.members if one.standing in codes.ACTIVE_STANDINGS)
    if record.decile is None or any(one.padan == codes.PADAN for one in active):
        return None
    return Refused("NO_MATCHED_MEMBER", "", "a ranked family has an active member with a matched NIK")


GUARDS: Final[Mapping[str, Callable[[FamilyRanked, FamilyState], Refused | None]]] = {
    "RUN_MISSING": _run_missing,
    "NO_MATCHED_MEMBER": _no_matched_member,
}


def decide(record: FamilyRanked, state: FamilyState) -> Refused | None:
    """Refuse a rank without run or model, with a decile outside 1-10, or of a family without active matched person."""
    refused = matters.refused_evidence(_ROW, record) or _coded(record)
    if refused is not None:
        return refused
    for guard in _ROW.guards:
        refused = GUARDS[guard](record, state)
        if refused is not None:
            return refused
    return None


def _coded(record: FamilyRanked) -> Refused | None:
    if record.basis not in codes.RANKING_BASES:
        return Refused("CODE_UNKNOWN", "/basis", "basis is FAMILIES or PERSONS")
    if record.scope != NATIONAL:
        return Refused("SCOPE_NOT_NATIONAL", "/scope", "a ranking is national; local views aren't decided yet")
    if record.decile is None:
        missing = not record.unranked_reason
        if missing:
            return Refused("REASON_MISSING", "/unranked_reason", "no decile without a reason")
        return _placed(record)
    if record.decile not in _DECILES:
        return Refused("CODE_UNKNOWN", "/decile", "a decile is 1 to 10")
    for name in _PERCENTILES:
        percentile = getattr(record, name)
        if percentile is not None and percentile not in _HUNDREDTHS:
            return Refused("CODE_UNKNOWN", f"/{name}", "a percentile is 0 to 10000 hundredths")
    return None


def _placed(record: FamilyRanked) -> Refused | None:
    """Refuse a place beside Belum Ada Desil."""
    for name in (*_PERCENTILES, "score"):
        if getattr(record, name) is not None:
            return Refused("CODE_UNKNOWN", f"/{name}", f"no {name.replace('_', ' ')} without a decile")
    return None


def evolve(state: FamilyState, record: FamilyRanked, event: Event) -> dict[str, Any]:
    """Return what a rank changes; an older run than the one in force changes nothing but history."""
    if not facets.holds(state, "ranking", event):
        return {}
    return {
        "decile": record.decile or 0,
        "percentile": -1 if record.percentile is None else record.percentile,
        "ranking_run": record.run_id,
        "proposals": state.proposals if record.decile is None else proposal.evolve_ranked(state, event),
        "facets": facets.put(state.facets, "ranking", event),
    }
