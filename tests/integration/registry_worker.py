"""Runs the product's folds or read model on one test's own topics: `python registry_worker.py fold '{"tag": ...}'`.

SIGTERM stops it in good order; a fault ends it with the engine's exit code.
"""

import json
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cassandra.cluster import NoHostAvailable

sys.path[:0] = [str(Path(__file__).parents[2])]

from consumers.read_model import projector as projecting  # noqa: E402  a script beside the tests, not installed
from consumers.read_model.dead_letters import DeadLetters  # noqa: E402  idem
from consumers.read_model.writes import Store  # noqa: E402  idem
from jejak.composition import on_stop  # noqa: E402  idem
from schemas import catalogue  # noqa: E402  idem
from stream_processors.engine.contract import Output, PartitionFold  # noqa: E402  idem
from stream_processors.engine.faults import FAULT_EXIT_CODE  # noqa: E402  idem
from stream_processors.engine.loop import Worker  # noqa: E402  idem
from stream_processors.engine.settings import DeadLetterLimits, EngineSettings  # noqa: E402  idem
from stream_processors.folds.access_requests import AccessRequestsFold  # noqa: E402  idem
from stream_processors.folds.families import FamiliesFold  # noqa: E402  idem
from stream_processors.folds.persons import PersonsFold  # noqa: E402  idem
from stream_processors.folds.rules_watch import RulesWatch  # noqa: E402  idem
from transport import kafka  # noqa: E402  idem
from transport.cassandra import closing_session  # noqa: E402  idem


def own(topic: str, tag: str) -> str:
    """Return the name that a topic of the catalogue has in the test with this tag."""
    return f"{topic}.{tag}"


class Renamed:
    """A fold as it is, its outputs sent to the test's own topics."""

    def __init__(self, fold: PartitionFold, tag: str) -> None:
        self._fold = fold
        self._tag = tag

    def restore(self, key: bytes, value: bytes) -> None:
        self._fold.restore(key, value)

    def restored(self) -> Sequence[Output]:
        return self._renamed(self._fold.restored())

    @property
    def next_offset(self) -> int | None:
        return self._fold.next_offset

    def fold(self, key: bytes | None, value: bytes, offset: int, appended_at: int) -> Sequence[Output]:
        return self._renamed(self._fold.fold(key, value, offset, appended_at))

    def close_batch(self, next_offset: int) -> Sequence[Output]:
        return self._renamed(self._fold.close_batch(next_offset))

    def _renamed(self, outputs: Sequence[Output]) -> Sequence[Output]:
        return [output._replace(topic=own(output.topic, self._tag)) for output in outputs]


def run_fold(tag: str, **options: Any) -> None:
    """Fold until SIGTERM or a fault."""
    settings = EngineSettings(**{**options, "limits": DeadLetterLimits(**options.get("limits", {}))})
    watch = RulesWatch(settings.bootstrap, own(catalogue.RULES_TOPIC, tag))
    worker = Worker(
        settings, lambda number: Renamed(FamiliesFold(number, lambda: watch.book), tag), before_batch=watch.refresh
    )
    on_stop(worker.stop)
    worker.run()
    watch.close()


def run_requests(tag: str, **options: Any) -> None:
    """Decide access requests until SIGTERM or a fault."""
    worker = Worker(EngineSettings(**options), lambda number: Renamed(AccessRequestsFold(number), tag))
    on_stop(worker.stop)
    worker.run()


def run_persons(tag: str, **options: Any) -> None:
    """Answer claims of persons until SIGTERM or a fault."""
    worker = Worker(EngineSettings(**options), lambda number: Renamed(PersonsFold(number), tag))
    on_stop(worker.stop)
    worker.run()


def topics(tag: str) -> projecting.Topics:
    """Return the topics that the read model of the test with this tag is made of."""
    return projecting.Topics(
        events=own(catalogue.EVENTS_TOPIC, tag),
        families=own(catalogue.FAMILIES_TOPIC, tag),
        indicators=own(catalogue.INDICATORS_TOPIC, tag),
        refusals=own(catalogue.REFUSALS_TOPIC, tag),
        reference=own(catalogue.REFERENCE_TOPIC, tag),
        audit=own(catalogue.AUDIT_TOPIC, tag),
        dead_letters=own(catalogue.DEAD_LETTERS_TOPIC, tag),
    )


def run_read_model(tag: str, *, bootstrap: str, cassandra: str, version: str) -> None:
    """Project until SIGTERM or a fault."""
    stopping = threading.Event()
    on_stop(stopping.set)
    group, read = projecting.group_of(version), topics(tag)
    with closing_session(cassandra) as session:
        letters = DeadLetters(kafka.producer(bootstrap), read.dead_letters, group)
        consumer = projecting.member(bootstrap, group, session_timeout_ms=6_000)
        projecting.Projector(consumer, lambda wait: Store(session, wait, version), letters, read, stopping.is_set).run()
        consumer.close()


def main() -> None:
    """Run what the first argument names."""
    workers = {"fold": run_fold, "persons": run_persons, "read-model": run_read_model, "requests": run_requests}
    try:
        workers[sys.argv[1]](**json.loads(sys.argv[2]))
    except NoHostAvailable:
        # A database that is away when a worker begins: started again by whoever supervises it.
        sys.exit(FAULT_EXIT_CODE)


if __name__ == "__main__":
    main()
