"""What the watch marks of an entry, held back until the alerts of it are acknowledged.

An entry that was marked is not looked at again: who is killed between a mark and its alert would never tell it. Told
first, it is told again, by the same id. Pure; must not know where marks go, nor who is told.
"""

from collections.abc import Iterator, MutableMapping
from typing import Any, Final

_GONE: Final = object()


class Marks(MutableMapping[bytes, Any]):
    """The mapping beneath as it will be once all is written, in the order in which it was written here."""

    def __init__(self, beneath: MutableMapping[bytes, Any]) -> None:
        self._beneath = beneath
        self._held: dict[bytes, Any] = {}

    def write(self) -> None:
        """Hand what was held back to the mapping beneath."""
        held, self._held = self._held, {}
        for key, value in held.items():
            if value is not _GONE:
                self._beneath[key] = value
            elif key in self._beneath:
                del self._beneath[key]

    def drop(self) -> None:
        """Forget what was held back: nobody was told."""
        self._held = {}

    def __getitem__(self, key: bytes) -> Any:
        value = self._held[key] if key in self._held else self._beneath[key]
        if value is _GONE:
            raise KeyError(key)
        return value

    def __setitem__(self, key: bytes, value: Any) -> None:
        self._held.pop(key, None)  # its place is that of its last writing
        self._held[key] = value

    def __delitem__(self, key: bytes) -> None:
        if key not in self:
            raise KeyError(key)
        self[key] = _GONE

    def __iter__(self) -> Iterator[bytes]:
        yield from (key for key in self._beneath if key not in self._held)
        yield from (key for key, value in self._held.items() if value is not _GONE)

    def __len__(self) -> int:
        return sum(1 for _ in self)
