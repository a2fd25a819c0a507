"""The engine's metrics: names, kinds and meanings. Labels are topics and codes only; never a key or a text.

Observed per batch or commit with bound children, as labelling costs three times what counting does.
"""

import time
from collections.abc import Callable
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

EVENTS_CONSUMED: Final = Counter("jejak_events_consumed_total", "Records taken from a topic.", ["topic"])
EVENTS_SKIPPED: Final = Counter(
    "jejak_events_skipped_total", "Records below the position, or of a partition not held any more.", ["topic"]
)
DEAD_LETTERS: Final = Counter("jejak_dlq_messages_total", "Records sent to dead letters.", ["topic", "reason"])
BATCH_SIZE: Final = Histogram(
    "jejak_batch_size", "Records in one batch.", ["topic"], buckets=(1, 10, 50, 100, 200, 500, 1_000, 2_000)
)
BATCH_SECONDS: Final = Histogram("jejak_batch_seconds", "Time of one stage of a batch.", ["stage"])
EVENT_LATENCY: Final = Histogram(
    "jejak_event_latency_seconds",
    "From a change's append to the commit of what follows; the newest change of each commit.",
    ["topic"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600),
)
RESTORE_SECONDS: Final = Histogram(
    "jejak_restore_seconds", "Time of one restore.", buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
)
ABORTS: Final = Counter("jejak_aborted_transactions_total", "Transactions given up.", ["reason"])
COMMIT_AGE: Final = Gauge(
    "jejak_commit_age_seconds", "Since the worker last committed or had nothing to commit.", ["topic"]
)


class Meters:
    """The engine's metrics of one worker, with their labels bound. `age` gives the commit age in seconds."""

    def __init__(self, topic: str, age: Callable[[], float]) -> None:
        self._topic = topic
        self._consumed = EVENTS_CONSUMED.labels(topic)
        self._skipped = EVENTS_SKIPPED.labels(topic)
        self._size = BATCH_SIZE.labels(topic)
        self._fold_seconds = BATCH_SECONDS.labels("fold")
        self._commit_seconds = BATCH_SECONDS.labels("commit")
        self._latency = EVENT_LATENCY.labels(topic)
        # Asked at each scrape: a loop that hangs shows.
        COMMIT_AGE.labels(topic).set_function(age)

    def batch(self, taken: int, read: int, seconds: float) -> None:
        """Count a batch of which `taken` records of those read were folded."""
        self._consumed.inc(taken)
        self._skipped.inc(read - taken)
        self._size.observe(read)
        self._fold_seconds.observe(seconds)

    def commit(self, seconds: float, newest_append_ms: int | None) -> None:
        """Count a commit; the newest change in it was appended at `newest_append_ms`, or there was none."""
        self._commit_seconds.observe(seconds)
        if newest_append_ms is not None:
            self._latency.observe(max(0.0, time.time() - newest_append_ms / 1_000))

    def dead_letter(self, code: str) -> None:
        """Count a dead letter."""
        DEAD_LETTERS.labels(self._topic, code).inc()

    def abort(self, code: str) -> None:
        """Count a transaction given up."""
        ABORTS.labels(code).inc()

    def restored(self, seconds: float) -> None:
        """Count a restore."""
        RESTORE_SECONDS.observe(seconds)
