"""The command line: one command a line, errors as one line that says what to do.

Exit codes: 0 done; 1 a comparison or check did not hold; 2 wrong usage; 3 withheld or refused; 4 not reachable.
"""

import logging
import sys
from collections.abc import Callable
from typing import Any

import structlog
import typer
from cassandra import DriverException
from cassandra.cluster import NoHostAvailable
from confluent_kafka import KafkaException

from consumers.replay.log import LogRefused
from consumers.replay.two_times import SequenceHole
from identity.secret_file import SecretError
from jejak import stack as local_stack
from jejak.cli import (
    audit,
    bench,
    contract,
    demo,
    emergency,
    erase,
    export,
    output,
    policy,
    publish,
    read,
    rebuild,
    replay,
    request,
    run,
)
from jejak.cli import stack as stack_commands
from jejak.rebuild.pointer import RebuildRefused
from jejak.settings import Settings
from producers.publish import PublishFailed
from schemas.codec import Undecodable

DOES_NOT_HOLD, WRONG_USAGE, REFUSED, UNREACHABLE = 1, 2, 3, 4
app = typer.Typer(
    name="jejak",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Jejak: an event-driven social registry with a provable audit trail on Kafka.",
)
_PLAIN: tuple[Callable[..., Any], ...] = (
    stack_commands.up,
    stack_commands.down,
    stack_commands.status,
    stack_commands.reset,
)
for _command in _PLAIN:
    app.command()(_command)
for _name, _command in (
    ("demo", demo.demo),
    ("bench", bench.bench),
    ("simulate", publish.simulation),
    ("indicators", read.indicators),
    ("refusals", read.refusals),
    ("dead-letters", read.dead_letters),
    ("erase", erase.erase),
):
    app.command(_name)(_command)
read.family.command("emergency")(emergency.emergency)
for _name, _group in (
    ("publish", publish.app),
    ("run", run.app),
    ("rebuild", rebuild.app),
    ("family", read.family),
    ("replay", replay.replay),
    ("audit", audit.app),
    ("policy", policy.app),
    ("request", request.app),
    ("export", export.app),
    ("schemas", contract.schemas),
    ("config", contract.config),
):
    app.add_typer(_group, name=_name)


def main() -> None:
    """Run the command line; a fault that an operator can mend is one line on stderr and exit code 4, or 2."""
    _quiet(Settings().log_level)
    try:
        app()
    except local_stack.StackFault as fault:
        _end(str(fault))
    except (NoHostAvailable, DriverException):
        _end("Cassandra does not answer: look at `jejak status`")
    except KafkaException as fault:
        _end(f"Kafka: {fault.args[0].str()}: look at `jejak status`")
    except (PublishFailed, TimeoutError) as fault:
        _end(f"Kafka: {fault}: look at `jejak status`")
    except SecretError as fault:
        _end(str(fault), WRONG_USAGE)
    except (SequenceHole, LogRefused) as fault:
        _end(str(fault), DOES_NOT_HOLD)
    except Undecodable as fault:
        _end(f"what is stored can't be read: {fault}", DOES_NOT_HOLD)
    except RebuildRefused as refused:
        _end(str(refused), REFUSED)


def _end(text: str, code: int = UNREACHABLE) -> None:
    output.say(f"error: {text}")
    sys.exit(code)


class _OneLine(logging.Formatter):
    """A library's log line as one line; a fault by its kind alone, since its text may quote what was sent."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fault = record.exc_info[0] if record.exc_info else None
        kind = f" ({fault.__name__})" if fault else ""
        return " ".join(f"{record.levelname} {record.name}: {record.getMessage()}{kind}".split())


def _quiet(level: str) -> None:
    """Show log lines of ours from `level` on, as one line each, and none of the libraries' below warnings."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.WARNING)
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(_OneLine())
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[lines])
    # A client that tries again says so as a warning: that is its work, and no news.
    logging.getLogger("transport.kafka").setLevel(max(number, logging.ERROR))
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
