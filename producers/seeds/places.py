"""Checks of the regions that a printed table names.

A name without a code is looked up and must fit exactly one listed region; a name with a code goes to the register's own
check. Must not know any document.
"""

from collections.abc import Iterator

from producers.seeds.tables import Finding, ReferenceTable
from schemas import regions
from schemas.regions import KEMENDAGRI_EDITION, Level, Region

_NATION = frozenset({"nasional"})


def region_named(printed: str, level: Level, province: Region | None = None) -> Region | None:
    """Return the one Kemendagri region, of a province when given, that a printed name fits; None for none or two."""
    found = regions.named(printed, level, "KEMENDAGRI", KEMENDAGRI_EDITION)
    inside = [region for region in found if province is None or regions.within(region, province)]
    return inside[0] if len(inside) == 1 else None


def unknown_names(table: ReferenceTable, column: str, level: Level, province: str | None = None) -> Iterator[Finding]:
    """Yield a flag for each name in a column that does not fit exactly one listed region of the level."""
    for row in table.rows:
        name = row.text(column)
        above = region_named(row.text(province), Level.PROVINSI) if province else None
        if name and name not in _NATION and region_named(name, level, above) is None:
            message = f"the name fits no {level.name.lower()}, or more than one, of the Kemendagri list"
            yield table.finding("WILAYAH_NAMA_TIDAK_DIKENAL", "flag", message, row=row.key, column=column)


def code_against_name(table: ReferenceTable, region: Region, printed: str | None, row: str) -> Iterator[Finding]:
    """Yield the register's finding about a code and the name printed with it, when there is one."""
    found = regions.check(region, printed)
    if found is not None:
        yield table.finding(found.code, found.severity, found.message, row=row)
