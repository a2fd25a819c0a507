"""From when the person who was looked at sees the look: what `SubjectDisclosure.visibility` says, and by which facts.

The writer of an entry and whoever reads it derive the same of the same two facts. Must not know any purpose or policy.
"""

from dataclasses import dataclass
from typing import Final

CITIZEN: Final = "CITIZEN"
DELAYED_UNTIL: Final = "DELAYED_UNTIL"
RESTRICTED: Final = "RESTRICTED"


@dataclass(frozen=True, slots=True)
class Visibility:
    """One of the three words; `until` (µs since 1970, UTC) unless CITIZEN, the court's `order` where RESTRICTED."""

    kind: str = CITIZEN
    until: int | None = None
    order: str | None = None


def of(until: int | None, order: str | None) -> Visibility:
    """Return the visibility of a look that is withheld until a time, by an order or without one.

    Without an expiry it is CITIZEN, whatever order is named: nothing is withheld for ever.
    """
    if not until:
        return Visibility()
    return Visibility(RESTRICTED, until, order) if order else Visibility(DELAYED_UNTIL, until)
