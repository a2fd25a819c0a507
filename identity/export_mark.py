"""Marks an exported file for its recipient: what only the holder of the key can make, and find again in a leaked file.

Everything follows from the key and the request, so nothing has to be kept to name a recipient. It must not know what a
file holds.
"""

import base64
import hmac
from pathlib import Path
from typing import Final

from identity.secret_file import SECRET_BYTES, load_or_create_secret

_MARK_BYTES: Final = 10  # 16 characters of base32


class MarkKey:
    """The key of all marks of a registry; it shows nothing of itself."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise ValueError("a mark key has 32 bytes")
        self._secret = secret

    def __repr__(self) -> str:
        return "MarkKey()"

    def mark(self, request_id: str) -> str:
        """Return the mark of a request's recipient: 16 characters of lower-case base32."""
        return self._text(f"mark|v1|{request_id}")

    def row(self, request_id: str, number: int) -> str:
        """Return the id of a row of the request's file, by the row's number from 0; no two requests share one."""
        return self._text(f"row|v1|{request_id}|{number}")

    def draw(self, request_id: str, what: str, below: int) -> int:
        """Return a number from 0 to `below` - 1, the same one every time."""
        digest = hmac.digest(self._secret, f"draw|v1|{request_id}|{what}".encode(), "sha256")
        return int.from_bytes(digest[:8], "big") % below

    def _text(self, message: str) -> str:
        digest = hmac.digest(self._secret, message.encode(), "sha256")
        return base64.b32encode(digest[:_MARK_BYTES]).decode("ascii").lower()


def load_or_create_mark_key(folder: Path) -> MarkKey:
    """Return the key from `export-mark.key`, made with mode 0600 when there is none; raises SecretError."""
    return MarkKey(load_or_create_secret(folder / "export-mark.key"))
