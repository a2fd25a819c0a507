"""Puts the steps of a proposal into the words of the contract: drafts in plain text.

Source of the steps: machine A (domain guide 4.A). It must not choose which step comes next.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from producers.draft import Draft
from producers.simulation.machine import Taken
from producers.simulation.nation import DAY, Nation
from producers.simulation.people import Family
from producers.simulation.wording import QUESTIONNAIRE, say, village_of

Body = dict[str, Any]


class Proposed(NamedTuple):
    """What is proposed, and by whom."""

    kind: str
    proposer: str


def drafted(nation: Nation, family: Family, at: int, proposed: Proposed) -> Draft:
    """Say that somebody proposes the family or a change to it."""
    kind, proposer = proposed
    body = {
        "kind": kind,
        "proposer": proposer,
        "channel": "PARTISIPASI" if proposer == "WARGA" else "FORMAL",
        "programme": "PKH" if kind in {"BARU", "PERUBAHAN_DESIL"} else None,
        "note": "usulan warga" if proposer == "WARGA" else None,
    }
    agency = "kemensos" if proposer == "KEMENSOS" else village_of(family)
    return say(nation, agency, "ProposalDrafted", at, family.card, body)


def stepped(nation: Nation, family: Family, at: int, taken: Taken, proposal: Draft) -> Draft:
    """Say what became of a proposal at one step of machine A."""
    agency = _actor(nation, family, taken.record, proposal)
    body = _BODIES[taken.record](nation, at, taken.outcome, proposal)
    if taken.record == "ProposalDetermined":
        body["run_id"] = taken.run_id
    return say(nation, agency, taken.record, at, family.card, body, {"proposal_id": proposal})


def _actor(nation: Nation, family: Family, record: str, proposal: Draft) -> str:
    match record:
        case "ProposalSubmitted" | "ProposalCancelled":
            return proposal.channel.agency
        case "ProposalIdentityMatched":
            return "dukcapil"
        case "DinsosReviewCompleted" | "ProposalSentToMinistry":
            return f"dinsos/{nation.district}"
        case "ProposalEndorsed" | "ProposalEndorsementReturned":
            return f"bupati/{nation.district}"
        case "QualityControlCompleted" | "ProposalDetermined" | "ProposalNotDetermined":
            return "kemensos"
        case _:
            return village_of(family)


def _minutes(nation: Nation, at: int, outcome: str, _: Draft) -> Body:
    month = nation.month(at)
    return {
        "outcome": outcome,
        "minutes_number": f"BA-{month}",
        "held_on": at // DAY,
        "attendees": 30,
        "signatures": 12,
        "bnba_list_digest": hashlib.sha256(f"daftar {month}".encode()).digest(),
        "reason": "TIDAK_MISKIN" if outcome == "DITOLAK" else None,
    }


def _verification(_: Nation, at: int, outcome: str, __: Draft) -> Body:
    return {
        "outcome": outcome,
        "questionnaire": QUESTIONNAIRE,
        "geotag": "-7.82,112.01",
        "photo_digest": hashlib.sha256(f"foto rumah {at}".encode()).digest(),
        "reason": "TIDAK_MISKIN" if outcome == "TIDAK_LAYAK" else None,
    }


def _review(_: Nation, __: int, outcome: str, ___: Draft) -> Body:
    reason = {"KEMBALIKAN": "BERKAS_KURANG", "TOLAK": "DATA_TIDAK_BENAR"}.get(outcome)
    return {"outcome": outcome, "reason": reason, "note": "catatan pemeriksa" if reason else None}


def _sent(nation: Nation, at: int, _: str, proposal: Draft) -> Body:
    return {"period": period_for(nation, at, proposal.body["kind"]), "batch_number": f"KIRIM-{nation.month(at)}"}


def _determined(nation: Nation, at: int, _: str, proposal: Draft) -> Body:
    number = f"PENETAPAN-{nation.month(at)}"
    return {"determination_number": number, "programme": proposal.body["programme"] or "SEMBAKO"}


def _endorsed(nation: Nation, at: int, _: str, __: Draft) -> Body:
    month = nation.month(at)
    return {"batch_number": f"SK-{month}", "signature": f"TTE-{month}", "delegate": None}


_BODIES: Final[Mapping[str, Callable[[Nation, int, str, Draft], Body]]] = {
    "ProposalSubmitted": lambda _, __, ___, ____: {},
    "ProposalIdentityMatched": lambda nation, at, status, _: {"status": status, "batch": f"PADAN-{nation.month(at)}"},
    "ProposalIdentityCorrected": lambda _, __, ___, ____: {"fields": ["nik", "name"]},
    "VillageMeetingHeld": _minutes,
    "FieldVerificationCompleted": _verification,
    "DinsosReviewCompleted": _review,
    "ProposalEndorsed": _endorsed,
    "ProposalEndorsementReturned": lambda nation, at, _, __: {
        "batch_number": f"SK-{nation.month(at)}",
        "reason": "PERLU_VERIFIKASI_ULANG",
    },
    "ProposalSentToMinistry": _sent,
    "QualityControlCompleted": lambda _, __, outcome, ___: {
        "outcome": outcome,
        "reasons": ["NIK_GANDA"] if outcome == "GAGAL" else [],
    },
    "ProposalDetermined": _determined,
    "ProposalNotDetermined": lambda _, __, outcome, ___: {
        "outcome": outcome,
        "reason": "KUOTA_PENUH" if outcome == "CADANGAN" else "SYARAT_TIDAK_TERPENUHI",
    },
    "ProposalCancelled": lambda _, __, ___, ____: {"reason": "DITARIK_PENGUSUL"},
}


def period_for(nation: Nation, at: int, kind: str) -> int:
    """Return the month a proposal sent now is for: this one up to its cut-off day, else the next (domain guide 2)."""
    month = nation.month(at)
    start = nation.month_starts[(month // 100 - nation.start_year) * 12 + month % 100 - 1]
    cut_off_day = 11 if kind == "REAKTIVASI_PBI" else 15
    if at < start + cut_off_day * DAY - DAY // 2:  # well before midnight in any time zone of the country
        return month
    return month + 1 if month % 100 < 12 else month + 89  # noqa: PLR2004  December is followed by January
