"""Who is in a consumer group, and an end to groups that nobody needs. Knows the broker; must not know why."""

import time
from collections.abc import Iterable
from typing import Final

from confluent_kafka import KafkaError, KafkaException

from jejak.rebuild.pointer import RebuildRefused
from transport import kafka

_CALL_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.2


def members(bootstrap: str, group: str) -> int:
    """Return how many members the group has now, 0 for one that does not exist."""
    client = kafka.admin(bootstrap)
    try:
        told = client.describe_consumer_groups([group], request_timeout=_CALL_SECONDS)[group].result(_CALL_SECONDS)
    except KafkaException as fault:
        if fault.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
            raise
        return 0
    return len(told.members)


def until_left(bootstrap: str, group: str, seconds: float, hint: str) -> None:
    """Return once the group has no members; raises RebuildRefused with the hint when it still has some."""
    deadline = time.monotonic() + seconds
    while found := members(bootstrap, group):
        if time.monotonic() > deadline:
            raise RebuildRefused("STILL_AT_WORK", f"{found} members of {group} have not left: {hint}")
        time.sleep(_PAUSE_SECONDS)


def until_closed(bootstrap: str, topics: Iterable[str], seconds: float) -> None:
    """Return once no transaction is open on the topics; raises RebuildRefused when one stays open."""
    deadline = time.monotonic() + seconds
    for topic in topics:
        # In this order: what others append in between, outside of transactions, must not look open.
        while kafka.end_offsets(bootstrap, topic, "read_uncommitted") != kafka.end_offsets(bootstrap, topic):
            if time.monotonic() > deadline:
                raise RebuildRefused("TRANSACTION_OPEN", f"a transaction stays open on {topic}: start the fold again")
            time.sleep(_PAUSE_SECONDS)


def forget(bootstrap: str, group: str) -> None:
    """Remove the group and its offsets, if it is there; raises RebuildRefused while it has members."""
    client = kafka.admin(bootstrap)
    try:
        client.delete_consumer_groups([group], request_timeout=_CALL_SECONDS)[group].result(_CALL_SECONDS)
    except KafkaException as fault:
        match fault.args[0].code():
            case KafkaError.GROUP_ID_NOT_FOUND:
                return
            case KafkaError.NON_EMPTY_GROUP:
                raise RebuildRefused("STILL_AT_WORK", f"{group} has members: stop them first") from fault
            case _:
                raise
