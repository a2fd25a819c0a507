"""From the registry's records to rows, without I/O: what each record makes true in the tables.

A write carries a timestamp taken from the record's own order (a family's sequence, a partition's offset), so that
whatever order writes arrive in, and however often, the newest record wins. Must not know Kafka or the database.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple, assert_never, get_args

from consumers.read_model import tables
from consumers.read_model.state_record import StateRecord
from schemas import codec, contract, records, regions
from schemas.codec import FRAME_LENGTH
from schemas.prefix import walk

NATION: Final = ""
CARD: Final = "CARD"
PERSON: Final = "PERSON"

_POSITION_KEY: Final = b"position/"
_PROVINCE_CHARACTERS: Final = 2
_A_DAY: Final = 86_400_000_000
_WIB_AHEAD: Final = 7 * 3_600_000_000
_PLACES: Final = 100_000  # more than there are desa
_Referring = records.FamilyRegistered | records.FamilyCardReissued | records.MembershipClaimed | records.PersonErased
_REFERRING: Final = get_args(_Referring)
_IN_DOUBT: Final = b"NAMA_MERAGUKAN"
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
    in_doubt: int


def is_position(key: bytes | None) -> bool:
    """Tell whether a record of the families topic is a fold's position and no family."""
    return key is not None and key.startswith(_POSITION_KEY)


def event_writes(value: bytes) -> list[Write]:
    """Return the rows of one accepted event: its place in the history, and the reference it makes known or ends."""
    prefix = walk(value)
    bucket = (tables.bucket_of(prefix.family_id),)
    row = (prefix.family_id, prefix.sequence, prefix.occurred_at, prefix.recorded_at, value)
    write = Write(tables.EVENT, bucket, row, prefix.sequence)
    return [write] if value[:FRAME_LENGTH] not in _referring() else [write, _reference(codec.decode(value))]


@cache
def _referring() -> frozenset[bytes]:
    """Return the frames of the events that make a reference known or end it."""
    names = {f"{contract.NAMESPACE}.{record.__name__}" for record in _REFERRING}
    ids = (schema_id for schema_id, schema in contract.writer_schemas().items() if schema.name in names)
    return frozenset(codec.FRAME.pack(0, schema_id) for schema_id in ids)


def _reference(event: _Referring) -> Write:
    family_id, sequence = event.header.family_id, event.header.sequence
    match event:
        case records.FamilyRegistered(card_ref=reference) | records.FamilyCardReissued(card_ref=reference):
            row: tuple[str, ...] = (reference, family_id, CARD)
        case records.MembershipClaimed(person_ref=reference):
            row = (reference, family_id, PERSON)
        case records.PersonErased(person_ref=reference):
            row = (reference, family_id)
        case _:
            assert_never(event)
    removes = isinstance(event, records.PersonErased)
    return Write(tables.FAMILY_OF_REFERENCE, (tables.bucket_of(reference),), row, sequence, removes)


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
    state = max(states, key=_sequence) if len(states) > 1 else states[0]
    if previous is not None and previous.sequence >= state.sequence:
        return FamilyWrites([], [])
    seen = {_listed(one) for one in states}
    if previous is not None:
        seen.add(previous[1:])
    if len(seen) == 1:
        first = [] if previous is not None else list(_lives(state))
    else:
        left = {region for region, *_ in seen} - {state.region}
        first = [_leaves(tables.FAMILY_IN_REGION, region, state) for region in sorted(left, key=_in_order)]
        clear = {region for region, *_, doubt in seen if doubt} - ({state.region} if in_doubt(state) else set())
        first += [_leaves(tables.FAMILY_IN_DOUBT, region, state) for region in sorted(clear, key=_in_order)]
        first += _lives(state)
    return FamilyWrites(first, [_family(state)])


def _listed(state: StateRecord) -> tuple[records.Region, int, str, int]:
    """Return what lists of families show of a state, as `Placed` holds it."""
    return state.region, state.decile, state.status, in_doubt(state)


def in_doubt(state: StateRecord) -> int:
    """Return 1 where the state speaks of a name in doubt, else 0; it may be of somebody who has left the family.

    Its bytes are looked through and not decoded: whoever reads such a family sees whether one is still to be judged.
    """
    return int(_IN_DOUBT in state.value)


_sequence: Final = attrgetter("sequence")


def _in_order(region: records.Region) -> tuple[str, str, str]:
    return region.system, region.edition, region.code


def _leaves(table: tables.Table, region: records.Region, state: StateRecord) -> Write:
    return Write(table, region_partition(region), (region.code, state.family_id), state.sequence, removes=True)


def _lives(state: StateRecord) -> Iterator[Write]:
    row = (state.region.code, state.family_id, state.decile, state.status)
    partition = region_partition(state.region)
    yield Write(tables.FAMILY_IN_REGION, partition, row, state.sequence)
    if in_doubt(state):
        yield Write(tables.FAMILY_IN_DOUBT, partition, row[:2], state.sequence)
    for area in areas_above(state.region):
        yield Write(tables.KECAMATAN, (state.region.system, state.region.edition, area), partition[2:], _ONCE)


def _family(state: StateRecord) -> Write:
    region = state.region
    place = (state.family_id, state.sequence, region.system, region.edition, region.code)
    row = (*place, state.decile, state.status, in_doubt(state), state.recorded_at, state.value)
    return Write(tables.FAMILY, (tables.bucket_of(state.family_id),), row, state.sequence)


@lru_cache(_PLACES)
def region_partition(region: records.Region) -> tuple[str, str, str]:
    """Return the partition that families living there are in: their kecamatan, or the code itself where it has none."""
    return region.system, region.edition, _ancestor(region, regions.Level.KECAMATAN) or region.code


@lru_cache(_PLACES)
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
    """Return the rows of one partition's sum: now, and on its day; the greatest offset of the partition wins."""
    cell = _decoded(value, records.IndicatorSum)
    partition = (cell.definition_version, cell.indicator, province_of(cell.region))
    place = (cell.region, cell.category, cell.unit, cell.partition)
    return [
        Write(tables.INDICATOR, partition, (*place, cell.sum, cell.next_offset, cell.recorded_at), _by_offset(offset)),
        day_write(cell, _by_offset(offset)),
    ]


def day_write(cell: records.IndicatorSum, timestamp: int = _ONCE) -> Write:
    """Return the row of one partition's sum on the day (WIB) that it was recorded; by default the day's last one."""
    partition = (cell.definition_version, cell.indicator, cell.region)
    row = (day_of(cell.recorded_at), cell.category, cell.unit, cell.partition, cell.sum)
    return Write(tables.INDICATOR_DAY, partition, row, timestamp)


def day_of(micros: int) -> str:
    """Return the day in WIB (Asia/Jakarta) of a time in microseconds, as 2025-07-31."""
    return _day((micros + _WIB_AHEAD) // _A_DAY)


@lru_cache(maxsize=64)
def _day(number: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=number)).isoformat()


def province_of(code: str) -> str:
    """Return the province of a Kemendagri code; the nation's is the empty code itself."""
    return code[:_PROVINCE_CHARACTERS]


def refusal_writes(value: bytes, at_ms: int, partition: int, offset: int) -> list[Write]:
    """Return the rows of a refusal: under its agency and the month of its record in the topic, and under its family.

    One that names no family, a document's row for which none was found, has no second row.
    """
    refusal = _decoded(value, records.ChangeRefused)
    row = (at_ms * 1000, partition, offset, refusal.rule, value)
    family_id, timestamp = refusal.header.family_id, _by_offset(offset)
    writes = [Write(tables.REFUSAL, (refusal.header.agency, month_of(at_ms)), row, timestamp)]
    if family_id:
        of_family = (tables.bucket_of(family_id),)
        writes.append(Write(tables.REFUSAL_OF_FAMILY, of_family, (family_id, *row), timestamp))
    return writes


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
        families.setdefault(record.family_id, []).append(record)
    return families


def _by_offset(offset: int) -> int:
    return offset + 1  # 0 is no timestamp to write with


def _decoded(value: bytes, expected: type[Any]) -> Any:
    record = codec.decode(value)
    if not isinstance(record, expected):
        raise codec.Undecodable("UNEXPECTED_RECORD", f"a {expected.__name__} stands in this topic, no other record")
    return record
