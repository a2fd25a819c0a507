"""The live fold by real workers, the client library alone beside it, and one and two workers on pinned cores."""

import os
import re
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any, Final

import psutil
from confluent_kafka import TopicPartition

from jejak import stack
from jejak.bench import profile
from jejak.bench.ground import Ground, Watch
from jejak.bench.results import Figure, Result
from jejak.composition import FOLD_GROUP
from jejak.processes import Children
from schemas import catalogue
from stream_processors.engine import clients
from stream_processors.engine.contract import Output
from stream_processors.engine.settings import EngineSettings
from transport import kafka

_COPIES_OF: Final = (catalogue.EVENTS_TOPIC, catalogue.FAMILIES_TOPIC)
_BURST_SECONDS: Final = 4.0  # less than the session timeout: workers are frozen meanwhile
_STAGE: Final = re.compile(r'jejak_batch_seconds_sum\{stage="(\w+)"\} (\S+)')


def fold(ground: Ground) -> Iterator[Result]:
    """Yield how fast one worker folds the backlog, everything emitted and durable, and what its stages take."""
    whole = ground.publish()
    port = free_port()
    with ground.workers() as workers:
        ground.progress("fold")
        workers.start("fold", "run", "fold", JEJAK_METRICS_PORT=str(port))
        watch = Watch(ground.kafka, FOLD_GROUP, (catalogue.CHANGES_TOPIC,), workers.running().values())
        start, used, first = watch.until(0)
        end, after, last = watch.until(1)
        yield from Figure(
            "fold",
            "live fold, everything emitted and durable",
            "changes",
            last - first,
            end - start,
            sum(after) - sum(used),
        ).results()
        for stage, seconds in _stages(port):
            note = "by the clock, waiting included"
            yield Result(f"fold.{stage}", f"stage {stage} of the batches", seconds / whole * 1e6, "s per million", note)


def disk(ground: Ground) -> Iterator[Result]:
    """Yield what a record of each topic takes on the broker's disk, as its clients compressed it."""
    logs = [*(ground.registry.settings.data / "kafka").rglob("*.log")]
    for topic in (catalogue.CHANGES_TOPIC, catalogue.EVENTS_TOPIC, catalogue.FAMILIES_TOPIC):
        size = sum(log.stat().st_size for log in logs if re.fullmatch(rf"{re.escape(topic)}-\d+", log.parent.name))
        records = sum(kafka.end_offsets(ground.kafka, topic).values())
        yield Result(f"disk.{topic}", f"a record of {topic} on disk", size / records, "bytes", f"{records:,} records")


def floor(ground: Ground) -> Iterator[Result]:
    """Yield what the client library alone takes: to read every change, and to send as much as the fold does."""
    whole = ground.publish()
    ground.progress("client library alone")
    settings = EngineSettings(
        ground.kafka, "bench-floor", "bench-floor", catalogue.CHANGES_TOPIC, catalogue.FAMILIES_TOPIC
    )
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in _read(settings, whole):
        pass
    yield from Figure(
        "floor.consume",
        "client library alone: read",
        "changes",
        whole,
        time.perf_counter() - wall,
        time.process_time() - cpu,
    ).results()
    put_out = profile.outputs(ground.corpus)
    specs = {topic.name: topic for topic in catalogue.TOPICS}
    kafka.create_topics(ground.kafka, [replace(specs[name], name=f"bench.{name}") for name in _COPIES_OF])
    wall, cpu = time.perf_counter(), time.process_time()
    sent = _copy(settings, whole, put_out)
    yield from Figure(
        "floor.both",
        "client library alone: read, and send as many records of the same bytes in transactions",
        "changes",
        whole,
        time.perf_counter() - wall,
        time.process_time() - cpu,
        f"{sent / whole:.2f} records a change, without their headers",
    ).results()


def _read(settings: EngineSettings, whole: int) -> Iterator[list[Any]]:
    """Yield batches until that many changes were read."""
    consumer = clients.restoring_consumer(settings)
    try:
        consumer.assign([TopicPartition(settings.input_topic, part, 0) for part in range(catalogue.PARTITIONS)])
        left = whole
        while left > 0:
            batch = [message for message in consumer.consume(settings.batch, 1.0) if message.error() is None]
            left -= len(batch)
            yield batch
    finally:
        consumer.close()


def _copy(settings: EngineSettings, whole: int, put_out: Sequence[Sequence[Output]]) -> int:
    """Send, for each change, the outputs of one change of the corpus to topics of our own; return how many records."""
    producer, sent, since = clients.transactional_producer(settings), 0, time.monotonic()
    producer.init_transactions(30)
    producer.begin_transaction()
    following = cycle([[(_place(output.topic), output.value) for output in outputs] for outputs in put_out])
    for batch in _read(settings, whole):
        queued: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for message in batch:
            key, part = message.key(), message.partition()
            for topic, value in next(following):
                queued.setdefault((topic, part), []).append({"key": key, "value": value})
                sent += 1
        for (topic, part), messages in queued.items():
            while producer.produce_batch(topic, messages, partition=part) < len(messages):
                messages[:] = [message for message in messages if message.pop("_error", None) is not None]
                producer.poll(0.05)
        if time.monotonic() - since > settings.commit_interval_s:
            producer.commit_transaction(30)
            producer.begin_transaction()
            since = time.monotonic()
    producer.commit_transaction(60)
    return sent


def _place(topic: str) -> str:
    return f"bench.{topic if topic == catalogue.FAMILIES_TOPIC else catalogue.EVENTS_TOPIC}"


def scaling(ground: Ground) -> Iterator[Result]:
    """Yield rate and CPU of one worker on a core of its own, and of two, the second on the broker's core."""
    cores = sorted(os.sched_getaffinity(0))
    broker = ground.broker()
    broker.cpu_affinity(cores[:1])
    numbers = iter(range(1_000_000))
    rates = []
    for count in (1, 2):
        figure = _pinned(ground, count, cores, numbers)
        rates.append(figure.per_second)
        yield from figure.results()
    shared = f"{len(cores)} cores: the broker keeps core 1, the second worker shares it"
    yield Result("scaling.factor", "rate of two workers over that of one", rates[1] / rates[0], "times", shared)


def _pinned(ground: Ground, count: int, cores: Sequence[int], numbers: Iterator[int]) -> Figure:
    """Return the figure of so many workers that begin together on what was sent while they were frozen."""
    ground.progress(f"scaling: {count} worker{'s'[: count - 1]}")
    step = ground.wishes.copies
    batch = [*ground.corpus.copies([next(numbers) for _ in range(step)])]
    with ground.workers() as workers:
        ports = start_folds(workers, count)
        processes = [psutil.Process(pid) for pid in workers.running().values()]
        for number, process in enumerate(processes):
            # The last core first: the broker has the first.
            process.cpu_affinity([cores[-1 - number % len(cores)]])
        wait_held(ports)
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            sent = ground.send(batch, _BURST_SECONDS)
        finally:
            for process in processes:
                process.send_signal(signal.SIGCONT)
        start, used = time.perf_counter(), [sum(process.cpu_times()[:2]) for process in processes]
        watch = Watch(ground.kafka, FOLD_GROUP, (catalogue.CHANGES_TOPIC,), [process.pid for process in processes])
        end, after, _ = watch.until(1)
    each = ", ".join(f"{now - before:.1f}" for now, before in zip(after, used, strict=True))
    return Figure(
        f"scaling.{count}",
        f"fold by {count} worker{'s'[: count - 1]}, 12 partitions, pinned",
        "changes",
        sent,
        end - start,
        sum(after) - sum(used),
        f"CPU s by worker: {each}",
    )


def start_folds(workers: Children, count: int) -> list[int]:
    """Start so many workers of the fold, and return the ports of their metrics."""
    ports = [free_port() for _ in range(count)]
    for number, port in enumerate(ports):
        workers.start(f"fold-{number}", "run", "fold", JEJAK_METRICS_PORT=str(port), JEJAK_WORKER=f"bench-{number}")
    return ports


def wait_held(ports: Sequence[int], deadline_seconds: float = 60.0) -> None:
    """Return once the workers hold all partitions between them, each some, and have nothing to do."""
    deadline = time.monotonic() + deadline_seconds
    while time.monotonic() < deadline:
        held = [scraped(port).count("jejak_consumer_lag_messages{") for port in ports]
        idle = all('jejak_worker_state{state="idle"} 1.0' in scraped(port) for port in ports)
        if idle and all(held) and sum(held) == catalogue.PARTITIONS:
            return
        time.sleep(0.2)
    raise TimeoutError("the workers did not come to hold the partitions")


def _stages(port: int) -> list[tuple[str, float]]:
    return [(stage, float(seconds)) for stage, seconds in _STAGE.findall(scraped(port))]


def scraped(port: int) -> str:
    """Return a worker's metrics, nothing while it doesn't serve them yet."""
    try:
        with urllib.request.urlopen(f"http://{stack.LOOPBACK}:{port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((stack.LOOPBACK, 0))
        return int(probe.getsockname()[1])
