"""How a command ends by a fault that an operator can mend: one line and an exit code. Other faults are none of it."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from cassandra import DriverException
from cassandra.cluster import NoHostAvailable
from confluent_kafka import KafkaException

from consumers.replay.log import LogRefused
from consumers.replay.two_times import SequenceHole
from identity.secret_file import SecretError
from jejak.rebuild.pointer import RebuildRefused
from jejak.stack import StackFault
from producers.publish import PublishFailed
from schemas.codec import Undecodable

DOES_NOT_HOLD: Final = 1
WRONG_USAGE: Final = 2
REFUSED: Final = 3
UNREACHABLE: Final = 4

Text = Callable[[Any], str]
_LOOK: Final = "look at `jejak status`"
_TABLE: Final[tuple[tuple[tuple[type[Exception], ...], int, Text], ...]] = (
    ((StackFault,), UNREACHABLE, str),
    ((NoHostAvailable, DriverException), UNREACHABLE, lambda _: f"Cassandra does not answer: {_LOOK}"),
    ((KafkaException,), UNREACHABLE, lambda fault: f"Kafka: {fault.args[0].str()}: {_LOOK}"),
    ((PublishFailed, TimeoutError), UNREACHABLE, lambda fault: f"Kafka: {fault}: {_LOOK}"),
    ((SecretError,), WRONG_USAGE, str),
    ((SequenceHole, LogRefused), DOES_NOT_HOLD, str),
    ((Undecodable,), DOES_NOT_HOLD, lambda fault: f"what is stored can't be read: {fault}"),
    ((RebuildRefused,), REFUSED, str),
)


class Ending(NamedTuple):
    """The line that is said, and the exit code."""

    text: str
    code: int


def of(fault: Exception) -> Ending | None:
    """Return how the command ends; None for a fault that nobody foresaw."""
    return next((Ending(text(fault), code) for kinds, code, text in _TABLE if isinstance(fault, kinds)), None)
