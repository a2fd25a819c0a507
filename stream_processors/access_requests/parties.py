"""Who may say what of a request: the requester, and one office for each step, of the regency that is asked about.

Source: domain guide 4.F; the offices are those of the rows (machines/f-*.toml). That all regions of a request lie in
one kabupaten or kota, and that no office reviews its own request, are ours.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from schemas import regions
from schemas.records import AccessRequestReviewed, AccessRequestState, Region, UsageReportReviewed
from stream_processors.access_requests import transitions
from stream_processors.access_requests.said import Change, ChangeRecord
from stream_processors.access_requests.transitions import AGREEMENT, REGISTRY, REPORT, REQUEST, REQUESTER
from stream_processors.registry.decision import Refused, record_name

# A date is said by what keeps the time; it is in no row, since what follows from it is.
_OFFICES: Final = {
    **{row.record: transitions.office_of(row.record) for row in (*REQUEST, *REPORT, *AGREEMENT)},
    "DeadlineReached": REGISTRY,
}
_STEPS: Final = {
    (row.record, row.state): transitions.office_of(row.record, row.state)
    for row in (*REQUEST, *REPORT)
    if row.record in {"AccessRequestReviewed", "UsageReportReviewed"}
}
_AGENCY: Final = re.compile(r"[a-z][a-z-]{1,30}(/[0-9][0-9.]{1,12})?")


def refusal(change: Change, state: AccessRequestState) -> Refused | None:  # noqa: PLR0911  one line per rule
    """Return why this agency may not say this of the request, None when it may."""
    agency, record = change.prefix.agency, change.record
    office = office_of(record)
    if office is None:
        return Refused("STEP_UNKNOWN", "/step", "no office has this step")
    if office == REQUESTER:
        same = agency == state.agency
        return None if same else Refused("NOT_REQUESTER", "/header/agency", "another agency asked")
    kind, _, area = agency.partition("/")
    if kind != office:
        return Refused("AGENCY_MAY_NOT", "/header/agency", f"{record_name(record)} is said by {office} here")
    if office == REGISTRY:
        return None
    if area != regency_of(state.regions):
        return Refused("OUTSIDE_AREA", "/header/agency", "the request is about another regency")
    if agency == state.agency:
        return Refused("OWN_REQUEST", "/header/agency", "no office reviews its own request")
    return None


def refused_requester(agency: str) -> Refused | None:
    """Return why this agency can ask for nothing: it isn't one of the form `dinkes/35.71`, or the registry itself."""
    if agency == REGISTRY or not _AGENCY.fullmatch(agency):
        return Refused("AGENCY_MAY_NOT", "/header/agency", "an agency asks under its own name")
    return None


def office_of(record: ChangeRecord) -> str | None:
    """Return the kind of agency that says this record, `pemohon` for who asked, None for a step of no office."""
    match record:
        case AccessRequestReviewed(step=step):
            return _STEPS.get((record_name(record), f"{step}_REVIEW"))
        case UsageReportReviewed(step=step):
            return _STEPS.get((record_name(record), f"REVIEW_{step}"))
        case _:
            return _OFFICES.get(record_name(record))


def regency_of(found: Sequence[Region]) -> str | None:
    """Return the code of the one kabupaten or kota that every region lies in, None where there is no such one."""
    codes = {_regency(region) for region in found}
    return codes.pop() if len(codes) == 1 else None


@lru_cache(maxsize=4_096)
def _regency(region: Region) -> str | None:
    if region.system != "KEMENDAGRI":
        return None
    place = regions.Region("KEMENDAGRI", region.edition, region.code)
    if not regions.exists(place):
        return None
    if regions.level_of(place) is regions.Level.KABKOTA:
        return region.code
    above = regions.parent(place, regions.Level.KABKOTA)
    return above.code if above else None
