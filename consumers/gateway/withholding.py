"""How long a look may be kept from whom it is about: by its purpose when it is made, by its record when it is read.

UU 27/2022 art. 32 owes the person the record, art. 33 lets it wait where somebody would be endangered or revealed: so
an expiry is compulsory, and none is further off than `LONGEST_DAYS`. Pure; must not know who asks, nor any table.
"""

from dataclasses import dataclass
from typing import Final

from schemas.visibility import CITIZEN, RESTRICTED

LONGEST_DAYS: Final = 366
"""No purpose may withhold a look for longer, and no record is read as if it did (decision 46)."""
UNDATED_HOURS: Final = 72
"""For so long a record is withheld that names no expiry: 3x24 hours, in which art. 32 wants the person answered."""

NOT_OF_PURPOSE: Final = "VISIBILITY_NOT_OF_PURPOSE"
ORDER_NEEDED: Final = "COURT_ORDER_NEEDED"
EXPIRY_NEEDED: Final = "EXPIRY_NEEDED"
EXPIRY_TOO_LATE: Final = "EXPIRY_TOO_LATE"

_HOUR_US: Final = 3_600_000_000
_DAY_US: Final = 24 * _HOUR_US


@dataclass(frozen=True, slots=True)
class Withholding:
    """What a purpose says of its looks: at once for the person, or withheld for so many days at most."""

    kind: str = CITIZEN
    longest_days: int = 0


AT_ONCE: Final = Withholding()


def broken(rule: Withholding, visible_from: int, court_order: str, at: int) -> tuple[str, ...]:
    """Return why a look at `at` may not be made with this expiry (0: none) and order ("": none); none where it may.

    Times in µs since 1970 (UTC). What a purpose doesn't ask for is refused as well: who names it believes the look
    withheld.
    """
    found = []
    if (court_order and rule.kind != RESTRICTED) or (visible_from and rule.kind == CITIZEN):
        found.append(NOT_OF_PURPOSE)
    if rule.kind == RESTRICTED and not court_order:
        found.append(ORDER_NEEDED)
    if rule.kind != CITIZEN and visible_from <= at:
        found.append(EXPIRY_NEEDED)
    if rule.kind != CITIZEN and visible_from > at + rule.longest_days * _DAY_US:
        found.append(EXPIRY_TOO_LATE)
    return tuple(found)


def withheld_until(visibility: str, said: int, since: int) -> int:
    """Return until when (µs) a record made at `since` is withheld that says this expiry (0: none); 0: not at all.

    For records of any hand: one without an expiry, or with one too far off, is neither shown at once nor for ever not.
    """
    if visibility in {"", CITIZEN}:
        return 0
    return min(said, since + LONGEST_DAYS * _DAY_US) if said > 0 else since + UNDATED_HOURS * _HOUR_US
