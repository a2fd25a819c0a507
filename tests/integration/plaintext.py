"""Searches bytes for what must never stand in them in clear: many texts at once, in every form they could leak in.

Knows bytes and texts; must not know where either comes from.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHORTEST: Final = 6  # shorter texts stand in random bytes by chance
_IDENTITY_DIGITS: Final = 16
_ZEROS: Final = re.compile(rb"\0{9,}")


@dataclass(frozen=True, slots=True)
class Leak:
    """Where a text stands in clear: the form it takes and its offset. It never holds the text."""

    form: str
    offset: int


def forms_of_number(number: str) -> Iterator[tuple[str, bytes]]:
    """Yield the forms of a NIK, KK number or telephone: decimal, spaced, reversed, coded or hashed."""
    yield "spaced", " ".join(number).encode()
    for sign in " .-":
        yield "grouped", sign.join(number[i : i + 4] for i in range(0, len(number), 4)).encode()
    for form, text in (("plain", number), ("reversed", number[::-1])):
        yield from _coded(form, text.encode())
    if len(number) == _IDENTITY_DIGITS:
        value = int(number)
        yield "integer", value.to_bytes(8, "big")
        yield "integer", value.to_bytes(8, "little")
        yield "Avro long", _zigzag(value)


def forms_of_text(text: str) -> Iterator[tuple[str, bytes]]:
    """Yield the forms of a name or an address line: as written, in either case, coded, hashed.

    An empty text has none: it tells of nobody, and its SHA-256 is the root of an empty tree.
    """
    if not text:
        return
    for form, cased in (("plain", text), ("upper case", text.upper()), ("lower case", text.lower())):
        yield from _coded(form, cased.encode())
    yield "UTF-16", text.encode("utf-16-le")


def _coded(form: str, plain: bytes) -> Iterator[tuple[str, bytes]]:
    yield form, plain
    yield from _in_letters(form, plain)
    for name in ("sha256", "md5", "sha1"):
        digest = hashlib.new(name, plain, usedforsecurity=False).digest()
        yield f"{form}, {name}", digest
        yield from _in_letters(f"{form}, {name}", digest)


def _in_letters(form: str, plain: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield hex and base64; of base64 the letters that are the same wherever in a longer text the bytes begin."""
    yield f"{form}, hex", plain.hex().encode()
    yield f"{form}, hex", plain.hex().upper().encode()
    for before in range(3):
        letters = base64.b64encode(b"\0" * before + plain)
        first = (before * 8 + 5) // 6
        sure = letters[first : (before + len(plain)) * 8 // 6]
        for one in {sure, sure.translate(bytes.maketrans(b"+/", b"-_"))}:
            yield f"{form}, base64", one


def _zigzag(value: int) -> bytes:
    left, out = value << 1, bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes((*out, left))


class Search:
    """Looks for all forms of all texts in one pass: each form is filed under its first bytes."""

    def __init__(self, numbers: Iterable[str], texts: Iterable[str]) -> None:
        self._filed: dict[bytes, list[tuple[str, bytes]]] = {}
        self.forms = 0
        for number in numbers:
            self._file(forms_of_number(number))
        for text in texts:
            self._file(forms_of_text(text))

    def _file(self, forms: Iterable[tuple[str, bytes]]) -> None:
        for form, needle in forms:
            if len(needle) >= SHORTEST:
                self._filed.setdefault(needle[:SHORTEST], []).append((form, needle))
                self.forms += 1

    def leaks(self, searched: bytes) -> list[Leak]:
        """Return every place in which a form stands; runs of zeros are shortened first."""
        dense, filed = _ZEROS.sub(bytes(8), searched), self._filed
        starts = [at for at in range(len(dense) - SHORTEST + 1) if dense[at : at + SHORTEST] in filed]
        return [
            Leak(form, at)
            for at in starts
            for form, needle in filed[dense[at : at + SHORTEST]]
            if dense.startswith(needle, at)
        ]
