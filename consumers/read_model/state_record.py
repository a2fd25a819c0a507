"""A family's state as the projector takes it: the front of its bytes read, the rest passed through untouched.

The reader of each schema id is generated from that id's *writer* schema. Like an event's payload, what lies behind the
front isn't looked at: only the fold writes there, and who opens it later refuses what it can't decode. Must not know
tables.
"""

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

from schemas import codec, contract
from schemas.codec import FRAME_LENGTH, Undecodable
from schemas.decoder import Source
from schemas.records import FamilyState, Region

_STATE: Final = f"{contract.NAMESPACE}.{FamilyState.__name__}"
_PLACES: Final = 100_000  # more than there are desa


class StateRecord(NamedTuple):
    """What the read model has to know of a state, and the exact bytes it came in."""

    sequence: int
    recorded_at: int
    family_id: str
    region: Region
    status: str
    decile: int
    value: bytes


def state_record(value: bytes) -> StateRecord:
    """Return the front of a framed state; raises Undecodable, also for another record's bytes."""
    read = _readers().get(value[:FRAME_LENGTH])
    if read is None:
        codec.schema_id_of(value)
        raise Undecodable("UNEXPECTED_RECORD", "a FamilyState stands in this topic, no other record")
    try:
        return read(value)
    except (IndexError, ValueError) as fault:
        raise Undecodable("MALFORMED", "the state ends too early or is no state") from fault


@cache
def _readers() -> Mapping[bytes, Callable[[bytes], StateRecord]]:
    return {
        codec.FRAME.pack(0, schema_id): _reader(schema.wire)
        for schema_id, schema in contract.writer_schemas().items()
        if schema.name == _STATE
    }


def _reader(wire: Mapping[str, Any]) -> Callable[[bytes], StateRecord]:
    """Return a function that reads this writer's state up to the last field asked for."""
    source, left = Source(), {name for name in StateRecord._fields if name != "value"}
    for field in wire["fields"]:
        if not left:
            break
        left.discard(field["name"])
        if field["name"] == "region":
            for part in field["type"]["fields"]:
                source.field(part["name"], part["type"])
        else:
            source.field(field["name"] if field["name"] in StateRecord._fields else "", field["type"])
    source.write(
        f"if {source.at()} > len(data): raise ValueError('the bytes end too early')",
        "return made(sequence, recorded_at, family_id, region(system, edition, code), status, decile, data)",
    )
    reader: Callable[[bytes], StateRecord] = source.function("data", {"made": StateRecord, "region": _region})
    return reader


@lru_cache(_PLACES)
def _region(system: str, edition: str, code: str) -> Region:
    return Region(system=system, edition=edition, code=code)
