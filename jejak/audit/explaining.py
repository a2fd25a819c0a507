"""Finds the entries of one look on the audit topic, and the policies of its day. Holds no rule."""

import uuid
from dataclasses import asdict, dataclass
from typing import Any, Final

from confluent_kafka import TopicPartition

from consumers.gateway import policy_feed
from consumers.gateway.disclosure import Door
from consumers.gateway.explaining import explained
from consumers.gateway.request import AuditDisclosed, AuditFound, Caller, Purpose, TrailEntry, Withheld
from schemas import codec, records
from schemas.catalogue import AUDIT_TOPIC
from transport import kafka

_WAIT_SECONDS: Final = 10.0
_NO_ENTRY: Final = bytes(16)


@dataclass(frozen=True, slots=True)
class At:
    """The place of an entry on the audit topic."""

    partition: int
    offset: int


Ref = uuid.UUID | At


@dataclass(frozen=True, slots=True)
class Found:
    """A look's intent, and its outcome where there is one already."""

    intent: records.AccessIntent
    outcome: records.AccessOutcome | None


def explain(
    bootstrap: str, door: Door, caller: Caller, purpose: Purpose, ref: Ref
) -> tuple[dict[str, Any], ...] | Withheld:
    """Return each decision of the look that this entry belongs to, made again; reading it is on record first."""
    found = find(bootstrap, ref)
    about = TrailEntry(_NO_ENTRY, caller.agency_id)
    if found is not None:
        about = TrailEntry(found.intent.event_id, found.intent.agency_id)

    def read() -> AuditFound:
        if found is None:
            return AuditFound(())
        again = explained(found.intent, found.outcome, lambda named: policy_feed.set_of_hash(bootstrap, named))
        return AuditFound(tuple(asdict(one) for one in again))

    answer = door.audit_read(caller, purpose, about, read)
    return tuple(answer.found.lines) if isinstance(answer, AuditDisclosed) else answer


def find(bootstrap: str, ref: Ref) -> Found | None:
    """Return the look that an entry belongs to: the entry is its intent, its outcome or one of its disclosures."""
    entry = _at(bootstrap, ref) if isinstance(ref, At) else _by_id(bootstrap, ref.bytes).get(ref.bytes)
    intent_id = entry.event_id if isinstance(entry, records.AccessIntent) else getattr(entry, "intent_id", None)
    if intent_id is None:
        return None
    entries = _by_id(bootstrap, intent_id)
    intent = entries.get(intent_id)
    outcomes = [one for one in entries.values() if isinstance(one, records.AccessOutcome)]
    return Found(intent, outcomes[0] if outcomes else None) if isinstance(intent, records.AccessIntent) else None


def _by_id(bootstrap: str, event_id: bytes) -> dict[bytes, Any]:
    """Return the entry of this id and those that name it as their intent, by their ids; reads the whole topic."""
    values = (message.value() or b"" for message in kafka.read_all(bootstrap, AUDIT_TOPIC))
    found = (codec.decode(value) for value in values if event_id in value)
    return {one.event_id: one for one in found if event_id in {one.event_id, getattr(one, "intent_id", None)}}


def _at(bootstrap: str, place: At) -> Any:
    end = kafka.end_offsets(bootstrap, AUDIT_TOPIC).get(place.partition, 0)
    if not 0 <= place.offset < end:
        return None
    with kafka.closing_reader(bootstrap) as reader:
        reader.assign([TopicPartition(AUDIT_TOPIC, place.partition, place.offset)])
        message = reader.poll(_WAIT_SECONDS)
        if message is None or message.error() is not None:
            raise TimeoutError(f"{AUDIT_TOPIC} did not answer")
        return codec.decode(message.value() or b"")
