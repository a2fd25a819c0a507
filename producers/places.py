"""Printed places of a file against the register of codes; nothing is repaired, nor translated by its digits."""

from functools import lru_cache

from producers.messages import Fault
from schemas import regions


@lru_cache(maxsize=65_536)
def desa(system: str, code: str, column: str) -> regions.Region | Fault:
    """Return the desa or kelurahan with this code, or the rule that the code breaks."""
    place = region(system, code)
    finding = regions.check(place, None)
    if finding is not None:
        return Fault(finding.code, column)
    return place if regions.level_of(place) is regions.Level.DESA else Fault("WILAYAH_BUKAN_DESA", column)


def region(system: str, code: str) -> regions.Region:
    """Return a code of a system, in its current edition, as a region; whether there is one is not looked at."""
    return regions.kemendagri(code) if system == "KEMENDAGRI" else regions.bps(code)


@lru_cache(maxsize=65_536)
def names_beside(region: regions.Region, district: str | None, province: str | None) -> tuple[str, ...]:
    """Return WILAYAH_NAMA_KODE_BEDA where a printed name, at either level, isn't that of the code."""
    levels = ((regions.kabkota_of(region), district), (regions.province_of(region), province))
    found = [regions.check(above, printed) for above, printed in levels if above is not None and printed]
    return tuple(dict.fromkeys(one.code for one in found if one is not None))
