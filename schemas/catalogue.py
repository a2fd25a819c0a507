"""Every topic: its key, values, cleanup, writer and readers. It creates them; deploy/k8s is held against it.

Knows names and settings; must not know how they are reached.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

PARTITIONS = 12
LARGEST_STATE_BYTES = 2 << 20
AGENTS = "jejak.agents"
WATCH = "jejak.watch"
FOREVER = {"cleanup.policy": "delete", "retention.ms": "-1"}
COMPACT = {"cleanup.policy": "compact"}
_DAY = 86_400_000
# The fold's records carry their recorded time, which never goes back: after a broker's clock that ran ahead was set
# right, it lies ahead of that clock, and Kafka takes no more than an hour by itself.
_AHEAD = {"message.timestamp.after.max.ms": str(2**63 - 1)}
_AUDIT_LIMIT = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": "131072"}


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of the contract; the partition count is fixed for life."""

    name: str
    partitions: int
    key: str
    values: tuple[str, ...]
    writer: str
    readers: tuple[str, ...]
    config: Mapping[str, str] = field(default_factory=dict)


_REGISTRATION = (
    "FamilyRegistered",
    "FamilyMoved",
    "MembershipClaimed",
    "MembershipConfirmed",
    "MembershipContested",
    "MembershipEnded",
    "CivilRegistryMatched",
)
_PROPOSAL = (
    "ProposalDrafted",
    "ProposalSubmitted",
    "ProposalIdentityMatched",
    "ProposalIdentityCorrected",
    "VillageMeetingHeld",
    "FieldVerificationCompleted",
    "DinsosReviewCompleted",
    "ProposalEndorsed",
    "ProposalEndorsementReturned",
    "ProposalSentToMinistry",
    "QualityControlCompleted",
    "ProposalDetermined",
    "ProposalNotDetermined",
    "ProposalReopened",
    "ProposalCancelled",
)
_CASES = (
    "ObjectionFiled",
    "ObjectionReceived",
    "ObjectionForwarded",
    "ObjectionDecided",
    "GroundCheckAssigned",
    "GroundCheckVisited",
    "GroundCheckExamined",
    "GroundCheckDecided",
    "GroundCheckForwarded",
    "PbiEnrolled",
    "PbiDeactivated",
    "PbiReactivationProposed",
    "PbiReactivationDecided",
    "PbiActivated",
    "FamilyExcluded",
    "ExclusionLifted",
)
_STANDINGS = (
    "FamilyDeparted",
    "FamilyArrived",
    "FamilySplit",
    "FamilyBranched",
    "FamilyMerged",
    "FamilyAbsorbed",
    "FamilyDissolved",
    "FamilyDeactivated",
    "FamilyReactivated",
    "FamilyCardReissued",
    "PersonReactivated",
)
_LATER = (
    "AidAllocated",
    "AidWaitlisted",
    "AidSuspended",
    "AidResumed",
    "AidStopped",
    "AidReceived",
    "PersonConditionRecorded",
    "PersonErased",
)
CHANGES = (
    *_REGISTRATION,
    *_PROPOSAL,
    "GroundCheckRecorded",
    "FamilyRanked",
    "DeadlineReached",
    "ReevaluationRequested",
    *_CASES,
    *_STANDINGS,
    *_LATER,
)
EVENTS = (*CHANGES, "EligibilityDecided")
REQUEST_CHANGES = (
    "AccessRequestDrafted",
    "AccessRequestSubmitted",
    "AccessRequestReviewed",
    "AccessGranted",
    "DataHandedOver",
    "UsageReportFiled",
    "UsageReportReviewed",
    "AccessSuspended",
    "AccessResumed",
    "DeadlineReached",
)
REQUEST_EVENTS = (*REQUEST_CHANGES, "UsageReportReminded", "UsageReportEscalated")

TOPICS = (
    Topic(
        "jejak.changes.v1",
        PARTITIONS,
        "family_id",
        CHANGES,
        "producers, persons fold",
        ("families fold",),
        {**FOREVER, "message.timestamp.type": "LogAppendTime"},
    ),
    Topic(
        "jejak.events.v1",
        PARTITIONS,
        "family_id",
        EVENTS,
        "families fold",
        ("replay", "auditor", "read model"),
        {**FOREVER, **_AHEAD},
    ),
    Topic(
        "jejak.families.v1",
        PARTITIONS,
        "family_id, or position/<partition>",
        ("FamilyState", "FoldPosition"),
        "families fold",
        ("families fold", "read model"),
        {**COMPACT, "max.message.bytes": str(LARGEST_STATE_BYTES)},
    ),
    Topic(
        "jejak.eligibility.v1",
        PARTITIONS,
        "family_id",
        ("EligibilityDecided", "AidAllocated", "AidWaitlisted", "AidSuspended", "AidResumed", "AidStopped"),
        "families fold",
        ("gateway",),
        {**FOREVER, **_AHEAD},
    ),
    Topic(
        "jejak.indicators.v1",
        PARTITIONS,
        "definition version, indicator, cell",
        ("IndicatorSum",),
        "families fold",
        ("read model",),
        COMPACT,
    ),
    Topic(
        "jejak.refusals.v1",
        PARTITIONS,
        "family_id, or the document",
        ("ChangeRefused",),
        "families fold, producers, requests fold",
        ("gateway",),
        {"cleanup.policy": "delete", "retention.ms": str(365 * _DAY), **_AHEAD},
    ),
    Topic(
        "jejak.deadlines.v1",
        PARTITIONS,
        "family_id/kind",
        ("DeadlineScheduled",),
        "families fold, requests fold",
        ("deadlines agent",),
        COMPACT,
    ),
    Topic(
        "jejak.rules.v1",
        1,
        "rule set",
        ("RulesActivated",),
        "operators",
        ("families fold",),
        {**FOREVER, "message.timestamp.type": "LogAppendTime"},
    ),
    Topic("jejak.reference.v1", 1, "table/row", ("ReferenceRowPublished",), "producers", ("read model",), COMPACT),
    Topic(
        "jejak.audit.v1",
        PARTITIONS,
        "gateway instance",
        ("AccessIntent", "AccessOutcome", "SubjectDisclosure", "GatewayHeartbeat"),
        "gateway",
        ("sequencer", "auditor", "read model", "watch agent"),
        {**FOREVER, **_AUDIT_LIMIT},
    ),
    Topic(
        "jejak.dead-letters.v1",
        PARTITIONS,
        "as received",
        (),
        "any consumer",
        ("operators",),
        {"cleanup.policy": "delete", "retention.ms": str(90 * _DAY)},
    ),
    Topic("jejak.serving.v1", 1, "what serves", ("ServingVersionChosen",), "operators", ("every worker",), FOREVER),
    Topic(
        "jejak.checkpoints.v1",
        1,
        "origin of the log",
        ("RoundOpened", "CheckpointPublished"),
        "sequencer",
        ("gateway", "witnesses", "auditor"),
        {**FOREVER, "message.timestamp.type": "LogAppendTime"},
    ),
    Topic(
        "jejak.policies.v1",
        1,
        "policy set",
        ("PolicySetActivated",),
        "operators",
        ("gateway", "auditor"),
        {**FOREVER, "message.timestamp.type": "LogAppendTime"},
    ),
    Topic(
        "jejak.alerts.v1",
        1,
        "agency",
        ("UnusualUseDetected",),
        "watch agent",
        ("gateway", "operators"),
        FOREVER,
    ),
    # Faust gives the changelog of a table this name. It holds due dates only, no record of the contract.
    Topic(
        f"{AGENTS}-deadlines-changelog",
        PARTITIONS,
        "family_id",
        (),
        "deadlines agent",
        ("deadlines agent",),
        COMPACT,
    ),
    # Likewise: what the watch remembers of accessors by their pseudonyms, and of looks without an outcome.
    Topic(
        f"{WATCH}-seen-changelog",
        PARTITIONS,
        "accessor, intent or gateway",
        (),
        "watch agent",
        ("watch agent",),
        COMPACT,
    ),
    Topic(
        "jejak.access-requests.v1",
        PARTITIONS,
        "request id",
        REQUEST_CHANGES,
        "producers, deadlines agent",
        ("requests fold",),
        {**FOREVER, "message.timestamp.type": "LogAppendTime"},
    ),
    Topic(
        "jejak.access-request-events.v1",
        PARTITIONS,
        "request id",
        REQUEST_EVENTS,
        "requests fold",
        ("auditor", "operators"),
        {**FOREVER, **_AHEAD},
    ),
    Topic(
        "jejak.access-request-states.v1",
        PARTITIONS,
        "request id, or position/<partition>",
        ("AccessRequestState", "FoldPosition"),
        "requests fold",
        ("requests fold", "gateway"),
        COMPACT,
    ),
    Topic(
        "jejak.claims.v1",
        PARTITIONS,
        "person_ref",
        ("MembershipNoted",),
        "families fold",
        ("persons fold",),
        {**FOREVER, "message.timestamp.type": "LogAppendTime"},
    ),
    Topic(
        "jejak.persons.v1",
        PARTITIONS,
        "person_ref, or position/<partition>",
        ("PersonState", "FoldPosition"),
        "persons fold",
        ("persons fold",),
        COMPACT,
    ),
    Topic(
        "jejak.ranking-runs.v1",
        1,
        "run id",
        ("RankingRunPublished",),
        "ranking job",
        ("operators", "auditor"),
        {**FOREVER, "message.timestamp.type": "LogAppendTime"},
    ),
)


def topic(name: str) -> Topic:
    """Return the topic of this name; asking for one that isn't in the catalogue is a fault."""
    return next(topic for topic in TOPICS if topic.name == name)


CHANGES_TOPIC, EVENTS_TOPIC, FAMILIES_TOPIC, ELIGIBILITY_TOPIC = (topic.name for topic in TOPICS[:4])
INDICATORS_TOPIC, REFUSALS_TOPIC, DEADLINES_TOPIC, RULES_TOPIC, REFERENCE_TOPIC, AUDIT_TOPIC, DEAD_LETTERS_TOPIC = (
    topic.name for topic in TOPICS[4:11]
)
SERVING_TOPIC, CHECKPOINTS_TOPIC, POLICIES_TOPIC, ALERTS_TOPIC = (topic.name for topic in TOPICS[11:15])
REQUESTS_TOPIC, REQUEST_EVENTS_TOPIC, REQUEST_STATES_TOPIC = (
    topic(f"jejak.{name}.v1").name for name in ("access-requests", "access-request-events", "access-request-states")
)
CLAIMS_TOPIC, PERSONS_TOPIC = (topic(f"jejak.{name}.v1").name for name in ("claims", "persons"))
RANKING_RUNS_TOPIC = topic("jejak.ranking-runs.v1").name


def families_topic(version: str) -> str:
    """Return the topic that holds a version of the fold's state; the first one is the catalogue's own."""
    return f"{FAMILIES_TOPIC.removesuffix('v1')}{version}"
