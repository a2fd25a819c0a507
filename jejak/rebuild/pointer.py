"""Which version serves: what follows from the records of the serving topic, and which next record may be written.

Pure. Must not know brokers, databases or how a version is built.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from schemas.coded import Coded
from schemas.records import ServingVersionChosen

What = Literal["read-model", "state"]
READ_MODEL: Final[What] = "read-model"
STATE: Final[What] = "state"
FIRST: Final = "v1"

SWITCHING, SWITCHED, ROLLED_BACK, CALLED_OFF, DROPPED = (
    "SWITCHING",
    "SWITCHED",
    "ROLLED_BACK",
    "CALLED_OFF",
    "DROPPED",
)
_VERSION: Final = re.compile(r"v([1-9][0-9]{0,4})")


class RebuildRefused(Coded):
    """A rebuild's step that may not be taken now; `code` names the rule, the text says what to do instead."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What serves: the version, the one to roll back to (None: none), and the step that made it so ("" before any)."""

    version: str = FIRST
    previous: str | None = None
    step: str = ""
    chosen_at: int = 0

    @property
    def kept(self) -> tuple[str, ...]:
        """The versions that must not be dropped: the one that serves and the one to roll back to."""
        return (self.version,) if self.previous is None else (self.version, self.previous)

    @property
    def resting(self) -> bool:
        """Whether a switch is under way, in which nobody may write."""
        return self.step == SWITCHING


def serving(records: Iterable[ServingVersionChosen]) -> dict[What, Serving]:
    """Return what serves after these records, in the order of their topic; v1 where nothing was ever chosen."""
    found: dict[What, Serving] = {what: Serving() for what in get_args(What)}
    for one in records:
        if one.what not in found:
            raise LookupError("the serving topic names something that this build doesn't know")
        found[one.what] = Serving(one.version, one.previous, one.step, one.chosen_at)
    return found


def number_of(version: str) -> int:
    """Return the number of a version's name, as 2 of v2; raises RebuildRefused for any other text."""
    matched = _VERSION.fullmatch(version)
    if matched is None:
        raise RebuildRefused("NO_VERSION", "a version is named v1, v2 and so on")
    return int(matched[1])


def versions(names: Iterable[str]) -> tuple[str, ...]:
    """Return those of the names that are versions', in order; others' tables and topics may begin with ours."""
    return tuple(sorted((name for name in names if _VERSION.fullmatch(name)), key=number_of))


def candidate(now: Serving, existing: Iterable[str]) -> str:
    """Return the version to build: the newest that is being built already, else the one after the newest of all."""
    known = {*versions(existing), *now.kept}
    newest = max(known, key=number_of)
    return newest if newest not in now.kept else f"v{number_of(newest) + 1}"


def may_build(now: Serving, version: str) -> None:
    """Raise RebuildRefused for a version that serves or is to be rolled back to: what is relied on is never rebuilt."""
    number_of(version)
    if version in now.kept:
        raise RebuildRefused("IN_USE", f"{version} serves or is kept to roll back to: build another version beside it")


def pausing(now: Serving) -> Serving:
    """Return the same with a switch under way: whoever writes rests until the next record."""
    return replace(now, step=SWITCHING)


def called_off(now: Serving) -> Serving:
    """Return the same with no switch under way any more."""
    return replace(now, step=CALLED_OFF) if now.resting else now


def switched(now: Serving, version: str) -> Serving:
    """Return what serves after the switch; the same object when that version serves already."""
    number_of(version)
    if version == now.version:
        return now
    return Serving(version, now.version, SWITCHED)


def rolled_back(now: Serving) -> Serving:
    """Return what serves after rolling back; the same object when that was the last step; raises RebuildRefused."""
    if now.previous is None and now.step == ROLLED_BACK:
        return now
    if now.previous is None:
        raise RebuildRefused("NOTHING_TO_ROLL_BACK_TO", "no version is kept: switch to one that was built beside")
    return Serving(now.previous, None, ROLLED_BACK)


def dropped(now: Serving, version: str, *, really: bool) -> Serving:
    """Return what serves once the version may be dropped; raises RebuildRefused for one that is relied on."""
    number_of(version)
    if version == now.version:
        raise RebuildRefused("SERVES", f"{version} serves: switch to another version first")
    if version != now.previous:
        return now
    if not really:
        raise RebuildRefused("KEPT", f"{version} is the one to roll back to: say --really to give that up")
    return replace(now, previous=None, step=DROPPED)
