"""Ids that follow from other ids, the same on every machine: UUIDv5 in one namespace of the registry."""

import base64
import uuid

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:jejak:registry")


def derived_id(cause: bytes, part: str) -> bytes:
    """Return the 16-byte id of what follows from the event `cause` under the name `part`."""
    return uuid.uuid5(uuid.UUID(bytes=cause), part).bytes


def family_of_split(split_id: bytes) -> str:
    """Return the id of the family that a FamilySplit with this change id makes: a UUIDv5 in base32."""
    return base64.b32encode(derived_id(split_id, "PECAH")).decode("ascii").rstrip("=").lower()


def deadline_id(family_id: str, kind: str, due_at: int) -> bytes:
    """Return the 16-byte change id of a due date reached: one for each family, kind and due time (microseconds)."""
    return uuid.uuid5(NAMESPACE, f"{family_id}/{kind}/{due_at}").bytes
