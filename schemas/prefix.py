"""Reads and rewrites the header at the front of changes and events without decoding what follows.

The walker of each schema id is generated from that id's *writer* schema, so an old layout is walked as it was
written. Knows the contract's header; must not know what any record means.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from schemas import contract, encoder
from schemas.codec import FRAME_LENGTH, Undecodable, schema_id_of

HEADER = "jejak.Header"
FAMILY_ID = re.compile(r"[a-z2-7]{26}")  # never a slash: keys put a family's id before one
_CONTINUES = 0x80
_LONG_BITS = 64


class Prefix(NamedTuple):
    """The hot fields of a header, and where in the framed bytes the rest begins."""

    sequence: int
    recorded_at: int
    occurred_at: int
    change_id: bytes
    family_id: str
    agency: str
    after_stamp: int  # offset of the first byte after sequence and recorded_at
    payload: int  # offset of the first byte after the header


Walker = Callable[[bytes], Prefix]
zigzag = encoder.long  # as read_long is its inverse


def read_long(data: bytes, at: int) -> tuple[int, int]:
    """Return the int or long at offset `at`, and the offset after it.

    Raises IndexError at the end of the bytes, ValueError for more than 64 bits.
    """
    shift = value = 0
    while shift < _LONG_BITS:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < _CONTINUES:
            if value >> _LONG_BITS:
                break
            return (value >> 1) ^ -(value & 1), at
        shift += 7
    raise ValueError("a long has at most 64 bits")


def stamp(framed: bytes, prefix: Prefix, sequence: int, recorded_at: int) -> tuple[bytes, Prefix]:
    """Return the same record with its sequence and recorded time filled in, all else passed through; and its prefix."""
    front = framed[:FRAME_LENGTH] + zigzag(sequence) + zigzag(recorded_at)
    stamped = prefix._replace(
        sequence=sequence,
        recorded_at=recorded_at,
        after_stamp=len(front),
        payload=prefix.payload + len(front) - prefix.after_stamp,
    )
    return front + framed[prefix.after_stamp :], stamped


def walk(framed: bytes) -> Prefix:
    """Return the header's hot fields; raises Undecodable for bytes that don't begin with a header naming a family."""
    walker = walkers().get(schema_id_of(framed))
    if walker is None:
        raise Undecodable("NO_HEADER", "this record is neither change nor event")
    try:
        prefix = walker(framed)
    except (IndexError, ValueError) as fault:
        raise Undecodable("MALFORMED", "the header ends too early or is no header") from fault
    if prefix.payload > len(framed):
        raise Undecodable("MALFORMED", "the header ends too early")
    if FAMILY_ID.fullmatch(prefix.family_id) is None:
        raise Undecodable("HEADER_WITHOUT_FAMILY", "family_id is 26 characters of lower-case base32")
    return prefix


@cache
def walkers() -> Mapping[int, Walker]:
    """One generated walker for each schema id whose record begins with a header."""
    found = {}
    for schema_id, schema in contract.writer_schemas().items():
        first = schema.full["fields"][0]
        if first["name"] == "header":
            found[schema_id] = generate(first["type"])
    return found


def generate(header: Mapping[str, Any]) -> Walker:
    """Return a function that walks this writer's header; a header that doesn't begin with the stamp is a fault."""
    names = [field["name"] for field in header["fields"]]
    if names[:2] != ["sequence", "recorded_at"]:
        raise TypeError("sequence and recorded_at come first: the fold rewrites them in place")
    lines = ["def walker(data):", f"    i = {FRAME_LENGTH}"]
    for field in header["fields"]:
        lines += ["    " + line for line in _step(field["name"], field["type"])]
        if field["name"] == "recorded_at":
            lines.append("    after_stamp = i")
    lines.append("    return Prefix(sequence, recorded_at, occurred_at, change_id, family_id, agency, after_stamp, i)")
    scope: dict[str, Any] = {"Prefix": Prefix, "read_long": read_long}
    exec("\n".join(lines), scope)  # noqa: S102  the text is made here from our own locked schema files
    walker: Walker = scope["walker"]
    return walker


def _long(name: str) -> list[str]:
    # One-byte values dominate lengths and sequences: read them without a call.
    return [
        f"{name} = data[i]",
        "if " + name + " < 128:",
        "    i += 1",
        f"    {name} = ({name} >> 1) ^ -({name} & 1)",
        "else:",
        f"    {name}, i = read_long(data, i)",
    ]


def _step(name: str, kind: Any) -> list[str]:
    hot = name in Prefix._fields
    match kind:
        case {"type": "fixed", "size": int(size)}:
            return ([f"{name} = data[i:i + {size}]"] if hot else []) + [f"i += {size}"]
        case "jejak.EventId":
            return ([f"{name} = data[i:i + 16]"] if hot else []) + ["i += 16"]
        case "string":
            value = [f"{name} = data[i:i + n].decode()"] if hot else []
            return [*_long("n"), "if n < 0:", "    raise ValueError", *value, "i += n"]
        case "long" | "int" | {"type": "long"}:
            return _long(name if hot else "n")
        case ["null", inner]:
            return [
                *_long("n"),
                "if n == 1:",
                *("    " + line for line in _step(name, inner)),
                "elif n:",
                "    raise ValueError",
            ]
        case _:
            raise TypeError(f"the header holds a type the walker doesn't know: {kind}")
