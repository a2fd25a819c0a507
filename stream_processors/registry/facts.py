"""What rules look at, reckoned from one family's state at one time: each fact of `ruleset.FACTS`.

It is asked at every change of a family: what a rule set needs is found once, and persons are gone through once. Knows
the state; must not know what a rule makes of a fact.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from schemas.records import FamilyState
from stream_processors.registry import calendar, codes
from stream_processors.registry.components import Traits
from stream_processors.registry.ruleset import Asked, RuleSet, Value

STATE_EMPLOYEE: Final = 5  # Regsosek 418
ASSESSMENT: Final = "ASESMEN"
SEVERE: Final = "DISABILITAS_BERAT"
HELD: Final = frozenset({"DIALOKASIKAN", "MASA_TENGGANG"})  # in the grace aid goes on
EXCLUSION, IN_FORCE = "PENGECUALIAN", "BERLAKU"  # the machine of exclusions, and its state of one in force
_NONE: Final[tuple[tuple[str, int], ...]] = ()
_PERSON: Final[Callable[[type[Traits], tuple[int, bool, tuple[tuple[str, int], ...]]], Traits]] = tuple.__new__

Ask = Callable[["Facts"], Value]


class Plan(NamedTuple):
    """What a rule set asks of a family, in the order of its needs; when equal answers turn into another verdict."""

    asks: tuple[Ask, ...]
    turns: tuple[int, ...]
    by_assessment: bool


def plan(rules: RuleSet) -> Plan:
    """Return what a rule set asks."""
    found: Plan | None = rules.made.get("plan")
    if found is None:
        asks = tuple(_ask(asked, rules) for asked in rules.needs())
        found = rules.made["plan"] = Plan(asks, rules.turns(), rules.by_assessment())
    return found


class Facts:
    """The facts of one family at one recorded time (microseconds)."""

    __slots__ = ("_persons", "active", "at", "month", "state")

    def __init__(self, state: FamilyState, at: int) -> None:
        self.state, self.at, self.month = state, at, calendar.month_of(at)
        self.active = [one for one in state.members if one.standing in codes.ACTIVE_STANDINGS]
        self._persons: list[Traits] | None = None

    def persons(self) -> list[Traits]:
        """Return the traits of each active member, in their order."""
        if self._persons is None:
            year, month = divmod(self.month, 100)
            on_record = self._conditions() if self.state.conditions else {}
            self._persons = [
                _PERSON(
                    Traits,
                    (
                        year - one.birth_year - (month < one.birth_month),
                        one.severe_disability,
                        on_record.get(one.person_ref, _NONE) if on_record else _NONE,
                    ),
                )
                for one in self.active
            ]
            if on_record:
                self._persons = [_with_severe(one) for one in self._persons]
        return self._persons

    def _conditions(self) -> dict[str, tuple[tuple[str, int], ...]]:
        """Return each person's conditions that have not run out, as (code, ordinal)."""
        found: dict[str, tuple[tuple[str, int], ...]] = {}
        for one in self.state.conditions:
            if not one.until or self.month <= one.until:
                found[one.person_ref] = (*found.get(one.person_ref, ()), (one.condition, one.ordinal))
        return found

    def assessed(self) -> int:
        """Return how many active members an assessment in force recommends."""
        return self.with_condition(ASSESSMENT) if self.state.conditions else 0

    def with_condition(self, condition: str) -> int:
        """Return how many active members have this condition in force."""
        return sum([condition in [code for code, _ in one.conditions] for one in self.persons()])

    def aged(self, youngest: int, oldest: int) -> int:
        """Return how many active members are of these ages in full years."""
        return sum([youngest <= one.years <= oldest for one in self.persons()])

    def excluded(self, programme: str) -> tuple[str, ...]:
        """Return the exclusions in force for a programme; one that ran out no longer is, told so or not."""
        found = []
        for one in self.state.cases:
            if one.machine == EXCLUSION and one.step == IN_FORCE:
                exclusion, _, of = one.about.partition("/")
                if of == programme and not 0 < one.due_at <= self.at:
                    found.append(exclusion)
        return tuple(sorted(found))

    def holds_aid(self, programme: str) -> int:
        """Return 1 if the family has a place in a programme, in the grace too, else 0."""
        return int(any(one.programme == programme and one.standing in HELD for one in self.state.aid))


def _with_severe(one: Traits) -> Traits:
    return one._replace(severe_disability=True) if SEVERE in [code for code, _ in one.conditions] else one


def _ask(asked: Asked, rules: RuleSet) -> Ask:
    of = asked.of
    match asked.fact:
        case "components":
            return _components(rules)
        case "excluded":
            programme = rules.programme
            return lambda facts: facts.excluded(programme) if facts.state.cases else ()
        case "persons_aged":
            youngest, _, oldest = of.partition("-")
            low, high = int(youngest), int(oldest or _OLDEST)
            return lambda facts: facts.aged(low, high)
        case "persons_with":
            return lambda facts: facts.with_condition(of) if facts.state.conditions else 0
        case "holds_aid":
            return lambda facts: facts.holds_aid(of)
        case plain:
            return _PLAIN[plain]


def _components(rules: RuleSet) -> Ask:
    if rules.entitlement is None:
        return lambda _: (0, 0)
    of_family = rules.entitlement.of_family
    return lambda facts: of_family(tuple(facts.persons()))


_OLDEST: Final = 999
_PLAIN: Final[Mapping[str, Callable[[Facts], Any]]] = {
    "active_family": lambda facts: int(facts.state.status == codes.FAMILY_ACTIVE),
    "decile": lambda facts: facts.state.decile,
    "members": lambda facts: len(facts.active),
    "matched_members": lambda facts: [one.padan for one in facts.active].count(codes.PADAN),
    "state_employees": lambda facts: [one.work_status for one in facts.active].count(STATE_EMPLOYEE),
    "severely_disabled": lambda facts: sum([one.severe_disability for one in facts.persons()]),
    "assessed": lambda facts: facts.assessed(),
}
