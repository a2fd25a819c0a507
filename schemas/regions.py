"""The register of region codes: which codes exist, what they name, which lies in which.

A code means nothing without its code system and edition (the same digits can name two places), so the three always
travel together. A code is never repaired from a name, nor translated between systems by its digits. The lists come with
the package and are read once; must not know agencies, families or what a caller does with a finding.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal

from schemas import region_names

CodeSystem = Literal["KEMENDAGRI", "BPS"]
Severity = Literal["reject", "flag"]
FindingCode = Literal["WILAYAH_TIDAK_ADA", "WILAYAH_NAMA_KODE_BEDA"]

KEMENDAGRI_EDITION: Final = "300.2.2-2430/2025"
BPS_EDITION: Final = "2020"

_FILES: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("KEMENDAGRI", KEMENDAGRI_EDITION): "kemendagri_300.2.2-2430_2025.csv",
        ("BPS", BPS_EDITION): "bps_2020.csv",
    }
)
_PARTIAL: Final = frozenset({("BPS", BPS_EDITION)})

# Kemendagri PP.KK.CC.DDDD, desa-level first digit 1 kelurahan, 2 desa, 3 desa adat; BPS 2 + 2 + 3 + 3 digits.
_FORMS: Final[Mapping[CodeSystem, re.Pattern[str]]] = MappingProxyType(
    {
        "KEMENDAGRI": re.compile(r"([0-9]{2})(?:\.([0-9]{2})(?:\.((?!00)[0-9]{2})(?:\.([123][0-9]{3}))?)?)?"),
        "BPS": re.compile(r"([0-9]{2})(?:([0-9]{2})(?:((?!000)[0-9]{3})(?:((?!000)[0-9]{3}))?)?)?"),
    }
)
_FIRST_KOTA: Final = "71"  # kabupaten 01-69, kota 71-99, in both systems
_CACHED: Final = 131_072  # every kecamatan and desa of the nation fits


class Level(IntEnum):
    """The four levels of a region code; its number is how many parts the code has."""

    PROVINSI = 1
    KABKOTA = 2
    KECAMATAN = 3
    DESA = 4


@dataclass(frozen=True, slots=True)
class Region:
    """A region code as one system prints it in one edition; holding one says nothing about its existence."""

    system: CodeSystem
    edition: str
    code: str


@dataclass(frozen=True, slots=True)
class RegionFinding:
    """What is wrong with a region as printed; the printed values are kept, nothing is repaired.

    `looks_like` is the region of the other code system that the same digits, and the printed name if any, fit.
    """

    code: FindingCode
    severity: Severity
    region: Region
    printed_name: str | None
    registered_name: str | None
    looks_like: Region | None
    message: str


def kemendagri(code: str) -> Region:
    """Return a code of the current Kemendagri edition as a region."""
    return Region("KEMENDAGRI", KEMENDAGRI_EDITION, code)


def bps(code: str) -> Region:
    """Return a code of the BPS edition known here as a region."""
    return Region("BPS", BPS_EDITION, code)


def level_of(region: Region) -> Level | None:
    """Return the level of a code that has its system's form, else None."""
    parts = _parts(region)
    return Level(len(parts)) if parts else None


@lru_cache(maxsize=_CACHED)
def exists(region: Region) -> bool:
    """Tell whether the code exists in its system and edition.

    Provinces and kabupaten/kota are looked up. Below, where the lists stop, a code of the right form exists when its
    kabupaten/kota does. A province with a listed kabupaten/kota exists though its own name may be unknown.
    """
    parts = _parts(region)
    return bool(parts) and _joined(region.system, parts[: Level.KABKOTA]) in _codes(region.system, region.edition)


def is_complete(system: CodeSystem, edition: str) -> bool:
    """Tell whether every kabupaten/kota of the edition is listed; when not, a missing code may exist elsewhere."""
    return (system, edition) in _FILES and (system, edition) not in _PARTIAL


def name_of(region: Region) -> str | None:
    """Return the listed name of a province or kabupaten/kota, None when no list here names the code."""
    return _names(region.system, region.edition).get(region.code)


def listed(system: CodeSystem, edition: str, level: Level) -> tuple[Region, ...]:
    """Return the listed regions of a level, in order of their codes; empty for an edition not known here."""
    regions = (Region(system, edition, code) for code in _names(system, edition))
    return tuple(region for region in regions if level_of(region) is level)


def named(printed_name: str, level: Level, system: CodeSystem, edition: str) -> tuple[Region, ...]:
    """Return every listed region of the level that the printed name fits; two when it leaves kabupaten or kota open."""
    return tuple(r for r in listed(system, edition, level) if _fits(printed_name, r))


def parent(region: Region, level: Level) -> Region | None:
    """Return the region of that level that holds this one or is it, None above its level or for no existing region."""
    parts = _parts(region)
    if not exists(region) or len(parts) < level:
        return None
    return Region(region.system, region.edition, _joined(region.system, parts[:level]))


def province_of(region: Region) -> Region | None:
    """Return the province of an existing region."""
    return parent(region, Level.PROVINSI)


def kabkota_of(region: Region) -> Region | None:
    """Return the kabupaten or kota of an existing region, None for a province."""
    return parent(region, Level.KABKOTA)


@lru_cache(maxsize=_CACHED)
def within(region: Region, ancestor: Region) -> bool:
    """Tell whether an existing region is the ancestor or lies in it; never true across systems or editions."""
    level = level_of(ancestor)
    return level is not None and parent(region, level) == ancestor


def check(region: Region, printed_name: str | None) -> RegionFinding | None:
    """Return what is wrong with a code and the name printed beside it, None when nothing is.

    A code that does not exist in its system and edition is to be rejected (WILAYAH_TIDAK_ADA). A name that is not the
    code's is flagged (WILAYAH_NAMA_KODE_BEDA, edit rule 5.3 of the domain guide), and so is a bare name beside a kota's
    code when a kabupaten bears it too: forms print KOTA for a kota.
    """
    printed = printed_name if printed_name and region_names.stem(printed_name) else None
    if not exists(region):
        return _missing(region, printed)
    if printed is None or name_of(region) is None:
        return None
    if not _fits(printed, region):
        return _differs(region, printed)
    return _bare_name_of_kota(region, printed)


def _missing(region: Region, printed: str | None) -> RegionFinding:
    if (region.system, region.edition) not in _FILES:
        reason = "no list of this code system and edition is known"
    elif not _parts(region):
        reason = "the code has not the form of its code system"
    elif is_complete(region.system, region.edition):
        reason = "the code does not exist in its code system and edition"
    else:
        reason = "the code is not among those known of this code system and edition, whose list is partial"
    twin = _same_digits(region, printed)
    message = reason + _looks_like_text(twin)
    return RegionFinding("WILAYAH_TIDAK_ADA", "reject", region, printed, None, twin, message)


def _differs(region: Region, printed: str) -> RegionFinding:
    name, twin = name_of(region), _same_digits(region, printed)
    message = f"the code names {name}, the printed name is another" + _looks_like_text(twin)
    return RegionFinding("WILAYAH_NAMA_KODE_BEDA", "flag", region, printed, name, twin, message)


def _bare_name_of_kota(region: Region, printed: str) -> RegionFinding | None:
    name = name_of(region)
    if name is None or _kind(region) != "KOTA" or region_names.states_kind(printed, name):
        return None
    if region_names.stem(name) not in _names_of_two_kinds():
        return None
    message = f"the code names {name}, the printed name does not say kota and a kabupaten bears it too"
    return RegionFinding("WILAYAH_NAMA_KODE_BEDA", "flag", region, printed, name, None, message)


def _looks_like_text(twin: Region | None) -> str:
    return "" if twin is None else f"; the code looks like {twin.system} {twin.code} {name_of(twin) or ''}".rstrip()


def _same_digits(region: Region, printed: str | None) -> Region | None:
    digits = region.code.replace(".", "")
    twin = bps(digits) if region.system == "KEMENDAGRI" else kemendagri(_dotted(digits))
    fits = exists(twin) and (printed is None or name_of(twin) is None or _fits(printed, twin))
    return twin if fits else None


def _dotted(digits: str) -> str:
    return ".".join(part for part in (digits[:2], digits[2:4], digits[4:6], digits[6:]) if part)


def _fits(printed: str, region: Region) -> bool:
    name = name_of(region)
    return name is not None and region_names.matches(printed, name, _kind(region))


def _kind(region: Region) -> region_names.Kind:
    parts = _parts(region)
    if len(parts) == Level.PROVINSI:
        return "PROVINSI"
    return "KOTA" if parts[1] >= _FIRST_KOTA else "KABUPATEN"


@lru_cache(maxsize=_CACHED)
def _parts(region: Region) -> tuple[str, ...]:
    form = _FORMS.get(region.system)
    found = form.fullmatch(region.code) if form else None
    return tuple(part for part in found.groups() if part is not None) if found else ()


def _joined(system: CodeSystem, parts: tuple[str, ...]) -> str:
    return ("." if system == "KEMENDAGRI" else "").join(parts)


@cache
def _names(system: str, edition: str) -> Mapping[str, str]:
    name = _FILES.get((system, edition))
    if name is None:
        return MappingProxyType({})
    text = files("schemas").joinpath("regions", name).read_text(encoding="utf-8")
    return MappingProxyType({row["code"]: row["name"] for row in csv.DictReader(text.splitlines())})


@cache
def _codes(system: CodeSystem, edition: str) -> frozenset[str]:
    codes = frozenset(_names(system, edition))
    return codes | {code[:2] for code in codes}


@cache
def _names_of_two_kinds() -> frozenset[str]:
    kabkota = listed("KEMENDAGRI", KEMENDAGRI_EDITION, Level.KABKOTA)
    kota = {region_names.stem(name_of(r) or "") for r in kabkota if _kind(r) == "KOTA"}
    kabupaten = {region_names.stem(name_of(r) or "") for r in kabkota if _kind(r) == "KABUPATEN"}
    return frozenset(kota & kabupaten)
