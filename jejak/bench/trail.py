"""Measures how long it takes to tell who saw whom over a table of many entries, built in bulk: ten years of looks.

The lines are read, united over the years and ordered; proofs and the record of the reading are measured elsewhere.
"""

import random
import time
from collections.abc import Callable, Iterator
from itertools import islice
from statistics import quantiles
from typing import Final

from cassandra import OperationTimedOut, ReadTimeout
from cassandra.cluster import NoHostAvailable, Session

from consumers.gateway.request import AuditAsked, AuditDisclosed, AuditFound, Caller, Purpose, Withheld
from consumers.gateway.trail import OWN_DATA, Looks, Trail, Trails
from consumers.read_model.audit_queries import Accesses
from consumers.read_model.writes import Begun, Store
from identity.audit_reference import EpochKey
from jejak.bench import trail_rows
from jejak.bench.ground import Ground
from jejak.bench.results import Result
from jejak.bench.trail_rows import AGENCIES, OFFICERS, YEARS, agency_of, date_of, name_of, officer_of

ASKED: Final = 1_000
_WARMING: Final = 100
_AT_ONCE: Final = 5_000
_TELLS_EVERY: Final = 40
_PERCENT: Final = 100
_SETTLING_SECONDS: Final = 900.0
_LOOK_SECONDS: Final = 1.0
_TASKS: Final = "SELECT task_id FROM system_views.sstable_tasks"
# A database among other load may be late; who asks waits for as long as it takes, and that is what is measured.
_LATE: Final = (OperationTimedOut, ReadTimeout, NoHostAvailable)
_CALLER: Final = Caller("warga", "portal", "self", "warga", "HIGH", "API", "bench")


class _Door:
    """Lets every reading pass."""

    def audit_read(
        self, caller: Caller, purpose: Purpose, about: AuditAsked, read: Callable[[], AuditFound]
    ) -> AuditDisclosed | Withheld:
        """Return what is found."""
        del caller, purpose, about
        return AuditDisclosed(read(), ())

    def look_family(self, *_: object) -> Withheld:
        """Show nothing."""
        return Withheld("NOT_ASKED")


class _Homes:
    def family_of(self, reference: str) -> str:
        """Return a family of which nobody ever asked."""
        return f"f{reference}"

    def cards_of(self, family_id: str) -> tuple[str, ...]:
        """Return no card, by which nobody ever asked either."""
        del family_id
        return ()


def trail(ground: Ground) -> Iterator[Result]:
    """Yield how fast rows are written in bulk, and how long trails of persons, officers and agencies take."""
    keys = tuple(EpochKey(year, year.to_bytes(32, "big")) for year in YEARS)
    rows = trail_rows.Trails(ground.wishes.entries, keys)
    ground.progress(f"trail, {rows.entries:,} entries: {rows.persons:,} persons, {rows.days} days")
    yield _built(ground, Store(ground.registry.session, lambda _attempt, _fault: time.sleep(1)), rows)
    yield _settled(ground, ground.registry.session)
    trails = Trails(_Door(), Accesses(ground.registry.session), _Homes(), lambda: keys)
    draw, purpose = random.Random(7), Purpose(OWN_DATA)  # noqa: S311  a sample

    def of_person() -> Trail | Withheld:
        return trails.of_person(_CALLER, purpose, name_of(draw.randrange(rows.persons)))

    def of_accessor() -> Looks | Withheld:
        agency, officer = agency_of(draw.randrange(AGENCIES)), officer_of(draw.randrange(OFFICERS))
        return trails.of_accessor(_CALLER, purpose, agency, officer, date_of(draw.randrange(rows.days)))

    def of_agency() -> Looks | Withheld:
        return trails.of_agency(
            _CALLER, purpose, agency_of(draw.randrange(AGENCIES)), date_of(draw.randrange(rows.days))
        )

    asked: tuple[tuple[str, str, Callable[[], Trail | Looks | Withheld], int], ...] = (
        ("trail", "who saw me", of_person, ASKED),
        ("trail.accessor", "an officer's day", of_accessor, ASKED),
        ("trail.agency", "an agency's day", of_agency, ASKED // 10),
    )
    for name, what, ask, times in asked:
        ground.progress(what)
        yield from _timed(name, what, _Asked(ask), times, f"{rows.entries:,} entries")


def _built(ground: Ground, store: Store, rows: trail_rows.Trails) -> Result:
    """Write every row, the next being made while some are on their way; return how fast that was."""
    writes, count, begun = rows.writes(), 0, list[Begun]()
    started, cpu = time.perf_counter(), time.process_time()
    for number, chunk in enumerate(iter(lambda: list(islice(writes, _AT_ONCE)), [])):
        begun.append(store.begin(chunk))
        count += len(chunk)
        if len(begun) > 1:
            store.finish(begun.pop(0))
        if number % _TELLS_EVERY == 0:
            ground.progress(f"trail, {count:,} rows")
    for one in begun:
        store.finish(one)
    spent, used = time.perf_counter() - started, time.process_time() - cpu
    note = f"{count:,} rows of {rows.entries:,} entries in {spent:.0f} s, {used / count * 1e6:.0f} us of CPU a row"
    return Result("trail.built", "rows of the trail written in bulk", count / spent, "rows/s", note)


def _settled(ground: Ground, session: Session) -> Result:
    """Wait until the database has put its files in order after so many rows; return how long that took."""
    started = time.perf_counter()
    while (tasks := len(list(session.execute(_TASKS)))) and time.perf_counter() - started < _SETTLING_SECONDS:
        ground.progress(f"trail, the database puts its files in order: {tasks} to go")
        time.sleep(_LOOK_SECONDS)
    note = "every file in its place" if not tasks else f"{tasks} tasks were left then"
    return Result("trail.settled", "the database put its files in order", time.perf_counter() - started, "s", note)


class _Asked:
    """Asks until there is an answer; counts how often the database did not answer in its time."""

    def __init__(self, ask: Callable[[], Trail | Looks | Withheld]) -> None:
        self._ask = ask
        self.late = 0

    def __call__(self) -> Trail | Looks | Withheld:
        """Return the answer."""
        while True:
            try:
                return self._ask()
            except _LATE:
                self.late += 1


def _timed(name: str, what: str, ask: _Asked, times: int, over: str) -> Iterator[Result]:
    """Yield the percentiles of an answer's time; the first answers warm the client and the server."""
    took, found = list[float](), 0
    for number in range(times + _WARMING):
        started = time.perf_counter()
        answer = ask()
        if number >= _WARMING:
            took.append((time.perf_counter() - started) * 1_000)
            found += 0 if isinstance(answer, Withheld) else len(answer.lines)
    percentiles = quantiles(took, n=_PERCENT)
    note = f"{over}, {found / times:.0f} lines an answer, asked {times:,} times"
    if ask.late:
        note += f", {ask.late} of them more than once"
    for each, value in (("p50", percentiles[49]), ("p95", percentiles[94]), ("p99", percentiles[98])):
        yield Result(f"{name}.{each}", f"{what}, {each}", value, "ms", note)
