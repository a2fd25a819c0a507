"""The change that says how an officer judged a name in doubt. It holds references, no name; it knows no key."""

import json
import uuid
from dataclasses import dataclass
from typing import Final, Literal

from producers.outgoing import Outgoing
from schemas import cloudevents, codec
from schemas.catalogue import CHANGES_TOPIC
from schemas.identifiers import NAMESPACE
from schemas.records import CivilRegistryMatched, Header

_STATUS: Final = {"same": "PADAN", "different": "NAMA_BEDA"}


@dataclass(frozen=True, slots=True)
class Judgement:
    """Who judges which match of whom, how, and why; `occurred_at` is in microseconds since 1970."""

    agency: str
    actor: str
    family_id: str
    person_ref: str
    match_id: bytes
    outcome: Literal["same", "different"]
    reason: str
    occurred_at: int


def record_of(judgement: Judgement) -> CivilRegistryMatched:
    """Return the change; the same judgement said again has the same id, whenever it is said."""
    match = judgement.match_id.hex()
    what = ["name judgement", judgement.agency, judgement.family_id, judgement.person_ref, match, judgement.outcome]
    header = Header(
        sequence=0,
        recorded_at=0,
        occurred_at=judgement.occurred_at,
        change_id=uuid.uuid5(NAMESPACE, json.dumps(what)).bytes,
        family_id=judgement.family_id,
        agency=judgement.agency,
        actor=judgement.actor,
        document=f"padan/{match}",
        causation_id=judgement.match_id,
    )
    return CivilRegistryMatched(
        header=header,
        person_ref=judgement.person_ref,
        status=_STATUS[judgement.outcome],
        batch="",
        resolves=judgement.match_id,
        reason=judgement.reason,
    )


def outgoing(record: CivilRegistryMatched) -> Outgoing:
    """Return the message of the change."""
    header = record.header
    headers = cloudevents.headers("jejak.CivilRegistryMatched", header.change_id, f"/agencies/{header.agency}")
    return Outgoing(CHANGES_TOPIC, header.family_id.encode(), codec.encode(record), headers, header.change_id)
