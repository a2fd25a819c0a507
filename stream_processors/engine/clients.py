"""The Kafka clients of a worker: the transport's, with what the fold's guarantees and throughput need besides.

Every setting stands here with its reason; nothing here reads or writes.
"""

from typing import Any, Final

from confluent_kafka import Consumer, Producer

from schemas.catalogue import LARGEST_STATE_BYTES
from stream_processors.engine.settings import EngineSettings
from transport import kafka

_FETCH: Final[dict[str, Any]] = {
    # Big fetches: a batch loop is bound by the number of requests.
    "fetch_message_max_bytes": 4 << 20,
    "queued_min_messages": 100_000,
    "queued_max_messages_kbytes": 64 << 10,
    # Every start is given explicitly; if it is gone, records are lost and nobody may go on quietly.
    "auto_offset_reset": "error",
}


def group_consumer(settings: EngineSettings) -> Consumer:
    """Return the consumer that reads changes as a member of the worker's group."""
    return kafka.consumer(
        settings.bootstrap,
        settings.group,
        session_timeout_ms=settings.session_timeout_ms,
        heartbeat_interval_ms=min(1_000, settings.session_timeout_ms // 3),
        # Markers of others' transactions take offsets: without the word of an end, a log that ends with one would
        # never be read to its end.
        enable_partition_eof=True,
        **_FETCH,
    )


def restoring_consumer(settings: EngineSettings) -> Consumer:
    """Return a consumer of assigned partitions that reports their ends; it joins no group and commits nothing."""
    return kafka.reader(settings.bootstrap, **_FETCH)


def transactional_producer(settings: EngineSettings) -> Producer:
    """Return the worker's producer; `init_transactions` is still to be called."""
    return kafka.transactional_producer(
        settings.bootstrap,
        settings.transactional_id,
        transaction_timeout_ms=settings.transaction_timeout_ms,
        # When no broker answers, rediscovery would forget the group's coordinator, and offsets sent to it afterwards
        # wait for ever whatever their timeout (librdkafka 2.16, its issues 5456 and 5511).
        metadata_recovery_strategy="none",
        # Deliveries are vouched for by the commit; only failures are worth a report.
        delivery_report_only_error=True,
        queue_buffering_max_messages=1_000_000,
        queue_buffering_max_kbytes=256 << 10,
        # As large as the state topic takes; the client's own limit of 1 MB would end the worker again and again.
        message_max_bytes=LARGEST_STATE_BYTES,
    )
