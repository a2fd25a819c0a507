"""The fold under a load that is paced: how long a change waits for its commit, and whether memory stays flat."""

import bisect
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import psutil

from jejak.bench import corpus as corpora
from jejak.bench import folding
from jejak.bench.ground import Ground, Watch, produce
from jejak.bench.results import Result
from jejak.composition import FOLD_GROUP
from producers.outgoing import Outgoing
from schemas import catalogue
from transport import kafka

_TICK_SECONDS: Final = 0.02
_LAG_LOOK_SECONDS: Final = 0.05
_WARM_SHARE: Final = 0.3
_STEADY_FAMILIES: Final = 500
_STEADY_RATE: Final = 1_000

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Pace:
    """Changes a second, for how long, and how often to look."""

    rate: float
    seconds: float
    look_seconds: float


@dataclass(slots=True)
class _Seen:
    """What was seen of the group's offsets: when, and by partition."""

    times: list[float] = field(default_factory=list)
    offsets: list[dict[Place, int]] = field(default_factory=list)


def lag(ground: Ground) -> Iterator[Result]:
    """Yield how long a change waits from its append to the commit of what follows, at a paced rate."""
    rate, seconds, count = ground.wishes.rate, ground.wishes.seconds, ground.wishes.workers
    ground.progress(f"lag at {rate:,} changes a second for {seconds:.0f} s, {count} of the fold's workers")
    wanted = round(rate * seconds)
    changes = [*islice(ground.corpus.copies(range(1 + wanted // len(ground.corpus.changes))), wanted)]
    seen = _Seen()
    with ground.workers() as workers:
        folding.wait_held(folding.start_folds(workers, count))
        ground.send(changes[:1])
        warm = Watch(ground.kafka, FOLD_GROUP, (catalogue.CHANGES_TOPIC,), workers.running().values())
        warm.until(1)
        places = Watch(ground.kafka, FOLD_GROUP, (catalogue.CHANGES_TOPIC,), ())
        places.ask([(catalogue.CHANGES_TOPIC, part) for part in range(catalogue.PARTITIONS)])

        def look() -> None:
            seen.offsets.append(dict(places.offsets()))
            seen.times.append(time.time())

        started = time.perf_counter()
        _paced(ground, changes[1:], _Pace(rate, seconds, _LAG_LOOK_SECONDS), look)
        sent = time.perf_counter() - started
        during = sum(seen.offsets[-1].values())
        rest = Watch(ground.kafka, FOLD_GROUP, (catalogue.CHANGES_TOPIC,), workers.running().values())
        while rest.done() < rest.whole:
            look()
            time.sleep(_LAG_LOOK_SECONDS)
        look()
    waits = sorted(_waits(ground, seen))
    note = f"{len(waits):,} changes sent at {len(waits) / sent:,.0f}/s; {count} of the fold's workers"
    for name, at in (("p50", 0.5), ("p95", 0.95), ("max", 1.0)):
        yield Result(f"lag.{name}", f"append to commit, {name}", waits[max(0, round(at * len(waits)) - 1)], "s", note)
    yield Result("lag.held", "committed while it was sent", during / sent, "changes/s")


def _paced(ground: Ground, changes: Iterable[Outgoing], pace: _Pace, look: Callable[[], None]) -> int:
    """Send changes at a pace, with looks in between; return how many were sent."""
    producer, source = kafka.producer(ground.kafka), iter(changes)
    started = looked = time.perf_counter()
    sent = 0
    while (now := time.perf_counter()) < started + pace.seconds:
        due = round((now - started) * pace.rate) - sent
        for change in islice(source, due):
            produce(producer, change)
        sent += due
        producer.poll(0)
        if now - looked >= pace.look_seconds:
            look()
            looked = now
        time.sleep(_TICK_SECONDS)
    producer.flush(60)
    return sent


def _waits(ground: Ground, seen: _Seen) -> Iterator[float]:
    """Yield, for each change, the seconds from its append to the first look that found it committed."""
    by_place = {place: [offsets.get(place, 0) for offsets in seen.offsets] for place in {*seen.offsets[-1]}}
    for message in kafka.read_all(ground.kafka, catalogue.CHANGES_TOPIC):
        looks = by_place[catalogue.CHANGES_TOPIC, message.partition() or 0]
        found = bisect.bisect_right(looks, message.offset() or 0)
        if found < len(looks) and found:
            yield max(0.0, seen.times[found] - message.timestamp()[1] / 1_000)


def memory(ground: Ground) -> Iterator[Result]:
    """Yield how much a worker's memory grows while the same families change at a steady rate."""
    seconds = 60 * ground.wishes.minutes
    ground.progress(f"memory over {ground.wishes.minutes:g} minutes of load")
    ground.publish()
    sizes: list[tuple[float, float]] = []
    with ground.workers() as workers:
        workers.start("fold", "run", "fold")
        Watch(ground.kafka, FOLD_GROUP, (catalogue.CHANGES_TOPIC,), workers.running().values()).until(1)
        (pid,) = workers.running().values()
        process, started = psutil.Process(pid), time.perf_counter()

        def look() -> None:
            sizes.append((time.perf_counter() - started, float(process.memory_info().rss)))

        load = corpora.steady(ground.corpus, _STEADY_FAMILIES)
        warm = max(60.0, _WARM_SHARE * seconds)
        sent = _paced(ground, load, _Pace(_STEADY_RATE, warm + seconds, 1.0), look)
        Watch(ground.kafka, FOLD_GROUP, (catalogue.CHANGES_TOPIC,), [pid]).until(1)
    steady = [(at, size) for at, size in sizes if at >= warm]
    mean = sum(size for _, size in steady) / len(steady)
    grown = _slope(steady) * seconds / mean * 100
    note = f"{seconds / 60:g} minutes at {sent / (warm + seconds):,.0f} changes/s after {warm:.0f} s; least squares"
    yield Result("memory.growth", "growth of the fold's memory over the load", grown, "%", note)
    third = len(steady) // 3 or 1
    means = [sum(size for _, size in part) / len(part) / 2**20 for part in (steady[:third], steady[-third:])]
    told = f"{means[0]:.1f} in the first third, {means[1]:.1f} in the last"
    yield Result("memory.size", "its memory", mean / 2**20, "MiB", told)


def _slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the line that fits best."""
    middle, mean = (sum(column) / len(points) for column in zip(*points, strict=True))
    across = sum((at - middle) ** 2 for at, _ in points)
    return float(sum((at - middle) * (size - mean) for at, size in points) / across)
