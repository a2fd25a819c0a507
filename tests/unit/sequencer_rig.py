"""An audit topic and a topic of rounds in memory, sequencers on one folder over them, and a tree computed naively."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME

from schemas.note import Checkpoint, SignedNote, Signer, open_checkpoint
from schemas.records import CheckpointPublished, RoundOpened
from stream_processors.sequencer.contract import Cosigned, SequencerSettings
from stream_processors.sequencer.directory import Directory
from stream_processors.sequencer.leaves import Leaves
from stream_processors.sequencer.sequencer import Seals, Sequencer, Topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

ORIGIN = "log.test/audit/2026"
SIGNER = Signer(bytes(range(32)), ORIGIN)


# --- the oracle: nothing of the product ---


def naive_root(hashes: Sequence[bytes]) -> bytes:
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + naive_root(hashes[:split]) + naive_root(hashes[split:])).digest()


def prefix_roots(leaves: Sequence[bytes], sizes: set[int]) -> dict[int, bytes]:
    """Return the root of each of these prefixes, by adding one leaf after the other as to a binary counter."""
    found = {0: hashlib.sha256(b"").digest()}
    peaks: list[tuple[int, bytes]] = []
    for size, leaf in enumerate(leaves, 1):
        peaks.append((0, leaf))
        while len(peaks) > 1 and peaks[-1][0] == peaks[-2][0]:
            (height, left), (_, right) = peaks[-2:]
            peaks[-2:] = [(height + 1, hashlib.sha256(b"\x01" + left + right).digest())]
        if size in sizes:
            root = peaks[-1][1]
            for _, left in reversed(peaks[:-1]):
                root = hashlib.sha256(b"\x01" + left + root).digest()
            found[size] = root
    return found


def naive_leaf(partition: int, offset: int, milliseconds: int, salt: bytes, value: bytes) -> bytes:
    entry = b"\x01" + struct.pack(">IQQ", partition, offset, milliseconds) + salt + value
    return hashlib.sha256(b"\x00" + entry).digest()


def naive_winners(records: Iterable[Any]) -> list[RoundOpened]:
    first: dict[int, RoundOpened] = {}
    for record in records:
        if isinstance(record, RoundOpened):
            first.setdefault(record.round, record)
    return [first[number] for number in sorted(first)]


def naive_leaves(rounds: Sequence[RoundOpened], leaf: Callable[[int, int], bytes]) -> list[bytes]:
    """Return the leaf hashes in the published order: by round, then partition, then offset."""
    at = {cut.partition: 0 for cut in rounds[0].cut} if rounds else {}
    found = []
    for opened in rounds:
        for cut in opened.cut:
            found += [leaf(cut.partition, offset) for offset in range(at[cut.partition], cut.end_offset)]
            at[cut.partition] = cut.end_offset
    return found


# --- the topics ---


@dataclass(frozen=True)
class Entry:
    partition_: int
    offset_: int
    value_: bytes
    headers_: Any
    time: int = 1_750_000_000_000

    def partition(self) -> int:
        return self.partition_

    def offset(self) -> int:
        return self.offset_

    def value(self) -> bytes:
        return self.value_

    def headers(self) -> Any:
        return self.headers_

    def timestamp(self) -> tuple[int, int]:
        return TIMESTAMP_LOG_APPEND_TIME, self.time

    def error(self) -> None:
        return None


@dataclass
class Log:
    """Both topics; what is in them stays."""

    partitions: int = 3
    audit: list[list[Entry]] = field(default_factory=list)
    rounds: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.audit = [[] for _ in range(self.partitions)]

    def write(self, partition: int, value: bytes, headers: Any = None) -> None:
        held = self.audit[partition]
        salt = hashlib.sha256(b"%d/%d" % (partition, len(held))).digest()[:16]
        held.append(Entry(partition, len(held), value, [("salt", salt)] if headers is None else headers))

    def write_many(self, count: int, size: int = 40) -> None:
        for number in range(count):
            self.write(number % self.partitions, (b"%d." % number).ljust(size, b"v"))

    def leaf(self, partition: int, offset: int) -> bytes:
        entry = self.audit[partition][offset]
        salts = [value for name, value in entry.headers() if name == "salt"]
        salt = salts[0] if len(salts) == 1 and len(salts[0]) == 16 else bytes(16)
        return naive_leaf(partition, offset, entry.time, salt, entry.value())

    def leaves(self) -> list[bytes]:
        return naive_leaves(naive_winners(self.rounds), self.leaf)

    def published(self) -> list[SignedNote]:
        return [SignedNote.parse(record.note) for record in self.rounds if isinstance(record, CheckpointPublished)]


class Reader:
    """Reads the audit topic as the client does."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._at: list[int] = []
        self._paused: set[int] = set()

    def assign(self, places: Sequence[Any]) -> None:
        self._at = [place.offset for place in places]
        self._paused = set()

    def consume(self, most: int, _: float) -> list[Entry]:
        found: list[Entry] = []
        for partition, held in enumerate(self._log.audit):
            if partition not in self._paused:
                read = held[self._at[partition] : self._at[partition] + most - len(found)]
                self._at[partition] += len(read)
                found += read
        return found

    def pause(self, places: Sequence[Any]) -> None:
        self._paused |= {place.partition for place in places}

    def resume(self, places: Sequence[Any]) -> None:
        self._paused -= {place.partition for place in places}


class Rounds:
    """The topic of rounds as one sequencer has it; `before_append` lets another be first."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.next_offset = 0
        self.before_append: list[Callable[[Any], object]] = []

    def begin_at(self, offset: int) -> None:
        self.next_offset = offset

    def read(self, _: float) -> list[tuple[int, Any]]:
        found = [*enumerate(self._log.rounds)][self.next_offset :]
        self.next_offset = len(self._log.rounds)
        return found

    def end(self) -> int:
        return len(self._log.rounds)

    def append(self, record: Any) -> int:
        while self.before_append:
            self.before_append.pop()(record)
        self._log.rounds.append(record)
        return len(self._log.rounds) - 1


class AllCosign:
    def __init__(self) -> None:
        self.away = False
        self.asked: list[SignedNote] = []

    def cosign(self, note: SignedNote, proof_from: Any) -> Cosigned:
        self.asked.append(note)
        return Cosigned((), quorum=not self.away)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Rig:
    """One sequencer over the topics and a folder, with a clock that is turned by hand."""

    def __init__(self, log: Log, folder: Path, **settings: Any) -> None:
        self.log = log
        self.clock = Clock()
        self.witnesses = AllCosign()
        self.rounds = Rounds(log)
        self.directory = Directory(folder, "test")
        kept = {"most_in_a_round": 10_000, "patience_s": 0.0, **settings}
        self.settings = SequencerSettings("", folder, ORIGIN, **kept)
        leaves = Leaves("audit", log.partitions, Reader(log), self.settings.most_in_a_round)
        topics = Topics(self.rounds, leaves, log.partitions)
        self.sequencer = Sequencer(self.settings, topics, self.directory, Seals(SIGNER, self.witnesses), self.clock)

    def take_over(self) -> Rig:
        self.rounds.begin_at(self.sequencer.begin())
        self.sequencer.catch_up()
        return self

    def round(self) -> bool | None:
        """Come round until the next round is over."""
        self.clock.now += self.settings.round_s
        return self.sequencer.turn()


def require_sound(log: Log, folder: Path) -> None:
    """Hold what is on disk and what was published against the naive computation over the topics."""
    leaves = log.leaves()
    require_tiles(folder, leaves)
    published = [open_checkpoint(note.format(), SIGNER.verifier_key).checkpoint for note in log.published()]
    roots = prefix_roots(leaves, {checkpoint.size for checkpoint in published})
    assert [checkpoint.root for checkpoint in published] == [roots[checkpoint.size] for checkpoint in published]
    served = (folder / "checkpoint").read_text()
    assert served == log.published()[-1].format()
    winners = naive_winners(log.rounds)
    assert (folder / "rounds").read_bytes() == b"".join(
        struct.pack(f">{1 + len(each.cut)}Q", each.tree_size, *[cut.end_offset for cut in each.cut]) + each.root
        for each in winners
    )
    assert Checkpoint.parse(SignedNote.parse(served).text).size <= len(leaves)


def require_tiles(folder: Path, leaves: Sequence[bytes]) -> None:
    row, level = list(leaves), 0
    while row:
        for index in range(0, len(row), 256):
            held = (folder / f"tile/{level}/{index // 256:03}").read_bytes()
            assert held == b"".join(row[index : index + 256]), (level, index // 256)
        whole = len(row) // 256 * 256
        row, level = [naive_root(row[at : at + 256]) for at in range(0, whole, 256)], level + 1
    for index in range(0, len(leaves), 256):
        assert bundle_leaves((folder / f"tile/entries/{index // 256:03}").read_bytes()) == leaves[index : index + 256]


def bundle_leaves(bundle: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(bundle):
        length = int.from_bytes(bundle[at : at + 2], "big")
        found.append(hashlib.sha256(b"\x00" + bundle[at + 2 : at + 2 + length]).digest())
        at += 2 + length
    return found
