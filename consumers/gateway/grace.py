"""Tells whether a gateway may still vouch for its entries while no checkpoint covers them.

A checkpoint is published only with the witnesses' quorum, so the oldest entry of the audit topic that no published
checkpoint covers says for how long nobody outside has seen the log. After a grace nothing may be shown any more. Where
there is no sequencer, nothing is ever covered, and the grace counts from the first entry. Must not know why it is late.

It believes what stands on the topic of checkpoints, which only the sequencer may write; signatures are for those who
can't rely on that.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Self

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from consumers.gateway import audit_metrics as metrics
from consumers.gateway import waiting
from consumers.gateway.vouching import UNAVAILABLE, WITNESSES_LATE
from schemas import codec, records
from schemas.catalogue import AUDIT_TOPIC
from transport import kafka

CHECKPOINTS_TOPIC: Final = "jejak.checkpoints.v1"
GRACE_SECONDS: Final = 900.0
TAIL: Final = 256
KNOWN_SECONDS: Final = 2.0
_TURN_SECONDS: Final = 0.5
_KEPT_ROUNDS: Final = 4_096

_LOG: Final = structlog.get_logger(__name__)


@dataclass(slots=True)
class Coverage:
    """What published checkpoints cover: the end offset by partition, and when the last round was opened.

    The broker's times, in milliseconds; `opened_at` 0 is never.
    """

    cut: dict[int, int] = field(default_factory=dict)
    opened_at: int = 0
    _opened: dict[tuple[str, int], tuple[records.RoundOpened, int]] = field(default_factory=dict)

    def take(self, record: Any, appended_ms: int) -> bool:
        """Take a record of the topic of checkpoints; tell whether more is covered by it."""
        match record:
            case records.RoundOpened():
                self._opened.setdefault((record.origin, record.round), (record, appended_ms))  # the first wins
                while len(self._opened) > _KEPT_ROUNDS:
                    del self._opened[next(iter(self._opened))]
            case records.CheckpointPublished() if (record.origin, record.round) in self._opened:
                opened, at = self._opened[record.origin, record.round]
                return at > self.opened_at and self._covers(opened, at, record.note)
        return False

    def _covers(self, opened: records.RoundOpened, at: int, note: str) -> bool:
        if note.split("\n", 2)[1:2] != [str(opened.tree_size)]:
            return False  # not the checkpoint of that round
        self.cut = {place.partition: place.end_offset for place in opened.cut}
        self.opened_at = at
        return True


class Grace:
    """Follows the topic of checkpoints in the background, from `with` to its end."""

    def __init__(  # noqa: PLR0913  what it reads, and its times
        self,
        bootstrap: str,
        seconds: float = GRACE_SECONDS,
        *,
        known_seconds: float = KNOWN_SECONDS,
        checkpoints: str = CHECKPOINTS_TOPIC,
        audit: str = AUDIT_TOPIC,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`known_seconds` is how long a look waits at most, in all, until it is known what is covered."""
        self._bootstrap = bootstrap
        self._grace_ms = seconds * 1_000
        self._known_seconds = known_seconds
        self._checkpoints = checkpoints
        self._audit = audit
        self._now = now
        self._coverage = Coverage()
        # No uncovered entry is older than this; milliseconds.
        self._since = 0.0
        self._exact = False
        self._known = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="audit-grace", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(KNOWN_SECONDS)

    def wait(self, seconds: float = KNOWN_SECONDS) -> None:
        """Wait until it is known what is covered, or so long: what opens a door has time that no request has."""
        self._known.wait(seconds)

    def forbids(self) -> str:
        """Return WITNESSES_LATE once the grace is over, nothing before; AUDIT_UNAVAILABLE while it can't be known."""
        if not waiting.has_come(self._known, self._known_seconds):
            return UNAVAILABLE
        age = self._age_ms()
        metrics.UNCOVERED_AGE.set(age / 1_000)
        return WITNESSES_LATE if age > self._grace_ms else ""

    def _age_ms(self) -> float:
        return max(self._now() * 1_000 - self._since, 0.0)

    def _follow(self) -> None:
        while not self._over.is_set():
            try:
                with kafka.closing_reader(self._bootstrap, isolation_level="read_uncommitted") as source:
                    self._begin(source)
                    while not self._over.is_set():
                        self._take(source.consume(kafka.AT_ONCE, timeout=_TURN_SECONDS))
                        self._look_closer()
            except (KafkaException, TimeoutError) as fault:  # the broker is away: what is known grows older meanwhile
                _LOG.info("checkpoints_not_read", why=type(fault).__name__)
                self._over.wait(_TURN_SECONDS)

    def _begin(self, source: Any) -> None:
        """Read the end of the topic, from further back until a published checkpoint is in it."""
        end = kafka.end_offsets(self._bootstrap, self._checkpoints, "read_uncommitted", (0,))[0]
        tail, self._coverage = TAIL, Coverage()
        while True:
            start = max(end - tail, 0)
            source.assign([TopicPartition(self._checkpoints, 0, start)])
            self._until(source, end, start)
            if self._coverage.opened_at or not start:
                break
            tail *= 8
        self._exact, self._since = False, float(self._coverage.opened_at)
        self._look_closer()
        self._known.set()

    def _until(self, source: Any, end: int, position: int) -> None:
        while position < end and not self._over.is_set():
            found = source.consume(kafka.AT_ONCE, timeout=_TURN_SECONDS)
            self._take(found)
            position = max([position, *(int(each.offset() or 0) + 1 for each in found if each.error() is None)])

    def _take(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if (error := message.error()) is not None:
                if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  the library's public name
                    raise KafkaException(error)
            elif self._coverage.take(codec.decode(message.value() or b""), message.timestamp()[1]):
                # What a round leaves out was appended after its cut was taken, just before it was opened.
                self._since, self._exact = float(self._coverage.opened_at), False

    def _look_closer(self) -> None:
        """Once the last round is half the grace ago, ask the audit topic itself how old what it leaves out is."""
        if self._exact or self._age_ms() <= self._grace_ms / 2:
            return
        asked_at = self._now() * 1_000
        oldest = self._oldest_uncovered()
        self._exact = oldest is not None
        self._since = asked_at if oldest is None else float(oldest)

    def _oldest_uncovered(self) -> int | None:
        """Return when the oldest uncovered entry was appended, in milliseconds; None if all are covered."""
        ends = kafka.end_offsets(self._bootstrap, self._audit, "read_uncommitted")
        cut = self._coverage.cut
        places = {p: TopicPartition(self._audit, p, cut.get(p, 0)) for p, end in ends.items() if end > cut.get(p, 0)}
        if not places:
            return None
        found: dict[int, int] = {}
        with kafka.closing_reader(self._bootstrap, isolation_level="read_uncommitted") as source:
            source.assign([*places.values()])
            while len(found) < len(places):
                if (message := source.poll(kafka.CALL_SECONDS)) is None:
                    raise TimeoutError("the audit topic is not to be read")
                if message.error() is None:
                    found.setdefault(int(message.partition() or 0), message.timestamp()[1])
        return min(found.values())
