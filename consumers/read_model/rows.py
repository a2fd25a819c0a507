"""From the registry's records to rows, without I/O: what each record makes true in the tables.

A write carries a timestamp taken from the record's own order (a family's sequence, a partition's offset), so that
whatever order writes arrive in, and however often, the newest record wins. Must not know Kafka or the database.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from consumers.read_model import tables
from schemas import codec, contract, records, regions
from schemas.prefix import walk

NATION: Final = ""
CARD: Final = "CARD"
PERSON: Final = "PERSON"

_POSITION_KEY: Final = b"position/"
_PROVINCE_CHARACTERS: Final = 2
_ONCE: Final = 1  # the timestamp of rows that say the same whenever they are written


class Write(NamedTuple):
    """One row to write, or to remove when `values` are a clustering key alone."""

    table: tables.Table
    partition: tuple[Any, ...]
    values: tuple[Any, ...]
    timestamp: int
    removes: bool = False


class Placed(NamedTuple):
    """What the read model last wrote of a family, as far as the next write depends on it."""

    sequence: int
    region: records.Region
    decile: int
    status: str


@dataclass(frozen=True, slots=True)
class StateRecord:
    """A family's state with the exact bytes it came in."""

    state: records.FamilyState
    value: bytes


def is_position(key: bytes | None) -> bool:
    """Tell whether a record of the families topic is a fold's position and no family."""
    return key is not None and key.startswith(_POSITION_KEY)


def state_record(value: bytes) -> StateRecord:
    """Return the decoded state; raises Undecodable, also for another record's bytes."""
    return StateRecord(_decoded(value, records.FamilyState), value)


def event_writes(value: bytes) -> list[Write]:
    """Return the rows of one accepted event: its place in the history, and the reference it makes known or ends."""
    prefix = walk(value)
    bucket = (tables.bucket_of(prefix.family_id),)
    row = (prefix.family_id, prefix.sequence, prefix.occurred_at, prefix.recorded_at, value)
    writes = [Write(tables.EVENT, bucket, row, prefix.sequence)]
    match contract.writer_schemas()[codec.schema_id_of(value)].name:
        case "jejak.FamilyRegistered":
            writes.append(_reference(codec.decode(value).card_ref, CARD, prefix.family_id, prefix.sequence))
        case "jejak.MembershipClaimed":
            writes.append(_reference(codec.decode(value).person_ref, PERSON, prefix.family_id, prefix.sequence))
        case "jejak.PersonErased":
            erased = codec.decode(value).person_ref
            key, partition = (erased, prefix.family_id), (tables.bucket_of(erased),)
            writes.append(Write(tables.FAMILY_OF_REFERENCE, partition, key, prefix.sequence, removes=True))
        case _:
            pass
    return writes


def _reference(reference: str, kind: str, family_id: str, sequence: int) -> Write:
    bucket = (tables.bucket_of(reference),)
    return Write(tables.FAMILY_OF_REFERENCE, bucket, (reference, family_id, kind), sequence)


class FamilyWrites(NamedTuple):
    """A family's writes: `first` must be acknowledged before `then`, which says that they were."""

    first: list[Write]
    then: list[Write]


def family_writes(states: Sequence[StateRecord], previous: Placed | None) -> FamilyWrites:
    """Return what one family's states, in the order they arrived, make true given what was last written of it.

    Only the newest state is written. The family leaves every region in which `previous` or any of the states had it,
    the newest excepted: an attempt cut short may have written any of them. A state no newer than `previous` changes
    nothing.
    """
    newest = max(states, key=lambda record: record.state.sequence)
    state = newest.state
    if previous is not None and previous.sequence >= state.sequence:
        return FamilyWrites([], [])
    seen = {_listed(record.state) for record in states} | ({previous[1:]} if previous else set())
    left = {region for region, _, _ in seen} - {state.region}
    first = [_leaves(region, state) for region in sorted(left, key=_in_order)]
    if previous is None or len(seen) > 1:
        first += _lives(state)
    return FamilyWrites(first, [_family(newest)])


def _listed(state: records.FamilyState) -> tuple[records.Region, int, str]:
    """Return what lists of families show of a state, as `Placed` holds it."""
    return state.region, state.decile, state.status


def _in_order(region: records.Region) -> tuple[str, str, str]:
    return region.system, region.edition, region.code


def _leaves(region: records.Region, state: records.FamilyState) -> Write:
    key = (region.code, state.family_id)
    return Write(tables.FAMILY_IN_REGION, region_partition(region), key, state.sequence, removes=True)


def _lives(state: records.FamilyState) -> Iterator[Write]:
    row = (state.region.code, state.family_id, state.decile, state.status)
    partition = region_partition(state.region)
    yield Write(tables.FAMILY_IN_REGION, partition, row, state.sequence)
    for area in areas_above(state.region):
        yield Write(tables.KECAMATAN, (state.region.system, state.region.edition, area), partition[2:], _ONCE)


def _family(record: StateRecord) -> Write:
    state, region = record.state, record.state.region
    place = (state.family_id, state.sequence, region.system, region.edition, region.code)
    row = (*place, state.decile, state.status, state.recorded_at, record.value)
    return Write(tables.FAMILY, (tables.bucket_of(state.family_id),), row, state.sequence)


def region_partition(region: records.Region) -> tuple[str, str, str]:
    """Return the partition that families living there are in: their kecamatan, or the code itself where it has none."""
    return region.system, region.edition, _ancestor(region, regions.Level.KECAMATAN) or region.code


def areas_above(region: records.Region) -> tuple[str, ...]:
    """Return the codes of the kabupaten or kota and the province that hold the region, so far as it has them."""
    above = (_ancestor(region, level) for level in (regions.Level.KABKOTA, regions.Level.PROVINSI))
    return tuple(code for code in above if code is not None)


def _ancestor(region: records.Region, level: regions.Level) -> str | None:
    if region.system not in {"KEMENDAGRI", "BPS"}:
        return None
    found = regions.parent(regions.Region(region.system, region.edition, region.code), level)  # type: ignore[arg-type]  # checked just above
    return found.code if found else None


def indicator_writes(value: bytes, offset: int) -> list[Write]:
    """Return the row of one partition's sum; the greatest offset of the topic's partition wins."""
    cell = _decoded(value, records.IndicatorSum)
    partition = (cell.definition_version, cell.indicator, province_of(cell.region))
    place = (cell.region, cell.category, cell.unit, cell.partition)
    return [
        Write(tables.INDICATOR, partition, (*place, cell.sum, cell.next_offset, cell.recorded_at), _by_offset(offset))
    ]


def province_of(code: str) -> str:
    """Return the province of a Kemendagri code; the nation's is the empty code itself."""
    return code[:_PROVINCE_CHARACTERS]


def refusal_writes(value: bytes, at_ms: int, partition: int, offset: int) -> list[Write]:
    """Return the row of a refusal under the agency it is addressed to and the month of its record in the topic."""
    refusal = _decoded(value, records.ChangeRefused)
    row = (at_ms * 1000, partition, offset, refusal.rule, value)
    return [Write(tables.REFUSAL, (refusal.header.agency, month_of(at_ms)), row, _by_offset(offset))]


def month_of(at_ms: int) -> str:
    """Return the month, UTC, of a time in milliseconds, as 2025-07."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m")


def reference_row_writes(value: bytes, offset: int) -> list[Write]:
    """Return the row of a published table; a later edition of it, by offset, wins."""
    published = _decoded(value, records.ReferenceRowPublished)
    return [Write(tables.REFERENCE_ROW, (published.table,), (published.row, value), _by_offset(offset))]


def by_family(found: Iterable[StateRecord]) -> dict[str, list[StateRecord]]:
    """Return the states of each family in the order they came."""
    families: dict[str, list[StateRecord]] = {}
    for record in found:
        families.setdefault(record.state.family_id, []).append(record)
    return families


def _by_offset(offset: int) -> int:
    return offset + 1  # 0 is no timestamp to write with


def _decoded(value: bytes, expected: type[Any]) -> Any:
    record = codec.decode(value)
    if not isinstance(record, expected):
        raise codec.Undecodable("UNEXPECTED_RECORD", f"a {expected.__name__} stands in this topic, no other record")
    return record
