"""Metrics that every worker over Kafka has, whatever it does with the records: flow, stages, dead letters, pulse.

Labels are topics, partitions, stages and codes; never a key or a text. Counters are bumped per batch, gauges are asked
at each scrape, so that a loop that hangs shows. Must not know what a record means.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from transport.pulse import Pulse, State

EVENTS_CONSUMED: Final = Counter("jejak_events_consumed_total", "Records taken from a topic.", ["topic"])
DEAD_LETTERS: Final = Counter("jejak_dlq_messages_total", "Records sent to dead letters.", ["topic", "reason"])
BATCH_SECONDS: Final = Histogram(
    "jejak_batch_seconds",
    "Time of one stage of a batch.",
    ["stage"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)

_DIGEST_BITS: Final = 48  # what a float holds exactly, and whole bytes


class PulseGauges(Collector):
    """The gauges of one worker's pulse, read from it at each scrape."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return every gauge without a value."""
        return _families().values()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every gauge with its values now."""
        pulse, gauges = self._pulse, _families()
        standing = pulse.standing()
        for state in State:
            gauges["jejak_worker_state"].add_metric([state], float(state is standing.state))
        gauges["jejak_turn_age_seconds"].add_metric([], pulse.turn_age)
        gauges["jejak_commit_age_seconds"].add_metric([], pulse.commit_age)
        for (topic, number), (messages, seconds) in pulse.lags.items():
            gauges["jejak_consumer_lag_messages"].add_metric([topic, str(number)], messages)
            gauges["jejak_consumer_lag_seconds"].add_metric([topic, str(number)], seconds)
        for number, (read, end) in pulse.restores.items():
            gauges["jejak_restore_progress_ratio"].add_metric([str(number)], read / end if end else 1.0)
            gauges["jejak_restore_remaining"].add_metric([str(number)], end - read)
        for number, (offset, digest) in pulse.digests.items():
            gauges["jejak_state_digest_offset"].add_metric([str(number)], offset)
            gauges["jejak_state_digest_prefix"].add_metric([str(number)], _first_bits(digest))
        yield from gauges.values()


def _first_bits(digest: bytes) -> float:
    return float(int.from_bytes(digest[: _DIGEST_BITS // 8], "big"))


def _families() -> dict[str, GaugeMetricFamily]:
    told: tuple[tuple[str, str, list[str]], ...] = (
        ("jejak_worker_state", "1 for what the worker is doing, 0 for all else.", ["state"]),
        ("jejak_turn_age_seconds", "Since the worker's loop last came round.", []),
        ("jejak_commit_age_seconds", "Since the last commit, or since nothing was left to read or commit.", []),
        ("jejak_consumer_lag_messages", "Records of a partition not folded or projected yet.", ["topic", "partition"]),
        ("jejak_consumer_lag_seconds", "Age of the oldest of them at most; 0: none.", ["topic", "partition"]),
        ("jejak_restore_progress_ratio", "Read part of the state that is restored, 0 to 1.", ["partition"]),
        ("jejak_restore_remaining", "Offsets of the state topic still to be read.", ["partition"]),
        ("jejak_state_digest_offset", "Changes below this offset are in the digested state.", ["partition"]),
        ("jejak_state_digest_prefix", "First 48 bits of the digest of the state at that offset.", ["partition"]),
    )
    return {name: GaugeMetricFamily(name, text, labels=labels) for name, text, labels in told}
