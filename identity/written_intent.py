"""Proof that an access intent is on record, without which nothing sealed opens.

It is made of the very bytes that the broker acknowledged, so nothing but an intent that was allowed makes one (audit.md
3: "only against a receipt"). Must not know who writes intents, nor how they become durable.
"""

import hashlib
from dataclasses import InitVar, dataclass

from schemas import codec, records


class NotAnIntent(ValueError):
    """What was acknowledged is no allowed intent, or is not what the receipt says; nothing opens on its strength."""


@dataclass(frozen=True, slots=True)
class WrittenIntent:
    """Where an allowed AccessIntent is durable: its event_id, its place, and the SHA-256 of its value.

    `value` is the acknowledged value itself, looked at once and not kept. Raises NotAnIntent.
    """

    event_id: bytes
    topic: str
    partition: int
    offset: int
    value_hash: bytes
    value: InitVar[bytes]

    def __post_init__(self, value: bytes) -> None:
        """Refuse everything but an intent that the policies allowed, acknowledged at a place of a topic."""
        if not self.topic or self.partition < 0 or self.offset < 0:
            raise NotAnIntent("no place at the broker")
        if hashlib.sha256(value).digest() != self.value_hash:
            raise NotAnIntent("not the value that was acknowledged")
        try:
            entry = codec.decode(value)
        except codec.Undecodable as undecodable:
            raise NotAnIntent("no record") from undecodable
        if not isinstance(entry, records.AccessIntent) or entry.event_id != self.event_id:
            raise NotAnIntent("not this intent")
        if entry.decision != "ALLOW":
            raise NotAnIntent("the policies refused it")
