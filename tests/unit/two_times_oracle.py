"""A second, naive answer to what was true of a family by a time: plain dicts, sorting, and the last one wins.

Shares nothing with the code it judges but the decoded events: no selection, no fold, no rule of the registry.
"""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

RULES = Path(__file__).parents[2] / "stream_processors" / "registry" / "rules"
SHIPPED = ("pkh-2025.1.toml", "sembako-2025.1.toml")
ACTIVE = ("PENDING", "CONFIRMED")
NEXT_STEP = {
    ("ProposalSubmitted", ""): "DAFTAR_USULAN_AWAL",
    ("ProposalIdentityMatched", "PADAN"): "DAFTAR_USULAN_AWAL",
    ("ProposalIdentityMatched", "NAMA_BEDA"): "PERLU_PERBAIKAN_IDENTITAS",
    ("ProposalIdentityCorrected", ""): "DAFTAR_USULAN_AWAL",
    ("VillageMeetingHeld", "DISEPAKATI"): "DAFTAR_USULAN_AKHIR",
    ("VillageMeetingHeld", "DITOLAK"): "DITOLAK_MUSDES",
    ("FieldVerificationCompleted", "LAYAK"): "TERVERIFIKASI",
    ("FieldVerificationCompleted", "TIDAK_LAYAK"): "TIDAK_LAYAK",
    ("DinsosReviewCompleted", "TERIMA"): "MENUNGGU_PENGESAHAN",
    ("DinsosReviewCompleted", "KEMBALIKAN"): "DAFTAR_USULAN_AWAL",
    ("DinsosReviewCompleted", "TOLAK"): "DITOLAK_DINSOS",
    ("ProposalEndorsed", ""): "DISAHKAN",
    ("ProposalEndorsementReturned", ""): "TERVERIFIKASI",
    ("ProposalSentToMinistry", ""): "DI_KEMENSOS",
    ("QualityControlCompleted", "LULUS"): "DISERAHKAN_BPS",
    ("QualityControlCompleted", "GAGAL"): "DIKEMBALIKAN_DAERAH",
    ("ProposalDetermined", ""): "DITETAPKAN",
    ("ProposalNotDetermined", "CADANGAN"): "CADANGAN",
    ("ProposalNotDetermined", "TIDAK_MEMENUHI"): "TIDAK_MEMENUHI",
    ("ProposalCancelled", ""): "DIBATALKAN",
}


def kind(event: Any) -> str:
    return type(event).__name__


def known(events: list[Any], known_at: int) -> list[Any]:
    return [event for event in events if event.header.recorded_at <= known_at]


def facts(events: list[Any], as_of: int) -> list[Any]:
    """Return the events that were true by a time, of those given: none before the registration or an earlier step."""
    said = [event for event in events if kind(event) != "EligibilityDecided"]
    registration = next(event.header.occurred_at for event in said)
    taken = []
    for number, event in enumerate(said):
        causes = [event.header.occurred_at, registration]
        for proposal in proposals_of(event, said[:number]):
            causes += [one.header.occurred_at for n, one in enumerate(said[:number]) if proposal in steps(said, n)]
        if max(causes) <= as_of:
            taken.append(event)
    return taken


def steps(said: list[Any], number: int) -> list[bytes]:
    return proposals_of(said[number], said[:number])


def proposals_of(event: Any, before: list[Any]) -> list[bytes]:
    """Return the proposals that an event is a step of, the ones a ranking moves included."""
    match kind(event):
        case "ProposalDrafted":
            return [event.header.change_id]
        case "DeadlineReached":
            return [event.subject_id]
        case "FamilyRanked":
            return waiting_at_bps(before, event.header.occurred_at) if moves_proposals(event, before) else []
        case _:
            return [event.proposal_id] if hasattr(event, "proposal_id") else []


def moves_proposals(ranking: Any, before: list[Any]) -> bool:
    older = [one.header.occurred_at for one in before if kind(one) == "FamilyRanked"]
    return ranking.decile is not None and ranking.header.occurred_at >= max(older, default=-(2**62))


def waiting_at_bps(before: list[Any], ranked_at: int) -> list[bytes]:
    return [one["id"] for one in proposals(before).values() if waits(one, ranked_at)]


def waits(one: dict[str, Any], ranked_at: int) -> bool:
    return one["step"] == "DISERAHKAN_BPS" and bool(one["since"] <= ranked_at)


def proposals(said: list[Any]) -> dict[str, dict[str, Any]]:
    """Return the latest proposal of each kind with the step it is at."""
    found: dict[str, dict[str, Any]] = {}
    for number, event in enumerate(said):
        if kind(event) == "ProposalDrafted":
            found[event.kind] = {"id": event.header.change_id, "step": "DRAF", "since": event.header.occurred_at}
        if kind(event) == "FamilyRanked" and moves_proposals(event, said[:number]):
            for one in found.values():
                if waits(one, event.header.occurred_at):
                    one |= {"step": "TERPERINGKAT", "since": event.header.occurred_at}
        outcome = event.status if kind(event) == "ProposalIdentityMatched" else getattr(event, "outcome", "")
        if hasattr(event, "proposal_id"):
            for one in found.values():
                if one["id"] == event.proposal_id:
                    one |= {"step": NEXT_STEP[kind(event), outcome], "since": event.header.occurred_at}
    return found


def last(events: list[Any]) -> Any:
    """Return the event in force: the greatest occurred_at, and of those said at the same time the last."""
    ordered = sorted(events, key=lambda event: (event.header.occurred_at, event.header.sequence))
    return ordered[-1] if ordered else None


def of(said: list[Any], *kinds: str, person: str | None = None) -> list[Any]:
    return [e for e in said if kind(e) in kinds and (person is None or e.person_ref == person)]


def family(said: list[Any]) -> dict[str, Any]:
    """Return the present that these facts add up to."""
    ranking = last(of(said, "FamilyRanked"))
    persons = dict.fromkeys(event.person_ref for event in of(said, "MembershipClaimed"))
    return {
        "region": last(of(said, "FamilyRegistered", "FamilyMoved")).region.code,
        "decile": (ranking.decile or 0) if ranking else 0,
        "run": ranking.run_id if ranking else "",
        "members": {person: member(said, person) for person in persons},
        "proposals": proposals(said),
    }


def member(said: list[Any], person: str) -> dict[str, Any]:
    claims = of(said, "MembershipClaimed", person=person)
    since = claims[0].header.sequence
    claim = last(claims)
    about = [event for event in said if event.header.sequence > since]
    match = last(of(about, "CivilRegistryMatched", person=person))
    visit = last([event for event in of(said, "GroundCheckRecorded") if event.family is not None])
    answers = visit.individuals if visit is not None and visit.header.sequence > since else ()
    answer = next((one for one in answers if one.person_ref == person), None)
    return {
        "claim": claim.header.change_id,
        "born": (claim.birth_year, claim.birth_month),
        "padan": match.status if match else "",
        "standing": standing(about, claims, person),
        "work_status": (answer.work_status or 0) if answer else 0,
        "disabled": answer is not None and answer.difficulty_seeing == 1,
    }


def standing(about: list[Any], claims: list[Any], person: str) -> str:
    """Return the standing by reading claims and answers in the order in which they were said."""
    now, claimed, answered = "PENDING", claims[0], None
    said = [*claims[1:], *of(about, "MembershipConfirmed", "MembershipContested", "MembershipEnded", person=person)]
    for event in sorted(said, key=lambda one: one.header.sequence):
        at = event.header.occurred_at
        if kind(event) == "MembershipClaimed":
            if at >= claimed.header.occurred_at:
                still_ended = now == "ENDED" and answered is not None and answered > at
                now, claimed = ("ENDED" if still_ended else "PENDING"), event
        elif answered is None or at >= answered:
            answered = at
            match kind(event):
                case "MembershipConfirmed":
                    now = "CONFIRMED"
                case "MembershipContested":
                    now = "CONTESTED"
                case _ if at >= claimed.header.occurred_at:
                    now = "ENDED"
    return now


def shown(state: Any) -> dict[str, Any]:
    """Return what the oracle speaks of, of a state."""
    return {
        "region": state.region.code,
        "decile": state.decile,
        "run": state.ranking_run,
        "members": {
            one.person_ref: {
                "claim": one.claim_id,
                "born": (one.birth_year, one.birth_month),
                "padan": one.padan,
                "standing": one.standing,
                "work_status": one.work_status,
                "disabled": one.severe_disability,
            }
            for one in state.members
        },
        "proposals": {
            one.kind: {"id": one.proposal_id, "step": one.step, "since": one.since} for one in state.proposals
        },
    }


def judgement(present: dict[str, Any], as_of: int, rule_files: list[str]) -> dict[str, tuple[str, ...]]:
    """Return the reasons against each programme, none where the family meets its rules; nothing before a ranking."""
    if not present["run"]:
        return {}
    active = [one for one in present["members"].values() if one["standing"] in ACTIVE]
    given = {
        "active_family": 1,
        "decile": present["decile"],
        "matched_members": sum(one["padan"] == "PADAN" for one in active),
        "components": sum(is_component(one, as_of) for one in active),
        "state_employees": sum(one["work_status"] == 5 for one in active),
        "excluded": 0,  # nobody here is
    }
    holds = {"at_least": int.__ge__, "at_most": int.__le__, "equals": int.__eq__}
    found = {}
    for name in rule_files:
        data = tomllib.loads((RULES / name).read_text(encoding="utf-8"))
        broken = [row["code"] for row in data["rule"] if not holds[row["operator"]](given[row["fact"]], row["value"])]
        found[data["programme"]] = tuple(broken)
    return found


def is_component(one: dict[str, Any], as_of: int) -> bool:
    year, month = one["born"]
    then = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=as_of, hours=7)
    age = then.year - year - (then.month < month)
    return 0 <= age <= 18 or age >= 60 or bool(one["disabled"])


def decisions(events: list[Any]) -> dict[str, tuple[str, ...]]:
    """Return the last decision on record for each programme, by its reasons."""
    return {event.programme: event.reasons for event in events if kind(event) == "EligibilityDecided"}
