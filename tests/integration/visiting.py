"""Two submissions of the ground-check form that field workers send: of a family that is registered, and of one not.

The first one's family is registered beside the simulation, with its head; the form tells of a child whom nobody knew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from identity import references
from identity.references import family_id_for
from jejak.settings import Settings
from producers.draft import Channel, Draft
from producers.ground_check import reader
from producers.simulation.people import card_number
from schemas import regions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jejak.composition import Registry

PENDAMPING: Final = "pendamping/35.71"
VERSION: Final = "REGSOSEK22-K-2025-07"
VILLAGE: Final = "35.71.01.1001"
CARD, NOWHERE = card_number(VILLAGE, 4_000, 22), card_number(VILLAGE, 4_001, 22)
HEAD, CHILD, STRANGER = "3571014403820092", "3571010105240093", "3571014403820094"
BEGAN: Final = 1_740_000_000_000_000  # 2025-02-19
INSTANCES: Final = ("7d0a5f2e-90c5-4b0e-9d6f-6e9a5a2f7f41", "7d0a5f2e-90c5-4b0e-9d6f-6e9a5a2f7f42")
_TOP: Final = {"questionnaire": VERSION, "visited_at": "2025-12-30T09:30:00+07:00", "result": "2"}
_HOUSE: Final = {"geotag": "-7.816 112.011", "floor": "2", "lighting": "1", "power_1": "2", "aid_pkh": "1"}
_HEAD: Final = {"national_id": HEAD, "presence": "1", "works": "1", "hours": "40", "pregnant": "1"}
_STRANGER: Final = {"national_id": STRANGER, "presence": "1", "works": "2"}
_CHILD: Final = {
    "national_id": CHILD,
    "name": "Bagas Purnomosidi",
    "presence": "5",
    "sex": "1",
    "birth_date": "2024-05-01",
    "marital_status": "1",
    "relationship": "3",
    "nutrition": "2",
}


def registration() -> list[Draft]:
    """Return what the village says of the family that is visited."""
    said = Channel(f"desa/{VILLAGE}", "petugas", "BA-KUNJUNGAN")
    place = {"system": "KEMENDAGRI", "edition": regions.KEMENDAGRI_EDITION, "code": VILLAGE}
    body = {"region": place, "card_number": CARD, "address_line": "Gang Kunjungan No. 7, RT 98", "telephone": None}
    claim: dict[str, Any] = {
        "person_ref": HEAD,
        "national_id": HEAD,
        "name": "Sulastri Kusumaningrum",
        "birth_day": "04",
    }
    claim |= {"birth_year": 1982, "birth_month": 3, "sex": 2, "relationship": 1, "marital_status": 2, "presence": 1}
    return [
        Draft(said, "FamilyRegistered", BEGAN, CARD, body),
        Draft(said, "MembershipClaimed", BEGAN, CARD, claim),
    ]


def write(folder: Path) -> Path:
    """Write both submissions into a folder, as ODK Collect names them; return it."""
    for instance, card, people in zip(INSTANCES, (CARD, NOWHERE), ((_HEAD, _CHILD), (_STRANGER,)), strict=True):
        within = folder / instance
        within.mkdir(parents=True)
        (within / "submission.xml").write_text(_xml(instance, {**_TOP, "card_number": card}, people), encoding="utf-8")
    return folder


def _xml(instance: str, top: Mapping[str, str], people: tuple[Mapping[str, str], ...]) -> str:
    month = {"aid_pkh_month": "2025-11-01"}
    inner = _leaves(top) + f"<family>{_leaves({**_HOUSE, **month})}</family>"
    inner += "".join(f"<members>{_leaves(one)}</members>" for one in people)
    meta = f"<meta><instanceID>uuid:{instance}</instanceID></meta>"
    return f'<data id="jejak_ground_check" version="{VERSION}">{inner}{meta}</data>'


def _leaves(answers: Mapping[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in answers.items())


def drafts(folder: Path) -> list[Draft]:
    """Return all that was said, in plain text, of the submissions that were written into this folder."""
    reading = reader.read(reader.files_of([folder]), Channel(PENDAMPING, "officer", "", reader.COLUMNS))
    return [*registration(), *(item for item in reading if isinstance(item, Draft))]


def family_id(data: Path, card: str) -> str:
    """Return the id that the family of a card has in the registry whose keys lie in this folder."""
    return family_id_for(references.kk_ref(Settings(data=data).reference_key(), card))


def register(registry: Registry) -> None:
    """Have the village's words published."""
    registry.publisher(5).publish(("kunjungan", "1"), registration(), registry.intake().take)
