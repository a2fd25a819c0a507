"""What counts as usual, as data with a version. Pure but for reading the file that is shipped."""

import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

SHIPPED: Final = Path(__file__).with_name("thresholds.toml")
_WIB_AHEAD: Final = 7 * 3_600
_MICROS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Thresholds:
    """One version of what is usual; hours of the day are of Asia/Jakarta, weekdays ISO (7 is Sunday)."""

    version: str
    factor: int
    floor_per_hour: int
    floor_per_day: int
    median_days: int
    median_needs: int
    opens: int
    closes: int
    weekend: frozenset[int]
    holidays_yearly: frozenset[str]
    holidays: frozenset[str]
    exempt_roles: frozenset[str]
    outside_region_per_day: int
    unanswered_seconds: int
    clock_seconds: int
    silent_seconds: int

    @classmethod
    def parse(cls, text: str) -> "Thresholds":
        """Return the thresholds that the TOML text says; raises KeyError, TypeError or ValueError where one lacks."""
        said: dict[str, Any] = tomllib.loads(text)
        office: dict[str, Any] = {
            name: frozenset(one) if isinstance(one, list) else one for name, one in said["office"].items()
        }
        found = cls(version=said["version"], **said["persons"], **office, **said["limits"])
        for day in found.holidays:
            date.fromisoformat(day)
        return found

    def is_open(self, at: int) -> bool:
        """Tell whether offices are open at a time (µs, UTC)."""
        local = datetime.fromtimestamp(at // _MICROS + _WIB_AHEAD, UTC)
        day = local.date().isoformat()
        if local.isoweekday() in self.weekend or day in self.holidays or day[5:] in self.holidays_yearly:
            return False
        return self.opens <= local.hour < self.closes


def shipped() -> Thresholds:
    """Return the thresholds that come with this version."""
    return Thresholds.parse(SHIPPED.read_text())
