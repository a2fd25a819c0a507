"""Replays accepted events with nothing of this project but its schema files: another hand, the same digest.

python naive_replay.py BOOTSTRAP AVRO_FOLDER TOPIC prints the digests, counts and totals as JSON. Every event is
decoded whole by fastavro, every state is a dict, written by fastavro. What events do to a state is told here from
what the records mean (machines A and D, the two times of a fact), not from how it is computed elsewhere.
"""

import base64
import hashlib
import io
import json
import struct
import sys
import uuid
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import Consumer, TopicPartition
from fastavro.schema import load_schema

WIB = timezone(timedelta(hours=7))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICRO = timedelta(microseconds=1)
SILENCE_SECONDS = 60.0
BLOCK = 4096
CUT_OFF_DAYS = defaultdict(lambda: 15, {"REAKTIVASI_PBI": 11})
LEVELS = {"kabkota": 5, "kecamatan": 8}
BORN_UNTIL = 1985
COVERED = {"AKTIF", "AKTIF_BPJS", "MASA_TENGGANG"}
# Where a step leads that has no outcome; the others lead where their outcome says.
NEXT = {
    "ProposalSubmitted": "DAFTAR_USULAN_AWAL",
    "ProposalIdentityCorrected": "DAFTAR_USULAN_AWAL",
    "ProposalEndorsed": "DISAHKAN",
    "ProposalEndorsementReturned": "TERVERIFIKASI",
    "ProposalSentToMinistry": "DI_KEMENSOS",
    "ProposalDetermined": "DITETAPKAN",
    "ProposalCancelled": "DIBATALKAN",
}
OUTCOMES = {
    "VillageMeetingHeld": {"DISEPAKATI": "DAFTAR_USULAN_AKHIR", "DITOLAK": "DITOLAK_MUSDES"},
    "FieldVerificationCompleted": {"LAYAK": "TERVERIFIKASI", "TIDAK_LAYAK": "TIDAK_LAYAK"},
    "DinsosReviewCompleted": {
        "TERIMA": "MENUNGGU_PENGESAHAN",
        "KEMBALIKAN": "DAFTAR_USULAN_AWAL",
        "TOLAK": "DITOLAK_DINSOS",
    },
    "QualityControlCompleted": {"LULUS": "DISERAHKAN_BPS", "GAGAL": "DIKEMBALIKAN_DAERAH"},
    "ProposalNotDetermined": {"CADANGAN": "CADANGAN", "TIDAK_MEMENUHI": "TIDAK_MEMENUHI"},
    "ProposalReopened": {
        "VERIFIKASI_ULANG": "DAFTAR_USULAN_AKHIR",
        "PERIKSA_ULANG": "TERVERIFIKASI",
        "PERBAIKI_IDENTITAS": "PERLU_PERBAIKAN_IDENTITAS",
        "PERINGKAT_BARU": "TERPERINGKAT",
    },
}
RESTING = {"TIDAK_LAYAK", "DIKEMBALIKAN_DAERAH", "CADANGAN", "TIDAK_MEMENUHI"}  # a new draft ends these
UNRANKED_KINDS = {"MENINGGAL", "PINDAH", "PECAH_KK"}  # quality control is their end
# What a record makes of the case that it is about: machine and step, the step by its outcome where a dict stands.
CASES: dict[str, tuple[str, Any]] = {
    "ObjectionFiled": ("SANGGAH", "DIAJUKAN"),
    "ObjectionReceived": ("SANGGAH", "DITERIMA_SISTEM"),
    "ObjectionForwarded": ("SANGGAH", "VERIFIKASI_PEMDA"),
    "ObjectionDecided": ("SANGGAH", None),
    "GroundCheckAssigned": ("GROUND_CHECK", "DITUGASKAN"),
    "GroundCheckVisited": ("GROUND_CHECK", "DIKUNJUNGI"),
    "GroundCheckExamined": ("GROUND_CHECK", "DIPERIKSA"),
    "GroundCheckDecided": ("GROUND_CHECK", None),
    "GroundCheckForwarded": ("GROUND_CHECK", "DISERAHKAN_BPS"),
    "PbiEnrolled": ("PBI_JKN", "AKTIF"),
    "PbiDeactivated": ("PBI_JKN", "NONAKTIF"),
    "PbiReactivationProposed": ("PBI_JKN", "USUL_REAKTIVASI"),
    "PbiReactivationDecided": ("PBI_JKN", {"DISETUJUI": "DISETUJUI_KEMENSOS", "DITOLAK": "DITOLAK"}),
    "PbiActivated": ("PBI_JKN", "AKTIF_BPJS"),
    "FamilyExcluded": ("PENGECUALIAN", "BERLAKU"),
    "ExclusionLifted": ("PENGECUALIAN", "DICABUT"),
}
OVER = {"SANGGAH": {"DITERIMA", "DITOLAK"}, "GROUND_CHECK": {"DIPERINGKAT_ULANG"},
        "PENGECUALIAN": {"BERAKHIR", "DICABUT"}, "VERIFIKASI": {"DIVERIFIKASI"},
        "KEDATANGAN": {"DITERIMA", "DIGANTIKAN"}, "KEPALA_KELUARGA": {"BERKEPALA"}}  # fmt: skip
ARRIVAL = ("KEDATANGAN", "")
# Where a word about the family itself leads; and what two families are to each other by one, and who the other is.
STANDINGS = {
    "FamilyDeparted": "PINDAH", "FamilyMerged": "GABUNG", "FamilyDissolved": "BUBAR", "FamilyDeactivated": "NONAKTIF",
    "FamilyReactivated": "AKTIF",
}  # fmt: skip
RELATIONS = {
    "FamilySplit": ("PECAH", ""), "FamilyBranched": ("ASAL_PECAH", "parent_id"),
    "FamilyMerged": ("GABUNG_KE", "into_id"), "FamilyAbsorbed": ("GABUNG_DARI", "merged_id"),
}  # fmt: skip
# Where a word about a place in a programme leads; an end is told beforehand, or it is one at once.
PLACES = {
    "AidAllocated": "DIALOKASIKAN", "AidWaitlisted": "CADANGAN", "AidSuspended": "DITANGGUHKAN",
    "AidResumed": "DIALOKASIKAN", "AidStopped": "DIHENTIKAN",
}  # fmt: skip
FORMS = ("TERISI_LENGKAP", "TERISI_TIDAK_LENGKAP", "TIDAK_ADA_RESPONDEN", "MENOLAK", "PINDAH_ATAU_BANGUNAN_TIDAK_ADA")
RAN_OUT = {"SANGGAH": "KEDALUWARSA", "PENGECUALIAN": "BERAKHIR", "PBI_JKN": "NONAKTIF"}  # a task goes on, overdue
DIFFICULTIES = (
    "seeing", "hearing", "walking", "hands", "learning", "behaviour", "speaking", "self_care", "remembering",
)  # fmt: skip

State = dict[str, Any]


class Schemas:
    """The locked schemas by id, and the id that states are written with; times stay integers."""

    def __init__(self, avro: Path) -> None:
        self.by_id: dict[int, tuple[str, Any]] = {}
        for entry in json.loads((avro / "lock.json").read_text(encoding="utf-8"))["schemas"]:
            schema = load_schema(avro / entry["file"])
            without_logical_types(schema)
            name = entry["subject"].removeprefix("jejak.")
            self.by_id[entry["id"]] = (name, schema)
            if name == "FamilyState":
                self.state_id, self.state = entry["id"], schema

    def decode(self, framed: bytes) -> tuple[str, dict[str, Any]]:
        name, schema = self.by_id[int.from_bytes(framed[1:5], "big")]
        source = io.BytesIO(framed[5:])
        value: Any = fastavro.schemaless_reader(source, schema, None)
        assert framed[0] == 0, "a value begins with 00 and a 4-byte schema id"
        assert not source.read(1), "nothing comes after the record"
        return name, value

    def encode(self, state: State) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self.state, state)
        return struct.pack(">bI", 0, self.state_id) + out.getvalue()


def without_logical_types(schema: Any) -> None:
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        without_logical_types(inner)
    if isinstance(schema, dict):
        schema.pop("logicalType", None)


def fold(states: dict[str, State], name: str, event: dict[str, Any]) -> None:
    """Let one event change its family's state; an event that doesn't follow the last one is a fault."""
    header = event["header"]
    family_id = header["family_id"]
    if name == "FamilyRegistered":
        states[family_id] = registered(event)
    state = states[family_id]
    assert header["sequence"] == state["sequence"] + 1, "sequences are dense"
    state["sequence"], state["recorded_at"] = header["sequence"], header["recorded_at"]
    if name != "EligibilityDecided":  # the registry's own: it never comes as a change
        state["recent_changes"] = (state["recent_changes"] + header["change_id"])[-64 * 16 :]
    change(state, name, event)


def registered(event: dict[str, Any]) -> State:
    header = event["header"]
    state = {
        "sequence": 0, "recorded_at": 0, "family_id": header["family_id"], "counted": b"", "region": event["region"],
        "status": "AKTIF", "decile": 0, "percentile": -1, "ranking_run": "", "members": [], "proposals": [],
        "eligibility": [], "facets": [], "recent_changes": b"", "conditions": [], "aid": [], "cases": [],
    }  # fmt: skip
    in_force(state, "registration", header)
    return state


def change(state: State, name: str, event: dict[str, Any]) -> None:
    heads = number_of_heads(state)
    effect(state, name, event)
    head_moved(state, name, event, heads)


def effect(state: State, name: str, event: dict[str, Any]) -> None:
    if name in EFFECTS:
        EFFECTS[name](state, event)
    elif name in CASES:
        case_step(state, name, event)
    elif name in PLACES:
        aided(state, name, event)
    elif name in STANDINGS or name in RELATIONS:
        family_step(state, name, event)
    elif name in {"MembershipConfirmed", "MembershipContested", "MembershipEnded"}:
        standing(state, name, event)
    else:
        step(state, name, event)


def nothing(_: State, __: dict[str, Any]) -> None:
    """Change nothing: the request is answered by decisions of their own."""


def residence(state: State, event: dict[str, Any]) -> None:
    if not in_force(state, "residence", event["header"]):
        return
    state["region"] = event["region"]
    if state["status"] == "PINDAH":
        stand(state, event, "AKTIF", "TIBA")
    if waiting(state):
        put_case(state, ARRIVAL, event, {"step": "DIGANTIKAN", "due_at": 0, "reason": "PINDAH_TERCATAT"})


def stand(state: State, event: dict[str, Any], reached: str, reason: str) -> None:
    state["status"] = reached
    put_case(
        state, ("KELUARGA", ""), event, {"step": reached, "due_at": 0, "reason": reason}, event.get("evidence", "")
    )


def waiting(state: State) -> dict[str, Any] | None:
    return next((one for one in state["cases"] if one["machine"] == "KEDATANGAN" and one["step"] == "MENUNGGU"), None)


def family_step(state: State, name: str, event: dict[str, Any]) -> None:
    """Let the family leave, sleep, wake up, end, or become another's relation; it may have arrived before it left."""
    header, reason = event["header"], event.get("reason", "")
    arrived = waiting(state) if name == "FamilyDeparted" else None
    if arrived is not None:
        put_case(state, ARRIVAL, event, {"step": "DITERIMA", "due_at": 0, "reason": reason})
        system, rest = arrived["reference"].split("/", 1)
        edition, code = rest.rsplit("/", 1)
        state["region"] = {"system": system, "edition": edition, "code": code}
        told = next(one for one in state["facets"] if one["name"] == "arrival")
        put_facet(state, "residence", told)
    elif name in STANDINGS:
        stand(state, event, STANDINGS[name], reason)
    if name in RELATIONS:
        relation, field = RELATIONS[name]
        other = event[field] if field else child_of(header["change_id"])
        new = {"step": relation, "due_at": 0, "reason": reason}
        put_case(state, ("HUBUNGAN", other), event, new, event.get("evidence", ""))


def child_of(split: bytes) -> str:
    """Return the id of the family that a split makes: a UUIDv5 of the split, in base32 without padding."""
    return base64.b32encode(uuid.uuid5(uuid.UUID(bytes=split), "PECAH").bytes).decode().rstrip("=").lower()


def arrival(state: State, event: dict[str, Any]) -> None:
    region, away = event["region"], state["status"] == "PINDAH"
    if away:
        stand(state, event, "AKTIF", "")
    where = f"{region['system']}/{region['edition']}/{region['code']}"
    put_case(state, ARRIVAL, event, {"step": "DITERIMA" if away else "MENUNGGU", "due_at": 0, "reason": ""}, where)
    put_facet(state, "arrival", event["header"])
    if away:
        state["region"] = region
        put_facet(state, "residence", event["header"])


def card(state: State, event: dict[str, Any]) -> None:
    put_facet(state, "card", event["header"])


def put_facet(state: State, facet: str, said: dict[str, Any]) -> None:
    """Put an event in force for a facet, whatever was."""
    new = {"name": facet, **{field: said[field] for field in ("occurred_at", "sequence", "change_id")}}
    for place, old in enumerate(state["facets"]):
        if old["name"] == facet:
            state["facets"][place] = new
            return
    state["facets"].append(new)


def number_of_heads(state: State) -> int:
    return sum(one["relationship"] == 1 and one["standing"] in {"PENDING", "CONFIRMED"} for one in state["members"])


def head_moved(state: State, name: str, event: dict[str, Any], before: int) -> None:
    """Let a family that lost its head, or has two, say so until it has one."""
    after = number_of_heads(state)
    case = next((one for one in state["cases"] if one["machine"] == "KEPALA_KELUARGA"), None)
    open_now = case is not None and case["step"] != "BERKEPALA"
    if after == before or (after == 1 and not open_now) or (after > 1 and open_now):
        return
    why = {"MembershipClaimed": "GANTI_KEPALA" if after > 1 else "HUBUNGAN_BERUBAH",
           "MembershipConfirmed": "SENGKETA_SELESAI"}  # fmt: skip
    reached = ("TANPA_KEPALA", "BERKEPALA", "KEPALA_GANDA")[min(after, 2)]
    reason = "" if after == 1 else event.get("reason") or why[name]
    put_case(state, ("KEPALA_KELUARGA", ""), event, {"step": reached, "due_at": 0, "reason": reason})


def back(state: State, event: dict[str, Any]) -> None:
    if in_force(state, f"standing/{event['person_ref']}", event["header"]):
        member(state, event).update(standing="PENDING", reason="")


def matched(state: State, event: dict[str, Any]) -> None:
    if in_force(state, f"padan/{event['person_ref']}", event["header"]):
        member(state, event)["padan"] = event["status"]


def in_force(state: State, facet: str, header: dict[str, Any]) -> bool:
    """Put an event in force for a facet unless a later fact is; tell whether it is."""
    new = {"name": facet, **{field: header[field] for field in ("occurred_at", "sequence", "change_id")}}
    for place, old in enumerate(state["facets"]):
        if old["name"] == facet:
            if header["occurred_at"] < old["occurred_at"]:
                return False
            state["facets"][place] = new
            return True
    state["facets"].append(new)
    return True


def since(state: State, facet: str) -> int | None:
    return next((one["occurred_at"] for one in state["facets"] if one["name"] == facet), None)


def member(state: State, event: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in state["members"] if one["person_ref"] == event["person_ref"])
    return found


def claim(state: State, event: dict[str, Any]) -> None:
    header, ref = event["header"], event["person_ref"]
    if not in_force(state, f"member/{ref}", header):
        return
    if all(one["person_ref"] != ref for one in state["members"]):
        state["members"].append({"person_ref": ref, "standing": "", "padan": "", "reason": "",
                                 "severe_disability": False, "work_status": 0})  # fmt: skip
    person = member(state, event)
    ended_at = since(state, f"standing/{ref}")
    if not (person["standing"] == "ENDED" and ended_at is not None and ended_at > header["occurred_at"]):
        person.update(standing="PENDING", reason="")
    for field in ("birth_year", "birth_month", "sex", "relationship", "marital_status"):
        person[field] = event[field]
    person["claim_id"] = header["change_id"]


def standing(state: State, name: str, event: dict[str, Any]) -> None:
    ref, header = event["person_ref"], event["header"]
    if not in_force(state, f"standing/{ref}", header):
        return
    person = member(state, event)
    if name == "MembershipConfirmed":
        person.update(standing="CONFIRMED", reason="")
    elif name == "MembershipContested":
        person.update(standing="CONTESTED", reason=event["reason"])
    elif header["occurred_at"] >= (since(state, f"member/{ref}") or 0):
        person.update(standing="ENDED", reason=event["reason"])


def visit(state: State, event: dict[str, Any]) -> None:
    filled = event["family"] is not None
    task_moved(state, event, {"DITUGASKAN", "DIKUNJUNGI"}, FORMS[event["result"] - 1])
    if not in_force(state, "ground_check" if filled else "ground_check_attempt", event["header"]) or not filled:
        return
    if any((one["machine"], one["step"]) == ("VERIFIKASI", "JATUH_TEMPO") for one in state["cases"]):
        put_case(state, ("VERIFIKASI", ""), event, {"step": "DIVERIFIKASI", "due_at": 0, "reason": ""})
    answers = {one["person_ref"]: one for one in event["individuals"]}
    for person in state["members"]:
        said = answers.get(person["person_ref"], {})
        person["severe_disability"] = any(said.get(f"difficulty_{part}") == 1 for part in DIFFICULTIES)
        person["work_status"] = said.get("work_status") or 0


def rank(state: State, event: dict[str, Any]) -> None:
    if not in_force(state, "ranking", event["header"]):
        return
    task_moved(state, event, {"DISERAHKAN_BPS"}, "DIPERINGKAT_ULANG", event["run_id"])
    state["decile"], state["ranking_run"] = event["decile"] or 0, event["run_id"]
    state["percentile"] = -1 if event["percentile"] is None else event["percentile"]
    for proposal in state["proposals"] if event["decile"] is not None else ():
        run_at = event["header"]["occurred_at"]
        if proposal["step"] == "DISERAHKAN_BPS" and proposal["since"] <= run_at:  # came there later: the next run's
            proposal.update(step="TERPERINGKAT", since=run_at, reason="")


def decide(state: State, event: dict[str, Any]) -> None:
    new = {field: event[field] for field in ("programme", "result", "reasons", "rules_version", "amount_rupiah")}
    new["sequence"], new["grace_until"] = event["header"]["sequence"], event["grace_until"]
    others = [one for one in state["eligibility"] if one["programme"] != event["programme"]]
    state["eligibility"] = sorted([*others, new], key=lambda one: str(one["programme"]))


def draft(state: State, event: dict[str, Any]) -> None:
    header = event["header"]
    rested = [one["step"] for one in state["proposals"] if one["kind"] == event["kind"] and one["step"] in RESTING]
    new = {
        "proposal_id": header["change_id"], "kind": event["kind"], "step": "DRAF", "padan": "",
        "proposer": event["proposer"], "agency": header["agency"], "period": 0, "since": header["occurred_at"],
        "reason": f"MENGGANTIKAN_{rested[0]}" if rested else "",
    }  # fmt: skip
    state["proposals"] = [*[one for one in state["proposals"] if one["kind"] != event["kind"]], new]


def aided(state: State, name: str, event: dict[str, Any]) -> None:
    """Let a programme's place be given, held back, given up, or wait; until the first day without it, aid goes on."""
    header = event["header"]
    if not in_force(state, f"aid/{event['programme']}", header):
        return
    one = aid_of(state, event["programme"])
    reached, due_at = PLACES[name], 0
    last = (event.get("effective_on", 0) * 24 - 7) * 3_600_000_000 - 1
    if name == "AidStopped" and one["standing"] in {"DIALOKASIKAN", "MASA_TENGGANG"} and last > header["occurred_at"]:
        reached, due_at = "MASA_TENGGANG", last
    one.update(standing=reached, due_at=due_at, sequence=header["sequence"], reason=event.get("reason", ""))
    if "run_id" in event:
        one.update(period=event["period"], run_id=event["run_id"], amount_rupiah=event.get("amount_rupiah", 0))


def aid_of(state: State, programme: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [one for one in state["aid"] if one["programme"] == programme]
    if found:
        return found[0]
    words = dict.fromkeys(("standing", "period", "run_id", "reason", "received_period"), "")
    numbers = dict.fromkeys(("amount_rupiah", "sequence", "received_rupiah", "received_on", "due_at"), 0)
    new: dict[str, Any] = {"programme": programme, **words, **numbers}
    state["aid"] = sorted([*state["aid"], new], key=lambda one: str(one["programme"]))
    return new


def received(state: State, event: dict[str, Any]) -> None:
    one = aid_of(state, event["programme"])
    if event["received_on"] >= one["received_on"]:
        one.update(received_on=event["received_on"], received_period=event["period"],
                   received_rupiah=event["amount_rupiah"])  # fmt: skip


def condition(state: State, event: dict[str, Any]) -> None:
    person, code = event["person_ref"], event["condition"]
    if not in_force(state, f"{code.lower()}/{person}", event["header"]):
        return
    found = [one for one in state["conditions"] if (one["person_ref"], one["condition"]) != (person, code)]
    if event["holds"]:
        found.append({field: event[field] for field in ("person_ref", "condition", "ordinal", "until")})
    state["conditions"] = sorted(found, key=lambda one: (one["person_ref"], one["condition"]))


def step(state: State, name: str, event: dict[str, Any]) -> None:
    (proposal,) = [one for one in state["proposals"] if one["proposal_id"] == event["proposal_id"]]
    at = event["header"]["occurred_at"]
    if name == "ProposalIdentityMatched":
        proposal["padan"] = event["status"]
        reached = "DAFTAR_USULAN_AWAL" if event["status"] == "PADAN" else "PERLU_PERBAIKAN_IDENTITAS"
    else:
        reached = OUTCOMES[name][event["outcome"]] if name in OUTCOMES else NEXT[name]
    if reached == "DISERAHKAN_BPS" and proposal["kind"] in UNRANKED_KINDS:
        reached = "TERCATAT"
    reason = ",".join(event.get("reasons", ())) or event.get("reason") or ""
    proposal.update(step=reached, since=at, reason=reason)
    if name == "ProposalSentToMinistry":
        proposal["period"] = event["period"]
    elif name == "ProposalEndorsed":
        proposal["period"] = open_month(proposal["kind"], at)


def case_step(state: State, name: str, event: dict[str, Any]) -> None:
    """Let an objection, a task, a PBI-JKN membership or an exclusion take a step; what is over begins anew."""
    machine, reached = CASES[name]
    if not isinstance(reached, str):
        reached = event["outcome"] if reached is None else reached[event["outcome"]]
    due = 0
    if name == "ObjectionForwarded":
        due = end_of_day(event["header"]["occurred_at"], 14)
    if name == "GroundCheckAssigned":
        due = end_of_day(event["header"]["occurred_at"], 30)
    if name == "GroundCheckVisited":
        due = next(one["due_at"] for one in state["cases"] if one["case_id"] == event["task_id"])
    if name == "PbiDeactivated" and event["reason"] in {"TIDAK_DI_DTSEN", "DESIL_6_10"}:
        reached, due = "MASA_TENGGANG", end_of_day(event["header"]["occurred_at"], 30)
    if name == "FamilyExcluded" and event["expires_on"] is not None:
        due = (event["expires_on"] + 1) * 86_400_000_000 - 7 * 3_600_000_000 - 1
    reason = next((event[field] for field in ("reason", "ground", "exclusion") if event.get(field)), "")
    rests = ("determination_number", "batch", "evidence")
    reference = next((event[field] for field in rests if field in event), "")
    for about in abouts(state, machine, event):
        put_case(state, (machine, about), event, {"step": reached, "due_at": due, "reason": reason}, reference)


def abouts(state: State, machine: str, event: dict[str, Any]) -> list[str]:
    if machine == "PENGECUALIAN":
        return [f"{event['exclusion']}/{programme}" for programme in event["programmes"]]
    named = event.get("objection_id") or event.get("task_id")
    if named is not None:
        return [one["about"] for one in state["cases"] if one["machine"] == machine and one["case_id"] == named]
    return [event.get("objection_kind") or event.get("person_ref") or ""]


def put_case(
    state: State, which: tuple[str, str], event: dict[str, Any], new: dict[str, Any], reference: str = ""
) -> None:
    header = event["header"]
    found = [one for one in state["cases"] if (one["machine"], one["about"]) == which]
    if not found:
        found = [{"machine": which[0], "about": which[1]}]
        state["cases"].append(found[0])
    anew = "objection_kind" in event  # also of one that expired
    if "step" not in found[0] or found[0]["step"] in OVER.get(which[0], ()) or anew:
        found[0].update(case_id=header["change_id"], agency=header["agency"], reference="")
    found[0].update(new, since=header["occurred_at"], reference=reference or found[0]["reference"])


def task_moved(state: State, event: dict[str, Any], waiting: set[str], reached: str, reference: str = "") -> None:
    for one in state["cases"]:
        at_hand = one["machine"] == "GROUND_CHECK" and one["step"] in waiting
        if at_hand and event["header"]["occurred_at"] >= one["since"]:
            put_case(state, ("GROUND_CHECK", ""), event, {"step": reached, "due_at": 0, "reason": ""}, reference)


def end_of_day(micros: int, days: int) -> int:
    """Return the last microsecond of the day in western Indonesia so many days later."""
    later = (EPOCH + micros * MICRO).astimezone(WIB).date() + timedelta(days=days + 1)
    midnight = datetime(later.year, later.month, later.day, tzinfo=WIB)
    return (midnight - EPOCH) // MICRO - 1


def deadline(state: State, event: dict[str, Any]) -> None:
    for case in state["cases"]:
        if case["case_id"] == event["subject_id"] and case["due_at"] == event["due_at"]:
            if case["machine"] in RAN_OUT:
                case.update(step=RAN_OUT[case["machine"]], since=event["header"]["occurred_at"], due_at=0)
            else:
                case.update(reason="LEWAT_TENGGAT", due_at=0)
    deadline_of_programmes(state, event)
    if event["kind"] == "REVERIFICATION":
        put_case(state, ("VERIFIKASI", ""), event, {"step": "JATUH_TEMPO", "due_at": 0, "reason": ""})
    learned = max(event["header"]["recorded_at"], event["due_at"] + 1)
    for proposal in state["proposals"]:
        if proposal["proposal_id"] == event["subject_id"]:
            proposal["period"] = open_month(proposal["kind"], learned)


def deadline_of_programmes(state: State, event: dict[str, Any]) -> None:
    for decided in state["eligibility"]:
        if event["kind"] == f"AID_GRACE.{decided['programme']}":
            decided["grace_until"] = 0
    for one in state["aid"]:
        if event["kind"] == f"AID_STOP.{one['programme']}" and one["due_at"] == event["due_at"]:
            one.update(standing="DIHENTIKAN", due_at=0, sequence=event["header"]["sequence"])


EFFECTS = {
    "FamilyRegistered": residence,
    "FamilyMoved": residence,
    "MembershipClaimed": claim,
    "CivilRegistryMatched": matched,
    "GroundCheckRecorded": visit,
    "FamilyRanked": rank,
    "EligibilityDecided": decide,
    "ProposalDrafted": draft,
    "DeadlineReached": deadline,
    "ReevaluationRequested": nothing,
    "FamilyArrived": arrival,
    "FamilyCardReissued": card,
    "PersonReactivated": back,
    "AidReceived": received,
    "PersonConditionRecorded": condition,
}


def open_month(kind: str, micros: int) -> int:
    """Return the first month (202503) whose day of cut-off isn't over, in western Indonesia."""
    local = (EPOCH + micros * MICRO).astimezone(WIB)
    year, month = local.year, local.month
    if local.day > CUT_OFF_DAYS[kind]:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return year * 100 + month


def counts(state: State) -> list[str]:
    """Return a line `indicator/region/category` for each thing that a family adds to the counts."""
    if state["status"] != "AKTIF":
        return []
    code = state["region"]["code"]
    kecamatan, kabkota = (code[:size] if "." in code else code for size in (LEVELS["kecamatan"], LEVELS["kabkota"]))
    decile = str(state["decile"] or "BELUM_ADA_DESIL")
    living = [one for one in state["members"] if one["standing"] in {"PENDING", "CONFIRMED"}]
    return [
        f"families_by_decile/{kecamatan}/{decile}",
        *[f"persons_by_decile/{kecamatan}/{decile}" for _ in living],
        *[f"persons_by_marital_status/{kabkota}/{one['marital_status']}" for one in living],
        *[f"persons_by_padan/{kabkota}/{one['padan'] or 'BELUM_DIPADANKAN'}" for one in living],
        *[
            f"families_eligible/{kabkota}/{one['programme']}"
            for one in state["eligibility"]
            if one["result"] == "LAYAK"
        ],
        *[f"proposals_by_step/{kabkota}/{one['kind']}/{one['step']}" for one in state["proposals"]],
        *[f"persons_by_birth_year/{kabkota}/{one['birth_year']}" for one in living if one["birth_year"] <= BORN_UNTIL],
        *[f"persons_by_condition/{kabkota}/{code}" for code in conditions(state)],
        *[f"persons_in_pbi_jkn/{kabkota}/PBI_JKN" for _ in insured(state)],
        *[f"families_in_pbi_jkn/{kabkota}/PBI_JKN" for _ in insured(state)[:1]],
        *[f"families_by_aid/{kabkota}/{one['programme']}/{one['standing'] or 'DITERIMA'}" for one in state["aid"]],
        *[f"persons_by_aid/{kabkota}/{one}" for one in reached(state)],
    ]


def conditions(state: State) -> list[str]:
    """Return each condition of each living member once; the ground check tells severe disability too."""
    living = {one["person_ref"] for one in state["members"] if one["standing"] in {"PENDING", "CONFIRMED"}}
    having = {(one["person_ref"], one["condition"]) for one in state["conditions"]}
    having |= {(one["person_ref"], "DISABILITAS_BERAT") for one in state["members"] if one["severe_disability"]}
    return [code for person, code in sorted(having) if person in living]


def insured(state: State) -> list[str]:
    """Return the living members that are covered by PBI-JKN, in the grace too."""
    living = {one["person_ref"] for one in state["members"] if one["standing"] in {"PENDING", "CONFIRMED"}}
    covered = [one["about"] for one in state["cases"] if one["machine"] == "PBI_JKN" and one["step"] in COVERED]
    return [person for person in covered if person in living]


def reached(state: State) -> list[str]:
    """Return programme and year for each living member whom aid reached in the latest year that it reached anybody."""
    return [
        f"{one['programme']}/{(EPOCH + timedelta(days=one['received_on'])).year}"
        for one in state["aid"]
        for place in one["recipients"]
        if state["members"][place]["standing"] in {"PENDING", "CONFIRMED"}
    ]


def counted(state: State) -> bytes:
    """Return what a state says of its own counts, as the schema's documentation tells."""
    if state["status"] != "AKTIF":
        return b"3"
    code = state["region"]["code"]
    living = [one for one in state["members"] if one["standing"] in {"PENDING", "CONFIRMED"}]
    traits = [str(one["birth_year"]) for one in living if one["birth_year"] <= BORN_UNTIL]
    traits += conditions(state) + ["PBI_JKN" for _ in insured(state)]
    parts = (
        "3",
        code[: LEVELS["kecamatan"]] if "." in code else code,
        str(state["decile"] or ""),
        "".join(sorted(f"{one['marital_status']}/{one['padan']}\x1f" for one in living)),
        "".join(one["programme"] + "\x1f" for one in state["eligibility"] if one["result"] == "LAYAK"),
        "".join(sorted(f"{one['kind']}/{one['step']}\x1f" for one in state["proposals"])),
        "".join(f"{one}\x1f" for one in sorted(traits)),
        "".join(f"{one['programme']}/{one['standing'] or 'DITERIMA'}\x1f" for one in state["aid"])
        + "".join(f"{one}\x1f" for one in reached(state)),
    )
    return "\x1e".join(parts).encode()


class Events:
    """The digest of a partition's events: blocks, each hashed with the digest of all before it."""

    def __init__(self) -> None:
        self._before, self._open = bytes(32), list[bytes]()

    def take(self, value: bytes) -> None:
        if len(self._open) == BLOCK:
            self._before, self._open = self.digest(), []
        self._open.append(value)

    def digest(self) -> bytes:
        if not self._open:
            return self._before
        lengths = b"".join(len(one).to_bytes(4, "little") for one in self._open)
        return hashlib.sha256(self._before + lengths + b"".join(self._open)).digest()


def records(bootstrap: str, topic: str) -> Any:
    """Yield every committed message of a topic, in order within a partition."""
    settings = {"bootstrap.servers": bootstrap, "group.id": "naive", "enable.auto.commit": False}
    consumer = Consumer({**settings, "isolation.level": "read_committed", "enable.partition.eof": True})
    left = set(consumer.list_topics(topic, timeout=SILENCE_SECONDS).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, partition, 0) for partition in left])
    while left:
        message = consumer.poll(SILENCE_SECONDS)
        assert message is not None, "the broker is silent"
        if message.error() is None:
            yield message
        else:  # the end of a partition, the one error that is asked for
            left.remove(message.partition())
    consumer.close()


def replay(bootstrap: str, avro: Path, topic: str) -> dict[str, Any]:
    """Return what the attestation of the same events must say."""
    schemas, states, chains = Schemas(avro), defaultdict[int, dict[str, State]](dict), defaultdict[int, Events](Events)
    events: Counter[int] = Counter()
    for message in records(bootstrap, topic):
        partition, value = message.partition(), message.value()
        name, event = schemas.decode(value)
        assert message.key() == event["header"]["family_id"].encode()
        fold(states[partition], name, event)
        chains[partition].take(value)
        events[partition] += 1
    return summed(schemas, states, {partition: chain.digest().hex() for partition, chain in chains.items()}, events)


def summed(
    schemas: Schemas, states: dict[int, dict[str, State]], chains: dict[int, str], events: Counter[int]
) -> dict[str, Any]:
    cells: Counter[str] = Counter()
    total, partitions = hashlib.sha256(), {}
    for partition in sorted(states):
        whole = hashlib.sha256()
        for family_id in sorted(states[partition]):
            state = states[partition][family_id]
            state["counted"] = counted(state)
            whole.update(family_id.encode() + hashlib.sha256(schemas.encode(state)).digest())
            cells.update(counts(state))
        total.update(partition.to_bytes(4, "big") + whole.digest())
        partitions[partition] = {
            "state_digest": whole.hexdigest(), "events_digest": chains[partition], "events": events[partition],
            "families": len(states[partition]),
        }  # fmt: skip
    totals = Counter({line.split("/")[0]: 0 for line in cells})
    for line, number in cells.items():
        totals[line.split("/")[0]] += number
    lines = sorted(cells.items(), key=lambda one: one[0].split("/", 2))
    return {
        "state_digest": total.hexdigest(),
        "events": events.total(),
        "families": sum(len(one) for one in states.values()),
        "partitions": partitions,
        "counts_digest": hashlib.sha256("".join(f"{line}={number}\n" for line, number in lines).encode()).hexdigest(),
        "totals": dict(totals),
    }


if __name__ == "__main__":
    json.dump(replay(sys.argv[1], Path(sys.argv[2]), sys.argv[3]), sys.stdout)
