"""The log of one sequencer from its start: what is placed on disk, held against the topics, and grown by rounds.

Only rounds that won are placed, so the directory follows from the two topics alone. Must not know Kafka's clients, who
opens rounds, or who signs.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from stream_processors.audit.entry import EntryRefused, parse_entry
from stream_processors.audit.rounds import Round
from stream_processors.audit.tree import TileUnusable
from stream_processors.sequencer.contract import SequencerFault
from stream_processors.sequencer.directory import FIRST_ROUND, Directory, Position, Staged
from stream_processors.sequencer.growth import Growth, tile_reader
from stream_processors.sequencer.metrics import TREE_SIZE
from transport.metrics import BATCH_SECONDS

_CHUNK_LEAVES: Final = 65_536
_CHUNK_ROUNDS: Final = 1_024
_TURN_S: Final = 0.1


class Source(Protocol):
    """The entries of the audit topic that no round has taken yet."""

    def start(self, offsets: Sequence[int]) -> None:
        """Forget everything and read each partition from this offset on."""

    def take(self, seconds: float, wanted: Sequence[int] | None = None) -> None:
        """Read what comes within these seconds, ahead of `wanted` only as far as memory allows."""

    def has(self, cut: Sequence[int]) -> bool:
        """Tell whether everything below the cut was read."""

    def below(self, cut: Sequence[int]) -> list[bytes]:
        """Return the kept entries below the cut, by partition, then offset."""

    def release(self, cut: Sequence[int]) -> None:
        """Keep nothing below the cut any more."""

    def ends(self) -> tuple[int, ...]:
        """Return, by partition, the offset after the last entry that was read."""


@dataclass(frozen=True, slots=True)
class Won:
    """A round that won, and the offset of its record."""

    round: Round
    offset: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """A round that is to be opened: its files are flushed and none is placed."""

    round: Round
    growth: Growth
    staged: Staged


class Building:
    """The log as far as rounds have won, with its open right edge in memory."""

    def __init__(
        self,
        directory: Directory,
        source: Source,
        partitions: int,
        patience_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._source = source
        self._partitions = partitions
        self._patience_s = patience_s
        self._clock = clock
        self._growth = Growth()
        self.last: Round | None = None
        self.read_tile = tile_reader(directory.read)

    @property
    def cut(self) -> tuple[int, ...]:
        """The end offset of each partition after the last round."""
        return self.last.cut if self.last is not None else (0,) * self._partitions

    def resume(self, position: Position | None) -> None:
        """Go on from what is placed; raises SequencerFault unless disk, index and topic agree on the right edge."""
        self.last = None if position is None else position.round
        self._growth = Growth() if position is None else self._edge(position.round)
        self._source.start(_starts(self.cut, self._growth.open_bundle))
        self._read_to(self.cut)
        # In a round, leaves stand by partition; over several, not: so they are compared as the topic orders them.
        if self._source.below(self.cut) != sorted(self._growth.open_bundle, key=_place):
            raise SequencerFault("TOPIC_DIFFERS", "the open bundle on disk is not what the audit topic holds")
        self._source.release(self.cut)

    def propose(self) -> Proposal:
        """Return the round of everything that was read."""
        cut = self._source.ends()
        with BATCH_SECONDS.labels("hash").time():
            growth = self._growth.grow(self._source.below(cut))
        number = FIRST_ROUND if self.last is None else self.last.number + 1
        opened = Round(number, cut, growth.tree.size, growth.tree.root())
        with BATCH_SECONDS.labels("stage").time():
            return Proposal(opened, growth, self._directory.stage(growth.files))

    def won(self, proposal: Proposal, offset: int) -> None:
        """Place the files of a proposal that won with its record at this offset."""
        with BATCH_SECONDS.labels("place").time():
            self._directory.place(proposal.staged)
            self._directory.note_rounds([proposal.round], offset)
        self._stand(proposal.round, proposal.growth)

    def lost(self, proposal: Proposal) -> None:
        """Forget a proposal; its entries are taken by a later round."""
        self._directory.drop(proposal.staged)

    def follow(self, winners: Iterable[Won]) -> None:
        """Build rounds that others opened, or this sequencer before it ended; raises SequencerFault on a difference."""
        built: list[Won] = []
        files: dict[str, bytes] = {}
        growth, before = self._growth, self._growth.tree.size
        for won in winners:
            self._read_to(won.round.cut)
            growth = growth.grow(self._source.below(won.round.cut))
            self._source.release(won.round.cut)
            if (growth.tree.size, growth.tree.root()) != (won.round.size, won.round.root):
                raise SequencerFault("ROUND_DIFFERS", f"round {won.round.number} is not what the audit topic holds")
            files |= growth.files
            built.append(won)
            if growth.tree.size - before >= _CHUNK_LEAVES or len(built) >= _CHUNK_ROUNDS:
                self._placed(built, files, growth)
                built, files, before = [], {}, growth.tree.size
        if built:
            self._placed(built, files, growth)

    def _placed(self, built: list[Won], files: dict[str, bytes], growth: Growth) -> None:
        self._directory.place(self._directory.stage(files))
        self._directory.note_rounds([won.round for won in built], built[-1].offset)
        self._stand(built[-1].round, growth)

    def _stand(self, last: Round, growth: Growth) -> None:
        self.last, self._growth = last, growth
        self._source.release(last.cut)
        TREE_SIZE.set(last.size)

    def _edge(self, last: Round) -> Growth:
        try:
            found = Growth.from_files(last.size, self._directory.read)
        except (TileUnusable, EntryRefused) as fault:
            raise SequencerFault("DISK_DIFFERS", str(fault)) from fault
        if found.tree.root() != last.root or not found.open_bundle_is_sound():
            raise SequencerFault("DISK_DIFFERS", f"the right edge on disk is not that of round {last.number}")
        return found

    def _read_to(self, cut: Sequence[int]) -> None:
        deadline = self._clock() + self._patience_s
        while not self._source.has(cut):
            before = self._source.ends()
            self._source.take(_TURN_S, cut)
            if self._source.ends() != before:
                deadline = self._clock() + self._patience_s
            elif self._clock() >= deadline:
                raise SequencerFault("AUDIT_ENDS_EARLY", f"the audit topic has not what {sum(cut)} leaves are made of")


def _place(entry: bytes) -> tuple[int, int]:
    parsed = parse_entry(entry)
    return parsed.partition, parsed.offset


def _starts(cut: Sequence[int], open_bundle: Iterable[bytes]) -> list[int]:
    """Return the offset of each partition's first entry in the open bundle, or the cut where it has none."""
    starts = [*cut]
    for entry in open_bundle:
        partition, offset = _place(entry)
        if partition >= len(starts):
            raise SequencerFault("DISK_DIFFERS", "the open bundle names a partition that there is not")
        starts[partition] = min(starts[partition], offset)
    return starts
