"""given(...).when(...).then(...) for the families' rules: changes go in as bytes, as they come from the topic.

A family of the kota of Kediri, its village, its offices, and one plausible change of each record the rules decide.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from schemas import codec, records, regions
from stream_processors.registry import rulebook
from stream_processors.registry.decision import change_of, event_of, record_name
from stream_processors.registry.family import evolve, handle
from stream_processors.registry.rulebook import Activation, RuleBook

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream_processors.registry.family import Handled

WIB = timezone(timedelta(hours=7))
FAMILY, OTHER_FAMILY = "f" * 26, "g" * 26
ANI, BUDI, CITRA = "a" * 26, "b" * 26, "c" * 26
VILLAGE, NEIGHBOUR, FAR = "35.71.02.1001", "35.71.02.1002", "12.74.01.1001"
DESA, DINSOS, PENDAMPING, BUPATI = f"desa/{VILLAGE}", "dinsos/35.71", "pendamping/35.71", "bupati/35.71"
SECOND, HOUR, DAY = 1_000_000, 3_600_000_000, 86_400_000_000
DRAFT = b"draft proposal 1"
CLAIM = {ANI: b"claim of ani ...", BUDI: b"claim of budi ..", CITRA: b"claim of citra ."}
NO_RULES = RuleBook()

_numbers = itertools.count(1)


def at(year: int, month: int, day: int, hour: int = 9, minute: int = 0) -> int:
    """Return a time in western Indonesia as microseconds."""
    return int(datetime(year, month, day, hour, minute, tzinfo=WIB).astimezone(UTC).timestamp()) * SECOND


NOW = at(2025, 3, 10)


def place(code: str, system: str = "KEMENDAGRI", edition: str = regions.KEMENDAGRI_EDITION) -> records.Region:
    return records.Region(system=system, edition=edition, code=code)


_PROPOSAL: dict[str, tuple[str, dict[str, Any]]] = {
    "ProposalDrafted": (DESA, {"kind": "BARU", "proposer": "OPERATOR_DESA", "channel": "FORMAL"}),
    "ProposalSubmitted": (DESA, {}),
    "ProposalIdentityMatched": ("dukcapil", {"status": "PADAN", "batch": "1"}),
    "ProposalIdentityCorrected": (DESA, {"fields": ("nik",)}),
    "VillageMeetingHeld": (
        DESA,
        {
            "outcome": "DISEPAKATI",
            "minutes_number": "BA-1",
            "held_on": 20_000,
            "attendees": 30,
            "signatures": 12,
            "bnba_list_digest": b"d" * 32,
        },
    ),
    "FieldVerificationCompleted": (
        PENDAMPING,
        {"outcome": "LAYAK", "questionnaire": "REGSOSEK22-K", "geotag": b"sealed", "photo_digest": b"p" * 32},
    ),
    "DinsosReviewCompleted": (DINSOS, {"outcome": "TERIMA"}),
    "ProposalEndorsed": (BUPATI, {"batch_number": "SK-1", "signature": "TTE-1"}),
    "ProposalEndorsementReturned": (BUPATI, {"batch_number": "SK-1", "reason": "PERLU_VERIFIKASI"}),
    "ProposalSentToMinistry": (DINSOS, {"period": 202503, "batch_number": "K-1"}),
    "QualityControlCompleted": ("kemensos", {"outcome": "LULUS", "reasons": ()}),
    "ProposalDetermined": ("kemensos", {"determination_number": "P-1", "programme": "PKH", "run_id": "2025-1"}),
    "ProposalNotDetermined": ("kemensos", {"outcome": "CADANGAN", "reason": "KUOTA_PENUH"}),
    "ProposalReopened": (
        DINSOS,
        {"outcome": "PERIKSA_ULANG", "reason": "BERKAS_LENGKAP", "evidence": "SURAT-1"},
    ),
    "ProposalCancelled": (DESA, {"reason": "DITARIK"}),
}
STEPS = tuple(name for name in _PROPOSAL if name != "ProposalDrafted")
_CLAIMED = {
    "birth_year": 1980,
    "birth_month": 6,
    "sex": 2,
    "relationship": 1,
    "marital_status": 2,
    "presence": 1,
    "national_id": b"sealed",
    "name": b"sealed",
    "birth_day": b"sealed",
    "findings": (),
}
PLAUSIBLE: dict[str, tuple[str, dict[str, Any]]] = _PROPOSAL | {
    "FamilyRegistered": (
        DESA,
        {"region": place(VILLAGE), "card_ref": "k" * 26, "card_number": b"s", "address_line": b"s", "findings": ()},
    ),
    "FamilyMoved": (DINSOS, {"region": place(NEIGHBOUR), "address_line": b"s", "findings": ()}),
    "MembershipClaimed": (DESA, {"person_ref": ANI, **_CLAIMED}),
    "MembershipConfirmed": ("registry", {"person_ref": ANI, "claim_id": CLAIM[ANI]}),
    "MembershipContested": (
        "registry",
        {"person_ref": ANI, "claim_id": CLAIM[ANI], "reason": "ANGGOTA_DI_DUA_KELUARGA"},
    ),
    "MembershipEnded": ("dukcapil", {"person_ref": ANI, "reason": "MENINGGAL"}),
    "CivilRegistryMatched": ("dukcapil", {"person_ref": ANI, "status": "PADAN", "batch": "1"}),
    "GroundCheckRecorded": (
        PENDAMPING,
        {"result": 1, "questionnaire": "REGSOSEK22-K", "family": records.FamilyVariables(), "individuals": ()},
    ),
    "FamilyRanked": (
        "bps",
        {
            "run_id": "2025-1",
            "decile": 2,
            "percentile": 1234,
            "basis": "FAMILIES",
            "scope": "NATIONAL",
            "model_version": "1",
            "dpia_id": "D1",
        },
    ),
    "DeadlineReached": ("registry", {"kind": "PROPOSAL_CUT_OFF.BARU", "subject_id": DRAFT, "due_at": NOW}),
    "ReevaluationRequested": ("registry", {"rule_set": "pkh", "version": "2025.1"}),
}
OBJECTION, TASK, SPLIT = b"an objection ...", b"a task .........", b"a split ........"
_WHY = {"reason": "ALASAN", "evidence": "SURAT-1"}
_CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "ObjectionFiled": (
        "kemensos",
        {
            "objection_kind": "TIDAK_LAYAK",
            "objector_ref": "o" * 26,
            "objector_region": place(VILLAGE),
            "photo_digest": b"p" * 32,
            "geotag": b"sealed",
        },
    ),
    "ObjectionReceived": ("kemensos", {"objection_id": OBJECTION}),
    "ObjectionForwarded": ("kemensos", {"objection_id": OBJECTION}),
    "ObjectionDecided": (DINSOS, {"objection_id": OBJECTION, "outcome": "DITERIMA", "reason": "MAMPU"}),
    "GroundCheckAssigned": (DINSOS, {"batch": "T-1", "pendamping": "p-1"}),
    "GroundCheckVisited": (PENDAMPING, {"task_id": TASK, "geotag": b"sealed"}),
    "GroundCheckExamined": (DINSOS, {"task_id": TASK}),
    "GroundCheckDecided": (DINSOS, {"task_id": TASK, "outcome": "DITERIMA", "reason": "CUKUP"}),
    "GroundCheckForwarded": (DINSOS, {"task_id": TASK, "batch": "K-1"}),
    "PbiEnrolled": ("kemensos", {"person_ref": ANI, "determination_number": "SK-PBI-1"}),
    "PbiDeactivated": ("kemensos", {"person_ref": ANI, "reason": "DESIL_6_10", "evidence": "SURAT-1"}),
    "PbiReactivationProposed": (
        DINSOS,
        {"person_ref": ANI, "ground": "PENYAKIT_KRONIS", "evidence": "SURAT-1"},
    ),
    "PbiReactivationDecided": ("kemensos", {"person_ref": ANI, "outcome": "DISETUJUI", "reason": "LENGKAP"}),
    "PbiActivated": ("kemensos", {"person_ref": ANI}),
    "FamilyExcluded": (
        "kemensos",
        {"exclusion": "PERANGKAT_DESA", "programmes": ("PKH", "SEMBAKO"), "evidence": "SURAT-1"},
    ),
    "ExclusionLifted": (
        "kemensos",
        {"exclusion": "PERANGKAT_DESA", "programmes": ("PKH", "SEMBAKO"), "reason": "BERHENTI", "cites": DRAFT},
    ),
}
_STANDINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "FamilyDeparted": (DINSOS, _WHY),
    "FamilyArrived": (
        DINSOS,
        {"region": place(NEIGHBOUR), "address_line": b"s", "evidence": "SURAT-1", "findings": ()},
    ),
    "FamilySplit": (DINSOS, _WHY),
    "FamilyBranched": (DINSOS, {"parent_id": OTHER_FAMILY, "split_id": SPLIT}),
    "FamilyMerged": (DINSOS, {"into_id": OTHER_FAMILY, **_WHY}),
    "FamilyAbsorbed": (DINSOS, {"merged_id": OTHER_FAMILY, **_WHY}),
    "FamilyDissolved": (DINSOS, _WHY),
    "FamilyDeactivated": ("kemensos", _WHY),
    "FamilyReactivated": ("kemensos", _WHY),
    "FamilyCardReissued": (
        "dukcapil",
        {"card_ref": "n" * 26, "card_number": b"s", "reason": "HILANG", "findings": ()},
    ),
    "PersonReactivated": ("dukcapil", {"person_ref": ANI, **_WHY}),
}
PLAUSIBLE |= _CASES | _STANDINGS
_PLACE = {"programme": "BPNTD", "period": "2025-03", "run_id": "BPNTD-2025-03-1", "place": 1}
_AID: dict[str, tuple[str, dict[str, Any]]] = {
    "AidAllocated": (DINSOS, {**_PLACE, "amount_rupiah": 200_000, "determination_number": "P-1"}),
    "AidWaitlisted": (DINSOS, {**_PLACE, "reason": "KUOTA_PENUH"}),
    "AidSuspended": (DINSOS, {"programme": "BPNTD", "reason": "REKENING_BERMASALAH", "evidence": "SURAT-1"}),
    "AidResumed": (DINSOS, {"programme": "BPNTD", "reason": "REKENING_DIPERBAIKI", "evidence": "SURAT-2"}),
    "AidStopped": (DINSOS, {"programme": "BPNTD", "reason": "GRADUASI", "effective_on": 20_200}),
    "AidReceived": (
        DINSOS,
        {
            "programme": "BPNTD",
            "period": "2025-02",
            "amount_rupiah": 200_000,
            "received_on": 20_140,
            "determination_number": "P-1",
        },
    ),
    "PersonConditionRecorded": (
        DINSOS,
        {"person_ref": ANI, "condition": "SMP", "holds": True, "ordinal": 0, "until": 0},
    ),
}
PLAUSIBLE |= _AID
DECIDED = tuple(PLAUSIBLE)


def say(record: str, /, **fields: Any) -> Any:
    """Return a plausible change of this record, by an agency that may say it, with other values where given.

    `agency`, `occurred`, `change_id` and `family_id` go into the header, the rest into the record.
    """
    agency, body = PLAUSIBLE[record]
    heads = {name: fields.pop(name) for name in ("agency", "occurred", "change_id", "family_id") if name in fields}
    values = {"proposal_id": DRAFT} | body | fields if record in STEPS else body | fields
    header = records.Header(
        sequence=0,
        recorded_at=0,
        occurred_at=heads.get("occurred", NOW),
        change_id=heads.get("change_id") or next(_numbers).to_bytes(16, "big"),
        family_id=heads.get("family_id", FAMILY),
        agency=heads.get("agency", agency),
        actor="petugas-1",
        document="berkas-1",
    )
    return getattr(records, record)(header=header, **values)


def registered(**fields: Any) -> Any:
    return say("FamilyRegistered", **{"occurred": at(2025, 1, 1), **fields})


def claimed(person: str = ANI, /, **fields: Any) -> Any:
    return say(
        "MembershipClaimed",
        **{
            "person_ref": person,
            "change_id": CLAIM[person],
            "occurred": at(2025, 1, 1),
            "relationship": 1 if person == ANI else 3,
            **fields,
        },
    )


def matched(person: str = ANI, /, status: str = "PADAN", **fields: Any) -> Any:
    return say("CivilRegistryMatched", person_ref=person, status=status, **{"occurred": at(2025, 1, 2), **fields})


def drafted(**fields: Any) -> Any:
    return say("ProposalDrafted", **{"change_id": DRAFT, "occurred": at(2025, 3, 1), **fields})


def in_force(*rule_sets: tuple[str, str, int, int]) -> RuleBook:
    """Return a book of (rule set, version, effective from, recorded at)."""
    return RuleBook(tuple(Activation(rulebook.rule_set(name, version), *times) for name, version, *times in rule_sets))


BOTH = in_force(
    ("pkh", "2025.1", at(2025, 1, 1), at(2025, 1, 1)), ("sembako", "2025.1", at(2025, 1, 1), at(2025, 1, 1))
)


@dataclass
class Scenario:
    """One family as the fold would hold it, and every event it accepted, as bytes."""

    rules: RuleBook = NO_RULES
    state: Any = None
    log: list[bytes] = field(default_factory=list)
    clock: int = NOW

    def handle(self, change: Any, recorded_at: int | None = None) -> Handled:
        """Decide one change; its recorded time is a second after the one before unless it is given."""
        self.clock = self.clock + SECOND if recorded_at is None else recorded_at
        handled = handle(change_of(codec.encode(change), self.clock), self.state, self.rules)
        self.state = handled.state
        self.log += [event.framed for event in handled.events]
        return handled

    def and_given(self, *changes: Any) -> Scenario:
        for change in changes:
            handled = self.handle(change)
            assert handled.events, f"{record_name(change)}: {handled.refused or 'known'}"
        return self

    def when(self, change: Any, recorded_at: int | None = None) -> Outcome:
        before = self.state
        return Outcome(self, before, self.handle(change, recorded_at))

    def step(self, proposal_id: bytes = DRAFT) -> str:
        return str(next(one.step for one in self.state.proposals if one.proposal_id == proposal_id))

    def proposal(self, proposal_id: bytes = DRAFT) -> Any:
        return next(one for one in self.state.proposals if one.proposal_id == proposal_id)

    def member(self, person: str = ANI) -> Any:
        return next(one for one in self.state.members if one.person_ref == person)

    def decision(self, programme: str) -> Any:
        return next(one for one in self.state.eligibility if one.programme == programme)


@dataclass
class Outcome:
    """What one change did to a scenario."""

    scenario: Scenario
    before: Any
    handled: Handled

    def then(self, *names: str) -> Scenario:
        """Assert that exactly events of these records came of it."""
        assert [record_name(event.record) for event in self.handled.events] == list(names), self.handled.refused
        return self.scenario

    def accepted(self) -> Scenario:
        assert self.handled.events, self.handled.refused or "known"
        return self.scenario

    def refused(self, rule: str, pointer: str | None = None) -> Scenario:
        """Assert that it broke this rule, there, and left no trace in the state."""
        assert self.handled.refused is not None, "accepted" if self.handled.events else "known"
        assert self.handled.refused.rule == rule, self.handled.refused
        if pointer is not None:
            assert self.handled.refused.pointer == pointer
        return self._nothing()

    def known(self) -> Scenario:
        """Assert that it was neither refused nor made an event."""
        assert self.handled.refused is None, self.handled.refused
        return self._nothing()

    def _nothing(self) -> Scenario:
        assert self.handled.events == ()
        assert self.handled.state == self.before
        return self.scenario


def given(*changes: Any, rules: RuleBook = NO_RULES) -> Scenario:
    """Return a scenario in which these changes were accepted, one after the other."""
    return Scenario(rules=rules).and_given(*changes)


def replay(log: Iterable[bytes], state: Any = None) -> Any:
    """Return the state that events read from the topic add up to."""
    for framed in log:
        state = evolve(state, event_of(framed))
    return state
