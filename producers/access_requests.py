"""Changes of requests for by-name-by-address data, ready to be published.

They hold no person's data, so nothing is sealed; the agency comes from the authenticated channel. It must not know what
follows from a change, nor who may say it.
"""

import base64
import hashlib
import json
import uuid
from dataclasses import asdict, dataclass
from typing import Any, Final

from producers.outgoing import Outgoing
from schemas import cloudevents, codec
from schemas.catalogue import REQUESTS_TOPIC
from schemas.identifiers import NAMESPACE
from schemas.records import Header

_ID: Final = 16


@dataclass(frozen=True, slots=True)
class Said:
    """One thing an agency says of a request; `fields` are those of the record without its header.

    `occurred_at` (microseconds since 1970) is no part of its identity: the same thing said later is the same thing.
    """

    agency: str
    actor: str
    request_id: str
    record: str
    fields: dict[str, Any]
    occurred_at: int
    document: str


def request_id_for(agency: str, document: str) -> str:
    """Return the id of the request that an agency opens with its document: 26 characters of lower-case base32."""
    digest = uuid.uuid5(NAMESPACE, json.dumps(["access-request", agency, document])).bytes
    return base64.b32encode(digest).decode("ascii").rstrip("=").lower()


def change_id_of(said: Said, after: bytes = b"") -> bytes:
    """Return the 16-byte change id of what is said after this last change of the request."""
    body = {name: _plain(value) for name, value in said.fields.items()}
    what = [said.agency, said.request_id, said.document, said.record, after.hex(), body]
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
    return uuid.uuid5(NAMESPACE, digest).bytes


def meant(said: Said, recent: bytes) -> bytes:
    """Return the change id to send, given the last change ids of the request (16 bytes each, oldest first).

    Said again with nothing in between it is the same change; after something else came it is a new one, as a second
    submission after a return is, or a grant said again that was refused when its step was not reached.
    """
    known = [recent[at : at + _ID] for at in range(0, len(recent), _ID)]
    if known and known[-1] in {change_id_of(said, after) for after in (b"", *known[:-1])}:
        return known[-1]
    return change_id_of(said, known[-1] if known else b"")


def outgoing(said: Said, change_id: bytes) -> Outgoing:
    """Return the message of a change under this id."""
    header = Header(
        sequence=0,
        recorded_at=0,
        occurred_at=said.occurred_at,
        change_id=change_id,
        family_id=said.request_id,
        agency=said.agency,
        actor=said.actor,
        document=said.document,
    )
    name = f"jejak.{said.record}"
    value = codec.encode(codec.class_of(name)(header=header, **said.fields))
    headers = cloudevents.headers(name, change_id, f"/agencies/{said.agency}")
    return Outgoing(REQUESTS_TOPIC, said.request_id.encode(), value, headers, change_id)


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return value.hex()
        case tuple() | list():
            return [_plain(one) for one in value]
        case str() | int():
            return value
        case _:
            return asdict(value)
