"""The tables of the read model: their columns, and the CQL that creates, writes and empties them.

The projection's version is part of every table's name, so that a new shape is built beside the old one, compared, and
then read instead of it. Knows CQL; must not know what a record means nor how statements are sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

KEYSPACE: Final = "jejak_read"
VERSION: Final = "v1"

# References are uniform, so their first two base32 characters spread them over 1,024 partitions, and a batch of some
# thousand families makes batches of several rows. A nation's registry takes three, under a version of its own.
BUCKET_CHARACTERS: Final = 2

# Refusals are kept as long as their topic keeps them (schemas/catalogue.py): a year, and the rest of its last month.
_REFUSALS_SECONDS: Final = (365 + 31) * 86_400

Columns = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """One table: the columns of its partition key, of its clustering key, and the rest, each with its CQL type."""

    name: str
    partition: Columns
    clustering: Columns
    rest: Columns
    options: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column in the order in which rows are written."""
        return (*self.partition, *self.clustering, *self.rest)

    def named(self, version: str) -> str:
        """Return the table's name in CQL under a version of the projection."""
        return f"{KEYSPACE}.{self.name}_{version}"

    def ddl(self, version: str) -> str:
        """Return the statement that creates the table where it is missing."""
        columns = ", ".join(
            f"{n} {t}" for part in (self.partition, self.clustering, self.rest) for n, t in part.items()
        )
        key = ", ".join((f"({', '.join(self.partition)})", *self.clustering))
        return (
            f"CREATE TABLE IF NOT EXISTS {self.named(version)} ({columns}, PRIMARY KEY ({key})) {self.options}".strip()
        )

    def insert(self, version: str) -> str:
        """Return the statement that writes a row; its last value is the write's timestamp."""
        marks = ", ".join("?" for _ in self.columns)
        return f"INSERT INTO {self.named(version)} ({', '.join(self.columns)}) VALUES ({marks}) USING TIMESTAMP ?"  # noqa: S608  names are ours

    def delete(self, version: str) -> str:
        """Return the statement that removes a row; its first value is the write's timestamp, the key follows."""
        key = " AND ".join(f"{name} = ?" for name in (*self.partition, *self.clustering))
        return f"DELETE FROM {self.named(version)} USING TIMESTAMP ? WHERE {key}"  # noqa: S608  names are ours


FAMILY: Final = Table(
    "family_by_id",
    {"bucket": "text"},
    {"family_id": "text"},
    {
        "sequence": "bigint",
        "region_system": "text",
        "region_edition": "text",
        "region_code": "text",
        "decile": "int",
        "status": "text",
        "in_doubt": "int",
        "recorded_at": "bigint",
        "state": "blob",
    },
)
FAMILY_IN_REGION: Final = Table(
    "families_by_region",
    {"region_system": "text", "region_edition": "text", "kecamatan": "text"},
    {"region_code": "text", "family_id": "text"},
    {"decile": "int", "status": "text"},
)
# Families with a name that the civil registry writes otherwise: few, gone once a person judged them.
FAMILY_IN_DOUBT: Final = Table(
    "families_in_doubt",
    {"region_system": "text", "region_edition": "text", "kecamatan": "text"},
    {"region_code": "text", "family_id": "text"},
    {},
)
KECAMATAN: Final = Table(
    "kecamatan_by_area",
    {"region_system": "text", "region_edition": "text", "area": "text"},
    {"kecamatan": "text"},
    {},
)
EVENT: Final = Table(
    "events_by_family",
    {"bucket": "text"},
    {"family_id": "text", "sequence": "bigint"},
    {"occurred_at": "bigint", "recorded_at": "bigint", "event": "blob"},
)
FAMILY_OF_REFERENCE: Final = Table(
    "families_by_reference",
    {"bucket": "text"},
    {"reference": "text", "family_id": "text"},
    {"kind": "text"},
)
INDICATOR: Final = Table(
    "indicator_sums",
    {"definition_version": "text", "indicator": "text", "province": "text"},
    {"region": "text", "category": "text", "unit": "text", "kafka_partition": "int"},
    {"sum": "bigint", "next_offset": "bigint", "recorded_at": "bigint"},
)
# A row a day on which the sum changed, so a place grows by at most its classes times the Kafka partitions a day.
INDICATOR_DAY: Final = Table(
    "indicator_days",
    {"definition_version": "text", "indicator": "text", "region": "text"},
    {"day": "text", "category": "text", "unit": "text", "kafka_partition": "int"},
    {"sum": "bigint"},
    "WITH CLUSTERING ORDER BY (day DESC, category ASC, unit ASC, kafka_partition ASC)",
)
REFUSAL: Final = Table(
    "refusals_by_agency",
    {"agency": "text", "month": "text"},
    {"refused_at": "bigint", "kafka_partition": "int", "kafka_offset": "bigint"},
    {"rule": "text", "refusal": "blob"},
    "WITH CLUSTERING ORDER BY (refused_at DESC, kafka_partition ASC, kafka_offset ASC)"
    f" AND default_time_to_live = {_REFUSALS_SECONDS}",
)
# The same refusals by the family that they are about, for who explains that family.
REFUSAL_OF_FAMILY: Final = Table(
    "refusals_by_family",
    {"bucket": "text"},
    {"family_id": "text", "refused_at": "bigint", "kafka_partition": "int", "kafka_offset": "bigint"},
    {"rule": "text", "refusal": "blob"},
    "WITH CLUSTERING ORDER BY (family_id ASC, refused_at DESC, kafka_partition ASC, kafka_offset ASC)"
    f" AND default_time_to_live = {_REFUSALS_SECONDS}",
)
REFERENCE_ROW: Final = Table("reference_rows", {"reference_table": "text"}, {"row_key": "text"}, {"published": "blob"})

# What a line of the audit trail says, whoever asks. Nothing is null: "" and 0 stand for what an entry leaves out.
_ACCESS: Final[Columns] = {
    "kind": "text",
    "intent_id": "blob",
    "agency": "text",
    "actor": "text",
    "role": "text",
    "action": "text",
    "purpose": "text",
    "purpose_version": "text",
    "legal_basis": "text",
    "agreement": "text",
    "channel": "text",
    "fields": "frozen<list<text>>",
    "outcome": "text",
    "reason": "text",
    "persons": "int",
    "epoch": "int",
    "record_version": "bigint",
    "as_of": "bigint",
    "known_at": "bigint",
    "visibility": "text",
    "visible_from": "bigint",
    "appended_at": "bigint",
    "kafka_partition": "int",
    "kafka_offset": "bigint",
}
_NEWEST: Final[Columns] = {"occurred_at": "bigint", "event_id": "blob"}
_NEWEST_FIRST: Final = "WITH CLUSTERING ORDER BY (occurred_at DESC, event_id DESC)"
# The subject is a person or a family as one epoch of the audit trail names it: uniform, a partition of its own.
ACCESS_OF_SUBJECT: Final = Table("access_by_subject", {"subject": "blob"}, _NEWEST, _ACCESS, _NEWEST_FIRST)
# One row a look, however many persons it showed: an export of millions is one line of its accessor's day.
ACCESS_OF_ACCESSOR: Final = Table(
    "access_by_accessor",
    {"of_agency": "text", "of_actor": "text", "day": "text"},
    _NEWEST,
    _ACCESS,
    _NEWEST_FIRST,
)
ACCESS_OF_AGENCY: Final = Table(
    "access_by_agency", {"of_agency": "text", "hour": "text"}, _NEWEST, _ACCESS, _NEWEST_FIRST
)
# What an outcome or a disclosure is about, for a projector that has forgotten it.
ACCESS_INTENT: Final = Table(
    "access_intents",
    {"intent_id": "blob"},
    {},
    {"intent": "blob", "kafka_partition": "int", "kafka_offset": "bigint", "appended_at": "bigint"},
)
# What an agency's emergencies are and which of them were reviewed: rare, so an agency's lie in one partition.
ACCESS_EMERGENCY: Final = Table(
    "access_emergencies",
    {"of_agency": "text"},
    {"intent_id": "blob", "step": "text"},
    {"actor": "text", "second_actor": "text", "review_due_at": "bigint"},
)
ACCESS_EPOCH: Final = Table("access_epochs", {"log": "text"}, {"epoch": "int"}, {})

TABLES: Final = (
    FAMILY,
    FAMILY_IN_REGION,
    FAMILY_IN_DOUBT,
    KECAMATAN,
    EVENT,
    FAMILY_OF_REFERENCE,
    INDICATOR,
    INDICATOR_DAY,
    REFUSAL,
    REFUSAL_OF_FAMILY,
    REFERENCE_ROW,
    ACCESS_OF_SUBJECT,
    ACCESS_OF_ACCESSOR,
    ACCESS_OF_AGENCY,
    ACCESS_INTENT,
    ACCESS_EMERGENCY,
    ACCESS_EPOCH,
)


def bucket_of(reference: str) -> str:
    """Return the partition that the rows of a family id or a reference are in."""
    return reference[:BUCKET_CHARACTERS]


def create(session: Any, replication: Mapping[str, str | int], version: str = VERSION) -> None:
    """Create the keyspace and this version's tables where they are missing; what exists is left as it is.

    `replication` is Cassandra's map, such as `{"class": "SimpleStrategy", "replication_factor": 1}`.
    """
    options = ", ".join(f"'{name}': '{value}'" for name, value in replication.items())
    session.execute(f"CREATE KEYSPACE IF NOT EXISTS {KEYSPACE} WITH replication = {{{options}}}")
    for table in TABLES:
        session.execute(table.ddl(version))


def versions(session: Any) -> tuple[str, ...]:
    """Return the versions of which there are tables."""
    named = f"{FAMILY.name}_"
    found = session.execute(f"SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{KEYSPACE}'")  # noqa: S608  the name is ours
    return tuple(sorted(name.removeprefix(named) for (name,) in found if name.startswith(named)))


def drop(session: Any, version: str) -> None:
    """Remove this version's tables, once no reader is left on them."""
    for table in TABLES:
        session.execute(f"DROP TABLE IF EXISTS {table.named(version)}")
