"""What a dead letter says of itself: where its bytes stood, why they are no record, and who found that.

In headers alone: key and value are as received. A code is all that is said about the content.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.cloudevents import Headers

NO_VALUE = "NO_VALUE"

Received = Mapping[str, str | bytes | None] | Iterable[tuple[str, str | bytes | None]]
"""Headers as a client hands them over."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a dead letter came from; `code` names the rule its bytes break, `consumer` the group that read them."""

    topic: str
    partition: int
    offset: int
    code: str
    consumer: str


def headers(origin: Origin) -> Headers:
    """Return the headers of a dead letter."""
    return [
        ("dl_topic", origin.topic.encode()),
        ("dl_partition", str(origin.partition).encode()),
        ("dl_offset", str(origin.offset).encode()),
        ("dl_code", origin.code.encode()),
        ("dl_consumer", origin.consumer.encode()),
    ]


def origin_of(found: Received) -> Origin:
    """Return the origin that headers tell of; raises KeyError where they are no dead letter's."""
    told = {name: value if isinstance(value, str) else (value or b"").decode() for name, value in dict(found).items()}
    partition, offset = int(told["dl_partition"]), int(told["dl_offset"])
    return Origin(told["dl_topic"], partition, offset, told["dl_code"], told["dl_consumer"])
