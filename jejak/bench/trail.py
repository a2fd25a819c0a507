"""Measures how long "who saw me" takes over a table of many entries, built in bulk: ten years of each person's looks.

The lines are read, united over the years and ordered; proofs and the record of the reading are measured elsewhere.
"""

import random
import time
from collections.abc import Callable, Iterator
from itertools import islice
from statistics import quantiles
from typing import Final

from consumers.gateway.request import AuditAsked, AuditDisclosed, AuditFound, Caller, Purpose, Withheld
from consumers.gateway.trail import OWN_DATA, Trails
from consumers.read_model import tables
from consumers.read_model.audit_queries import Accesses
from consumers.read_model.audit_rows import DISCLOSED, DISCLOSURE
from consumers.read_model.rows import Write
from consumers.read_model.writes import Store
from identity.audit_reference import EpochKey
from jejak.bench.ground import Ground
from jejak.bench.results import Result

YEARS: Final = tuple(range(2016, 2026))
A_YEAR: Final = 10  # looks at a person
ASKED: Final = 1_000
_AT_ONCE: Final = 20_000
_PERCENT: Final = 100
_FIRST: Final = 1_451_606_400_000_000
_A_YEAR: Final = 31_557_600_000_000
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
    """Yield how fast lines are written in bulk, and how long a person's trail takes, with how many lines it has."""
    entries = ground.wishes.entries
    persons = max(entries // (A_YEAR * len(YEARS)), 1)
    keys = [EpochKey(year, year.to_bytes(32, "big")) for year in YEARS]
    ground.progress(f"trail, {entries:,} entries")
    yield _built(Store(ground.registry.session, lambda _attempt, _fault: time.sleep(1)), keys, persons)
    ground.progress("trail, asked")
    trails = Trails(_Door(), Accesses(ground.registry.session), _Homes(), lambda: keys)
    yield from _asked(trails, persons, entries)


def _built(store: Store, keys: list[EpochKey], persons: int) -> Result:
    writes, count, started, cpu = _lines(keys, persons), 0, time.perf_counter(), time.process_time()
    while chunk := list(islice(writes, _AT_ONCE)):
        store.write(chunk)
        count += len(chunk)
    spent, used = time.perf_counter() - started, time.process_time() - cpu
    note = f"{count:,} lines, {used / count * 1e6:.0f} us of CPU a line"
    return Result("trail.built", "lines of the trail written in bulk", count / spent, "rows/s", note)


def _lines(keys: list[EpochKey], persons: int) -> Iterator[Write]:
    """Yield the lines of every person, a year after the other, as the projection writes them."""
    offset = 0
    who = ("dinsos/35.71", "officer-7", "verifier", "READ", "VERIFIKASI_VALIDASI", "2025-2", "UU13/2011-8", "", "API")
    for key in keys:
        begins = _FIRST + (key.epoch - YEARS[0]) * _A_YEAR
        for person in range(persons):
            subject = (key.subject_ref(name_of(person)),)
            for look in range(A_YEAR):
                offset += 1
                at, event_id = begins + look * _A_YEAR // A_YEAR + person, offset.to_bytes(16, "big")
                about = (("decile", "member.name"), DISCLOSED, "", 1, key.epoch, 5, 0, 0, "CITIZEN", 0)
                row = (at, event_id, DISCLOSURE, event_id, *who, *about, at + 1_000, offset % 12, offset)
                yield Write(tables.ACCESS_OF_SUBJECT, subject, row, 1)


def name_of(person: int) -> str:
    """Return the reference of an invented person."""
    return f"{person:026d}"


def _asked(trails: Trails, persons: int, entries: int) -> Iterator[Result]:
    drawn, took, found = random.Random(7), list[float](), 0  # noqa: S311  a sample
    purpose = Purpose(OWN_DATA)
    for number in range(ASKED + _PERCENT):
        started = time.perf_counter()
        answer = trails.of_person(_CALLER, purpose, name_of(drawn.randrange(persons)))
        if number >= _PERCENT:  # the first warm the client and the server
            took.append((time.perf_counter() - started) * 1_000)
        found += 0 if isinstance(answer, Withheld) else len(answer.lines)
    percentiles = quantiles(took, n=100)
    each = found // (ASKED + _PERCENT)
    note = f"{entries:,} entries, {persons:,} persons, {each} lines of {len(YEARS)} years each, asked {ASKED:,} times"
    for name, value in (("p50", percentiles[49]), ("p95", percentiles[94]), ("p99", percentiles[98])):
        yield Result(f"trail.{name}", f"who saw me, {name}", value, "ms", note)
