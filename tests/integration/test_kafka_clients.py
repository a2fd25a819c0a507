"""The configured Kafka clients against a real broker: topics, ends, isolation."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

import pytest

from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Iterable

    from confluent_kafka import Message, Producer

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real

DEADLINE_SECONDS = 30


class Topic:
    """A topic for one test."""

    def __init__(self, partitions: int = 1) -> None:
        self.name = f"test-{uuid.uuid4().hex}"
        self.partitions = partitions
        self.config = {"cleanup.policy": "delete"}


@pytest.fixture
def topic(stack: Endpoints) -> Topic:
    made = Topic()
    assert kafka.create_topics(stack.kafka, [made]) == (made.name,)
    # Made is not yet told: a broker under load takes its time to list what its controller made.
    client, deadline = kafka.admin(stack.kafka), time.monotonic() + DEADLINE_SECONDS
    while made.name not in client.list_topics(timeout=DEADLINE_SECONDS).topics:
        assert time.monotonic() < deadline, "the broker never told of the topic"
    return made


def values(messages: Iterable[Message]) -> list[bytes | None]:
    return [message.value() for message in messages]


def transaction(producer: Producer, topic: str, *sent: bytes) -> None:
    producer.begin_transaction()
    for value in sent:
        producer.produce(topic, value)
    producer.flush(DEADLINE_SECONDS)


def test_making_topics_again_makes_none(stack: Endpoints, topic: Topic) -> None:
    assert kafka.create_topics(stack.kafka, [topic]) == ()


def test_another_number_of_partitions_is_refused(stack: Endpoints, topic: Topic) -> None:
    topic.partitions = 3
    other = Topic()
    with pytest.raises(kafka.PartitionsDiffer, match=topic.name):
        kafka.create_topics(stack.kafka, [topic, other])
    topic.partitions = 1
    assert kafka.create_topics(stack.kafka, [topic, other]) == (other.name,)


def test_a_committed_reader_sees_what_was_committed_and_stops_at_the_end(stack: Endpoints, topic: Topic) -> None:
    # Given a committed, an aborted and an open transaction, in this order
    producer = kafka.transactional_producer(stack.kafka, f"{topic.name}-a")
    producer.init_transactions(DEADLINE_SECONDS)
    transaction(producer, topic.name, b"1", b"2")
    producer.commit_transaction(DEADLINE_SECONDS)
    transaction(producer, topic.name, b"aborted")
    producer.abort_transaction(DEADLINE_SECONDS)
    transaction(producer, topic.name, b"open")

    # Then each reader comes to its end and sees what its isolation allows
    assert values(kafka.read_all(stack.kafka, topic.name)) == [b"1", b"2"]
    uncommitted = values(kafka.read_all(stack.kafka, topic.name, "read_uncommitted"))
    assert uncommitted == [b"1", b"2", b"aborted", b"open"]
    committed_end = kafka.end_offsets(stack.kafka, topic.name)[0]
    assert committed_end < kafka.end_offsets(stack.kafka, topic.name, "read_uncommitted")[0]
    producer.abort_transaction(DEADLINE_SECONDS)


def test_what_is_written_after_the_call_is_not_read(stack: Endpoints, topic: Topic) -> None:
    producer = kafka.producer(stack.kafka)
    for number in range(5000):
        producer.produce(topic.name, str(number))
    producer.flush(DEADLINE_SECONDS)
    reading = kafka.read_all(stack.kafka, topic.name)
    first = next(reading)
    producer.produce(topic.name, b"late")
    producer.flush(DEADLINE_SECONDS)
    assert values([first, *reading]) == [str(number).encode() for number in range(5000)]


def test_an_empty_topic_has_nothing_to_read_and_one_partition_can_be_read_alone(stack: Endpoints) -> None:
    wide = Topic(partitions=3)
    kafka.create_topics(stack.kafka, [wide])
    assert values(kafka.read_all(stack.kafka, wide.name)) == []
    producer = kafka.producer(stack.kafka)
    for partition in range(3):
        producer.produce(wide.name, str(partition), partition=partition)
    producer.flush(DEADLINE_SECONDS)
    assert values(kafka.read_all(stack.kafka, wide.name, partitions=[1])) == [b"1"]
    assert sorted(values(kafka.read_all(stack.kafka, wide.name)), key=str) == [b"0", b"1", b"2"]


def test_a_key_goes_where_java_would_put_it(stack: Endpoints) -> None:
    # Kafka's own Java test vectors for murmur2: 21 -> -973932308, foobar -> -790332482 (as a positive number modulo).
    wide = Topic(partitions=12)
    kafka.create_topics(stack.kafka, [wide])
    producer = kafka.producer(stack.kafka)
    for key in ("21", "foobar"):
        producer.produce(wide.name, b"", key=key)
    producer.flush(DEADLINE_SECONDS)
    found = {message.key(): message.partition() for message in kafka.read_all(stack.kafka, wide.name)}
    assert found == {b"21": (-973932308 & 0x7FFFFFFF) % 12, b"foobar": (-790332482 & 0x7FFFFFFF) % 12}
