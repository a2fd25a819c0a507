"""How a worker is measured: its own CPU seconds and the offsets its group committed, between first and last commit.

Start-up is left out, the broker's and the publisher's CPU too. Knows processes and groups; nothing of what they do.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import psutil

from consumers.read_model.settled import committed
from transport import kafka

LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement: how many, in how many seconds of the clock and of one process's CPU."""

    what: str
    count: int
    seconds: float
    cpu_seconds: float
    unit: str

    @property
    def per_second(self) -> float:
        """How many a second."""
        return self.count / self.seconds if self.seconds else 0.0

    @property
    def cpu_per_million(self) -> float:
        """CPU seconds for a million."""
        return self.cpu_seconds / self.count * 1e6 if self.count else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the figure with its ratios."""
        return {**asdict(self), "per_second": self.per_second, "cpu_seconds_per_million": self.cpu_per_million}


def timed(what: str, unit: str, work: Callable[[], int]) -> Figure:
    """Return the figure of work done in this process; it returns how many it did."""
    wall, cpu = time.perf_counter(), time.process_time()
    count = work()
    return Figure(what, count, time.perf_counter() - wall, time.process_time() - cpu, unit)


def worker(  # noqa: PLR0913, PLR0917  what, where and how long are the measurement
    what: str, unit: str, bootstrap: str, group: str, topics: Iterable[str], pid: int, deadline_seconds: float
) -> Figure:
    """Return the figure of a worker process that reads `topics` to their present ends as a member of `group`.

    Counts offsets between its first and its last commit. Raises TimeoutError at the deadline.
    """
    ends = {(topic, part): end for topic in topics for part, end in kafka.end_offsets(bootstrap, topic).items() if end}
    process, deadline = psutil.Process(pid), time.monotonic() + deadline_seconds
    first: tuple[float, float, int] | None = None
    while time.monotonic() < deadline:
        done = committed(bootstrap, group, ends)
        count = sum(min(done[place], end) for place, end in ends.items())
        used = process.cpu_times()
        now = (time.perf_counter(), used.user + used.system, count)
        if first is None and count:
            first = now
        if first is not None and count >= sum(ends.values()):
            return Figure(what, count - first[2], now[0] - first[0], now[1] - first[1], unit)
        time.sleep(LOOK_SECONDS)
    raise TimeoutError(f"{what}: not done after {deadline_seconds:.0f} s")
