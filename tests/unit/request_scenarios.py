"""Changes of a request for by-name-by-address data, and the pure fold over them."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from schemas import codec, records, regions
from schemas.records import Region
from stream_processors.access_requests.request import handle
from stream_processors.access_requests.said import Handled, change_of

REQUEST = "r" * 26
DAY = 86_400_000_000
START = 1_760_000_000_000_000
REQUESTER, BAPPERIDA, DISKOMINFO, DINSOS = "dinkes/35.71", "bapperida/35.71", "diskominfo/35.71", "dinsos/35.71"
PLACE = Region(system="KEMENDAGRI", edition=regions.KEMENDAGRI_EDITION, code="35.71.02")


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


TERMS: dict[str, Any] = {
    "purposes": ("PENETAPAN_BANTUAN",),
    "fields": ("region", "member.name"),
    "regions": (PLACE,),
    "most_persons": 100,
    "valid_from": START,
    "valid_until": START + 200 * DAY,
}
PAPERS = {f"{name}_digest": digest(name) for name in ("letter", "terms", "integrity", "confidentiality")}


class Request:
    """One request and its history; `say` returns what a change did, some seconds after the one before."""

    def __init__(self) -> None:
        self.state: records.AccessRequestState | None = None
        self.events: list[Any] = []
        self.now = START
        self.said = 0

    def framed(self, agency: str, record: type[Any], /, **fields: Any) -> bytes:
        self.said += 1
        made = uuid.uuid5(uuid.NAMESPACE_OID, f"{self.said}").bytes
        header = records.Header(
            sequence=0,
            recorded_at=0,
            occurred_at=self.now,
            change_id=made,
            family_id=REQUEST,
            agency=agency,
            actor="officer",
            document="doc",
        )
        return codec.encode(record(header=header, **fields))

    def take(self, framed: bytes) -> Handled:
        self.now += 1_000_000
        handled = handle(change_of(framed, self.now), self.state)
        self.state = handled.state
        self.events += handled.events
        return handled

    def say(self, agency: str, record: type[Any], /, **fields: Any) -> Handled:
        return self.take(self.framed(agency, record, **fields))

    def rule(self, agency: str, record: type[Any], /, **fields: Any) -> str:
        refused = self.say(agency, record, **fields).refused
        return "" if refused is None else refused.rule

    @property
    def it(self) -> records.AccessRequestState:
        assert self.state is not None
        return self.state

    def draft(self, **others: Any) -> str:
        return self.rule(REQUESTER, records.AccessRequestDrafted, **{**PAPERS, **TERMS, **others})

    def review(self, step: str, agency: str, outcome: str = "FORWARD", note: str = "") -> str:
        return self.rule(agency, records.AccessRequestReviewed, step=step, outcome=outcome, note=note)

    def grant(self, **others: Any) -> str:
        return self.rule(DINSOS, records.AccessGranted, agency=REQUESTER, **{**TERMS, **others})

    def hand_over(self, **others: Any) -> str:
        said = {
            "file_digest": digest("file"),
            "manifest_digest": digest("manifest"),
            "recipient_mark": "m",
            "persons": 7,
            "expires_at": self.now + 90 * DAY,
            **others,
        }
        return self.rule("registry", records.DataHandedOver, **said)

    def report(self) -> str:
        return self.rule(REQUESTER, records.UsageReportFiled, records_used=5, report_digest=digest("report"))

    def accept(self, step: str, agency: str, outcome: str = "ACCEPT", note: str = "") -> str:
        return self.rule(agency, records.UsageReportReviewed, step=step, outcome=outcome, note=note)

    def reach(self, kind: str, due_at: int) -> str:
        self.now = max(self.now, due_at)
        subject = uuid.uuid5(uuid.NAMESPACE_OID, "report").bytes
        return self.rule("registry", records.DeadlineReached, kind=kind, subject_id=subject, due_at=due_at)

    def reviewed(self) -> Request:
        self.draft()
        self.say(REQUESTER, records.AccessRequestSubmitted)
        self.review("VERIFIKATOR", BAPPERIDA)
        self.review("EWALI", DISKOMINFO)
        return self

    def granted(self) -> Request:
        assert self.reviewed().grant() == ""
        return self

    def handed_over(self) -> Request:
        assert self.granted().hand_over() == ""
        return self
