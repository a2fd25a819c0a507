"""The projector against the real broker and database: what was committed to the topics is what the tables answer."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import TopicPartition

from consumers.read_model import projector as projecting
from consumers.read_model import settled, tables
from consumers.read_model.dead_letters import DeadLetters, PoisonLimit
from consumers.read_model.queries import ReadModel
from consumers.read_model.writes import Between, Store
from jejak import stack as local
from schemas import codec, records, regions
from schemas.catalogue import Topic
from transport import cassandra, kafka

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cassandra.cluster import Session

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real

REPLICATION: dict[str, str | int] = {"class": "SimpleStrategy", "replication_factor": 1}
PARTITIONS = 2
DEADLINE = 60.0
NOW = 1_750_000_000_000_000
RAWA, PESONA, FAR = "35.71.02.1001", "35.71.02.1002", "11.01.01.2001"
KEDIRI = regions.kemendagri("35.71")


@dataclass
class World:
    """One test's topics and tables on the shared servers."""

    endpoints: Endpoints
    version: str
    topics: projecting.Topics
    session: Session

    @property
    def group(self) -> str:
        return projecting.group_of(self.version)

    def read(self) -> ReadModel:
        return ReadModel(self.session, self.version)

    def publish(self, topic: str, *values: tuple[str, bytes], partition: int = -1) -> None:
        producer, faults = kafka.producer(self.endpoints.kafka), list[object]()
        for key, value in values:
            producer.produce(
                topic,
                key=key.encode(),
                value=value,
                partition=partition,
                on_delivery=lambda error, _: faults.append(error) if error else None,
            )
        assert producer.flush(DEADLINE) == 0
        assert not faults

    def publish_in_transaction(self, topic: str, *values: tuple[str, bytes], commit: bool) -> None:
        producer = kafka.transactional_producer(self.endpoints.kafka, f"tx-{self.version}")
        producer.init_transactions()
        producer.begin_transaction()
        for key, value in values:
            producer.produce(topic, key=key.encode(), value=value)
        if commit:
            producer.commit_transaction(DEADLINE)
        else:
            producer.abort_transaction(DEADLINE)

    @contextlib.contextmanager
    def projector(self, *, between: Between | None = None, poison_limit: int = 100) -> Iterator[projecting.Projector]:
        consumer = projecting.member(self.endpoints.kafka, self.group)
        letters = DeadLetters(
            kafka.producer(self.endpoints.kafka), self.topics.dead_letters, self.group, consecutive_limit=poison_limit
        )

        def connect(wait: Between) -> Store:
            def both(attempt: int, fault: str) -> None:
                if between:
                    between(attempt, fault)
                wait(attempt, fault)

            return Store(self.session, both, self.version)

        try:
            yield projecting.Projector(consumer, connect, letters, self.topics)
        finally:
            consumer.close()

    def settle(self, **options: int) -> None:
        with self.projector(**options) as running:  # type: ignore[arg-type]
            self.until_caught_up(running)

    def until_caught_up(self, running: projecting.Projector) -> None:
        deadline = time.monotonic() + DEADLINE
        while not settled.is_caught_up(self.endpoints.kafka, self.group, self.topics.sources):
            assert time.monotonic() < deadline, "the projector did not catch up in time"
            running.step()


@contextlib.contextmanager
def world_on(endpoints: Endpoints) -> Iterator[World]:
    version = f"t{uuid.uuid4().hex[:10]}"
    names = {name: f"{name}.{version}" for name in projecting.Topics.__dataclass_fields__}
    kafka.create_topics(endpoints.kafka, [Topic(name, PARTITIONS, "", (), "", (), {}) for name in names.values()])
    session = cassandra.session(endpoints.cassandra)
    try:
        tables.create(session, REPLICATION, version)
        yield World(endpoints, version, projecting.Topics(**names), session)
        tables.drop(session, version)
    finally:
        cassandra.close(session)


@pytest.fixture
def world(stack: Endpoints) -> Iterator[World]:
    with world_on(stack) as made:
        yield made


def place(code: str) -> records.Region:
    return records.Region(system="KEMENDAGRI", edition=regions.KEMENDAGRI_EDITION, code=code)


def family_id(number: int) -> str:
    return base64.b32encode(number.to_bytes(2, "little") + bytes(14)).decode().rstrip("=").lower()


def header(family: str, sequence: int) -> records.Header:
    return records.Header(
        sequence=sequence,
        recorded_at=NOW + sequence,
        occurred_at=NOW,
        change_id=uuid.uuid5(uuid.NAMESPACE_OID, f"{family}/{sequence}").bytes,
        family_id=family,
        agency="desa/35.71.02.1001",
        actor="officer",
        document="file",
    )


def state(  # noqa: PLR0913  a state's parts
    family: str, sequence: int, code: str = RAWA, decile: int = 0, members: tuple[str, ...] = (), *, doubt: bool = False
) -> bytes:
    return codec.encode(
        records.FamilyState(
            sequence=sequence,
            recorded_at=NOW + sequence,
            family_id=family,
            counted=b"1",
            region=place(code),
            status="AKTIF",
            decile=decile,
            percentile=-1,
            ranking_run="",
            members=tuple(member(reference) for reference in members),
            proposals=(),
            eligibility=(),
            facets=(),
            recent_changes=b"NAMA_MERAGUKAN" if doubt else b"",
        )
    )


def member(reference: str, standing: str = "CONFIRMED") -> records.Member:
    return records.Member(
        person_ref=reference,
        standing=standing,
        padan="PADAN",
        birth_year=1980,
        birth_month=1,
        sex=1,
        relationship=1,
        marital_status=1,
        claim_id=bytes(16),
        reason="",
        severe_disability=False,
        work_status=0,
    )


def claim(family: str, sequence: int, reference: str) -> bytes:
    return codec.encode(
        records.MembershipClaimed(
            header=header(family, sequence),
            person_ref=reference,
            birth_year=1980,
            birth_month=1,
            sex=1,
            relationship=1,
            marital_status=1,
            presence=1,
            national_id=b"sealed",
            name=b"sealed",
            birth_day=b"sealed",
            findings=(),
        )
    )


def indicator(partition: int, total: int, region: str = "35.71", category: str = "3") -> bytes:
    return codec.encode(
        records.IndicatorSum(
            definition_version="1",
            indicator="families_by_decile",
            region=region,
            category=category,
            partition=partition,
            sum=total,
            unit="keluarga",
            next_offset=1,
            recorded_at=NOW,
        )
    )


def homes(world: World) -> list[tuple[str, str]]:
    found = [family for top in (KEDIRI, regions.kemendagri("11")) for family in world.read().families_in(top).families]
    return sorted((family.family_id, family.region_code) for family in found)


def test_what_was_published_is_what_every_query_answers(world: World) -> None:
    one, two = family_id(1), family_id(2)
    world.publish(world.topics.events, (one, claim(one, 1, "p" * 26)), (two, claim(two, 1, "q" * 26)))
    world.publish(
        world.topics.families,
        (one, state(one, 1, RAWA, decile=3, members=("p" * 26,))),
        (two, state(two, 1, PESONA, decile=4, members=("q" * 26,))),
        (
            "position/0",
            codec.encode(records.FoldPosition(partition=0, next_offset=1, recorded_at=NOW, events=1, fold_version="1")),
        ),
    )
    for partition, total in enumerate((4, 5)):
        world.publish(world.topics.indicators, (f"c{partition}", indicator(partition, total)), partition=partition)
    world.settle()
    read = world.read()
    found = read.family(one)
    assert found is not None
    assert (found.sequence, found.decile) == (1, 3)
    assert [event.header.sequence for event in read.history(two)] == [1]
    assert {at: event.person_ref for at, event in read.events_at(two, [1, 7]).items()} == {1: "q" * 26}
    assert read.family_of("q" * 26) == two
    assert read.family_of("z" * 26) is None
    assert homes(world) == [(one, RAWA), (two, PESONA)]
    assert [f.family_id for f in read.families_in(KEDIRI, decile=4).families] == [two]
    assert [f.family_id for f in read.families_in(regions.kemendagri(PESONA)).families] == [two]
    assert [(c.region, c.category, c.sum) for c in read.indicators("1", "families_by_decile", "35")] == [
        ("35.71", "3", 9)
    ]
    assert read.indicators("1", "families_by_decile") == read.indicators("1", "families_by_decile", "35.71")


def test_refusals_are_found_by_agency_and_published_rows_by_table(world: World) -> None:
    refusals = [
        records.ChangeRefused(
            header=dataclasses.replace(header(family_id(number), 0), agency=agency),
            record="jejak.FamilyMoved",
            rule=f"RULE_{number}",
            pointer="/region",
            explanation="it may not",
            source_topic="jejak.changes.v1",
            source_partition=0,
            source_offset=number,
        )
        for number, agency in enumerate(("dinsos/35.71", "dinsos/35.71", "bps"))
    ]
    world.publish(world.topics.refusals, *((refusal.header.family_id, codec.encode(refusal)) for refusal in refusals))
    published = [
        records.ReferenceRowPublished(
            table="deciles", row=row, source="a page", period="2025", unit="keluarga", cells=()
        )
        for row in ("2", "1")
    ]
    world.publish(world.topics.reference, *((f"deciles/{row.row}", codec.encode(row)) for row in published))
    world.settle()
    read = world.read()
    assert {refusal.rule for refusal in read.refusals("dinsos/35.71")} == {"RULE_0", "RULE_1"}
    assert [refusal.rule for refusal in read.refusals("bps")] == ["RULE_2"]
    assert len(read.refusals("dinsos/35.71", limit=1)) == 1
    assert read.refusals("kemensos") == ()
    assert [refusal.rule for refusal in read.refusals_of(family_id(1))] == ["RULE_1"]
    assert list(read.refusals_of(family_id(7))) == []
    assert [row.row for row in read.reference_rows("deciles")] == ["1", "2"]


def test_a_list_is_read_page_by_page_without_gap_or_repeat(world: World) -> None:
    families = [family_id(number) for number in range(25)]
    places = (RAWA, PESONA, "35.71.03.1001")
    world.publish(
        world.topics.families, *((f, state(f, 1, places[i % 3], decile=i % 2)) for i, f in enumerate(families))
    )
    world.settle()
    seen, after = [], None
    while True:
        page = world.read().families_in(KEDIRI, after=after, limit=7)
        seen += [family.family_id for family in page.families]
        after = page.after
        if after is None:
            break
    assert sorted(seen) == sorted(families)
    assert len(world.read().families_in(KEDIRI, decile=1).families) == 12


def test_a_family_that_moved_twice_leaves_no_ghost(world: World) -> None:
    family = family_id(1)
    for sequence, code in enumerate((RAWA, FAR, PESONA), 1):
        world.publish(world.topics.families, (family, state(family, sequence, code)))
        world.settle()
    assert homes(world) == [(family, PESONA)]


def test_families_with_a_name_in_doubt_are_listed_by_region_until_they_are_judged(world: World) -> None:
    one, two, other = (family_id(number) for number in (1, 2, 3))
    doubted = [(name, state(name, 2, code, doubt=True)) for name, code in ((one, RAWA), (two, FAR), (other, PESONA))]
    world.publish(world.topics.families, *doubted)
    world.settle()
    read = world.read()
    waiting = [place.family_id for place in read.families_in_doubt(KEDIRI)]
    assert waiting == sorted([one, other], key=lambda name: (RAWA if name == one else PESONA, name))
    first = next(iter(read.families_in_doubt(KEDIRI)))
    assert [place.family_id for place in read.families_in_doubt(KEDIRI, first)] == waiting[1:]
    assert [place.family_id for place in read.families_in_doubt(regions.kemendagri(PESONA))] == [other]
    world.publish(world.topics.families, (other, state(other, 3, PESONA)), (one, state(one, 3, FAR, doubt=True)))
    world.settle()
    assert list(read.families_in_doubt(KEDIRI)) == []


def test_moves_within_one_batch_leave_no_ghost(world: World) -> None:
    family = family_id(1)
    world.publish(
        world.topics.families,
        *((family, state(family, sequence, code)) for sequence, code in enumerate((RAWA, FAR, RAWA), 1)),
    )
    world.settle()
    assert homes(world) == [(family, RAWA)]


def test_a_lower_sequence_that_arrives_late_changes_nothing(world: World) -> None:
    family = family_id(1)
    world.publish(world.topics.families, (family, state(family, 5, PESONA, decile=2)))
    world.settle()
    world.publish(world.topics.families, (family, state(family, 4, RAWA, decile=9)))
    world.settle()
    found = world.read().family(family)
    assert found is not None
    assert (found.sequence, found.decile) == (5, 2)
    assert homes(world) == [(family, PESONA)]


def test_the_whole_history_delivered_again_changes_nothing(world: World) -> None:
    families = [family_id(number) for number in range(10)]
    for sequence, code in enumerate((RAWA, FAR, PESONA), 1):
        world.publish(world.topics.families, *((f, state(f, sequence, code)) for f in families))
        world.publish(world.topics.events, *((f, claim(f, sequence, "p" * 26)) for f in families))
    world.settle()
    before = every_row(world)
    consumer = projecting.member(world.endpoints.kafka, world.group)
    consumer.commit(offsets=beginnings(world), asynchronous=False)
    consumer.close()
    assert settled.lag(world.endpoints.kafka, world.group, world.topics.sources) > 0
    world.settle()
    assert every_row(world) == before


def beginnings(world: World) -> list[TopicPartition]:
    return [TopicPartition(topic, p, 0) for topic in world.topics.sources for p in range(PARTITIONS)]


def every_row(world: World) -> dict[str, list[object]]:
    return {
        table.name: sorted(world.session.execute(f"SELECT * FROM {table.named(world.version)}"), key=repr)  # noqa: S608  names are ours
        for table in tables.TABLES
    }


def test_an_aborted_transaction_leaves_no_row_and_its_markers_no_lag(world: World) -> None:
    one, two = family_id(1), family_id(2)
    world.publish_in_transaction(world.topics.families, (one, state(one, 1)), commit=False)
    world.publish_in_transaction(world.topics.families, (two, state(two, 1)), commit=True)
    world.settle()
    assert world.read().family(one) is None
    assert world.read().family(two) is not None


def test_an_unreadable_record_becomes_a_dead_letter_and_the_next_is_projected(world: World) -> None:
    family = family_id(1)
    world.publish(
        world.topics.families,
        (family, b"\x00\x00\x00"),
        (family, claim(family, 1, "p" * 26)),
        (family, state(family, 1)),
    )
    world.settle()
    assert world.read().family(family) is not None
    letters = list(kafka.read_all(world.endpoints.kafka, world.topics.dead_letters))
    told = [dict(letter.headers() or ()) for letter in letters]
    assert [headers["dl_code"] for headers in told] == [b"NO_AVRO_FRAME", b"UNEXPECTED_RECORD"]
    assert {headers["dl_topic"] for headers in told} == {world.topics.families.encode()}
    assert told[0].keys() == {"dl_topic", "dl_partition", "dl_offset", "dl_code", "dl_consumer"}
    assert letters[0].value() == b"\x00\x00\x00"
    assert letters[0].key() == family.encode()


def test_too_many_unreadable_records_in_a_row_stop_the_worker(world: World) -> None:
    world.publish(world.topics.families, *((family_id(1), b"no record") for _ in range(4)))
    with pytest.raises(PoisonLimit):
        world.settle(poison_limit=3)


@pytest.mark.at_length
def test_while_the_database_is_away_the_projector_waits_and_then_loses_nothing(tmp_path: Path) -> None:
    endpoints = local.up(tmp_path)
    try:
        with world_on(endpoints) as world:
            _survives_an_outage(world, tmp_path)
    finally:
        local.down(tmp_path)


@pytest.mark.at_length
def test_a_broker_that_was_away_is_read_on_without_a_restart_or_a_loss(tmp_path: Path) -> None:
    endpoints = local.up(tmp_path)
    try:
        with world_on(endpoints) as world, world.projector() as running:
            world.publish(world.topics.families, (family_id(1), state(family_id(1), 1, RAWA)))
            world.until_caught_up(running)
            local.kill_server(tmp_path, local.KAFKA)
            for _ in range(10):
                running.step()
            local.start_server(tmp_path, local.KAFKA)
            world.publish(world.topics.families, (family_id(1), state(family_id(1), 2, FAR)))
            world.until_caught_up(running)
            assert homes(world) == [(family_id(1), FAR)]
    finally:
        local.down(tmp_path)


def test_two_members_share_the_work_and_a_new_one_takes_over(world: World) -> None:
    families = [family_id(number) for number in range(40)]
    with world.projector() as first:
        world.publish(world.topics.families, *((f, state(f, 1, RAWA)) for f in families))
        world.until_caught_up(first)
        with world.projector() as second:
            world.publish(world.topics.families, *((f, state(f, 2, FAR)) for f in families))
            deadline = time.monotonic() + DEADLINE
            while not settled.is_caught_up(world.endpoints.kafka, world.group, world.topics.sources):
                assert time.monotonic() < deadline
                first.step()
                second.step()
    assert [family for family, _ in homes(world)] == sorted(families)
    assert {code for _, code in homes(world)} == {FAR}


def _survives_an_outage(world: World, data: Path) -> None:
    families = [family_id(number) for number in range(200)]
    world.publish(world.topics.families, *((f, state(f, 1, RAWA)) for f in families))
    attempts: list[str] = []

    def between(attempt: int, fault: str) -> None:
        attempts.append(fault)
        if attempt == 3:
            assert settled.lag(world.endpoints.kafka, world.group, world.topics.sources) > 0
            local.start_server(data, local.CASSANDRA)

    with world.projector(between=between) as running:
        world.until_caught_up(running)
        assert not attempts
        local.kill_server(data, local.CASSANDRA)
        world.publish(world.topics.families, *((f, state(f, 2, FAR)) for f in families))
        world.until_caught_up(running)
    assert len(attempts) >= 3
    assert world.read().families_in(KEDIRI).families == ()
    assert len(world.read().families_in(regions.kemendagri("11"), limit=1000).families) == len(families)
