"""The frames of a write-ahead file: what one fsync made durable, told from what it did not.

A frame follows only what is durable. So what can't be read at the end was never told to anybody, and what can't be read
before a whole frame is damage. Must not know who writes, nor what an entry says.

    frame = magic | u32 length of the body | first 16 bytes of SHA-256(body) | body                        big-endian
    body of a segment's first frame = JSON: gateway_id, made_at in microseconds, first number
    body of any other = u64 first number | u64 number, u32 partition, u64 offset of the last entry known to have
                        arrived at the broker (all 0: none) | entries: salt[16] | u32 length | value
"""

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SALT_BYTES: Final = 16
# No UTF-8 text holds its first byte, so no text in an entry looks like a frame.
_MAGIC: Final = b"\xd7JWA"
_HEAD: Final = struct.Struct(">4sI16s")
_PLACE: Final = struct.Struct(">QQIQ")
_ENTRY: Final = struct.Struct(f">{SALT_BYTES}sI")
_DIGEST: Final = 16


class Damaged(Exception):
    """A file holds what was durable once and can't be read any more; `path` says which, nothing was changed in it."""

    def __init__(self, path: Path, offset: int) -> None:
        super().__init__(f"{path.name} is damaged at byte {offset}, before frames that are whole")
        self.path = path


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as the broker gets it, byte for byte."""

    salt: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Arrived:
    """The last entry known to have arrived, with all before it; number 0 is none."""

    number: int = 0
    partition: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Segment:
    """What one file holds: entries by number from `first` on, and how far the broker had them when it was written."""

    gateway_id: str
    made_at: int
    first: int
    entries: tuple[Entry, ...]
    arrived: Arrived
    bytes_read: int


def read_segment(path: Path) -> Segment | None:
    """Return what one file holds up to where its last fsync came; None if that is nothing. Raises Damaged."""
    data = path.read_bytes()
    frames = list(_frames(data))
    end = frames[-1][1] if frames else 0
    if _whole_frame_after(data, end):
        raise Damaged(path, end)
    if not frames:
        return None
    head = json.loads(frames[0][0])
    entries: list[Entry] = []
    arrived = Arrived()
    for body, _ in frames[1:]:
        first, *place = _PLACE.unpack_from(body)
        if first != head["first"] + len(entries):
            raise Damaged(path, end)
        entries += _entries(body)
        arrived = Arrived(*place)
    return Segment(head["gateway_id"], head["made_at"], head["first"], tuple(entries), arrived, end)


def head_body(gateway_id: str, made_at: int, first: int) -> bytes:
    """Return the body of a segment's first frame."""
    return json.dumps({"gateway_id": gateway_id, "made_at": made_at, "first": first}).encode()


def _frames(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the body of every whole frame from the beginning on, and where it ends."""
    at = 0
    while (body := _frame_at(data, at)) is not None:
        at += _HEAD.size + len(body)
        yield body, at


def _frame_at(data: bytes, at: int) -> bytes | None:
    if len(data) - at < _HEAD.size:
        return None
    magic, length, digest = _HEAD.unpack_from(data, at)
    body = data[at + _HEAD.size : at + _HEAD.size + length]
    return body if magic == _MAGIC and len(body) == length and _digest(body) == digest else None


def _whole_frame_after(data: bytes, at: int) -> bool:
    """Tell whether a frame follows what can't be read: then that was durable, as frames follow only what is."""
    while (at := data.find(_MAGIC, at + 1)) >= 0:
        if _frame_at(data, at) is not None:
            return True
    return False


def frame(body: bytes) -> bytes:
    """Return a frame around this body."""
    return _HEAD.pack(_MAGIC, len(body), _digest(body)) + body


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:_DIGEST]


def group_body(first: int, entries: Iterable[Entry], arrived: Arrived) -> bytes:
    """Return the body of a frame with entries, numbered from `first`."""
    parts = [_PLACE.pack(first, arrived.number, arrived.partition, arrived.offset)]
    for entry in entries:
        parts += (_ENTRY.pack(entry.salt, len(entry.value)), entry.value)
    return b"".join(parts)


def _entries(body: bytes) -> Iterator[Entry]:
    at = _PLACE.size
    while at < len(body):
        salt, length = _ENTRY.unpack_from(body, at)
        at += _ENTRY.size + length
        yield Entry(salt, body[at - length : at])


def joined(before: Segment, after: Segment, path: Path) -> Segment:
    """Return two segments of a gateway as one; where both hold a number, the later is right. Raises Damaged."""
    if after.first > before.first + len(before.entries):
        raise Damaged(path, 0)
    kept = before.entries[: after.first - before.first]
    arrived = max(before.arrived, after.arrived, key=lambda each: each.number)
    return Segment(before.gateway_id, before.made_at, before.first, (*kept, *after.entries), arrived, after.bytes_read)
