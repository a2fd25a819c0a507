"""When a question is asked: on other answers, or at an age. Must not know questions, nor whose answers they are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

OLDEST: Final = 200
NO_ANSWER: Final = -1
Answer = Callable[[str], int | None]
"""The code that answers a question by name: NO_ANSWER where it has none, None where that can't be known."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which a question comes to be asked: each answer of `where` is among its codes, the age within both."""

    where: tuple[tuple[str, frozenset[int]], ...] = ()
    from_age: int = 0
    to_age: int = OLDEST

    @property
    def of_age(self) -> bool:
        """Whether it hangs on the person's age, in full years."""
        return self.from_age > 0 or self.to_age < OLDEST

    def holds(self, answer: Answer, age: int | None) -> bool | None:
        """Tell whether it holds; None where that hangs on an age or an answer that isn't known."""
        told: list[bool | None] = []
        if self.of_age:
            told.append(None if age is None else (self.from_age or -OLDEST) <= age <= self.to_age)
        for name, codes in self.where:
            code = answer(name)
            told.append(None if code is None else code in codes)
        return False if False in told else None if None in told else True


@dataclass(frozen=True, slots=True)
class Asked:
    """When a question is asked: where one of `ways` holds; `rule` names it.

    `required`: the rule itself wants the answer there, on a form that was filled in full. `only`: it takes none
    elsewhere.
    """

    rule: str
    ways: tuple[Way, ...]
    required: bool = False
    only: bool = True

    @property
    def gates(self) -> tuple[str, ...]:
        """The answers that it hangs on, each once."""
        return tuple(dict.fromkeys(name for way in self.ways for name, _ in way.where))

    @property
    def of_age(self) -> bool:
        """Whether it hangs on the person's age."""
        return any(way.of_age for way in self.ways)

    def holds(self, answer: Answer, age: int | None) -> bool | None:
        """Tell whether the question is asked; None where that can't be known."""
        told = [way.holds(answer, age) for way in self.ways]
        return True if True in told else None if None in told else False
