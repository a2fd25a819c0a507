"""What an answer of the civil registry comes to: the padan steps in their order, and the changes they are.

Compares the answer with what was asked, where both are still plain text: before sealing. A NIK's digits are never held
against an address (domain guide 6), and a doubtful name is decided by nobody here: it waits for a person. Must not know
files or keys.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from producers.draft import Channel, Draft, Noted, RowRefused
from producers.names import NameRules

MATCHED, CHANGED, DECEASED, DUPLICATE, NOT_FOUND, UNDECIDED = (
    "matched",
    "changed",
    "deceased",
    "duplicate",
    "not found",
    "undecided",
)
IN_DOUBT: Final = "NAMA_MERAGUKAN"
STEP: Final[Mapping[str, str]] = {
    "PADAN": MATCHED,
    "NAMA_BEDA": CHANGED,
    "TGL_LAHIR_BEDA": CHANGED,
    "KK_TIDAK_VALID": CHANGED,
    "KK_SENDIRIAN": CHANGED,
    "PINDAH": CHANGED,
    "BELUM_REKAM_KTPEL": CHANGED,
    "MENINGGAL": DECEASED,
    "NIK_GANDA": DUPLICATE,
    "NIK_TIDAK_DITEMUKAN": NOT_FOUND,
    "NIK_KOSONG": NOT_FOUND,
    IN_DOUBT: UNDECIDED,
}
# What a comparison may change: only these words of the civil registry are about the fields that are compared.
_COMPARED: Final = frozenset({"PADAN", "NAMA_BEDA"})

Day = tuple[int, int, int]
"""Year, month and day."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was sent to the civil registry about one person."""

    card: str = field(repr=False)
    name: str = field(repr=False)
    born: Day | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """One row of the answer; `name` and `born` are the civil registry's own, None where it prints none."""

    nik: str = field(repr=False)
    card: str = field(repr=False)
    status: str
    batch: str
    at: int
    name: str | None = field(default=None, repr=False)
    born: Day | None = field(default=None, repr=False)
    row: int = 0


class Verdict(NamedTuple):
    """What an answer comes to: a padan status, and how alike the names are (0 to 100; None where none is compared)."""

    status: str
    likeness: int | None = None


def verdict(answered: Answered, asked: Asked | None, names: NameRules) -> Verdict:
    """Return the status of one answer by the first step that applies.

    Not found, duplicate and deceased are taken as printed. A name is compared where both sides have one, then the day
    of birth, then the card: another card than the one asked about is a person who moved (PINDAH), never a wrong NIK.
    """
    if asked is None or answered.status not in _COMPARED:
        return Verdict(answered.status)
    likeness = None
    if answered.name and asked.name:
        judged, likeness = names.judged(asked.name, answered.name)
        if judged != "same":
            return Verdict("NAMA_BEDA" if judged == "different" else IN_DOUBT, likeness)
    elif answered.status != "PADAN":
        return Verdict(answered.status)
    if answered.born is not None and asked.born is not None and answered.born != asked.born:
        return Verdict("TGL_LAHIR_BEDA", likeness)
    if answered.card and asked.card and answered.card != asked.card:
        return Verdict("PINDAH", likeness)
    return Verdict("PADAN", likeness)


def said(answered: Answered, asked: Asked | None, channel: Channel, names: NameRules) -> Iterator[Draft]:
    """Yield the changes of one answer: the match, and of a person who died the end of the membership (4.D).

    They are said of the family that was asked about. A name in doubt goes along, sealed, for whom it is to judge.
    """
    found = verdict(answered, asked, names)
    card = asked.card if asked is not None else answered.card
    body = {
        "person_ref": answered.nik,
        "status": found.status,
        "batch": answered.batch,
        "name_likeness": found.likeness,
        "registry_name": answered.name if found.status == IN_DOUBT else None,
    }
    yield Draft(channel, "CivilRegistryMatched", answered.at, card, body, row=answered.row)
    if found.status == "MENINGGAL":
        end = {"person_ref": answered.nik, "reason": "MENINGGAL", "evidence": answered.batch}
        yield Draft(channel, "MembershipEnded", answered.at, card, end, row=answered.row)


def asked_of(items: Iterable[object]) -> dict[str, Asked]:
    """Return what was asked by NIK, from the drafts of the file that was sent for matching; rows refused ask nothing.

    Holds one entry a person in memory, about 300 bytes.
    """
    found: dict[str, Asked] = {}
    for item in items:
        if isinstance(item, RowRefused | Noted) or not isinstance(item, Draft) or item.record != "MembershipClaimed":
            continue
        body = item.body
        born = (body["birth_year"], body["birth_month"], int(body["birth_day"]))
        found[body["national_id"]] = Asked(item.card, body["name"], born)
    return found
