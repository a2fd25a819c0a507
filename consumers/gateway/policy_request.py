"""What the policies judge, as plain codes: the same text, judged by the same policies, gives the same decision.

`PolicyRequest.text` is what goes on record as `decision_input`, and `parse` reads it back. Codes and agencies only: no
reference of a person, no name of an officer. Must not know any rule.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Protocol, Self


@dataclass(frozen=True, slots=True)
class Agreement:
    """A sharing agreement as it stands; times in microseconds since 1970, `valid_until` no longer included."""

    agreement_id: str
    agency: str
    purposes: tuple[str, ...]
    fields: tuple[str, ...]
    regions: tuple[str, ...]
    valid_from: int
    valid_until: int
    most_persons: int
    suspended: bool = False


class Agreements(Protocol):
    """Where the agreements stand, folded from the requests of agencies."""

    def active(self, agreement_id: str, agency: str, at: int) -> Agreement | None:
        """Return the agreement of this agency that is active at a time; None when there is none."""


class NoAgreements:
    """No agreement at all: what the door asks where nobody keeps any."""

    def active(self, agreement_id: str, agency: str, at: int) -> Agreement | None:
        """Return None."""
        del agreement_id, agency, at
        return None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a family that was found lives: every code it lies within, the widest first; none where it is unknown."""

    within: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyRequest:
    """One question to the policies; `place` is None before anything was found.

    `at` is the gateway's clock in microseconds since 1970. `agreement` stands as it stood then; `named_agreement` tells
    whether the caller named one. `sound` is whether every identifier has its form, `nik_free` whether no text looks
    like holding a NIK, `explained` whether the caller said more than a code. `scope` is whose trail is asked for
    (AUDIT_READ), `own` whether it's the caller's own agency's, or the citizen's own. `second` is the second officer's
    role, `second_assurance` how surely they were known, `second_differs` whether they are another officer of the same
    agency, by their own token. `review_overdue` is
    whether a break-glass of the agency waits too long for its review, `reviewing` whether this request is such a
    review, `may_review` whether the caller had no part in what is reviewed. `quota_exceeded` is the quota that has too
    few persons left. `visible_from` is from when whom it is about shall see the look, 0 where the caller names no time;
    `court_order` is the reference of the order that they name for it.
    """

    agency: str
    role: str
    assurance: str
    action: str
    purpose: str
    fields: tuple[str, ...]
    at: int
    persons: int = 0
    regions: tuple[str, ...] = ()
    scope: str = ""
    own: bool = False
    sound: bool = True
    nik_free: bool = True
    explained: bool = False
    named_agreement: bool = False
    agreement: Agreement | None = None
    second: str = ""
    second_assurance: str = ""
    second_differs: bool = False
    review_overdue: bool = False
    reviewing: bool = False
    may_review: bool = False
    quota_exceeded: str = ""
    place: Place | None = None
    visible_from: int = 0
    court_order: str = ""

    def text(self) -> str:
        """Return the request as canonical JSON: keys in order, no spaces, ASCII, fields at their defaults left out."""
        said = {one.name: value for one in fields(self) if (value := getattr(self, one.name)) != one.default}
        for name in ("agreement", "place"):
            if name in said:
                said[name] = asdict(said[name])
        return json.dumps(said, sort_keys=True, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the request that `text` wrote; raises ValueError or TypeError for any other text."""
        said: dict[str, Any] = json.loads(text)
        if said.get("agreement") is not None:
            said["agreement"] = Agreement(**_tuples(said["agreement"]))
        if said.get("place") is not None:
            said["place"] = Place(**_tuples(said["place"]))
        return cls(**_tuples(said))


def _tuples(said: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}


@dataclass(frozen=True, slots=True)
class Allowed:
    """The policies allow it: by these rules, on this legal basis, having judged this input."""

    rules: tuple[str, ...]
    legal_basis: str
    decision_input: str
    purpose_version: str = ""


@dataclass(frozen=True, slots=True)
class Denied:
    """The policies do not allow it: the first reason as a code, every rule that forbids, the input judged."""

    code: str
    rules: tuple[str, ...] = field(default=())
    decision_input: str = ""
    purpose_version: str = ""
