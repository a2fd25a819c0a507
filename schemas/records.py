"""Frozen dataclasses of every record of the contract; written by schemas/generator.py, never by hand.

Times are microseconds since 1970 (UTC), dates are days since then, ids are 16 bytes, sealed fields are ciphertext.
"""

from dataclasses import dataclass

from schemas.parts import Part

__all__ = [
    "AccessGranted",
    "AccessIntent",
    "AccessOutcome",
    "AccessRequestDrafted",
    "AccessRequestReviewed",
    "AccessRequestState",
    "AccessRequestSubmitted",
    "AccessResumed",
    "AccessSuspended",
    "Aid",
    "AidAllocated",
    "AidReceived",
    "AidResumed",
    "AidStopped",
    "AidSuspended",
    "AidWaitlisted",
    "Case",
    "ChangeRefused",
    "CheckpointPublished",
    "CivilRegistryMatched",
    "Condition",
    "DataHandedOver",
    "DeadlineReached",
    "DeadlineScheduled",
    "DinsosReviewCompleted",
    "Eligibility",
    "EligibilityDecided",
    "ExclusionLifted",
    "Facet",
    "FamilyAbsorbed",
    "FamilyArrived",
    "FamilyBranched",
    "FamilyCardReissued",
    "FamilyDeactivated",
    "FamilyDeparted",
    "FamilyDissolved",
    "FamilyExcluded",
    "FamilyMerged",
    "FamilyMoved",
    "FamilyRanked",
    "FamilyReactivated",
    "FamilyRegistered",
    "FamilySplit",
    "FamilyState",
    "FamilyVariables",
    "FieldVerificationCompleted",
    "FoldPosition",
    "GatewayHeartbeat",
    "GroundCheckAssigned",
    "GroundCheckDecided",
    "GroundCheckExamined",
    "GroundCheckForwarded",
    "GroundCheckRecorded",
    "GroundCheckVisited",
    "Header",
    "HeldClaim",
    "IndicatorSum",
    "IndividualVariables",
    "Member",
    "MembershipClaimed",
    "MembershipConfirmed",
    "MembershipContested",
    "MembershipEnded",
    "MembershipNoted",
    "ObjectionDecided",
    "ObjectionFiled",
    "ObjectionForwarded",
    "ObjectionReceived",
    "PartitionCut",
    "PbiActivated",
    "PbiDeactivated",
    "PbiEnrolled",
    "PbiReactivationDecided",
    "PbiReactivationProposed",
    "PersonConditionRecorded",
    "PersonErased",
    "PersonReactivated",
    "PersonState",
    "PolicyFile",
    "PolicySetActivated",
    "Proposal",
    "ProposalCancelled",
    "ProposalDetermined",
    "ProposalDrafted",
    "ProposalEndorsed",
    "ProposalEndorsementReturned",
    "ProposalIdentityCorrected",
    "ProposalIdentityMatched",
    "ProposalNotDetermined",
    "ProposalReopened",
    "ProposalSentToMinistry",
    "ProposalSubmitted",
    "QualityControlCompleted",
    "RankingInput",
    "RankingReason",
    "RankingRunPublished",
    "RankingTenth",
    "ReevaluationRequested",
    "ReferenceCell",
    "ReferenceRowPublished",
    "Region",
    "RoundOpened",
    "RuleOutcome",
    "RulesActivated",
    "ServingVersionChosen",
    "Stay",
    "SubjectDisclosure",
    "UnusualUseDetected",
    "UsageReportEscalated",
    "UsageReportFiled",
    "UsageReportReminded",
    "UsageReportReviewed",
    "VillageMeetingHeld",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """First field of every change and event.

    The order of its fields is fixed: what the fold rewrites comes first, then what it reads, then what it passes
    through.
    """

    sequence: int
    recorded_at: int
    occurred_at: int
    change_id: bytes
    family_id: str
    agency: str
    actor: str
    document: str
    correlation_id: bytes | None = None
    causation_id: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Region(Part):
    """A place in a named code system and edition; the same digits can name two places, so the code never travels alone.

    Source: domain guide 6; Kepmendagri 300.2.2-2430/2025.
    """

    system: str
    edition: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessGranted:
    """Dinsos grants a request: an agreement that policies read, with an end.

    Legal step: machine F, DISETUJUI; Permen PPN 7/2025.
    """

    header: Header
    agency: str
    purposes: tuple[str, ...]
    fields: tuple[str, ...]
    regions: tuple[Region, ...]
    most_persons: int
    valid_from: int
    valid_until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessIntent:
    """Somebody is about to look: durable before any data is opened.

    Legal step: UU PDP art. 20 (basis), 31 (record all processing).
    """

    event_id: bytes
    occurred_at: int
    gateway_id: str
    gateway_seq: int
    prev_gateway_hash: bytes
    request_id: str
    trace_id: str
    agency_id: str
    client_id: str
    client_cert_digest: bytes | None = None
    token_jti: str | None = None
    token_issuer: str | None = None
    actor_ref: str
    actor_role: str
    assurance_level: str
    on_behalf_of: str | None = None
    action: str
    purpose_code: str
    purpose_version: str
    purpose_text: str | None = None
    legal_basis_code: str
    agreement_id: str | None = None
    consent_ref: str | None = None
    subject_ref: bytes | None = None
    subject_key_epoch: int | None = None
    household_ref: bytes | None = None
    query_commitment: bytes | None = None
    query_cipher: bytes | None = None
    fields_requested: tuple[str, ...]
    decision: str
    policy_set_hash: bytes
    determining_rules: tuple[str, ...]
    decision_input: str
    second_actor_ref: str | None = None
    review_due_at: int | None = None
    reviews_intent_id: bytes | None = None
    src_ip_prefix: str | None = None
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessOutcome:
    """What became of an intent: durable before bytes leave.

    Legal step: UU PDP art. 31.
    """

    event_id: bytes
    occurred_at: int
    gateway_id: str
    gateway_seq: int
    prev_gateway_hash: bytes
    intent_id: bytes
    outcome: str
    reason: str | None = None
    decision_input: str | None = None
    determining_rules: tuple[str, ...]
    policy_set_hash: bytes
    result_count: int
    suppressed_count: int
    batch_root: bytes | None = None
    batch_size: int | None = None
    byte_count: int
    response_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequestDrafted:
    """An agency asks for by-name-by-address data, with its four papers; said again while the request is a draft, it replaces them.

    Legal step: machine F (domain guide 4.F, practice of Kab. Bangkalan's portal).
    """

    header: Header
    letter_digest: bytes
    terms_digest: bytes
    integrity_digest: bytes
    confidentiality_digest: bytes
    purposes: tuple[str, ...]
    fields: tuple[str, ...]
    regions: tuple[Region, ...]
    most_persons: int
    valid_from: int
    valid_until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequestReviewed:
    """One office of three lets a request pass, sends it back or refuses it.

    Legal step: machine F.
    """

    header: Header
    step: str
    outcome: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequestState:
    """The current state of one request for by-name-by-address data, folded from its events; value of the compacted topic jejak.access-request-states.v1."""

    sequence: int
    recorded_at: int
    request_id: str
    agency: str
    step: str
    note: str
    letter_digest: bytes
    terms_digest: bytes
    integrity_digest: bytes
    confidentiality_digest: bytes
    purposes: tuple[str, ...]
    fields: tuple[str, ...]
    regions: tuple[Region, ...]
    most_persons: int
    valid_from: int
    valid_until: int
    granted: bool
    suspended: str
    file_digest: bytes | None = None
    persons: int
    expires_at: int
    report: str
    report_due_at: int
    escalates_at: int
    reminded: tuple[int, ...]
    escalated: bool
    records_used: int
    recent_changes: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequestSubmitted:
    """The requester hands the draft in for review.

    Legal step: machine F.
    """

    header: Header


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessResumed:
    """A suspended agreement counts again, until its end.

    Legal step: machine F; ours.
    """

    header: Header
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSuspended:
    """An agreement lets nobody look and no file leave until it is resumed.

    Legal step: machine F; ours.
    """

    header: Header
    reason: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Aid(Part):
    """Where the family stands with one programme's aid: its place, and what it last received."""

    programme: str
    standing: str
    period: str
    amount_rupiah: int
    run_id: str
    reason: str
    sequence: int
    received_period: str
    received_rupiah: int
    received_on: int
    recipients: tuple[int, ...] = ()
    due_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AidAllocated:
    """The family has a place within the quota for a period.

    Legal step: penetapan penerima; Kepmensos 79/HUK/2025.
    """

    header: Header
    programme: str
    period: str
    amount_rupiah: int
    determination_number: str
    run_id: str
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AidReceived:
    """Aid reached the family or one of its members.

    Legal step: penyaluran; seed 002 lists kinds and recipients of a city's aid.
    """

    header: Header
    programme: str
    period: str
    amount_rupiah: int
    received_on: int
    determination_number: str
    person_ref: str | None = None
    account: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AidResumed:
    """Aid that was held back goes on.

    Legal step: pengaktifan kembali.
    """

    header: Header
    programme: str
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AidStopped:
    """Aid ends, with a reason: the place is given up.

    Legal step: penghentian; complaint 1 of the domain guide.
    """

    header: Header
    programme: str
    reason: str
    effective_on: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AidSuspended:
    """Aid is held back for a while.

    Legal step: penangguhan.
    """

    header: Header
    programme: str
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AidWaitlisted:
    """The family meets the rules and has no place within the quota of a period: it waits.

    Legal step: cadangan (machine A); eligibility and quota are two results (domain guide 1).
    """

    header: Header
    programme: str
    period: str
    run_id: str
    place: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Part):
    """Where one matter of a family stands in one of the registry's machines; what is over stays, until the same matter begins anew."""

    machine: str
    about: str
    case_id: bytes
    step: str
    agency: str
    since: int
    due_at: int
    reason: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRefused:
    """A change that was not accepted, addressed to the agency that said it, naming the rule and the place.

    Nothing is dropped. Legal step: UU 13/2011 art. 8 (result with reasons); complaint 6.
    """

    header: Header
    record: str
    rule: str
    pointer: str
    explanation: str
    source_topic: str
    source_partition: int
    source_offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointPublished:
    """The signed and cosigned checkpoint of a round."""

    origin: str
    round: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CivilRegistryMatched:
    """The civil registry's answer for one member.

    Legal step: pemadanan Dukcapil; Kepmensos 150/HUK/2022 (NIK, name and address equal to Dukcapil); Inpres 4/2025.
    """

    header: Header
    person_ref: str
    status: str
    batch: str
    name_likeness: int | None = None
    registry_name: bytes | None = None
    resolves: bytes | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition(Part):
    """A member's condition in force."""

    person_ref: str
    condition: str
    ordinal: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataHandedOver:
    """A file left for the requester; the usage report is due 30 days later.

    Legal step: machine F, SELESAI.
    """

    header: Header
    file_digest: bytes
    manifest_digest: bytes
    recipient_mark: str
    persons: int
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineReached:
    """A date came; published by the deadlines agent, id UUIDv5 of family, kind and due date.

    Legal step: the monthly cut-off of machine A, else next period; two-yearly verification (UU 13/2011 art. 8).
    """

    header: Header
    kind: str
    subject_id: bytes
    due_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineScheduled:
    """A due date for a family or an access request, or its withdrawal; the deadlines agent keeps the latest per family and kind.

    Legal step: the monthly cut-off of machine A (Kepmensos 150/HUK/2022; calendar data).
    """

    family_id: str
    kind: str
    subject_id: bytes
    due_at: int | None = None
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DinsosReviewCompleted:
    """The regency's social office accepts, returns or refuses.

    Legal step: DiperiksaDinsos (machine A).
    """

    header: Header
    proposal_id: bytes
    outcome: str
    reason: str | None = None
    note: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility(Part):
    """The latest decision for one programme."""

    programme: str
    result: str
    reasons: tuple[str, ...]
    rules_version: str
    amount_rupiah: int
    sequence: int
    grace_until: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """One rule of a decision: what it looked at and whether it held."""

    rule: str
    input: str
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityDecided:
    """Whether the family meets a programme's rules; a place within the quota is another event, and a payment a third.

    Legal step: kelayakan; Kepmensos 79/HUK/2025 (PKH decile 1-4 with a component, Sembako 1-5).
    """

    header: Header
    programme: str
    result: str
    reasons: tuple[str, ...]
    rules: tuple[RuleOutcome, ...]
    rules_version: str
    amount_rupiah: int
    rules_digest: bytes
    grace_until: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionLifted:
    """An exclusion no longer holds, on a new fact.

    Legal step: domain guide 8.3; complaint 5.
    """

    header: Header
    exclusion: str
    programmes: tuple[str, ...]
    reason: str
    cites: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet(Part):
    """The event that currently holds for one facet of a family: the one with the greatest (occurred_at, sequence).

    Source, agency, both times and the sealed fields stand in the event itself: family and sequence find it in the
    history.
    """

    name: str
    occurred_at: int
    sequence: int
    change_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyAbsorbed:
    """This family took another one in.

    Legal step: GABUNG (machine D), said of the family that goes on.
    """

    header: Header
    merged_id: str
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyArrived:
    """A family that lived elsewhere lives here; it waits to be let go there where it isn't yet.

    Legal step: PINDAH (machine D; surat datang).
    """

    header: Header
    region: Region
    address_line: bytes
    evidence: str
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyBranched:
    """This family came of a split.

    Legal step: PECAH KK (machine D), said of the new family.
    """

    header: Header
    parent_id: str
    split_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyCardReissued:
    """The family has another card: its number is another name of the same family.

    Legal step: penerbitan KK baru.
    """

    header: Header
    card_ref: str
    card_number: bytes
    reason: str
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyDeactivated:
    """The ministry puts a family's record to sleep.

    Legal step: NONAKTIF, 'ditidurkan' (machine D); reversible.
    """

    header: Header
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyDeparted:
    """A family left the place where it lived; it is nowhere until it arrives.

    Legal step: PINDAH (machine D; surat pindah).
    """

    header: Header
    reason: str
    evidence: str
    destination: Region | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyDissolved:
    """Nobody is left in this family.

    Legal step: BUBAR (machine D).
    """

    header: Header
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyExcluded:
    """A family is on the exclusion list of named programmes until lifted or expired.

    Legal step: domain guide 8.3 (15 groups).
    """

    header: Header
    exclusion: str
    programmes: tuple[str, ...]
    expires_on: int | None = None
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyMerged:
    """This family goes on in another: its members are claimed there, its id stays as a name of the past.

    Legal step: GABUNG (machine D).
    """

    header: Header
    into_id: str
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyMoved:
    """A family lives elsewhere since occurred_at.

    Legal step: PINDAH; UU 13/2011 art. 9 (a listed head must report changes).
    """

    header: Header
    region: Region
    address_line: bytes
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyRanked:
    """The statistics office's ranking run places this family, or says that it can't.

    Legal step: PemeringkatanSelesai (machine A) and the quarterly ranking; Inpres 4/2025 KELIMA (only BPS ranks). A
    village event never writes a decile.
    """

    header: Header
    run_id: str
    decile: int | None = None
    percentile: int | None = None
    unranked_reason: str | None = None
    basis: str
    scope: str
    model_version: str
    dpia_id: str
    local_percentile: int | None = None
    score: int | None = None
    input_sequence: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyReactivated:
    """A record that was put to sleep, or closed by mistake, holds again.

    Legal step: NONAKTIF back to AKTIF (machine D).
    """

    header: Header
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyRegistered:
    """A family (keluarga, one nomor KK) enters the registry.

    Legal step: pendaftaran; UU 13/2011 art. 8-9, Permensos 3/2025 (DTSEN is the single base of families).
    """

    header: Header
    region: Region
    card_ref: str
    card_number: bytes
    address_line: bytes
    telephone: bytes | None = None
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilySplit:
    """Members leave with a card of their own: this family keeps its id, the new one's is derived from this change.

    Legal step: PECAH KK (machine D).
    """

    header: Header
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Part):
    """One person of a family's state."""

    person_ref: str
    standing: str
    padan: str
    birth_year: int
    birth_month: int
    sex: int
    relationship: int
    marital_status: int
    claim_id: bytes
    reason: str
    severe_disability: bool
    work_status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal(Part):
    """Where one proposal stands."""

    proposal_id: bytes
    kind: str
    step: str
    padan: str
    proposer: str
    agency: str
    period: int
    since: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyState:
    """The current state of one family, folded from its events; value of the compacted topic jejak.families.v1."""

    sequence: int
    recorded_at: int
    family_id: str
    counted: bytes
    region: Region
    status: str
    decile: int
    percentile: int
    ranking_run: str
    members: tuple[Member, ...]
    proposals: tuple[Proposal, ...]
    eligibility: tuple[Eligibility, ...]
    facets: tuple[Facet, ...]
    recent_changes: bytes
    conditions: tuple[Condition, ...] = ()
    aid: tuple[Aid, ...] = ()
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyVariables:
    """The 26 family ground-check variables (K1-K26); same source and caveat as the individual ones.

    Null: not asked or not answered. Beside them, at the end, what the census form asks and ranking doesn't use.
    """

    card_number: bytes | None = None
    head_name: bytes | None = None
    address_line: bytes | None = None
    geotag: bytes | None = None
    member_count: int | None = None
    house_ownership: int | None = None
    land_proof: int | None = None
    floor_area: int | None = None
    floor: int | None = None
    wall: int | None = None
    roof: int | None = None
    water: int | None = None
    water_distance: int | None = None
    lighting: int | None = None
    power_1: int | None = None
    power_2: int | None = None
    power_3: int | None = None
    electricity_customer: bytes | None = None
    cooking_fuel: int | None = None
    toilet: int | None = None
    toilet_type: int | None = None
    sewage: int | None = None
    asset_gas_5kg: int | None = None
    asset_refrigerator: int | None = None
    asset_air_conditioner: int | None = None
    asset_water_heater: int | None = None
    asset_telephone: int | None = None
    asset_television: int | None = None
    asset_gold: int | None = None
    asset_computer: int | None = None
    asset_motorcycle: int | None = None
    asset_bicycle: int | None = None
    asset_car: int | None = None
    asset_boat: int | None = None
    asset_motor_boat: int | None = None
    asset_smartphone: int | None = None
    other_land: int | None = None
    other_house: int | None = None
    cattle: int | None = None
    buffalo: int | None = None
    horses: int | None = None
    pigs: int | None = None
    goats: int | None = None
    aid_sembako: int | None = None
    aid_sembako_month: int | None = None
    aid_pkh: int | None = None
    aid_pkh_month: int | None = None
    aid_village_cash: int | None = None
    aid_village_cash_month: int | None = None
    aid_electricity: int | None = None
    aid_electricity_month: int | None = None
    aid_local: int | None = None
    aid_local_month: int | None = None
    aid_fertiliser: int | None = None
    aid_fertiliser_month: int | None = None
    aid_lpg: int | None = None
    aid_lpg_month: int | None = None
    internet: int | None = None
    bank_account: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldVerificationCompleted:
    """A village officer or pendamping saw the family.

    Legal step: VervalLapangan (machine A); geotag, house photo, questionnaire.
    """

    header: Header
    proposal_id: bytes
    outcome: str
    questionnaire: str
    geotag: bytes | None = None
    photo_digest: bytes | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldPosition:
    """How far the fold of one partition came; committed with the outputs, so that lost group offsets or a rebuilt group can't decide a change twice."""

    partition: int
    next_offset: int
    recorded_at: int
    events: int
    fold_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayHeartbeat:
    """A gateway says how far its numbers went, so that a dropped tail shows.

    Every 30 s and at shutdown.
    """

    event_id: bytes
    occurred_at: int
    gateway_id: str
    gateway_seq: int
    prev_gateway_hash: bytes
    last_seq: int
    closing: bool
    policy_set_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundCheckAssigned:
    """A pendamping is to visit the family, for the first time or again.

    Legal step: DITUGASKAN (machine C).
    """

    header: Header
    batch: str
    pendamping: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundCheckDecided:
    """The result of a visit stands, or the family is visited again.

    Legal step: DITERIMA or KUNJUNGAN_ULANG (machine C).
    """

    header: Header
    task_id: bytes
    outcome: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundCheckExamined:
    """Supervisor or social office look at what the visit gave.

    Legal step: DIPERIKSA (machine C).
    """

    header: Header
    task_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundCheckForwarded:
    """An accepted visit went to the statistics office.

    Legal step: DISERAHKAN_BPS (machine C).
    """

    header: Header
    task_id: bytes
    batch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndividualVariables:
    """The 13 individual ground-check variables of one member (I1-I13).

    The count is the statistics office's (seed 003), the itemised list is our reconstruction from Regsosek 2022
    (domain guide 5.1). Null: not asked or not answered. Beside them, at the end, what the census form asks and
    ranking doesn't use.
    """

    person_ref: str
    national_id: bytes | None = None
    name: bytes | None = None
    presence: int | None = None
    sex: int | None = None
    birth_year: int | None = None
    birth_month: int | None = None
    birth_day: bytes | None = None
    marital_status: int | None = None
    relationship: int | None = None
    works: int | None = None
    hours: int | None = None
    industry: int | None = None
    work_status: int | None = None
    owns_business: int | None = None
    business_industry: int | None = None
    business_workers: int | None = None
    business_turnover: int | None = None
    difficulty_seeing: int | None = None
    difficulty_hearing: int | None = None
    difficulty_walking: int | None = None
    difficulty_hands: int | None = None
    difficulty_learning: int | None = None
    difficulty_behaviour: int | None = None
    difficulty_speaking: int | None = None
    difficulty_self_care: int | None = None
    difficulty_remembering: int | None = None
    difficulty_sadness: int | None = None
    chronic_illness: int | None = None
    pregnant: int | None = None
    identity_documents: int | None = None
    schooling: int | None = None
    school_level: int | None = None
    school_grade: int | None = None
    diploma: int | None = None
    has_tax_number: int | None = None
    business_licence: int | None = None
    business_internet: int | None = None
    nutrition: int | None = None
    caregiver: int | None = None
    health_insurance: int | None = None
    prakerja: int | None = None
    business_credit: int | None = None
    micro_credit: int | None = None
    school_aid: int | None = None
    work_insurance: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundCheckRecorded:
    """A field worker's visit with the 39 variables used for ranking.

    Legal step: ground check DTSEN (seed 003; machine C), Inpres 4/2025 KEDUA.
    """

    header: Header
    result: int
    questionnaire: str
    region: Region | None = None
    family: FamilyVariables | None = None
    individuals: tuple[IndividualVariables, ...]
    photo_digest: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundCheckVisited:
    """The pendamping was there.

    Legal step: DIKUNJUNGI (machine C; geotag and time).
    """

    header: Header
    task_id: bytes
    geotag: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldClaim:
    """One family's claim of a person, as the person's record keeps it."""

    occurred_at: int
    sequence: int
    claim_id: bytes
    birth_year: int
    birth_month: int
    sex: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorSum:
    """The absolute sum of one cell over one partition's families; readers add the partitions."""

    definition_version: str
    indicator: str
    region: str
    category: str
    partition: int
    sum: int
    unit: str
    next_offset: int
    recorded_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipClaimed:
    """A source says that a person belongs to this family; pending until the person's own record answers.

    Legal step: pendataan anggota; Kepmensos 150/HUK/2022 (nobody in two families); variables I1-I7.
    """

    header: Header
    person_ref: str
    birth_year: int
    birth_month: int
    sex: int
    relationship: int
    marital_status: int
    presence: int
    national_id: bytes
    name: bytes
    birth_day: bytes
    findings: tuple[str, ...]
    cause: str = "PENDATAAN"


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipConfirmed:
    """The person's own record agrees: this family holds the person, nobody else does.

    Legal step: pemadanan keanggotaan; Kepmensos 150/HUK/2022.
    """

    header: Header
    person_ref: str
    claim_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipContested:
    """The person is claimed by another family too; the member stays visible and does not count as active.

    Legal step: NIK_GANDA, anggota di dua keluarga; Kepmensos 150/HUK/2022.
    """

    header: Header
    person_ref: str
    claim_id: bytes
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipEnded:
    """A person no longer belongs to this family; nothing is deleted, the reason is never empty.

    Legal step: domain guide 4.D.
    """

    header: Header
    person_ref: str
    reason: str
    evidence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipNoted:
    """What a family accepted about the membership of one person, told to the person's own record; value of jejak.claims.v1.

    Legal step: pemadanan keanggotaan; Kepmensos 150/HUK/2022 (nobody in two families).
    """

    person_ref: str
    family_id: str
    kind: str
    occurred_at: int
    sequence: int
    change_id: bytes
    birth_year: int
    birth_month: int
    sex: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionDecided:
    """The regency answers an objection; one that it doesn't answer in time expires.

    Legal step: DITERIMA or DITOLAK (machine B).
    """

    header: Header
    objection_id: bytes
    outcome: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionFiled:
    """Somebody objects to a family's listing.

    Legal step: sanggah, DIAJUKAN (machine B, Cek Bansos). The objector stays hidden from the village: the state
    doesn't hold the reference.
    """

    header: Header
    objection_kind: str
    objector_ref: str
    objector_region: Region
    grounds: bytes | None = None
    photo_digest: bytes | None = None
    geotag: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionForwarded:
    """The regency has the objection to verify, within a number of days.

    Legal step: VERIFIKASI_PEMDA (machine B).
    """

    header: Header
    objection_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionReceived:
    """The system took the objection.

    Legal step: DITERIMA_SISTEM (machine B).
    """

    header: Header
    objection_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionCut:
    """Where a round ends in one partition."""

    partition: int
    end_offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PbiActivated:
    """BPJS Kesehatan has the membership active again.

    Legal step: AKTIF_BPJS (machine E).
    """

    header: Header
    person_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PbiDeactivated:
    """A person's PBI-JKN ends: at once, or after a time of grace where the ranking is the reason.

    Legal step: NONAKTIF (machine E).
    """

    header: Header
    person_ref: str
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PbiEnrolled:
    """The ministry determines a person as PBI-JKN.

    Legal step: penetapan PBI (machine E).
    """

    header: Header
    person_ref: str
    determination_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PbiReactivationDecided:
    """The ministry answers.

    Legal step: DISETUJUI_KEMENSOS or DITOLAK (machine E).
    """

    header: Header
    person_ref: str
    outcome: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PbiReactivationProposed:
    """The regency asks that a person's PBI-JKN be active again.

    Legal step: USUL_REAKTIVASI (machine E; SIKS-NG).
    """

    header: Header
    person_ref: str
    ground: str
    evidence: str
    proposal_id: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonConditionRecorded:
    """Something about a member that rules of programmes ask for and the 39 ground-check variables don't tell: pregnancy, school, a social worker's assessment.

    Legal step: data of the programmes' own verification (PKH: Dapodik, faskes).
    """

    header: Header
    person_ref: str
    condition: str
    holds: bool
    ordinal: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonErased:
    """A person's keys are destroyed and references unlinked; coded variables stay under an unlinked id, log and proofs stay.

    Legal step: UU PDP art. 8, 43-44.
    """

    header: Header
    person_ref: str
    legal_basis: str
    request_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonReactivated:
    """A member whose standing ended is a member again, and waits for the person's own record to answer.

    Legal step: NONAKTIF back to AKTIF (machine D).
    """

    header: Header
    person_ref: str
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """All that one family said of a person's membership, and what it was answered last."""

    family_id: str
    claims: tuple[HeldClaim, ...]
    ended_at: int
    ended_sequence: int
    end_reason: str
    answered: bytes | None = None
    standing: str
    reason: str
    answers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonState:
    """Which families claim a person and which of them holds the person; value of the compacted topic jejak.persons.v1."""

    person_ref: str
    stays: tuple[Stay, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    """One file of a policy set."""

    name: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySetActivated:
    """The policies that decide who may look, from here on; kept for ever, so that any past decision can be made again.

    Legal step: UU PDP art. 20, 31; Permen PPN 7/2025.
    """

    policy_set_hash: bytes
    activated_at: int
    activated_by: str
    files: tuple[PolicyFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalCancelled:
    """Proposer or ministry withdraws an open proposal.

    Legal step: Dibatalkan (machine A).
    """

    header: Header
    proposal_id: bytes
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalDetermined:
    """The ministry determines.

    Legal step: Ditetapkan (machine A, penetapan); UU 13/2011 art. 11.
    """

    header: Header
    proposal_id: bytes
    determination_number: str
    programme: str
    run_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalDrafted:
    """Somebody proposes a family or a change to it.

    Legal step: UsulanDibuat (machine A), Permensos 3/2021 and 3/2025 (usulan); UU 13/2011 art. 9.
    """

    header: Header
    kind: str
    proposer: str
    channel: str
    programme: str | None = None
    note: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalEndorsed:
    """Bupati or wali kota signs.

    Legal step: Disahkan (machine A, pengesahan); UU 13/2011 art. 8.
    """

    header: Header
    proposal_id: bytes
    batch_number: str
    signature: str
    delegate: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalEndorsementReturned:
    """Bupati or wali kota hands the proposal back.

    Legal step: Dikembalikan (machine A).
    """

    header: Header
    proposal_id: bytes
    batch_number: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalIdentityCorrected:
    """The operator corrected the identity; a new match is due.

    Legal step: IdentitasDiperbaiki (machine A).
    """

    header: Header
    proposal_id: bytes
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalIdentityMatched:
    """The civil registry's answer to the proposal's identity.

    Legal step: DukcapilDipadankan (machine A).
    """

    header: Header
    proposal_id: bytes
    status: str
    batch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalNotDetermined:
    """The ministry does not determine: no place, or the rules aren't met.

    Legal step: TidakDitetapkan (machine A).
    """

    header: Header
    proposal_id: bytes
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalReopened:
    """A proposal that was halted is taken up again, on a new fact.

    Legal step: ours; the exits that practice leaves open (machine A, domain guide 12, O8).
    """

    header: Header
    proposal_id: bytes
    outcome: str
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalSentToMinistry:
    """The social office sends an endorsed proposal before the monthly cut-off.

    Legal step: DikirimKemensos (machine A); Kepmensos 150/HUK/2022 (monthly).
    """

    header: Header
    proposal_id: bytes
    period: int
    batch_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalSubmitted:
    """The village operator submits a draft; it enters the first list.

    Legal step: UsulanDiajukan (machine A).
    """

    header: Header
    proposal_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityControlCompleted:
    """Pusdatin's quality control.

    Legal step: QualityControl (machine A); double NIK, member in two families, exclusion list.
    """

    header: Header
    proposal_id: bytes
    outcome: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingInput:
    """Up to where one partition was read by a ranking run."""

    partition: int
    states_end: int
    events_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingReason:
    """How many families a ranking run could not place, for one reason."""

    reason: str
    families: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingTenth:
    """One decile of a ranking run."""

    families: int
    persons: int
    lowest: int
    highest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingRunPublished:
    """A ranking run whose changes are all on jejak.changes.v1: what it was computed from, how, and what it came to.

    Legal step: PemeringkatanSelesai (machine A); Inpres 4/2025 KELIMA (only BPS ranks).
    """

    run_id: str
    published_at: int
    published_by: str
    as_of: int
    basis: str
    scope: str
    model_version: str
    dpia_id: str
    illustrative: bool
    model_digest: bytes
    model: str
    tie_break: str
    missing_rule: str
    states_topic: str
    events_topic: str
    input: tuple[RankingInput, ...]
    input_digest: bytes
    output_digest: bytes
    families: int
    ranked: int
    persons: int
    weight: int
    tenths: tuple[RankingTenth, ...]
    unranked: tuple[RankingReason, ...]
    changed_only: bool
    changes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReevaluationRequested:
    """Decide again under the rules now in force; published once per family when a rule set is activated.

    Legal step: effective date of the instrument.
    """

    header: Header
    rule_set: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceCell:
    """One printed figure."""

    column: str
    printed: str
    value: str | None = None
    computed: bool
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRowPublished:
    """One row of a published table the registry is compared with, as printed, with its source; no family in it."""

    table: str
    row: str
    source: str
    period: str
    unit: str
    region: Region | None = None
    cells: tuple[ReferenceCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundOpened:
    """A round of the audit tree, before it is signed; the first record of a round number wins."""

    origin: str
    round: int
    cut: tuple[PartitionCut, ...]
    tree_size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesActivated:
    """A rule set version is in force since occurred_at; decisions name it.

    It carries the rule set itself, so that every worker judges by what was activated and none by what it has on
    disk. Legal step: effective date of the instrument (Kepmensos 79/HUK/2025 for PKH and Sembako).
    """

    header: Header
    rule_set: str
    version: str
    digest: bytes
    file: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingVersionChosen:
    """An operator chose which version of the read model or of the fold's state serves; readers and workers follow the newest record of each."""

    what: str
    version: str
    previous: str | None
    step: str
    chosen_at: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectDisclosure:
    """One person's data was in a result.

    Legal step: UU PDP art. 31-32 (data and trail to the subject within 3x24 hours).
    """

    event_id: bytes
    occurred_at: int
    gateway_id: str
    gateway_seq: int
    prev_gateway_hash: bytes
    intent_id: bytes
    subject_ref: bytes
    subject_key_epoch: int
    household_ref: bytes | None = None
    fields_disclosed: tuple[str, ...]
    masking_profile: str
    record_version: int
    as_of: int | None = None
    recorded_as_of: int | None = None
    policy_set_hash: bytes
    visibility: str
    visibility_until: int | None = None
    visibility_order: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusualUseDetected:
    """Somebody looks at persons in a way that calls for a question.

    Legal step: UU PDP art. 35-39, 46 (a breach is known from here).
    """

    alert_id: bytes
    detected_at: int
    kind: str
    agency_id: str
    actor_ref: str
    window_start: int
    window_end: int
    observed: int
    threshold: int
    median: int | None = None
    thresholds_version: str
    intent_id: bytes | None = None
    addressed_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReportEscalated:
    """No usage report came after the last reminder: the registry tells the regency's secretariat.

    Legal step: machine F.
    """

    header: Header
    due_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReportFiled:
    """The requester reports what a file was used for.

    Legal step: machine F, laporan penggunaan.
    """

    header: Header
    records_used: int
    report_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReportReminded:
    """The registry reminds an agency of its usage report.

    Legal step: machine F, H-7 to H+30.
    """

    header: Header
    day: int
    due_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReportReviewed:
    """Bapperida, then Dinsos, accepts a usage report or wants it revised.

    Legal step: machine F, laporan penggunaan.
    """

    header: Header
    step: str
    outcome: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VillageMeetingHeld:
    """The village meeting agreed or refused.

    Legal step: MusdesDigelar (machine A); the berita acara carries date, place, attendees and signatures.
    """

    header: Header
    proposal_id: bytes
    outcome: str
    minutes_number: str
    held_on: int
    attendees: int
    signatures: int
    bnba_list_digest: bytes
    reason: str | None = None
