"""From what a source says, dicts within dicts, to the record of the contract that its encoder takes.

Knows the contract's classes; must not know what a field means. A field that the record doesn't have is a TypeError, as
is one that it must have and hasn't.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, get_args, get_origin, get_type_hints

from schemas import codec, contract

Maker = Callable[[Mapping[str, Any]], Any]

_HEADER: Final = "header"  # made as a record by who knows the change


@cache
def maker(name: str) -> Maker:
    """Return what makes the record with this full name of its fields; lists become tuples, dicts records."""
    cls = codec.class_of(name)
    made = {field: _made(hint) for field, hint in get_type_hints(cls).items() if field != _HEADER}
    inner = [(field, make) for field, make in made.items() if make is not None]

    def make(datum: Mapping[str, Any]) -> Any:
        values = dict(datum)
        for field, convert in inner:
            value = values.get(field)
            if value is not None:
                values[field] = convert(value)
        return cls(**values)

    return make if inner else lambda datum: cls(**datum)


def _made(hint: Any) -> Callable[[Any], Any] | None:
    """Return what makes a value of this type of what a source has, None when it is one already."""
    if get_origin(hint) is tuple:
        item = _made(get_args(hint)[0])
        return tuple if item is None else lambda items: tuple([item(one) for one in items])
    if hasattr(hint, "__dataclass_fields__"):
        return maker(f"{contract.NAMESPACE}.{hint.__name__}")
    present = [_made(inner) for inner in get_args(hint) if inner is not type(None)]
    return present[0] if present else None
