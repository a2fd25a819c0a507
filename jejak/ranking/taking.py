"""Takes a run's input: every family's standing at one position of the log, partition by partition, into its folder.

A partition that was taken is not read again, so that a killed run goes on. Knows Kafka and the folder; must not know
scores.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from consumers.replay import log
from jejak.ranking import columns
from jejak.ranking.families import Part, standings
from jejak.ranking.run import Asked, Folder, RunRefused
from transport import kafka

Show = Callable[[str], None]
OTHER_RUN: Final = "OTHER_RUN"


@dataclass(frozen=True, slots=True)
class _Job:
    """One partition to be taken."""

    bootstrap: str
    folder: Path
    run_id: str
    number: int


def position(bootstrap: str, states_topic: str, events_topic: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the end offsets, by partition, of the states committed now and then of the events that they speak of."""
    states = kafka.end_offsets(bootstrap, states_topic)
    events = kafka.end_offsets(bootstrap, events_topic)
    if states.keys() != events.keys() or sorted(states) != list(range(len(states))):
        raise RunRefused("PARTITIONS_DIFFER", f"{states_topic} and {events_topic} have other partitions")
    in_order = range(len(states))
    return tuple(states[number] for number in in_order), tuple(events[number] for number in in_order)


def take(bootstrap: str, folder: Folder, asked: Asked, workers: int, show: Show) -> None:
    """Have the folder hold the columns of every partition; raises InputRefused and what the log raises."""
    left = [number for number in range(len(asked.states)) if not folder.has(number)]
    jobs = [_Job(bootstrap, folder.path.parent, asked.run_id, number) for number in left]
    for done, number in enumerate(_taken(jobs, workers), 1):
        show(f"partition {number} read, {done} of {len(left)}")


def _taken(jobs: list[_Job], workers: int) -> Iterator[int]:
    if workers <= 1 or len(jobs) <= 1:
        yield from map(_take, jobs)
        return
    with _pool(min(workers, len(jobs))) as pool:
        for each in as_completed([pool.submit(_take, job) for job in jobs]):
            yield each.result()


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    # Spawned, not forked: the client's threads don't live on in a copy of this process.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _take(job: _Job) -> int:
    folder = Folder(job.folder, job.run_id)
    asked = folder.asked()
    if asked is None:
        raise RunRefused("NO_RUN", "the run's folder lacks what it was asked for")
    model, work = folder.model(), folder.work(f"states-{job.number}")
    number = job.number
    part = Part(number, asked.states_topic, asked.events_topic, asked.states[number], asked.events[number])
    with log.reader(job.bootstrap) as source:
        found = columns.frame(standings(source, part, work, model, asked.as_of), model.variables)
    columns.write(found, folder.input(job.number))
    folder.keep(job.number, columns.digest(found))
    work.unlink()
    return job.number
