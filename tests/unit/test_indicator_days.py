"""The sums at the end of each day: from the running fold, however its batches fall, and counted again from events."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.read_model import rows, tables
from consumers.replay import figures, moments, two_times
from consumers.replay.moments import Moments
from schemas import catalogue, codec
from stream_processors.folds.families import FamiliesFold
from stream_processors.indicators import definitions
from stream_processors.indicators.counts import Cell, recount
from stream_processors.registry.decision import event_of
from tests.unit import day_sums
from tests.unit.registry_scenarios import BOTH, DAY, NOW, OTHER_FAMILY, SECOND, Scenario, at, registered, say
from tests.unit.test_read_model_rows import Database
from tests.unit.test_registry_properties import BOOK, play, streams

if TYPE_CHECKING:
    from collections import Counter

PARTITION = 3
PASSED = (SECOND, DAY // 3, DAY, 5 * DAY)


class Live:
    """A fold whose sums are projected as they come, and every event it accepted."""

    def __init__(self) -> None:
        self.fold = FamiliesFold(PARTITION, lambda: BOOK)
        self.database = Database()
        self.events: list[bytes] = []
        self.states: dict[bytes, bytes] = {}
        self.offset = self.sums = 0
        self.clock = NOW

    def say(self, change: Any, passed: int) -> None:
        self.clock += passed
        key = change.header.family_id.encode()
        self._take(self.fold.fold(key, codec.encode(change), self.offset, self.clock))
        self.offset += 1

    def close(self) -> None:
        self._take(self.fold.close_batch(self.offset))

    def restart(self) -> None:
        self.close()
        self.fold = FamiliesFold(PARTITION, lambda: BOOK)
        for key, value in self.states.items():
            self.fold.restore(key, value)
        self._take(self.fold.restored())

    def _take(self, outputs: Any) -> None:
        for one in outputs:
            if one.topic == catalogue.INDICATORS_TOPIC:
                self.database.write(rows.indicator_writes(one.value, self.sums))
                self.sums += 1
            elif one.topic == catalogue.EVENTS_TOPIC:
                self.events.append(one.value)
            elif one.topic == catalogue.FAMILIES_TOPIC:
                self.states[one.key] = one.value


def kept(database: Database, day: date) -> dict[Cell, int]:
    """Return what is on record at the end of a day: the newest row of each cell, of that day or before."""
    found: dict[Cell, tuple[str, int]] = {}
    for (_, indicator, region, on, category, _, _), (total,) in database.live(tables.INDICATOR_DAY).items():
        cell = Cell(indicator, region, category)
        if on <= str(day):
            found[cell] = max(found.get(cell, ("", 0)), (on, total))
    return {cell: total for cell, (_, total) in found.items() if total}


def counted(events: list[bytes], day: date) -> dict[Cell, int]:
    """Return the cells of every family as known at the end of a day, counted from nothing."""
    families: dict[str, list[bytes]] = {}
    for framed in events:
        families.setdefault(event_of(framed).prefix.family_id, []).append(framed)
    known = [two_times.at(told, Moments(known_at=moments.end_of_day(day)), BOOK) for told in families.values()]
    return dict(recount(one.state for one in known if isinstance(one, two_times.Then)))


@given(streams, streams, st.lists(st.integers(0, 100), min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_the_sums_kept_for_a_day_are_those_of_all_that_was_known_at_its_end(
    ours: list[list[int]], theirs: list[list[int]], turns: list[int]
) -> None:
    live = Live()
    said = [*play(ours).changes, *play(theirs, OTHER_FAMILY).changes]
    for number, change in enumerate(said):
        turn = turns[number % len(turns)]
        live.say(change, PASSED[turn % len(PASSED)])
        if turn % 5 == 0:
            live.close()
        if turn % 17 == 0:
            live.restart()
    live.close()
    again = Database()
    again.write([rows.day_write(one) for one in day_sums.of_partition(PARTITION, map(event_of, live.events))])
    last = moments.last_whole_day(live.clock) + timedelta(days=1)
    first = moments.last_whole_day(NOW)
    for passed in range((last - first).days + 1):
        day = first + timedelta(days=passed)
        assert kept(live.database, day) == kept(again, day) == counted(live.events, day)


def test_a_batch_that_spans_midnight_leaves_the_sums_of_both_days() -> None:
    live = Live()
    live.clock = at(2025, 6, 30, 23, 59)
    live.say(registered(), SECOND)
    live.say(registered(family_id=OTHER_FAMILY), 2 * 60 * SECOND)
    live.close()
    place = Cell("families_by_decile", "35.71.02", definitions.NO_DECILE)
    assert kept(live.database, date(2025, 6, 29)).get(place) is None
    assert kept(live.database, date(2025, 6, 30))[place] == 1
    assert kept(live.database, date(2025, 7, 1))[place] == 2


def test_a_day_begins_at_midnight_in_wib() -> None:
    midnight = moments.parse("2025-07-01T00:00:00+07:00")
    assert rows.day_of(midnight - 1) == "2025-06-30"
    assert rows.day_of(midnight) == "2025-07-01"
    assert rows.day_of(moments.parse("2025-06-30")) == "2025-06-30"


@given(streams, streams, st.integers(0, 400))
@settings(max_examples=25, deadline=None)
def test_families_that_lie_mixed_in_the_log_are_each_folded_by_themselves(
    ours: list[list[int]], theirs: list[list[int]], back: int
) -> None:
    logs = play(ours).scene.log, play(theirs, OTHER_FAMILY).scene.log
    asked = Moments(as_of=NOW - back * DAY)
    mixed = [framed for pair in zip(*logs, strict=False) for framed in pair]
    mixed += [framed for log in logs for framed in log[min(map(len, logs)) :]]
    alone = [two_times.at(log, asked, BOOK) for log in logs]
    found = {one.state.family_id: one for one in figures.folded(map(event_of, mixed), asked, BOOK)}
    assert found == {one.state.family_id: one for one in alone if isinstance(one, two_times.Then)}


def test_a_late_death_is_counted_out_of_the_past_but_not_out_of_what_was_known() -> None:
    scene = Scenario(rules=BOTH, clock=at(2025, 1, 2)).and_given(registered())
    scene.and_given(say("MembershipClaimed", occurred=at(2025, 1, 1)))
    scene.when(say("MembershipEnded", occurred=at(2025, 2, 1)), at(2025, 6, 1)).accepted()

    def persons(asked: Moments) -> int:
        events = map(event_of, scene.log)
        total: Counter[Cell] = recount(one.state for one in figures.folded(events, asked, BOTH))
        return sum(number for cell, number in total.items() if cell.indicator == "persons_by_padan")

    assert persons(Moments(known_at=at(2025, 5, 1))) == 1
    assert persons(Moments(as_of=at(2025, 5, 1))) == 0
    assert persons(Moments(as_of=at(2025, 5, 1), known_at=at(2025, 5, 1))) == 1
    assert persons(Moments(as_of=at(2025, 1, 31))) == 1
