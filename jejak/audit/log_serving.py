"""The log's directory put behind a port, and who may read its entries."""

import base64
import hmac
from pathlib import Path

from consumers.log.app import MayReadEntries, application
from consumers.log.directory import LogDirectory
from identity.secret_file import load_or_create_secret
from jejak.audit.witness import run


def serve(folder: Path, token: Path, port: int) -> None:
    """Serve the log on loopback until stopped; entries to those who hold the token of this file, made on first use."""
    run(application(LogDirectory(folder), holder_of(load_or_create_secret(token))), port)


def holder_of(secret: bytes) -> MayReadEntries:
    """Return what lets in the one bearer token that is this secret in base64."""
    expected = base64.b64encode(secret)

    def may_read(token: str, _: str) -> bool:
        return hmac.compare_digest(token.encode(), expected)

    return may_read
