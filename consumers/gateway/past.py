"""A family at other times, read for the door: as the registry knew it, and as it was true in the world.

Knows the history and who folds it; must not know who asks, nor open anything.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from consumers.gateway import opening
from consumers.gateway.families import Families
from consumers.gateway.request import Withheld
from consumers.replay import two_times
from consumers.replay.moments import Moments
from consumers.replay.rules import Rules, no_rules
from schemas import codec, records

_ELIGIBILITY: Final = "eligibility"
_MEMBERS: Final = "members"
_PERSON: Final = "person_ref"


@dataclass(frozen=True, slots=True)
class Past:
    """A family at the moments asked for, and the events its state adds up from, decoded, by sequence.

    `unlinked` is the id of everybody erased since, by the reference that the state of then still holds.
    """

    then: two_times.Then
    events: Mapping[int, Any]
    unlinked: Mapping[str, str]

    @property
    def state(self) -> records.FamilyState:
        """The state at the moments."""
        return self.then.state


def read(families: Families, now: records.FamilyState, moments: Moments, rules: Rules) -> Past | Withheld:
    """Return the family at the moments; `now` is its present state, and `rules` is asked only for an `as_of`.

    Withheld: BEFORE_FIRST_EVENT, or READ_MODEL_BEHIND while the history lacks what the present state has folded.
    Raises SequenceHole where an event is missing below others.
    """
    history = families.framed_history(now.family_id)
    if len(history) < now.sequence:
        two_times.at(history, moments, no_rules())  # a hole below others is a fault, whatever the end lacks
        return Withheld(opening.BEHIND.code)
    then = two_times.at(history, moments, rules() if moments.as_of is not None else no_rules())
    if isinstance(then, two_times.BeforeFirstEvent):
        return Withheld(then.code)
    decoded = [codec.decode(framed) for framed in history]
    # Dense from 1, as `two_times.at` has found: a sequence is a place.
    events = {sequence: decoded[sequence - 1] for sequence in sorted(then.sequences)}
    return Past(then, events, two_times.unlinked(decoded))


def shown(past: Past, disclosed: Mapping[str, Any], granted: Collection[str]) -> dict[str, Any]:
    """Return what a look at another time shows: the state of then, and beside each decision what the facts call for.

    Who was erased since goes by the id of today: the reference of then would lead to whoever can make it anew.
    `judged` is marked as such: nobody decided it. Without a time in the world there is only what was on record.
    """
    members = [_named_as_now(past, member) for member in disclosed.get(_MEMBERS, ())]
    named = {**disclosed, _MEMBERS: members} if _MEMBERS in disclosed else dict(disclosed)
    return named | _judged(past, granted)


def _named_as_now(past: Past, member: Mapping[str, Any]) -> dict[str, Any]:
    return {**member, _PERSON: past.unlinked.get(member[_PERSON], member[_PERSON])}


def _judged(past: Past, granted: Collection[str]) -> dict[str, Any]:
    if past.then.judged is None or _ELIGIBILITY not in granted:
        return {}
    on_record = {one.programme: one for one in past.then.on_record}
    judged = {one.programme: one for one in past.then.judged}
    return {
        _ELIGIBILITY: [
            {
                "programme": programme,
                "on_record": _decision(on_record.get(programme)),
                "judged": _decision(judged.get(programme)),
            }
            for programme in sorted(on_record.keys() | judged.keys())
        ]
    }


def _decision(one: records.Eligibility | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {"result": one.result, "reasons": list(one.reasons), "rules_version": one.rules_version}
