"""Records at random by their Avro schemas: a value for every field, an everyday one or an odd one.

Knows the contract's schema files alone: a new record or field of it is covered without a word here.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from schemas import codec, contract

if TYPE_CHECKING:
    from random import Random

ODD_TEXTS: Final = (
    *("", " ", "\t\n", "x", "-", "/", "a/b", ".", "0", "LAIN", "AKTIF", "PADAN", "null", "-1", "35.71", "202503"),
    *("\x00", "a\x1eb\x1fc", "\u202eABC", "\ufeffA", "é漢字🙂", "2025-13", "9" * 17, "z" * 26, "A" * 26),
    *("{}", "'; --", "../..", "a" * 300),
)
_LONGEST: Final = "L" * 70_000
_INTS: Final = (-(1 << 31), -1, 0, 1, 2, 3, 5, 8, 9, 13, 99, 100, 10_001, 20_000, 202_513, 999_999, (1 << 31) - 1)
_LONGS: Final = (*_INTS, -(1 << 63), -(1 << 62), 1 << 40, 1 << 53, (1 << 62), (1 << 63) - 1)
_OFTEN_NULL: Final = 0.7


@cache
def schema(name: str) -> Any:
    """Return the newest schema of a record or a fixed, by its short name."""
    return contract.sources()[f"{contract.NAMESPACE}.{name}"]


@cache
def fields(name: str) -> dict[str, Any]:
    """Return the type of each field of a record."""
    return {one["name"]: one["type"] for one in schema(name)["fields"]}


def everyday(chance: Random, kind: Any) -> Any:
    """Return a value of a type as somebody might say it who doesn't know better."""
    return _value(chance, kind, odd=False)


def odd(chance: Random, kind: Any) -> Any:
    """Return a value of a type as nobody would say it: empty, huge, negative, of another list."""
    return _value(chance, kind, odd=True)


def _value(chance: Random, kind: Any, *, odd: bool) -> Any:  # noqa: PLR0911  one line per kind of type
    match kind:
        case list():
            if chance.random() < _OFTEN_NULL:
                return None  # of this contract, a union is of null and one other
            return _value(chance, kind[-1], odd=odd)
        case {"type": "array", "items": items}:
            many = chance.choice((0, 1, 2, 3) if not odd else (0, 1, 2, 2, 40, 300))
            found = tuple(_value(chance, items, odd=odd) for _ in range(many))
            return found[:1] * len(found) if odd and chance.random() < 1 / 3 else found
        case {"type": "record", "name": name}:
            return _record(chance, name.rpartition(".")[2], odd=odd)
        case {"type": "fixed", "size": size}:
            return bytes(size) if odd and chance.random() < 1 / 2 else chance.randbytes(size)
        case {"type": inner}:
            return _value(chance, inner, odd=odd)
        case _:
            return _plain(chance, kind, odd=odd)


def _plain(chance: Random, kind: str, *, odd: bool) -> Any:
    """Return a value of a primitive type, or of one that another file names."""
    if kind in _PLAIN:
        return _PLAIN[kind](chance, odd)
    return _value(chance, schema(kind.rpartition(".")[2]), odd=odd)


def _record(chance: Random, name: str, *, odd: bool) -> Any:
    """Return a record; of an odd one, some fields are odd and most as they might be."""
    values = {one: _value(chance, of, odd=odd and chance.random() < 1 / 4) for one, of in fields(name).items()}
    return codec.class_of(f"{contract.NAMESPACE}.{name}")(**values)


def _text(chance: Random, odd: bool) -> str:  # noqa: FBT001  of one table with others
    if not odd:
        return chance.choice(("SURAT-1", "1", "2025.1", "BERKAS"))
    return _LONGEST if chance.random() < 1 / 200 else chance.choice(ODD_TEXTS)


_PLAIN: Final[dict[str, Any]] = {
    "string": _text,
    "bytes": lambda chance, odd: chance.choice((b"", b"\x00", bytes(range(256)))) if odd else b"sealed",
    "int": lambda chance, odd: chance.choice(_INTS) if odd else chance.randint(0, 5),
    "long": lambda chance, odd: chance.choice(_LONGS) if odd else chance.randint(0, 1_000_000),
    "boolean": lambda chance, odd: chance.random() < 1 / 2,
    "float": lambda chance, odd: chance.choice((0.0, -1.0, float("nan"), float("inf"))) if odd else 0.5,
    "double": lambda chance, odd: chance.choice((0.0, -1.0, float("nan"), float("inf"))) if odd else 0.5,
}
