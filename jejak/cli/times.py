"""The options --as-of and --known-at, as every command takes and tells them; --visible-from and --order of a look."""

from typing import Annotated

import typer

from consumers.replay import moments
from consumers.replay.moments import MalformedTime, Moments
from jejak import composition

AsOf = Annotated[str, typer.Option(help="True in the world by then: ISO 8601 with zone, or a date (its end in WIB).")]
VisibleFrom = Annotated[
    str,
    typer.Option(help="Where the purpose withholds its looks: when whom this one is about may see it, the same way."),
]
Order = Annotated[
    str | None, typer.Option(help="Where it takes one: the court order's reference, without spaces, as 12/Pen/2026/PN.")
]
KnownAt = Annotated[str, typer.Option(help="Known to the registry by then, the same way; by default all there is.")]


def asked_at(as_of: str, known_at: str) -> Moments:
    """Return the times that a question names; a malformed one is wrong usage.

    Nothing is known yet at a time ahead, such as the end of today: known by then means known by now, and says so.
    """
    try:
        known = min(moments.parse(known_at), composition.now()) if known_at else None
        return Moments(moments.parse(as_of) if as_of else None, known)
    except MalformedTime as malformed:
        raise typer.BadParameter(str(malformed)) from malformed


def visible_from(named: str) -> int | None:
    """Return the time that `--visible-from` names, None where it names none; a malformed one is wrong usage."""
    try:
        return moments.parse(named) if named else None
    except MalformedTime as malformed:
        raise typer.BadParameter(str(malformed)) from malformed


def told(at: Moments) -> dict[str, str | None]:
    """Return the times as they are told in JSON, nothing for a question about now."""
    if at.is_now:
        return {}
    return {"as_of": moments.shown(at.as_of), "known_at": moments.shown(at.known_at)}


def titled(title: str, at: Moments) -> str:
    """Return a table's title with the times that it is true for."""
    said = (f"{name.replace('_', ' ')} {time}" for name, time in told(at).items() if time)
    return ", ".join((title, *said))
