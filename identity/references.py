"""References that stand for a person, a family or a fact without telling who or what.

Keyed where the input could be guessed: there are few enough NIKs that a plain hash of one is soon undone. It must not
know how anything is stored or published.
"""

import base64
import hmac
import json
import uuid
from collections.abc import Mapping
from typing import Final

from uuid_utils import compat

_SECRET_BYTES: Final = 32
_REFERENCE_BYTES: Final = 16
_PERSON: Final = b"jejak/person_ref/v1"
_CARD: Final = b"jejak/kk_ref/v1"
_CONTENT: Final = b"jejak/content_digest/v1"
_LABELS: Final = (_PERSON, _CARD, _CONTENT)

# Random once, fixed for ever: ids made under them are in history.
_CHANGES: Final = uuid.UUID("c1f2ad97-a94c-40e7-9ba0-255645608e5f")
_FAMILIES: Final = uuid.UUID("c78b47d2-f65b-4fb4-b38b-3f09b299383b")


_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


class ReferenceKey:
    """The key that references are made with; it shows nothing of itself and can't be read back."""

    __slots__ = ("_keyed",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != _SECRET_BYTES:
            raise ValueError("a reference key has 32 bytes")
        self._keyed = {label: hmac.new(secret, label + b"\0", "sha256") for label in _LABELS}

    def __repr__(self) -> str:
        return "ReferenceKey()"

    def digest(self, label: bytes, message: bytes) -> bytes:
        """Return the HMAC-SHA-256 of the message under the label's own domain, 32 bytes."""
        keyed = self._keyed[label].copy()
        keyed.update(message)
        return keyed.digest()


def person_ref(key: ReferenceKey, nik: str) -> str:
    """Return the person's reference: 128 bits of a keyed hash of the NIK, 26 characters of lower-case base32."""
    return _text(key.digest(_PERSON, _bytes(nik)))


def kk_ref(key: ReferenceKey, kk: str) -> str:
    """Return the family card's reference, in another domain than a person's: no NIK ever gives the same one."""
    return _text(key.digest(_CARD, _bytes(kk)))


def content_digest(key: ReferenceKey, fields: Mapping[str, str | int | bool | None]) -> bytes:
    """Return the keyed digest of a record's plaintext, 32 bytes; the order of the fields makes no difference."""
    return key.digest(_CONTENT, _CANONICAL.encode(dict(fields)).encode())


def change_id(agency: str, document: str, record_key: str, digest: bytes) -> uuid.UUID:
    """Return the id of a change: the same fact from the same place in the same document has the same id.

    The digest is keyed, so the id gives nobody a way to test a guess at the record.
    """
    return compat.uuid5(_CHANGES, json.dumps([agency, document, record_key, digest.hex()]))


def family_id_for(card: str) -> str:
    """Return the id that a family first seen under this card reference is minted with, 26 characters of base32.

    A candidate only: the alias table is asked first, for a card may have been reissued to a family with an id.
    """
    return _text(compat.uuid5(_FAMILIES, card).bytes)


def derived_id(change_id: uuid.UUID, part: str) -> uuid.UUID:
    """Return the id of something that follows from a change, the same every time it is worked out."""
    return compat.uuid5(change_id, part)


def _bytes(number: str) -> bytes:
    """Return the number in UTF-8; lone surrogates pass, since an exception here would carry the number."""
    return number.encode("utf-8", "surrogatepass")


def _text(digest: bytes) -> str:
    return base64.b32encode(digest[:_REFERENCE_BYTES]).decode("ascii").rstrip("=").lower()
