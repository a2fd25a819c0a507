"""What a family gets by the components of its members, under caps: PKH's way of reckoning.

A component is a trait of a person (an age, a condition, a severe disability) with an amount a year. A person with two
is paid the higher; caps hold for a component, for groups of them, and for the family. Source: domain guide 8.2 (caps:
press; selection: our design). What O6 leaves open are parameters of the file. Knows numbers; no family, no file.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

Unit = Literal["persons", "components"]
Span = tuple[int, int]
"""Ages in full years, both included."""

OLDEST: Final = 999
"""The end of ages that have none: nobody is older."""

ASKED: Final[Mapping[str, str]] = {
    "ages": "the person is of these ages in full years, as 6-21 or 60-",
    "condition": "the person has this condition in force; with last_ordinal up to that one, as the second pregnancy",
    "severe_disability": "the person has a difficulty answered 'sama sekali tidak bisa', or DISABILITAS_BERAT",
    "unless_condition": "the person doesn't have this condition in force",
    "ages_alone": "ages that stand for the condition, where none of a component of the same kind is on record",
}
"""What a component's row asks of a person, by field: all that the row names together."""


class Traits(NamedTuple):
    """What of a person may be a component: age in full years, severe disability, and conditions as (code, ordinal)."""

    years: int
    severe_disability: bool
    conditions: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Component:
    """One component: who has it, what it gives a year, and for how many persons of a family at most.

    A person has it who has all that it names: the ages, the condition and the severe disability, without the condition
    `unless_condition`. `ages_alone` stand for the condition where none of a component of the same `kind` is on record
    for the person: school data knows better than a birthday.
    """

    code: str
    yearly: int
    ages: Span | None = None
    condition: str = ""
    last_ordinal: int = 0  # as the second pregnancy; 0 is any
    severe_disability: bool = False
    unless_condition: str = ""
    ages_alone: Span | None = None
    kind: str = ""
    most: int = 0  # 0 is no cap of its own
    source: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A cap over several components together."""

    components: tuple[str, ...]
    most: int


@dataclass(frozen=True, slots=True)
class Entitlement:
    """The components of a programme with their caps."""

    components: tuple[Component, ...]
    groups: tuple[Group, ...] = ()
    most: int = 0  # in a family; 0 is no cap
    unit: Unit = "persons"  # what the caps count: persons, each with the highest component, or components
    _made: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def of_person(self, traits: Traits) -> tuple[Component, ...]:
        """Return a person's components, the highest amount first; of equal ones the first of the file."""
        found: tuple[Component, ...] | None = self._made.get((traits, _PERSON))
        if found is None:
            recorded = {code for code, _ in traits.conditions}
            known = {one.kind for one in self.components if one.kind and one.condition in recorded}
            having = [one for one in self.components if _has(one, traits, recorded, one.kind in known)]
            found = tuple(sorted(having, key=lambda one: -one.yearly))
            self._keep((traits, _PERSON), found)
        return found

    def of_family(self, persons: Collection[Traits]) -> tuple[int, int]:
        """Return how many persons have a component, and what the family gets in a year (rupiah)."""
        family = tuple(persons)
        known: tuple[int, int] | None = self._made.get(family)
        if known is None:
            having = [found for one in family if (found := tuple(c.code for c in self.of_person(one)))]
            known = len(having), sum(one.yearly for one in self.paid(having))
            self._keep(family, known)
        return known

    def paid(self, having: Collection[tuple[str, ...]]) -> list[Component]:
        """Return the components that are paid, of persons given by the codes of theirs, the highest first.

        Counted as persons, each takes part with the highest alone. Counted as components, each component of a person
        is paid by itself.
        """
        by_code = {one.code: one for one in self.components}
        candidates = [by_code[code] for codes in having for code in (codes[:1] if self.unit == "persons" else codes)]
        taken: list[Component] = []
        for one in sorted(candidates, key=lambda one: (-one.yearly, one.code)):
            if self._fits(one, [other.code for other in taken]):
                taken.append(one)
        return taken

    def _fits(self, one: Component, taken: list[str]) -> bool:
        if (self.most and len(taken) >= self.most) or (one.most and taken.count(one.code) >= one.most):
            return False
        return all(
            sum(code in group.components for code in taken) < group.most
            for group in self.groups
            if one.code in group.components
        )

    def _keep(self, key: Any, value: Any) -> None:
        if len(self._made) > _KEPT:
            self._made.clear()
        self._made[key] = value


_KEPT = 16_384
_PERSON = "of a person"  # beside what is kept of families


def _has(component: Component, traits: Traits, recorded: Collection[str], known: bool) -> bool:  # noqa: FBT001  a fact like the others
    """Tell whether a person has a component; `known` if a condition of its kind is on record for the person."""
    if component.unless_condition and component.unless_condition in recorded:
        return False
    if component.severe_disability and not traits.severe_disability:
        return False
    if component.ages is not None and not _aged(traits.years, component.ages):
        return False
    if not component.condition or _in_force(component, traits):
        return True
    if known or component.condition in recorded or component.ages_alone is None:
        return False
    return _aged(traits.years, component.ages_alone)


def _in_force(component: Component, traits: Traits) -> bool:
    last = component.last_ordinal
    return any(code == component.condition and (not last or ordinal <= last) for code, ordinal in traits.conditions)


def _aged(years: int, ages: Span) -> bool:
    return ages[0] <= years <= ages[1]
