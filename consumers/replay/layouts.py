"""Which bytes the direct fold can read and write: the records whose layouts it was written for, field by field.

Knows the locked schemas; must not know how they are read. A record of another layout is left to the plain fold.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from schemas import contract
from schemas.codec import FRAME

_HEADER = (
    "sequence:long recorded_at:long occurred_at:long change_id:jejak.EventId family_id:string agency:string "
    "actor:string document:string correlation_id:?jejak.EventId causation_id:?jejak.EventId"
)
# What of each record is read in place: its first fields. The others are decoded where a state needs them.
_FIRST = {
    "FamilyRegistered": "region:jejak.Region",
    "FamilyMoved": "region:jejak.Region",
    "MembershipClaimed": "person_ref:string birth_year:int birth_month:int sex:int relationship:int marital_status:int",
    "MembershipConfirmed": "person_ref:string",
    "MembershipContested": "person_ref:string",
    "MembershipEnded": "person_ref:string",
    "CivilRegistryMatched": "person_ref:string status:string",
    "GroundCheckRecorded": "",
    "FamilyRanked": "run_id:string decile:?int percentile:?int",
    "EligibilityDecided": "programme:string",
    "ReevaluationRequested": "",
    "DeadlineReached": "",
    "ProposalDrafted": "kind:string proposer:string",
    "ProposalSubmitted": "proposal_id:jejak.EventId",
    "ProposalIdentityMatched": "proposal_id:jejak.EventId status:string",
    "ProposalIdentityCorrected": "proposal_id:jejak.EventId",
    "VillageMeetingHeld": "proposal_id:jejak.EventId outcome:string",
    "FieldVerificationCompleted": "proposal_id:jejak.EventId outcome:string",
    "DinsosReviewCompleted": "proposal_id:jejak.EventId outcome:string",
    "ProposalEndorsed": "proposal_id:jejak.EventId",
    "ProposalEndorsementReturned": "proposal_id:jejak.EventId",
    "ProposalSentToMinistry": "proposal_id:jejak.EventId period:int",
    "QualityControlCompleted": "proposal_id:jejak.EventId outcome:string",
    "ProposalDetermined": "proposal_id:jejak.EventId",
    "ProposalNotDetermined": "proposal_id:jejak.EventId outcome:string",
    "ProposalReopened": "proposal_id:jejak.EventId outcome:string",
    "ProposalCancelled": "proposal_id:jejak.EventId",
}
# What is written, whole.
_WRITTEN = {
    "Region": "system:string edition:string code:string",
    "Member": (
        "person_ref:string standing:string padan:string birth_year:int birth_month:int sex:int relationship:int "
        "marital_status:int claim_id:jejak.EventId reason:string severe_disability:boolean work_status:int"
    ),
    "Proposal": (
        "proposal_id:jejak.EventId kind:string step:string padan:string proposer:string agency:string period:int "
        "since:long reason:string"
    ),
    "Eligibility": (
        "programme:string result:string reasons:[string] rules_version:string amount_rupiah:long sequence:long "
        "grace_until:long"
    ),
    "Facet": "name:string occurred_at:long sequence:long change_id:jejak.EventId",
    "FamilyState": (
        "sequence:long recorded_at:long family_id:string counted:bytes region:jejak.Region status:string decile:int "
        "percentile:int ranking_run:string members:[jejak.Member] proposals:[jejak.Proposal] "
        "eligibility:[jejak.Eligibility] facets:[jejak.Facet] recent_changes:bytes conditions:[jejak.Condition] "
        "aid:[jejak.Aid] cases:[jejak.Case]"
    ),
}


@cache
def readable() -> Mapping[bytes, str]:
    """Return the short names of the records that can be read in place, by their frame; none if no state can be written.

    A test says that it is all of them: a schema that changed is noticed there, and folded plainly until then.
    """
    if not all(_fields(contract.expanded(f"jejak.{name}")) == layout for name, layout in _WRITTEN.items()):
        return {}
    found = {}
    for schema_id, schema in contract.writer_schemas().items():
        name = schema.name.removeprefix(f"{contract.NAMESPACE}.")
        if name in _FIRST and _begins(schema.full, f"header:{contract.NAMESPACE}.Header {_FIRST[name]}".strip()):
            found[FRAME.pack(0, schema_id)] = name
    return found


def _begins(schema: Mapping[str, Any], layout: str) -> bool:
    header = schema["fields"][0]["type"]
    return f"{_fields(schema)} ".startswith(f"{layout} ") and _fields(header) == _HEADER


def _fields(schema: Mapping[str, Any]) -> str:
    return " ".join(f"{field['name']}:{_kind(field['type'])}" for field in schema["fields"])


def _kind(kind: Any) -> str:
    match kind:
        case ["null", inner]:
            return f"?{_kind(inner)}"
        case {"type": "array", "items": items}:
            return f"[{_kind(items)}]"
        case {"name": str(name)}:
            return name if "." in name else f"{contract.NAMESPACE}.{name}"
        case {"type": str(plain)}:
            return plain
        case _:
            return str(kind)
