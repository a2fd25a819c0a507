"""Machines B to E and X, row by row, written from the domain guide and decision 0034; and walks by them.

A walk goes from nothing to a state by the rows below alone: what the product's tables say has no part in it.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from stream_processors.registry import aid
from stream_processors.registry.split import child_id
from tests.unit.registry_scenarios import (
    BUDI,
    CITRA,
    DAY,
    HOUR,
    NEIGHBOUR,
    NOW,
    OBJECTION,
    SPLIT,
    TASK,
    WIB,
    Scenario,
    claimed,
    given,
    matched,
    place,
    registered,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class Step(NamedTuple):
    """One row: from a state by a record, with an outcome where it has one, to a state."""

    start: str
    record: str
    outcome: str
    end: str


# `-` is nothing: no state yet, or no outcome. A slash stands between several.
TABLES: dict[str, str] = {
    "SANGGAH": """
-/KEDALUWARSA      ObjectionFiled       -          DIAJUKAN
DIAJUKAN           ObjectionReceived    -          DITERIMA_SISTEM
DITERIMA_SISTEM    ObjectionForwarded   -          VERIFIKASI_PEMDA
VERIFIKASI_PEMDA/KEDALUWARSA ObjectionDecided  DITERIMA  DITERIMA
VERIFIKASI_PEMDA/KEDALUWARSA ObjectionDecided  DITOLAK   DITOLAK
VERIFIKASI_PEMDA   DeadlineReached      -          KEDALUWARSA
""",
    "GROUND_CHECK": """
-                     GroundCheckAssigned   -  DITUGASKAN
KUNJUNGAN_ULANG       GroundCheckAssigned   -  DITUGASKAN
DITUGASKAN            GroundCheckVisited    -  DIKUNJUNGI
DITUGASKAN            DeadlineReached       -  DITUGASKAN
DIKUNJUNGI            DeadlineReached       -  DIKUNJUNGI
DITUGASKAN/DIKUNJUNGI GroundCheckRecorded   1  TERISI_LENGKAP
DITUGASKAN/DIKUNJUNGI GroundCheckRecorded   2  TERISI_TIDAK_LENGKAP
DITUGASKAN/DIKUNJUNGI GroundCheckRecorded   3  TIDAK_ADA_RESPONDEN
DITUGASKAN/DIKUNJUNGI GroundCheckRecorded   4  MENOLAK
DITUGASKAN/DIKUNJUNGI GroundCheckRecorded   5  PINDAH_ATAU_BANGUNAN_TIDAK_ADA
TERISI_LENGKAP/TERISI_TIDAK_LENGKAP GroundCheckExamined  -  DIPERIKSA
TIDAK_ADA_RESPONDEN/MENOLAK/PINDAH_ATAU_BANGUNAN_TIDAK_ADA GroundCheckExamined - DIPERIKSA
DIPERIKSA             GroundCheckDecided    DITERIMA         DITERIMA
DIPERIKSA             GroundCheckDecided    KUNJUNGAN_ULANG  KUNJUNGAN_ULANG
DITERIMA              GroundCheckForwarded  -                DISERAHKAN_BPS
DISERAHKAN_BPS        FamilyRanked          DESIL            DIPERINGKAT_ULANG
DISERAHKAN_BPS        FamilyRanked          TANPA_DESIL      DIPERINGKAT_ULANG
""",
    "PBI_JKN": """
-/NONAKTIF/DITOLAK  PbiEnrolled  -  AKTIF
AKTIF/AKTIF_BPJS    PbiDeactivated  TIDAK_DI_DTSEN/DESIL_6_10  MASA_TENGGANG
AKTIF/AKTIF_BPJS/MASA_TENGGANG/USUL_REAKTIVASI/DISETUJUI_KEMENSOS PbiDeactivated MENINGGAL/GANDA/PINDAH_SEGMEN NONAKTIF
MASA_TENGGANG       DeadlineReached  -  NONAKTIF
MASA_TENGGANG/NONAKTIF/DITOLAK  PbiReactivationProposed  -  USUL_REAKTIVASI
USUL_REAKTIVASI     PbiReactivationDecided  DISETUJUI  DISETUJUI_KEMENSOS
USUL_REAKTIVASI     PbiReactivationDecided  DITOLAK    DITOLAK
DISETUJUI_KEMENSOS  PbiActivated  -  AKTIF_BPJS
""",
    "PENGECUALIAN": """
-/BERLAKU  FamilyExcluded   -  BERLAKU
BERLAKU    DeadlineReached  -  BERAKHIR
BERLAKU    ExclusionLifted  -  DICABUT
""",
    "VERIFIKASI": """
-            DeadlineReached      -    JATUH_TEMPO
JATUH_TEMPO  GroundCheckRecorded  1/2  DIVERIFIKASI
""",
    "KEPESERTAAN": """
-/CADANGAN/DIALOKASIKAN/MASA_TENGGANG/DIHENTIKAN AidAllocated - DIALOKASIKAN
-/CADANGAN/DIALOKASIKAN/DIHENTIKAN  AidWaitlisted    -  CADANGAN
DIALOKASIKAN                AidSuspended     -         DITANGGUHKAN
DITANGGUHKAN/MASA_TENGGANG  AidResumed       -         DIALOKASIKAN
DIALOKASIKAN/MASA_TENGGANG  AidStopped       TENGGANG  MASA_TENGGANG
DIALOKASIKAN/MASA_TENGGANG  AidStopped       SEKARANG  DIHENTIKAN
DITANGGUHKAN/CADANGAN       AidStopped       TENGGANG/SEKARANG  DIHENTIKAN
MASA_TENGGANG               DeadlineReached  -         DIHENTIKAN
""",
    "KEPALA_KELUARGA": """
-             MembershipEnded      TANPA  TANPA_KEPALA
-             MembershipContested  TANPA  TANPA_KEPALA
-             MembershipClaimed    TANPA  TANPA_KEPALA
-             MembershipClaimed    GANDA  KEPALA_GANDA
-             MembershipConfirmed  GANDA  KEPALA_GANDA
TANPA_KEPALA/KEPALA_GANDA  MembershipClaimed  SATU  BERKEPALA
TANPA_KEPALA  MembershipConfirmed  SATU   BERKEPALA
TANPA_KEPALA  PersonReactivated    SATU   BERKEPALA
KEPALA_GANDA  MembershipEnded      SATU   BERKEPALA
KEPALA_GANDA  MembershipContested  SATU   BERKEPALA
""",
    "KELUARGA": """
-                            FamilyRegistered   -           AKTIF
AKTIF                        FamilyMoved        -           AKTIF
NONAKTIF                     FamilyMoved        -           NONAKTIF
GABUNG                       FamilyMoved        -           GABUNG
BUBAR                        FamilyMoved        -           BUBAR
PINDAH                       FamilyMoved        -           AKTIF
AKTIF                        FamilyDeparted     -           PINDAH
AKTIF                        FamilyDeparted     SUDAH_TIBA  AKTIF
AKTIF/PINDAH                 FamilyArrived      -           AKTIF
AKTIF                        FamilySplit        -           AKTIF
AKTIF                        FamilyBranched     -           AKTIF
AKTIF                        FamilyAbsorbed     -           AKTIF
AKTIF/PINDAH/NONAKTIF        FamilyMerged       -           GABUNG
AKTIF/PINDAH/NONAKTIF        FamilyDissolved    -           BUBAR
AKTIF/PINDAH                 FamilyDeactivated  -           NONAKTIF
NONAKTIF/GABUNG/BUBAR        FamilyReactivated  -           AKTIF
AKTIF                        FamilyCardReissued -           AKTIF
PINDAH                       FamilyCardReissued -           PINDAH
NONAKTIF                     FamilyCardReissued -           NONAKTIF
""",
}


def _rows(text: str) -> Iterator[Step]:
    for line in text.strip().splitlines():
        starts, record, outcomes, end = line.split()
        for start in starts.split("/"):
            for outcome in outcomes.split("/"):
                yield Step(start.strip("-"), record, outcome.strip("-"), end)


EXPECTED: dict[str, tuple[Step, ...]] = {name: tuple(_rows(text)) for name, text in TABLES.items()}
STATES: dict[str, tuple[str, ...]] = {
    name: tuple(dict.fromkeys(row.end for row in rows)) for name, rows in EXPECTED.items()
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATER = NOW + HOUR
CITED = b"a new fact ....."
CHANGED = b"another relation"
CHILD = child_id(SPLIT)
_DECIDING = frozenset({"ObjectionDecided", "GroundCheckDecided", "PbiReactivationDecided"})
_FAMILY = (registered, claimed, matched)


def where(scene: Scenario, machine: str) -> str:
    """Return the state of the one subject that a walk has in a machine."""
    if machine == "KELUARGA":
        return str(scene.state.status)
    if machine == "KEPESERTAAN":
        return next((str(one.standing) for one in scene.state.aid), "")
    return next((one.step for one in scene.state.cases if one.machine == machine), "")


def said(row: Step, machine: str, scene: Scenario) -> Any:  # noqa: C901, PLR0911, PLR0912  one line per record
    """Return the change of a row, as it fits where the scene stands."""
    match row.record:
        case "DeadlineReached" if machine == "VERIFIKASI":
            return unverified(scene)
        case "DeadlineReached" if machine == "KEPESERTAAN":
            ((kind, subject, due_at),) = aid.awaited(scene.state)
            return say(row.record, kind=kind, subject_id=subject, due_at=due_at, occurred=due_at)
        case "MembershipClaimed":
            other = row.outcome == "GANDA" or row.start == "TANPA_KEPALA"
            return successor() if other else claimed(relationship=2, change_id=CHANGED, occurred=LATER)
        case "AidAllocated" | "AidWaitlisted":
            return say(row.record, run_id=f"BPNTD-{scene.state.sequence}")
        case "AidStopped":
            return say(row.record, effective_on=20_200 if row.outcome == "TENGGANG" else 20_100)
        case "DeadlineReached":
            case = next(one for one in scene.state.cases if one.machine == machine)
            return due(case, machine)
        case "GroundCheckRecorded" if row.start == "JATUH_TEMPO":
            return visited(int(row.outcome), occurred=scene.clock)
        case "GroundCheckRecorded":
            return visited(int(row.outcome))
        case "FamilyRanked" if row.outcome == "TANPA_DESIL":
            return say("FamilyRanked", decile=None, percentile=None, unranked_reason="VARIABEL", occurred=LATER)
        case "FamilyRanked":
            return say("FamilyRanked", occurred=LATER)
        case "PbiDeactivated":
            return say(row.record, reason=row.outcome)
        case "ObjectionFiled" if not where(scene, machine):
            return say(row.record, change_id=OBJECTION)
        case "GroundCheckAssigned" if not row.start:
            return say(row.record, change_id=TASK)
        case "FamilyExcluded":
            return say(row.record, programmes=("PKH",), expires_on=20_300)
        case "ExclusionLifted":
            return say(row.record, programmes=("PKH",), cites=CITED)
        case "FamilyMoved":
            return say(row.record, region=place(NEIGHBOUR))
        case "FamilyBranched":
            return say(row.record, family_id=CHILD)
        case _:
            return say(row.record, **({"outcome": row.outcome} if row.record in _DECIDING else {}))


def successor() -> Any:
    """Return the claim of who follows the head."""
    return claimed(BUDI, relationship=1, cause="GANTI_KEPALA", occurred=LATER)


def visited(result: int, **fields: Any) -> Any:
    """Return a visit with this result of Regsosek 205."""
    return say("GroundCheckRecorded", result=result, **({} if result in {1, 2} else {"family": None}), **fields)


def unverified(scene: Scenario) -> Any:
    """Return the date that came two years after the visit in force, or after now where nobody ever visited."""
    visit = next((one for one in scene.state.facets if one.name == "ground_check"), None)
    seen, subject = (NOW, b"never a visit ..") if visit is None else (visit.occurred_at, visit.change_id)
    day = (EPOCH + timedelta(microseconds=seen)).astimezone(WIB).date()
    last = datetime(day.year + 2, day.month, day.day, tzinfo=WIB) + timedelta(days=1) - timedelta(microseconds=1)
    due_at = (last - EPOCH) // timedelta(microseconds=1)
    return say("DeadlineReached", kind="REVERIFICATION", subject_id=subject, due_at=due_at, occurred=due_at)


def due(case: Any, machine: str) -> Any:
    """Return the date of a case that came, as the deadlines agent tells it."""
    of = {"SANGGAH": "OBJECTION_EXPIRY.TIDAK_LAYAK", "PENGECUALIAN": "EXCLUSION_EXPIRY.PERANGKAT_DESA/PKH"}
    of["GROUND_CHECK"] = "GROUND_CHECK_DUE"
    kind = of.get(machine) or f"PBI_GRACE.{case.case_id.hex()}"
    return say("DeadlineReached", kind=kind, subject_id=case.case_id, due_at=case.due_at, occurred=case.due_at)


def prepared(scene: Scenario, row: Step) -> Scenario:
    """Return the scene with what the row's guards ask for, and its clock where the row needs it."""
    match row.record:
        case "DeadlineReached" if not any(one.due_at for one in (*scene.state.cases, *scene.state.aid)):
            if not any(one.name == "ground_check" for one in scene.state.facets):
                scene.and_given(visited(1))
            scene.clock = NOW + 3 * 365 * DAY
        case "DeadlineReached":
            scene.clock = max(one.due_at for one in (*scene.state.cases, *scene.state.aid)) + 1
        case "ExclusionLifted" if all(one.change_id != CITED for one in scene.state.facets):
            scene.and_given(claimed(CITRA, change_id=CITED, occurred=LATER))
        case "MembershipConfirmed":
            scene = given(*(make() for make in _FAMILY), say("MembershipContested"))
            return scene.and_given(successor()) if row.outcome == "GANDA" else scene
        case "FamilyDissolved":
            scene.and_given(say("MembershipEnded", reason="MENINGGAL"))
        case "FamilyDeparted" if row.outcome:
            scene.and_given(say("FamilyArrived"))
        case "FamilyBranched":
            scene = given(registered(family_id=CHILD))
        case _:
            pass
    return scene


@cache
def path(machine: str, state: str) -> tuple[Step, ...]:
    """Return the shortest way by the rows from nothing to a state."""
    begin = "AKTIF" if machine == "KELUARGA" else ""
    left: deque[tuple[str, tuple[Step, ...]]] = deque([(begin, ())])
    seen = {begin}
    while left:
        here, taken = left.popleft()
        if here == state:
            return taken
        for row in EXPECTED[machine]:
            if row.start == here and row.end not in seen:
                seen.add(row.end)
                left.append((row.end, (*taken, row)))
    raise AssertionError(state)


def standing_at(machine: str, state: str) -> Scenario:
    """Return a family whose subject in the machine walked to this state."""
    scene = given(*(make() for make in _FAMILY))
    for row in path(machine, state):
        scene = prepared(scene, row)
        scene.and_given(said(row, machine, scene))
    return scene
