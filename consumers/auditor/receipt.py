"""A citizen's receipt: one entry, its path to a checkpoint, and who vouches for that (C2SP tlog-proof v1).

Made from the log alone, and checked by what the contract says; must not know whose entry it is. It shares no code with
`verify_receipt.py`, which must come to the same verdict on every receipt.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from consumers.auditor import checkpoints, hashing
from consumers.auditor.rounds import Index, leaf_of
from consumers.auditor.source import HASH, TILE, LogReader, entries
from schemas.framing import FRAME_LENGTH
from schemas.merkle import inclusion_holds, leaf_hash
from schemas.note import Checkpoint, NoteRefused, SignedNote, VerifierKey
from schemas.quorum import Policy

FORM: Final = "c2sp.org/tlog-proof@v1"
SHORTEST_ENTRY: Final = 37
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_FEWEST_LINES: Final = 3
# After the entry's head and salt and the value's frame: the field that every record of the audit topic begins with.
_EVENT_ID: Final = slice(37 + FRAME_LENGTH, 37 + FRAME_LENGTH + 16)


@dataclass(frozen=True, slots=True)
class NotYet:
    """The entry is in no published checkpoint so far: `size` leaves are, try again after the next one."""

    size: int


class LogDamaged(Exception):
    """What the log serves makes no receipt that holds: it needs an audit, not another attempt."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a receipt holds; if not, why: a code and a text."""

    holds: bool
    code: str = ""
    text: str = ""
    witnesses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """An entry, its leaf index, the path to the root, and the signed checkpoint."""

    entry: bytes
    index: int
    path: tuple[bytes, ...]
    checkpoint: str

    def format(self) -> str:
        """Return the receipt as text."""
        path = "".join(f"{_base64(step)}\n" for step in self.path)
        return f"{FORM}\nextra {_base64(self.entry)}\nindex {self.index}\n{path}\n{self.checkpoint}"

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Return the receipt of its text; raises ValueError for any other text than `format` gives."""
        head, _, note = text.decode().partition("\n\n")
        lines = head.split("\n")
        if len(lines) < _FEWEST_LINES or not _DECIMAL.fullmatch(lines[2].removeprefix("index ")):
            raise ValueError("no receipt")
        entry = base64.b64decode(lines[1].removeprefix("extra "), validate=True)
        path = tuple(base64.b64decode(line, validate=True) for line in lines[3:])
        found = cls(entry, int(lines[2].removeprefix("index ")), path, note)
        if found.format().encode() != text:
            raise ValueError("another form of a receipt")
        return found


def make(log: LogReader, partition: int, offset: int, policy: Policy | None = None) -> Receipt | NotYet:
    """Return the receipt of the entry at an offset of the audit topic, or that no checkpoint holds it yet.

    It is checked before it is handed out, but for signatures. With a policy, signature lines of other keys are left
    out, since a receipt names none that its reader can't check. Raises LogDamaged, Malformed or Unreadable.
    """
    served = _served(log)
    if served is None:
        return NotYet(0)
    signed, checkpoint = served
    index = Index.of(log)
    took = index.taking(partition, offset) if 0 <= partition < index.partitions and offset >= 0 else None
    leaf = leaf_of(*took, partition, offset) if took else checkpoint.size
    if leaf >= checkpoint.size:
        return NotYet(checkpoint.size)
    return _made(log, leaf, (partition, offset), checkpoint, _kept(signed, policy).format())


def find(log: LogReader, event_id: bytes, before: int | None = None) -> tuple[int, int] | None:
    """Return partition and offset of the newest entry of an event, looked for from the end of the published log.

    With `before`, from this leaf backwards, the leaf itself not included.
    """
    size = _published(log)
    end = size if before is None else min(before, size)
    for number in range(-(-end // TILE) - 1, -1, -1):
        first = number * TILE
        for entry in reversed(list(entries(log, first, min(end, first + TILE), size))):
            if entry[_EVENT_ID] == event_id:
                return int.from_bytes(entry[1:5], "big"), int.from_bytes(entry[5:13], "big")
    return None


def check(text: bytes, policy: Policy) -> Verdict:
    """Return whether a receipt holds under a policy."""
    try:
        receipt = Receipt.parse(text)
    except ValueError as fault:  # UnicodeDecodeError and binascii's are ones
        return Verdict(holds=False, code="MALFORMED", text=str(fault))
    if len(receipt.entry) < SHORTEST_ENTRY or receipt.entry[0] != 1:
        return Verdict(holds=False, code="MALFORMED", text="what it is about is no entry")
    try:
        found = checkpoints.opened(receipt.checkpoint, policy)
    except checkpoints.Refused as refused:
        return Verdict(holds=False, code=refused.code, text=str(refused))
    if not found.met:
        return Verdict(holds=False, code="NO_QUORUM", text="too few of the policy's witnesses cosigned")
    leaf = leaf_hash(receipt.entry)
    if not inclusion_holds(leaf, receipt.index, found.size, receipt.path, found.root):
        return Verdict(holds=False, code="NOT_INCLUDED", text="the path does not lead from the entry to the root")
    return Verdict(holds=True, witnesses=checkpoints.names(found.witnesses))


def _served(log: LogReader) -> tuple[SignedNote, Checkpoint] | None:
    note = log.checkpoint()
    if not note:
        return None
    try:
        signed = SignedNote.parse(note)
        return signed, Checkpoint.parse(signed.text)
    except NoteRefused as refused:
        raise LogDamaged(f"its checkpoint is refused: {refused.code}") from refused


def _published(log: LogReader) -> int:
    served = _served(log)
    return served[1].size if served else 0


def _made(log: LogReader, leaf: int, place: tuple[int, int], checkpoint: Checkpoint, note: str) -> Receipt:
    entry = next(entries(log, leaf, leaf + 1, checkpoint.size), b"")
    path = tuple(_path(log, leaf, checkpoint.size))
    if (int.from_bytes(entry[1:5], "big"), int.from_bytes(entry[5:13], "big")) != place:
        raise LogDamaged(f"leaf {leaf} holds another entry than the rounds say")
    if not inclusion_holds(leaf_hash(entry), leaf, checkpoint.size, path, checkpoint.root):
        raise LogDamaged(f"leaf {leaf} has no path to the checkpoint of {checkpoint.size}")
    return Receipt(entry, leaf, path, note)


def _kept(note: SignedNote, policy: Policy | None) -> SignedNote:
    """Return the note with the signatures of known keys alone."""
    if policy is None:
        return note
    known = {(key.name, key.key_id) for key in (*(one.key for one in policy.logs), *_witnesses(policy))}
    return SignedNote(note.text, tuple(one for one in note.signatures if (one.name, one.key_id) in known))


def _witnesses(policy: Policy) -> Iterator[VerifierKey]:
    return (one.key for one in policy.witnesses)


def _path(log: LogReader, leaf: int, size: int) -> Iterator[bytes]:
    """Yield the hashes beside the way from a leaf up to the root of a tree of this size, the lowest first.

    At each height the way is in one node; beside it lies a node that is complete, or the ragged end of the tree.
    """
    tiles = _Tiles(log, size)
    for height in range((size - 1).bit_length()):
        beside = (leaf >> height) ^ 1
        if (beside + 1) << height <= size:
            yield tiles.node(height, beside)
        elif beside << height < size:
            yield tiles.ragged(height, beside)


class _Tiles:
    """Nodes of the tree, from tiles that are read once."""

    def __init__(self, log: LogReader, size: int) -> None:
        self._log = log
        self._size = size
        self._read: dict[tuple[int, int], bytes] = {}

    def node(self, height: int, number: int) -> bytes:
        """Return the root of a complete subtree of 2^height leaves."""
        level, above = divmod(height, 8)
        first = number << above
        tile = self._tile(level, first // TILE)
        some = [self._hash(tile, at) for at in range(first % TILE, first % TILE + (1 << above))]
        return hashing.rows(some)[-1][0]

    def ragged(self, height: int, number: int) -> bytes:
        """Return the root of the end of the tree that begins with this node and fills it only in part."""
        found, rest, start = b"", self._size - (number << height), number << height
        for lower in range(height):
            if rest >> lower & 1:
                peak = self.node(lower, (start + rest >> lower) - 1)
                found = hashing.node_hash(peak, found) if found else peak
        return found

    def _tile(self, level: int, number: int) -> bytes:
        if (level, number) not in self._read:
            width = min(TILE, (self._size >> 8 * level) - number * TILE)
            self._read[level, number] = self._log.tile(level, number, width)
        return self._read[level, number]

    @staticmethod
    def _hash(tile: bytes, at: int) -> bytes:
        found = tile[HASH * at : HASH * at + HASH]
        if len(found) != HASH:
            raise LogDamaged("a tile is shorter than published")
        return found


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
