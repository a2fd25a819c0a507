"""The order in which a batch's rows are written: a family's row never before the events that it speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import TopicPartition

from consumers.read_model import projector as projecting
from consumers.read_model import rows, tables
from consumers.read_model.state_record import state_record
from schemas import codec, regions
from tests.contract import golden_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FAMILY = "f" * 26
OTHER = "g" * 26
TOPICS = projecting.Topics()


class Record:
    """As much of a message as is looked at."""

    def __init__(self, topic: str, value: bytes, offset: int) -> None:
        self._topic, self._value, self._offset = topic, value, offset

    def topic(self) -> str:
        return self._topic

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes:
        return FAMILY.encode()

    def value(self) -> bytes:
        return self._value

    def error(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return (1, 1_750_000_000_000)


class Log:
    """A consumer of these records that remembers what may be committed."""

    def __init__(self, *batches: list[Record]) -> None:
        self._batches = list(batches)
        self.committed: list[tuple[str, int]] = []

    def subscribe(self, topics: list[str]) -> None:
        del topics

    def consume(self, at_once: int, timeout: float) -> list[Record]:
        del at_once, timeout
        return self._batches.pop(0)

    def assignment(self) -> list[Any]:
        return [TopicPartition(topic, 0) for topic in TOPICS.sources]

    def store_offsets(self, offsets: list[Any]) -> None:
        self.committed += [(place.topic, place.offset) for place in offsets]

    def get_watermark_offsets(self, *_: object, **__: object) -> None:
        return None


class Tables:
    """A store that tells in which order rows were begun and acknowledged; one kind of row may fail."""

    def __init__(self, fails: tables.Table | None = None) -> None:
        self.told: list[tuple[str, str]] = []
        self._fails = fails

    def begin(self, writes: Iterable[rows.Write]) -> list[rows.Write]:
        return list(writes)

    def finish(self, begun: list[rows.Write]) -> None:
        for write in begun:
            if write.table is self._fails:
                raise RuntimeError(write.table.name)
            self.told.append((write.table.name, "removed" if write.removes else "written"))

    def write(self, writes: Iterable[rows.Write]) -> None:
        self.finish(self.begin(writes))

    def placed(self, family_ids: Iterable[str]) -> dict[str, rows.Placed]:
        del family_ids
        return {}

    def order(self, table: tables.Table) -> list[int]:
        return [at for at, (name, _) in enumerate(self.told) if name == table.name]


class NoLetters:
    def readable(self) -> None:
        pass

    def flush(self) -> None:
        pass


def state(family_id: str, code: str = "35.71.02.1001") -> bytes:
    sample = golden_samples.sample("jejak.FamilyState", sparse=False)
    place = type(sample.region)(system="KEMENDAGRI", edition=regions.KEMENDAGRI_EDITION, code=code)
    return codec.encode(_with(sample, family_id=family_id, region=place, sequence=2))


def event(family_id: str) -> bytes:
    sample = golden_samples.sample("jejak.MembershipConfirmed", sparse=False)
    return codec.encode(_with(sample, header=_with(sample.header, family_id=family_id, sequence=2)))


def _with(record: Any, **fields: Any) -> Any:
    return type(record)(**{name: getattr(record, name) for name in record.__dataclass_fields__} | fields)


def projector(log: Log, store: Tables) -> projecting.Projector:
    connect: Callable[[Any], Any] = lambda _: store  # noqa: E731  as the composition hands it over
    return projecting.Projector(log, connect, NoLetters(), TOPICS)  # type: ignore[arg-type]  # as much of each as is used


def test_a_family_s_row_is_written_after_its_events_and_its_place_whatever_came_first() -> None:
    log = Log([Record(TOPICS.families, state(FAMILY), 0), Record(TOPICS.events, event(FAMILY), 0)])
    store = Tables()
    assert projector(log, store).step() == 2
    (family,) = store.order(tables.FAMILY)
    assert store.order(tables.EVENT)[-1] < family
    assert store.order(tables.FAMILY_IN_REGION)[-1] < family
    assert sorted(log.committed) == [(TOPICS.events, 1), (TOPICS.families, 1)]


@pytest.mark.parametrize("lost", [tables.EVENT, tables.FAMILY_IN_REGION])
def test_where_an_event_or_a_place_is_not_acknowledged_no_family_is_written_and_nothing_committed(
    lost: tables.Table,
) -> None:
    log = Log([Record(TOPICS.events, event(FAMILY), 0), Record(TOPICS.families, state(FAMILY), 0)])
    store = Tables(fails=lost)
    running = projector(log, store)
    with pytest.raises(RuntimeError):
        running.step()
    assert store.order(tables.FAMILY) == []
    assert log.committed == []


def test_the_areas_above_a_kecamatan_are_written_once() -> None:
    log = Log(
        [Record(TOPICS.families, state(FAMILY), 0)],
        [Record(TOPICS.families, state(OTHER, "35.71.02.1002"), 1)],
        [Record(TOPICS.families, state(OTHER, "35.71.03.1001"), 2)],
    )
    store = Tables()
    running = projector(log, store)
    running.step()
    assert len(store.order(tables.KECAMATAN)) == 2
    running.step()
    assert len(store.order(tables.KECAMATAN)) == 2
    running.step()
    assert len(store.order(tables.KECAMATAN)) == 4


def test_the_front_of_a_state_is_what_decoding_it_in_full_says() -> None:
    for sparse in (False, True):
        sample = golden_samples.sample("jejak.FamilyState", sparse=sparse)
        value = codec.encode(sample)
        front = state_record(value)
        assert front.value == value
        for name in front._fields[:-1]:
            assert getattr(front, name) == getattr(sample, name)


def test_a_state_that_ends_within_its_front_is_unreadable() -> None:
    value = state(FAMILY)
    end = value.index(b"AKTIF") if b"AKTIF" in value else len(codec.FRAME.pack(0, 0)) + 40
    for cut in range(end):
        with pytest.raises(codec.Undecodable):
            state_record(value[:cut])
