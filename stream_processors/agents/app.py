"""The Faust application of the agents, a process of its own: `python -m stream_processors.agents.app HOST:PORT`.

Knows Faust's settings and the agents; must not know what they do. Its topics must exist before it starts: it creates
none, and a missing one would stall it.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import faust

from schemas import catalogue
from stream_processors.agents import deadlines, reevaluation
from stream_processors.agents.reevaluation import Reevaluation

_CHANGELOG: Final = "-changelog"  # how Faust ends the names of its tables' topics


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """Where and as whom the agents run; `name` is their consumer group, and begins their tables' topics."""

    bootstrap: str
    name: str = catalogue.AGENTS
    deadlines_topic: str = catalogue.DEADLINES_TOPIC
    changes_topic: str = catalogue.CHANGES_TOPIC
    requests_topic: str = catalogue.REQUESTS_TOPIC
    dead_letters_topic: str = catalogue.DEAD_LETTERS_TOPIC
    partitions: int = catalogue.PARTITIONS
    every_s: float = 1.0  # between two looks at the due dates
    rules_topic: str = ""  # where rule sets are activated; empty: nobody is decided again from here
    families_topic: str = catalogue.FAMILIES_TOPIC
    reevaluated_per_s: int = reevaluation.PER_SECOND


def now() -> int:
    """Return microseconds since 1970, UTC."""
    return time.time_ns() // 1_000


def bare(bootstrap: str, name: str, partitions: int) -> faust.App:
    """Return an app of this name, without agents, whose tables have so many partitions."""
    app = faust.App(
        name,
        broker=f"kafka://{bootstrap}",
        store="memory://",
        datadir=str(Path(tempfile.gettempdir()) / name),  # made at the start, though nothing is kept in it
        topic_partitions=partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        web_enabled=False,  # its pages serve the tables' data
        broker_session_timeout=10.0,  # a killed agent's partitions are free after that, not after a minute
        broker_heartbeat_interval=3.0,
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
        producer_compression_type="lz4",
        stream_wait_empty=False,
    )
    app.on_rebalance_complete.connect(_read_from_the_beginning)
    return app


async def _read_from_the_beginning(app: Any, /, *_: Any, **__: Any) -> None:
    """Have what was fetched before the tables were there be fetched again.

    A partition that the group committed nothing of would go on after it: the seek to what is committed, which follows
    this signal and goes before the first message, moves the others alone.
    """
    inputs = {tp for tp in app.consumer.assignment() if not tp.topic.endswith(_CHANGELOG)}
    if inputs:
        await app.consumer.seek_wait(dict.fromkeys(inputs, 0))


def build(settings: AgentSettings, clock: Callable[[], int] = now) -> faust.App:
    """Return the app with the deadlines agent attached; it is not started."""
    app = bare(settings.bootstrap, settings.name, settings.partitions)
    places = deadlines.Places(
        settings.deadlines_topic,
        settings.changes_topic,
        settings.dead_letters_topic,
        settings.name,
        settings.requests_topic,
    )
    deadlines.attach(app, places, clock, settings.every_s)
    if settings.rules_topic:
        topics = reevaluation.Topics(settings.families_topic, settings.rules_topic, settings.changes_topic)
        bootstrap, pace = settings.bootstrap, settings.reevaluated_per_s
        reevaluation.attach(app, lambda: Reevaluation(bootstrap, clock, topics, pace), settings.every_s)
    return app


def run(settings: AgentSettings, clock: Callable[[], int] = now, loglevel: str = "WARNING") -> None:
    """Run the agents by these settings until SIGTERM or SIGINT; ends the process."""
    faust.Worker(build(settings, clock), loglevel=loglevel).execute_from_commandline()


def main(
    bootstrap: str, families_topic: str = catalogue.FAMILIES_TOPIC, reevaluated_per_s: int = reevaluation.PER_SECOND
) -> None:
    """Run the agents until SIGTERM or SIGINT; ends the process. The topic is that of the state that serves."""
    settings = AgentSettings(
        bootstrap,
        rules_topic=catalogue.RULES_TOPIC,
        families_topic=families_topic,
        reevaluated_per_s=reevaluated_per_s,
    )
    run(settings)


if __name__ == "__main__":
    main(sys.argv[1])
