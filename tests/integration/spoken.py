"""What is said to the running system beside the simulation, and looks through the one door at what was said.

Two producers speak at once, repeat each other, and say what they may not: one group of families for each case.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from consumers.gateway.request import Caller, FamilyAsked, FamilyDisclosed, Purpose
from identity import references
from identity.references import family_id_for
from producers.draft import Channel, Draft
from producers.simulation.people import card_number
from schemas import regions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jejak.composition import Registry

VILLAGE: Final = "35.71.01.1001"
DESA, DINSOS = f"desa/{VILLAGE}", "dinsos/35.71"
FAMILIES: Final = 12  # of each case: they spread over the partitions
BEGAN: Final = 1_740_000_000_000_000  # 2025-02-19
HOUR: Final = 3_600_000_000
CASES: Final = ("registered by two at once", "moved by two at once", "said twice", "refused")
OTHER_SYSTEM: Final = (("KEMENDAGRI", "1210"), ("KEMENDAGRI", "3571010001"), ("BPS", VILLAGE))


def card(case: str, number: int) -> str:
    """Return the KK number of a family of a case; no other has it."""
    return card_number(VILLAGE, CASES.index(case) * FAMILIES + number, 21)


def _region(system: str, code: str) -> dict[str, str]:
    return {"system": system, "edition": regions.KEMENDAGRI_EDITION, "code": code}


def _registered(agency: str, case: str, number: int) -> Draft:
    kk = card(case, number)
    address = f"Gang Uji {CASES.index(case)} No. {number}, RT 99"
    body = {"region": _region("KEMENDAGRI", VILLAGE), "card_number": kk, "address_line": address, "telephone": None}
    return Draft(Channel(agency, "petugas", "BA-UJI"), "FamilyRegistered", BEGAN, kk, body)


def _moved(agency: str, case: str, number: int, at: int, place: tuple[str, str] = ("KEMENDAGRI", VILLAGE)) -> Draft:
    body = {"region": _region(*place), "address_line": f"Lorong Uji oleh {agency} No. {number}"}
    return Draft(Channel(agency, "petugas", "BA-UJI"), "FamilyMoved", at, card(case, number), body, key=f"{place}")


def _ranked(number: int) -> Draft:
    body = {"run_id": "UJI", "decile": 1, "percentile": 0, "basis": "FAMILIES", "scope": "NATIONAL"}
    body |= {"model_version": "uji", "dpia_id": "uji"}
    return Draft(Channel(DESA, "petugas", "BA-UJI"), "FamilyRanked", BEGAN + HOUR, card("refused", number), body)


def first_speaker() -> list[Draft]:
    """Return what the village says."""
    said = [_registered(DESA, case, number) for case in CASES for number in range(FAMILIES)]
    said += [_moved(DESA, "moved by two at once", number, BEGAN + 2 * HOUR) for number in range(FAMILIES)]
    said += [_moved(DESA, "said twice", number, BEGAN + HOUR) for number in range(FAMILIES)]
    said += [_ranked(number) for number in range(FAMILIES)]
    for place in OTHER_SYSTEM:
        said += [_moved(DESA, "refused", number, BEGAN + HOUR, place) for number in range(FAMILIES)]
    return said


def second_speaker() -> list[Draft]:
    """Return what the district's social office says at the same time, and the village's own words sent again."""
    said = [_registered(DINSOS, "registered by two at once", number) for number in range(FAMILIES)]
    said += [_registered(DESA, case, number) for case in CASES[1:3] for number in range(FAMILIES)]
    said += [_moved(DINSOS, "moved by two at once", number, BEGAN + HOUR) for number in range(FAMILIES)]
    said += [_moved(DESA, "said twice", number, BEGAN + HOUR) for number in range(FAMILIES)]
    return said


def drafts() -> list[Draft]:
    """Return everything both say."""
    return [*first_speaker(), *second_speaker()]


def say_at_once(registry: Registry) -> None:
    """Have both published by producers of their own, beginning at the same moment; return when all is acknowledged."""
    begin = threading.Barrier(2)
    faults: list[BaseException] = []

    def speak(name: str, said: Sequence[Draft]) -> None:
        intake, publisher = registry.intake(), registry.publisher(5)
        begin.wait()
        try:
            publisher.publish(("uji", name), said, intake.take)
        except BaseException as fault:  # noqa: BLE001  told to the thread that waits
            faults.append(fault)

    speakers = [
        threading.Thread(target=speak, args=("first", first_speaker())),
        threading.Thread(target=speak, args=("second", second_speaker())),
    ]
    for speaker in speakers:
        speaker.start()
    for speaker in speakers:
        speaker.join()
    if faults:
        raise faults[0]


@dataclass(frozen=True, slots=True)
class Opened:
    """What the door showed of a family in clear, and what had been said of it; neither is printed."""

    family_id: str
    nik: str = field(repr=False)
    shown: Any = field(repr=False)
    said: Any = field(repr=False)


_PURPOSES: Final = {
    "PEMADANAN_KEPENDUDUKAN": ("address_line", "card_number.clear", "member.name", "member.birth_day"),
    "VERIFIKASI_VALIDASI": ("telephone.clear",),
}


def opened(registry: Registry, said: Iterable[Draft], families: int = 12) -> list[Opened]:
    """Look at families that never moved and whose persons were claimed once, and set beside it what was said."""
    key = registry.settings.reference_key()
    found = []
    with registry.door() as door:
        for kk, drafts_of_family in list(_settled(said).items())[:families]:
            family_id = family_id_for(references.kk_ref(key, kk))
            shown: dict[str, Any] = {}
            for purpose, fields in _PURPOSES.items():
                wanted = (*fields, "member.national_id.clear") if purpose.startswith("PEMADANAN") else fields
                answer = door.look_family(_caller(), Purpose(purpose, "uji"), FamilyAsked(family_id), wanted)
                shown |= answer.fields if isinstance(answer, FamilyDisclosed) else {"withheld": answer.code}
            found.append(Opened(family_id, drafts_of_family[1].body["person_ref"], shown, _plain(drafts_of_family)))
    return found


def _caller() -> Caller:
    return Caller("kemensos", "uji", "petugas", "verifier", "HIGH", "CLI", "uji-1")


def _settled(said: Iterable[Draft]) -> dict[str, list[Draft]]:
    """Return, by card, the one registration and the claims of families to which nothing else sealed happened."""
    families: dict[str, list[Draft]] = {}
    moved: set[str] = set()
    for draft in said:
        match draft.record:
            case "FamilyRegistered" | "MembershipClaimed":
                families.setdefault(draft.card, []).append(draft)
            case "FamilyMoved" | "MembershipEnded":
                moved.add(draft.card)
            case _:
                pass
    return {kk: of for kk, of in families.items() if kk not in moved and _told_once(of)}


def _told_once(of_family: Sequence[Draft]) -> bool:
    persons = [draft.body["person_ref"] for draft in of_family[1:] if draft.record == "MembershipClaimed"]
    sound = all(len(person) == 16 for person in persons) and len(set(persons)) == len(persons) == len(of_family) - 1  # noqa: PLR2004, RUF100
    return sound and bool(persons) and of_family[0].body.get("telephone") is not None


def _plain(of_family: Sequence[Draft]) -> dict[str, Any]:
    registration, claims = of_family[0].body, [draft.body for draft in of_family[1:]]
    persons = {claim["person_ref"]: (claim["name"], claim["birth_day"]) for claim in claims}
    told = {name: registration[name] for name in ("address_line", "card_number", "telephone")}
    return {**told, "members": persons}
