"""When use is unusual: an accessor's windows and one look in, the windows after it and alerts out. Pure.

Times are the broker's (µs, UTC). An alert's id follows from its kind, its accessor and what it is about, so the same
alert raised again is the same alert. Persons are counted as often as they were shown. Must not know topics.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from statistics import median_high
from typing import Any, Final, Self

from schemas.identifiers import NAMESPACE
from schemas.records import UnusualUseDetected
from stream_processors.watch.thresholds import Thresholds

PERSONS_PER_HOUR: Final = "PERSONS_PER_HOUR"
PERSONS_PER_DAY: Final = "PERSONS_PER_DAY"
OUTSIDE_HOURS: Final = "OUTSIDE_HOURS"
OUTSIDE_REGION: Final = "OUTSIDE_REGION"
HONEY_RECORD: Final = "HONEY_RECORD"
INTENT_WITHOUT_OUTCOME: Final = "INTENT_WITHOUT_OUTCOME"
CLOCK_DIFFERS: Final = "CLOCK_DIFFERS"
SEQUENCE_HOLE: Final = "SEQUENCE_HOLE"
GATEWAY_SILENT: Final = "GATEWAY_SILENT"
BREAK_GLASS_USED: Final = "BREAK_GLASS_USED"
OUTSIDE_AREA: Final = "OUTSIDE_AREA"
SUPERVISOR: Final = "supervisor"

_SECOND: Final = 1_000_000
HOUR: Final = 3_600 * _SECOND
DAY: Final = 24 * HOUR
_WIB_AHEAD: Final = 7 * HOUR


@dataclass(frozen=True, slots=True)
class Accessor:
    """Who looks: an agency and its pseudonym of an officer; or no agency, and a gateway."""

    agency: str
    actor: str


@dataclass(frozen=True, slots=True)
class Windows:
    """What an accessor did lately: persons shown by hour and by day (numbers since 1970, WIB), and what was told.

    `outside` counts attempts outside the region by day; `raised` are ids of today's alerts, so that a window that
    goes on growing is one alert. `counted` says of looks that show persons for a while, by the intent, how many of
    theirs are in these windows: beside what was counted, so that no crash comes between.
    """

    hours: Mapping[int, int] = field(default_factory=dict)
    days: Mapping[int, int] = field(default_factory=dict)
    outside: Mapping[int, int] = field(default_factory=dict)
    raised: Mapping[str, int] = field(default_factory=dict)
    counted: Mapping[str, int] = field(default_factory=dict)

    def plain(self) -> dict[str, dict[str, int]]:
        """Return the windows as JSON can say them."""
        said: dict[str, Mapping[Any, int]] = {"hours": self.hours, "days": self.days, "outside": self.outside}
        said |= {"raised": self.raised, "counted": self.counted}
        return {name: {str(key): value for key, value in one.items()} for name, one in said.items()}

    @classmethod
    def parse(cls, said: Mapping[str, Mapping[str, int]]) -> Self:
        """Return the windows that `plain` wrote."""
        numbered = {name: {int(key): one for key, one in said[name].items()} for name in ("hours", "days", "outside")}
        return cls(raised=dict(said["raised"]), counted=dict(said.get("counted", {})), **numbered)


Seen = tuple[Windows, tuple[UnusualUseDetected, ...]]


@dataclass(frozen=True, slots=True)
class Watch:
    """The rules over one version of the thresholds."""

    thresholds: Thresholds

    def begun(self, windows: Windows, who: Accessor, role: str, intent_id: bytes, at: int) -> Seen:
        """Return what follows from a look that begins: the first of a day outside office hours is an alert."""
        if role in self.thresholds.exempt_roles or self.thresholds.is_open(at):
            return windows, ()
        alert = self._alert(OUTSIDE_HOURS, who, at, _window(at, DAY), 1, 0, intent_id=intent_id)
        return self.once(windows, (alert,), at)

    def ended(self, windows: Windows, who: Accessor, persons: int, at: int) -> Seen:
        """Return what follows from a look that showed so many persons."""
        hour, day = _number(at, HOUR), _number(at, DAY)
        kept = self._kept(windows, at)
        after = replace(kept, hours=_more(kept.hours, hour, persons), days=_more(kept.days, day, persons))
        floors = self.thresholds.floor_per_hour, self.thresholds.floor_per_day
        found = (
            self._too_many(PERSONS_PER_HOUR, who, after.hours, hour, floors[0], at),
            self._too_many(PERSONS_PER_DAY, who, after.days, day, floors[1], at),
        )
        return self.once(after, (alert for alert in found if alert is not None), at)

    def goes_on(self, windows: Windows, who: Accessor, intent_id: bytes, persons: int, at: int) -> Seen:
        """Return what follows from a look that showed so many persons up to now; those counted before count once."""
        about = intent_id.hex()
        more = persons - windows.counted.get(about, 0)
        if more <= 0:
            return windows, ()
        return self.ended(replace(windows, counted={**windows.counted, about: persons}), who, more, at)

    def refused(self, windows: Windows, who: Accessor, reason: str, intent_id: bytes, at: int) -> Seen:
        """Return what follows from a look that was refused for this reason."""
        if reason != OUTSIDE_AREA:
            return windows, ()
        day = _number(at, DAY)
        kept = self._kept(windows, at)
        after = replace(kept, outside=_more(kept.outside, day, 1))
        count, most = after.outside[day], self.thresholds.outside_region_per_day
        if count <= most:
            return after, ()
        alert = self._alert(OUTSIDE_REGION, who, at, _window(at, DAY), count, most, intent_id=intent_id)
        return self.once(after, (alert,), at)

    def honey(self, who: Accessor, intent_id: bytes, at: int) -> UnusualUseDetected:
        """Return the alert of a look that touched a record which nobody has a reason to look at."""
        return self._alert(HONEY_RECORD, who, at, (at, at), 1, 0, intent_id=intent_id, about=intent_id.hex())

    def break_glass(self, who: Accessor, intent_id: bytes, review_due_at: int, at: int) -> UnusualUseDetected:
        """Return what tells the agency's supervisor of an emergency, which calls for a review until it is due."""
        window, about = (at, review_due_at), intent_id.hex()
        return self._alert(
            BREAK_GLASS_USED, who, at, window, 1, 0, about=about, intent_id=intent_id, addressed_to=SUPERVISOR
        )

    def unanswered(self, who: Accessor, intent_id: bytes, began_at: int, now: int) -> UnusualUseDetected | None:
        """Return the alert of an intent of which nobody knows at `now` what became, or None while its time runs."""
        limit = self.thresholds.unanswered_seconds
        if now - began_at <= limit * _SECOND:
            return None
        ends = began_at + limit * _SECOND
        return self._alert(
            INTENT_WITHOUT_OUTCOME,
            who,
            ends,
            (began_at, ends),
            limit,
            limit,
            intent_id=intent_id,
            about=intent_id.hex(),
        )

    def clock(self, gateway: str, occurred_at: int, at: int) -> UnusualUseDetected | None:
        """Return the alert of a gateway whose clock differs from the broker's, once an hour, or None."""
        seconds, most = abs(at - occurred_at) // _SECOND, self.thresholds.clock_seconds
        if abs(at - occurred_at) <= most * _SECOND:
            return None
        return self._alert(CLOCK_DIFFERS, Accessor("", gateway), at, _window(at, HOUR), seconds, most)

    def hole(self, gateway: str, last: int, number: int, at: int) -> UnusualUseDetected:
        """Return the alert of a gateway that left numbers out: what they stood for never came to the trail."""
        return self._alert(
            SEQUENCE_HOLE, Accessor("", gateway), at, (at, at), number - last - 1, 0, about=f"{gateway}|{number}"
        )

    def silent(self, gateway: str, last_at: int, now: int) -> UnusualUseDetected | None:
        """Return the alert of a gateway of which the last entry came so long ago, or None while its time runs."""
        limit = self.thresholds.silent_seconds
        ends = last_at + limit * _SECOND
        if now <= ends:
            return None
        return self._alert(GATEWAY_SILENT, Accessor("", gateway), ends, (last_at, ends), limit, limit)

    def _too_many(  # noqa: PLR0913, PLR0917  what is counted, of whom, and when
        self, kind: str, who: Accessor, counted: Mapping[int, int], number: int, floor: int, at: int
    ) -> UnusualUseDetected | None:
        before = [count for one, count in counted.items() if one != number and count]
        median = median_high(before) if len(before) >= self.thresholds.median_needs else 0
        most = max(floor, self.thresholds.factor * median)
        if counted[number] <= most:
            return None
        window = _window(at, HOUR if kind == PERSONS_PER_HOUR else DAY)
        return self._alert(kind, who, at, window, counted[number], most, median=median)

    def _kept(self, windows: Windows, at: int) -> Windows:
        """Return the windows without what is older than the median looks back."""
        day = _number(at, DAY) - self.thresholds.median_days
        hour = day * 24
        return replace(
            windows,
            hours={one: count for one, count in windows.hours.items() if one >= hour},
            days={one: count for one, count in windows.days.items() if one >= day},
            outside={one: count for one, count in windows.outside.items() if one >= day},
        )

    @staticmethod
    def once(windows: Windows, alerts: Iterable[UnusualUseDetected], at: int) -> Seen:
        """Return the alerts that were not raised yet, and windows that know them."""
        fresh = tuple(alert for alert in alerts if alert.alert_id.hex() not in windows.raised)
        lately = {one: raised for one, raised in windows.raised.items() if raised > at - 2 * DAY}
        return replace(windows, raised={**lately, **{alert.alert_id.hex(): at for alert in fresh}}), fresh

    def _alert(  # noqa: PLR0913, PLR0917  what an alert says
        self,
        kind: str,
        who: Accessor,
        at: int,
        window: tuple[int, int],
        observed: int,
        threshold: int,
        *,
        about: str = "",
        **more: Any,
    ) -> UnusualUseDetected:
        named = "|".join(("alert", kind, who.agency, who.actor, about or str(window[0])))
        return UnusualUseDetected(
            alert_id=uuid.uuid5(NAMESPACE, named).bytes,
            detected_at=at,
            kind=kind,
            agency_id=who.agency,
            actor_ref=who.actor,
            window_start=window[0],
            window_end=window[1],
            observed=observed,
            threshold=threshold,
            thresholds_version=self.thresholds.version,
            **more,
        )


def _number(at: int, length: int) -> int:
    """Return the number of the hour or day (WIB) that a time is in."""
    return (at + _WIB_AHEAD) // length


def _window(at: int, length: int) -> tuple[int, int]:
    start = _number(at, length) * length - _WIB_AHEAD
    return start, start + length


def _more(counted: Mapping[int, int], number: int, count: int) -> dict[int, int]:
    return {**counted, number: counted.get(number, 0) + count}
