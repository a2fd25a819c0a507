"""A look that shows persons for a while, and when an accessor's windows are to follow it: often enough for an alert.

A window is dear to write and a million persons are a million disclosures: the windows follow at each eighth more, and
in any case within seconds. Pure; must not know what keeps the windows.
"""

from dataclasses import dataclass
from typing import Final

FOLLOWS_WITHIN: Final = 2_000_000  # microseconds of the broker's time
_SHARE: Final = 8


@dataclass(slots=True)
class Running:
    """How many persons were shown, when the latest was (µs, UTC), and how far the windows have followed.

    After a start nobody remembers how far: they follow at once, and what they have says itself what is new to them.
    """

    persons: int = 0
    at: int = 0
    followed: int = 0
    followed_at: int = 0

    def shows(self, persons: int, at: int) -> None:
        """Note that it has shown so many persons at this time."""
        self.persons, self.at = persons, at

    def is_due(self) -> bool:
        """Tell whether the windows should follow now."""
        more = self.persons - self.followed
        return more > self.followed // _SHARE or (more > 0 and self.at - self.followed_at >= FOLLOWS_WITHIN)

    def waits(self, now: int) -> bool:
        """Tell whether persons stay uncounted at `now`, nothing having come for as long as they may."""
        return self.persons > self.followed and now - self.followed_at >= FOLLOWS_WITHIN

    def counted(self) -> None:
        """Note that the windows have followed."""
        self.followed, self.followed_at = self.persons, self.at
