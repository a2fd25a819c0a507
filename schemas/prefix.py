"""Reads and rewrites the header at the front of changes and events without decoding what follows.

The walker of each schema id is generated from that id's *writer* schema, so an old layout is walked as it was
written. Knows the contract's header; must not know what any record means.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple, Never

from schemas import contract, encoder, varints
from schemas.contract import WriterSchema
from schemas.decoder import Source, blanks, ended
from schemas.framing import FRAME_LENGTH, ByFrame, Undecodable

HEADER: Final = "jejak.Header"
_FAMILY_ID: Final = 26  # characters of lower-case base32; never a slash: keys put a family's id before one
_FITTING: Final = bytes(b"abcdefghijklmnopqrstuvwxyz234567".count(byte) for byte in range(256))
_ALL_FIT: Final = b"\1" * _FAMILY_ID


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
Reader = Callable[[bytes], tuple[Prefix, Any]]
zigzag = encoder.long  # as read_long is its inverse
read_long = varints.read_long
_made: Callable[[type[Prefix], tuple[Any, ...]], Prefix] = tuple.__new__  # a third of the cost of Prefix(...)


def stamp(framed: bytes, prefix: Prefix, sequence: int, recorded_at: int) -> tuple[bytes, Prefix]:
    """Return the same record with its sequence and recorded time filled in, all else passed through; and its prefix."""
    _, _, occurred_at, change_id, family_id, agency, after_stamp, payload = prefix
    front = framed[:FRAME_LENGTH] + zigzag(sequence) + zigzag(recorded_at)
    at = len(front)
    stamped = (sequence, recorded_at, occurred_at, change_id, family_id, agency, at, payload + at - after_stamp)
    return front + framed[after_stamp:], _made(Prefix, stamped)


def walk(framed: bytes) -> Prefix:
    """Return the header's hot fields; raises Undecodable for bytes that don't begin with a header naming a family."""
    walker = _BY_FRAME[framed[:FRAME_LENGTH]]
    try:
        return walker(framed)
    except Undecodable:
        raise
    except (IndexError, ValueError) as fault:
        raise Undecodable("MALFORMED", "the header ends too early or is no header") from fault


def _walker(schema: WriterSchema) -> Walker:
    walker = walkers().get(schema.entry.schema_id)
    if walker is None:
        raise Undecodable("NO_HEADER", "this record is neither change nor event")
    return walker


_BY_FRAME: Final = ByFrame(_walker)


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
    source = Source()
    _walk(source, header, frozenset(Prefix._fields))
    source.write(f"return {_PREFIX}")
    walker: Walker = source.function("data", _SCOPE)
    return walker


def generate_reader(schema: Mapping[str, Any], class_of: Callable[[str], type[Any]]) -> Reader:
    """Return a function that reads prefix and record at once, under a parsed wire schema that begins with a header."""
    source = Source()
    header = schema["fields"][0]["type"]
    names = frozenset(field["name"] for field in header["fields"])
    _walk(source, header, names)
    source.record("header", header, names)
    source.record("record", schema, frozenset({"header"}))
    source.end(f"{_PREFIX}, record")
    reader: Reader = source.function("data", blanks(source, class_of) | _SCOPE | {"ended": ended(schema["name"])})
    return reader


_PREFIX: Final = f"made(Prefix, ({', '.join(Prefix._fields)}))"


def _walk(source: Source, header: Mapping[str, Any], wanted: frozenset[str]) -> None:
    names = [field["name"] for field in header["fields"]]
    if names[:2] != ["sequence", "recorded_at"]:
        raise TypeError("sequence and recorded_at come first: the fold rewrites them in place")
    for field in header["fields"]:
        name, kind = field["name"], field["type"]
        source.field(name if name in wanted else "", "bytes" if name == "family_id" else kind)
        if name == "recorded_at":
            source.write(f"after_stamp = {source.at()}")
    source.write(f"payload = {source.at()}")
    source.write(
        "if payload > len(data) or family_id.translate(fitting) != all_fit: no_family(family_id, payload, data)"
    )
    source.write("family_id = family_id.decode()")


def _no_family(family_id: bytes, payload: int, data: bytes) -> Never:
    family_id.decode()
    if payload > len(data):
        raise ValueError("the header ends too early")
    raise Undecodable("HEADER_WITHOUT_FAMILY", "family_id is 26 characters of lower-case base32")


_SCOPE: Final[dict[str, Any]] = {
    "Prefix": Prefix,
    "made": _made,
    "fitting": _FITTING,
    "all_fit": _ALL_FIT,
    "no_family": _no_family,
}
