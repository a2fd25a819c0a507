"""The engine's metrics: names, kinds and meanings. Labels are topics and codes only; never a key or a text.

Observed per batch or commit with bound children, as labelling costs three times what counting does.
"""

import time
from typing import Final

from prometheus_client import Counter, Histogram

from transport.metrics import BATCH_SECONDS, DEAD_LETTERS, EVENTS_CONSUMED

EVENTS_SKIPPED: Final = Counter(
    "jejak_events_skipped_total", "Records below the position, or of a partition not held any more.", ["topic"]
)
BATCH_SIZE: Final = Histogram(
    "jejak_batch_size", "Records in one batch.", ["topic"], buckets=(1, 10, 50, 100, 200, 500, 1_000, 2_000)
)
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
REBALANCES: Final = Counter("jejak_rebalances_total", "Times that partitions were assigned, revoked or lost.", ["kind"])
DIGEST_SECONDS: Final = Histogram(
    "jejak_state_digest_seconds",
    "Time that the digest of one partition's state kept the loop.",
    buckets=(0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30),
)
STAGES: Final = ("read", "fold", "send", "deliver", "offsets", "commit")


class Meters:
    """The engine's metrics of one worker, with their labels bound."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._consumed = EVENTS_CONSUMED.labels(topic)
        self._skipped = EVENTS_SKIPPED.labels(topic)
        self._size = BATCH_SIZE.labels(topic)
        self._stages = {stage: BATCH_SECONDS.labels(stage) for stage in STAGES}
        self._latency = EVENT_LATENCY.labels(topic)

    def stage(self, name: str, seconds: float) -> None:
        """Count a stage of a batch."""
        self._stages[name].observe(seconds)

    def batch(self, taken: int, read: int) -> None:
        """Count a batch of which `taken` records of those read were folded."""
        self._consumed.inc(taken)
        self._skipped.inc(read - taken)
        self._size.observe(read)

    def committed(self, newest_append_ms: int | None) -> None:
        """Count a commit; the newest change in it was appended at `newest_append_ms`, or there was none."""
        if newest_append_ms is not None:
            self._latency.observe(max(0.0, time.time() - newest_append_ms / 1_000))

    def dead_letter(self, code: str) -> None:
        """Count a dead letter."""
        DEAD_LETTERS.labels(self._topic, code).inc()

    def abort(self, code: str) -> None:
        """Count a transaction given up."""
        ABORTS.labels(code).inc()

    def rebalance(self, kind: str) -> None:
        """Count an assignment, a revocation or a loss of partitions."""
        REBALANCES.labels(kind).inc()

    def restored(self, seconds: float) -> None:
        """Count a restore."""
        RESTORE_SECONDS.observe(seconds)

    def digested(self, seconds: float) -> None:
        """Count a digest."""
        DIGEST_SECONDS.observe(seconds)
