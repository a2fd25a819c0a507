"""Who signed a note: keys, signatures and cosignatures by C2SP signed-note v1.0.0 and tlog-cosignature v1.0.1.

Ed25519 alone; ML-DSA-44 is left out, and a key of that type is refused as KEY_TYPE. Stricter than the specifications
in three things, so that one note has one form: no extension lines, lower-case key ids in verifier keys, and no second
line of a known key (DOUBLED_SIGNATURE), which therefore never counts as two witnesses. Lines of unknown keys are
ignored, doubled ones too. It must not know who is trusted, where notes are kept, or what time it is.
"""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from schemas.note_form import (
    KEY_ID_BYTES,
    MOST_NOTE_BYTES,
    MOST_SIGNATURES,
    Checkpoint,
    NoteRefused,
    Signature,
    SignedNote,
    from_base64,
    require_name,
    require_text,
    to_base64,
)

__all__ = [
    "COSIGNATURE",
    "ED25519",
    "KEY_BYTES",
    "KEY_ID_BYTES",
    "LATEST_SECONDS",
    "MOST_NOTE_BYTES",
    "MOST_SIGNATURES",
    "Checkpoint",
    "Cosigner",
    "NoteRefused",
    "OpenedCheckpoint",
    "Signature",
    "SignedNote",
    "Signer",
    "VerifierKey",
    "cosigned_at",
    "known_signatures",
    "open_checkpoint",
    "signature_holds",
]

ED25519: Final = 1
"""The key type of a log's own signature."""
COSIGNATURE: Final = 4
"""The key type of a witness's timestamped signature."""
KEY_BYTES: Final = 32
LATEST_SECONDS: Final = 2**63 - 1

_SIGNATURE_BYTES: Final = 64
_TIME_BYTES: Final = 8
_FIELD_PRIME: Final = 2**255 - 19
# A point of order 8 has this coordinate or its negative; of the others that a cofactor of 8 allows, three are simple.
_OF_ORDER_8: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER: Final = frozenset({0, 1, _FIELD_PRIME - 1, _OF_ORDER_8, _FIELD_PRIME - _OF_ORDER_8})


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A named Ed25519 public key and what it signs: notes (ED25519) or cosignatures (COSIGNATURE)."""

    name: str
    key_type: int
    public: bytes

    def __post_init__(self) -> None:
        require_name(self.name)
        if self.key_type not in {ED25519, COSIGNATURE}:
            raise NoteRefused("KEY_TYPE", "keys are Ed25519, of type 1 or 4")
        coordinate = int.from_bytes(self.public, "little") % 2**255
        if len(self.public) != KEY_BYTES or coordinate >= _FIELD_PRIME:
            raise NoteRefused("PUBLIC_KEY", "a public key is 32 bytes, its coordinate below the field's prime")
        if coordinate in _SMALL_ORDER:  # one signature of such a key holds over many texts
            raise NoteRefused("PUBLIC_KEY", "a public key is no point of small order")

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of the SHA-256 of name, newline, type and public key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.key_type]) + self.public).digest()[:KEY_ID_BYTES]

    def vkey(self) -> str:
        """Return the key as text: name, key id in hex, type and key in base64, joined by plus signs."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes([self.key_type]) + self.public)}"

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Return the key of its text, split at the first two plus signs only; raises NoteRefused."""
        name, _, rest = vkey.partition("+")
        key_id, plus, encoded = rest.partition("+")
        if not plus:
            raise NoteRefused("VERIFIER_KEY", "a verifier key is name, key id and key")
        typed = from_base64(encoded)
        key = cls(name, typed[0] if typed else 0, typed[1:])
        if key.key_id.hex() != key_id:
            raise NoteRefused("KEY_ID", "the key id is not that of name, type and key")
        return key


class Signer:
    """Signs notes as a log; made of a 32-byte Ed25519 seed, of which it shows nothing."""

    __slots__ = ("_private", "verifier_key")

    def __init__(self, seed: bytes, name: str) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier_key: Final = VerifierKey(name, ED25519, self._private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"Signer({self.verifier_key.name})"

    def sign(self, text: str) -> Signature:
        """Return the signature of a text; raises NoteRefused for a text that no note may hold."""
        require_text(text)
        key = self.verifier_key
        return Signature(key.name, key.key_id, self._private.sign(text.encode()))


class Cosigner:
    """Cosigns checkpoints as a witness; made of a 32-byte Ed25519 seed of its own, of which it shows nothing.

    The name is not part of what is signed, so one seed serves one witness.
    """

    __slots__ = ("_private", "verifier_key")

    def __init__(self, seed: bytes, name: str) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier_key: Final = VerifierKey(name, COSIGNATURE, self._private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"Cosigner({self.verifier_key.name})"

    def cosign(self, text: str, seconds: int) -> Signature:
        """Return the cosignature of a checkpoint's text at a POSIX time in seconds; raises NoteRefused for other texts.

        It says that this is the largest consistent tree of its origin that the witness has seen by then.
        """
        Checkpoint.parse(text)
        signed = self._private.sign(_cosigned(text, seconds))
        key = self.verifier_key
        return Signature(key.name, key.key_id, seconds.to_bytes(_TIME_BYTES, "big") + signed)


@dataclass(frozen=True, slots=True)
class OpenedCheckpoint:
    """A checkpoint whose log signature and known cosignatures hold: at most one time in seconds for each witness."""

    checkpoint: Checkpoint
    note: SignedNote
    cosigned: tuple[tuple[VerifierKey, int], ...]


def open_checkpoint(note: bytes | str, log: VerifierKey, witnesses: Collection[VerifierKey] = ()) -> OpenedCheckpoint:
    """Return the checkpoint that this log signed, with the witnesses of those named that cosigned it.

    The log's key is named for the origin. Whether the witnesses suffice is the caller's quorum. Raises NoteRefused.
    """
    parsed = SignedNote.parse(note)
    checkpoint = Checkpoint.parse(parsed.text)
    if checkpoint.origin != log.name:
        raise NoteRefused("OTHER_ORIGIN", "the checkpoint is of another log")
    held = known_signatures(parsed, (log, *witnesses))
    if not any(key == log for key, _ in held):
        raise NoteRefused("NO_LOG_SIGNATURE", "the log itself has not signed")
    cosigned = ((key, cosigned_at(signature)) for key, signature in held if key.key_type == COSIGNATURE)
    return OpenedCheckpoint(checkpoint, parsed, tuple(cosigned))


def known_signatures(note: SignedNote, known: Collection[VerifierKey]) -> tuple[tuple[VerifierKey, Signature], ...]:
    """Return the signatures of known keys, verified, one a key, in the note's order; those of unknown keys are ignored.

    Raises NoteRefused when one of them fails, a known key signed twice, none is there, or two keys can't be told apart.
    """
    keys = _by_name_and_id(known)
    held: dict[VerifierKey, Signature] = {}
    for signature in note.signatures:
        key = keys.get((signature.name, signature.key_id))
        if key is None:
            continue
        if key in held:
            raise NoteRefused("DOUBLED_SIGNATURE", "a known key signed twice")
        if not signature_holds(key, note.text, signature):
            raise NoteRefused("SIGNATURE_FAILS", "the signature of a known key does not verify")
        held[key] = signature
    if not held:
        raise NoteRefused("NO_KNOWN_SIGNATURE", "no known key signed")
    return tuple(held.items())


def signature_holds(key: VerifierKey, text: str, signature: Signature) -> bool:
    """Return whether the signature is this key's over the text: of the text itself or, by a witness's key, cosigned."""
    if (signature.name, signature.key_id) != (key.name, key.key_id):
        return False
    message, signed = text.encode(), signature.payload
    if key.key_type == COSIGNATURE:
        if len(signed) != _TIME_BYTES + _SIGNATURE_BYTES or cosigned_at(signature) > LATEST_SECONDS:
            return False
        message, signed = _cosigned(text, cosigned_at(signature)), signed[_TIME_BYTES:]
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signed, message)
    except InvalidSignature:
        return False
    return True


def cosigned_at(signature: Signature) -> int:
    """Return the POSIX seconds that a cosignature names; raises NoteRefused when it has not the form of one."""
    if len(signature.payload) != _TIME_BYTES + _SIGNATURE_BYTES:
        raise NoteRefused("COSIGNATURE_FORM", "a cosignature is 8 bytes of time and 64 of signature")
    return int.from_bytes(signature.payload[:_TIME_BYTES], "big")


def _cosigned(text: str, seconds: int) -> bytes:
    if not 0 <= seconds <= LATEST_SECONDS:
        raise NoteRefused("COSIGNATURE_TIME", "a time is between 0 and 2^63-1 seconds")
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _by_name_and_id(known: Collection[VerifierKey]) -> dict[tuple[str, bytes], VerifierKey]:
    """Return the keys by what a line names; a witness under two names would count twice, so it is refused."""
    keys = {(key.name, key.key_id): key for key in known}
    witnesses = {key.public for key in keys.values() if key.key_type == COSIGNATURE}
    if len(set(known)) != len(keys) or len(witnesses) != sum(key.key_type == COSIGNATURE for key in keys.values()):
        raise NoteRefused("SHARED_KEY", "two known keys share their id, or two witnesses one key")
    return keys
