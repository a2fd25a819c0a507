"""How far behind a group is: the distance between what it committed and where its topics end."""

import time
from collections.abc import Iterable
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from transport import kafka

_CALL_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.1

# A broker that has just started knows its groups a moment later.
_PASSING: Final = frozenset(
    {KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR}
)


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
    # Asked by a reader, not by an admin client: that one crashes the process when the broker answers that it is not
    # the group's coordinator yet (librdkafka 2.16, its issue 5040).
    with kafka.closing_reader(bootstrap, group_id=group) as source:
        told = _told(source, [TopicPartition(*place) for place in wanted])
    done = {(place.topic, place.partition): max(place.offset, 0) for place in told}
    return {place: done.get(place, 0) for place in wanted}


def _told(source: Consumer, asked: list[TopicPartition]) -> list[TopicPartition]:
    """Return the broker's answer, asked again while it is not ready to give one."""
    deadline = time.monotonic() + _CALL_SECONDS
    while True:
        try:
            answers = source.committed(asked, timeout=_CALL_SECONDS)
            for answer in answers:
                if answer.error is not None:
                    raise KafkaException(answer.error)  # noqa: TRY301  judged like one of the whole call
        except KafkaException as refused:
            if refused.args[0].code() not in _PASSING or time.monotonic() > deadline:
                raise
        else:
            return answers
        time.sleep(_PAUSE_SECONDS)


def is_caught_up(bootstrap: str, group: str, topics: Iterable[str]) -> bool:
    """Tell whether everything committed to the topics by now is in the read model, acknowledged."""
    return lag(bootstrap, group, topics) == 0
