"""What rules look at, reckoned from one family's state at one time: each fact of `ruleset.FACTS`, when it is asked for.

Knows the state; must not know what a rule makes of a fact.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from schemas.records import FamilyState, Member
from stream_processors.registry import calendar, codes
from stream_processors.registry.components import Traits
from stream_processors.registry.ruleset import Asked, RuleSet, Value

STATE_EMPLOYEE: Final = 5  # Regsosek 418
ASSESSMENT: Final = "ASESMEN"
SEVERE: Final = "DISABILITAS_BERAT"
EXCLUSION_MACHINE, EXCLUSION_IN_FORCE = "PENGECUALIAN", "BERLAKU"
HELD: Final = "DIALOKASIKAN"


class Facts:
    """The facts of one family at one recorded time (microseconds), each reckoned once, when it is first asked for."""

    __slots__ = ("_active", "_at", "_conditions", "_known", "_state")

    def __init__(self, state: FamilyState, at: int) -> None:
        self._state, self._at = state, at
        self._active = [one for one in state.members if one.standing in codes.ACTIVE_STANDINGS]
        self._known: dict[Asked, Value] = {}
        self._conditions: dict[str, tuple[tuple[str, int], ...]] | None = None if state.conditions else {}

    def given(self, rules: RuleSet) -> tuple[Value, ...]:
        """Return the values of what a rule set needs, in its order."""
        known = self._known
        return tuple(
            [
                known[asked] if asked in known and asked.fact not in _OWN else self._reckon(asked, rules)
                for asked in rules.needs()
            ]
        )

    def assessed(self) -> bool:
        """Tell whether an assessment in force recommends a member."""
        return bool(self._state.conditions) and self._persons_with(ASSESSMENT) > 0

    def _reckon(self, asked: Asked, rules: RuleSet) -> Value:
        match asked.fact:
            case "components":
                value: Value = self._components(rules)
            case "excluded":
                value = self._excluded(rules.programme)
            case _:
                value = _PLAIN[asked.fact](self, asked.of)
        self._known[asked] = value
        return value

    def _components(self, rules: RuleSet) -> tuple[int, int]:
        return rules.entitlement.of_family(map(self._traits, self._active)) if rules.entitlement else (0, 0)

    def _traits(self, member: Member) -> Traits:
        conditions = self._conditions_of(member)
        severe = member.severe_disability or any(code == SEVERE for code, _ in conditions)
        return Traits(self._years(member), severe, conditions)

    def _years(self, member: Member) -> int:
        return calendar.full_years(member.birth_year, member.birth_month, self._at)

    def _conditions_of(self, member: Member) -> tuple[tuple[str, int], ...]:
        """Return a member's conditions that have not run out, as (code, ordinal)."""
        if self._conditions is None:
            month = calendar.month_of(self._at)
            found: dict[str, tuple[tuple[str, int], ...]] = {}
            for one in self._state.conditions:
                if not one.until or month <= one.until:
                    found[one.person_ref] = (*found.get(one.person_ref, ()), (one.condition, one.ordinal))
            self._conditions = found
        return self._conditions.get(member.person_ref, ())

    def _persons_with(self, condition: str) -> int:
        return sum([condition in [code for code, _ in self._conditions_of(one)] for one in self._active])

    def _persons_aged(self, ages: str) -> int:
        youngest, _, oldest = ages.partition("-")
        low, high = int(youngest), int(oldest) if oldest else None
        years = [self._years(one) for one in self._active]
        return sum([low <= one and (high is None or one <= high) for one in years])

    def _excluded(self, programme: str) -> tuple[str, ...]:
        """Return the exclusions in force for a programme; one that ran out no longer is, told so or not."""
        found = []
        for one in self._state.cases:
            if one.machine == EXCLUSION_MACHINE and one.step == EXCLUSION_IN_FORCE:
                exclusion, _, of = one.about.partition("/")
                if of == programme and not 0 < one.due_at <= self._at:
                    found.append(exclusion)
        return tuple(sorted(found))

    def _matched(self, _: str) -> int:
        return sum([one.padan == codes.PADAN for one in self._active])

    def _state_employees(self, _: str) -> int:
        return sum([one.work_status == STATE_EMPLOYEE for one in self._active])

    def _severely_disabled(self, _: str) -> int:
        return sum([self._traits(one).severe_disability for one in self._active])

    def _holds_aid(self, programme: str) -> int:
        return int(any(one.programme == programme and one.standing == HELD for one in self._state.aid))

    def _is_active(self, _: str) -> int:
        return int(self._state.status == codes.FAMILY_ACTIVE)

    def _decile(self, _: str) -> int:
        return self._state.decile

    def _members(self, _: str) -> int:
        return len(self._active)

    def _assessed(self, _: str) -> int:
        return self._persons_with(ASSESSMENT)


_OWN: Final = frozenset({"components", "excluded"})  # differ from rule set to rule set
_PLAIN: Final[Mapping[str, Callable[[Facts, str], Any]]] = {
    "active_family": Facts._is_active,  # noqa: SLF001  of this module
    "decile": Facts._decile,  # noqa: SLF001
    "members": Facts._members,  # noqa: SLF001
    "matched_members": Facts._matched,  # noqa: SLF001
    "state_employees": Facts._state_employees,  # noqa: SLF001
    "severely_disabled": Facts._severely_disabled,  # noqa: SLF001
    "persons_aged": Facts._persons_aged,  # noqa: SLF001
    "persons_with": Facts._persons_with,  # noqa: SLF001
    "assessed": Facts._assessed,  # noqa: SLF001
    "holds_aid": Facts._holds_aid,  # noqa: SLF001
}
