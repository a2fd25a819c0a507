"""What an agent makes of a value that it reads: the record it is for, or a dead letter. Must not know any agent."""

from typing import Any, TypeVar

from schemas import codec
from stream_processors.engine.dead_letters import NO_VALUE, dead_letter

_Record = TypeVar("_Record")


def read(value: bytes | None, kinds: type[_Record] | tuple[type[_Record], ...], otherwise: str) -> _Record | str:
    """Return the record where it is one of these kinds, or the code of why there is none: at last `otherwise`."""
    if value is None:
        return NO_VALUE
    try:
        record = codec.decode(value)
    except codec.Undecodable as undecodable:
        return undecodable.code
    return record if isinstance(record, kinds) else otherwise


async def send_letter(letters: Any, topic: str, consumer: str, event: Any, code: str) -> None:
    """Have the dead letter of an event acknowledged by the broker, in the partition the event was read from."""
    message = event.message
    letter = dead_letter(
        topic=topic,
        consumer=consumer,
        code=code,
        origin=(message.topic, message.partition, message.offset),
        key=message.key,
        value=message.value,
    )
    sent = await letters.send(key=letter.key, value=letter.value, headers=letter.headers, partition=message.partition)
    await sent
