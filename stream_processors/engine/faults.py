"""What ends a worker, how it is told, and how the process ends: at once.

The text of a foreign exception may quote data, so only its type, its place and Kafka's own names are told.
"""

import os
import sys
import traceback
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException

FAULT_EXIT_CODE = 70  # EX_SOFTWARE


class EngineFault(Exception):
    """Something that going on would make worse; the worker ends. The text holds numbers and topics only."""


class TooManyDeadLetters(EngineFault):
    """So much poison that the contract or the fold is broken; what was read since the last commit stays undecided."""


def exit_at_once(fault: BaseException) -> None:
    """End the process here and now: a teardown that hangs would hold the partitions until the session ends."""
    del fault  # told by the worker
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(FAULT_EXIT_CODE)


def tolerate(error: KafkaError) -> None:
    """Let pass what the client mends by itself; raises everything else.

    A pause longer than the poll interval passes too: the loss of the partitions is told next.
    """
    if not error.retriable() and error.code() != KafkaError._MAX_POLL_EXCEEDED:  # noqa: SLF001  librdkafka's own code
        raise KafkaException(error)


def reason(fault: BaseException) -> str:
    """Return a text that is ours, or Kafka's own name of an error; nothing of any other exception."""
    match fault:
        case EngineFault():
            return str(fault)
        case KafkaException():
            return str(fault.args[0].name())
        case _:
            return ""


def place(fault: BaseException) -> list[str]:
    """Return where a fault was raised, the calls around it first, without a word of its text."""
    frames = traceback.extract_tb(fault.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
