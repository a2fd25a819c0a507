"""What a family gets by the components of its members, under caps: PKH's way of reckoning.

A component is a trait of a person (an age, a condition, a severe disability) with an amount a year. A person with two
is paid the higher; caps hold for a component, for groups of them, and for the family. Source: domain guide 8.2 (caps:
press; selection: our design). What O6 leaves open are parameters of the file. Knows numbers; no family, no file.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Unit = Literal["persons", "components"]


class Traits(NamedTuple):
    """What of a person may be a component: age in full years, severe disability, and conditions as (code, ordinal)."""

    years: int
    severe_disability: bool
    conditions: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Component:
    """One component: who has it, what it gives a year, and for how many persons of a family at most.

    A person has it by `condition`, or else by age. Where a condition of any component of the same `kind` is on record
    for the person, age says nothing: school data knows better than a birthday.
    """

    code: str
    yearly: int
    youngest: int | None = None
    oldest: int | None = None
    condition: str = ""
    last_ordinal: int = 0  # as the second pregnancy; 0 is any
    severe_disability: bool = False
    kind: str = ""
    most: int = 0  # 0 is no cap of its own


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
            having = [one for one in self.components if _has(one, traits, one.kind in known)]
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


def _has(component: Component, traits: Traits, known_otherwise: bool) -> bool:  # noqa: FBT001  a fact like the others
    for code, ordinal in traits.conditions:
        if code == component.condition and (not component.last_ordinal or ordinal <= component.last_ordinal):
            return True
    if component.severe_disability and traits.severe_disability:
        return True
    if known_otherwise or component.youngest is None:
        return False
    return component.youngest <= traits.years <= (component.oldest if component.oldest is not None else _OLDEST)


_OLDEST = 200
