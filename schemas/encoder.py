"""Writes a record's attributes as Avro bytes; one function per record type, generated from its locked wire schema.

Knows Avro's binary encoding and our schemas; must not know framing, classes or what a field means. Avro libraries
take dicts, and making those costs more than writing the bytes; a test holds every record type to fastavro's bytes.
"""

from collections.abc import Callable, Mapping
from typing import Any, Never

from schemas import contract
from schemas.contract import Schema
from schemas.parts import keep

Encoder = Callable[[Any], bytes]

_GROUP = 14  # bits written in one step: two bytes of seven
_MASK = (1 << _GROUP) - 1
_THREE_GROUPS, _FOUR_GROUPS = 1 << 3 * _GROUP, 1 << 4 * _GROUP
_SMALL = 1 << (_GROUP - 1)  # zigzag doubles a value: those from 0 to here are looked up
_LONG_LIMIT = 1 << 63
_INT_LIMIT = 1 << 31
_CONTINUED = [bytes((group & 0x7F | 0x80, group >> 7 | 0x80)) for group in range(1 << _GROUP)]
_LAST = [bytes((group,)) for group in range(0x80)] + [
    bytes((group & 0x7F | 0x80, group >> 7)) for group in range(0x80, 1 << _GROUP)
]
_SMALL_LONGS = _LAST[::2]


def long(value: int) -> bytes:
    """Return the Avro encoding of a long; raises OverflowError for more than 64 bits, TypeError for no integer."""
    if 0 <= value < _SMALL:
        return _SMALL_LONGS[value]
    if not -_LONG_LIMIT <= value < _LONG_LIMIT:
        raise OverflowError("a long has at most 64 bits")
    rest = (value << 1) ^ (value >> 63)
    if _THREE_GROUPS <= rest < _FOUR_GROUPS:  # times in microseconds
        return (
            _CONTINUED[rest & _MASK]
            + _CONTINUED[rest >> _GROUP & _MASK]
            + _CONTINUED[rest >> 2 * _GROUP & _MASK]
            + _LAST[rest >> 3 * _GROUP]
        )
    out = b""
    while rest > _MASK:
        out += _CONTINUED[rest & _MASK]
        rest >>= _GROUP
    return out + _LAST[rest]


def _int(value: int) -> bytes:
    if not -_INT_LIMIT <= value < _INT_LIMIT:
        raise OverflowError("an int has at most 32 bits")
    return long(value)


def _text(value: str) -> bytes:
    return _octets(value.encode())


def _octets(value: bytes) -> bytes:
    return long(len(value)) + value


def _fixed(value: bytes, size: int) -> bytes:
    return value if len(value) == size else _wrong_size(size)


def _wrong_size(size: int) -> Never:
    raise ValueError(f"exactly {size} bytes belong here")


def _no_tuple() -> Never:
    raise TypeError("an array is a tuple: text would pass for a row of letters")


_SCOPE: Mapping[str, Any] = {
    "small": _SMALL_LONGS,
    "long": long,
    "int_": _int,
    "flag": {False: b"\x00", True: b"\x01"},
    "text": _text,
    "octets": _octets,
    "fixed": _fixed,
    "wrong_size": _wrong_size,
    "no_tuple": _no_tuple,
    "join": b"".join,
    "keep": keep,
}


# One expression each, for a value of that name.
_LOOKED_UP = f"(small[{{0}}] if 0 <= {{0}} < {_SMALL} else {{1}}({{0}}))"
_WRITTEN = {
    "long": _LOOKED_UP.format("{0}", "long"),
    "int": _LOOKED_UP.format("{0}", "int_"),
    "boolean": "flag[{0}]",
    "string": "text({0})",
    "bytes": "octets({0})",
}


def generate(schema: Schema) -> Encoder:
    """Return a function from a record's attributes to its Avro bytes under this parsed wire schema.

    The function raises AttributeError, TypeError, KeyError, ValueError or OverflowError for a value that is not of
    its field's type. A kind of type that the contract doesn't use is a TypeError here.
    """
    source = _Source()
    main = source.function(schema)
    scope = dict(_SCOPE)
    exec("\n".join(source.lines), scope)  # noqa: S102  the text is made here from our own locked schema files
    encoder: Encoder = scope[main]
    return encoder


class _Source:
    """The text of the functions of one record and of the records inside it, inner ones first."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._sizes: dict[str, int] = {}
        self._functions: dict[str, str] = {}

    def function(self, schema: Mapping[str, Any]) -> str:
        """Write the function of a record schema, and return its name."""
        name: str = "encode_" + schema["name"].replace(".", "_")
        self._functions[schema["name"]] = name
        statements: list[str] = []
        pieces: list[str] = []
        for number, field in enumerate(schema["fields"]):
            checks, written = self._field(f"v{number}", f"n{number}", field["type"])
            statements += [f"v{number} = record.{field['name']}", *checks]
            pieces += written
        joined = f"join(({', '.join(pieces)},))"
        kept = schema["name"] in contract.parts()
        body = [*statements, f"return keep(record, {joined})" if kept else f"return {joined}"]
        self.lines += [f"def {name}(record):", *("    " + line for line in body)]
        return name

    def _field(self, value: str, size: str, kind: Any) -> tuple[list[str], list[str]]:
        """Return the statements a field needs and the pieces it adds; the common kinds are written without a call."""
        length = f"(small[{size}] if {size} < {_SMALL} else long({size}))"
        match kind:
            case "string":
                return [f"{value} = {value}.encode()", f"{size} = len({value})"], [length, value]
            case "bytes":
                return [f"{size} = len({value})"], [length, value]
            case {"type": "array", "items": items}:
                checks = [f"if type({value}) is not tuple: no_tuple()", f"{size} = len({value})"]
                written = f"*[{self._one('one', items)} for one in {value}]"
                return checks, [length, written, f"b'\\0' if {size} else b''"]
            case _ if expected := self._size(kind):
                return [f"if len({value}) != {expected}: wrong_size({expected})"], [value]
            case _:
                return [], [self._one(value, kind)]

    def _one(self, value: str, kind: Any) -> str:
        """Return one expression for the bytes of `value`, a name."""
        match kind:
            case ["null", inner]:
                return f"(b'\\0' if {value} is None else b'\\2' + {self._one(value, inner)})"
            case str() if kind in _WRITTEN:
                return _WRITTEN[kind].format(value)
            case {"type": str(plain)} if plain in _WRITTEN:
                return _WRITTEN[plain].format(value)
            case _ if size := self._size(kind):
                return f"fixed({value}, {size})"
            case _:
                return self._inner(value, kind)

    def _inner(self, value: str, kind: Any) -> str:
        """Return the expression for a record inside this one: a part of a state is written once and keeps its bytes."""
        name = self._record(kind)
        full = kind if isinstance(kind, str) else kind["name"]
        return f"({value}._encoded or {name}({value}))" if full in contract.parts() else f"{name}({value})"

    def _record(self, kind: Any) -> str:
        """Return the name of a record's function, written now where the record is defined here."""
        match kind:
            case {"type": "record"}:
                return self.function(kind)
            case str() if kind in self._functions:
                return self._functions[kind]
            case _:
                raise TypeError(f"the contract doesn't use this kind of type: {kind}")

    def _size(self, kind: Any) -> int | None:
        """Return the size of a fixed type, at its definition or by its name; None for any other kind."""
        match kind:
            case {"type": "fixed", "name": str(name), "size": int(size)}:
                self._sizes[name] = size
                return size
            case str():
                return self._sizes.get(kind)
            case _:
                return None
