"""What the door needs read for it: the queries that hold data of persons. Must not know where they are answered."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from schemas import records


class Families(Protocol):
    """What the door reads: the queries of `consumers.read_model` that hold data of persons."""

    def family(self, family_id: str) -> records.FamilyState | None:
        """Return the family's state."""

    def history(self, family_id: str) -> tuple[Any, ...]:
        """Return the family's events, decoded."""

    def framed_history(self, family_id: str) -> tuple[bytes, ...]:
        """Return the family's events as they lie on the events topic, in order of their sequence."""

    def events_at(self, family_id: str, sequences: Sequence[int]) -> Mapping[int, Any]:
        """Return those of the family's events that have these sequences, decoded."""

    def family_of(self, reference: str) -> str | None:
        """Return the family in which a reference stands."""
