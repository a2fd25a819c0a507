"""Records to bytes and back: Confluent framing (00, 4-byte schema id) around plain Avro.

Knows the contract; must not know topics, keys or rules. What can't be decoded is an `Undecodable`, with a code.
"""

import io
import struct
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, get_args, get_type_hints

from fastavro import schemaless_reader

from schemas import contract, decoder, encoder, records
from schemas.decoder import Decoder
from schemas.encoder import Encoder
from schemas.framing import FRAME, FRAME_LENGTH, Undecodable, schema_id_of

__all__ = [
    "FRAME",
    "FRAME_LENGTH",
    "Undecodable",
    "body",
    "class_of",
    "decode",
    "encode",
    "name_of",
    "schema_id_of",
]

_INT_LIMIT = 1 << 31

# What reading raises on bytes that aren't what their id says; anything else is our fault, not the input's.
_MALFORMED = (
    EOFError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    MemoryError,
    StopIteration,
    struct.error,
)


def class_of(name: str) -> type[Any]:
    """Return the dataclass of a full record name."""
    found: type[Any] = getattr(records, name.removeprefix(f"{contract.NAMESPACE}."))
    return found


def name_of(record: object) -> str:
    """Return the full record name of a dataclass instance."""
    return f"{contract.NAMESPACE}.{type(record).__name__}"


def body(record: object) -> bytes:
    """Return the Avro bytes of a record, without frame, under the newest version of its schema."""
    return _written_by(type(record).__name__)[1](record)


def encode(record: object) -> bytes:
    """Return the framed bytes of a record under its newest schema; a value of a wrong type is a fault."""
    frame, write = _written_by(type(record).__name__)
    return frame + write(record)


@cache
def _written_by(name: str) -> tuple[bytes, Encoder]:
    schema_id = contract.current_ids()[f"{contract.NAMESPACE}.{name}"]
    return FRAME.pack(0, schema_id), encoder.generate(contract.writer_schemas()[schema_id].wire)


def decode(framed: bytes) -> Any:
    """Return the record in `framed`; raises Undecodable for no frame, unknown id, malformed or trailing bytes."""
    read_one = _decoders().get(framed[:FRAME_LENGTH])
    if read_one is None:
        return _decode_older(framed)
    try:
        return read_one(framed)
    except Undecodable:
        raise
    except (IndexError, ValueError) as fault:
        raise Undecodable("MALFORMED", "the bytes aren't the record of their id") from fault


@cache
def _decoders() -> Mapping[bytes, Decoder]:
    """The decoder of each record's newest version, by its frame; what others wrote is resolved by a library."""
    schemas = [contract.writer_schemas()[schema_id] for schema_id in contract.current_ids().values()]
    return {FRAME.pack(0, schema.entry.schema_id): decoder.generate(schema.wire, class_of) for schema in schemas}


def _decode_older(framed: bytes) -> Any:
    schema = contract.writer_schemas()[schema_id_of(framed)]
    source = io.BytesIO(framed)
    source.seek(FRAME_LENGTH)
    try:
        value: Any = schemaless_reader(source, schema.wire, _reader_schema(schema))
        record = _builder(schema.name)(value)
    except _MALFORMED as fault:
        raise Undecodable("MALFORMED", f"the bytes are no {schema.name}") from fault
    if source.tell() != len(framed):
        raise Undecodable("TRAILING_BYTES", f"bytes are left after the {schema.name}")
    return record


def _reader_schema(schema: contract.WriterSchema) -> Any:
    current = contract.current_ids()[schema.name]
    return None if current == schema.entry.schema_id else contract.writer_schemas()[current].wire


@cache
def _builder(name: str) -> Callable[[Mapping[str, Any]], Any]:
    cls = class_of(name)
    nested = {field: _converter(hint) for field, hint in get_type_hints(cls).items()}
    convert = {field: function for field, function in nested.items() if function is not None}
    ints = _ints(contract.sources()[name])

    def build(value: Mapping[str, Any]) -> Any:
        values = dict(value)
        for field in ints:  # the library reads a long where an int stands; another reader would stop there
            number = values[field]
            if number is not None and not -_INT_LIMIT <= number < _INT_LIMIT:
                raise OverflowError("an int has at most 32 bits")
        for field, function in convert.items():
            if values[field] is not None:
                values[field] = function(values[field])
        return cls(**values)

    return build


def _ints(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the fields that hold an int, alone, nullable or with a logical type."""
    found = []
    for field in schema["fields"]:
        kind = field["type"][1] if isinstance(field["type"], list) else field["type"]
        if "int" in (kind, kind.get("type") if isinstance(kind, dict) else None):
            found.append(field["name"])
    return tuple(found)


def _converter(hint: Any) -> Callable[[Any], Any] | None:
    args = [arg for arg in get_args(hint) if arg is not type(None) and arg is not Ellipsis]
    if getattr(hint, "__origin__", None) is tuple:
        inner = _converter(args[0])
        return tuple if inner is None else lambda items: tuple([inner(item) for item in items])
    if args:
        return _converter(args[0])
    return _builder(f"{contract.NAMESPACE}.{hint.__name__}") if hasattr(hint, "__dataclass_fields__") else None
