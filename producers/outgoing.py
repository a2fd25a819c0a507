"""Messages ready for Kafka: what intake makes and publish sends. It must not know what is in them."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from producers.draft import RowRefused
from schemas import cloudevents, codec, records
from schemas.catalogue import REFUSALS_TOPIC
from schemas.cloudevents import Headers

_REFUSALS: Final = uuid.UUID("5b0a5f2e-90c5-4b0e-9d6f-6e9a5a2f7f41")  # random once, fixed for ever


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message: topic, key, value and CloudEvents headers; `change_id` in 16 bytes, empty where it has none."""

    topic: str
    key: bytes
    value: bytes = field(repr=False)
    headers: Headers = field(default_factory=list)
    change_id: bytes = b""


def refusal_message(refused: RowRefused, now: Callable[[], int]) -> Outgoing:
    """Return the ChangeRefused of a refused row, keyed by its document and addressed to the agency.

    Its id follows from document, row, column and rule, so that the same report sent again is known. `now` gives
    microseconds since 1970.
    """
    channel = refused.channel
    place = f"{channel.agency}|{channel.document}|{refused.row}|{refused.column}|{refused.rule}|{refused.record}"
    refusal_id = uuid.uuid5(_REFUSALS, place).bytes
    record = records.ChangeRefused(
        header=records.Header(
            sequence=0,
            recorded_at=0,
            occurred_at=now(),
            change_id=refusal_id,
            family_id="",
            agency=channel.agency,
            actor=channel.actor,
            document=channel.document,
        ),
        record=refused.record,
        rule=refused.rule,
        pointer=f"/{refused.column}",
        explanation=refused.explanation,
        source_topic=channel.document,
        source_partition=-1,
        source_offset=refused.row,
    )
    headers = cloudevents.headers("jejak.ChangeRefused", refusal_id, f"/agencies/{channel.agency}")
    return Outgoing(REFUSALS_TOPIC, channel.document.encode(), codec.encode(record), headers, refusal_id)
