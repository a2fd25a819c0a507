"""The questions that the read model answers, each by the key of a table.

Families, histories and references hold data of persons: only the gateway asks for those, after a written audit intent.
Knows the tables; must not know who asks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol

from cassandra.cluster import Session

from consumers.read_model import rows, tables
from schemas import codec, records, regions
from transport.cassandra import LOCAL_QUORUM

PAGE: Final = 100
_MONTHS_KEPT: Final = 13
_MONTHS_A_YEAR: Final = 12
_AFTER_ANY_REGION: Final = "~"  # sorts after every digit and full stop


class FamilyPlace(NamedTuple):
    """Where a family of a list is."""

    kecamatan: str
    region_code: str
    family_id: str


class FamilyInRegion(NamedTuple):
    """One family of a list: where it is, and what lists are filtered by."""

    kecamatan: str
    region_code: str
    family_id: str
    decile: int
    status: str


@dataclass(frozen=True, slots=True)
class FamilyPage:
    """A part of a list of families, in order of region and id; `after` asks for the next part, None at the end."""

    families: tuple[FamilyInRegion, ...]
    after: FamilyInRegion | None


@dataclass(frozen=True, slots=True)
class IndicatorCell:
    """One cell of an indicator, summed over the partitions; `recorded_at` is the newest change in it (µs)."""

    region: str
    category: str
    unit: str
    sum: int
    recorded_at: int


class CellOfDay(NamedTuple):
    """One cell of an indicator at the end of a day, summed over the partitions."""

    region: str
    category: str
    unit: str
    sum: int


class Figures(Protocol):
    """What may be read past the door: nothing that one person's or family's data is in.

    `families_in` names families by reference, region and decile alone; whoever wants more passes the door.
    """

    def indicators(self, definition_version: str, indicator: str, region: str = ...) -> tuple[IndicatorCell, ...]:
        """Return an indicator's cells."""

    def indicators_on(
        self, definition_version: str, indicator: str, day: str, region: str = ...
    ) -> tuple[CellOfDay, ...]:
        """Return an indicator's cells at the end of a day."""

    def reference_rows(self, reference_table: str) -> tuple[records.ReferenceRowPublished, ...]:
        """Return the rows of a published table."""

    def families_in(
        self, region: regions.Region, decile: int | None = ..., after: FamilyInRegion | None = ..., limit: int = ...
    ) -> FamilyPage:
        """Return the families that live in a region."""

    def families_in_doubt(self, region: regions.Region, after: FamilyPlace | None = ...) -> Iterator[FamilyPlace]:
        """Yield the families of a region with a name in doubt."""


class ReadModel:
    """The tables of one version of the projection, as readers see them."""

    def __init__(self, session: Session, version: str = tables.VERSION) -> None:
        self._session = session
        self._version = version
        self._family = self._select("state", tables.FAMILY, "bucket = ? AND family_id = ?")
        self._history = self._select("event", tables.EVENT, "bucket = ? AND family_id = ?")
        self._events_at = self._select(
            "sequence, event", tables.EVENT, "bucket = ? AND family_id = ? AND sequence IN ?"
        )
        self._links = self._select("family_id", tables.FAMILY_OF_REFERENCE, "bucket = ? AND reference = ?")
        in_area = "region_system = ? AND region_edition = ?"
        self._kecamatan = self._select("kecamatan", tables.KECAMATAN, f"{in_area} AND area = ?")
        self._listed = self._lists("region_code, family_id, decile, status", tables.FAMILY_IN_REGION)
        self._doubted = self._lists("region_code, family_id", tables.FAMILY_IN_DOUBT)
        self._cells = self._select(
            "region, category, unit, sum, recorded_at",
            tables.INDICATOR,
            "definition_version = ? AND indicator = ? AND province = ? AND region >= ? AND region < ?",
        )
        self._cell_regions = self._select(
            "region",
            tables.INDICATOR,
            "definition_version = ? AND indicator = ? AND province = ? AND region >= ? AND region < ?",
        )
        self._cells_by_day = self._select(
            "category, unit, kafka_partition, sum",
            tables.INDICATOR_DAY,
            "definition_version = ? AND indicator = ? AND region = ? AND day <= ?",
        )
        self._refusals = self._select("refusal", tables.REFUSAL, "agency = ? AND month = ?")
        self._refusals_of = self._select("refusal", tables.REFUSAL_OF_FAMILY, "bucket = ? AND family_id = ?")
        self._reference_rows = self._select("published", tables.REFERENCE_ROW, "reference_table = ?")

    def _select(self, columns: str, table: tables.Table, where: str) -> Any:
        statement = self._session.prepare(f"SELECT {columns} FROM {table.named(self._version)} WHERE {where}")  # noqa: S608  names are ours
        statement.consistency_level = LOCAL_QUORUM
        statement.is_idempotent = True
        return statement

    def _lists(self, columns: str, table: tables.Table) -> tuple[Any, Any]:
        """Return what lists a table's families of a desa, and of a kecamatan, from a place on."""
        of = "region_system = ? AND region_edition = ? AND kecamatan = ?"
        desa = self._select(columns, table, f"{of} AND region_code = ? AND family_id > ?")
        return desa, self._select(columns, table, f"{of} AND (region_code, family_id) > (?, ?)")

    def family(self, family_id: str) -> records.FamilyState | None:
        """Return the family's state, or None when no such family was projected."""
        row = self._session.execute(self._family, (tables.bucket_of(family_id), family_id)).one()
        return None if row is None else codec.decode(row[0])

    def history(self, family_id: str) -> tuple[Any, ...]:
        """Return the family's accepted events, decoded, in order of their sequence."""
        return tuple(codec.decode(event) for event in self.framed_history(family_id))

    def framed_history(self, family_id: str) -> tuple[bytes, ...]:
        """Return the family's accepted events as they lie on the events topic, in order of their sequence."""
        found = self._session.execute(self._history, (tables.bucket_of(family_id), family_id))
        return tuple(event for (event,) in found)

    def cards_of(self, family_id: str) -> tuple[str, ...]:
        """Return the reference of every card that the family ever had, the first one first."""
        cards = (getattr(event, "card_ref", None) for event in self.history(family_id))
        return tuple(dict.fromkeys(card for card in cards if card))

    def events_at(self, family_id: str, sequences: Sequence[int]) -> dict[int, Any]:
        """Return those of the family's accepted events that have these sequences, decoded, by sequence."""
        asked = (tables.bucket_of(family_id), family_id, list(sequences))
        return {sequence: codec.decode(event) for sequence, event in self._session.execute(self._events_at, asked)}

    def family_of(self, reference: str) -> str | None:
        """Return the family in which a card or person reference stands best, or None when no family ever had it.

        Of several families that claimed a person: the one that holds it confirmed, else pending, contested, ended.
        """
        found: list[str] = [
            row[0] for row in self._session.execute(self._links, (tables.bucket_of(reference), reference))
        ]
        if len(found) <= 1:
            return found[0] if found else None
        return min(found, key=lambda family_id: (_standing(self.family(family_id), reference), family_id))

    def families_in(
        self, region: regions.Region, decile: int | None = None, after: FamilyInRegion | None = None, limit: int = PAGE
    ) -> FamilyPage:
        """Return up to `limit` families that live in the region, of any level, after `after`; decile 0 is unranked."""
        listed = (FamilyInRegion(*row) for row in self._from(self._listed, region, after))
        found = (family for family in listed if decile is None or family.decile == decile)
        page = tuple(islice(found, limit + 1))
        return FamilyPage(page[:limit], page[limit - 1] if len(page) > limit else None)

    def families_in_doubt(self, region: regions.Region, after: FamilyPlace | None = None) -> Iterator[FamilyPlace]:
        """Yield the families of the region, of any level, whose state speaks of a name in doubt, after `after`.

        In order of region and id; costs as much as there are such families, however many live there.
        """
        return (FamilyPlace(*row) for row in self._from(self._doubted, region, after))

    def _from(
        self, lists: tuple[Any, Any], region: regions.Region, after: FamilyInRegion | FamilyPlace | None
    ) -> Iterator[tuple[Any, ...]]:
        for kecamatan in self._partitions(region):
            if after is None or kecamatan >= after.kecamatan:
                start = (
                    ("", "") if after is None or kecamatan > after.kecamatan else (after.region_code, after.family_id)
                )
                yield from self._living(lists, region, kecamatan, start)

    def _living(
        self, lists: tuple[Any, Any], region: regions.Region, kecamatan: str, start: tuple[str, str]
    ) -> Iterator[tuple[Any, ...]]:
        partition, (of_desa, of_kecamatan) = (region.system, region.edition, kecamatan), lists
        if regions.level_of(region) is regions.Level.DESA:
            found = self._session.execute(of_desa, (*partition, region.code, start[1]))
        else:
            found = self._session.execute(of_kecamatan, (*partition, *start))
        return ((kecamatan, *row) for row in found)

    def _partitions(self, region: regions.Region) -> Sequence[str]:
        level = regions.level_of(region)
        if level is None or level >= regions.Level.KECAMATAN:
            place = records.Region(system=region.system, edition=region.edition, code=region.code)
            return (rows.region_partition(place)[2],)
        found = self._session.execute(self._kecamatan, (region.system, region.edition, region.code))
        return sorted(row[0] for row in found)

    def indicators(
        self, definition_version: str, indicator: str, region: str = rows.NATION
    ) -> tuple[IndicatorCell, ...]:
        """Return the indicator's cells of every region that lies in `region` (Kemendagri; empty: all) or is it."""
        cells: dict[tuple[str, str, str], tuple[int, int]] = {}
        for province in self._provinces(region):
            asked = (definition_version, indicator, province, region, region + _AFTER_ANY_REGION)
            for *place, partial, recorded_at in self._session.execute(self._cells, asked):
                if not _lies_in(place[0], region):
                    continue
                total, newest = cells.get((place[0], place[1], place[2]), (0, 0))
                cells[place[0], place[1], place[2]] = (total + partial, max(newest, recorded_at))
        return tuple(IndicatorCell(*place, *cells[place]) for place in sorted(cells))

    def indicators_on(
        self, definition_version: str, indicator: str, day: str, region: str = rows.NATION
    ) -> tuple[CellOfDay, ...]:
        """Return the same cells as they were at the end of a day (WIB, as 2025-07-31) that is over."""
        found = []
        for place in sorted(self._counted_regions(definition_version, indicator, region)):
            totals: dict[tuple[str, str], int] = {}
            for (category, unit, _), partial in self._latest_sums(definition_version, indicator, place, day).items():
                totals[category, unit] = totals.get((category, unit), 0) + partial
            found += [CellOfDay(place, *cell, totals[cell]) for cell in sorted(totals)]
        return tuple(found)

    def _counted_regions(self, definition_version: str, indicator: str, region: str) -> set[str]:
        """Return the regions that ever had a cell: their rows stay, be they zero."""
        found = set()
        for province in self._provinces(region):
            asked = (definition_version, indicator, province, region, region + _AFTER_ANY_REGION)
            found |= {row[0] for row in self._session.execute(self._cell_regions, asked)}
        return {place for place in found if _lies_in(place, region)}

    def _latest_sums(
        self, definition_version: str, indicator: str, place: str, day: str
    ) -> dict[tuple[str, str, int], int]:
        latest: dict[tuple[str, str, int], int] = {}
        for category, unit, number, total in self._session.execute(
            self._cells_by_day, (definition_version, indicator, place, day)
        ):
            latest.setdefault((category, unit, number), total)  # the newest day comes first
        return latest

    @staticmethod
    def _provinces(region: str) -> tuple[str, ...]:
        if region:
            return (rows.province_of(region),)
        listed = regions.listed("KEMENDAGRI", regions.KEMENDAGRI_EDITION, regions.Level.PROVINSI)
        return (rows.NATION, *(province.code for province in listed))

    def refusals(
        self, agency: str, now: datetime | None = None, limit: int = PAGE
    ) -> tuple[records.ChangeRefused, ...]:
        """Return the latest refusals addressed to the agency in the year before `now`, newest first."""
        months = _months_back(now or datetime.now(UTC))
        found = (row[0] for month in months for row in self._session.execute(self._refusals, (agency, month)))
        return tuple(codec.decode(refusal) for refusal in islice(found, limit))

    def refusals_of(self, family_id: str) -> Iterator[records.ChangeRefused]:
        """Yield what was refused of a family to any agency in the last year, newest first."""
        asked = (tables.bucket_of(family_id), family_id)
        return (codec.decode(refusal) for (refusal,) in self._session.execute(self._refusals_of, asked))

    def reference_rows(self, reference_table: str) -> tuple[records.ReferenceRowPublished, ...]:
        """Return the rows of a published table in order of their keys."""
        found = self._session.execute(self._reference_rows, (reference_table,))
        return tuple(codec.decode(published) for (published,) in found)


_STANDINGS: Final = ("CONFIRMED", "PENDING", "CONTESTED", "ENDED")


def _standing(state: records.FamilyState | None, reference: str) -> int:
    """Return the rank of a reference in a family: a card's family, whose members don't name it, ranks first."""
    if state is None:
        return len(_STANDINGS)
    return next((_STANDINGS.index(m.standing) for m in state.members if m.person_ref == reference), 0)


def _lies_in(code: str, region: str) -> bool:
    return not region or code == region or code.startswith(f"{region}.")


def _months_back(now: datetime) -> Iterator[str]:
    latest = now.year * _MONTHS_A_YEAR + now.month - 1
    for month in range(latest, latest - _MONTHS_KEPT, -1):
        yield f"{month // _MONTHS_A_YEAR:04d}-{month % _MONTHS_A_YEAR + 1:02d}"
