"""The data beside the policies: agencies, roles, purposes, quotas, thresholds, read from a policy set's TOML files.

A purpose may name a group of fields as `@group`. Must not know any rule, nor who asks.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from consumers.gateway import purposes
from consumers.gateway.withholding import AT_ONCE, LONGEST_DAYS, Withholding
from schemas.visibility import CITIZEN, DELAYED_UNTIL, RESTRICTED

ANY: Final = "*"


class PolicyFault(Exception):
    """A policy set is not one: a file is missing or malformed, or the policies do not fit their schema."""


@dataclass(frozen=True, slots=True)
class PurposeRule:
    """One purpose of the register: its legal basis, and the actions, kinds of agency, fields and scopes it permits.

    `withholding` is for how long its looks may be kept from whom they are about.
    """

    code: str
    legal_basis: str
    actions: frozenset[str]
    agencies: frozenset[str]
    fields: frozenset[str]
    scopes: frozenset[str]
    withholding: Withholding = AT_ONCE


@dataclass(frozen=True, slots=True)
class Quota:
    """How many persons may be seen in a clock hour (UTC), by each official or by each agency as a whole."""

    quota_id: str
    by_official: bool
    actions: frozenset[str]
    purposes: frozenset[str]
    agencies: frozenset[str]
    persons: int

    def counts(self, action: str, purpose: str, kind: str) -> bool:
        """Tell whether a look of this kind counts against it."""
        asked = ((self.actions, action), (self.purposes, purpose), (self.agencies, kind))
        return all(one in named or ANY in named for named, one in asked)


@dataclass(frozen=True, slots=True)
class PolicyData:
    """All that a policy set says beside its policies."""

    version: str
    purposes: Mapping[str, PurposeRule]
    national: Mapping[str, bool]
    suspended: frozenset[str]
    assured: frozenset[str]
    roles: Mapping[str, frozenset[str]]
    approvers: frozenset[str]
    approval_above: int
    review_hours: int
    quotas: tuple[Quota, ...]
    reserve_per_look: int


def read(files: Mapping[str, str]) -> PolicyData:
    """Return the data of a policy set's files; raises PolicyFault where something is missing or unknown."""
    try:
        return _read(*(tomllib.loads(files[name]) for name in ("agencies.toml", "purposes.toml", "quotas.toml")))
    except (KeyError, TypeError, AttributeError, tomllib.TOMLDecodeError) as fault:
        raise PolicyFault(f"the policy set's data is not complete: {fault}") from fault


def _read(agencies: dict[str, Any], register: dict[str, Any], limits: dict[str, Any]) -> PolicyData:
    groups = {name: frozenset(fields) for name, fields in register["groups"].items()}
    approval = agencies["approval"]
    found = PolicyData(
        version=_text(register["version"]),
        purposes={code: _purpose(code, said, groups) for code, said in register["purpose"].items()},
        national={kind: _flag(said["national"]) for kind, said in agencies["kinds"].items()},
        suspended=frozenset(agencies["suspended"]["agencies"]),
        assured=frozenset(agencies["assurance"]["accepted"]),
        roles={role: frozenset(actions) for role, actions in agencies["roles"].items()},
        approvers=frozenset(approval["roles"]),
        approval_above=_count(approval["two_persons_above"]),
        review_hours=_count(approval["review_within_hours"]),
        quotas=tuple(_quota(said) for said in limits["quota"]),
        reserve_per_look=_count(limits["reserve_per_look"]),
    )
    unknown = {kind for rule in found.purposes.values() for kind in rule.agencies} - found.national.keys()
    if unknown:
        raise PolicyFault(f"no such kinds of agency: {', '.join(sorted(unknown))}")
    if not found.approvers <= found.roles.keys():
        raise PolicyFault("a role that may approve is no role")
    return found


def _purpose(code: str, said: dict[str, Any], groups: Mapping[str, frozenset[str]]) -> PurposeRule:
    named: set[str] = set()
    for field in said["fields"]:
        named |= groups[field[1:]] if field.startswith("@") else {field}
    if not named <= purposes.FIELDS:
        raise PolicyFault(f"{code} permits unknown fields: {', '.join(sorted(named - purposes.FIELDS))}")
    return PurposeRule(
        code,
        _text(said["legal_basis"]),
        frozenset(said["actions"]),
        frozenset(said["agencies"]),
        frozenset(named),
        frozenset(said.get("scopes", ())),
        _withholding(code, said),
    )


def _withholding(code: str, said: dict[str, Any]) -> Withholding:
    """Return what a purpose says of its looks' visibility: to be withheld, it must say for how many days at most."""
    kind, days = said.get("visibility", CITIZEN), _count(said.get("withheld_days", 0))
    if kind not in {CITIZEN, DELAYED_UNTIL, RESTRICTED}:
        raise PolicyFault(f"{code} has a visibility that is none of {CITIZEN}, {DELAYED_UNTIL}, {RESTRICTED}")
    if (days > 0) != (kind != CITIZEN) or days > LONGEST_DAYS:
        raise PolicyFault(f"{code} withholds its looks for 1 to {LONGEST_DAYS} days, or shows them at once")
    return Withholding(kind, days)


def _quota(said: dict[str, Any]) -> Quota:
    if said["per"] not in {"official", "agency"}:
        raise PolicyFault("a quota is per official or per agency")
    return Quota(
        _text(said["id"]),
        said["per"] == "official",
        frozenset(said["actions"]),
        frozenset(said["purposes"]),
        frozenset(said["agencies"]),
        _count(said["persons_per_hour"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise PolicyFault("a text is missing")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise PolicyFault("true or false is missing")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise PolicyFault("a count is a whole number, not below 0")
    return value
