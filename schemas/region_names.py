"""Comparison of printed region names with registered ones.

Names are normalised for the comparison only: what was printed is stored as it was printed. Must not know codes,
editions or what follows from a difference.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["PROVINSI", "KABUPATEN", "KOTA"]

# Official names print these words whole or short, and either with its letters set apart: both are compared short.
_SHORT_FORMS = (("DAERAHKHUSUSIBUKOTA", "DKI"), ("DAERAHISTIMEWA", "DI"), ("KEPULAUAN", "KEP"), ("ADMINISTRASI", "ADM"))
_NOT_A_LETTER = re.compile(r"[^A-Z0-9]+")
_KIND_PREFIX = re.compile(r"(PROVINSI|PROV|KABUPATEN|KAB|KOTA)(?:ADM)?(.+)")


@dataclass(frozen=True, slots=True)
class NameReading:
    """One way to read a printed name: its stem, and the kind of region when the name says so."""

    stem: str
    kind: Kind | None


@lru_cache(maxsize=8192)
def readings(printed: str) -> tuple[NameReading, ...]:
    """Return the ways to read a name, without case, spaces and punctuation.

    There are two when it begins like a kind: KOTA BARU is the kota Baru, or the name Kotabaru without its kind.
    """
    compact = _NOT_A_LETTER.sub("", printed.upper())
    for whole, short in _SHORT_FORMS:
        compact = compact.replace(whole, short)
    whole_name = NameReading(compact, None)
    match _KIND_PREFIX.fullmatch(compact):
        case None:
            return (whole_name,)
        case found:
            return (NameReading(found[2], _kind(found[1])), whole_name)


def matches(printed: str, registered: str, kind: Kind) -> bool:
    """Tell whether a printed name is the registered one; a kind that the printed name states must be the region's."""
    stems = {reading.stem for reading in readings(registered)}
    return any(reading.stem in stems and reading.kind in (None, kind) for reading in readings(printed))


def stem(registered: str) -> str:
    """Return a registered name without its kind, for looking up regions that share a name."""
    return readings(registered)[0].stem


def states_kind(printed: str, registered: str) -> bool:
    """Tell whether the printed name matches the registered one by a reading that names the kind of region."""
    stems = {reading.stem for reading in readings(registered)}
    return any(reading.kind is not None and reading.stem in stems for reading in readings(printed))


def _kind(prefix: str) -> Kind:
    match prefix:
        case "PROVINSI" | "PROV":
            return "PROVINSI"
        case "KOTA":
            return "KOTA"
        case _:
            return "KABUPATEN"
