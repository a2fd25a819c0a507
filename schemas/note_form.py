"""The written form of signed notes and checkpoints: C2SP signed-note v1.0.0 and tlog-checkpoint v1.0.0.

Each is taken in one form only, and what is parsed is written back byte for byte. It must not know keys: nothing here
is verified. Others import these names from `schemas.note`.
"""

import base64
import re
from dataclasses import dataclass
from typing import Final, Self

from schemas.merkle import EMPTY_ROOT, HASH_BYTES, MOST_LEAVES

KEY_ID_BYTES: Final = 4
MOST_SIGNATURES: Final = 64
MOST_NOTE_BYTES: Final = 262_144

_DASH: Final = "\u2014 "
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
# Half of a surrogate pair is no character that UTF-8 can write.
_NAME: Final = re.compile(r"[^\s+\x00-\x1f\ud800-\udfff]+")
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_TEXT_LINES: Final = 3


class NoteRefused(Exception):
    """A note, checkpoint, key or signature that is not taken; `code` says why, and nothing of it is quoted.

    Form: TOO_LARGE, NOT_UTF8, CONTROL_CHARACTER, NO_FINAL_NEWLINE, NO_SIGNATURES, TOO_MANY_SIGNATURES, SIGNATURE_LINE,
    KEY_NAME, BASE64. Checkpoint: EXTENSION_LINES, CHECKPOINT_LINES, ORIGIN, SIZE, ROOT, OTHER_ORIGIN. Keys:
    VERIFIER_KEY, KEY_ID, KEY_TYPE, PUBLIC_KEY, SHARED_KEY. Signatures: DOUBLED_SIGNATURE, SIGNATURE_FAILS,
    NO_KNOWN_SIGNATURE, NO_LOG_SIGNATURE, COSIGNATURE_FORM, COSIGNATURE_TIME.
    """

    def __init__(self, code: str, explanation: str) -> None:
        super().__init__(f"{code}: {explanation}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: origin, number of leaves and 32-byte root; an ill-formed one raises NoteRefused."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.origin):
            raise NoteRefused("ORIGIN", "an origin is not empty and has no space, plus or control character")
        if not 0 <= self.size <= MOST_LEAVES:
            raise NoteRefused("SIZE", "a tree size is between 0 and 2^63-1")
        if len(self.root) != HASH_BYTES or (self.size == 0 and self.root != EMPTY_ROOT):
            raise NoteRefused("ROOT", "a root has 32 bytes, and the empty tree has one root")

    def text(self) -> str:
        """Return the note text: three lines, each with its newline."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the checkpoint of a note's text; raises NoteRefused for any other form of the three lines."""
        lines = text.split("\n")
        if lines.pop() != "":
            raise NoteRefused("NO_FINAL_NEWLINE", "a text ends in a newline")
        if len(lines) != _TEXT_LINES:
            more = len(lines) > _TEXT_LINES
            raise NoteRefused("EXTENSION_LINES" if more else "CHECKPOINT_LINES", "a checkpoint has three lines")
        origin, size, root = lines
        if not _DECIMAL.fullmatch(size):
            raise NoteRefused("SIZE", "a tree size is decimal, without leading zeros or spaces")
        return cls(origin, int(size), from_base64(root))


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who claims to have signed, and the bytes after the 4-byte key id."""

    name: str
    key_id: bytes
    payload: bytes

    def __post_init__(self) -> None:
        require_name(self.name)
        if len(self.key_id) != KEY_ID_BYTES or not self.payload:
            raise NoteRefused("SIGNATURE_LINE", "a signature has a 4-byte key id and something after it")

    def line(self) -> str:
        """Return the line with its newline."""
        return f"{_DASH}{self.name} {to_base64(self.key_id + self.payload)}\n"

    @classmethod
    def parse(cls, line: str) -> Self:
        """Return the signature of a line without its newline; raises NoteRefused."""
        name, space, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not space:
            raise NoteRefused("SIGNATURE_LINE", "a line is dash, space, name, space, base64")
        require_name(name)
        signed = from_base64(encoded)
        return cls(name, signed[:KEY_ID_BYTES], signed[KEY_ID_BYTES:])


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A text ending in a newline and the signatures under it, in their order; nothing is verified yet."""

    text: str
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        require_text(self.text)
        if not self.signatures:
            raise NoteRefused("NO_SIGNATURES", "a note has at least one signature")
        if len(self.signatures) > MOST_SIGNATURES:
            raise NoteRefused("TOO_MANY_SIGNATURES", f"a note has at most {MOST_SIGNATURES} signatures")

    def format(self) -> str:
        """Return the note as it is served; parsing it gives this note back."""
        return f"{self.text}\n{''.join(signature.line() for signature in self.signatures)}"

    @classmethod
    def parse(cls, note: bytes | str) -> Self:
        """Return the note; its text ends at the last empty line. Raises NoteRefused for any other form."""
        decoded = _decoded(note)
        require_text(decoded)
        text, separator, lines = decoded.rpartition("\n\n")
        if not separator or not lines:
            raise NoteRefused("NO_SIGNATURES", "a note is a text, an empty line and signatures")
        return cls(f"{text}\n", tuple(Signature.parse(line) for line in lines[:-1].split("\n")))

    def with_signatures(self, *more: Signature) -> Self:
        """Return the note with further signatures at its end."""
        return type(self)(self.text, self.signatures + more)


def _decoded(note: bytes | str) -> str:
    try:
        encoded = note.encode() if isinstance(note, str) else note
        if len(encoded) > MOST_NOTE_BYTES:
            raise NoteRefused("TOO_LARGE", f"a note has at most {MOST_NOTE_BYTES} bytes")
        return encoded.decode()
    except UnicodeError:
        raise NoteRefused("NOT_UTF8", "a note is UTF-8") from None


def require_text(text: str) -> None:
    """Hold a text to what a note may hold; raises NoteRefused."""
    if not text.endswith("\n"):
        raise NoteRefused("NO_FINAL_NEWLINE", "a text ends in a newline")
    if _CONTROL.search(text):
        raise NoteRefused("CONTROL_CHARACTER", "a text has no control character but newline")


def require_name(name: str) -> None:
    """Hold a name to what a signature line may name; raises NoteRefused."""
    if not _NAME.fullmatch(name):
        raise NoteRefused("KEY_NAME", "a name is not empty and has no space, plus or control character")


def to_base64(data: bytes) -> str:
    """Return the bytes in standard base64."""
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str) -> bytes:
    """Return the bytes of canonical base64, the one text that encoding them gives; raises NoteRefused."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise NoteRefused("BASE64", "not standard base64") from None
    if to_base64(data) != text:
        raise NoteRefused("BASE64", "not the canonical base64 of its bytes")
    return data
