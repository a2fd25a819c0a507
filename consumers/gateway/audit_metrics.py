"""Metrics of a gateway's audit trail: how long durability takes, what waits for it, what was refused without it.

Labels are codes of a closed list. Must not know what an entry says.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

FSYNC_SECONDS: Final = Histogram(
    "jejak_audit_fsync_seconds",
    "Time to make a group of audit entries durable on the gateway's disk.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2),
)
GROUP_SIZE: Final = Histogram(
    "jejak_audit_group_size",
    "Audit entries made durable by one fsync.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 1_024),
)
QUEUED: Final = Gauge("jejak_audit_queued", "Audit entries that the broker has not acknowledged yet.")
ACK_AGE: Final = Gauge(
    "jejak_audit_ack_age_seconds", "Since the broker's last acknowledgement, or since nothing waited for one."
)
CLOCK_OFF: Final = Gauge(
    "jejak_audit_clock_off_seconds", "By how much the broker's clock is ahead of the gateway's, at least."
)
UNCOVERED_AGE: Final = Gauge(
    "jejak_audit_uncovered_seconds", "Age at most of the oldest audit entry that no published checkpoint covers."
)
REFUSALS: Final = Counter(
    "jejak_audit_refusals_total", "Times that nothing was shown because entries were not vouched for.", ["reason"]
)
REPLAYED: Final = Counter(
    "jejak_audit_replayed_total", "Entries of dead gateways that were missing on the topic and were replayed."
)
