"""The look that an entry belongs to is found by index: by its place, by its intent, by the time in its id."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jejak.audit.entries import Entry
from jejak.audit.explaining import At, Found, Looks, OutcomeMissing
from tests.unit.audit_rig import Database, disclosure, intent, on_topic, outcome, projected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumers.read_model.audit_queries import Access
    from schemas import records

MS = 1_770_000_000_000
MINUTE = 60_000


def id_at(milliseconds: int, number: int) -> bytes:
    """Return an id of that time, as version 7 of a UUID has it."""
    return milliseconds.to_bytes(6, "big") + b"\x70\x00\x80" + number.to_bytes(7, "big")


class Topic:
    """A topic that may be read in parts alone, and tells how much of it was."""

    def __init__(self, *entries: Entry) -> None:
        self._entries = entries
        self.read = 0

    def at(self, partition: int, offset: int) -> Entry | None:
        return next((each for each in self._entries if (each.partition, each.offset) == (partition, offset)), None)

    def appended(self, first_ms: int, last_ms: int) -> Iterator[Entry]:
        return self._counted(each for each in self._entries if first_ms <= each.appended_ms < last_ms)

    def after(self, entry: Entry, until_ms: int | None = None) -> Iterator[Entry]:
        until = until_ms or 1 << 62
        return self._counted(
            each
            for each in self._entries
            if each.partition == entry.partition and each.offset > entry.offset and each.appended_ms < until
        )

    def _counted(self, found: Iterator[Entry]) -> Iterator[Entry]:
        for each in found:
            self.read += 1
            yield each


class Index:
    """The read model, as far as its projector came."""

    def __init__(self, *seen: Any) -> None:
        self._tables: Database = projected(on_topic([each.record for each in seen]))
        self._places = {each.record.event_id: (each.partition, each.offset) for each in seen}

    def place_of(self, intent_id: bytes) -> tuple[int, int] | None:
        return self._places.get(intent_id)

    def look(self, asked: records.AccessIntent) -> Access | None:
        lines = self._tables.of_agency(asked.agency_id, "2025-06-15").lines
        return next((line for line in lines if line.event_id == asked.event_id), None)


def a_look(number: int, at: int = MS, partition: int = 1) -> list[Entry]:
    """Return the intent, outcome and disclosure of a look, in their places."""
    first = id_at(at, number)
    said = [
        intent(1, first),
        replace(outcome(2), event_id=id_at(at, number + 1), intent_id=first),
        replace(disclosure(3, b"s" * 32, first), event_id=id_at(at, number + 2)),
    ]
    return [Entry(each, partition, number + place, at + place) for place, each in enumerate(said)]


LOOK, OTHER, LATER = a_look(100), a_look(200, partition=2), a_look(300, MS + 10 * MINUTE)
WHOLE = Found(LOOK[0].record, LOOK[1].record)


@pytest.mark.parametrize("entry", LOOK)
@pytest.mark.parametrize("seen", [0, 1, 3])
def test_a_look_is_found_by_each_of_its_entries_however_far_the_read_model_is(entry: Entry, seen: int) -> None:
    looks = Looks(Topic(*OTHER, *LOOK, *LATER), Index(*LOOK[:seen]))
    assert looks.find(At(entry.partition, entry.offset)) == WHOLE
    assert looks.find(uuid.UUID(bytes=entry.record.event_id)) == WHOLE


def test_an_entry_whose_intent_is_known_costs_no_reading_but_of_what_follows_it() -> None:
    topic = Topic(*[each for number in range(0, 3_000, 3) for each in a_look(number, MS + number)])
    sought = a_look(1_500, MS + 1_500)
    looks = Looks(topic, Index(sought[0]))
    assert looks.find(uuid.UUID(bytes=sought[0].record.event_id)) == Found(sought[0].record, sought[1].record)
    assert topic.read == 1


def test_an_outcome_that_came_late_is_found_once_the_read_model_has_seen_it() -> None:
    late = replace(LOOK[1], appended_ms=MS + 90 * MINUTE, offset=900)
    topic = Topic(LOOK[0], late)
    assert Looks(topic, Index(LOOK[0])).find(At(1, 100)) == Found(LOOK[0].record, None)
    assert Looks(topic, Index(LOOK[0], late)).find(At(1, 100)) == WHOLE


def test_an_outcome_that_is_known_and_lies_nowhere_is_a_fault() -> None:
    with pytest.raises(OutcomeMissing):
        Looks(Topic(LOOK[0]), Index(*LOOK[:2])).find(At(1, 100))


def test_what_lies_nowhere_or_names_no_intent_is_not_found() -> None:
    looks = Looks(Topic(*LOOK[1:], *OTHER), Index())
    assert looks.find(At(1, 100)) is None
    assert looks.find(At(1, 101)) is None  # its intent is gone
    assert looks.find(uuid.UUID(bytes=LATER[0].record.event_id)) is None
    assert looks.find(uuid.uuid4()) is None


@given(st.uuids())
def test_no_id_reads_more_than_its_own_minute(ref: uuid.UUID) -> None:
    topic = Topic(*LOOK, *OTHER)
    assert Looks(topic, Index()).find(ref) is None
    assert topic.read == 0
