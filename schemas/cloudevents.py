"""CloudEvents 1.0 attributes as Kafka headers (binary mode), so that standard clients can route without decoding.

Headers repeat what the value proves; they carry no personal data and are never the only place of a fact.
"""

from functools import lru_cache

SPEC_VERSION = b"1.0"
CONTENT_TYPE = b"application/avro"

Headers = list[tuple[str, bytes]]


def headers(record: str, event_id: bytes, source: str) -> Headers:
    """Return the attributes of one record: its full name, its id (16 bytes), and the URI-reference of what says it."""
    version, kind, origin, content = _same(record, source)
    digits = event_id.hex()
    text = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"  # as a UUID is written
    return [version, ("ce_id", text.encode()), kind, origin, content]


@lru_cache(maxsize=4096)
def _same(record: str, source: str) -> tuple[tuple[str, bytes], ...]:
    """Return the attributes that every record of this type and source has."""
    return (
        ("ce_specversion", SPEC_VERSION),
        ("ce_type", record.encode()),
        ("ce_source", source.encode()),
        ("content-type", CONTENT_TYPE),
    )
