"""Cursors that a client can keep and hand back, and neither read anything out of nor make up. Must not know lists."""

import base64
import binascii
import hmac
import struct
from typing import Final

from consumers.read_model.audit_queries import Position

_POSITION: Final = struct.Struct(">q16s")
_TAG_BYTES: Final = 16


class Cursors:
    """Signs positions in a list, each bound to what the list is of."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def given(self, position: Position, scope: str) -> str:
        """Return the cursor of a position in the list that `scope` names."""
        body = _POSITION.pack(*position)
        return base64.urlsafe_b64encode(body + self._tag(body, scope)).decode()

    def taken(self, cursor: str, scope: str) -> Position | None:
        """Return the position, or None for a cursor that was not given for this list."""
        try:
            raw = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        body, tag = raw[: _POSITION.size], raw[_POSITION.size :]
        if len(body) != _POSITION.size or not hmac.compare_digest(tag, self._tag(body, scope)):
            return None
        return Position(*_POSITION.unpack(body))

    def _tag(self, body: bytes, scope: str) -> bytes:
        return hmac.digest(self._secret, body + scope.encode(), "sha256")[:_TAG_BYTES]
