"""A family's state together with its bytes: what an event left as it was isn't written again.

The bytes are those of `codec.encode`, held to them by a test. A state's arrays are most of it, and an event changes an
item or two of one of them: so each item's bytes are kept beside it. Knows the contract; no rule, and nobody's topic.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import Any

from schemas import codec, contract, encoder
from schemas.contract import Schema
from schemas.encoder import Encoder
from schemas.records import FamilyState

_ARRAY, _MOVING = "array", "moving"
# Written at each event; and a field that often changes while its neighbours stay.
_KINDS = dict.fromkeys(("sequence", "recorded_at", "recent_changes"), _MOVING) | {"counted": "counted"}
_STATE = f"{contract.NAMESPACE}.{FamilyState.__name__}"
_ZERO = encoder.long(0)

Parts = tuple[Any, ...]  # of each part what was written and its bytes, of an array those of its items too


class Written:
    """A state and its bytes: `framed` is exactly `codec.encode(state)`."""

    __slots__ = ("_parts", "framed", "state")
    _parts: Parts | None

    def __init__(self, state: FamilyState, before: "Written | None" = None) -> None:
        write, nothing = _writer()
        self.state = state
        self.framed, self._parts = write(state, (before and before._parts) or nothing)  # noqa: SLF001  its own class

    @classmethod
    def read(cls, state: FamilyState, framed: bytes) -> "Written":
        """Return a state as it was read from these bytes; its parts are written apart once it has a successor."""
        known = cls.__new__(cls)
        known.state, known.framed, known._parts = state, framed, None  # noqa: SLF001  of its own class
        return known


@cache
def _writer() -> tuple[Callable[[FamilyState, Parts], tuple[bytes, Parts]], Parts]:
    """Return a function from a state and its predecessor's parts to its bytes and parts; and the parts of none.

    It is one straight line over the fields, generated from the newest schema of a state.
    """
    schema_id = contract.current_ids()[_STATE]
    scope: dict[str, Any] = {"array": _array, "join": b"".join, "frame": codec.FRAME.pack(0, schema_id)}
    lines: list[str] = []
    kept: list[str] = []
    pieces: list[str] = []
    nothing: list[Any] = []
    for number, (kind, names, write) in enumerate(_runs(contract.writer_schemas()[schema_id].wire["fields"])):
        scope[f"write{number}"] = write
        pieces.append(f"bytes{number}")
        if kind == _MOVING:
            lines.append(f"bytes{number} = write{number}(state)")
            continue
        lines += _step(number, kind, names)
        kept += [f"old{number}", f"bytes{number}"] + ([f"items{number}"] if kind == _ARRAY else [])
        nothing += [(), _ZERO, []] if kind == _ARRAY else [None, b""]
    parts = ", ".join(kept)
    body = [f"{parts} = kept", *lines, f"return join((frame, {', '.join(pieces)})), ({parts})"]
    exec("\n".join(["def write(state, kept):", *("    " + line for line in body)]), scope)  # noqa: S102  made here
    return scope["write"], tuple(nothing)


def _step(number: int, kind: str, names: Sequence[str]) -> list[str]:
    """Return the statements that bring one part up to date."""
    if kind == _ARRAY:
        written = f"items{number}, bytes{number} = array(new, old{number}, items{number}, write{number})"
        return [f"new = state.{names[0]}", f"if new is not old{number}:", f"    {written}", f"    old{number} = new"]
    values = ", ".join(f"state.{name}" for name in names)
    lines = [f"new = ({values},)", f"if new != old{number}:"]
    return [*lines, f"    old{number} = new", f"    bytes{number} = write{number}(state)"]


def _array(items: Sequence[Any], old: Sequence[Any], kept: list[bytes], write: Encoder) -> tuple[list[bytes], bytes]:
    """Return the bytes of each item of an array, and of the whole in one block as the encoders write it."""
    pieces = [piece if new is was else write(new) for new, was, piece in zip(items, old, kept, strict=False)]
    if len(pieces) < len(items):
        pieces += [write(new) for new in items[len(pieces) :]]
    if not pieces:
        return pieces, _ZERO
    return pieces, b"".join((encoder.long(len(pieces)), *pieces, _ZERO))


def _runs(fields: Sequence[Schema]) -> Iterator[tuple[str, tuple[str, ...], Encoder]]:
    """Yield the parts of a state in order: their kind, their fields, and what writes them, or an array's items."""
    for kind, run in groupby(fields, key=_kind):
        together = list(run)
        if kind == _ARRAY:
            yield from ((kind, (one["name"],), _item(one["type"]["items"])) for one in together)
        else:
            write = encoder.generate({"type": "record", "name": _STATE, "fields": together})
            yield kind, tuple(one["name"] for one in together), write


def _kind(field: Schema) -> str:
    if isinstance(field["type"], dict) and field["type"]["type"] == "array":
        return _ARRAY
    return _KINDS.get(field["name"], "standing")


def _item(kind: Any) -> Encoder:
    """Return what writes a record by the schema of its own, where every type it names is defined."""
    name = kind if isinstance(kind, str) else kind["name"]
    return encoder.generate(contract.writer_schemas()[contract.current_ids()[name]].wire)
