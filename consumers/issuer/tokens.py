"""Issues access tokens: Ed25519, five minutes at most, one id each. Must not know how a client proved itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import OKPKey

ALGORITHM: Final = "Ed25519"  # RFC 9864: EdDSA by the name of its curve
LONGEST_SECONDS: Final = 300
_TYPE: Final = "at+jwt"  # RFC 9068


@dataclass(frozen=True, slots=True)
class Subject:
    """For whom a token speaks: the claims that the gateway takes a caller's agency, role and officer from.

    `certificate` is the SHA-256 of the client certificate that the token is bound to (RFC 8705), in base64url.
    `person` is a person reference, where the subject is a citizen.
    """

    client_id: str
    agency: str
    role: str
    actor: str
    assurance: str
    certificate: str | None = None
    person: str | None = None


class Issuer:
    """Issues tokens in one name for one audience, with one key."""

    def __init__(self, name: str, audience: str, seed: bytes, seconds: int = LONGEST_SECONDS) -> None:
        if not 0 < seconds <= LONGEST_SECONDS:
            raise ValueError("a token lives five minutes at most")
        self.name = name
        self.audience = audience
        self.seconds = seconds
        bare = OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(seed))
        self._key_id = bare.thumbprint()
        self._key = OKPKey.import_key(
            Ed25519PrivateKey.from_private_bytes(seed), {"kid": self._key_id, "use": "sig", "alg": ALGORITHM}
        )

    def issue(self, subject: Subject, now: int, token_id: str) -> str:
        """Return a token for the subject, from `now` (seconds since 1970) on."""
        claims: dict[str, Any] = {
            "iss": self.name,
            "aud": self.audience,
            "sub": subject.client_id,
            "client_id": subject.client_id,
            "jti": token_id,
            "iat": now,
            "nbf": now,
            "exp": now + self.seconds,
            "agency": subject.agency,
            "role": subject.role,
            "actor": subject.actor,
            "acr": subject.assurance,
        }
        if subject.certificate is not None:
            claims["cnf"] = {"x5t#S256": subject.certificate}
        if subject.person is not None:
            claims["person"] = subject.person
        header = {"alg": ALGORITHM, "kid": self._key_id, "typ": _TYPE}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])

    def keys(self) -> Mapping[str, Any]:
        """Return the public key as a JSON Web Key Set."""
        return {"keys": [self._key.as_dict(private=False)]}
