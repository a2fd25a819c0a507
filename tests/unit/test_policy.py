"""The policies decide as the plain table says, allow only when nothing went wrong, and are valid or refused whole."""

from __future__ import annotations

import os
import random
import re
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cedarpy
import pytest

from consumers.gateway import policy
from consumers.gateway.policy import (
    Agreement,
    Allowed,
    Denied,
    Place,
    Policies,
    PolicyFault,
    PolicyRequest,
    place_of,
    within,
)
from schemas import records, regions
from tests.unit.policy_oracle import AGENCIES, FIELDS, REGISTER, decision

if TYPE_CHECKING:
    from pathlib import Path

REQUESTS = int(os.environ.get("JEJAK_POLICY_REQUESTS", "1500"))
AT = 1_750_000_000_000_000
ASKED = PolicyRequest("dinsos/35.71", "verifier", "HIGH", "READ", "VERIFIKASI_VALIDASI", ("region", "member.name"), AT)
GRANT = Agreement(
    "a-1", "dinsos/35.71", ("BERBAGI_PAKAI_DATA",), ("region", "member.name"), ("35.71",), AT - 10, AT + 10, 5_000
)
EXPORT = replace(
    ASKED,
    role="operator",
    action="EXPORT",
    purpose="BERBAGI_PAKAI_DATA",
    named_agreement=True,
    agreement=GRANT,
    regions=("35.71.02",),
    persons=100,
)
APPROVED: dict[str, Any] = {"second": "supervisor", "second_assurance": "HIGH", "second_differs": True}
GLASS = replace(ASKED, action="BREAK_GLASS", purpose="KEADAAN_DARURAT", explained=True, **APPROVED)
TRAIL = replace(ASKED, role="auditor", action="AUDIT_READ", fields=())


def decided(asked: PolicyRequest) -> Allowed | Denied:
    return policy.shipped().decide(asked)


def code(asked: PolicyRequest) -> str:
    found = decided(asked)
    return found.code if isinstance(found, Denied) else "ALLOWED"


def any_request(draw: random.Random) -> PolicyRequest:
    """Draw a request near to one that is allowed, changed in a few places."""
    base = draw.choice((ASKED, EXPORT, GLASS, TRAIL))
    changes: dict[str, Any] = {}
    for name in draw.sample(sorted(_DRAWN), draw.choice((0, 1, 1, 2, 3, 8))):
        changes[name] = _DRAWN[name](draw)
    return replace(base, **changes)


def _agreement(draw: random.Random) -> Agreement | None:
    if draw.random() < 0.2:
        return None
    changes = {
        "agency": draw.choice(("dinsos/35.71", "bps")),
        "purposes": draw.choice((("BERBAGI_PAKAI_DATA",), (), ("PEMERINGKATAN",))),
        "fields": tuple(draw.sample(sorted(FIELDS), draw.randrange(8))),
        "regions": draw.choice((("35.71",), ("ID",), ("35",), (), ("35.78", "35.71.02"))),
        "valid_from": AT + draw.choice((-10, 0, 1)),
        "valid_until": AT + draw.choice((-1, 0, 1, 10)),
        "most_persons": draw.choice((0, 100, 10**6)),
        "suspended": draw.random() < 0.3,
    }
    chosen = draw.sample(sorted(changes), draw.choice((0, 1, 2, 8)))
    return replace(GRANT, **{name: changes[name] for name in chosen})  # type: ignore[arg-type]  # by name


_KINDS = (*AGENCIES["kinds"], "nobody", "")
_AREAS = ("", "/35.71", "/35.78", "/35", "/35.71.02.1001")
_DRAWN: dict[str, Any] = {
    "agency": lambda draw: draw.choice(_KINDS) + draw.choice(_AREAS),
    "role": lambda draw: draw.choice((*AGENCIES["roles"], "nobody", "")),
    "assurance": lambda draw: draw.choice(("HIGH", "SUBSTANTIAL", "LOCAL_USER", "LOW", "")),
    "action": lambda draw: draw.choice(
        ("READ", "SEARCH", "LIST", "MATCH", "EXPORT", "CORRECT", "AUDIT_READ", "BREAK_GLASS")
    ),
    "purpose": lambda draw: draw.choice((*REGISTER["purpose"], "CURIOSITY", "")),
    "fields": lambda draw: tuple(draw.sample((*sorted(FIELDS), "mother"), draw.randrange(6))),
    "at": lambda draw: AT + draw.choice((-11, -10, 0, 9, 10)),
    "persons": lambda draw: draw.choice((0, 1, 1_000, 1_001, 5_001)),
    "regions": lambda draw: draw.choice(((), ("35.71",), ("35",), ("35.71.02", "35.78"), ("ID",))),
    "scope": lambda draw: draw.choice(("", "SUBJECT", "AGENCY", "ACCESSOR", "ENTRY", "ALL")),
    "own": lambda draw: draw.random() < 0.5,
    "sound": lambda draw: draw.random() < 0.5,
    "nik_free": lambda draw: draw.random() < 0.5,
    "explained": lambda draw: draw.random() < 0.5,
    "named_agreement": lambda draw: draw.random() < 0.5,
    "agreement": _agreement,
    "second": lambda draw: draw.choice(("", "supervisor", "security_officer", "verifier")),
    "second_assurance": lambda draw: draw.choice(("HIGH", "LOW", "")),
    "second_differs": lambda draw: draw.random() < 0.5,
    "review_overdue": lambda draw: draw.random() < 0.5,
    "reviewing": lambda draw: draw.random() < 0.5,
    "may_review": lambda draw: draw.random() < 0.5,
    "quota_exceeded": lambda draw: draw.choice(("", "OFFICIAL_HOUR")),
    "place": lambda draw: draw.choice((None, Place(()), Place(within("35.71.02.1001")), Place(within("35.78.01")))),
}


def test_cedar_decides_as_the_plain_table_on_every_drawn_request() -> None:
    draw, allowed = random.Random(20_250_101), 0  # noqa: S311  the same requests each time
    began = time.process_time()
    for _ in range(REQUESTS):
        asked = any_request(draw)
        found, (expected, reasons) = decided(asked), decision(asked)
        assert isinstance(found, Allowed) == expected, asked.text()
        if isinstance(found, Denied):
            assert list(found.rules) == (reasons or [policy.NO_RULE]), asked.text()
        allowed += expected
    spent = (time.process_time() - began) / REQUESTS * 1e6
    sys.stdout.write(f"{REQUESTS} requests, {allowed} allowed, {spent:.0f} us of CPU each with the table\n")
    assert 0.05 < allowed / REQUESTS < 0.95


def test_what_is_judged_goes_on_record_as_a_text_that_gives_the_same_decision_again() -> None:
    draw = random.Random(7)  # noqa: S311  idem
    for _ in range(200):
        asked = any_request(draw)
        assert PolicyRequest.parse(asked.text()) == asked
        assert decided(PolicyRequest.parse(decided(asked).decision_input)) == decided(asked)


def test_an_allowed_request_names_its_policy_and_its_legal_basis() -> None:
    found = decided(ASKED)
    assert isinstance(found, Allowed)
    assert (found.rules, found.legal_basis, found.purpose_version) == (("PURPOSE_OF_AGENCY",), "UU13/2011-8", "2025-2")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (replace(ASKED, purpose=""), "PURPOSE_UNKNOWN"),
        (replace(ASKED, purpose="CURIOSITY"), "PURPOSE_UNKNOWN"),
        (replace(ASKED, role="nobody"), "ROLE_NOT_PERMITTED"),
        (replace(ASKED, agency="nobody/35.71"), "AGENCY_UNKNOWN"),
        (replace(ASKED, fields=()), "FIELD_UNKNOWN"),
        (replace(ASKED, fields=("member.national_id.clear",)), "FIELD_NOT_PERMITTED"),
        (replace(ASKED, place=Place(within("35.78.01.1001"))), "OUTSIDE_AREA"),
        (replace(ASKED, place=Place(())), "OUTSIDE_AREA"),
        (replace(ASKED, quota_exceeded="OFFICIAL_HOUR"), "QUOTA_EXCEEDED"),
        (EXPORT, "ALLOWED"),
        (replace(EXPORT, named_agreement=False, agreement=None), "AGREEMENT_NEEDED"),
        (replace(EXPORT, agreement=None), "AGREEMENT_NOT_ACTIVE"),
        (replace(EXPORT, at=GRANT.valid_until), "AGREEMENT_NOT_ACTIVE"),
        (replace(EXPORT, agreement=replace(GRANT, suspended=True)), "AGREEMENT_NOT_ACTIVE"),
        (replace(EXPORT, agency="dinsos/35.78"), "AGREEMENT_NOT_ACTIVE"),
        (replace(EXPORT, fields=("telephone",)), "AGREEMENT_NOT_FOR_FIELD"),
        (replace(EXPORT, regions=("35",)), "AGREEMENT_NOT_FOR_REGION"),
        (replace(EXPORT, place=Place(within("35.78.01"))), "AGREEMENT_NOT_FOR_PLACE"),
        (replace(EXPORT, persons=5_001, **APPROVED), "AGREEMENT_PERSONS_EXCEEDED"),
        (replace(EXPORT, persons=1_001), "APPROVAL_NEEDED"),
        (replace(EXPORT, persons=1_001, **APPROVED), "ALLOWED"),
        (replace(EXPORT, action="LIST"), "PURPOSE_NOT_OF_ACTION"),
        (GLASS, "ALLOWED"),
        (replace(GLASS, second=""), "SECOND_OFFICER_NEEDED"),
        (replace(GLASS, second_differs=False), "SECOND_OFFICER_NEEDED"),
        (replace(GLASS, second="verifier"), "SECOND_OFFICER_NEEDED"),
        (replace(GLASS, second_assurance="LOW"), "SECOND_OFFICER_NEEDED"),
        (replace(GLASS, explained=False), "EXPLANATION_NEEDED"),
        (replace(GLASS, review_overdue=True), "REVIEW_OVERDUE"),
        (replace(TRAIL, purpose="PENGAWASAN_INTERNAL", scope="AGENCY", own=True), "ALLOWED"),
        (replace(TRAIL, purpose="PENGAWASAN_INTERNAL", scope="AGENCY"), "NOT_OWN"),
        (replace(TRAIL, purpose="PENGAWASAN_INTERNAL", scope="ALL"), "SCOPE_NOT_PERMITTED"),
        (replace(TRAIL, agency="bpk", purpose="PENGAWASAN_EKSTERNAL", scope="ALL"), "ALLOWED"),
        (
            replace(TRAIL, agency="warga", role="warga", purpose="HAK_SUBJEK_DATA", scope="SUBJECT", own=True),
            "ALLOWED",
        ),
        (replace(TRAIL, agency="warga", role="warga", purpose="HAK_SUBJEK_DATA", scope="SUBJECT"), "NOT_OWN"),
        (replace(ASKED, agency="warga", role="warga", purpose="HAK_SUBJEK_DATA"), "ROLE_NOT_PERMITTED"),
        (replace(ASKED, agency="warga", role="operator", purpose="HAK_SUBJEK_DATA"), "NOT_OWN"),
    ],
)
def test_the_first_rule_that_forbids_is_the_code(asked: PolicyRequest, expected: str) -> None:
    assert code(asked) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"at": "now"},
        {"at": None},
        {"at": 1 << 70},
        {"agency": 3},
        {"role": None},
        {"fields": (1,)},
        {"fields": None},
        {"sound": None},
        {"own": "yes"},
        {"place": Place((1,))},  # type: ignore[arg-type]  # the test's point
        {"agreement": replace(GRANT, most_persons="many")},  # type: ignore[arg-type]  # idem
        {"action": "PEEK"},
        {"action": ""},
        {"persons": 1.5},
    ],
)
def test_a_missing_attribute_or_one_of_another_type_is_a_refusal(changes: dict[str, Any]) -> None:
    assert code(replace(ASKED, **changes)) == policy.NOT_JUDGED


def test_whatever_cedar_says_beside_allow_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def answering(answer: Any) -> Any:
        def is_authorized(*_: Any, **__: Any) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return cedarpy.AuthzResult(answer)

        return is_authorized

    def said(choice: str, errors: list[str]) -> dict[str, Any]:
        return {"decision": choice, "diagnostics": {"reason": ["policy0"], "errors": errors}, "metrics": {}}

    for answer in (said("Allow", ["policy1 was skipped"]), said("NoDecision", []), RuntimeError(), ValueError()):
        monkeypatch.setattr(cedarpy, "is_authorized", answering(answer))
        assert code(ASKED) == policy.NOT_JUDGED


def test_an_attribute_missing_of_an_entity_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    policies = Policies(policy.shipped().files)
    whole = policies._officer
    monkeypatch.setattr(
        policies, "_officer", lambda asking: {name: one for name, one in whole(asking).items() if name != "suspended"}
    )
    assert policies.decide(ASKED) == Denied(policy.NOT_JUDGED, (policy.NOT_JUDGED,), ASKED.text(), "2025-2")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("2-limits.cedar", "context.sound", "context.sond"),
        ("2-limits.cedar", '@id("IDENTIFIER_MALFORMED")', '@id("NIK_IN_TEXT")'),
        ("2-limits.cedar", '@id("IDENTIFIER_MALFORMED")', ""),
        ("2-limits.cedar", "unless { context.sound };", "unless { context.sound }"),
        ("2-limits.cedar", '@id("OUTSIDE_AREA")\nforbid', '@id("OUTSIDE_AREA")\npermit'),
        ("jejak.cedarschema", "  sound: Bool,\n", ""),
        ("jejak.cedarschema", "  sound: Bool,\n", "  sound: String,\n"),
        ("purposes.toml", '"telephone.clear"', '"telephone.clearly"'),
        ("purposes.toml", '"pendamping", "kemensos"', '"pendampng", "kemensos"'),
        ("purposes.toml", 'version = "2025-2"', ""),
        ("agencies.toml", "two_persons_above = 1000", "two_persons_above = true"),
        ("agencies.toml", '"supervisor", "security_officer"]', '"supervisr"]'),
        ("quotas.toml", 'per = "official"', 'per = "person"'),
        ("quotas.toml", "persons_per_hour = 2000\n", "persons_per_hour = -1\n"),
    ],
)
def test_a_set_that_is_wrong_anywhere_is_refused_whole(name: str, old: str, new: str) -> None:
    files = dict(policy.shipped().files)
    assert old in files[name]
    files[name] = files[name].replace(old, new)
    with pytest.raises(PolicyFault):
        Policies(files)


def test_a_set_without_one_of_its_files_is_refused() -> None:
    whole = policy.shipped().files
    for missing in sorted(whole.keys() - {"1-access.cedar"}):
        with pytest.raises(PolicyFault):
            Policies({name: text for name, text in whole.items() if name != missing})


ONLY_NAMES_A_REASON = {"PURPOSE_NOT_OF_ACTION", "PURPOSE_NOT_OF_AGENCY", "SCOPE_NOT_PERMITTED"}
LIMITS = re.findall(r'@id\("([A-Z_]+)"\)', policy.shipped().files["2-limits.cedar"])


def without(limit: str) -> dict[str, str]:
    """Return the shipped set without one of its limits."""
    files = dict(policy.shipped().files)
    left = re.sub(rf'@id\("{limit}"\)\nforbid.*?;\n', "", files["2-limits.cedar"], count=1, flags=re.DOTALL)
    assert len(re.findall("@id", left)) == len(LIMITS) - 1
    return {**files, "2-limits.cedar": left}


@pytest.mark.parametrize("limit", sorted(set(LIMITS) - ONLY_NAMES_A_REASON))
def test_a_set_that_lost_a_limit_is_refused(limit: str) -> None:
    with pytest.raises(PolicyFault, match=limit):
        Policies(without(limit))


@pytest.mark.parametrize("limit", sorted(ONLY_NAMES_A_REASON))
def test_a_set_without_a_limit_that_only_names_a_reason_allows_no_more(limit: str) -> None:
    draw, fewer = random.Random(11), Policies(without(limit))  # noqa: S311  the same requests each time
    differing = 0
    for _ in range(500):
        asked = any_request(draw)
        with_all, with_fewer = decided(asked), fewer.decide(asked)
        assert isinstance(with_all, Allowed) == isinstance(with_fewer, Allowed), asked.text()
        differing += with_all != with_fewer
    assert differing


def test_a_set_that_permits_nothing_refuses_everything() -> None:
    closed = Policies({name: text for name, text in policy.shipped().files.items() if name != "1-access.cedar"})
    assert closed.decide(ASKED) == Denied(policy.NO_RULE, (policy.NO_RULE,), ASKED.text(), "2025-2")


def test_a_sets_hash_names_every_byte_and_every_name(tmp_path: Path) -> None:
    for name, text in policy.shipped().files.items():
        (tmp_path / name).write_text(text)
    assert Policies.load(tmp_path).hash == policy.shipped().hash
    (tmp_path / "purposes.toml").write_text(policy.shipped().files["purposes.toml"] + "\n")
    assert Policies.load(tmp_path).hash != policy.shipped().hash
    assert policy.hash_of({"a": "bc"}) != policy.hash_of({"ab": "c"})


def test_a_place_is_every_code_it_lies_within_and_nowhere_where_no_list_has_it() -> None:
    def place(system: str, edition: str, region: str) -> Place:
        return place_of(records.Region(system=system, edition=edition, code=region))

    held = place("KEMENDAGRI", regions.KEMENDAGRI_EDITION, "35.71.02.1001")
    assert held.within == ("ID", "35", "35.71", "35.71.02", "35.71.02.1001")
    assert place("KEMENDAGRI", regions.KEMENDAGRI_EDITION, "99.99").within == ()
    assert place("KEMENDAGRI", "another edition", "35.71").within == ()
    assert place("BPS", regions.BPS_EDITION, "3571").within == ()
    assert place_of(None).within == ()
