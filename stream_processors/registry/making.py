"""Makes the frozen records of the contract at a third of the cost of their own `__init__` and of `replace`.

A record is filled while it is blank, as the decoders do it, by straight-line functions generated once for each class.
Knows dataclasses with slots; must not know what any field means.
"""

from collections.abc import Callable
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, ParamSpec, TypeVar

from schemas.decoder import blank

P = ParamSpec("P")
T = TypeVar("T")


def maker(cls: Callable[P, T]) -> Callable[P, T]:
    """Return what makes a record of this class from the keywords of its `__init__`, with the same defaults."""
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]  # a dataclass with slots
    defaults = {f"default_{one.name}": one.default for one in fields(cls) if one.default is not MISSING}  # type: ignore[arg-type]
    taken = [f"{name}=default_{name}" if f"default_{name}" in defaults else name for name in names]
    lines = [f"def make(*, {', '.join(taken)}):", "    new = blank()"]
    lines += [f"    new.{name} = {name}" for name in names]
    made: Callable[P, T] = _function("make", [*lines, "    new.__class__ = cls", "    return new"], cls, defaults)
    return made


def replace(record: T, **changes: Any) -> T:
    """Return the record with other values in these fields; raises AttributeError for a field it doesn't have."""
    kind: Any = type(record)
    copied: T = _copier(kind)(record, changes)
    return copied


@cache
def _copier(cls: Any) -> Callable[[Any, dict[str, Any]], Any]:
    lines = ["def copy(old, changes):", "    new = blank()"]
    lines += [f"    new.{field.name} = old.{field.name}" for field in fields(cls)]
    lines += ["    for name, value in changes.items():", "        setattr(new, name, value)"]
    made: Callable[[Any, dict[str, Any]], Any] = _function(
        "copy", [*lines, "    new.__class__ = cls", "    return new"], cls, {}
    )
    return made


def _function(name: str, lines: list[str], cls: Any, values: dict[str, Any]) -> Any:
    scope = {"blank": blank(cls), "cls": cls, **values}
    exec("\n".join(lines), scope)  # noqa: S102  the text is made here from the fields of our own records
    return scope[name]
