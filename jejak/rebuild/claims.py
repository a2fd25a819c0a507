"""Tells the persons fold what the families' states say of who belongs to them: for families folded before it existed.

The same facts as the families' events told, so that doing it twice, or beside the flow, changes nothing. Knows topics;
who holds a person is the persons fold's to decide.
"""

from collections.abc import Iterable, Iterator

from confluent_kafka import Message

from schemas import catalogue, codec
from schemas.records import FamilyState, MembershipNoted
from stream_processors.registry import membership
from transport import kafka

_FLUSH_SECONDS = 60.0


class NotTold(Exception):
    """The broker didn't acknowledge every claim: nothing is lost by telling all of them again."""


def claims_of(messages: Iterable[Message]) -> Iterator[MembershipNoted]:
    """Yield each claim and ending that the records of a topic of families' states hold."""
    for message in messages:
        value = message.value()
        record = None if value is None else codec.decode(value)
        if isinstance(record, FamilyState):
            yield from membership.held(record)


def tell(bootstrap: str, families_topic: str) -> int:
    """Tell every claim and ending of the families' states, and return how many; raises NotTold."""
    producer, told = kafka.producer(bootstrap), 0
    for noted in claims_of(kafka.read_all(bootstrap, families_topic)):
        producer.produce(catalogue.CLAIMS_TOPIC, key=noted.person_ref.encode(), value=codec.encode(noted))
        producer.poll(0)
        told += 1
    if producer.flush(_FLUSH_SECONDS):
        raise NotTold("the broker acknowledged less than was told")
    return told
