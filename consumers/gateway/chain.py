"""One gateway's chain of audit entries: its id, its numbers without a hole, each naming the hash of the one before.

Must not know where entries go, nor what they are about.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import uuid_utils

from consumers.gateway.frames import SALT_BYTES, Entry
from consumers.gateway.nik_filter import looks_like_nik
from schemas import codec, records

LONGEST_VALUE: Final = 65_498  # an entry of the tree is at most 64 KiB
NO_ENTRY: Final = bytes(32)
NO_POLICIES: Final = bytes(32)
_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")

Draft = Callable[..., Any]
"""Makes an entry of its place in the chain: event_id, occurred_at, gateway_id, gateway_seq, prev_gateway_hash."""


class TooLarge(Exception):
    """An entry is larger than the tree takes."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a chain: its number, and the SHA-256 of its value; number 0 is none."""

    number: int = 0
    value_hash: bytes = NO_ENTRY


@dataclass(frozen=True, slots=True)
class Link:
    """One entry in its place, ready to be written."""

    event_id: bytes
    head: Head
    entry: Entry


def extended(gateway_id: str, head: Head, drafts: Sequence[Draft], now: int) -> tuple[Link, ...]:
    """Return these drafts as the next entries after `head`, at `now` in microseconds; raises TooLarge."""
    links: list[Link] = []
    for draft in drafts:
        links.append(_link(gateway_id, head, draft, now))
        head = links[-1].head
    return tuple(links)


def _link(gateway_id: str, head: Head, draft: Draft, now: int) -> Link:
    event_id, number = uuid_utils.uuid7().bytes, head.number + 1
    place = {"event_id": event_id, "gateway_id": gateway_id, "gateway_seq": number}
    value = codec.encode(draft(**place, occurred_at=now, prev_gateway_hash=head.value_hash))
    if len(value) > LONGEST_VALUE:
        raise TooLarge
    entry = Entry(secrets.token_bytes(SALT_BYTES), value)
    return Link(event_id, Head(number, hashlib.sha256(value).digest()), entry)


def new_gateway_id(name: str) -> str:
    """Return the id of a gateway that starts now; raises ValueError if files can't be named for it."""
    if not _NAME.fullmatch(name):
        raise ValueError("a gateway's name is of letters, digits, '.', '_' and '-', 64 at most")
    while looks_like_nik(found := f"{name}-{uuid_utils.uuid7()}"):
        pass
    return found


def heartbeat(*, closing: bool, policy_set_hash: bytes = NO_POLICIES) -> Draft:
    """Return the entry that says how far the numbers went, and which policies serve; `closing` ends the chain."""

    def draft(**place: Any) -> records.GatewayHeartbeat:
        last_seq = place["gateway_seq"] - 1
        return records.GatewayHeartbeat(**place, last_seq=last_seq, closing=closing, policy_set_hash=policy_set_hash)

    return draft
