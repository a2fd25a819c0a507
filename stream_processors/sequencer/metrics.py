"""Metrics of the sequencer; bumped per round. No label holds a key, a name or a text."""

import time
from typing import Final

from prometheus_client import Counter, Gauge

ROUNDS: Final = Counter(
    "jejak_audit_rounds_total", "Rounds of the audit tree: own that won or lost, and others' that were built.", ["kind"]
)
QUORUM_MISSED: Final = Counter(
    "jejak_audit_quorum_missed_total", "Checkpoints not published, as too few witnesses cosigned in time."
)
ODD_SALTS: Final = Counter("jejak_audit_odd_salts_total", "Audit entries without one salt of 16 bytes; alarm.")
TREE_SIZE: Final = Gauge("jejak_audit_tree_size", "Leaves of the audit tree after the last round that was built.")
WITNESSES: Final = Gauge("jejak_audit_witnesses", "Witnesses that cosigned when they were last asked.")
CHECKPOINT_AGE: Final = Gauge(
    "jejak_audit_checkpoint_age_seconds", "Since this sequencer published a checkpoint, or since it took over."
)


def published_now() -> None:
    """Count the age of the last checkpoint from now on."""
    at = time.monotonic()
    CHECKPOINT_AGE.set_function(lambda: time.monotonic() - at)
