"""Records that no fold can take: kept as received, with where they came from; too many of them stop the worker.

Knows no record and no broker. A code is all that is said about the content: no exception text, no personal data.
"""

from collections import deque
from typing import cast

from schemas.dead_letters import NO_VALUE, Origin, headers
from stream_processors.engine.contract import Output
from stream_processors.engine.faults import TooManyDeadLetters
from stream_processors.engine.settings import DeadLetterLimits

__all__ = ["NO_VALUE", "DeadLetterWatch", "dead_letter"]


def dead_letter(  # noqa: PLR0913  the origin is exactly these
    *, topic: str, consumer: str, code: str, origin: tuple[str, int, int], key: bytes | None, value: bytes | None
) -> Output:
    """Return the dead letter of a record: its key and bytes as received, its origin and the code in headers."""
    # A record without key or value stays without: Kafka's null is what librdkafka makes of None.
    return Output(topic, cast("bytes", key), cast("bytes", value), headers(Origin(*origin, code, consumer)))


class DeadLetterWatch:
    """Counts good and dead records of one worker; raises TooManyDeadLetters when a limit is crossed."""

    def __init__(self, limits: DeadLetterLimits) -> None:
        self._limits = limits
        self._seen = 0
        self._dead: deque[int] = deque()
        self._run = 0

    def passed(self, records: int) -> None:
        """Count records that were taken."""
        if records:
            self._seen += records
            self._run = 0

    def died(self) -> None:
        """Count one dead letter; raises TooManyDeadLetters."""
        self._seen += 1
        self._run += 1
        self._dead.append(self._seen)
        while self._dead[0] <= self._seen - self._limits.window:
            self._dead.popleft()
        self._judge()

    def _judge(self) -> None:
        if self._run >= self._limits.consecutive:
            raise TooManyDeadLetters(f"{self._run} records in a row were dead letters")
        among = max(self._limits.minimum, min(self._seen, self._limits.window))
        if len(self._dead) > self._limits.ratio * among:
            raise TooManyDeadLetters(
                f"{len(self._dead)} of the last {min(self._seen, among)} records were dead letters"
            )
