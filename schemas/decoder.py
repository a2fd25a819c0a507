"""Reads a record from its Avro bytes; one function per record type, generated from its locked wire schema.

Knows Avro's binary encoding, our schemas and their dataclasses; must not know framing's ids or what a field means.
A record is filled while it is blank, an object of a class with the same slots that lets its attributes be set, and
then given its class: a frozen dataclass made by its own `__init__` costs more than reading its bytes.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Never

from schemas import varints
from schemas.contract import Schema
from schemas.framing import FRAME_LENGTH, Undecodable
from schemas.parts import Part

Decoder = Callable[[bytes], Any]

_SCOPE: Mapping[str, Any] = {
    "small": varints.SMALL,
    "long": varints.read_long,
    "int_": varints.read_int,
    "length": varints.read_length,
    "count": varints.read_count,
    "flag": (False, True),
}
_BLANKS: dict[type[Any], type[Any]] = {}
_NUMBERS = {"long": "long", "int": "int_"}
_MANY = varints.CONTINUES | 1  # bits of a first byte that make a length negative, or longer than this byte


def generate(schema: Schema, class_of: Callable[[str], type[Any]]) -> Decoder:
    """Return a function from framed bytes to the record of this parsed wire schema in them.

    The function raises IndexError or ValueError for bytes that are none, Undecodable when bytes are left. A kind of
    type that the contract doesn't use is a TypeError here.
    """
    source = Source()
    source.record("record", schema)
    source.end("record")
    made: Decoder = source.function("data", blanks(source, class_of) | {"ended": ended(schema["name"])})
    return made


def blanks(source: "Source", class_of: Callable[[str], type[Any]]) -> dict[str, Any]:
    """Return the classes that generated text names: each record's, and its blank."""
    classes = {name: class_of(full) for name, full in source.records.items()}
    return classes | {f"blank_{name}": blank(cls) for name, cls in classes.items()}


def blank(cls: type[Any]) -> type[Any]:
    """Return a class laid out as this dataclass with slots, whose instances take any value and may become its own."""
    if cls not in _BLANKS:
        body: dict[str, Any] = {"__slots__": tuple(field.name for field in fields(cls))}
        if issubclass(cls, Part):
            body["__init__"] = Part.__post_init__
        _BLANKS[cls] = type(cls.__name__, cls.__bases__, body)
    return _BLANKS[cls]


def ended(name: str) -> Callable[[int, bytes], Never]:
    """Return what raises for bytes of this record that end before or after the offset where they should."""

    def raising(at: int, data: bytes) -> Never:
        if at < len(data):
            raise Undecodable("TRAILING_BYTES", f"bytes are left after the {name}")
        raise ValueError("the bytes end too early")

    return raising


class Source:
    """The text of one function over `data`, written field by field along a cursor.

    The cursor is a name and a constant, so that a field of fixed size costs no statement. What ends too early shows
    where a byte is looked up beyond the end, or at the very end; a slice beyond it is only short.
    """

    def __init__(self) -> None:
        self.records: dict[str, str] = {}
        self._lines: list[str] = []
        self._indent = "    "
        self._base = ""
        self._plus = FRAME_LENGTH
        self._sizes: dict[str, int] = {}
        self._schemas: dict[str, Mapping[str, Any]] = {}
        self._depth = 0

    def function(self, arguments: str, scope: Mapping[str, Any]) -> Any:
        """Return the function of the text so far."""
        names = dict(_SCOPE) | dict(scope)
        text = "\n".join([f"def read({arguments}):", *self._lines])
        exec(text, names)  # noqa: S102  the text is made here from our own locked schema files
        return names["read"]

    def write(self, *lines: str) -> None:
        """Add statements."""
        self._lines += [self._indent + line for line in lines]

    def end(self, result: str) -> None:
        """Return this expression from the function, if the bytes end here."""
        self.write(f"if {self.at()} != len(data): ended({self.at()}, data)", f"return {result}")

    def at(self, more: int = 0) -> str:
        """Return the expression of the cursor, or of a place so many bytes after it."""
        plus = self._plus + more
        if not self._base:
            return str(plus)
        return f"{self._base} + {plus}" if plus else self._base

    def _moved(self) -> None:
        self._base, self._plus = "i", 0

    def record(self, target: str, schema: Mapping[str, Any], known: frozenset[str] = frozenset()) -> None:
        """Read a record into the name `target`; the fields in `known` were read before, into names like theirs."""
        name = schema["name"].rpartition(".")[2]
        self.records[name] = schema["name"]
        self._schemas[schema["name"]] = schema
        self.write(f"{target} = blank_{name}()")
        for field in schema["fields"]:
            if field["name"] in known:
                self.write(f"{target}.{field['name']} = {field['name']}")
            else:
                self.field(f"{target}.{field['name']}", field["type"])
        self.write(f"{target}.__class__ = {name}")

    def field(self, target: str, kind: Any) -> None:
        """Read a value of this kind of type into `target`, or past it where `target` is empty."""
        match kind:
            case ["null", inner]:
                self._nullable(target, inner)
            case {"type": "array", "items": items} if target:
                self._array(target, items)
            case {"type": "record"} if target:
                name = f"r{self._depth}"
                self._depth += 1
                self.record(name, kind)
                self._depth -= 1
                self.write(f"{target} = {name}")
            case _ if size := self._size(kind):
                if target:
                    self.write(f"{target} = data[{self.at()}:{self.at(size)}]")
                self._plus += size
            case {"type": str(plain)}:
                self._plain(target, plain)
            case str() if kind in self._schemas:
                self.field(target, self._schemas[kind])
            case str():
                self._plain(target, kind)
            case _:
                raise TypeError(f"the contract doesn't use this kind of type, or a reader doesn't know it here: {kind}")

    def _plain(self, target: str, kind: str) -> None:
        match kind:
            case "string" | "bytes":
                self._octets(target, ".decode()" if kind == "string" else "")
            case "long" | "int":
                self.write(f"n = data[{self.at()}]", "if n < 128:")
                self.write(f"    {target or 'n'} = small[n]", f"    i = {self.at(1)}", "else:")
                self.write(f"    {target or 'n'}, i = {_NUMBERS[kind]}(data, {self.at()})")
                self._moved()
            case "boolean":
                self.write(f"{target or 'n'} = flag[data[{self.at()}]]")
                self._plus += 1
            case _:
                raise TypeError(f"the contract doesn't use this kind of type, or a reader doesn't know it here: {kind}")

    def _octets(self, target: str, decoded: str) -> None:
        self.write(f"n = data[{self.at()}]", f"if n & {_MANY}:", f"    n, a = length(data, {self.at()})")
        if target:
            self.write("    i = a + n", "else:", f"    a = {self.at(1)}", "    i = a + (n >> 1)")
            self.write(f"{target} = data[a:i]{decoded}")
        else:
            self.write("    i = a + n", "else:", f"    i = {self.at(1)} + (n >> 1)")
        self._moved()

    def _nullable(self, target: str, inner: Any) -> None:
        place = self.at()
        self.write(f"n = data[{place}]", "if n == 2:")
        self._plus += 1
        after = self.at()
        self._indented(lambda: self.field(target, inner))
        self.write("elif n:", "    raise ValueError('no branch of this union, in one byte')", "else:")
        if target:
            self.write(f"    {target} = None")
        self.write(f"    i = {after}")
        self._moved()

    def _array(self, target: str, items: Any) -> None:
        depth = self._depth
        self._depth += 1
        self.write(f"c{depth} = data[{self.at()}]", f"i = {self.at(1)}")
        self._moved()
        self.write(f"many{depth} = []", f"while c{depth}:", f"    if c{depth} & {_MANY}:")
        self.write(f"        c{depth}, i = count(data, i - 1)", "    else:", f"        c{depth} >>= 1")
        self.write(f"    for _ in range(c{depth}):")
        self._indented(lambda: self._item(depth, items), steps=2)
        self.write(f"    c{depth} = data[i]", "    i += 1", f"{target} = tuple(many{depth})")
        self._depth -= 1

    def _item(self, depth: int, items: Any) -> None:
        self.field(f"item{depth}", items)
        self.write(f"many{depth}.append(item{depth})")

    def _indented(self, body: Callable[[], None], steps: int = 1) -> None:
        """Write a block that leaves the cursor in the name `i`."""
        before, self._indent = self._indent, self._indent + "    " * steps
        body()
        if self.at() != "i":
            self.write(f"i = {self.at()}")
        self._moved()
        self._indent = before

    def _size(self, kind: Any) -> int | None:
        """Return the size of a fixed type, at its definition or by its name; None for any other kind."""
        match kind:
            case {"type": "fixed", "name": str(name), "size": int(size)}:
                space = kind.get("namespace")
                self._sizes[f"{space}.{name}" if space and "." not in name else name] = size
                return size
            case str():
                return self._sizes.get(kind)
            case _:
                return None
