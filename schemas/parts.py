"""What the records inside a family's state have beside their fields: room for their own bytes.

Successive states share what a change left alone, so each part is written once. The bytes are no field: equality,
hash, repr, `dataclasses.replace`, copies and pickles know nothing of them.
"""

from dataclasses import fields
from typing import Any


class Part:
    """A frozen dataclass with slots that keeps its Avro bytes once the encoder wrote them."""

    __slots__ = ("_encoded",)

    def __post_init__(self) -> None:
        """Hold no bytes yet."""
        _SET(self, None)

    def __reduce__(self) -> tuple[Any, ...]:
        cls: Any = type(self)
        return _remade, (cls, [getattr(self, field.name) for field in fields(cls)])


_SET = Part.__dict__["_encoded"].__set__  # past the frozen `__setattr__` of the dataclasses below


def keep(part: Part, encoded: bytes) -> bytes:
    """Return the bytes of a part, and have it keep them."""
    _SET(part, encoded)
    return encoded


def _remade(cls: type[Any], values: list[Any]) -> Any:
    return cls(**dict(zip((field.name for field in fields(cls)), values, strict=True)))
