"""Secrets of 32 bytes that come from the environment or from a file only its owner reads.

For the local stack the file is made on first use. In production the environment or a mounted file carries what a key
management service holds. It must not know what a secret is for.
"""

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SECRET_BYTES: Final = 32
_OTHERS_MAY_READ_OR_WRITE: Final = 0o007


class SecretError(Exception):
    """A secret is missing, malformed or open to others. The text never holds any of it."""


def load_or_create_secret(path: Path) -> bytes:
    """Return the secret in the file, made at random with mode 0600 when there is none.

    Of several processes that start at once, one makes it and all return the same. Raises SecretError as `load_secret`.
    """
    if not path.exists():
        _create(path)
    return load_secret(path)


def load_secret(path: Path) -> bytes:
    """Return the secret in the file; raises SecretError when it is malformed or any user may read or write it."""
    if path.stat().st_mode & _OTHERS_MAY_READ_OR_WRITE:
        raise SecretError(f"{path.name} is open to every user of the machine")
    return decode_secret(path.read_text("ascii"))


def secret_from(environment: Mapping[str, str], name: str) -> bytes:
    """Return the secret from the variable `name`, base64, or from the file that the variable `name`_FILE points to.

    Raises SecretError when neither is set, both are, or the value is malformed.
    """
    value, file = environment.get(name), environment.get(f"{name}_FILE")
    if (value is None) == (file is None):
        raise SecretError(f"set one of {name} and {name}_FILE")
    return decode_secret(value) if value is not None else load_secret(Path(file or ""))


def decode_secret(text: str) -> bytes:
    """Return the 32 bytes written in base64; raises SecretError when that isn't what the text holds."""
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise SecretError("a secret is 32 bytes written in base64")
    return secret


def _create(path: Path) -> None:
    """Write a new secret aside and link it into place, which fails when another process was first."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(SECRET_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(aside)
    except FileExistsError:
        pass  # the other process's secret is the one
    finally:
        aside.unlink()
