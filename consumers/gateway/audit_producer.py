"""The producer of audit entries. Must not know what is produced, nor who waits for it."""

from confluent_kafka import Producer

from consumers.gateway.chain import LONGEST_VALUE
from transport import kafka


def producer(bootstrap: str) -> Producer:
    """Return the producer that audit entries need: idempotent, at once, never giving an entry up, no gap ever.

    The topic's size limit is one of batches: what queued up while the broker was away must not leave as one too large.
    """
    return kafka.producer(
        bootstrap, linger_ms=0, message_timeout_ms=0, batch_size=LONGEST_VALUE, enable_gapless_guarantee=True
    )
