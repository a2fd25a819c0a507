"""What a run needs of one family: its weight, its place, its values for a model, or why it can't be scored.

Source: domain guide 4.G (no ranking without an active person with a matched NIK), 7 (missing variables: Belum Ada
Desil, never decile 10; answers depend on how they were asked). Must not know where states and visits are read.
"""

from typing import Final, NamedTuple

from schemas.records import FamilyState, GroundCheckRecorded, Region
from stream_processors.ranking.model import Model
from stream_processors.ranking.variables import MISSING, active, subject_of, values
from stream_processors.registry import codes

GROUND_CHECK: Final = "ground_check"
"""The facet of a family's state that names the visit in force."""
NO_MATCHED_MEMBER: Final = "NO_MATCHED_MEMBER"
GROUND_CHECK_MISSING: Final = "GROUND_CHECK_MISSING"
QUESTIONNAIRE_UNKNOWN: Final = "QUESTIONNAIRE_UNKNOWN"
QUESTIONNAIRE_LACKS: Final = "QUESTIONNAIRE_LACKS"
"""The visit's form doesn't ask for a variable of the model, which stands after a colon."""
NEVER: Final = -1
"""The decile before, of a family that no run ever placed or passed over; 0 is Belum Ada Desil."""
_KABKOTA: Final = {"KEMENDAGRI": 5, "BPS": 4}


class Standing(NamedTuple):
    """One family of a run's input. `reason` is null where it may be scored; `values` are the model's variables'."""

    family_id: str
    sequence: int
    region: str
    persons: int
    before: int
    reason: str | None
    values: tuple[int, ...]


def standing(state: FamilyState, visit: GroundCheckRecorded | None, model: Model, as_of: int) -> Standing | None:
    """Return what the run takes of a family, `visit` being the ground check in force; None for one no longer AKTIF."""
    if state.status != codes.FAMILY_ACTIVE:
        return None
    members = active(state)
    reason, found = None, (MISSING,) * len(model.terms)
    if not any(one.padan == codes.PADAN for one in members):
        reason = NO_MATCHED_MEMBER
    elif visit is None or visit.family is None:
        reason = GROUND_CHECK_MISSING
    elif visit.questionnaire not in model.questionnaires:
        lacks = model.lacking.get(visit.questionnaire)
        reason = f"{QUESTIONNAIRE_LACKS}:{lacks}" if lacks else QUESTIONNAIRE_UNKNOWN
    else:
        found = values(model.variables, subject_of(members, visit, as_of))
    before = state.decile if state.ranking_run else NEVER
    return Standing(state.family_id, state.sequence, district(state.region), len(members), before, reason, found)


def district(region: Region) -> str:
    """Return the kabupaten or kota of a region with its code system, as `KEMENDAGRI 35.71` or `BPS 3571`."""
    return f"{region.system} {region.code[: _KABKOTA[region.system]]}"
