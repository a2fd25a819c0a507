"""Which fields of a record are sealed, for whose key, and the path that a sealed value is bound to.

Read from the `sealed` attribute of the .avsc files, so that what is personal is said in one place. It must not know
keys or ciphers.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from schemas import contract

Owner = Literal[
    "family", "person", "members", "person_or_members", "head_or_members", "objector_and_members"
]  # whose key: what names a person never goes under the family's, which outlives the person (decision 0030)


@dataclass(frozen=True, slots=True)
class SealedField:
    """A sealed field of a record; `path` names it from the record's top, without the places of list items."""

    name: str
    path: str
    owner: Owner


@dataclass(frozen=True, slots=True)
class Shape:
    """What there is to seal in a record: its own fields, and the shapes of the records within it.

    The person of a record is the one its `person_ref` names, the objector the one of its `objector_ref`; the family is
    the header's, and the head the one individual whose `relationship` is 1. `…_or_members`: the members' key where the
    record names no such person; `…_and_members`: sealed for both, the person's layer within.
    """

    fields: frozenset[str]
    sealed: tuple[SealedField, ...]
    records: tuple[tuple[str, "Shape"], ...]
    lists: tuple[tuple[str, "Shape"], ...]


@cache
def shape_of(name: str) -> Shape:
    """Return the shape of the record with this full name, as its newest schema declares it."""
    return _shape(contract.sources()[name], "")


def _shape(schema: Any, prefix: str) -> Shape:
    sealed: list[SealedField] = []
    records: list[tuple[str, Shape]] = []
    lists: list[tuple[str, Shape]] = []
    for field in schema["fields"]:
        path = f"{prefix}{field['name']}"
        if "sealed" in field:
            sealed.append(SealedField(field["name"], path, field["sealed"]))
        elif (inner := _record_in(field["type"])) is not None:
            (lists if _is_list(field["type"]) else records).append((field["name"], _shape(inner, f"{path}.")))
    names = frozenset(field["name"] for field in schema["fields"])
    return Shape(names, tuple(sealed), _with_sealed(records), _with_sealed(lists))


def _with_sealed(found: list[tuple[str, Shape]]) -> tuple[tuple[str, Shape], ...]:
    return tuple((name, shape) for name, shape in found if shape.sealed or shape.records or shape.lists)


def _is_list(kind: Any) -> bool:
    return isinstance(kind, dict) and kind.get("type") == "array"


def _record_in(kind: Any) -> Any:
    """Return the schema of the record that a field holds, alone, nullable or in a list; None when it holds none."""
    match kind:
        case ["null", inner] | {"type": "array", "items": inner}:
            return _record_in(inner)
        case str() if kind in contract.sources() and contract.sources()[kind]["type"] == "record":
            return contract.sources()[kind]
        case _:
            return None
