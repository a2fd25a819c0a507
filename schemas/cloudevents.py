"""CloudEvents 1.0 attributes as Kafka headers (binary mode), so that standard clients can route without decoding.

Headers repeat what the value proves; they carry no personal data and are never the only place of a fact.
"""

import uuid

SPEC_VERSION = b"1.0"
CONTENT_TYPE = b"application/avro"

Headers = list[tuple[str, bytes]]


def headers(record: str, event_id: bytes, source: str) -> Headers:
    """Return the attributes of one record: its full name, its id (16 bytes), and the URI-reference of what says it."""
    return [
        ("ce_specversion", SPEC_VERSION),
        ("ce_id", str(uuid.UUID(bytes=event_id)).encode()),
        ("ce_type", record.encode()),
        ("ce_source", source.encode()),
        ("content-type", CONTENT_TYPE),
    ]
