"""Which families have an objection filed, and which visits were tasks; when each step is said.

Source: machines B and C (domain guide 4.B, 4.C); the shares are invented. It draws from a source of chance of its own,
so that all else said of a family stays as it is without it. It must not word steps.
"""

from collections.abc import Iterator
from random import Random
from typing import Final

from producers.simulation import case_wording, machine, wording
from producers.simulation.life import Entry
from producers.simulation.nation import DAY, SECOND, Nation
from producers.simulation.people import Family

_SALT: Final = 0x0B_1EC7
_KINDS: Final = ("TIDAK_LAYAK", "TIDAK_LAYAK", "DATA_SALAH", "PINDAH")
_DECIDED, _UPHELD, _REPEATED = 0.8, 0.4, 0.07  # of objections; of those decided; of tasks that are examined
_TEN_MINUTES: Final = 600 * SECOND


def with_cases(nation: Nation, family: Family, said: list[Entry]) -> list[Entry]:
    """Return the history with the family's cases, in order; the same list when it has none."""
    registered = next((one for one in said if one.word is wording.registered and not one.expected), None)
    if registered is None or any(one.word is wording.moved for one in said):
        return said  # who objects lives where the family lives
    rng = Random((nation.seed * _SALT) ^ family.index)  # noqa: S311  a simulation, not a secret
    added: list[Entry] = []
    if rng.random() < nation.rates.objected:
        added += _objection(registered.at, rng)
    visits = [one for one in said if one.word is wording.visited and not one.expected]
    if rng.random() < nation.rates.assigned and len(visits) == 1:
        added += _task(registered.at, visits[0].at, rng)
    kept = [one for one in added if one.at < nation.end]
    return sorted([*said, *kept], key=lambda one: one.at) if kept else said


def _objection(entered: int, rng: Random) -> Iterator[Entry]:
    """Yield an objection from its filing to its answer; some are never answered, and expire."""
    kind = _KINDS[int(rng.random() * len(_KINDS))]
    at = machine.office_time(entered, rng.randint(60, 240), rng)
    filed = case_wording.Filed(at, kind, rng.getrandbits(32))
    yield Entry(at, case_wording.filed, (filed,))
    for step, days in (("ObjectionReceived", (1, 2)), ("ObjectionForwarded", (1, 3))):
        at = machine.office_time(at, rng.randint(*days), rng)
        yield Entry(at, case_wording.objection_step, (filed, step, ""))
    if rng.random() < _DECIDED:
        at = machine.office_time(at, rng.randint(2, 13), rng)
        outcome = "DITERIMA" if rng.random() < _UPHELD else "DITOLAK"
        yield Entry(at, case_wording.objection_step, (filed, "ObjectionDecided", outcome))


def _task(entered: int, visited_at: int, rng: Random) -> Iterator[Entry]:
    """Yield the steps around a visit that was assigned: before it, and what became of its form."""
    assigned_at = machine.office_time(visited_at, -rng.randint(3, 20), rng)
    if assigned_at <= entered + DAY:
        return
    yield Entry(assigned_at, case_wording.assigned, ())
    yield Entry(visited_at - _TEN_MINUTES, case_wording.task_step, (assigned_at, "GroundCheckVisited", ""))
    at = visited_at
    outcome = "KUNJUNGAN_ULANG" if rng.random() < _REPEATED else "DITERIMA"
    steps = [("GroundCheckExamined", ""), ("GroundCheckDecided", outcome)]
    for step, decided in steps + ([("GroundCheckForwarded", "")] if outcome == "DITERIMA" else []):
        at = machine.office_time(at, rng.randint(1, 6), rng)
        yield Entry(at, case_wording.task_step, (assigned_at, step, decided))
