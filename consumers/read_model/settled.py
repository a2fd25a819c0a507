"""How far behind a group is: the distance between what it committed and where its topics end."""

from collections.abc import Iterable
from typing import Final

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from transport import kafka

_CALL_SECONDS: Final = 30.0


def lag(bootstrap: str, group: str, topics: Iterable[str]) -> int:
    """Return how many offsets below the topics' committed ends the group has not committed, markers counted too."""
    ends = {
        (topic, partition): end
        for topic in topics
        for partition, end in kafka.end_offsets(bootstrap, topic).items()
        if end > 0
    }
    done = committed(bootstrap, group, ends)
    return sum(max(end - done[place], 0) for place, end in ends.items())


def committed(bootstrap: str, group: str, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """Return the offset after the last record that the group committed in each partition, 0 where it did not."""
    wanted = list(places)
    if not wanted:
        return {}
    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(*place) for place in wanted])
    client = kafka.admin(bootstrap)  # held by name: the answer never comes once its client is gone
    told = client.list_consumer_group_offsets([asked], request_timeout=_CALL_SECONDS)[group].result(_CALL_SECONDS)
    done = {(place.topic, place.partition): max(place.offset, 0) for place in told.topic_partitions}
    return {place: done.get(place, 0) for place in wanted}


def is_caught_up(bootstrap: str, group: str, topics: Iterable[str]) -> bool:
    """Tell whether everything committed to the topics by now is in the read model, acknowledged."""
    return lag(bootstrap, group, topics) == 0
