"""One row of a member: what its cells say together, beyond each cell's own kind. Must not know other rows."""

from collections.abc import Iterator
from typing import Final

from producers import places
from producers.messages import Fault
from producers.sik_ng import columns
from producers.tables import Broken, Row
from schemas.regions import Region

_FIRST_BIRTH: Final = 1900  # V3


def judged(row: Row | Broken) -> Row | Broken:
    """Return the row with what its birth and its place break or warn of; its faults come after those of its cells."""
    faults = tuple(_faults(row))
    match row:
        case Broken():
            return Broken(row.number, (*row.faults, *faults), row.values)
        case Row() if faults:
            return Broken(row.number, faults, row.values)
        case Row():
            flags = places.names_beside(region_of(row), row[columns.DISTRICT_NAME], row[columns.PROVINCE_NAME])
            return Row(row.number, row.values, flags)


def region_of(row: Row) -> Region:
    """Return the desa of a row whose place was judged right."""
    return places.region(row[columns.SYSTEM], row[columns.REGION])


def _faults(row: Row | Broken) -> Iterator[Fault]:
    born, surveyed = row[columns.BORN], row[columns.SURVEYED]
    if born and (born.year < _FIRST_BIRTH or (surveyed and born > surveyed)):
        yield Fault("V3", columns.BORN)
    system, code = row[columns.SYSTEM], row[columns.REGION]
    if system and code and isinstance(found := places.desa(system, code, columns.REGION), Fault):
        yield found
