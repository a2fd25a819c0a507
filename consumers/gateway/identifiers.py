"""The forms of what a request names: ASCII, exact, never trimmed, folded or otherwise made to fit.

A full-width digit, a Cyrillic letter or a space makes an identifier another one, so it is refused instead of being
matched. Must not know whether anything of that name exists.
"""

import re
from collections.abc import Iterable
from typing import Final, assert_never

from consumers.gateway.request import (
    AuditAsked,
    Caller,
    CardAsked,
    ExportAsked,
    FamilyAsked,
    PersonAsked,
    Purpose,
    RefusalsAsked,
    TrailEntry,
    TrailOfAccessor,
    TrailOfAgency,
    TrailOfPerson,
    WholeTrail,
)

_REFERENCE: Final = re.compile(r"[a-z2-7]{26}")
_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{0,64}")
_ORDER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}")
_NAME: Final = re.compile(r"[A-Za-z0-9@_.:/-]{1,64}")
_REGION: Final = re.compile(r"[0-9]{2}(?:\.[0-9]{2}(?:\.[0-9]{2}(?:\.[0-9]{4})?)?)?")
_AGENCY: Final = re.compile(rf"[a-z][a-z0-9-]{{1,31}}(?:/{_REGION.pattern})?")
_NATION: Final = "ID"
_EVENT_ID_BYTES: Final = 16

Target = FamilyAsked | PersonAsked | CardAsked | AuditAsked | ExportAsked | RefusalsAsked


def sound(caller: Caller, purpose: Purpose, target: Target, fields: Iterable[str]) -> bool:
    """Tell whether everything that the request names has the form of its kind."""
    return (
        _AGENCY.fullmatch(caller.agency_id) is not None
        and all(_NAME.fullmatch(said) for said in (caller.client_id, caller.actor_ref, caller.actor_role))
        and all(_CODE.fullmatch(code) for code in (purpose.code, *fields))
        and (purpose.agreement_id is None or _NAME.fullmatch(purpose.agreement_id) is not None)
        and (purpose.court_order is None or _ORDER.fullmatch(purpose.court_order) is not None)
        and _target_sound(target)
    )


def _target_sound(target: Target) -> bool:
    match target:
        case FamilyAsked(reference) | PersonAsked(reference) | CardAsked(reference) | TrailOfPerson(reference):
            return _REFERENCE.fullmatch(reference) is not None
        case TrailOfAccessor(agency, actor):
            return _AGENCY.fullmatch(agency) is not None and _NAME.fullmatch(actor) is not None
        case TrailOfAgency(agency) | RefusalsAsked(agency):
            return _AGENCY.fullmatch(agency) is not None
        case TrailEntry(event_id, agency):
            return len(event_id) == _EVENT_ID_BYTES and _AGENCY.fullmatch(agency) is not None
        case WholeTrail():
            return True
        case ExportAsked(export_id, _, codes, _):
            return _NAME.fullmatch(export_id) is not None and all(
                code == _NATION or _REGION.fullmatch(code) for code in codes
            )
        case unknown:
            assert_never(unknown)
