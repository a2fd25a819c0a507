"""What a log asks of a witness: the body of `add-checkpoint`, read strictly (C2SP tlog-witness v1.0.0). Pure."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from schemas.note import Checkpoint, NoteRefused, SignedNote

MOST_PROOF_LINES: Final = 63
_HASH: Final = 32
_OLD: Final = re.compile(rb"old (0|[1-9][0-9]{0,19})", re.ASCII)
_LARGEST: Final = 2**64 - 1


class Malformed(Exception):
    """The body is not a request; `code` of a closed list says what is wrong first."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A log's newest checkpoint and the proof that it contains the tree of size `old`."""

    old: int
    proof: tuple[bytes, ...]
    note: SignedNote
    checkpoint: Checkpoint


def parse(body: bytes) -> AddCheckpoint:
    """Return what the body asks; raises Malformed for anything but the one lawful form."""
    head, separator, note = body.partition(b"\n\n")
    if not separator:
        raise Malformed("EMPTY_LINE_MISSING")
    first, *lines = head.split(b"\n")
    old = _OLD.fullmatch(first)
    if old is None or int(old[1]) > _LARGEST:
        raise Malformed("OLD_SIZE_UNREADABLE")
    if len(lines) > MOST_PROOF_LINES:
        raise Malformed("PROOF_TOO_LONG")
    proof = tuple(_hash(line) for line in lines)
    try:
        signed = SignedNote.parse(note)
        return AddCheckpoint(int(old[1]), proof, signed, Checkpoint.parse(signed.text))
    except NoteRefused as refused:
        raise Malformed(refused.code) from refused


def _hash(line: bytes) -> bytes:
    try:
        decoded = base64.b64decode(line, validate=True)
    except binascii.Error as fault:
        raise Malformed("PROOF_UNREADABLE") from fault
    # The bits behind the last byte may be set otherwise and decode the same: only one spelling is lawful.
    if len(decoded) != _HASH or base64.b64encode(decoded) != line:
        raise Malformed("PROOF_UNREADABLE")
    return decoded
