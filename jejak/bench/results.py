"""What a measurement found, and the goal it is held against.

Knows names, values and goals; must not know how anything is measured.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on a value: at most or at least `bound`, with a stretch beyond it where there is one."""

    bound: float
    at_most: bool = False
    stretch: float | None = None

    def verdict(self, value: float) -> str:
        """Return stretch, met or missed."""
        if self.stretch is not None and self._holds(value, self.stretch):
            return "stretch"
        return "met" if self._holds(value, self.bound) else "missed"

    def _holds(self, value: float, bound: float) -> bool:
        return value <= bound if self.at_most else value >= bound

    def __str__(self) -> str:
        sign = "<=" if self.at_most else ">="
        stretch = "" if self.stretch is None else f" (stretch {self.stretch:g})"
        return f"{sign} {self.bound:,g}{stretch}"


GOALS: Final[Mapping[str, Goal]] = {
    "intake.rate": Goal(10_000),
    "fold.cpu": Goal(10, at_most=True, stretch=7),
    "replay.cpu": Goal(5, at_most=True, stretch=4),
    "replay.rate": Goal(180_000),
    "restore.rate": Goal(150_000),
    "projection.batches": Goal(15_000),
    "memory.growth": Goal(1, at_most=True),
    "tree.rate": Goal(280_000),
    "lag.p95": Goal(1, at_most=True),
    "lag.max": Goal(1, at_most=True),
    "audit.rate": Goal(10_000, stretch=25_000),
    "audit.added.1.p99": Goal(25, at_most=True),
    "audit.added.8.p99": Goal(25, at_most=True),
    "audit.added.32.p99": Goal(25, at_most=True),
    "trail.p99": Goal(300, at_most=True),
    "verify.hashes": Goal(200_000),
    "verify.decoded": Goal(50_000),
    "verify.receipt.text": Goal(2.5, at_most=True),
    "rank.five": Goal(60, at_most=True, stretch=30),
    "verify.receipt.binary": Goal(1.6, at_most=True),
}
"""The goals, by the name of the value that is held against them."""


@dataclass(frozen=True, slots=True)
class Result:
    """One value of one measurement. `name` finds its goal; `note` says what it was measured on."""

    name: str
    what: str
    value: float
    unit: str
    note: str = ""

    @property
    def goal(self) -> Goal | None:
        """The goal it is held against, if there is one."""
        return GOALS.get(self.name)

    @property
    def verdict(self) -> str:
        """Met, missed or stretch; nothing without a goal."""
        return "" if self.goal is None else self.goal.verdict(self.value)

    def shown(self) -> str:
        """Return the value for people: as many digits as say something."""
        digits = 0 if abs(self.value) >= 100 else 1 if abs(self.value) >= 10 else 2  # noqa: PLR2004  digits of a figure
        return f"{self.value:,.{digits}f}"

    def as_json(self) -> dict[str, Any]:
        """Return everything about it."""
        return {
            "name": self.name,
            "what": self.what,
            "value": self.value,
            "unit": self.unit,
            "goal": str(self.goal) if self.goal else None,
            "verdict": self.verdict or None,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement of work: how many, in how many seconds of the clock and of the processes' CPU."""

    name: str
    what: str
    unit: str
    count: int
    seconds: float
    cpu_seconds: float
    note: str = ""

    @property
    def per_second(self) -> float:
        """How many a second of the clock."""
        return self.count / self.seconds if self.seconds else 0.0

    @property
    def per_core(self) -> float:
        """How many a second of CPU: the rate of one core that has nothing else to do and never waits."""
        return self.count / self.cpu_seconds if self.cpu_seconds else 0.0

    @property
    def cpu_per_million(self) -> float:
        """CPU seconds for a million."""
        return self.cpu_seconds / self.count * 1e6 if self.count else 0.0

    def results(self, *, by_core: bool = False) -> Iterator[Result]:
        """Yield the rate, by the clock or `by_core`, and the CPU for a million."""
        rate, second = (self.per_core, "s of CPU") if by_core else (self.per_second, "s")
        note = f"{self.count:,} {self.unit}{'; ' if self.note else ''}{self.note}"
        yield Result(f"{self.name}.rate", self.what, rate, f"{self.unit}/{second}", note)
        yield Result(f"{self.name}.cpu", self.what, self.cpu_per_million, "CPU s per million", note)
