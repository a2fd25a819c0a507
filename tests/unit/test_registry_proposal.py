"""Machine A along every step and every exit; the expected list is written from the domain guide, 4.A, row by row.

The exits that the guide leaves open (O8) are those of docs/decisions/0034-machines-as-tables.md.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from schemas.questionnaire import all_versions
from stream_processors.registry import calendar, codes, deadlines, proposal
from tests.unit.registry_scenarios import (
    BUPATI,
    DESA,
    DINSOS,
    DRAFT,
    NEIGHBOUR,
    NOW,
    STEPS,
    Scenario,
    at,
    claimed,
    drafted,
    given,
    matched,
    registered,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

# From, record, outcome, to: every row of 4.A but the first (the draft itself), the ranking and the cancellation.
ROWS = """
DRAF                       ProposalSubmitted            -             DAFTAR_USULAN_AWAL
DAFTAR_USULAN_AWAL         ProposalIdentityMatched      PADAN         DAFTAR_USULAN_AWAL
DAFTAR_USULAN_AWAL         ProposalIdentityMatched      NIK_TIDAK_DITEMUKAN  PERLU_PERBAIKAN_IDENTITAS
DAFTAR_USULAN_AWAL         ProposalIdentityMatched      NIK_KOSONG           PERLU_PERBAIKAN_IDENTITAS
DAFTAR_USULAN_AWAL         ProposalIdentityMatched      NIK_GANDA            PERLU_PERBAIKAN_IDENTITAS
DAFTAR_USULAN_AWAL         ProposalIdentityMatched      NAMA_BEDA            PERLU_PERBAIKAN_IDENTITAS
DAFTAR_USULAN_AWAL         ProposalIdentityMatched      TGL_LAHIR_BEDA       PERLU_PERBAIKAN_IDENTITAS
DAFTAR_USULAN_AWAL         ProposalIdentityMatched      KK_TIDAK_VALID       PERLU_PERBAIKAN_IDENTITAS
DAFTAR_USULAN_AWAL         ProposalIdentityMatched      MENINGGAL            PERLU_PERBAIKAN_IDENTITAS
DAFTAR_USULAN_AWAL         ProposalIdentityMatched      PINDAH               PERLU_PERBAIKAN_IDENTITAS
DAFTAR_USULAN_AWAL         ProposalIdentityMatched      BELUM_REKAM_KTPEL    PERLU_PERBAIKAN_IDENTITAS
DAFTAR_USULAN_AWAL         ProposalIdentityMatched      KK_SENDIRIAN         PERLU_PERBAIKAN_IDENTITAS
PERLU_PERBAIKAN_IDENTITAS  ProposalIdentityCorrected    -             DAFTAR_USULAN_AWAL
DAFTAR_USULAN_AWAL         VillageMeetingHeld           DISEPAKATI    DAFTAR_USULAN_AKHIR
DAFTAR_USULAN_AWAL         VillageMeetingHeld           DITOLAK       DITOLAK_MUSDES
DAFTAR_USULAN_AKHIR        FieldVerificationCompleted   LAYAK         TERVERIFIKASI
DAFTAR_USULAN_AKHIR        FieldVerificationCompleted   TIDAK_LAYAK   TIDAK_LAYAK
TERVERIFIKASI              DinsosReviewCompleted        TERIMA        MENUNGGU_PENGESAHAN
TERVERIFIKASI              DinsosReviewCompleted        KEMBALIKAN    DAFTAR_USULAN_AWAL
TERVERIFIKASI              DinsosReviewCompleted        TOLAK         DITOLAK_DINSOS
MENUNGGU_PENGESAHAN        ProposalEndorsed             -             DISAHKAN
MENUNGGU_PENGESAHAN        ProposalEndorsementReturned  -             TERVERIFIKASI
DISAHKAN                   ProposalSentToMinistry       -             DI_KEMENSOS
DI_KEMENSOS                QualityControlCompleted      LULUS         DISERAHKAN_BPS
DI_KEMENSOS                QualityControlCompleted      GAGAL         DIKEMBALIKAN_DAERAH
TERPERINGKAT               ProposalDetermined           -             DITETAPKAN
TERPERINGKAT               ProposalNotDetermined        CADANGAN      CADANGAN
TERPERINGKAT               ProposalNotDetermined        TIDAK_MEMENUHI  TIDAK_MEMENUHI
TIDAK_LAYAK                ProposalReopened             VERIFIKASI_ULANG    DAFTAR_USULAN_AKHIR
DIKEMBALIKAN_DAERAH        ProposalReopened             PERIKSA_ULANG       TERVERIFIKASI
DIKEMBALIKAN_DAERAH        ProposalReopened             PERBAIKI_IDENTITAS  PERLU_PERBAIKAN_IDENTITAS
TIDAK_MEMENUHI             ProposalReopened             PERINGKAT_BARU      TERPERINGKAT
CADANGAN                   ProposalDetermined           -               DITETAPKAN
CADANGAN                   ProposalNotDetermined        TIDAK_MEMENUHI  TIDAK_MEMENUHI
"""
ALLOWED: dict[tuple[str, str, str], str] = {
    (start, record, "" if outcome == "-" else outcome): end
    for start, record, outcome, end in (row.split() for row in ROWS.strip().splitlines())
}
TERMINAL: tuple[str, ...] = ("DITOLAK_MUSDES", "DITOLAK_DINSOS", "DITETAPKAN", "DIBATALKAN")
RESTING: tuple[str, ...] = ("TIDAK_LAYAK", "DIKEMBALIKAN_DAERAH", "CADANGAN", "TIDAK_MEMENUHI")
ENDS = TERMINAL + RESTING
OPEN: tuple[str, ...] = (
    "DRAF",
    "DAFTAR_USULAN_AWAL",
    "PERLU_PERBAIKAN_IDENTITAS",
    "DAFTAR_USULAN_AKHIR",
    "TERVERIFIKASI",
)
OPEN += ("MENUNGGU_PENGESAHAN", "DISAHKAN", "DI_KEMENSOS", "DISERAHKAN_BPS", "TERPERINGKAT")
# Nobody's list but the guide's: 18 states.
STATES = OPEN + ENDS

WITH_REASON = {"DITOLAK", "TIDAK_LAYAK", "KEMBALIKAN", "TOLAK", "CADANGAN", "TIDAK_MEMENUHI"}
OUTCOMES = {record: tuple(dict.fromkeys(o for _, r, o in ALLOWED if r == record)) for record in STEPS}


def step(record: str, outcome: str = "", **fields: Any) -> Any:
    """Return the step with this outcome, and with a reason where the guide wants one."""
    match record:
        case "ProposalIdentityMatched":
            fields = {"status": outcome or "PADAN"} | fields
        case "ProposalReopened" if outcome:
            agency = "kemensos" if outcome == "PERINGKAT_BARU" else DINSOS
            fields = {"outcome": outcome, "agency": agency} | fields
        case "QualityControlCompleted":
            fields = {"outcome": outcome, "reasons": ("NIK_GANDA",) if outcome == "GAGAL" else ()} | fields
        case _ if outcome:
            fields = {"outcome": outcome} | ({"reason": "ALASAN"} if outcome in WITH_REASON else {}) | fields
    return say(record, **fields)


def ranked(**fields: Any) -> Any:
    return say("FamilyRanked", **fields)


_START = (registered, claimed, matched, drafted)
_FORWARD = (
    ("DRAF", ()),
    ("DAFTAR_USULAN_AWAL", (("ProposalSubmitted", ""), ("ProposalIdentityMatched", "PADAN"))),
    ("DAFTAR_USULAN_AKHIR", (("VillageMeetingHeld", "DISEPAKATI"),)),
    ("TERVERIFIKASI", (("FieldVerificationCompleted", "LAYAK"),)),
    ("MENUNGGU_PENGESAHAN", (("DinsosReviewCompleted", "TERIMA"),)),
    ("DISAHKAN", (("ProposalEndorsed", ""),)),
    ("DI_KEMENSOS", (("ProposalSentToMinistry", ""),)),
    ("DISERAHKAN_BPS", (("QualityControlCompleted", "LULUS"),)),
    ("TERPERINGKAT", (("FamilyRanked", ""),)),
)
_EXITS = {
    "PERLU_PERBAIKAN_IDENTITAS": ("DAFTAR_USULAN_AWAL", "ProposalIdentityMatched", "NAMA_BEDA"),
    "DITOLAK_MUSDES": ("DAFTAR_USULAN_AWAL", "VillageMeetingHeld", "DITOLAK"),
    "TIDAK_LAYAK": ("DAFTAR_USULAN_AKHIR", "FieldVerificationCompleted", "TIDAK_LAYAK"),
    "DITOLAK_DINSOS": ("TERVERIFIKASI", "DinsosReviewCompleted", "TOLAK"),
    "DIKEMBALIKAN_DAERAH": ("DI_KEMENSOS", "QualityControlCompleted", "GAGAL"),
    "DITETAPKAN": ("TERPERINGKAT", "ProposalDetermined", ""),
    "CADANGAN": ("TERPERINGKAT", "ProposalNotDetermined", "CADANGAN"),
    "TIDAK_MEMENUHI": ("TERPERINGKAT", "ProposalNotDetermined", "TIDAK_MEMENUHI"),
    "DIBATALKAN": ("TERVERIFIKASI", "ProposalCancelled", ""),
}


def at_step(state: str) -> Scenario:
    """Return a family whose proposal walked to this state, matched where the way there asks for a match."""
    if state in _EXITS:
        start, record, outcome = _EXITS[state]
        return at_step(start).and_given(step(record, outcome))
    scene = given(*(make() for make in _START))
    for reached, taken in _FORWARD:
        scene.and_given(*(ranked() if name == "FamilyRanked" else step(name, outcome) for name, outcome in taken))
        if reached == state:
            return scene
    raise AssertionError(state)


_WALKED: dict[str, Scenario] = {}


def standing_at(state: str) -> Scenario:
    """Return the same as `at_step`, walked once; a new scenario each time, so that tests don't share what they do."""
    if state not in _WALKED:
        _WALKED[state] = at_step(state)
    walked = _WALKED[state]
    return Scenario(state=walked.state, clock=walked.clock, log=list(walked.log))


def ready(state: str, outcome: str) -> Scenario:
    """Return a proposal at this state with what the outcome rests on: a rank newer than the one that was judged."""
    scene = standing_at(state)
    return scene.and_given(ranked(run_id="2025-2", occurred=NOW + 1)) if outcome == "PERINGKAT_BARU" else scene


def pairs() -> Iterator[tuple[str, str, str]]:
    """Yield every state with every step and every outcome that the step has anywhere."""
    for state, record in itertools.product(STATES, STEPS):
        for outcome in OUTCOMES[record] or ("",):
            yield state, record, outcome


@pytest.mark.parametrize("state", STATES)
def test_every_state_of_the_machine_is_reached(state: str) -> None:
    assert standing_at(state).step() == state


@pytest.mark.parametrize(("state", "record", "outcome"), sorted(ALLOWED))
def test_a_listed_step_leads_where_the_guide_says(state: str, record: str, outcome: str) -> None:
    scene = ready(state, outcome).when(step(record, outcome)).then(record)
    assert scene.step() == ALLOWED[state, record, outcome]


def test_every_pair_outside_the_list_is_refused_and_changes_nothing() -> None:
    tried = 0
    for state, record, outcome in pairs():
        if (state, record, outcome) not in ALLOWED and record != "ProposalCancelled":
            elsewhere = {record: one for one, record, _ in ALLOWED if one == state}
            rule = "CODE_UNKNOWN" if record in elsewhere else "ORDER"
            standing_at(state).when(step(record, outcome)).refused(rule)
            tried += 1
    assert tried == len(STATES) * sum(len(OUTCOMES[one]) for one in STEPS) - len(ALLOWED)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("agency", [DESA, "kemensos"])
def test_a_proposal_is_cancelled_at_every_step_but_an_end(state: str, agency: str) -> None:
    cancelled = step("ProposalCancelled", agency=agency)
    outcome = standing_at(state).when(cancelled)
    if state in TERMINAL:
        outcome.refused("ORDER")
        return
    scene = outcome.then("ProposalCancelled")
    assert (scene.step(), scene.proposal().reason) == ("DIBATALKAN", "DITARIK")
    scene.when(cancelled).known()
    scene.when(step("ProposalCancelled")).refused("ORDER")


@pytest.mark.parametrize("state", RESTING)
def test_a_halted_proposal_is_cancelled_by_its_proposer_or_the_ministry_alone(state: str) -> None:
    scene = standing_at(state)
    scene.state = replace(scene.state, proposals=(replace(scene.proposal(), agency="desa/35.71.03.1001"),))
    scene.when(step("ProposalCancelled")).refused("NOT_PROPOSER", "/header/agency")
    assert scene.when(step("ProposalCancelled", agency="kemensos")).accepted().step() == "DIBATALKAN"


def test_the_machine_in_code_is_exactly_the_guide_s() -> None:
    flat = {
        (start, record, outcome): end
        for (start, record), outcomes in proposal.TRANSITIONS["BARU"].items()
        for outcome, end in outcomes.items()
        if record not in {"ProposalDrafted", "DeadlineReached", "FamilyRanked", "ProposalCancelled"}
    }
    assert flat == ALLOWED
    assert set(OPEN) == proposal.OPEN


def test_a_fact_of_civil_status_needs_no_rank_and_ends_once_it_is_checked() -> None:
    for kind, transitions in proposal.TRANSITIONS.items():
        ends = "TERCATAT" if kind in {"MENINGGAL", "PINDAH", "PECAH_KK"} else "DISERAHKAN_BPS"
        assert transitions["DI_KEMENSOS", "QualityControlCompleted"]["LULUS"] == ends


def test_a_move_that_was_checked_is_on_record_and_may_be_proposed_again() -> None:
    # Given a usulan PINDAH that went all the way to the ministry
    scene = standing_at("DI_KEMENSOS")
    moving = replace(scene.proposal(), kind="PINDAH")
    scene.state = replace(scene.state, proposals=(moving,))
    # When quality control lets it pass
    scene.when(step("QualityControlCompleted", "LULUS")).then("QualityControlCompleted")
    # Then it is on record: no rank moves it, nothing cancels it, and the next one may come
    assert scene.step() == "TERCATAT"
    assert scene.and_given(ranked()).step() == "TERCATAT"
    scene.when(step("ProposalCancelled")).refused("ORDER")
    scene.when(drafted(kind="PINDAH", change_id=b"another draft ..")).accepted()


def test_what_did_not_meet_the_rules_is_judged_again_on_a_newer_rank_alone() -> None:
    scene = standing_at("TIDAK_MEMENUHI")
    scene.when(step("ProposalReopened", "PERINGKAT_BARU")).refused("NO_NEWER_RANKING", "/outcome")
    unranked = ranked(decile=None, percentile=None, unranked_reason="VARIABEL_KURANG", occurred=NOW + 1)
    scene.and_given(unranked).when(step("ProposalReopened", "PERINGKAT_BARU")).refused("NO_NEWER_RANKING")
    scene.and_given(ranked(run_id="2025-3", occurred=NOW + 2))
    assert scene.when(step("ProposalReopened", "PERINGKAT_BARU")).accepted().step() == "TERPERINGKAT"


@pytest.mark.parametrize(
    ("state", "outcome", "agency"),
    [
        ("TIDAK_LAYAK", "VERIFIKASI_ULANG", "kemensos"),
        ("DIKEMBALIKAN_DAERAH", "PERIKSA_ULANG", DESA),
        ("DIKEMBALIKAN_DAERAH", "PERBAIKI_IDENTITAS", "kemensos"),
        ("TIDAK_MEMENUHI", "PERINGKAT_BARU", DINSOS),
    ],
)
def test_a_proposal_is_taken_up_again_by_its_own_office_alone(state: str, outcome: str, agency: str) -> None:
    ready(state, outcome).when(step("ProposalReopened", outcome, agency=agency)).refused("AGENCY_MAY_NOT")


@pytest.mark.parametrize("missing", ["reason", "evidence"])
def test_a_proposal_is_taken_up_again_with_a_reason_and_a_new_document(missing: str) -> None:
    rule = "REASON_MISSING" if missing == "reason" else "EVIDENCE_MISSING"
    standing_at("TIDAK_LAYAK").when(step("ProposalReopened", "VERIFIKASI_ULANG", **{missing: " "})).refused(rule)


def test_a_family_on_the_exclusion_list_is_not_determined_for_that_programme() -> None:
    scene = standing_at("TERPERINGKAT").and_given(say("FamilyExcluded", programmes=("PKH",)))
    scene.when(step("ProposalDetermined", programme="PKH")).refused("EXCLUDED", "/programme")
    assert scene.when(step("ProposalDetermined", programme="SEMBAKO")).accepted().step() == "DITETAPKAN"


@pytest.mark.parametrize("record", [name for name in STEPS if any(OUTCOMES[name])])
@pytest.mark.parametrize("outcome", ["", "padan", "LAIN", " "])
def test_an_outcome_the_step_does_not_have_is_refused(record: str, outcome: str) -> None:
    state = next(state for state, name, _ in ALLOWED if name == record)
    if record == "ProposalIdentityMatched":
        standing_at(state).when(say(record, status=outcome)).refused("CODE_UNKNOWN", "/status")
    else:
        standing_at(state).when(say(record, outcome=outcome)).refused("CODE_UNKNOWN", "/outcome")


_REASONED = [
    ("DAFTAR_USULAN_AWAL", "VillageMeetingHeld", {"outcome": "DITOLAK"}),
    ("DAFTAR_USULAN_AKHIR", "FieldVerificationCompleted", {"outcome": "TIDAK_LAYAK"}),
    ("TERVERIFIKASI", "DinsosReviewCompleted", {"outcome": "KEMBALIKAN"}),
    ("TERVERIFIKASI", "DinsosReviewCompleted", {"outcome": "TOLAK"}),
    ("MENUNGGU_PENGESAHAN", "ProposalEndorsementReturned", {}),
    ("TERPERINGKAT", "ProposalNotDetermined", {"outcome": "CADANGAN"}),
    ("TERPERINGKAT", "ProposalNotDetermined", {"outcome": "TIDAK_MEMENUHI"}),
    *((state, "ProposalCancelled", {}) for state in OPEN + RESTING),
]


@pytest.mark.parametrize(("state", "record", "fields"), _REASONED)
def test_the_reason_is_never_empty(state: str, record: str, fields: dict[str, Any]) -> None:
    nothing: tuple[str | None, ...] = ("", " ", "\t")
    if "outcome" in fields and record != "ProposalNotDetermined":
        nothing += (None,)
    for reason in nothing:
        standing_at(state).when(say(record, reason=reason, **fields)).refused("REASON_MISSING", "/reason")
    scene = standing_at(state).when(say(record, reason="ALASAN", **fields)).accepted()
    assert scene.proposal().reason == "ALASAN"


@pytest.mark.parametrize("reasons", [(), ("",), ("", ""), ("NIK_GANDA", ""), (" ",)])
def test_a_failed_quality_control_names_every_reason(reasons: tuple[str, ...]) -> None:
    failed = say("QualityControlCompleted", outcome="GAGAL", reasons=reasons)
    standing_at("DI_KEMENSOS").when(failed).refused("REASON_MISSING", "/reasons")


def test_the_reasons_of_a_failed_quality_control_are_kept() -> None:
    failed = say("QualityControlCompleted", outcome="GAGAL", reasons=("NIK_GANDA", "ANGGOTA_DI_DUA_KELUARGA"))
    assert standing_at("DI_KEMENSOS").and_given(failed).proposal().reason == "NIK_GANDA,ANGGOTA_DI_DUA_KELUARGA"


@pytest.mark.parametrize(
    "minutes",
    [
        {"minutes_number": ""},
        {"minutes_number": "  "},
        {"signatures": 0},
        {"signatures": -1},
        {"signatures": 31},
        {"attendees": 0, "signatures": 0},
    ],
)
def test_a_village_can_not_confirm_its_own_meeting_without_signed_minutes(minutes: dict[str, Any]) -> None:
    meeting = say("VillageMeetingHeld", **minutes)
    standing_at("DAFTAR_USULAN_AWAL").when(meeting).refused("MINUTES_MISSING", "/minutes_number")


def test_minutes_signed_by_everybody_present_will_do() -> None:
    meeting = say("VillageMeetingHeld", attendees=1, signatures=1)
    standing_at("DAFTAR_USULAN_AWAL").when(meeting).accepted()


@pytest.mark.parametrize(
    ("state", "record", "field"),
    [
        ("DAFTAR_USULAN_AKHIR", "FieldVerificationCompleted", "questionnaire"),
        ("CADANGAN", "ProposalDetermined", "run_id"),
        ("MENUNGGU_PENGESAHAN", "ProposalEndorsed", "signature"),
        ("MENUNGGU_PENGESAHAN", "ProposalEndorsed", "batch_number"),
        ("TERPERINGKAT", "ProposalDetermined", "determination_number"),
        ("TERPERINGKAT", "ProposalDetermined", "programme"),
    ],
)
def test_a_step_carries_its_evidence(state: str, record: str, field: str) -> None:
    for blank in ("", " "):
        standing_at(state).when(say(record, **{field: blank})).refused("EVIDENCE_MISSING", f"/{field}")


@pytest.mark.parametrize("outcome", ["LAYAK", "TIDAK_LAYAK"])
@pytest.mark.parametrize("field", ["geotag", "photo_digest"])
def test_a_field_verification_shows_the_place_and_the_house(field: str, outcome: str) -> None:
    without = step("FieldVerificationCompleted", outcome, **{field: None})
    standing_at("DAFTAR_USULAN_AKHIR").when(without).refused("EVIDENCE_MISSING", f"/{field}")


def test_a_field_verification_is_by_a_questionnaire_that_there_is() -> None:
    scene = standing_at("DAFTAR_USULAN_AKHIR")
    made_up = step("FieldVerificationCompleted", "LAYAK", questionnaire="REGSOSEK99")
    scene.when(made_up).refused("QUESTIONNAIRE_UNKNOWN", "/questionnaire")
    for version in all_versions():
        taken = step("FieldVerificationCompleted", "LAYAK", questionnaire=version)
        assert standing_at("DAFTAR_USULAN_AKHIR").when(taken).accepted().step() == "TERVERIFIKASI"


@pytest.mark.parametrize("state", ["TERPERINGKAT", "CADANGAN"])
def test_a_determination_names_the_run_that_the_family_s_decile_is_of(state: str) -> None:
    # Given a proposal that a run ranked, and the family ranked again by a newer run
    scene = standing_at(state).and_given(ranked(run_id="2025-2", occurred=NOW + 1))
    # When it is determined on the first run, it is refused; on the newer one it is not
    scene.when(step("ProposalDetermined", run_id="2025-1")).refused("RUN_NOT_IN_FORCE", "/run_id")
    assert scene.when(step("ProposalDetermined", run_id="2025-2")).accepted().step() == "DITETAPKAN"


def test_a_family_that_lost_its_decile_is_not_determined_on_the_run_that_took_it() -> None:
    nothing: dict[str, Any] = {"decile": None, "percentile": None, "unranked_reason": "VARIABEL_KURANG"}
    scene = standing_at("TERPERINGKAT").and_given(ranked(run_id="2025-2", occurred=NOW + 1, **nothing))
    for run in ("2025-1", "2025-2"):
        scene.when(step("ProposalDetermined", run_id=run)).refused("RUN_NOT_IN_FORCE", "/run_id")


def test_a_determination_is_for_a_programme_that_there_is() -> None:
    scene = standing_at("TERPERINGKAT")
    scene.when(step("ProposalDetermined", programme="TIDAK_ADA")).refused("PROGRAMME_UNKNOWN", "/programme")


def test_the_meeting_waits_for_the_identity_match() -> None:
    scene = given(registered(), drafted(), step("ProposalSubmitted"))
    scene.when(step("VillageMeetingHeld", "DISEPAKATI")).refused("NOT_MATCHED")
    scene.when(step("ProposalIdentityMatched", "PADAN")).accepted()
    assert scene.proposal().padan == "PADAN"
    scene.when(step("VillageMeetingHeld", "DISEPAKATI")).accepted()


def test_a_corrected_identity_is_matched_again_before_the_meeting() -> None:
    scene = standing_at("PERLU_PERBAIKAN_IDENTITAS").and_given(step("ProposalIdentityCorrected"))
    scene.when(step("VillageMeetingHeld", "DISEPAKATI")).refused("NOT_MATCHED")
    scene.and_given(step("ProposalIdentityMatched", "PADAN"), step("VillageMeetingHeld", "DISEPAKATI"))
    assert scene.step() == "DAFTAR_USULAN_AKHIR"


def test_a_proposal_returned_by_the_social_office_goes_to_a_new_meeting() -> None:
    scene = standing_at("TERVERIFIKASI").and_given(step("DinsosReviewCompleted", "KEMBALIKAN"))
    assert scene.and_given(step("VillageMeetingHeld", "DISEPAKATI")).step() == "DAFTAR_USULAN_AKHIR"


@pytest.mark.parametrize("state", OPEN)
def test_a_second_proposal_of_a_kind_waits_for_the_end_of_the_first(state: str) -> None:
    standing_at(state).when(drafted(change_id=b"another proposal")).refused("PROPOSAL_OPEN", "/kind")


@pytest.mark.parametrize("state", ENDS)
def test_after_an_end_a_new_proposal_of_the_kind_may_be_drafted(state: str) -> None:
    scene = standing_at(state).and_given(drafted(change_id=b"another proposal"))
    assert [(one.proposal_id, one.step) for one in scene.state.proposals] == [(b"another proposal", "DRAF")]
    # A halted one ends by it, and the new one says so; what ended before is over already
    assert scene.proposal(b"another proposal").reason == (f"MENGGANTIKAN_{state}" if state in RESTING else "")
    scene.when(step("ProposalSubmitted")).refused("PROPOSAL_UNKNOWN", "/proposal_id")


@pytest.mark.parametrize("kind", sorted(codes.PROPOSAL_KINDS - {"BARU"}))
def test_proposals_of_two_kinds_are_open_side_by_side(kind: str) -> None:
    scene = standing_at("TERVERIFIKASI").and_given(drafted(change_id=b"another proposal", kind=kind))
    scene.and_given(step("ProposalSubmitted", proposal_id=b"another proposal"))
    assert (scene.step(), scene.step(b"another proposal")) == ("TERVERIFIKASI", "DAFTAR_USULAN_AWAL")


@pytest.mark.parametrize(
    ("field", "value"), [("kind", "LAIN"), ("proposer", "CAMAT"), ("channel", ""), ("kind", "baru")]
)
def test_a_draft_s_codes_are_of_their_lists(field: str, value: str) -> None:
    given(registered()).when(drafted(**{field: value})).refused("CODE_UNKNOWN", f"/{field}")


@pytest.mark.parametrize("record", STEPS)
def test_a_step_of_a_proposal_nobody_drafted_is_refused(record: str) -> None:
    outcome = next((one for one in OUTCOMES[record]), "")
    given(registered()).when(step(record, outcome)).refused("PROPOSAL_UNKNOWN", "/proposal_id")


def test_only_the_proposer_or_the_ministry_cancels() -> None:
    scene = given(registered(), say("FamilyMoved"), drafted(agency=f"desa/{NEIGHBOUR}"))
    scene.and_given(say("FamilyMoved", agency="kemensos", region=registered().region))
    scene.when(say("ProposalCancelled", agency=DESA)).refused("NOT_PROPOSER", "/header/agency")
    scene.when(say("ProposalCancelled", agency="kemensos")).accepted()


def test_a_village_does_not_cancel_the_ministry_s_proposal() -> None:
    scene = given(registered(), drafted(agency="kemensos", proposer="KEMENSOS"))
    scene.when(say("ProposalCancelled", agency=DESA)).refused("NOT_PROPOSER")


# --- the monthly cut-off -------------------------------------------------------------------------------------------


def endorsed(occurred: int, kind: str = "BARU") -> Scenario:
    scene = given(registered(), drafted(kind=kind), step("ProposalSubmitted"), step("ProposalIdentityMatched", "PADAN"))
    scene.and_given(step("VillageMeetingHeld", "DISEPAKATI"), step("FieldVerificationCompleted", "LAYAK"))
    scene.and_given(step("DinsosReviewCompleted", "TERIMA"))
    scene.clock = max(scene.clock, occurred)
    return scene.and_given(say("ProposalEndorsed", occurred=occurred))


LAST = at(2025, 3, 16, 0) - 1  # 15 March 24:00 WIB, the last microsecond


@pytest.mark.parametrize(
    ("kind", "occurred", "period"),
    [
        ("BARU", at(2025, 3, 1, 0), 202503),
        ("BARU", LAST, 202503),
        ("BARU", LAST + 1, 202504),
        ("REAKTIVASI_PBI", at(2025, 3, 12, 0) - 1, 202503),
        ("REAKTIVASI_PBI", at(2025, 3, 12, 0), 202504),
        ("PENGHAPUSAN", at(2025, 3, 12, 0), 202503),
        ("BARU", at(2024, 12, 16, 0), 202501),
        ("BARU", at(2019, 12, 16, 0), 202001),
        ("BARU", at(1995, 5, 2, 0), 199505),
    ],
)
def test_an_endorsed_proposal_is_meant_for_the_first_month_still_open(kind: str, occurred: int, period: int) -> None:
    scene = endorsed(occurred, kind)
    assert scene.proposal().period == period
    assert proposal.due_at(scene.proposal()) == calendar.cut_off(kind, period)


@pytest.mark.parametrize(
    ("sent", "period", "open_"),
    [
        (LAST, 202503, True),
        (LAST + 1, 202503, False),
        (LAST + 1, 202504, True),
        (at(2025, 4, 16, 0), 202504, False),
        (LAST, 202502, False),
        (LAST, 0, False),
        (LAST, 202513, False),
        (LAST, 202500, False),
        (LAST, -202503, False),
        (LAST, 200001, False),
        (LAST, 2**31 - 1, False),
    ],
)
def test_a_proposal_is_sent_before_the_cut_off_of_its_own_period(sent: int, period: int, open_: bool) -> None:  # noqa: FBT001  a column of the table
    scene = endorsed(at(2025, 3, 10))
    scene.clock = sent
    outcome = scene.when(say("ProposalSentToMinistry", occurred=sent, period=period))
    if open_:
        assert outcome.accepted().proposal().period == period
    else:
        outcome.refused("PERIOD_CLOSED", "/period")


def test_pbi_closes_on_the_eleventh() -> None:
    scene = endorsed(at(2025, 3, 10), "REAKTIVASI_PBI")
    scene.clock = at(2025, 3, 12, 1)
    scene.when(say("ProposalSentToMinistry", occurred=at(2025, 3, 12, 0), period=202503)).refused("PERIOD_CLOSED")
    scene.when(say("ProposalSentToMinistry", occurred=at(2025, 3, 12, 0) - 1, period=202503)).accepted()


def test_a_proposal_endorsed_after_the_cut_off_is_not_sent_for_the_month_that_closed() -> None:
    scene = endorsed(at(2025, 3, 20))
    backdated = say("ProposalSentToMinistry", occurred=at(2025, 3, 10), period=202503)
    scene.when(backdated).refused("PERIOD_CLOSED", "/period")


def deadline(due: int, subject: bytes = DRAFT) -> Any:
    return say("DeadlineReached", occurred=due, subject_id=subject, due_at=due)


def test_a_reached_cut_off_moves_the_proposal_to_the_next_month() -> None:
    scene = endorsed(at(2025, 3, 10))
    scene.clock = LAST + 1
    assert scene.when(deadline(LAST)).then("DeadlineReached").proposal().period == 202504
    assert proposal.due_at(scene.proposal()) == calendar.cut_off("BARU", 202504)
    assert scene.step() == "DISAHKAN"


def test_december_s_cut_off_moves_the_proposal_to_january() -> None:
    scene = endorsed(at(2025, 12, 1))
    scene.clock = at(2025, 12, 17)
    scene.and_given(deadline(at(2025, 12, 16, 0) - 1))
    assert scene.proposal().period == 202601


@pytest.mark.parametrize("late", [LAST - 1, LAST + 1, at(2025, 4, 16, 0) - 1])
def test_a_due_date_the_proposal_does_not_have_does_nothing(late: int) -> None:
    scene = endorsed(at(2025, 3, 10))
    scene.clock = at(2025, 5, 1)
    scene.when(deadline(late)).known()
    scene.when(deadline(LAST, b"another proposal")).known()


def test_a_cut_off_reached_twice_moves_the_proposal_once() -> None:
    scene = endorsed(at(2025, 3, 10))
    scene.clock = LAST + 1
    scene.and_given(deadline(LAST)).when(deadline(LAST)).known()
    assert scene.proposal().period == 202504


@pytest.mark.parametrize("state", [state for state in STATES if state != "DISAHKAN"])
def test_a_cut_off_concerns_endorsed_proposals_alone(state: str) -> None:
    scene = standing_at(state)
    scene.clock = LAST
    scene.when(deadline(LAST)).known()


def test_a_proposal_sent_in_time_stands_though_the_word_came_after_the_cut_off_was_reached() -> None:
    scene = endorsed(at(2025, 3, 10))
    scene.clock = LAST + 1
    scene.and_given(deadline(LAST), say("ProposalSentToMinistry", occurred=LAST, period=202503))
    assert (scene.step(), scene.proposal().period) == ("DI_KEMENSOS", 202503)


def test_due_dates_follow_the_proposal_and_are_withdrawn_when_it_leaves() -> None:
    scene = at_step("MENUNGGU_PENGESAHAN")
    seen: list[tuple[str, int | None]] = []
    moves = [say("ProposalEndorsed"), deadline(LAST), step("ProposalSentToMinistry", occurred=LAST, period=202503)]
    scene.clock = LAST + 1
    for change in [*moves, step("QualityControlCompleted", "LULUS")]:
        before = scene.state
        scene.and_given(change)
        seen += [(due.kind, due.due_at) for due in deadlines.scheduled(before, scene.state)]
    kind = "PROPOSAL_CUT_OFF.BARU"
    assert seen == [(kind, LAST), (kind, calendar.cut_off("BARU", 202504)), (kind, None)]


def test_a_ranking_moves_every_proposal_at_the_statistics_office_and_no_other() -> None:
    scene = standing_at("DISERAHKAN_BPS")
    other = replace(scene.proposal(), proposal_id=b"another proposal", kind="PERBAIKAN", step="DI_KEMENSOS")
    third = replace(other, proposal_id=b"a third proposal", kind="PINDAH", step="DISERAHKAN_BPS")
    scene.state = replace(scene.state, proposals=(*scene.state.proposals, other, third))
    scene.and_given(ranked())
    assert [one.step for one in scene.state.proposals] == ["TERPERINGKAT", "DI_KEMENSOS", "TERPERINGKAT"]


@pytest.mark.parametrize("state", [state for state in STATES if state != "DISERAHKAN_BPS"])
def test_a_ranking_leaves_a_proposal_elsewhere_where_it_is(state: str) -> None:
    assert standing_at(state).and_given(ranked(run_id="2025-2")).step() == state


@pytest.mark.parametrize(("later", "moved"), [(-1, False), (0, True), (1, True)])
def test_a_rank_from_before_the_proposal_came_to_bps_does_not_move_it(later: int, moved: bool) -> None:  # noqa: FBT001  a column of the table
    scene = standing_at("DISERAHKAN_BPS")
    since = scene.proposal().since
    rank = ranked(run_id="2025-2", occurred=since + later)
    scene.and_given(rank)
    # The family has its decile whenever it was true; the proposal waits for a run that saw it
    assert (scene.state.decile, scene.state.ranking_run) == (2, "2025-2")
    expected = ("TERPERINGKAT", since + later) if moved else ("DISERAHKAN_BPS", since)
    assert (scene.step(), scene.proposal().since) == expected
    scene.when(rank).known()
    assert scene.and_given(ranked(run_id="2025-3", occurred=since + 2)).step() == "TERPERINGKAT"


def test_no_decile_leaves_the_proposal_at_the_statistics_office() -> None:
    unranked = ranked(decile=None, percentile=None, unranked_reason="VARIABEL_KURANG")
    assert standing_at("DISERAHKAN_BPS").and_given(unranked).step() == "DISERAHKAN_BPS"


def test_a_run_older_than_the_one_in_force_does_not_rank_a_proposal() -> None:
    scene = at_step("DI_KEMENSOS").and_given(ranked(occurred=at(2025, 3, 5)), step("QualityControlCompleted", "LULUS"))
    assert scene.and_given(ranked(run_id="2024-4", occurred=at(2025, 1, 5))).step() == "DISERAHKAN_BPS"


def test_each_step_is_said_by_the_office_of_the_family_s_own_district() -> None:
    elsewhere = {DINSOS: "dinsos/12.74", BUPATI: "bupati/12.74", DESA: f"desa/{NEIGHBOUR}"}
    for state, record, outcome in sorted(ALLOWED):
        one = step(record, outcome)
        if one.header.agency in elsewhere:
            foreign = replace(one, header=replace(one.header, agency=elsewhere[one.header.agency]))
            standing_at(state).when(foreign).refused("OUTSIDE_AREA", "/header/agency")
