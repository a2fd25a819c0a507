"""A scoring model: what each answer adds to a family's score, as a data file with version, impact assessment, source.

Effects are decimal numbers of at most six places, kept as whole millionths: a score is a sum of whole numbers, the same
on every machine and in every order. Source: domain guide 7 (proxy means test; no official coefficient is public), 12
(O2, O5: parameters of the run). Must not know families, nor how a score is used.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

UNIT: Final = 1_000_000
"""Parts of one unit of the score."""
OFFSET: Final = 3
"""Where the effect of value 0 stands in a term's table: values from -3 on have a place."""


@dataclass(frozen=True, slots=True)
class Term:
    """What one variable adds to the score, in millionths.

    `effects` holds those of values -3, -2, -1, 0, 1 and on; None where a value gives no score. A value beyond the last
    one counts as the last: for codes that is no code, for counts the greatest that makes a difference.
    """

    variable: str
    effects: tuple[int | None, ...] = field(repr=False)

    def effect(self, value: int) -> int | None:
        """Return what this value adds; None where there is no score with it."""
        return self.effects[min(value + OFFSET, len(self.effects) - 1)]


@dataclass(frozen=True, slots=True)
class Model:
    """A versioned model; `digest` is the SHA-256 of its file. An illustrative one decides about nobody.

    `variables` are those of its terms, in the file's order; `questionnaires` the versions of the form whose answers it
    takes, and `lacking` those that don't ask for one of its variables, with the first such variable.
    """

    version: str
    dpia_id: str
    source: str
    illustrative: bool
    unit: str
    intercept: int
    questionnaires: frozenset[str]
    terms: tuple[Term, ...]
    variables: tuple[str, ...]
    digest: bytes
    lacking: Mapping[str, str] = field(default_factory=dict, hash=False)

    def score(self, values: Sequence[int]) -> int | None:
        """Return the score in millionths, of the values of `variables`; None where one of them gives none."""
        total = self.intercept
        for term, value in zip(self.terms, values, strict=True):
            effect = term.effect(value)
            if effect is None:
                return None
            total += effect
        return total


def contributions(model: Model, values: Sequence[int]) -> Iterator[tuple[str, int, int | None]]:
    """Yield each variable with its value and what that adds, in millionths; None where it gives no score."""
    for term, value in zip(model.terms, values, strict=True):
        yield term.variable, value, term.effect(value)
