"""What a witness cosigns: of each log it knows, a checkpoint that contains the last one it cosigned, and no other.

It looks, decides and stores under one lock before it answers, so that two requests never see the same last checkpoint.
Must not know HTTP, or what the leaves of a log mean.
"""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from consumers.witness.request import AddCheckpoint, Malformed, parse
from consumers.witness.store import Store
from schemas.merkle import EMPTY_ROOT, consistency_holds
from schemas.note import (
    Checkpoint,
    Cosigner,
    NoteRefused,
    Signature,
    SignedNote,
    VerifierKey,
    cosigned_at,
    known_signatures,
)

_TEXT: Final = "text/plain; charset=utf-8"
_SIZE: Final = "text/x.tlog.size"


class StateDamaged(Exception):
    """A stored checkpoint is not one that this witness cosigned: it must not go on from it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, content type and body of an answer over HTTP."""

    status: int
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Last:
    """The last checkpoint cosigned of a log, and when, in POSIX seconds; before the first, the empty tree at 0."""

    size: int = 0
    root: bytes = EMPTY_ROOT
    seconds: int = 0


def origin_name(origin: str) -> str:
    """Return what a log is stored and asked for by: the SHA-256 of its origin in lower-case hexadecimal."""
    return sha256(origin.encode()).hexdigest()


class Witness:
    """Cosigns for the logs whose keys it was given; a key's name is its log's origin.

    `now` tells POSIX seconds. A time that a cosignature names never falls, whatever that clock does.
    """

    def __init__(
        self, cosigner: Cosigner, logs: Collection[VerifierKey], store: Store, now: Callable[[], float]
    ) -> None:
        self._cosigner = cosigner
        self._keys = {origin: [key for key in logs if key.name == origin] for origin in {key.name for key in logs}}
        self._names = {origin_name(origin): origin for origin in self._keys}
        self._store = store
        self._now = now
        self._lock = threading.Lock()
        for name in store.names():
            self._last(name)

    @property
    def verifier_key(self) -> VerifierKey:
        """The key that its cosignatures are checked with."""
        return self._cosigner.verifier_key

    def add_checkpoint(self, body: bytes) -> Answer:
        """Return the answer to a request; a cosignature is in it only once its checkpoint is durably stored.

        Raises StateDamaged, and OSError when the checkpoint could not be stored: nothing may be answered then.
        """
        try:
            request = parse(body)
        except Malformed as malformed:
            return Answer(400, _TEXT, f"{malformed.code}\n".encode())
        keys = self._keys.get(request.checkpoint.origin)
        if keys is None:
            return Answer(404, _TEXT, b"ORIGIN_UNKNOWN\n")
        try:
            signatures = tuple(signature for _, signature in known_signatures(request.note, keys))
        except NoteRefused as refused:
            return Answer(403, _TEXT, f"{refused.code}\n".encode())
        with self._lock:
            return self._judged(request, signatures)

    def latest(self, name: str) -> bytes | None:
        """Return the last checkpoint cosigned of the log of this name, with the log's signature and the cosignature."""
        return self._store.read(name) if name in self._names else None

    def _judged(self, request: AddCheckpoint, signatures: tuple[Signature, ...]) -> Answer:
        name = origin_name(request.checkpoint.origin)
        last = self._last(name)
        refused = judge(request, last)
        if refused is not None:
            return refused
        cosignature = self._cosigner.cosign(request.note.text, max(int(self._now()), last.seconds))
        self._store.write(name, SignedNote(request.note.text, (*signatures, cosignature)).format().encode())
        return Answer(200, _TEXT, cosignature.line().encode())

    def _last(self, name: str) -> Last:
        """Return what is stored of a log; raises StateDamaged when it isn't this witness's own, unchanged."""
        stored = self._store.read(name)
        if stored is None:
            return Last()
        try:
            note = SignedNote.parse(stored)
            checkpoint = Checkpoint.parse(note.text)
            ((_, cosignature),) = known_signatures(note, [self.verifier_key])
        except NoteRefused as refused:
            raise StateDamaged(f"the checkpoint stored as {name} is not one of this witness: {refused.code}") from None
        if origin_name(checkpoint.origin) != name:
            raise StateDamaged(f"the checkpoint stored as {name} is of another log")
        return Last(checkpoint.size, checkpoint.root, cosigned_at(cosignature))


def judge(request: AddCheckpoint, last: Last) -> Answer | None:
    """Return why this checkpoint isn't cosigned after that one, or None when it is (C2SP tlog-witness v1.0.0)."""
    new = request.checkpoint
    if request.old > new.size:
        return Answer(400, _TEXT, b"OLD_SIZE_LARGER\n")
    if request.old != last.size:
        return Answer(409, _SIZE, f"{last.size}\n".encode())
    if new.size == last.size and new.root != last.root:
        return Answer(409, _TEXT, b"OTHER_ROOT\n")  # no size: there is none to try again from
    if not consistency_holds(last.size, last.root, new.size, new.root, request.proof):
        return Answer(422, _TEXT, b"PROOF_FAILS\n")
    return None
