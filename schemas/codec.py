"""Records to bytes and back: Confluent framing (00, 4-byte schema id) around plain Avro.

Knows the contract; must not know topics, keys or rules. What can't be decoded is an `Undecodable`, with a code.
"""

import io
import struct
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, get_args, get_type_hints

from fastavro import schemaless_reader

from schemas import contract, encoder, records
from schemas.contract import WriterSchema
from schemas.decoder import Decoder
from schemas.decoder import generate as generate_decoder
from schemas.encoder import Encoder
from schemas.framing import FRAME, FRAME_LENGTH, ByFrame, Undecodable, schema_id_of
from schemas.prefix import Prefix, Reader, generate_reader, walk

__all__ = [
    "FRAME",
    "FRAME_LENGTH",
    "Undecodable",
    "body",
    "class_of",
    "decode",
    "encode",
    "name_of",
    "read",
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
    decoder = _DECODERS[framed[:FRAME_LENGTH]]
    try:
        return decoder(framed)
    except Undecodable:
        raise
    except (IndexError, ValueError) as fault:
        raise Undecodable("MALFORMED", "the bytes aren't the record of their id") from fault


def read(framed: bytes) -> tuple[Prefix, Any]:
    """Return the prefix and the record of a change or event at once, as `prefix.walk` and `decode` do.

    Raises Undecodable as they do; where neither header nor record is sound, with the code of either.
    """
    reader = _READERS[framed[:FRAME_LENGTH]]
    try:
        return reader(framed)
    except Undecodable:
        raise
    except (IndexError, ValueError) as fault:
        raise Undecodable("MALFORMED", "the bytes aren't the record of their id") from fault


def _decoder(schema: WriterSchema) -> Decoder:
    return generate_decoder(schema.wire, class_of) if _is_newest(schema) else partial(_resolve, schema)


def _reader(schema: WriterSchema) -> Reader:
    if _is_newest(schema) and schema.wire["fields"][0]["name"] == "header":
        return generate_reader(schema.wire, class_of)
    return lambda framed: (walk(framed), decode(framed))


_DECODERS = ByFrame(_decoder)
_READERS = ByFrame(_reader)


def _is_newest(schema: WriterSchema) -> bool:
    return contract.current_ids()[schema.name] == schema.entry.schema_id


def _resolve(schema: WriterSchema, framed: bytes) -> Any:
    """Return the record in bytes of another version than the newest, by a library that resolves the two."""
    source = io.BytesIO(framed)
    source.seek(FRAME_LENGTH)
    newest = contract.writer_schemas()[contract.current_ids()[schema.name]]
    try:
        value: Any = schemaless_reader(source, schema.wire, newest.wire)
        record = _builder(schema.name)(value)
    except _MALFORMED as fault:
        raise Undecodable("MALFORMED", f"the bytes are no {schema.name}") from fault
    if source.tell() != len(framed):
        raise Undecodable("TRAILING_BYTES", f"bytes are left after the {schema.name}")
    return record


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
