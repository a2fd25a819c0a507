"""A family's state together with its bytes: what an event left as it was isn't written again.

The bytes are those of `codec.encode`, held to them by a test. A state's arrays are most of it, and an event changes an
item or two of one of them: so each item's bytes are kept beside it. Knows the contract; no rule, and nobody's topic.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import Any

from schemas import codec, contract, encoder
from schemas.contract import Schema
from schemas.encoder import Encoder
from schemas.records import FamilyState

_ARRAY, _EACH_EVENT = "array", frozenset({"sequence", "recorded_at", "recent_changes"})
_STATE = f"{contract.NAMESPACE}.{FamilyState.__name__}"


class Written:
    """A state, and the bytes of its parts. `framed` is exactly `codec.encode(state)`."""

    __slots__ = ("_parts", "framed", "state")
    _parts: "list[_Part]"

    def __init__(self, state: FamilyState, before: "Written | None" = None) -> None:
        frame, plan, nothing = _plan()
        pieces = [frame]
        parts: list[_Part] = []
        parts_before = (before and before._parts) or nothing  # noqa: SLF001  of its own class
        for (read, write, is_array), kept in zip(plan, parts_before, strict=True):
            value = read(state)
            if value is not kept[0] and (is_array or value != kept[0]):
                kept = _array(value, kept, write) if is_array else (value, write(state), [])  # noqa: PLW2901  replaced
            parts.append(kept)
            pieces.append(kept[1])
        self.state = state
        self.framed = b"".join(pieces)
        self._parts = parts

    @classmethod
    def read(cls, state: FamilyState, framed: bytes) -> "Written":
        """Return a state as it was read from these bytes; its parts are written apart once it has a successor."""
        known = cls.__new__(cls)
        known.state, known.framed, known._parts = state, framed, []  # noqa: SLF001  of its own class
        return known


# A value, its bytes, and those of its items; the value of fields that are written together is a tuple of theirs.
_Part = tuple[Any, bytes, list[bytes]]
_Step = tuple[Callable[[FamilyState], Any], Encoder, bool]
_ZERO = encoder.long(0)


def _array(items: Sequence[Any], kept: _Part, write: Encoder) -> _Part:
    """Return an array with the bytes of the whole, in one block as the encoders write it, and of each item."""
    pieces = [piece if new is was else write(new) for new, was, piece in zip(items, kept[0], kept[2], strict=False)]
    if len(pieces) < len(items):
        pieces += [write(new) for new in items[len(pieces) :]]
    if not pieces:
        return items, _ZERO, pieces
    return items, b"".join((encoder.long(len(pieces)), *pieces, _ZERO)), pieces


@cache
def _plan() -> tuple[bytes, tuple[_Step, ...], list[_Part]]:
    """Return the frame of a state, what reads and writes its parts in order, and the parts of no state at all."""
    schema_id = contract.current_ids()[_STATE]
    fields = contract.writer_schemas()[schema_id].wire["fields"]
    plan = tuple(_steps(fields))
    nothing: list[_Part] = [((), _ZERO, []) if is_array else (None, b"", []) for _, _, is_array in plan]
    return codec.FRAME.pack(0, schema_id), plan, nothing


def _steps(fields: Sequence[Schema]) -> Iterator[_Step]:
    for kind, run in groupby(fields, key=_kind):
        together = list(run)
        if kind == _ARRAY:
            yield from ((attrgetter(one["name"]), _item(one["type"]["items"]), True) for one in together)
        else:
            write = encoder.generate({"type": "record", "name": _STATE, "fields": together})
            yield attrgetter(*[one["name"] for one in together]), write, False


def _kind(field: Schema) -> str:
    """Return what a field is written together with: its like on either side, but not what each event changes."""
    if isinstance(field["type"], dict) and field["type"]["type"] == "array":
        return _ARRAY
    return "moving" if field["name"] in _EACH_EVENT else "standing"


def _item(kind: Any) -> Callable[[Any], bytes]:
    """Return what writes a record by the schema of its own, where every type it names is defined."""
    name = kind if isinstance(kind, str) else kind["name"]
    return encoder.generate(contract.writer_schemas()[contract.current_ids()[name]].wire)
