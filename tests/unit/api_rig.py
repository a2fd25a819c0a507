"""The API over tables in memory, a door that lets pass what it is told to, and tokens that say who calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi.testclient import TestClient

from consumers.api.app import application
from consumers.api.cursors import Cursors
from consumers.api.service import Service
from consumers.gateway.request import AuditDisclosed, AuditFound, Caller, FamilyDisclosed, Withheld
from consumers.gateway.trail import Trails
from consumers.read_model.rows import day_of
from identity.audit_reference import EpochKey
from tests.unit.audit_rig import AGENCY, NOW, Database

if TYPE_CHECKING:
    from collections.abc import Callable

NIK = "3571024101800001"
PERSON, FAMILY = "p" * 26, "f" * 26
KEY = EpochKey(2025, bytes(range(32)))
ME = KEY.subject_ref(PERSON)
CITIZEN, OFFICER = "citizen-token", "officer-token"
MEDIATOR = {"Information-Mediator-Client": "ID/GOV/kemensos/portal"}
WHY = {"Jejak-Purpose": "PENGAWASAN_INTERNAL"}


@dataclass(frozen=True)
class Refusal:
    code: str


class Door:
    """Lets pass, unless it has a code to refuse with or a fault to end in."""

    def __init__(self) -> None:
        self.refuses = ""
        self.fault: Exception | None = None
        self.callers: list[Caller] = []
        self.asked: list[Any] = []

    def audit_read(
        self, caller: Caller, purpose: Any, about: Any, read: Callable[[], AuditFound]
    ) -> AuditDisclosed | Withheld:
        self.callers.append(caller)
        self.asked.append((purpose, about))
        if self.fault:
            raise self.fault
        if self.refuses:
            return Withheld(self.refuses)
        return AuditDisclosed(read(), ())

    def look_family(self, caller: Caller, purpose: Any, asked: Any, fields: Any) -> FamilyDisclosed | Withheld:
        return FamilyDisclosed(FAMILY, 5, NOW, {"decile": 3}, ())


class Homes:
    def family_of(self, reference: str) -> str | None:
        return FAMILY if reference == PERSON else None

    def cards_of(self, family_id: str) -> tuple[str, ...]:
        return ()


class Log:
    def receipt(self, partition: int, offset: int) -> str | None:
        return f"proof of {partition}/{offset}" if offset < 100 else None


def authenticate(token: str, certificate: bytes | None) -> Caller | Refusal:
    match token:
        case "citizen-token":
            return Caller("warga", "portal", "self", "warga", "HIGH", "", "", person_ref=PERSON)
        case "officer-token":
            return Caller(AGENCY, "sik-ng", "officer-7", "supervisor", "HIGH", "", "")
        case "away":
            return Refusal("ISSUER_UNAVAILABLE")
        case _:
            return Refusal("TOKEN_EXPIRED")


def person_ref(nik: str) -> str:
    return PERSON if nik == NIK else "q" * 26


class Api:
    def __init__(self, tables: Database | None = None) -> None:
        self.door = Door()
        trails = Trails(self.door, tables or Database(), Homes(), lambda: [KEY], Log(), lambda: NOW + 120_000_000)
        service = Service(authenticate, person_ref, trails, Cursors(bytes(32)), lambda: day_of(NOW))
        self.app = application(service)
        self._client = TestClient(self.app, raise_server_exceptions=False)

    def get(self, path: str, token: str = CITIZEN, headers: dict[str, str] | None = None, **query: Any) -> Any:
        known = {"Authorization": f"Bearer {token}"} if token else {}
        return self._client.get(path, params=query or None, headers={**known, **(headers or {})})
