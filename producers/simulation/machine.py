"""The walk of one proposal through machine A, with plausible shares for every branch.

Source: domain guide 4.A; the shares are invented. It says which steps are taken when; it must not word them.
"""

from random import Random
from typing import Final, NamedTuple

from producers.simulation.nation import DAY, HOUR


class Branch(NamedTuple):
    """One way on from a state: up to which draw it is taken, by what record and outcome, to where, after how long."""

    until: float
    record: str
    outcome: str
    to: str
    days: tuple[int, int]


class Taken(NamedTuple):
    """One step that was taken: when, by what record, with what outcome; a determination on which run's decile."""

    at: int
    record: str
    outcome: str
    run_id: str = ""


class Ranked(NamedTuple):
    """What a run said of the family: as of when, when it was told, and the run; none where it gave no decile."""

    at: int
    told: int
    run_id: str


# A list that isn't matched yet and one that is are one state of machine A; the walk keeps them apart.
UNMATCHED, MATCHED = "DAFTAR_USULAN_AWAL", "DAFTAR_USULAN_AWAL (padan)"
AT_STATISTICS_OFFICE: Final = "DISERAHKAN_BPS"
_CANCELLED: Final = 0.006

BRANCHES: Final[dict[str, tuple[Branch, ...]]] = {
    "DRAF": (Branch(1.0, "ProposalSubmitted", "", UNMATCHED, (1, 4)),),
    UNMATCHED: (
        Branch(0.93, "ProposalIdentityMatched", "PADAN", MATCHED, (1, 5)),
        Branch(0.97, "ProposalIdentityMatched", "NAMA_BEDA", "PERLU_PERBAIKAN_IDENTITAS", (1, 5)),
        Branch(1.0, "ProposalIdentityMatched", "NIK_TIDAK_DITEMUKAN", "PERLU_PERBAIKAN_IDENTITAS", (1, 5)),
    ),
    "PERLU_PERBAIKAN_IDENTITAS": (Branch(1.0, "ProposalIdentityCorrected", "", UNMATCHED, (2, 10)),),
    MATCHED: (
        Branch(0.94, "VillageMeetingHeld", "DISEPAKATI", "DAFTAR_USULAN_AKHIR", (3, 20)),
        Branch(1.0, "VillageMeetingHeld", "DITOLAK", "DITOLAK_MUSDES", (3, 20)),
    ),
    "DAFTAR_USULAN_AKHIR": (
        Branch(0.9, "FieldVerificationCompleted", "LAYAK", "TERVERIFIKASI", (2, 14)),
        Branch(1.0, "FieldVerificationCompleted", "TIDAK_LAYAK", "TIDAK_LAYAK", (2, 14)),
    ),
    "TERVERIFIKASI": (
        Branch(0.88, "DinsosReviewCompleted", "TERIMA", "MENUNGGU_PENGESAHAN", (1, 10)),
        Branch(0.95, "DinsosReviewCompleted", "KEMBALIKAN", MATCHED, (1, 10)),
        Branch(1.0, "DinsosReviewCompleted", "TOLAK", "DITOLAK_DINSOS", (1, 10)),
    ),
    "MENUNGGU_PENGESAHAN": (
        Branch(0.94, "ProposalEndorsed", "", "DISAHKAN", (1, 8)),
        Branch(1.0, "ProposalEndorsementReturned", "", "TERVERIFIKASI", (1, 8)),
    ),
    "DISAHKAN": (
        Branch(0.8, "ProposalSentToMinistry", "", "DI_KEMENSOS", (1, 5)),
        # The cut-off was missed: it is sent a month later, for the next period.
        Branch(1.0, "ProposalSentToMinistry", "", "DI_KEMENSOS", (30, 34)),
    ),
    "DI_KEMENSOS": (
        Branch(0.92, "QualityControlCompleted", "LULUS", AT_STATISTICS_OFFICE, (1, 10)),
        Branch(1.0, "QualityControlCompleted", "GAGAL", "DIKEMBALIKAN_DAERAH", (1, 10)),
    ),
    "TERPERINGKAT": (
        Branch(0.55, "ProposalDetermined", "", "DITETAPKAN", (2, 20)),
        Branch(0.8, "ProposalNotDetermined", "CADANGAN", "CADANGAN", (2, 20)),
        Branch(1.0, "ProposalNotDetermined", "TIDAK_MEMENUHI", "TIDAK_MEMENUHI", (2, 20)),
    ),
}


def office_time(at: int, days: int, rng: Random) -> int:
    """Return a moment in office hours (08-16 WIB), `days` days after the day of `at`."""
    return (at // DAY + days) * DAY + HOUR + int(rng.random() * 8 * HOUR)


def walk(drafted_at: int, ranks: tuple[Ranked, ...], end: int, rng: Random) -> tuple[tuple[Taken, ...], int]:
    """Return the steps a proposal takes before `end`, and when it is over; `end` when it is still open.

    `ranks` are what the runs say of this family, in order.
    """
    steps: list[Taken] = []
    state, at = "DRAF", drafted_at
    while True:
        if state == AT_STATISTICS_OFFICE:
            run = next((one for one in ranks if one.run_id and one.at > at), None)
            if run is None:
                return tuple(steps), end
            state, at = "TERPERINGKAT", run.at
            continue
        branches = BRANCHES.get(state)
        if branches is None:
            return tuple(steps), at
        cancelled = rng.random() < _CANCELLED
        branch = _chosen(branches, rng.random())
        at = office_time(at, rng.randint(*branch.days), rng)
        if at >= end:
            return tuple(steps), end
        if cancelled:
            steps.append(Taken(at, "ProposalCancelled", ""))
            return tuple(steps), at
        run_id = _run_at(ranks, at) if branch.record == "ProposalDetermined" else ""
        if branch.record == "ProposalDetermined" and not run_id:
            branch = BRANCHES[state][-1]  # a newer run gave no decile: there is nothing to determine on
        steps.append(Taken(at, branch.record, branch.outcome, run_id))
        state = branch.to


def _run_at(ranks: tuple[Ranked, ...], at: int) -> str:
    """Return the run whose decile is the family's at a time, empty where it has none."""
    return next((one.run_id for one in reversed(ranks) if one.told <= at), "")


def _chosen(branches: tuple[Branch, ...], u: float) -> Branch:
    return next((branch for branch in branches if u < branch.until), branches[-1])
