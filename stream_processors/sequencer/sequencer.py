"""The active sequencer: listens to what won, opens rounds, and has their checkpoints published.

A round is opened, appended and read back; the first record of its number wins, whoever appended it. One that lost is
forgotten and the winner's is built, so two sequencers at once make one log. Must not know Kafka's clients or HTTP.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from schemas.note import Signer
from schemas.records import CheckpointPublished, PartitionCut, RoundOpened
from stream_processors.audit.rounds import Round, RoundRefused, Winners
from stream_processors.sequencer.building import Building, Proposal, Source, Won
from stream_processors.sequencer.checkpoints import Record
from stream_processors.sequencer.contract import SequencerFault, SequencerSettings, Witnesses
from stream_processors.sequencer.directory import FIRST_ROUND, Directory, Head, Position
from stream_processors.sequencer.metrics import ROUNDS
from stream_processors.sequencer.publishing import Publishing
from transport.metrics import BATCH_SECONDS

_MOST_UNBUILT: Final = 1_024
_TURN_S: Final = 0.1
_LOG: Final = structlog.get_logger(__name__)


class Rounds(Protocol):
    """The topic of rounds and checkpoints, while the lock is held."""

    @property
    def next_offset(self) -> int:
        """The offset after the last record that was read."""

    def read(self, seconds: float) -> list[tuple[int, Record]]:
        """Return what lies ready, waiting so long for the first, each record with its offset."""

    def end(self) -> int:
        """Return the offset after the last record of the topic now."""

    def append(self, record: Record) -> int:
        """Return the record's offset once every replica has it."""


class Leaves(Source, Protocol):
    """The entries of the audit topic that no round has taken yet, counted."""

    @property
    def count(self) -> int:
        """Entries that are kept."""


@dataclass(frozen=True, slots=True)
class Topics:
    """The two topics: rounds and checkpoints, and the audit topic with its number of partitions."""

    rounds: Rounds
    leaves: Leaves
    partitions: int


@dataclass(frozen=True, slots=True)
class Seals:
    """Who signs a checkpoint: the log itself, named for its origin, and the witnesses."""

    signer: Signer
    witnesses: Witnesses


class Sequencer:
    """One sequencer's work from the moment that it holds the lock."""

    def __init__(
        self,
        settings: SequencerSettings,
        topics: Topics,
        directory: Directory,
        seals: Seals,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._head = Head(settings.origin, topics.partitions)
        self._directory = directory
        self._rounds = topics.rounds
        self._leaves = topics.leaves
        self._building = Building(directory, topics.leaves, topics.partitions, settings.patience_s, clock)
        self._publishing = Publishing(seals.signer, seals.witnesses, directory, topics.rounds)
        self._clock = clock
        self._position: Position | None = None
        self._unbuilt: list[Won] = []
        self._winners = Winners(settings.origin)
        self._newest_note = ""
        self._due = self._idle_due = 0.0

    @property
    def owes(self) -> bool:
        """Whether an entry was read, or a round won, that no published checkpoint covers."""
        return bool(self._leaves.count) or self._publishing.lacks(self._building.last)

    def begin(self) -> int:
        """Hold the directory, alone, and go on from it; return the offset from which rounds are to be read."""
        self._directory.take_over()
        self._directory.claim(self._head)
        self._position = position = self._directory.position(self._head.partitions)
        self._unbuilt, self._newest_note = [], ""
        self._winners = Winners(self._settings.origin, None if position is None else position.round)
        self._building.resume(position)
        self._publishing.take_over()
        self._due = self._idle_due = self._clock()
        _LOG.info("sequencer_begins", round=0 if position is None else position.round.number)
        return 0 if position is None else position.offset

    def catch_up(self, tell: Callable[[int, int], None] = lambda _read, _end: None) -> None:
        """Build every round that won before now, and have the newest published checkpoint served.

        `tell` hears now and then how far the topic of rounds is built, and its end.
        """
        end = self._rounds.end()
        while self._rounds.next_offset < end:
            self._listen(_TURN_S)
            if len(self._unbuilt) >= _MOST_UNBUILT:
                self._follow()
            tell(self._rounds.next_offset, end)
        self._follow()
        if self._newest_note and self._building.last is not None:
            self._publishing.restore(self._newest_note, self._building.last.size)

    def turn(self) -> bool | None:
        """Come round once, in a tenth of a second unless a round is due; tell whether a checkpoint was published.

        None: there was none to publish.
        """
        self._listen(0)
        self._follow()
        now = self._clock()
        wait = min(_TURN_S, max(0.0, self._due - now))
        with BATCH_SECONDS.labels("read").time():
            self._leaves.take(wait)
        if self._leaves.count < self._settings.most_in_a_round and self._clock() < self._due:
            return None
        return self._round()

    def _round(self) -> bool | None:
        started = self._clock()
        idle = started >= self._idle_due
        if self._leaves.count or idle:
            self._open()
            self._idle_due = started + self._settings.idle_round_s
        self._due = started + self._settings.round_s
        last = self._building.last
        if last is None or not self._publishing.lacks(last):
            return None
        return self._publishing.publish(last, self._building.read_tile)

    def _open(self) -> None:
        """Open a round and have whichever won built."""
        proposal = self._building.propose()
        with BATCH_SECONDS.labels("open").time():
            offset = self._rounds.append(_record(self._settings.origin, proposal.round))
            self._read_back(offset)
        self._decide(proposal, offset)

    def _read_back(self, offset: int) -> None:
        deadline = self._clock() + self._settings.patience_s
        while self._rounds.next_offset <= offset:
            self._listen(_TURN_S)
            if self._clock() > deadline:
                raise SequencerFault("NOT_READ_BACK", f"offset {offset} of the rounds did not come back")

    def _decide(self, proposal: Proposal, offset: int) -> None:
        if self._unbuilt and self._unbuilt[0].offset == offset:
            self._building.won(proposal, offset)
            del self._unbuilt[0]
            ROUNDS.labels("won").inc()
        else:
            _LOG.warning("round_lost", round=proposal.round.number)
            self._building.lost(proposal)
            ROUNDS.labels("lost").inc()
        self._follow()

    def _follow(self) -> None:
        if self._unbuilt:
            self._building.follow(self._unbuilt)
            ROUNDS.labels("followed").inc(len(self._unbuilt))
            self._unbuilt = []

    def _listen(self, seconds: float) -> None:
        for offset, record in self._rounds.read(seconds):
            match record:
                case RoundOpened():
                    self._hear(offset, record)
                case CheckpointPublished() if record.origin == self._settings.origin:
                    self._newest_note = record.note
                case CheckpointPublished():
                    pass  # of another log, whose epoch is over

    def _hear(self, offset: int, record: RoundOpened) -> None:
        try:
            self._require_continuity(offset, record)
            won = self._winners.offer(record)
        except RoundRefused as refused:
            raise SequencerFault(f"ROUND_{refused.code}", f"round {refused.number} can't follow the last") from refused
        if won is not None:
            self._unbuilt.append(Won(won, offset))

    def _require_continuity(self, offset: int, record: RoundOpened) -> None:
        """Stop where the topic is not the one that the directory was built from, or lacks its beginning."""
        stand = self._position
        if stand is not None and offset == stand.offset and Round.of(record) != stand.round:
            raise SequencerFault(
                "TOPIC_DIFFERS", f"the topic of rounds has not round {stand.round.number} at its place"
            )
        if self._winners.last is None and record.origin == self._settings.origin and record.round != FIRST_ROUND:
            raise SequencerFault("TOPIC_DIFFERS", f"the first round of this log is number {record.round}")


def _record(origin: str, opened: Round) -> RoundOpened:
    cut = tuple(PartitionCut(partition=place, end_offset=end) for place, end in enumerate(opened.cut))
    return RoundOpened(origin=origin, round=opened.number, cut=cut, tree_size=opened.size, root=opened.root)
