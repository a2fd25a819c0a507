"""A replay of the accepted events up to a cut: every partition by itself, over processes, and one attestation.

Knows jobs, processes and files; must not know how a partition is folded.
"""

import hashlib
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consumers.replay import attestation, worker
from consumers.replay.attestation import Document
from consumers.replay.cut import Cut
from consumers.replay.worker import Done, Job
from schemas import catalogue

LOOK_SECONDS = 1.0
WORTH_A_PROCESS = 200_000  # offsets; starting one costs as much as folding some tens of thousands of events
Show = Callable[[int, int], None]
"""Is shown now and then how many offsets are folded and how many there are."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay that was done: its attestation, as data and as the bytes of its file, and each partition's part."""

    document: Document
    written: bytes
    partitions: tuple[Done, ...]


def replay(  # noqa: PLR0913  the wishes of one replay, used nowhere else
    bootstrap: str,
    cut: Cut,
    attest: Path,
    *,
    snapshots: Path | None = None,
    workers: int = 0,
    show: Show = lambda _done, _whole: None,
    topic: str = catalogue.EVENTS_TOPIC,
) -> Replayed:
    """Fold the events below the cut into a fresh state, and write its attestation and leaves; nothing else changes.

    `workers` 0 takes a process for each core. Raises ReplayRefused where the log can't be folded, LogRefused where it
    isn't whole, and then no file is written but snapshots; TimeoutError or KafkaException where it can't be read.
    """
    with tempfile.TemporaryDirectory(dir=attest.absolute().parent, prefix=f".{attest.name}.") as folder:
        jobs = [
            Job(bootstrap, topic, number, end, Path(folder) / f"{number}{attestation.LEAVES_SUFFIX}", snapshots)
            for number, end in sorted(cut.ends.items())
        ]
        done = _run(jobs, _processes(jobs, workers), show)
        whole = Path(folder) / "leaves"
        found = attestation.document(done, _joined([job.leaves for job in jobs], whole))
        whole.replace(attestation.leaves_of(attest))
    return Replayed(found, attestation.write(attest, found), tuple(done))


def _processes(jobs: Sequence[Job], workers: int) -> int:
    wanted = workers or min(len(os.sched_getaffinity(0)), 1 + sum(job.end for job in jobs) // WORTH_A_PROCESS)
    return max(1, min(wanted, len(jobs)))


def _joined(parts: Sequence[Path], whole: Path) -> str:
    """Join files into one, in order; return its SHA-256 in hex."""
    with whole.open("wb") as target:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, target)
    with whole.open("rb") as written:
        return hashlib.file_digest(written, hashlib.sha256).hexdigest()


def _run(jobs: Sequence[Job], processes: int, show: Show) -> list[Done]:
    whole = sum(job.end for job in jobs)
    if processes == 1:
        at: dict[int, int] = {}

        def tell(number: int, offset: int) -> None:
            at[number] = offset
            show(sum(at.values()), whole)

        return [worker.run(job, tell) for job in jobs]
    return _run_beside(jobs, processes, lambda folded: show(folded, whole))


def _run_beside(jobs: Sequence[Job], processes: int, show: Callable[[int], None]) -> list[Done]:
    """Run the largest partitions first, so that the last process isn't left with the most."""
    spawn = multiprocessing.get_context("spawn")  # the broker's client doesn't outlive a fork
    at: Any = spawn.RawArray("q", 1 + max(job.number for job in jobs))
    with ProcessPoolExecutor(processes, spawn, _share, (at,)) as pool:
        try:
            futures = [pool.submit(_work, job) for job in sorted(jobs, key=lambda job: -job.end)]
            _watch(futures, lambda: show(sum(at)))
            return sorted((future.result() for future in futures), key=lambda one: one.number)
        except BaseException:  # an interrupt too: what is not begun must not begin
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _watch(futures: Sequence[Future[Done]], look: Callable[[], None]) -> None:
    """Wait for every job; the first that fails raises."""
    left = set(futures)
    while left:
        over, left = wait(left, timeout=LOOK_SECONDS)
        look()
        for future in over:
            future.result()


_at: Any = None


def _share(at: Any) -> None:
    """Keep, in a process of the pool, where it tells how far it is."""
    global _at  # noqa: PLW0603  a process of the pool has no other place for what it shares
    _at = at


def _work(job: Job) -> Done:
    return worker.run(job, _tell_beside)


def _tell_beside(number: int, offset: int) -> None:
    _at[number] = offset
