"""The change that says that a person was erased. It holds a reference and no data; it must not know any key."""

import json
import uuid
from dataclasses import dataclass

from producers.outgoing import Outgoing
from schemas import cloudevents, codec
from schemas.catalogue import CHANGES_TOPIC
from schemas.identifiers import NAMESPACE
from schemas.records import Header, PersonErased


@dataclass(frozen=True, slots=True)
class Erasure:
    """Who erases whom, on which basis, for which request; `occurred_at` is in microseconds since 1970."""

    agency: str
    actor: str
    family_id: str
    person_ref: str
    legal_basis: str
    request_number: str
    occurred_at: int


def record_of(erasure: Erasure) -> PersonErased:
    """Return the change; the same erasure said again has the same id, whenever it is said."""
    what = ["erasure", erasure.agency, erasure.request_number, erasure.family_id, erasure.person_ref]
    header = Header(
        sequence=0,
        recorded_at=0,
        occurred_at=erasure.occurred_at,
        change_id=uuid.uuid5(NAMESPACE, json.dumps(what)).bytes,
        family_id=erasure.family_id,
        agency=erasure.agency,
        actor=erasure.actor,
        document=erasure.request_number,
    )
    return PersonErased(
        header=header,
        person_ref=erasure.person_ref,
        legal_basis=erasure.legal_basis,
        request_number=erasure.request_number,
    )


def outgoing(record: PersonErased) -> Outgoing:
    """Return the message of the change."""
    header = record.header
    headers = cloudevents.headers("jejak.PersonErased", header.change_id, f"/agencies/{header.agency}")
    return Outgoing(CHANGES_TOPIC, header.family_id.encode(), codec.encode(record), headers, header.change_id)
