"""Who is calling, as a verified access token says: agency, role and officer come of its claims, never of a request.

Tokens of any issuer that is configured: signed by a pinned algorithm, for us, valid now, five minutes long at most, and
bound to the client's certificate where there is one (RFC 8705). Must not know what the caller asks for.
"""

import base64
import binascii
import hmac
import json
import re
import time
import tomllib
import uuid
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning

from consumers.gateway.request import Caller
from consumers.gateway.token_keys import IssuerKeys, KeysAway, of_file, of_url

LONGEST_SECONDS: Final = 300
LEEWAY_SECONDS: Final = 5
ALGORITHMS: Final = ("Ed25519", "EdDSA", "ES256", "RS256")
"""What may be pinned: signatures by a private key alone; never `none`, never a shared secret."""

EXPIRED: Final = "TOKEN_EXPIRED"
NOT_YET: Final = "TOKEN_NOT_YET_VALID"
TOO_LONG: Final = "TOKEN_LIFETIME"
FORGED: Final = "TOKEN_FORGED"
MALFORMED: Final = "TOKEN_MALFORMED"
ISSUER: Final = "TOKEN_ISSUER"
AUDIENCE: Final = "TOKEN_AUDIENCE"
ALGORITHM: Final = "TOKEN_ALGORITHM"
CLAIMS: Final = "TOKEN_CLAIMS"
NOT_BOUND: Final = "TOKEN_NOT_BOUND"
SERVER_AWAY: Final = "ISSUER_UNAVAILABLE"

_LONGEST_TOKEN: Final = 8_192
_PARTS: Final = 3
_CLAIM: Final = re.compile(r"[\x21-\x7e]{1,200}")
_PERSON: Final = re.compile(r"[a-z2-7]{26}")
# RFC 9864 renames EdDSA to Ed25519; issuers of today still say EdDSA, with the same curve.
warnings.filterwarnings("ignore", category=SecurityWarning, module=r"joserfc\..*")


@dataclass(frozen=True, slots=True)
class NotAuthenticated:
    """The refusal to know who calls: a TOKEN_ code."""

    code: str


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """By which names an issuer's tokens say what a caller is made of."""

    agency: str = "agency"
    role: str = "role"
    actor: str = "actor"
    assurance: str = "acr"
    client: str = "client_id"
    person: str = "person"


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """An issuer whose tokens are taken: its name, our name in them, its keys, and the algorithms it signs with.

    `agencies` are the kinds of agency it may speak for; all where none is named.
    """

    name: str
    audience: str
    keys: IssuerKeys
    algorithms: tuple[str, ...]
    claims: ClaimNames = field(default_factory=ClaimNames)
    agencies: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.algorithms or not set(self.algorithms) <= set(ALGORITHMS):
            raise ValueError(f"an issuer signs with one of {', '.join(ALGORITHMS)}")


class _Refused(Exception):
    """Carries a code out of the checks."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Authenticator:
    """Makes callers of the tokens of trusted issuers; safe to share between threads."""

    def __init__(self, issuers: Sequence[TrustedIssuer], now: Callable[[], float] = time.time) -> None:
        self._issuers = {one.name: one for one in issuers}
        self._now = now

    def authenticate(
        self, token: str, client_cert_digest: bytes | None = None, channel: str = "API"
    ) -> Caller | NotAuthenticated:
        """Return who calls; `client_cert_digest` is the SHA-256 of the certificate that the connection came with."""
        try:
            return self._caller(token, client_cert_digest, channel)
        except _Refused as refused:
            return NotAuthenticated(refused.code)

    def _caller(self, token: str, certificate: bytes | None, channel: str) -> Caller:
        header, unproven = _parts(token)
        issuer = self._issuers.get(str(unproven.get("iss")))
        if issuer is None:
            raise _Refused(ISSUER)
        claims = _verified(token, header, issuer)
        _check_times(claims, self._now())
        if issuer.audience not in _audiences(claims):
            raise _Refused(AUDIENCE)
        _check_binding(claims, certificate)
        return _made(claims, issuer, certificate, channel)


def _parts(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return a token's header and claims before anything is proved."""
    parts = token.split(".")
    if len(token) > _LONGEST_TOKEN or len(parts) != _PARTS:
        raise _Refused(MALFORMED)
    try:
        header, claims = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2])
    except (binascii.Error, ValueError, RecursionError):
        raise _Refused(MALFORMED) from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise _Refused(MALFORMED)
    return header, claims


def _verified(token: str, header: Mapping[str, Any], issuer: TrustedIssuer) -> Mapping[str, Any]:
    """Return the claims that the issuer signed by one of its algorithms."""
    if header.get("alg") not in issuer.algorithms:
        raise _Refused(ALGORITHM)
    key_id = header.get("kid")
    try:
        keys = issuer.keys.with_key(key_id if isinstance(key_id, str) else None)
        return jwt.decode(token, keys, algorithms=list(issuer.algorithms)).claims
    except KeysAway:
        raise _Refused(SERVER_AWAY) from None
    except (JoseError, ValueError, TypeError, KeyError):
        raise _Refused(FORGED) from None


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    expires, issued = _time(claims, "exp"), _time(claims, "iat")
    begins = _time(claims, "nbf") if "nbf" in claims else issued
    if expires <= now:
        raise _Refused(EXPIRED)
    if max(begins, issued) > now + LEEWAY_SECONDS:
        raise _Refused(NOT_YET)
    if expires - issued > LONGEST_SECONDS:
        raise _Refused(TOO_LONG)


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _Refused(CLAIMS)
    return value


def _audiences(claims: Mapping[str, Any]) -> Sequence[Any]:
    said = claims.get("aud")
    return said if isinstance(said, list) else [said]


def _check_binding(claims: Mapping[str, Any], certificate: bytes | None) -> None:
    """Refuse a token without the connection's certificate, and a connection without the token's."""
    confirmed = claims.get("cnf")
    bound = confirmed.get("x5t#S256") if isinstance(confirmed, dict) else None
    if certificate is None and confirmed is None:
        return
    expected = base64.urlsafe_b64encode(certificate).rstrip(b"=").decode() if certificate is not None else ""
    if not expected or not isinstance(bound, str) or not hmac.compare_digest(bound.encode(), expected.encode()):
        raise _Refused(NOT_BOUND)


def _made(claims: Mapping[str, Any], issuer: TrustedIssuer, certificate: bytes | None, channel: str) -> Caller:
    names = issuer.claims
    agency = _claim(claims, names.agency)
    if issuer.agencies and agency.partition("/")[0] not in issuer.agencies:
        raise _Refused(CLAIMS)
    person = claims.get(names.person)
    if person is not None and not (isinstance(person, str) and _PERSON.fullmatch(person)):
        raise _Refused(CLAIMS)
    return Caller(
        agency_id=agency,
        client_id=_claim(claims, names.client),
        actor_ref=_claim(claims, names.actor),
        actor_role=_claim(claims, names.role),
        assurance_level=_claim(claims, names.assurance),
        channel=channel,
        request_id=str(uuid.uuid4()),
        token_jti=_claim(claims, "jti"),
        token_issuer=issuer.name,
        client_cert_digest=certificate,
        person_ref=person,
    )


def _claim(claims: Mapping[str, Any], name: str) -> str:
    """Return a claim that is visible ASCII; one that looks like another, or has a space, is refused."""
    value = claims.get(name)
    if not isinstance(value, str) or not _CLAIM.fullmatch(value):
        raise _Refused(CLAIMS)
    return value


class IssuersRefused(Exception):
    """The file of trusted issuers is not one."""


def load_issuers(path: Path) -> tuple[TrustedIssuer, ...]:
    """Return the issuers of a TOML file; raises IssuersRefused, or OSError.

    Each `[[issuer]]` has name, audience, jwks (an https URL, or a file beside this one) and algorithms; may have claims
    (a table of their names) and agencies (kinds it may speak for).
    """
    try:
        said = tomllib.loads(path.read_text("utf-8"))["issuer"]
        return tuple(_issuer(one, path.parent) for one in said)
    except (KeyError, TypeError, AttributeError, ValueError) as fault:
        raise IssuersRefused(f"{path.name}: [[issuer]] needs name, audience, jwks, algorithms: {fault}") from fault


def _issuer(said: Mapping[str, Any], folder: Path) -> TrustedIssuer:
    where = said["jwks"]
    return TrustedIssuer(
        said["name"],
        said["audience"],
        IssuerKeys(of_url(where) if where.startswith(("https://", "http://127.0.0.1")) else of_file(folder / where)),
        tuple(said["algorithms"]),
        ClaimNames(**said.get("claims", {})),
        frozenset(said.get("agencies", ())),
    )
