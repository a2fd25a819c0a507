"""One family at two times: what the registry knew, and of that what was true in the world.

Known at K: the fold, by the registry's own `evolve`, of exactly the events with recorded_at <= K, derived ones too.

True as of A, known at K: the fold of those of the same events that are facts true by A, in the order of their
sequence, so that facets choose by (occurred_at, sequence) as ever. A fact is true from its occurred_at on, but
- nothing before its family is registered;
- a step of a proposal not before every earlier step of that proposal, the ranking that moved it among them: machine A
  (domain guide 4.A) has no step out of order, so its effective time is the greatest occurred_at up to itself.
Eligibility decided by the registry is no fact of the world: it is left out, and judged anew beside (`judged`).
Sequences keep their numbers, so a state as of a time has holes below its own sequence; a hole in the source is a fault.

Pure; what it folds is handed to it, event by event. Must not know where events lie.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from consumers.replay.moments import Moments
from schemas.records import (
    DeadlineReached,
    Eligibility,
    EligibilityDecided,
    FamilyState,
    PersonErased,
    ProposalDrafted,
)
from stream_processors.registry import eligibility, erasure
from stream_processors.registry.decision import Event, event_of
from stream_processors.registry.family import evolve
from stream_processors.registry.rulebook import RuleBook
from stream_processors.registry.ruleset import RuleSet

BEFORE_FIRST_EVENT: Final = "BEFORE_FIRST_EVENT"
SEQUENCE_HOLE: Final = "SEQUENCE_HOLE"
_NAMING: Final = ("proposal_id", "objection_id", "task_id")
_UNDECIDED: Final = 0  # the sequence of a judgement: no event made it


class SequenceHole(Exception):
    """A family's events lack one in the source: no state of it would be right. Names family and sequence."""

    code = SEQUENCE_HOLE

    def __init__(self, family_id: str, sequence: int) -> None:
        super().__init__(f"{SEQUENCE_HOLE}: event {sequence} of family {family_id} is missing in the source")
        self.family_id = family_id
        self.sequence = sequence


@dataclass(frozen=True, slots=True)
class BeforeFirstEvent:
    """The refusal of a time at which the registry knew nothing of it, or nothing of it was true."""

    code: str = BEFORE_FIRST_EVENT


@dataclass(frozen=True, slots=True)
class Then:
    """A family at the moments asked for.

    `state` holds, where a time in the world was asked for, the judged eligibility (sequence 0), else that on record;
    `on_record` are the decisions known then, `judged` those that the facts call for, None where no `as_of` was asked;
    `sequences` are those of the events that the state is the fold of.
    """

    state: FamilyState
    on_record: tuple[Eligibility, ...]
    judged: tuple[Eligibility, ...] | None
    sequences: frozenset[int]


class TwoTimes:
    """The fold of one family at the moments asked for, event by event in order of sequence."""

    def __init__(self, moments: Moments) -> None:
        self._moments = moments
        self._seen = 0
        self._known: FamilyState | None = None
        self._true: FamilyState | None = None
        self._last_fact: Event | None = None
        self._registered_at = 0
        self._reached: dict[bytes, int] = {}
        self._taken: list[int] = []

    def add(self, event: Event) -> None:
        """Take the family's next event, also one nobody knew yet; one seen before changes nothing.

        Raises SequenceHole when the event does not follow the last one.
        """
        prefix = event.prefix
        if prefix.sequence <= self._seen:
            return
        if prefix.sequence != self._seen + 1:
            raise SequenceHole(prefix.family_id, self._seen + 1)
        self._seen = prefix.sequence
        if self._moments.known_at is not None and prefix.recorded_at > self._moments.known_at:
            return
        before = self._known
        self._known = evolve(before, event)
        if self._moments.as_of is None:
            self._taken.append(prefix.sequence)
        elif not isinstance(event.record, EligibilityDecided):
            self._take_fact(event, before, self._known, self._moments.as_of)

    def _take_fact(self, event: Event, before: FamilyState | None, after: FamilyState, as_of: int) -> None:
        if self._effective(event, before, after) > as_of:
            return
        before_it = event.prefix.sequence - 1
        if self._true is not None and self._true.sequence != before_it:  # what was left out makes holes, here alone
            self._true = replace(self._true, sequence=before_it)
        self._true = evolve(self._true, event)
        self._last_fact = event
        self._taken.append(event.prefix.sequence)

    def _effective(self, event: Event, before: FamilyState | None, after: FamilyState) -> int:
        """Return since when a fact is true, and note it for the proposals it is a step of."""
        if before is None:
            self._registered_at = event.prefix.occurred_at
        at = max(event.prefix.occurred_at, self._registered_at)
        steps_of = _moved(before, after) | _cases_moved(before, after) | _named(event)
        at = max([at, *(self._reached.get(proposal, at) for proposal in steps_of)])
        for proposal in steps_of:
            self._reached[proposal] = at
        return at

    def then(self, rule_sets: tuple[RuleSet, ...]) -> Then | BeforeFirstEvent:
        """Return the family at the moments, judged by the rule sets in force at them (`in_force`)."""
        as_of, known = self._moments.as_of, self._known
        if known is None:
            return BeforeFirstEvent()
        taken = frozenset(self._taken)
        if as_of is None:
            return Then(known, known.eligibility, None, taken)
        if self._true is None or self._last_fact is None:
            return BeforeFirstEvent()
        judgement = judged(self._true, self._last_fact, as_of, rule_sets)
        return Then(judgement, known.eligibility, judgement.eligibility, taken)


def at(framed: Iterable[bytes], moments: Moments, book: RuleBook) -> Then | BeforeFirstEvent:
    """Return one family at the moments, from all its events as they lie on jejak.events.v1, in order of sequence.

    `book` holds every activation of rules there is. Raises SequenceHole when one is missing, wherever it would stand.
    """
    fold = TwoTimes(moments)
    for value in framed:
        fold.add(event_of(value))
    return fold.then(in_force(book, moments))


def unlinked(events: Iterable[Any]) -> Mapping[str, str]:
    """Return the id that each person erased by these decoded events has gone by since, by the reference of before."""
    return {
        event.person_ref: erasure.unlinked_id(event.header.change_id)
        for event in events
        if isinstance(event, PersonErased)
    }


def in_force(book: RuleBook, moments: Moments) -> tuple[RuleSet, ...]:
    """Return the rule sets effective at `as_of`, as known at `known_at`; none where no `as_of` was asked."""
    as_of, known_at = moments.as_of, moments.known_at
    if as_of is None:
        return ()
    known = (one for one in book.activations if known_at is None or one.recorded_at <= known_at)
    in_order = sorted(known, key=lambda one: one.recorded_at)
    # Each taken as known since it is effective: the registry may have learned of it after the day asked about.
    return RuleBook(tuple(replace(one, recorded_at=one.effective_at) for one in in_order)).in_force(as_of)


def judged(state: FamilyState, last_fact: Event, as_of: int, rule_sets: tuple[RuleSet, ...]) -> FamilyState:
    """Return the state with the eligibility its facts call for at `as_of` (ages too), judged by the registry's rules.

    Nothing of it is on record: every entry has sequence 0, and the state keeps its own sequence and recorded time.
    """
    cause = Event(last_fact.framed, last_fact.prefix._replace(recorded_at=as_of), last_fact.record)
    after = state
    for decided in eligibility.decisions(state, cause, rule_sets):
        after = evolve(after, decided)
    if after is state:
        return state
    unrecorded = tuple([replace(one, sequence=_UNDECIDED) for one in after.eligibility])
    return replace(after, sequence=state.sequence, recorded_at=state.recorded_at, eligibility=unrecorded)


def _moved(before: FamilyState | None, after: FamilyState) -> set[bytes]:
    """Return the proposals that an event drafted, moved or ranked."""
    if before is None or before.proposals is after.proposals:
        return set()  # a registration has none; a fact of another kind hands them on
    old = {one.proposal_id: one for one in before.proposals}
    return {one.proposal_id for one in after.proposals if old.get(one.proposal_id) != one}


def _cases_moved(before: FamilyState | None, after: FamilyState) -> set[bytes]:
    """Return the cases that an event opened or moved, by the change that opened each."""
    if before is None or before.cases is after.cases:
        return set()
    return {one.case_id for one in after.cases if one not in before.cases}


def _named(event: Event) -> set[bytes]:
    """Return the proposals that an event is a step of by its own words, should it move none of them."""
    record: Any = event.record
    match record:
        case ProposalDrafted():
            return {event.prefix.change_id}
        case DeadlineReached():
            return {record.subject_id}
        case _:
            return {getattr(record, name) for name in _NAMING if getattr(record, name, None) is not None}
