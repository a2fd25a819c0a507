"""A family's framed state as bytes: whose it is and what it counts, without decoding the rest.

Only layouts that begin as today's are walked, told by their schema id; any other is decoded in full. Knows the
contract; must not know who keeps states, nor where.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from schemas import codec, contract
from schemas.codec import FRAME_LENGTH, Undecodable
from schemas.prefix import read_long
from schemas.records import FamilyState
from stream_processors.indicators import counted

_STATE = f"{contract.NAMESPACE}.{FamilyState.__name__}"
_WALKED = (("sequence", "long"), ("recorded_at", "long"), ("family_id", "string"), ("counted", "bytes"))
_CONTINUES = 0x80
_SEQUENCE = FRAME_LENGTH
_RECORDED = slice(_SEQUENCE + 1, _SEQUENCE + 8)  # all but the last byte of a time of eight


@cache
def _frames() -> Mapping[bytes, bool]:
    """Return the frame of each schema of FamilyState, and whether its bytes begin with what is walked."""
    return {
        codec.FRAME.pack(0, schema_id): tuple((one["name"], _plain(one["type"])) for one in schema.wire["fields"][:4])
        == _WALKED
        for schema_id, schema in contract.writer_schemas().items()
        if schema.name == _STATE
    }


def _plain(kind: Any) -> Any:
    """Return the type below a logical one."""
    return kind["type"] if isinstance(kind, dict) and kind.keys() == {"type"} else kind


def belongs(framed: bytes, family_id: bytes) -> bool:
    """Tell whether this is the state of the family; raises Undecodable for bytes whose frame is of no state.

    What follows the family's id is not looked at.
    """
    if not _is_walked(framed):
        return bool(codec.decode(framed).family_id.encode() == family_id)
    try:
        at = _to_family_id(framed)
        return framed[at] == len(family_id) << 1 and framed.startswith(family_id, at + 1)
    except IndexError as fault:
        raise Undecodable("MALFORMED", "the state ends too early") from fault


def counted_in(framed: bytes) -> bytes:
    """Return what a state counts under the present definitions; one written under others is decoded for it."""
    if not _is_walked(framed):
        return counted.of(codec.decode(framed))
    try:
        length, at = read_long(framed, _to_family_id(framed))
        at += length
        if (length := framed[at]) < _CONTINUES and not length & 1:  # mostly: no state counts much
            length >>= 1
            at += 1
        else:
            length, at = read_long(framed, at)
    except (IndexError, ValueError) as fault:
        raise Undecodable("MALFORMED", "the state ends too early") from fault
    found = framed[at : at + length]
    if len(found) != length:
        raise Undecodable("MALFORMED", "the state ends too early")
    return found if counted.is_current(found) else counted.of(codec.decode(framed))


def _is_walked(framed: bytes) -> bool:
    walked = _frames().get(framed[:FRAME_LENGTH])
    if walked is None:
        codec.schema_id_of(framed)
        raise Undecodable("NOT_A_STATE", "a record of another type stands under a family's key")
    return walked


def _to_family_id(framed: bytes) -> int:
    """Return the offset after sequence and recorded time."""
    # Mostly one byte and eight: few families have more than 63 events, and this is the century of the eight.
    if framed[_SEQUENCE] < _CONTINUES and framed[_RECORDED.stop] < _CONTINUES and min(framed[_RECORDED]) >= _CONTINUES:
        return _RECORDED.stop + 1
    at = FRAME_LENGTH
    while framed[at] >= _CONTINUES:
        at += 1
    at += 1
    while framed[at] >= _CONTINUES:
        at += 1
    return at + 1
