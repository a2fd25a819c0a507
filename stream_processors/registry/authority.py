"""Who may say what about whom: the agency stamped by the producer against the record, and its area against the state.

Source: domain guide 3 (actors, rights); the actors of the machines' rows (machines/*.toml). Knows no state.
"""

from functools import lru_cache

from schemas import regions
from schemas.records import Region
from stream_processors.registry.decision import Change, Refused, record_name
from stream_processors.registry.machines.table import may_say

# What no machine's row tells; and records that a machine knows, and that are said whether it awaits them or not.
_OTHERS: dict[str, frozenset[str]] = {
    "CivilRegistryMatched": frozenset({"dukcapil", "dinsos"}),  # dinsos judges a name in doubt, and no more
    "GroundCheckRecorded": frozenset({"pendamping"}),
    "FamilyRanked": frozenset({"bps"}),
    "DeadlineReached": frozenset({"registry"}),
    "ReevaluationRequested": frozenset({"registry"}),
    "PersonErased": frozenset({"dinsos", "kemensos"}),
    "PersonConditionRecorded": frozenset({"dinsos", "kemensos", "pendamping"}),
    "AidReceived": frozenset({"dinsos", "kemensos"}),  # a city gives its own aid (seed 002), the ministry the rest
}
MAY_SAY: dict[str, frozenset[str]] = {**may_say(), **_OTHERS}
NATIONAL = frozenset({"kemensos", "bps", "dukcapil", "registry"})
_LEVELS = {"desa": regions.Level.DESA} | dict.fromkeys(("dinsos", "pendamping", "bupati"), regions.Level.KABKOTA)


def kind_and_area(agency: str) -> tuple[str, str]:
    """Return the kind of an agency and the code of its area, empty for a national one."""
    kind, _, area = agency.partition("/")
    return kind, area


def refusal(change: Change, region: Region | None) -> Refused | None:
    """Return why this agency may not say this about a family living there, None when it may."""
    name, agency = record_name(change.record), change.prefix.agency
    if region is None:
        return _refusal(name, agency, None)
    return _refusal(name, agency, (region.system, region.edition, region.code))


@lru_cache(maxsize=65_536)
def _refusal(name: str, agency: str, place: tuple[str, str, str] | None) -> Refused | None:
    kind, area = kind_and_area(agency)
    if name not in MAY_SAY:
        return Refused("RECORD_NOT_DECIDED", "", f"the rules don't cover {name} yet")
    if kind not in MAY_SAY[name]:
        return Refused("AGENCY_MAY_NOT", "/header/agency", f"{kind} may not say {name}")
    if kind in NATIONAL:
        return None
    if place is None or not _fits(kind, area, place[1]) or not inside(area, *place):
        return Refused("OUTSIDE_AREA", "/header/agency", f"the family doesn't live in the area of this {kind}")
    return None


def _fits(kind: str, area: str, edition: str) -> bool:
    """Tell whether an area is of its kind's level: a village's channel never speaks for a district."""
    return regions.level_of(regions.Region("KEMENDAGRI", edition, area)) is _LEVELS[kind]


@lru_cache(maxsize=65_536)
def inside(area: str, system: str, edition: str, code: str) -> bool:
    """Tell whether a region lies in an agency's area; areas are Kemendagri codes of the same edition."""
    if system != "KEMENDAGRI" or not area:
        return False
    return regions.within(regions.Region("KEMENDAGRI", edition, code), regions.Region("KEMENDAGRI", edition, area))


@lru_cache(maxsize=65_536)
def region_exists(system: str, edition: str, code: str) -> bool:
    """Tell whether the code exists in its own code system and edition."""
    match system:
        case "KEMENDAGRI" | "BPS":
            return regions.exists(regions.Region(system, edition, code))
        case _:
            return False


@lru_cache(maxsize=65_536)
def is_desa(system: str, edition: str, code: str) -> bool:
    """Tell whether the code is of the lowest level: a desa or kelurahan."""
    match system:
        case "KEMENDAGRI" | "BPS":
            return regions.level_of(regions.Region(system, edition, code)) is regions.Level.DESA
        case _:
            return False
