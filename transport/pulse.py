"""Signs of life of a loop over Kafka, and what they say of it: idle, working, waiting, restoring or stuck.

The loop writes them, any thread may read them. Knows offsets, seconds and codes; must not know records, how the signs
are shown, or what is done about them.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

Place = tuple[str, int]  # topic, partition

# Longer than the engine's own patience with a broker: an outage ends by the worker's own fault, not by a probe.
STUCK_AFTER_S: Final = 200.0
# The client tells of a broker that stays away each 30 s.
_WAITS_S: Final = 60.0


class State(StrEnum):
    """What a loop is doing."""

    STARTING = "starting"  # holds no partition yet
    RESTORING = "restoring"
    IDLE = "idle"
    WORKING = "working"
    WAITING = "waiting"  # for a server that is away
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the signs say now. `reason` is a code, empty unless waiting or stuck."""

    state: State
    reason: str = ""

    @property
    def live(self) -> bool:
        """Whether the worker should go on: a restart mends nothing."""
        return self.state is not State.STUCK

    @property
    def ready(self) -> bool:
        """Whether it holds partitions and takes what comes."""
        return self.state in {State.IDLE, State.WORKING}


@dataclass(frozen=True, slots=True)
class Lag:
    """How far behind one partition is: records, and since when (seconds since 1970) whatever is unread was appended."""

    messages: int
    since: float

    def seconds(self, now: float) -> float:
        """Return the age of the oldest unread record at most, 0 when there is none."""
        return max(0.0, now - self.since) if self.messages else 0.0


class Pulse:
    """The signs of life of one loop. One thread writes; the others read what was written last."""

    def __init__(
        self,
        stuck_after_s: float = STUCK_AFTER_S,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._stuck_after_s = stuck_after_s
        self._clock = clock
        self._wall = wall
        self._turned_at = self._settled_at = self._waits_at = clock()
        self._waits_for = ""
        self._holds = False
        self._lags: dict[Place, Lag] = {}
        self._restores: dict[int, tuple[int, int]] = {}
        self._restoring = False
        self._digests: dict[int, tuple[int, bytes]] = {}

    def turned(self) -> None:
        """Note that the loop came round."""
        self._turned_at = self._clock()

    def settled(self) -> None:
        """Note that nothing is left to read or to commit."""
        self._settled_at = self._clock()

    def committed(self) -> None:
        """Note a commit: the servers it needed are there."""
        self._settled_at = self._clock()
        self._waits_for = ""

    def waiting(self, code: str) -> None:
        """Note that the loop goes round, but a server it needs is away; to be noted again while it is."""
        self._waits_for = code
        self._turned_at = self._waits_at = self._clock()

    def read(self, place: Place, next_offset: int, end: int, appended_s: float, *, at_end: bool = False) -> None:
        """Note where a partition is read to and where it ends (below 0: not known); its newest read record's time.

        `at_end` says that the reader was told of the end: what lies beyond belongs to open transactions.
        """
        self._holds = True
        behind = 0 if at_end else max(0, end - next_offset)
        before = self._lags.get(place)
        # Whatever is unread came after the newest that was read, and after the partition was last seen without lag.
        since = max(appended_s, before.since) if behind and before else self._wall()
        self._lags[place] = Lag(behind, since)

    def held(self, places: Iterable[Place]) -> None:
        """Forget the lag of partitions that are not held any more."""
        kept = set(places)
        self._lags = {place: lag for place, lag in self._lags.items() if place in kept}
        self._holds = self._holds or bool(kept)

    def restoring(self, partition: int, offset: int, end: int) -> None:
        """Note how far the restore of a partition is: read to `offset` of `end`."""
        self._restores[partition] = (min(offset, end), end)
        self._restoring = True
        self.turned()

    def restored(self) -> None:
        """Note that no restore is going on."""
        self._restores = {partition: (end, end) for partition, (_, end) in self._restores.items()}
        self._restoring = False
        self.turned()

    def digested(self, partition: int, next_offset: int, digest: bytes) -> None:
        """Note the digest of a partition's state once all changes below `next_offset` were folded."""
        self._digests[partition] = (next_offset, digest)

    def dropped(self, partitions: Iterable[int]) -> None:
        """Forget restores and digests of partitions that are not held any more."""
        gone = set(partitions)
        self._restores = {number: told for number, told in self._restores.items() if number not in gone}
        self._digests = {number: told for number, told in self._digests.items() if number not in gone}

    @property
    def turn_age(self) -> float:
        """Seconds since the loop last came round."""
        return self._clock() - self._turned_at

    @property
    def commit_age(self) -> float:
        """Seconds since the last commit, or since there was last nothing to read or commit."""
        return self._clock() - self._settled_at

    @property
    def lags(self) -> dict[Place, tuple[int, float]]:
        """Records and seconds that each partition is behind."""
        now = self._wall()
        return {place: (lag.messages, lag.seconds(now)) for place, lag in [*self._lags.items()]}

    @property
    def restores(self) -> dict[int, tuple[int, int]]:
        """Offsets read and to be read of each partition restored here."""
        return dict(self._restores)

    @property
    def digests(self) -> dict[int, tuple[int, bytes]]:
        """Of each partition, the last digest of its state and the offset it belongs to."""
        return dict(self._digests)

    def standing(self) -> Standing:
        """Return what the signs say now."""
        if self.turn_age > self._stuck_after_s:
            return Standing(State.STUCK, "LOOP_HANGS")
        if self._restoring:
            return Standing(State.RESTORING)
        since_wait = self._clock() - self._waits_at
        if self._waits_for and since_wait < _WAITS_S:
            return Standing(State.WAITING, self._waits_for)
        # While a server was away, no commit could be made.
        comes_round = self.turn_age < self._stuck_after_s / 2
        if comes_round and min(self.commit_age, since_wait) > self._stuck_after_s:
            return Standing(State.STUCK, "NO_COMMIT")
        if not self._holds:
            return Standing(State.STARTING)
        return Standing(State.WORKING if any(lag.messages for lag in [*self._lags.values()]) else State.IDLE)

    def as_json(self) -> dict[str, Any]:
        """Return everything for people and probes; topics, partitions, numbers, codes and digests only."""
        standing = self.standing()
        lags = self.lags
        return {
            "state": standing.state,
            "reason": standing.reason,
            "live": standing.live,
            "ready": standing.ready,
            "turn_age_seconds": round(self.turn_age, 3),
            "commit_age_seconds": round(self.commit_age, 3),
            "lag_messages": sum(messages for messages, _ in lags.values()),
            "lag_seconds": round(max((seconds for _, seconds in lags.values()), default=0.0), 3),
            "restore": {str(number): {"read": read, "end": end} for number, (read, end) in self.restores.items()},
            "digests": {
                str(number): {"next_offset": offset, "digest": digest.hex()}
                for number, (offset, digest) in sorted(self.digests.items())
            },
        }
