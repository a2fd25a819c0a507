"""How the audit trail names persons and families: keyed, one key an epoch, so that no two epochs can be joined.

An epoch's key is random and made of nothing else, unlike a reference key, so destroying it unlinks that epoch's trail
for good while every proof stays valid. It must not know what an audit entry holds.
"""

import hmac
from pathlib import Path
from typing import Final

from identity.secret_file import SECRET_BYTES, load_or_create_secret, load_secret

_SUBJECT: Final = b"audit|v1|"
_QUERY: Final = b"audit-query|v1|"
_RESPONSE: Final = b"audit-response|v1|"


class EpochKey:
    """The key of one epoch of the audit trail, usually a year; it shows nothing of itself."""

    __slots__ = ("_secret", "epoch")

    def __init__(self, epoch: int, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise ValueError("an epoch key has 32 bytes")
        self.epoch = epoch
        self._secret = secret

    def __repr__(self) -> str:
        return f"EpochKey({self.epoch})"

    def subject_ref(self, reference: str) -> bytes:
        """Return this epoch's 32-byte name of a person reference or family id: HMAC-SHA-256 of `audit|v1|` and it."""
        return self._digest(_SUBJECT, reference.encode())

    def query_commitment(self, query: str) -> bytes:
        """Return the 32 bytes that commit to what was asked and tell it to nobody without the key."""
        return self._digest(_QUERY, query.encode())

    def response_digest(self, response: bytes) -> bytes:
        """Return the 32 bytes that prove what was sent to whoever holds both the key and the response."""
        return self._digest(_RESPONSE, response)

    def _digest(self, label: bytes, message: bytes) -> bytes:
        return hmac.digest(self._secret, label + message, "sha256")


def load_or_create_epoch_key(folder: Path, epoch: int) -> EpochKey:
    """Return the epoch's key from `audit-<epoch>.key`, made with mode 0600 when there is none; raises SecretError."""
    return EpochKey(epoch, load_or_create_secret(folder / f"audit-{epoch}.key"))


def epoch_keys(folder: Path) -> tuple[EpochKey, ...]:
    """Return the key of every epoch whose file is there, the oldest first; makes none. Raises SecretError."""
    found = ((file.stem.removeprefix("audit-"), file) for file in folder.glob("audit-*.key"))
    years = sorted((int(epoch), file) for epoch, file in found if epoch.isdecimal())
    return tuple(EpochKey(epoch, load_secret(file)) for epoch, file in years)
