"""How far a replay reads: one end offset for each partition of the accepted events.

Knows the events topic's offsets and recorded times; must not know what events mean.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import TopicPartition

from consumers.replay import log
from schemas import catalogue, prefix
from schemas.coded import Coded
from transport import kafka

BEYOND_END, BEFORE_FIRST_EVENT = "BEYOND_END", "BEFORE_FIRST_EVENT"
PARTITIONS_DIFFER, MALFORMED = "PARTITIONS_DIFFER", "MALFORMED"
_PLACE = re.compile(r"(\d{1,6}):(\d{1,18})", re.ASCII)
_NONE_LATER = -1  # what the client answers when no record is as late as the time asked for


@dataclass(frozen=True, slots=True)
class Cut:
    """The accepted events a replay takes in: of each partition, those at offsets below its end."""

    ends: Mapping[int, int]


class CutRefused(Coded):
    """No cut is possible there; `code` says why and `text` what to mend."""


def at_end(bootstrap: str, topic: str = catalogue.EVENTS_TOPIC) -> Cut:
    """Return the cut after every event committed now; raises CutRefused (PARTITIONS_DIFFER)."""
    ends = kafka.end_offsets(bootstrap, topic)
    if len(ends) != catalogue.PARTITIONS:
        raise CutRefused(PARTITIONS_DIFFER, f"{topic} has {len(ends)} partitions and must have {catalogue.PARTITIONS}")
    return Cut(dict(sorted(ends.items())))


def at_time(bootstrap: str, known_at: int, topic: str = catalogue.EVENTS_TOPIC) -> Cut:
    """Return the cut before the first event of each partition recorded after `known_at` (µs since 1970, UTC).

    Raises CutRefused: BEFORE_FIRST_EVENT where nothing was known yet, PARTITIONS_DIFFER. An event's Kafka timestamp
    is its recorded_at in milliseconds and never falls within a partition, so that the broker's index finds the place.
    """
    whole = at_end(bootstrap, topic)
    if known_at < 0:  # the client gives negative times meanings of its own
        raise _nothing_known()
    asked = [TopicPartition(topic, number, known_at // 1000) for number in whole.ends]
    with kafka.closing_reader(bootstrap) as source:
        places = source.offsets_for_times(asked, timeout=kafka.CALL_SECONDS)
    cut = Cut({place.partition: _first_after(bootstrap, place, whole, known_at) for place in places})
    if next(log.events(bootstrap, cut, topic=topic), None) is None:
        raise _nothing_known()
    return cut


def _first_after(bootstrap: str, place: Any, whole: Cut, known_at: int) -> int:
    end = whole.ends[place.partition]
    if place.offset == _NONE_LATER:
        return end
    for offset, recorded_at in _times(bootstrap, place, whole):
        if recorded_at > known_at:
            return offset
    return end


def _times(bootstrap: str, place: Any, whole: Cut) -> Iterator[tuple[int, int]]:
    """Yield offset and recorded_at (µs) of the events from a place on, which the index knows to the millisecond."""
    starts = {place.partition: place.offset}
    for _, offset, _, value in log.events(bootstrap, whole, starts, starts, topic=place.topic):
        yield offset, prefix.walk(value).recorded_at


def _nothing_known() -> CutRefused:
    return CutRefused(BEFORE_FIRST_EVENT, "no event had been recorded by that time")


def parse(text: str, bootstrap: str, topic: str = catalogue.EVENTS_TOPIC) -> Cut:
    """Return the cut of a text like `0:120,1:98`, which names each partition of the topic once and its end offset.

    Raises CutRefused: MALFORMED, PARTITIONS_DIFFER where other partitions are named than the topic has, BEYOND_END.
    """
    ends = _ends(text)
    whole = at_end(bootstrap, topic).ends
    if ends.keys() != whole.keys():
        raise CutRefused(PARTITIONS_DIFFER, f"the cut names {len(ends)} partitions, the topic has 0 to {max(whole)}")
    for number, end in ends.items():
        if end > whole[number]:
            raise CutRefused(BEYOND_END, f"partition {number} ends at offset {whole[number]}, before {end}")
    return Cut(ends)


def _ends(text: str) -> dict[int, int]:
    ends: dict[int, int] = {}
    for part in text.split(","):
        found = _PLACE.fullmatch(part.strip())
        if found is None or int(found[1]) in ends:
            raise CutRefused(MALFORMED, "a cut is partition:offset for each partition, once: 0:120,1:98")
        ends[int(found[1])] = int(found[2])
    return dict(sorted(ends.items()))
