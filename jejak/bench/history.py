"""What is made of the topics again: a replay of the events, and a restore of the states.

Knows the replay and the engine's restore as their callers do.
"""

import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, Final

from consumers.replay import cut
from consumers.replay.replay import replay as replay_events
from jejak.bench import corpus as corpora
from jejak.bench.corpus import copied
from jejak.bench.ground import Ground
from jejak.bench.results import Figure, Result
from jejak.composition import FOLD_GROUP
from schemas import catalogue
from stream_processors.engine import clients
from stream_processors.engine.contract import Digesting
from stream_processors.engine.log_ends import LogEnds
from stream_processors.engine.partition import Assigned, Restorer
from stream_processors.engine.settings import EngineSettings
from stream_processors.folds.families import POSITION_PREFIX, FamiliesFold
from transport import kafka
from transport.pulse import Pulse

COMPACTED: Final = "bench.compacted.v1"
_FIRST_COPY: Final = 1_000_000  # no copy of the district has this number


def replay(ground: Ground) -> Iterator[Result]:
    """Yield how fast one process folds the accepted events into state, counts and digest."""
    ground.progress("replay")
    with tempfile.TemporaryDirectory(dir=ground.registry.settings.data) as folder:
        wall, cpu = time.perf_counter(), _cpu()
        done = replay_events(ground.kafka, cut.at_end(ground.kafka), Path(folder) / "attestation.json", workers=1)
        figure = Figure(
            "replay",
            "replay of events into state, counts and digest, one process",
            "events",
            int(done.document["events"]),
            time.perf_counter() - wall,
            _cpu() - cpu,
            "rate by CPU: one core",
        )
    yield from figure.results(by_core=True)
    yield Result("replay.clock", "the same by the clock", figure.per_second, "events/s")


def _cpu() -> float:
    """Return the CPU seconds of this process and of those it started that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def restore(ground: Ground) -> Iterator[Result]:
    """Yield how fast a worker's restore takes states over: a state a family, and all that the fold ever wrote."""
    ground.progress("restore")
    states = _compact(ground)
    yield from _restored(ground, COMPACTED, "restore", "restore of a compacted topic, counts included", states)
    written = sum(1 for _ in kafka.read_all(ground.kafka, catalogue.FAMILIES_TOPIC))
    yield from _restored(
        ground, catalogue.FAMILIES_TOPIC, "restore.log", "restore of every state ever written", written
    )


def _restored(ground: Ground, topic: str, name: str, what: str, records: int) -> Iterator[Result]:
    settings = EngineSettings(ground.kafka, FOLD_GROUP, "bench-restore", catalogue.CHANGES_TOPIC, topic)
    book = corpora.book()
    ends = LogEnds(ground.kafka, settings.patience_s)
    restorer = Restorer(settings, lambda part: FamiliesFold(part, lambda: book), ends, lambda: False, Pulse())
    group = clients.group_consumer(settings)
    try:
        wall, cpu = time.perf_counter(), time.process_time()
        held = restorer.restore(group, range(catalogue.PARTITIONS))
        for owned in held:
            owned.fold.restored()
        used = time.perf_counter() - wall, time.process_time() - cpu
        if topic == COMPACTED:
            yield _digested(held, records)
    finally:
        group.close()
    figure = Figure(name, what, "states", records, *used, "rate by CPU: one core")
    yield from figure.results(by_core=True)
    yield Result(f"{name}.clock", f"{what}, by the clock", figure.per_second, "states/s")


def _digested(held: Sequence[Assigned], families: int) -> Result:
    started = time.process_time()
    for owned in held:
        if isinstance(owned.fold, Digesting):
            owned.fold.digest()
    each = (time.process_time() - started) / families * 1e6
    return Result("restore.digest", "digest of a restored state, as in a worker's health", each, "us a family")


def _compact(ground: Ground) -> int:
    """Write one state of each family, and of copies of them, to a topic of our own; return how many."""
    specs = {topic.name: topic for topic in catalogue.TOPICS}
    kafka.create_topics(ground.kafka, [replace(specs[catalogue.FAMILIES_TOPIC], name=COMPACTED)])
    latest: dict[tuple[bytes, int], bytes] = {}
    for message in kafka.read_all(ground.kafka, catalogue.FAMILIES_TOPIC):
        latest[message.key() or b"", message.partition() or 0] = message.value() or b""
    producer, written = kafka.producer(ground.kafka), 0
    numbers = count(_FIRST_COPY)
    while written < ground.wishes.states:
        number = next(numbers)
        for (key, part), value in latest.items():
            if key.startswith(POSITION_PREFIX):
                if number == _FIRST_COPY:
                    _put(producer, key, value, part)
                continue
            other = copied(key, number)
            _put(producer, other, value.replace(key, other), part)
            written += 1
    producer.flush(60)
    return written


def _put(producer: Any, key: bytes, value: bytes, partition: int) -> None:
    while True:
        try:
            producer.produce(COMPACTED, key=key, value=value, partition=partition)
        except BufferError:
            producer.poll(0.05)
        else:
            return
