"""The command line: one command a line, errors as one line that says what to do.

Exit codes: 0 done; 1 a comparison or check did not hold; 2 wrong usage; 3 withheld or refused; 4 not reachable.
"""

import logging
import sys
from typing import Final

import structlog
import typer

from jejak.cli import lazy, output
from jejak.settings import Settings

COMMANDS: Final = {
    "up": "stack:up",
    "down": "stack:down",
    "status": "stack:status",
    "reset": "stack:reset",
    "demo": "demo:demo",
    "bench": "bench:bench",
    "simulate": "publish:simulation",
    "publish": "publish:app",
    "run": "run:app",
    "rebuild": "rebuild:app",
    "family": "family:app",
    "indicators": "indicators:app",
    "refusals": "read:refusals",
    "dead-letters": "read:dead_letters",
    "replay": "replay:replay",
    "ground-check": "ground_check:app",
    "rank": "rank:app",
    "rules": "rules:app",
    "allocate": "allocate:allocate",
    "audit": "audit:app",
    "policy": "policy:app",
    "request": "request:app",
    "export": "export:app",
    "erase": "erase:erase",
    "civil-registry": "civil_registry:app",
    "schemas": "contract:schemas",
    "config": "contract:config",
}
app = typer.Typer(
    name="jejak",
    cls=lazy.group_of(COMMANDS),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def jejak() -> None:
    """Jejak: an event-driven social registry with a provable audit trail on Kafka."""


def main() -> None:
    """Run the command line; a fault that an operator can mend is one line on stderr and its exit code."""
    _quiet(Settings().log_level)
    try:
        app()
    except Exception as fault:
        from jejak.cli import endings  # noqa: PLC0415  knows the faults of every room: loaded when there is one

        ending = endings.of(fault)
        if ending is None:
            raise
        output.say(f"error: {ending.text}")
        sys.exit(ending.code)


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
