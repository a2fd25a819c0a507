"""What a leaf of the log covers: one record of the audit topic with its place, time and salt, byte for byte.

Entries ride in bundles of at most 256, each behind its length (C2SP tlog-tiles). It must not know what a value holds:
a value is never decoded or encoded anew here.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

VERSION: Final = 1
SALT_BYTES: Final = 16
NO_SALT: Final = bytes(SALT_BYTES)
"""What stands for a salt that is missing or odd; whoever meets it raises an alarm."""
MOST_ENTRY_BYTES: Final = 65_535

_HEAD: Final = struct.Struct(">BIQQ16s")
_LENGTH: Final = struct.Struct(">H")
MOST_VALUE_BYTES: Final = MOST_ENTRY_BYTES - _HEAD.size
"""65,498: what is left for a value of an entry whose length is told in 16 bits."""


class EntryRefused(Exception):
    """Bytes that are no entry or no bundle, or a value too long for one; `code` says why and nothing is quoted."""

    def __init__(self, code: str, explanation: str) -> None:
        super().__init__(f"{code}: {explanation}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of the audit topic as the log holds it; broker_time_ms is the broker's, in epoch milliseconds."""

    partition: int
    offset: int
    broker_time_ms: int
    salt: bytes
    value: bytes


def entry_bytes(partition: int, offset: int, broker_time_ms: int, salt: bytes, value: bytes) -> bytes:
    """Return 01, u32 partition, u64 offset, u64 time, 16 bytes of salt and the value; raises EntryRefused.

    VALUE_TOO_LONG above 65,498 bytes, SALT for another length than 16, NUMBER for one that its field can't hold.
    """
    if len(value) > MOST_VALUE_BYTES:
        raise EntryRefused("VALUE_TOO_LONG", f"a value has at most {MOST_VALUE_BYTES} bytes")
    if len(salt) != SALT_BYTES:
        raise EntryRefused("SALT", "a salt has 16 bytes")
    try:
        return _HEAD.pack(VERSION, partition, offset, broker_time_ms, salt) + value
    except struct.error:
        raise EntryRefused("NUMBER", "a partition is a u32, an offset and a time are u64") from None


def parse_entry(entry: bytes) -> Entry:
    """Return the entry of its bytes; raises EntryRefused: ENTRY_LENGTH or ENTRY_VERSION."""
    if not _HEAD.size <= len(entry) <= MOST_ENTRY_BYTES:
        raise EntryRefused("ENTRY_LENGTH", "an entry has 37 to 65,535 bytes")
    version, partition, offset, broker_time_ms, salt = _HEAD.unpack_from(entry)
    if version != VERSION:
        raise EntryRefused("ENTRY_VERSION", "an entry begins with 01")
    return Entry(partition, offset, broker_time_ms, salt, entry[_HEAD.size :])


def salt_of(header: bytes | None) -> bytes:
    """Return the 16 bytes of the record's header `salt`, or NO_SALT when it is missing or has another length."""
    return header if header is not None and len(header) == SALT_BYTES else NO_SALT


def bundle_bytes(entries: Iterable[bytes]) -> bytes:
    """Return the entries each behind its length as u16; raises EntryRefused (ENTRY_LENGTH) for one that is too long."""
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MOST_ENTRY_BYTES:
            raise EntryRefused("ENTRY_LENGTH", "an entry has at most 65,535 bytes")
        parts += (_LENGTH.pack(len(entry)), entry)
    return b"".join(parts)


def parse_bundle(bundle: bytes) -> tuple[bytes, ...]:
    """Return the entries of a bundle; raises EntryRefused (BUNDLE) when its end cuts one."""
    entries: list[bytes] = []
    at = 0
    while at < len(bundle):
        start = at + _LENGTH.size
        if start > len(bundle):
            raise EntryRefused("BUNDLE", "a bundle ends within a length")
        at = start + _LENGTH.unpack_from(bundle, at)[0]
        if at > len(bundle):
            raise EntryRefused("BUNDLE", "a bundle ends within an entry")
        entries.append(bundle[start:at])
    return tuple(entries)
