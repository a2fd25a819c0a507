"""The shipped policies once more, as a plain table of rules over the same request: what Cedar is held against.

Shares nothing with the policies but the data's meaning: it reads the TOML files itself.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumers.gateway.policy_request import PolicyRequest

_FILES = resources.files("consumers.gateway") / "policies"
AGENCIES, REGISTER = (tomllib.loads((_FILES / name).read_text()) for name in ("agencies.toml", "purposes.toml"))
FIELDS = {
    *("region", "status", "decile", "proposals", "eligibility", "members", "history", "refusals"),
    *("card_number", "address_line", "telephone", "member.national_id", "member.name", "member.birth_day"),
    *("card_number.clear", "telephone.clear", "member.national_id.clear"),
}
ASSURED = AGENCIES["assurance"]["accepted"]
LOOKS = {"READ", "SEARCH", "LIST", "MATCH", "CORRECT"}
NOT_OF_OWN_USE = {"PENGAWASAN_EKSTERNAL", "KEAMANAN_INFORMASI"}


def decision(asked: PolicyRequest) -> tuple[bool, list[str]]:
    """Return whether the request is allowed, and every reason against it in order."""
    reasons = list(forbidden(asked))
    return not reasons and permitted(asked), reasons


def purpose_of(asked: PolicyRequest) -> dict[str, Any] | None:
    found: dict[str, Any] | None = REGISTER["purpose"].get(asked.purpose)
    return found


def fields_of(purpose: dict[str, Any]) -> set[str]:
    named: set[str] = set()
    for field in purpose["fields"]:
        named.update(REGISTER["groups"][field[1:]] if field[0] == "@" else [field])
    return named


def ancestors(code: str) -> set[str]:
    parts = code.split(".")
    return {"ID"} | {".".join(parts[:count]) for count in range(1, len(parts) + 1)}


def second_holds(asked: PolicyRequest) -> bool:
    approves = asked.second in AGENCIES["approval"]["roles"] and asked.second_assurance in ASSURED
    return bool(asked.second) and asked.second_differs and approves


def permitted(asked: PolicyRequest) -> bool:
    purpose, kind = purpose_of(asked), asked.agency.split("/")[0]
    if purpose is None or asked.action not in purpose["actions"] or kind not in purpose["agencies"]:
        return False
    if asked.action == "AUDIT_READ":
        return asked.scope in purpose.get("scopes", [])
    if not set(asked.fields) <= fields_of(purpose):
        return False
    if asked.action == "EXPORT":
        return asked.agreement is not None
    return second_holds(asked) if asked.action == "BREAK_GLASS" else asked.action in LOOKS


def forbidden(asked: PolicyRequest) -> Iterator[str]:
    purpose, fields = purpose_of(asked), set(asked.fields)
    kind, _, area = asked.agency.partition("/")
    audit, known = asked.action == "AUDIT_READ", fields <= FIELDS
    citizen, second = asked.role == "warga", second_holds(asked)
    table = [
        ("NIK_IN_TEXT", not asked.nik_free),
        ("IDENTIFIER_MALFORMED", not asked.sound),
        ("AGENCY_UNKNOWN", kind not in AGENCIES["kinds"]),
        ("AGENCY_SUSPENDED", asked.agency in AGENCIES["suspended"]["agencies"]),
        ("ASSURANCE_TOO_LOW", asked.assurance not in AGENCIES["assurance"]["accepted"]),
        ("ROLE_NOT_PERMITTED", asked.action not in AGENCIES["roles"].get(asked.role, [])),
        ("PURPOSE_UNKNOWN", purpose is None),
        ("PURPOSE_NOT_OF_ACTION", purpose is not None and asked.action not in purpose["actions"]),
        ("PURPOSE_NOT_OF_AGENCY", purpose is not None and kind not in purpose["agencies"]),
        ("FIELD_UNKNOWN", not known or (not fields and not audit)),
        ("FIELD_NOT_PERMITTED", purpose is not None and known and not fields <= fields_of(purpose)),
        *agreement(asked, fields),
        ("APPROVAL_NEEDED", asked.persons > AGENCIES["approval"]["two_persons_above"] and not second),
        ("SECOND_OFFICER_NEEDED", asked.action == "BREAK_GLASS" and not second),
        ("EXPLANATION_NEEDED", asked.action == "BREAK_GLASS" and not asked.explained),
        ("REVIEW_OVERDUE", asked.action == "BREAK_GLASS" and asked.review_overdue),
        ("SCOPE_NOT_PERMITTED", audit and purpose is not None and asked.scope not in purpose.get("scopes", [])),
        ("NOT_OWN", not_own(asked, citizen=citizen or kind == "warga")),
        ("OUTSIDE_AREA", outside(asked, kind, area) and not citizen),
        ("NOT_A_REVIEWER", asked.reviewing and not (asked.may_review and asked.role in AGENCIES["approval"]["roles"])),
        ("QUOTA_EXCEEDED", bool(asked.quota_exceeded)),
    ]
    return (code for code, holds in table if holds)


def agreement(asked: PolicyRequest, fields: set[str]) -> list[tuple[str, bool]]:
    held = asked.agreement
    needed = ("AGREEMENT_NEEDED", asked.action == "EXPORT" and not asked.named_agreement)
    if held is None:
        return [needed, ("AGREEMENT_NOT_ACTIVE", asked.named_agreement)]
    lasting = held.valid_from <= asked.at < held.valid_until
    active = lasting and not held.suspended and held.agency == asked.agency
    regions = set(held.regions)
    return [
        needed,
        ("AGREEMENT_NOT_ACTIVE", asked.named_agreement and not active),
        ("AGREEMENT_NOT_FOR_PURPOSE", asked.purpose not in held.purposes),
        ("AGREEMENT_NOT_FOR_FIELD", not fields <= set(held.fields)),
        ("AGREEMENT_NOT_FOR_REGION", any(not ancestors(code) & regions for code in asked.regions)),
        ("AGREEMENT_NOT_FOR_PLACE", asked.place is not None and not set(asked.place.within) & regions),
        ("AGREEMENT_PERSONS_EXCEEDED", asked.persons > held.most_persons),
    ]


def not_own(asked: PolicyRequest, *, citizen: bool) -> bool:
    matters = citizen or asked.scope in {"AGENCY", "ACCESSOR", "ENTRY"}
    return matters and not asked.own and asked.purpose not in NOT_OF_OWN_USE


def outside(asked: PolicyRequest, kind: str, area: str) -> bool:
    national = AGENCIES["kinds"].get(kind, {}).get("national", False)
    return asked.place is not None and not national and area not in asked.place.within
