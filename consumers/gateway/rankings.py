"""A family's last two rankings, each with the state and the ground check that were known when it was scored.

Opens nothing: what a ranking looks at is coded. Must not know models, nor who asks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from consumers.gateway import opening
from consumers.gateway.families import Families
from consumers.gateway.request import Withheld
from consumers.replay import moments, two_times
from consumers.replay.rules import no_rules
from schemas import codec, records

_GROUND_CHECK = "ground_check"


@dataclass(frozen=True, slots=True)
class RankedThen:
    """A ranking, the family's state that it was made of, and the ground check in force then, None without one."""

    ranking: records.FamilyRanked
    state: records.FamilyState
    visit: records.GroundCheckRecorded | None


Tell = Callable[[Sequence[RankedThen]], Any]
"""Makes what is shown, as JSON can say it, of the ranking in force and, behind it, the one before."""


def latest(families: Families, now: records.FamilyState) -> tuple[RankedThen, ...] | Withheld:
    """Return the ranking in force and, behind it, the one before; none where no run ever spoke of the family.

    Withheld: READ_MODEL_BEHIND while the history lacks what the state has folded. Raises SequenceHole.
    """
    history = families.framed_history(now.family_id)
    if len(history) < now.sequence:
        return Withheld(opening.BEHIND.code)
    events = [codec.decode(framed) for framed in history[: now.sequence]]
    ranked = [event for event in events if isinstance(event, records.FamilyRanked)]
    in_order = sorted(ranked, key=lambda one: (one.header.occurred_at, one.header.sequence), reverse=True)
    return tuple([_then(one, history, events) for one in in_order[:2]])


def _then(ranking: records.FamilyRanked, history: Sequence[bytes], events: Sequence[Any]) -> RankedThen:
    known = min(ranking.input_sequence or ranking.header.sequence - 1, ranking.header.sequence - 1)
    then = two_times.at(history[:known], moments.NOW, no_rules())
    if isinstance(then, two_times.BeforeFirstEvent):
        raise two_times.SequenceHole(ranking.header.family_id, 1)
    facet = next((one for one in then.state.facets if one.name == _GROUND_CHECK), None)
    return RankedThen(ranking, then.state, events[facet.sequence - 1] if facet is not None else None)
