"""Opens sealed values as somebody would who holds all records and every key that is left, and minds no owner."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag

from identity.keys import KEY_ID_BYTES
from identity.seal import NONCE_BYTES, VERSION, associated_data
from schemas import codec, sealed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    Held = Sequence[tuple[str, AESGCM]]

_NONCE_AT = len(VERSION) + KEY_ID_BYTES
_CIPHERTEXT_AT = _NONCE_AT + NONCE_BYTES


def opened(held: Held, framed: Iterable[bytes]) -> dict[tuple[int, str, str], list[str]]:
    """Return all that any of the keys makes of any sealed value, by message, kind of record and path."""
    found: dict[tuple[int, str, str], list[str]] = {}
    for number, message in enumerate(framed):
        record = codec.decode(message)
        name = codec.name_of(record)
        change_id = uuid.UUID(bytes=record.header.change_id)
        for path, value in _values(sealed.shape_of(name), record):
            at = (number, name.removeprefix("jejak."), path)
            while at in found:  # the items of a list share a path
                at = (at[0], at[1], f"{at[2]}+")
            found[at] = [text.decode() for text in _tried(held, name, path, change_id, value)]
    return found


def _values(shape: sealed.Shape, record: Any) -> Iterator[tuple[str, bytes]]:
    """Yield path and bytes of every sealed value that stands in a record."""
    for field in shape.sealed:
        if (value := getattr(record, field.name)) is not None:
            yield field.path, value
    for name, inner in shape.records:
        if (within := getattr(record, name)) is not None:
            yield from _values(inner, within)
    for name, inner in shape.lists:
        for item in getattr(record, name):
            yield from _values(inner, item)


def _tried(held: Held, record: str, path: str, change_id: uuid.UUID, value: bytes) -> set[bytes]:
    """Return what a value gives to each key that is left, as if its owner were the right one; layer below layer."""
    if value[: len(VERSION)] != VERSION:
        return {value}
    found: set[bytes] = set()
    for owner, cipher in held:
        place = associated_data(owner, record, path, change_id)
        try:
            inner = cipher.decrypt(value[_NONCE_AT:_CIPHERTEXT_AT], value[_CIPHERTEXT_AT:], place)
        except InvalidTag:
            continue
        found |= _tried(held, record, path, change_id, inner)
    return found
