"""Judges this gateway's clock by the times at which the broker appended its entries.

Pure: times come in, in microseconds since 1970 but the broker's, which counts milliseconds.
"""

from typing import Final

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message

MOST_OFF: Final = 5_000_000
"""Microseconds that the clocks of gateway and broker may differ (audit.md 3)."""
UNTOLD: Final = MOST_OFF + 1
"""What stands for a broker that does not say when it appended: a clock that nobody can judge is taken for wrong."""


def off_by(sent_at: int, appended_ms: int, acknowledged_at: int) -> int:
    """Return by how many microseconds the clocks differ at least; 0 when the append lies between send and answer.

    However long an entry waited for its broker is no fault of a clock. Above 0: the broker's clock is ahead.
    """
    appended = appended_ms * 1_000
    if appended + 999 < sent_at:
        return appended + 999 - sent_at
    return max(appended - acknowledged_at, 0)


def told_by(message: Message, sent_at: int, acknowledged_at: int) -> int:
    """Return `off_by` of what the broker says of an entry that it appended; UNTOLD where it doesn't say when."""
    kind, appended_ms = message.timestamp()
    return off_by(sent_at, appended_ms, acknowledged_at) if kind == TIMESTAMP_LOG_APPEND_TIME else UNTOLD


def is_wrong(off: int) -> bool:
    """Tell whether clocks that differ so much may vouch for anything."""
    return abs(off) > MOST_OFF
