"""Reads what Avro writes as variable-length zigzag numbers: longs, ints, lengths and counts of array blocks.

Knows Avro's binary encoding alone. Generated readers treat numbers of one byte themselves and call these for the rest;
all raise IndexError at the end of the bytes, ValueError for a number that can't stand there.
"""

import struct
from typing import Final

CONTINUES: Final = 0x80
SMALL: Final = [(byte >> 1) ^ -(byte & 1) for byte in range(CONTINUES)]  # the number in one byte, by that byte
_LONG_BITS: Final = 64
_INT_LIMIT: Final = 1 << 31
_FOUR_PAIRS: Final = struct.Struct("<4H").unpack_from
_NONE: Final = -1  # a pair of bytes that doesn't fit here: it makes the whole negative


def _pairs(high_bytes: range) -> list[int]:
    """Return the 14 bits in two bytes, by those bytes as a little-endian number, where the first continues."""
    table = [_NONE] * (1 << 16)
    for high in high_bytes:
        bits = (high & 0x7F) << 7
        table[high << 8 | CONTINUES : (high + 1) << 8] = range(bits, bits + CONTINUES)
    return table


_INNER: Final = _pairs(range(CONTINUES, 256))
_LAST: Final = _pairs(range(CONTINUES))


def read_long(data: bytes, at: int) -> tuple[int, int]:
    """Return the int or long at offset `at`, and the offset after it.

    Raises IndexError at the end of the bytes, ValueError for more than 64 bits.
    """
    try:
        first, second, third, last = _FOUR_PAIRS(data, at)
    except struct.error:  # fewer than 8 bytes are left
        return _read_any(data, at)
    value = _INNER[first] | _INNER[second] << 14 | _INNER[third] << 28 | _LAST[last] << 42
    if value >= 0:  # times in microseconds take 8 bytes since 1988 and until 2540
        return (value >> 1) ^ -(value & 1), at + 8
    return _read_any(data, at)


def _read_any(data: bytes, at: int) -> tuple[int, int]:
    shift = value = 0
    while shift < _LONG_BITS:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < CONTINUES:
            if value >> _LONG_BITS:
                break
            return (value >> 1) ^ -(value & 1), at
        shift += 7
    raise ValueError("a long has at most 64 bits")


def read_int(data: bytes, at: int) -> tuple[int, int]:
    """Return the int at offset `at`, and the offset after it; ValueError for more than 32 bits."""
    high = data[at + 1] if data[at] >= CONTINUES else CONTINUES
    if high < CONTINUES:
        value = data[at] & 0x7F | high << 7
        return (value >> 1) ^ -(value & 1), at + 2
    number, end = _read_any(data, at)
    if not -_INT_LIMIT <= number < _INT_LIMIT:
        raise ValueError("an int has at most 32 bits")
    return number, end


def read_length(data: bytes, at: int) -> tuple[int, int]:
    """Return the length at offset `at` and the offset after it; ValueError for a negative one."""
    number, end = _read_any(data, at)
    if number < 0:
        raise ValueError("a length is never negative")
    return number, end


def read_count(data: bytes, at: int) -> tuple[int, int]:
    """Return how many items the array block at `at` has, and where they begin: a negative count has a size after it.

    ValueError for more items than bytes, and for a zero that isn't the one byte which ends an array.
    """
    count, at = _read_any(data, at)
    if count < 0:
        count = -count
        _, at = _read_any(data, at)
    if not 0 < count <= len(data):
        raise ValueError("a block has an item at least, and an item a byte")
    return count, at
