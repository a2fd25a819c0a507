"""Which checkpoints count: signed by the log, cosigned by enough witnesses, and of the tree that the rounds name.

Knows signed notes, the quorum file and rounds; must not know how leaves are hashed.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from schemas.note import Checkpoint, NoteRefused, SignedNote, known_signatures
from schemas.quorum import Policy


@dataclass(frozen=True, slots=True)
class Opened:
    """A checkpoint whose signatures hold, and the policy's names of the witnesses under it."""

    origin: str
    size: int
    root: bytes
    witnesses: frozenset[str]
    met: bool


class Refused(Exception):
    """The checkpoint does not count; `code` is of the note's closed list, or UNKNOWN_KEY."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def opened(note: bytes | str, policy: Policy) -> Opened:
    """Return the checkpoint; raises Refused.

    A line of a key that the policy doesn't name is refused too: it says nothing, and with it no byte of a checkpoint
    can be changed unseen. `met` tells whether the witnesses are enough; whether they must be is the caller's.
    """
    try:
        signed = SignedNote.parse(note)
        checkpoint = Checkpoint.parse(signed.text)
        logs = [log.key for log in policy.logs]
        held = {key for key, _ in known_signatures(signed, [*logs, *(one.key for one in policy.witnesses)])}
    except NoteRefused as refused:
        raise Refused(refused.code, str(refused)) from refused
    if not any(key in held and key.name == checkpoint.origin for key in logs):
        raise Refused("NO_LOG_SIGNATURE", "no log of the policy signed under its origin")
    if len(held) != len(signed.signatures):
        raise Refused("UNKNOWN_KEY", "a line is of a key that the policy does not name")
    witnesses = frozenset(one.name for one in policy.witnesses if one.key in held)
    return Opened(checkpoint.origin, checkpoint.size, checkpoint.root, witnesses, policy.met(witnesses))


def kept_elsewhere(notes: Iterable[bytes], policy: Policy, served: Opened) -> dict[int, bytes]:
    """Return size and root of checkpoints that others kept: each must be a tree that the log has been through.

    Raises Refused for one that doesn't count, is of another origin, or is larger than what the log serves.
    """
    found: dict[int, bytes] = {}
    for note in notes:
        one = opened(note, policy)
        if one.origin != served.origin:
            raise Refused("OTHER_ORIGIN", "a checkpoint kept elsewhere is of another log")
        if one.size > served.size:
            raise Refused("BEHIND", f"the log serves {served.size} leaves where a kept checkpoint has {one.size}")
        if found.setdefault(one.size, one.root) != one.root:
            raise Refused("FORK", f"two kept checkpoints of {one.size} leaves have different roots")
    return found


def names(witnesses: Collection[str]) -> tuple[str, ...]:
    """Return names of witnesses in one order."""
    return tuple(sorted(witnesses))
