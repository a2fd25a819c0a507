"""Decides who may look at what, by a policy set: Cedar policies, their schema and data, named together by one hash.

Allowed only if the policies say so and nothing at all went wrong in judging; everything else is a refusal (audit.md
7). Must not know how a caller was authenticated, nor what is shown.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Self

import cedarpy

from consumers.gateway import policy_data, purposes, withholding
from consumers.gateway.policy_data import PolicyData, PolicyFault
from consumers.gateway.policy_request import (
    Agreement,
    Agreements,
    Allowed,
    Denied,
    NoAgreements,
    Place,
    PolicyRequest,
)
from schemas import records, regions

__all__ = [
    "Agreement",
    "Agreements",
    "Allowed",
    "Denied",
    "NoAgreements",
    "Place",
    "Policies",
    "PolicyFault",
    "PolicyRequest",
    "place_of",
    "within",
]

SCHEMA: Final = "jejak.cedarschema"
NATION: Final = "ID"
NO_RULE: Final = "NO_RULE_ALLOWS"
NOT_JUDGED: Final = "NOT_JUDGED"
NEVER_WITHOUT: Final = frozenset(
    {
        "NIK_IN_TEXT",
        "IDENTIFIER_MALFORMED",
        "AGENCY_UNKNOWN",
        "AGENCY_SUSPENDED",
        "ASSURANCE_TOO_LOW",
        "ROLE_NOT_PERMITTED",
        "PURPOSE_UNKNOWN",
        "FIELD_UNKNOWN",
        "FIELD_NOT_PERMITTED",
        "AGREEMENT_NEEDED",
        "AGREEMENT_NOT_ACTIVE",
        "AGREEMENT_NOT_FOR_PURPOSE",
        "AGREEMENT_NOT_FOR_FIELD",
        "AGREEMENT_NOT_FOR_REGION",
        "AGREEMENT_NOT_FOR_PLACE",
        "AGREEMENT_PERSONS_EXCEEDED",
        "APPROVAL_NEEDED",
        "SECOND_OFFICER_NEEDED",
        "EXPLANATION_NEEDED",
        "REVIEW_OVERDUE",
        "NOT_OWN",
        "OUTSIDE_AREA",
        "NOT_A_REVIEWER",
        "QUOTA_EXCEEDED",
    }
)
"""What every set must forbid by a policy of this @id: a set that lost one would else allow more, not less.

Left out are those alone whose condition every permit states by itself: they only name the reason."""
_SUFFIXES: Final = (".cedar", ".cedarschema", ".toml")
ONE: Final = "one"  # of each kind of entity a question knows one
_CACHED: Final = 4_096
_NONE: Final = Agreement("", "", (), (), (), 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Judged:
    """What Cedar answered: allowed, and the ids of the policies that determined it, in their order in the set."""

    allowed: bool
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Asking:
    """What stays the same from look to look: who asks, for which purpose, under which agreement."""

    agency: str
    role: str
    assurance: str
    purpose: str
    agreement: Agreement | None


class Policies:
    """One policy set, valid as a whole; safe to share between threads."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(sorted(files.items()))
        self.hash = hash_of(self.files)
        self.data: PolicyData = policy_data.read(self.files)
        text = "\n".join(content for name, content in self.files.items() if name.endswith(".cedar"))
        schema = self.files.get(SCHEMA, "")
        self._rules = _rules(text, schema)
        self._policies = cedarpy.PolicySet.from_str(text)
        self._schema = cedarpy.Schema.from_str(schema)
        self._parsed = lru_cache(maxsize=_CACHED)(self._entities)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the set in a folder; raises PolicyFault where it isn't one, OSError where it can't be read."""
        return cls({one.name: one.read_text("utf-8") for one in folder.iterdir() if one.suffix in _SUFFIXES})

    def decide(self, request: PolicyRequest) -> Allowed | Denied:
        """Return the decision on a request; whatever can't be judged is Denied."""
        judged = self._judged(request)
        text, version = request.text(), self.data.version
        if judged is None:
            return Denied(NOT_JUDGED, (NOT_JUDGED,), text, version)
        if not judged.allowed:
            rules = judged.rules or (NO_RULE,)
            return Denied(rules[0], rules, text, version)
        if broken := self._unlawfully_withheld(request):
            return Denied(broken[0], broken, text, version)
        return Allowed(judged.rules, self.data.purposes[request.purpose].legal_basis, text, version)

    def _unlawfully_withheld(self, request: PolicyRequest) -> tuple[str, ...]:
        """Return what speaks against the time and the order that a request names, as its purpose's rule has it.

        Judged beside Cedar, whose schema every set on the topic brings along: an older one knows nothing of either.
        """
        rule = self.data.purposes[request.purpose].withholding
        try:
            return withholding.broken(rule, request.visible_from, request.court_order, request.at)
        except TypeError:  # an input of another type than the request says
            return (NOT_JUDGED,)

    def _judged(self, request: PolicyRequest) -> Judged | None:
        asking = _Asking(request.agency, request.role, request.assurance, request.purpose, request.agreement)
        try:
            question, entities = self._question(request), self._parsed(asking)
        except (TypeError, ValueError, AttributeError):  # an attribute of another type than the request says
            return None
        return self._judge(question, entities)

    def _judge(self, request: dict[str, Any], entities: cedarpy.Entities) -> Judged | None:
        """Return what Cedar answers, None unless it answered without any diagnostic error."""
        try:
            answer = cedarpy.is_authorized(request, self._policies, entities, schema=self._schema)
        except Exception:  # noqa: BLE001  the rule itself: whatever goes wrong in judging is no decision, so a refusal
            return None
        if answer.diagnostics.errors or answer.decision not in {cedarpy.Decision.Allow, cedarpy.Decision.Deny}:
            return None
        places = sorted(self._rules[reason] for reason in answer.diagnostics.reasons)
        return Judged(answer.decision is cedarpy.Decision.Allow, tuple(rule for _, rule in places))

    def _question(self, request: PolicyRequest) -> dict[str, Any]:
        """Return the request as Cedar takes it, by the entities' names."""
        agreement = request.agreement or _NONE
        context = {
            "action": request.action,
            "purpose": _entity("Purpose"),
            "agreement": _entity("Agreement"),
            "named": request.named_agreement,
            "fields": request.fields,
            "fieldsNamed": bool(request.fields),
            "fieldsKnown": purposes.FIELDS.issuperset(request.fields),
            "at": request.at,
            "persons": request.persons,
            "approvalAbove": self.data.approval_above,
            "regionsCovered": all(set(within(code)) & set(agreement.regions) for code in request.regions),
            "within": request.place.within if request.place else (),
            "scope": request.scope,
            "own": request.own,
            "sound": request.sound,
            "nikFree": request.nik_free,
            "explained": request.explained,
            "second": {
                "present": bool(request.second),
                "differs": request.second_differs,
                "mayApprove": request.second in self.data.approvers and request.second_assurance in self.data.assured,
            },
            "reviewOverdue": request.review_overdue,
            "reviewing": request.reviewing,
            "mayReview": request.may_review and request.role in self.data.approvers,
            "quotaLeft": not request.quota_exceeded,
        }
        return {
            "principal": {"type": "Officer", "id": ONE},
            "action": {"type": "Action", "id": request.action},
            "resource": {"type": "Asked" if request.place is None else "Found", "id": ONE},
            "context": context,
        }

    def _entities(self, asking: _Asking) -> cedarpy.Entities:
        """Return who asks, for which purpose and under which agreement, as Cedar takes them."""
        attributes: tuple[tuple[str, dict[str, Any]], ...] = (
            ("Officer", self._officer(asking)),
            ("Purpose", self._purpose(asking.purpose)),
            ("Agreement", _agreement(asking.agreement)),
            ("Asked", {}),
            ("Found", {}),
        )
        named = [{"uid": {"type": kind, "id": ONE}, "attrs": said, "parents": []} for kind, said in attributes]
        return cedarpy.Entities.from_json_str(json.dumps(named), self._schema)

    def _officer(self, asking: _Asking) -> dict[str, Any]:
        kind, _, area = asking.agency.partition("/")
        return {
            "agency": asking.agency,
            "kind": kind,
            "area": area,
            "known": kind in self.data.national,
            "suspended": asking.agency in self.data.suspended,
            "national": self.data.national.get(kind, False),
            "role": asking.role,
            "actions": sorted(self.data.roles.get(asking.role, ())),
            "assurance": asking.assurance,
            "assured": asking.assurance in self.data.assured,
        }

    def _purpose(self, code: str) -> dict[str, Any]:
        rule = self.data.purposes.get(code)
        if rule is None:
            return {"code": code, "known": False, "actions": [], "kinds": [], "fields": [], "scopes": []}
        return {
            "code": code,
            "known": True,
            "actions": sorted(rule.actions),
            "kinds": sorted(rule.agencies),
            "fields": sorted(rule.fields),
            "scopes": sorted(rule.scopes),
        }


def _entity(kind: str) -> dict[str, Any]:
    return {"__entity": {"type": kind, "id": ONE}}


def _agreement(one: Agreement | None) -> dict[str, Any]:
    held = one or _NONE
    return {
        "held": one is not None,
        "suspended": held.suspended,
        "agency": held.agency,
        "purposes": held.purposes,
        "fields": held.fields,
        "regions": held.regions,
        "validFrom": held.valid_from,
        "validUntil": held.valid_until,
        "mostPersons": held.most_persons,
    }


def hash_of(files: Mapping[str, str]) -> bytes:
    """Return what names a set: the SHA-256 over each file's name and content, with their lengths, sorted by name."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        for part in (name.encode(), content.encode()):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def place_of(region: records.Region | None) -> Place:
    """Return where a family lives as the policies judge it; nowhere, for a region that no list of Kemendagri has."""
    if region is None or region.system != "KEMENDAGRI":
        return Place(())
    found = regions.Region("KEMENDAGRI", region.edition, region.code)
    return Place(within(region.code) if regions.exists(found) else ())


def within(code: str) -> tuple[str, ...]:
    """Return every region code that a Kemendagri code lies within, the nation first and itself last."""
    parts = code.split(".")
    return (NATION, *(".".join(parts[: end + 1]) for end in range(len(parts)))) if code != NATION else (NATION,)


@cache
def shipped() -> Policies:
    """Return the policy set that comes with the package."""
    folder = resources.files("consumers.gateway") / "policies"
    return Policies({one.name: one.read_text("utf-8") for one in folder.iterdir() if one.name.endswith(_SUFFIXES)})


def _rules(text: str, schema: str) -> dict[str, tuple[int, str]]:
    """Return, by Cedar's own name of each policy, its place and `@id`; raises PolicyFault unless all is valid."""
    try:
        found = cedarpy.validate_policies(text, schema)
        parsed = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError as fault:
        raise PolicyFault(f"the policies can't be read: {fault}") from fault
    if not found.validation_passed:
        raise PolicyFault("; ".join(str(error) for error in found.errors))
    policies = parsed["staticPolicies"]
    rules = {
        name: (int(name.removeprefix("policy")), policy["annotations"]["id"])
        for name, policy in policies.items()
        if "id" in policy.get("annotations", {})
    }
    if len(rules) != len(policies) or len({rule for _, rule in rules.values()}) != len(rules):
        raise PolicyFault("every policy needs an @id of its own")
    forbidden = {rules[name][1] for name, policy in policies.items() if policy["effect"] == "forbid"}
    if missing := NEVER_WITHOUT - forbidden:
        raise PolicyFault(f"no set may leave out what forbids {', '.join(sorted(missing))}")
    return rules
