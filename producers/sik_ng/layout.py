"""The one column layout that is read: its names, what each holds, and what a shift of columns looks like.

It resembles exports of SIK-NG and is our own; docs/sik-ng.md describes it. It must not know files.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

KK, NIK, NAME = "NOMOR_KK", "NIK", "NAMA"
RELATIONSHIP, SEX, BORN, MARITAL, PRESENCE = "HUBUNGAN", "JENIS_KELAMIN", "TANGGAL_LAHIR", "STATUS_KAWIN", "KEBERADAAN"
SYSTEM, REGION, DISTRICT_NAME = "SISTEM_KODE", "KODE_WILAYAH", "NAMA_KABKOTA"
ADDRESS, TELEPHONE, SURVEYED = "ALAMAT", "TELEPON", "TANGGAL_PENDATAAN"

COLUMNS: Final = (
    KK, NIK, NAME, RELATIONSHIP, SEX, BORN, MARITAL, PRESENCE, SYSTEM, REGION, DISTRICT_NAME, ADDRESS, TELEPHONE,
    SURVEYED,
)  # fmt: skip
MAY_BE_BLANK: Final = frozenset({TELEPHONE, DISTRICT_NAME})
# Regsosek 2022: 409, 405, 408, 404 (domain guide 5.2).
CODES: Final[Mapping[str, range]] = {
    RELATIONSHIP: range(1, 9),
    SEX: range(1, 3),
    MARITAL: range(1, 5),
    PRESENCE: range(1, 6),
}
DATES: Final = (BORN, SURVEYED)
SYSTEMS: Final = frozenset({"KEMENDAGRI", "BPS"})
SAME_IN_FAMILY: Final = (SYSTEM, REGION, DISTRICT_NAME, ADDRESS, TELEPHONE, SURVEYED)

_FORMS: Final[Mapping[str, re.Pattern[str]]] = {
    KK: re.compile(r"[0-9]{10,}"),
    NIK: re.compile(r"[0-9]{10,}"),
    NAME: re.compile(r"[^\W\d_].*[^\W\d_.,]+.*"),
    RELATIONSHIP: re.compile(r"[0-9]"),
    SEX: re.compile(r"[0-9]"),
    BORN: re.compile(r"[0-9]+[-/.][0-9]+[-/.][0-9]+"),
    MARITAL: re.compile(r"[0-9]"),
    PRESENCE: re.compile(r"[0-9]"),
    SYSTEM: re.compile(r"[A-Z]+"),
    REGION: re.compile(r"[0-9.]{10,13}"),
}
_SURE: Final = 5  # columns that must fit better shifted than as they stand


def looks_shifted(head: Sequence[str], cells: Sequence[str]) -> bool:
    """Tell whether the cells fit their columns better when moved by one place, to the left or to the right."""
    as_is = _fits(head, cells)
    return any(_fits(head, moved) >= as_is + _SURE for moved in (["", *cells[:-1]], [*cells[1:], ""]))


def _fits(head: Sequence[str], cells: Sequence[str]) -> int:
    pairs = zip(head, cells, strict=False)
    return sum(name in _FORMS and _FORMS[name].fullmatch(cell) is not None for name, cell in pairs)
