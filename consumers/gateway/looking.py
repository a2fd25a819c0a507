"""What a look that was let in finds: the family asked for, now or at other times, made ready to be shown.

Reads, and has opened what is granted; must not know policy, nor how a look goes on record.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from consumers.gateway import opening, past, rankings, why
from consumers.gateway.families import Families
from consumers.gateway.provenance import Source, sources_of
from consumers.gateway.request import Asked, CardAsked, FamilyAsked, PersonAsked, Withheld
from consumers.gateway.timeline import Entry, timeline
from consumers.replay import two_times
from consumers.replay.moments import Moments
from consumers.replay.rules import Rules
from identity.open import Opener
from identity.written_intent import WrittenIntent
from schemas import records

# A state and the events it speaks of are projected apart: one may be here some milliseconds before the other.
BEHIND: Final = Withheld(opening.BEHIND.code)
NOT_FOUND: Final = "NOT_FOUND"

_NOTHING_THERE: Final = frozenset({NOT_FOUND, two_times.BEFORE_FIRST_EVENT})
_NOT_READABLE: Final = frozenset({opening.BEHIND.code, opening.DIFFERS.code})

Judge = Callable[[records.Region | None], Withheld | None]
"""Tells why a family of this region may not be shown, None when it may; asked before anything of it is opened."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which family is asked for, in which fields and at which times, who judges that, and on what intent it opens."""

    asked: Asked
    fields: tuple[str, ...]
    moments: Moments
    judge: Judge
    intent: WrittenIntent


@dataclass(frozen=True, slots=True)
class Result:
    """What is about to be shown, and whose data it is.

    `persons` is never empty, for a card or an address is somebody's: those whose memberships ended where nobody else is
    left, and the family itself, in which its people find it, where nobody was ever named.
    """

    family_id: str
    sequence: int
    persons: tuple[str, ...]
    shown: Any


@dataclass(frozen=True, slots=True)
class Looking:
    """Looks into one read model, with the keys of what is sealed and the rules of other times."""

    families: Families
    opener: Opener
    rules: Rules

    def family(self, wanted: Wanted) -> tuple[records.FamilyState, Result] | Withheld:
        """Return the family's state, and its granted fields opened."""
        now = self._now(wanted)
        if isinstance(now, Withheld):
            return now
        if not wanted.moments.is_now:
            return self._family_then(wanted, now)
        facets = opening.facets_of(now, wanted.fields)
        sequences = sorted({facet.sequence for facet in facets})
        read = self.families.events_at(now.family_id, sequences) if sequences else {}
        events = opening.in_force(now.family_id, facets, read)
        if isinstance(events, opening.Unproven):
            return Withheld(events.code)
        return now, _result(now, opening.disclosed(now, wanted.fields, events, self._opening(wanted)))

    def _family_then(self, wanted: Wanted, now: records.FamilyState) -> tuple[records.FamilyState, Result] | Withheld:
        found = past.read(self.families, now, wanted.moments, self.rules)
        if isinstance(found, Withheld):
            return found
        state = found.state
        events = opening.in_force(state.family_id, opening.facets_of(state, wanted.fields), found.events)
        if isinstance(events, opening.Unproven):
            return Withheld(events.code)
        opened = opening.disclosed(state, wanted.fields, events, self._opening(wanted))
        return state, _result(state, past.shown(found, opened, wanted.fields))

    def history(self, wanted: Wanted) -> tuple[tuple[Entry, ...], Result] | Withheld:
        """Return the family's events as lines to read, nothing sealed in them opened."""
        now = self._now(wanted)
        if isinstance(now, Withheld):
            return now
        if not wanted.moments.is_now:
            then = past.read(self.families, now, wanted.moments, self.rules)
            if isinstance(then, Withheld):
                return then
            return _told(then.state, timeline(then.events.values(), then.unlinked))
        entries = timeline(self.families.history(now.family_id))
        if not {entry.sequence for entry in entries}.issuperset(range(1, now.sequence + 1)):
            return BEHIND
        return _told(now, entries)

    def rankings(self, wanted: Wanted, tell: rankings.Tell) -> tuple[Any, Result] | Withheld:
        """Return what `tell` says of the family's last two rankings, nothing sealed opened."""
        now = self._now(wanted)
        if isinstance(now, Withheld):
            return now
        found = rankings.latest(self.families, now)
        if isinstance(found, Withheld):
            return found
        told = tell(found)
        return told, _result(now, told)

    def life(self, wanted: Wanted, tell: why.Tell) -> tuple[Any, Result] | Withheld:
        """Return what `tell` says of the family's whole life, nothing sealed opened; it shows everybody ever in it."""
        now = self._now(wanted)
        if isinstance(now, Withheld):
            return now
        found = why.read(self.families, now)
        if isinstance(found, Withheld):
            return found
        told = tell(found)
        persons = tuple(sorted(member.person_ref for member in now.members))
        return told, Result(now.family_id, now.sequence, persons or (now.family_id,), told)

    def provenance(self, wanted: Wanted) -> tuple[tuple[Source, ...], Result] | Withheld:
        """Return the source of each of the family's variables, no answer among them."""
        now = self._now(wanted)
        if isinstance(now, Withheld):
            return now
        found = sources_of(self.families, now)
        return found if isinstance(found, Withheld) else (found, _result(now, [asdict(one) for one in found]))

    def _opening(self, wanted: Wanted) -> opening.Opening:
        return opening.Opening(self.opener, wanted.intent)

    def _now(self, wanted: Wanted) -> records.FamilyState | Withheld:
        """Return the family's present state, which says who may look."""
        state = self._state(wanted.asked)
        if state is None:
            return Withheld(NOT_FOUND)
        return wanted.judge(state.region) or state

    def region_of(self, person_ref: str) -> records.Region | None:
        """Return the region of the family that holds a person now, None where none does."""
        state = self._state(PersonAsked(person_ref))
        return state.region if state is not None else None

    def _state(self, asked: Asked) -> records.FamilyState | None:
        match asked:
            case FamilyAsked(family_id):
                found: str | None = family_id
            case PersonAsked(reference) | CardAsked(reference):
                found = self.families.family_of(reference)
        return self.families.family(found) if found is not None else None


def _result(state: records.FamilyState, shown: Any) -> Result:
    persons = tuple(member.person_ref for member in opening.persons_in(state) or state.members)
    return Result(state.family_id, state.sequence, persons or (state.family_id,), shown)


def _told(state: records.FamilyState, entries: tuple[Entry, ...]) -> tuple[tuple[Entry, ...], Result]:
    named = {entry.person_ref for entry in entries if entry.person_ref}
    persons = tuple(sorted(named | {member.person_ref for member in state.members}))
    sequence = max((entry.sequence for entry in entries), default=state.sequence)
    return entries, Result(
        state.family_id, sequence, persons or (state.family_id,), [asdict(entry) for entry in entries]
    )


def outcome_of(code: str) -> str:
    """Return the outcome that a refusal after the intent is on record with."""
    if code in _NOTHING_THERE:
        return "DELIVERED"
    return "FAILED" if code in _NOT_READABLE else "WITHHELD"
