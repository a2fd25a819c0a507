"""Callers are made of verified tokens alone: whatever is wrong with one is a refusal with a code."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from consumers.gateway.authentication import Authenticator, ClaimNames, NotAuthenticated, TrustedIssuer, load_issuers
from consumers.gateway.request import Caller
from consumers.gateway.token_keys import AGAIN_SECONDS, FRESH_SECONDS, STALE_SECONDS, IssuerKeys
from consumers.issuer.tokens import Issuer, Subject

NOW = 1_800_000_000
NAME, AUDIENCE = "https://issuer.example", "jejak-gateway"
ISSUER = Issuer(NAME, AUDIENCE, bytes(range(32)))
SUBJECT = Subject("sik-ng", "dinsos/35.71", "verifier", "officer-7", "HIGH")
CERTIFICATE = hashlib.sha256(b"certificate").digest()
THUMBPRINT = base64.urlsafe_b64encode(CERTIFICATE).rstrip(b"=").decode()
KEY = OKPKey.generate_key("Ed25519", {"kid": "k1"})


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def verifier(keys: Any = None, *, now: float = NOW, algorithms: tuple[str, ...] = ("Ed25519",)) -> Authenticator:
    held = IssuerKeys(keys or ISSUER.keys)
    return Authenticator([TrustedIssuer(NAME, AUDIENCE, held, algorithms)], now=lambda: now)


def own(**changes: Any) -> str:
    claims = {
        "iss": NAME,
        "aud": AUDIENCE,
        "client_id": "sik-ng",
        "jti": "t-1",
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 300,
        "agency": "dinsos/35.71",
        "role": "verifier",
        "actor": "officer-7",
        "acr": "HIGH",
        **changes,
    }
    return signed({name: value for name, value in claims.items() if value is not None})


def signed(claims: dict[str, Any], key: Any = KEY, algorithm: str = "Ed25519", **header: Any) -> str:
    return jwt.encode({"alg": algorithm, "kid": "k1", **header}, claims, key, algorithms=[algorithm])


def keys_of(*keys: Any) -> Any:
    return lambda: {"keys": [key.as_dict(private=False) for key in keys]}


def part(said: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()


def refused(token: str, **verified: Any) -> str:
    found = verifier(keys_of(KEY), **verified).authenticate(token)
    assert isinstance(found, NotAuthenticated)
    return found.code


def test_a_token_of_our_own_issuer_makes_a_caller_of_its_claims() -> None:
    found = verifier().authenticate(ISSUER.issue(SUBJECT, NOW, "t-1"))
    assert isinstance(found, Caller)
    assert (found.agency_id, found.actor_role, found.actor_ref, found.client_id) == (
        "dinsos/35.71",
        "verifier",
        "officer-7",
        "sik-ng",
    )
    assert (found.token_jti, found.token_issuer, found.client_cert_digest) == ("t-1", NAME, None)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": NOW}, "TOKEN_EXPIRED"),
        ({"exp": NOW - 1, "iat": NOW - 300, "nbf": NOW - 300}, "TOKEN_EXPIRED"),
        ({"exp": NOW + 301}, "TOKEN_LIFETIME"),
        ({"nbf": NOW + 60}, "TOKEN_NOT_YET_VALID"),
        ({"iat": NOW + 60, "exp": NOW + 300}, "TOKEN_NOT_YET_VALID"),
        ({"aud": "another-gateway"}, "TOKEN_AUDIENCE"),
        ({"aud": ["another-gateway"]}, "TOKEN_AUDIENCE"),
        ({"aud": None}, "TOKEN_AUDIENCE"),
        ({"iss": "https://another.example"}, "TOKEN_ISSUER"),
        ({"iss": None}, "TOKEN_ISSUER"),
        ({"exp": None}, "TOKEN_CLAIMS"),
        ({"exp": "tomorrow"}, "TOKEN_CLAIMS"),
        ({"exp": True}, "TOKEN_CLAIMS"),
        ({"iat": None}, "TOKEN_CLAIMS"),
        ({"jti": None}, "TOKEN_CLAIMS"),
        ({"agency": None}, "TOKEN_CLAIMS"),
        ({"agency": ["dinsos/35.71"]}, "TOKEN_CLAIMS"),
        ({"agency": "dinsos/35.71 "}, "TOKEN_CLAIMS"),
        ({"agency": "dins\N{CYRILLIC SMALL LETTER O}s/35.71"}, "TOKEN_CLAIMS"),
        ({"role": ""}, "TOKEN_CLAIMS"),
        ({"actor": None}, "TOKEN_CLAIMS"),
        ({"person": "35710241018000001"}, "TOKEN_CLAIMS"),
    ],
)
def test_a_token_that_does_not_hold_is_refused_by_its_code(changes: dict[str, Any], code: str) -> None:
    assert refused(own(**changes)) == code


def test_a_token_for_several_audiences_of_which_we_are_one_holds() -> None:
    assert isinstance(verifier(keys_of(KEY)).authenticate(own(aud=["another", AUDIENCE])), Caller)


def test_a_token_signed_by_another_key_of_the_same_name_is_forged() -> None:
    other = OKPKey.generate_key("Ed25519", {"kid": "k1"})
    assert refused(signed(_claims(), other)) == "TOKEN_FORGED"


def test_a_token_whose_claims_were_changed_is_forged() -> None:
    header, _, signature = own().split(".")
    assert refused(f"{header}.{part({**_claims(), 'agency': 'kemensos'})}.{signature}") == "TOKEN_FORGED"


def test_a_token_without_a_signature_is_refused() -> None:
    assert refused(f"{part({'alg': 'none'})}.{part(_claims())}.") == "TOKEN_ALGORITHM"
    assert refused(f"{part({'alg': 'None'})}.{part(_claims())}.") == "TOKEN_ALGORITHM"
    assert refused(f"{part({})}.{part(_claims())}.") == "TOKEN_ALGORITHM"


def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() -> None:
    secret = OctKey.import_key(str(KEY.as_dict(private=False)["x"]) * 2)
    assert refused(signed(_claims(), secret, "HS256")) == "TOKEN_ALGORITHM"


def test_an_algorithm_that_is_not_pinned_for_the_issuer_is_refused() -> None:
    key = ECKey.generate_key("P-256", {"kid": "k1"})
    assert refused(signed(_claims(), key, "ES256")) == "TOKEN_ALGORITHM"


@pytest.mark.parametrize("shared", ["none", "HS256"])
def test_an_issuer_can_not_be_trusted_with_no_signature_or_a_shared_secret(shared: str) -> None:
    with pytest.raises(ValueError, match="signs with"):
        TrustedIssuer(NAME, AUDIENCE, IssuerKeys(dict), (shared,))


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", RSAKey.generate_key(2048, {"kid": "k1"})),
        ("ES256", ECKey.generate_key("P-256", {"kid": "k1"})),
        ("EdDSA", KEY),
    ],
)
def test_tokens_of_other_issuers_hold_by_the_algorithm_pinned_for_them(algorithm: str, key: Any) -> None:
    found = verifier(keys_of(key), algorithms=(algorithm,)).authenticate(signed(_claims(), key, algorithm))
    assert isinstance(found, Caller)


@pytest.mark.parametrize(
    "token",
    ["", "a", "a.b", "a.b.c", "a.b.c.d", "é.b.c", "." * 9_000, f"{part([1])}.{part({})}.", f"{part({})}.{part(1)}."],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    assert refused(token) == "TOKEN_MALFORMED"


@pytest.mark.parametrize(
    "header", [{"alg": ["Ed25519"]}, {"alg": "Ed25519", "kid": 5}, {"alg": "Ed25519", "crit": ["x"]}]
)
def test_a_header_of_wrong_types_is_refused(header: dict[str, Any]) -> None:
    assert refused(f"{part(header)}.{part(_claims())}.AAAA") in {"TOKEN_ALGORITHM", "TOKEN_FORGED"}


def test_a_bound_token_holds_on_its_own_certificate_alone() -> None:
    bound = own(cnf={"x5t#S256": THUMBPRINT})
    door = verifier(keys_of(KEY))
    found = door.authenticate(bound, CERTIFICATE)
    assert isinstance(found, Caller)
    assert found.client_cert_digest == CERTIFICATE
    assert door.authenticate(bound, bytes(32)) == NotAuthenticated("TOKEN_NOT_BOUND")
    assert door.authenticate(bound) == NotAuthenticated("TOKEN_NOT_BOUND")
    assert door.authenticate(own(), CERTIFICATE) == NotAuthenticated("TOKEN_NOT_BOUND")


def test_our_own_issuer_binds_a_token_to_the_certificate_of_its_client() -> None:
    bound = Subject("sik-ng", "dinsos/35.71", "verifier", "officer-7", "HIGH", certificate=THUMBPRINT)
    assert isinstance(verifier().authenticate(ISSUER.issue(bound, NOW, "t-1"), CERTIFICATE), Caller)


def test_with_the_issuer_away_and_no_key_held_nobody_is_let_in() -> None:
    assert verifier(_away).authenticate(own()) == NotAuthenticated("ISSUER_UNAVAILABLE")


def test_with_the_issuer_away_the_keys_that_are_held_serve_on_for_an_hour() -> None:
    clock, answers = Clock(), [keys_of(KEY)()]
    keys = IssuerKeys(lambda: answers.pop() if answers else _away(), clock)
    door = Authenticator([TrustedIssuer(NAME, AUDIENCE, keys, ("Ed25519",))], now=lambda: NOW)
    assert isinstance(door.authenticate(own()), Caller)
    clock.seconds = FRESH_SECONDS + 1
    assert isinstance(door.authenticate(own()), Caller)
    clock.seconds = STALE_SECONDS + 1
    assert door.authenticate(own()) == NotAuthenticated("ISSUER_UNAVAILABLE")


def test_a_key_that_is_not_known_is_asked_for_at_most_every_ten_seconds() -> None:
    clock, asked = Clock(), [0]
    new = OKPKey.generate_key("Ed25519", {"kid": "k2"})
    known = [KEY]

    def fetch() -> Any:
        asked[0] += 1
        return keys_of(*known)()

    door = Authenticator([TrustedIssuer(NAME, AUDIENCE, IssuerKeys(fetch, clock), ("Ed25519",))], now=lambda: NOW)
    token = signed(_claims(), new, kid="k2")
    assert isinstance(door.authenticate(own()), Caller)
    known.append(new)
    for _ in range(5):
        assert door.authenticate(token) == NotAuthenticated("TOKEN_FORGED")
    assert asked == [1]
    clock.seconds = AGAIN_SECONDS
    assert isinstance(door.authenticate(token), Caller)
    assert asked == [2]


def test_a_key_set_with_a_shared_secret_in_it_is_not_taken() -> None:
    secret = {"kty": "oct", "k": "AAAA", "kid": "k1"}
    found = verifier(lambda: {"keys": [secret, KEY.as_dict(private=False)]}).authenticate(own())
    assert found == NotAuthenticated("ISSUER_UNAVAILABLE")


def test_an_issuer_speaks_for_the_kinds_of_agency_it_is_trusted_for() -> None:
    keys = IssuerKeys(keys_of(KEY))
    issuer = TrustedIssuer(NAME, AUDIENCE, keys, ("Ed25519",), agencies=frozenset({"bps"}))
    assert Authenticator([issuer], now=lambda: NOW).authenticate(own()) == NotAuthenticated("TOKEN_CLAIMS")


def test_an_issuer_with_claims_of_other_names_is_trusted_by_configuration(tmp_path: Any) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(keys_of(KEY)()))
    (tmp_path / "issuers.toml").write_text(
        f'[[issuer]]\nname = "{NAME}"\naudience = "{AUDIENCE}"\njwks = "keys.json"\nalgorithms = ["Ed25519"]\n'
        '[issuer.claims]\nagency = "org"\n'
    )
    issuers = load_issuers(tmp_path / "issuers.toml")
    assert issuers[0].claims == ClaimNames(agency="org")
    found = Authenticator(issuers, now=lambda: NOW).authenticate(own(agency=None, org="bps"))
    assert isinstance(found, Caller)
    assert found.agency_id == "bps"


def test_no_refusal_says_anything_of_the_token() -> None:
    found = verifier(keys_of(KEY)).authenticate(own(aud="another"))
    assert repr(found) == "NotAuthenticated(code='TOKEN_AUDIENCE')"


def _claims() -> dict[str, Any]:
    claims = own().split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    return found


def _away() -> Any:
    raise OSError
