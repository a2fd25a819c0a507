"""Who may ask the issuer for a token: clients in a TOML file, their secrets kept as scrypt hashes alone.

Must not know what a token holds, nor how a request arrives.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from consumers.issuer.tokens import Subject

_N, _R, _P = 2**14, 8, 1  # RFC 7914: 16 MiB and some tens of milliseconds
_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32
_CLAIMS: Final = ("agency", "role", "actor", "assurance")


class ClientsRefused(Exception):
    """The file of clients is not one; the text never holds a secret or its hash."""


@dataclass(frozen=True, slots=True)
class Client:
    """One client: for whom it gets tokens, and the hash of its secret."""

    subject: Subject
    secret: str = field(repr=False)


def hashed(secret: str, salt: bytes | None = None) -> str:
    """Return what is kept of a secret: its salt and scrypt hash, in base64."""
    drawn = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    return f"{base64.b64encode(drawn).decode()}${base64.b64encode(_scrypt(secret, drawn)).decode()}"


def matches(secret: str, kept: str) -> bool:
    """Tell whether this is the secret that was kept."""
    try:
        salt, expected = (base64.b64decode(part, validate=True) for part in kept.split("$"))
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(_scrypt(secret, salt), expected)


def load(path: Path) -> Mapping[str, Client]:
    """Return the clients of a file by their id; raises ClientsRefused, or OSError."""
    try:
        said = tomllib.loads(path.read_text("utf-8"))["client"]
        return {client_id: _client(client_id, one) for client_id, one in said.items()}
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise ClientsRefused(f"{path.name} holds no clients: [client.ID] with secret and claims") from None


def _client(client_id: str, said: Mapping[str, Any]) -> Client:
    told = {name: said[name] for name in _CLAIMS}
    if not all(isinstance(one, str) and one for one in (*told.values(), said["secret"])):
        raise TypeError
    return Client(
        Subject(client_id, **told, certificate=said.get("certificate"), person=said.get("person")), said["secret"]
    )


def _scrypt(secret: str, salt: bytes) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, n=_N, r=_R, p=_P, dklen=_HASH_BYTES)
