"""Groups of commands that load a command's module when that command is asked for.

A worker is started as a command of its own, a whole system is eight of them, and each would load what all commands
together stand on. Must not know any command.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

Table = Mapping[str, str]
"""Where each command is, by its name: `module:function` or, of a group of its own, `module:app`, within `jejak.cli`."""


Command = Any
"""A command as Typer makes it; its type is not part of Typer's public names."""


class _Commands(Mapping[str, Command]):
    """The commands of a table by name, each loaded when it is taken."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._loaded: dict[str, Command] = {}

    def __getitem__(self, name: str) -> Command:
        if name not in self._loaded:
            self._loaded[name] = _load(name, self._table[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


def _load(name: str, place: str) -> Command:
    module, _, attribute = place.partition(":")
    found: typer.Typer | Callable[..., Any] = getattr(import_module(f"jejak.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        command: Command = get_group(found)
    else:
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(name)(found)
        command = get_command(alone)
    command.name = name
    return command


def group_of(table: Table) -> type[TyperGroup]:
    """Return the class of a group with the commands of the table, in its order."""

    class Lazy(TyperGroup):
        """A group whose commands are loaded one by one."""

        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.commands = _Commands(table)  # type: ignore[assignment]  # only ever read

    return Lazy
