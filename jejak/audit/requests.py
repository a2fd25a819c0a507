"""Requests for by-name-by-address data from this machine: what is published, where they stand, the worker that decides.

Joins the producer, the fold and the states topic; holds no rule of its own.
"""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from jejak.composition import Registry, now
from jejak.settings import Settings
from jejak.workers import FoldTopics, run_alone
from producers import access_requests
from producers.access_requests import Said
from producers.outgoing import Outgoing
from producers.publish import Published
from schemas import catalogue, codec, regions
from schemas.records import AccessRequestState, Region
from stream_processors.folds.access_requests import OUTPUTS, AccessRequestsFold
from stream_processors.registry.decision import Refused
from transport import kafka

DECIDED_SECONDS: Final = 15.0
_PAUSE_SECONDS: Final = 0.3
_ID: Final = 16
GROUP = "access-requests-fold-v1"


def digest_of(path: Path) -> bytes:
    """Return the SHA-256 of a file; the file itself is not kept."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def regions_of(codes: Sequence[str]) -> tuple[Region, ...]:
    """Return the regions of these Kemendagri codes of the current edition."""
    return tuple(Region(system="KEMENDAGRI", edition=regions.KEMENDAGRI_EDITION, code=code) for code in codes)


def opened(agency: str, document: str) -> str:
    """Return the id of the request that this agency opens with its document."""
    return access_requests.request_id_for(agency, document)


def states(bootstrap: str) -> dict[str, AccessRequestState]:
    """Return where every request stands, by its id."""
    found: dict[str, AccessRequestState] = {}
    for message in kafka.read_all(bootstrap, catalogue.REQUEST_STATES_TOPIC):
        record = codec.decode(message.value() or b"")
        if isinstance(record, AccessRequestState):
            found[record.request_id] = record
    return found


def publish(  # noqa: PLR0913  who says what of which request
    registry: Registry,
    request_id: str,
    record: str,
    fields: dict[str, Any],
    *,
    agency: str = "",
    actor: str = "",
    document: str = "",
) -> tuple[bytes, Published]:
    """Publish one change of a request; return its change id and whether it was sent now or before."""
    settings = registry.settings
    said = Said(
        agency or settings.agency, actor or settings.actor, request_id, record, fields, now(), document or request_id
    )
    known = states(registry.endpoints.kafka).get(request_id)
    change_id = access_requests.meant(said, known.recent_changes if known else b"")
    messages: Sequence[Outgoing] = (access_requests.outgoing(said, change_id),)
    published = registry.publisher(1).publish((said.agency, f"change/{change_id.hex()}"), messages, _as_they_are)
    return change_id, published


def decided(registry: Registry, request_id: str, change_id: bytes, agency: str) -> AccessRequestState | Refused | None:
    """Return what became of a change: the state it is part of, or why it was refused; None when not told in time."""
    deadline = time.monotonic() + DECIDED_SECONDS
    while time.monotonic() < deadline:
        state = states(registry.endpoints.kafka).get(request_id)
        if state is not None and change_id in _ids(state.recent_changes):
            return state
        for refusal in registry.read_model().refusals(agency):
            if refusal.header.change_id == change_id:
                return Refused(refusal.rule, refusal.pointer, refusal.explanation)
        time.sleep(_PAUSE_SECONDS)
    return None


def _ids(recent: bytes) -> set[bytes]:
    return {recent[at : at + _ID] for at in range(0, len(recent), _ID)}


def _as_they_are(messages: Sequence[Outgoing]) -> Sequence[Outgoing]:
    return messages


def run(settings: Settings) -> None:
    """Decide changes of requests until stopped by SIGTERM or SIGINT."""
    topics = FoldTopics(GROUP, catalogue.REQUESTS_TOPIC, catalogue.REQUEST_STATES_TOPIC, OUTPUTS)
    run_alone(settings, topics, AccessRequestsFold)
