"""In which characters a file is written: UTF-8, UTF-16 or Windows-1252, found without guessing within a cell.

What is neither is a fault of the file, and so is a file of two encodings: read as either, it would say other names than
its writer meant. Must not know rows.
"""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import charset_normalizer

_CHUNK: Final = 1 << 20
_SAMPLE: Final = 1 << 18
_UTF_8_LETTER: Final = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}")
_MOSTLY: Final = 0.3  # a text of Latin letters in UTF-16 has a zero in every second byte


@dataclass(frozen=True, slots=True)
class Encoding:
    """A codec's name, and whether the file begins with a byte-order mark; `codec` skips that mark."""

    name: str
    bom: bool
    codec: str


def encoding_of(path: Path) -> Encoding | str:
    """Return the encoding, or the code of why there is none: EMPTY, ENCODING, ENCODING_MIXED."""
    with path.open("rb") as file:
        start = file.read(_SAMPLE)
    if not start.removeprefix(codecs.BOM_UTF8).strip():
        return "EMPTY"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _if_decodes(path, Encoding("utf-16", bom=True, codec="utf-16"))
    zeros = _zeros(start)
    if zeros is not None:
        return _if_decodes(path, zeros)
    marked = start.startswith(codecs.BOM_UTF8)
    if _decodes(path, "utf-8-sig"):
        return Encoding("utf-8", marked, "utf-8-sig")
    return "ENCODING" if marked else _western(path)


def _zeros(start: bytes) -> Encoding | None:
    """Return UTF-16 without a mark where every second byte is mostly zero."""
    half = len(start) // 2
    for offset, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if half and start[offset::2].count(0) > half * _MOSTLY:
            return Encoding(name, bom=False, codec=name)
    return None


def _western(path: Path) -> Encoding | str:
    """Return Windows-1252 for bytes that read as such text, not for noise nor for UTF-8 with broken letters."""
    sample = _around_the_first_high_byte(path)
    if _UTF_8_LETTER.search(sample):
        return "ENCODING_MIXED"
    likely = charset_normalizer.from_bytes(sample, cp_isolation=["cp1252"]).best()
    if likely is None or b"\x00" in sample:
        return "ENCODING"
    return _if_decodes(path, Encoding("cp1252", bom=False, codec="cp1252"))


def _around_the_first_high_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        before = b""
        while chunk := file.read(_CHUNK):
            if not chunk.isascii():
                return (before + chunk)[-_CHUNK:]
            before = chunk[-_SAMPLE:]
    return b""


def _if_decodes(path: Path, encoding: Encoding) -> Encoding | str:
    return encoding if _decodes(path, encoding.codec) else "ENCODING"


def _decodes(path: Path, codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True
