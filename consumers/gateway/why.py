"""A family's whole life, read for who explains it: its state, its events, and its last two rankings.

Opens nothing: what explains a decision is coded. Must not know sentences, nor who asks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from consumers.gateway import opening, rankings
from consumers.gateway.families import Families
from consumers.gateway.rankings import RankedThen
from consumers.gateway.request import Withheld
from schemas import codec, records


@dataclass(frozen=True, slots=True)
class Life:
    """A family's present state, the events it adds up from in order of sequence, and its last two rankings."""

    state: records.FamilyState
    events: tuple[Any, ...]
    rankings: tuple[RankedThen, ...]


Tell = Callable[[Life], Any]
"""Makes what is shown of a family's life, as JSON can say it."""


def read(families: Families, now: records.FamilyState) -> Life | Withheld:
    """Return the family's life; READ_MODEL_BEHIND while its history lacks what the state has folded.

    Raises SequenceHole where an event is missing below others.
    """
    ranked = rankings.latest(families, now)
    if isinstance(ranked, Withheld):
        return ranked
    events = tuple(codec.decode(framed) for framed in families.framed_history(now.family_id)[: now.sequence])
    if [one.header.sequence for one in events] != list(range(1, now.sequence + 1)):
        return Withheld(opening.BEHIND.code)
    return Life(now, events, ranked)
