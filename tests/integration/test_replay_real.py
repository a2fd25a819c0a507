"""Replays on a real broker: the same bytes for everyone, snapshots that only shorten, logs that can't be replayed."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import KafkaException, TopicPartition

from consumers.replay import cut, log, snapshot
from consumers.replay.compare import compare
from consumers.replay.cut import Cut, CutRefused
from consumers.replay.log import LogRefused
from consumers.replay.partition import KEY_IS_NOT_FAMILY, NOT_AN_EVENT, SEQUENCE_HOLE, ReplayRefused
from consumers.replay.replay import Replayed, replay
from schemas import catalogue, codec, prefix
from tests.integration import accepted, naive_replay
from tests.integration.engine_rig import wait_until
from tests.unit.registry_scenarios import FAMILY, claimed, given, registered
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from confluent_kafka import Producer

    from jejak.stack import Endpoints
    from tests.integration.accepted import Accepted
    from tests.integration.system_rig import SystemRun
    from transport.kafka import Isolation

pytestmark = pytest.mark.real

AVRO = Path(__file__).parents[2] / "schemas" / "avro"
SECONDS = 30
FAMILIES = 60
MILLION = 1_000_000


class Log:
    """An events topic of one test's own, with what a replay of it needs."""

    def __init__(self, bootstrap: str, partitions: int = catalogue.PARTITIONS) -> None:
        self.bootstrap = bootstrap
        self.topic = f"events-{uuid.uuid4().hex[:10]}"
        kafka.create_topics(
            bootstrap, [replace(catalogue.topic(catalogue.EVENTS_TOPIC), name=self.topic, partitions=partitions)]
        )
        wait_until(self._has_leaders, "every partition has a leader")

    def _has_leaders(self) -> bool:
        try:
            return bool(self.ends("read_committed"))
        except KafkaException:
            return False

    def write(self, events: Iterable[Accepted]) -> None:
        accepted.publish(self.bootstrap, self.topic, events)
        # A transaction is committed before its last marker lies in every partition.
        wait_until(lambda: self.cut().ends == self.ends("read_uncommitted"), "all is committed")

    def ends(self, isolation: Isolation) -> dict[int, int]:
        return kafka.end_offsets(self.bootstrap, self.topic, isolation)

    def cut(self) -> Cut:
        """Return the end, where no transaction of ours is on its way any more."""
        return cut.at_end(self.bootstrap, self.topic)

    def say(self, partition: int, *values: bytes, key: bytes | None = None) -> Log:
        """Append records to one partition, as they are."""
        producer = kafka.producer(self.bootstrap)
        for value in values:
            producer.produce(self.topic, value, key or FAMILY.encode(), partition)
        assert producer.flush(SECONDS) == 0
        return self

    def replay(self, attest: Path, until: Cut | None = None, **wishes: Any) -> Replayed:
        wishes = {"workers": 1, **wishes}
        return replay(self.bootstrap, until or self.cut(), attest, topic=self.topic, **wishes)

    def times(self) -> dict[int, list[tuple[int, int]]]:
        """Return offset and recorded_at of every event, by partition."""
        found: dict[int, list[tuple[int, int]]] = {number: [] for number in self.cut().ends}
        for number, offset, _, value in log.events(self.bootstrap, self.cut(), topic=self.topic):
            found[number].append((offset, prefix.walk(value).recorded_at))
        return found


@pytest.fixture(scope="module")
def events() -> list[Accepted]:
    return list(accepted.accepted(FAMILIES))


@pytest.fixture(scope="module")
def whole(stack: Endpoints, events: list[Accepted]) -> Log:
    """A log that nobody writes to any more; half-way lies an aborted transaction."""
    made = Log(stack.kafka)
    made.write(events[: len(events) // 2])
    producer = transactional(made)
    for one in events[:50]:
        producer.produce(made.topic, one.framed, one.family_id)
    producer.flush(SECONDS)
    producer.abort_transaction(SECONDS)
    made.write(events[len(events) // 2 :])
    return made


@pytest.fixture
def made(stack: Endpoints) -> Log:
    return Log(stack.kafka)


def transactional(made: Log) -> Producer:
    producer = kafka.transactional_producer(made.bootstrap, f"{made.topic}.other")
    producer.init_transactions(SECONDS)
    producer.begin_transaction()
    return producer


def half(made: Log) -> Cut:
    return Cut({number: end // 2 for number, end in made.cut().ends.items()})


def refused(made: Log, tmp_path: Path) -> ReplayRefused:
    with pytest.raises(ReplayRefused) as caught:
        made.replay(tmp_path / "a.json")
    return caught.value


def test_two_replays_on_one_or_two_processes_write_the_same_bytes(whole: Log, tmp_path: Path) -> None:
    one, two = (whole.replay(tmp_path / f"{workers}.json", workers=workers) for workers in (1, 2))
    assert one.written == two.written == (tmp_path / "2.json").read_bytes()
    assert (tmp_path / "1.json.leaves").read_bytes() == (tmp_path / "2.json.leaves").read_bytes()
    assert compare(tmp_path / "1.json", tmp_path / "2.json").same


def told_alike(log: Log, attest: Path, events: int, families: int) -> None:
    """Hold a replay against another hand's: digests and counts, in total and of each partition."""
    found = log.replay(attest).document
    naive = naive_replay.replay(log.bootstrap, AVRO, log.topic)
    assert found["state_digest"] == naive["state_digest"]
    assert (found["events"], found["families"]) == (naive["events"], naive["families"]) == (events, families)
    totals = {indicator: total for indicator, total in found["counts"]["totals"].items() if total}
    assert (found["counts"]["digest"], totals) == (naive["counts_digest"], naive["totals"])
    for one in found["partitions"]:
        assert one["events_digest"] == naive["partitions"][one["partition"]]["events_digest"]
        assert one["state_digest"] == naive["partitions"][one["partition"]]["state_digest"]


def test_another_hand_comes_to_the_same_digests_and_counts(whole: Log, tmp_path: Path, events: list[Accepted]) -> None:
    told_alike(whole, tmp_path / "a.json", len(events), FAMILIES)


@pytest.mark.at_length
@pytest.mark.timeout(1_800)
def test_another_hand_comes_to_the_same_digests_and_counts_over_a_million_events(made: Log, tmp_path: Path) -> None:
    some = list(accepted.accepted(1_000))
    times = -(-MILLION // len(some))
    events, families = len(some) * times, len({one.family_id for one in some}) * times
    made.write(accepted.again(some, times))
    told_alike(made, tmp_path / "a.json", events, families)
    print(f"{events:,} events of {families:,} families")  # noqa: T201  the figure of a long run


def test_a_replay_comes_to_the_states_of_the_live_fold(system: SystemRun, tmp_path: Path) -> None:
    live = {
        record.key: record.value
        for record in system.committed[catalogue.FAMILIES_TOPIC]
        if not record.key.startswith(b"position/")
    }
    found = replay(system.endpoints.kafka, cut.at_end(system.endpoints.kafka), tmp_path / "a.json", workers=1)
    lines = (tmp_path / "a.json.leaves").read_text().splitlines()
    assert {line.split()[1]: line.split()[2] for line in lines} == {
        key.decode(): hashlib.sha256(value).hexdigest() for key, value in live.items()
    }
    assert found.document["families"] == len(live) > 0


def test_a_replay_writes_nothing_to_the_broker(whole: Log, tmp_path: Path) -> None:
    def ends() -> dict[str, dict[int, int]]:
        topics = kafka.admin(whole.bootstrap).list_topics(timeout=SECONDS).topics
        return {topic: kafka.end_offsets(whole.bootstrap, topic, "read_uncommitted") for topic in topics}

    before = ends()
    whole.replay(tmp_path / "a.json", snapshots=tmp_path / "snapshots", workers=2)
    assert ends() == before


def test_a_replay_from_snapshots_attests_what_one_from_the_beginning_does(whole: Log, tmp_path: Path) -> None:
    # Given snapshots half-way and at the end
    kept = tmp_path / "snapshots"
    middle = whole.replay(tmp_path / "half.json", half(whole), snapshots=kept)
    # When the rest is replayed from them, once with events to fold and once without
    further = whole.replay(tmp_path / "b.json", snapshots=kept)
    nothing_left = whole.replay(tmp_path / "c.json", snapshots=kept, workers=2)
    # Then it is what a replay of everything attests
    scratch = whole.replay(tmp_path / "a.json")
    assert scratch.written == further.written == nothing_left.written != middle.written
    began = [one.began for one in further.partitions]
    assert began == [one.progress.end for one in middle.partitions]
    assert any(began)
    assert (tmp_path / "a.json.leaves").read_bytes() == (tmp_path / "b.json.leaves").read_bytes()


def test_a_cut_earlier_than_a_snapshot_leaves_it_unused(whole: Log, tmp_path: Path) -> None:
    kept = tmp_path / "snapshots"
    whole.replay(tmp_path / "a.json", snapshots=kept)
    earlier = whole.replay(tmp_path / "b.json", half(whole), snapshots=kept)
    assert {one.code for part in earlier.partitions for one in part.passed} == {snapshot.BEYOND_CUT}
    assert earlier.written == whole.replay(tmp_path / "c.json", half(whole)).written


@pytest.mark.parametrize("place", [0, 40, 700, -1])
def test_a_snapshot_with_one_bit_changed_is_named_and_not_used(whole: Log, tmp_path: Path, place: int) -> None:
    kept = tmp_path / "snapshots"
    scratch = whole.replay(tmp_path / "a.json", snapshots=kept)
    for path in kept.iterdir():
        content = bytearray(path.read_bytes())
        content[place] ^= 1
        path.write_bytes(content)
    again = whole.replay(tmp_path / "b.json", snapshots=kept)
    assert [one.code for part in again.partitions for one in part.passed] == [snapshot.DAMAGED] * 12
    assert again.written == scratch.written
    assert [part.began for part in again.partitions] == [0] * 12


def test_a_snapshot_of_another_log_is_named_and_not_used(
    whole: Log, made: Log, events: list[Accepted], tmp_path: Path
) -> None:
    # Given a log that tells something else, at the same offsets
    made.write(one._replace(framed=one.framed.replace(b"kemensos", b"kemensoz")) for one in events)
    kept = tmp_path / "snapshots"
    other = made.replay(tmp_path / "a.json", half(made), snapshots=kept)
    # When the other one is replayed with its snapshots
    found = whole.replay(tmp_path / "b.json", snapshots=kept)
    # Then only those of partitions that begin alike may be used
    codes = {one.code for part in found.partitions for one in part.passed}
    assert codes == {snapshot.OTHER_LOG}
    assert found.written == whole.replay(tmp_path / "c.json").written
    assert other.document["families"] > 0


def test_a_time_cuts_before_the_first_event_recorded_after_it(whole: Log, tmp_path: Path) -> None:
    times = whole.times()
    every = sorted({at for found in times.values() for _, at in found})
    for known_at in (every[0], every[len(every) // 3], every[-1] - 1, every[-1], every[-1] + 10**9):
        found = cut.at_time(whole.bootstrap, known_at, whole.topic)
        for number, end in found.ends.items():
            assert all((at <= known_at) == (offset < end) for offset, at in times[number])
    # A time that is known in full means the same offsets, however much is recorded later
    assert whole.replay(tmp_path / "a.json", cut.at_time(whole.bootstrap, every[-1], whole.topic)).written == (
        whole.replay(tmp_path / "b.json").written
    )


def test_a_time_is_told_apart_to_the_microsecond(made: Log) -> None:
    # Given two events of one millisecond
    producer = kafka.producer(made.bootstrap)
    state = given(registered())
    state.handle(claimed(), recorded_at=state.clock + 1)
    for value in state.log:
        producer.produce(made.topic, value, FAMILY.encode(), 3, timestamp=prefix.walk(value).recorded_at // 1000)
    assert producer.flush(SECONDS) == 0
    first, second = (prefix.walk(value).recorded_at for value in state.log)
    assert first // 1000 == second // 1000
    # Then each time takes in just what was known by then
    assert cut.at_time(made.bootstrap, first, made.topic).ends[3] == 1
    assert cut.at_time(made.bootstrap, second, made.topic).ends[3] == 2


@pytest.mark.parametrize("known_at", [-5, 0, 1_700_000_000_000_000])
def test_a_time_before_the_first_event_is_refused(whole: Log, known_at: int) -> None:
    with pytest.raises(CutRefused) as caught:
        cut.at_time(whole.bootstrap, known_at, whole.topic)
    assert caught.value.code == cut.BEFORE_FIRST_EVENT


def test_offsets_beyond_the_end_are_refused(whole: Log) -> None:
    ends = {**whole.cut().ends, 7: whole.cut().ends[7] + 1}
    with pytest.raises(CutRefused, match="partition 7 ends") as caught:
        cut.parse(",".join(f"{number}:{end}" for number, end in ends.items()), whole.bootstrap, whole.topic)
    assert caught.value.code == cut.BEYOND_END


def test_a_cut_that_names_other_partitions_is_refused(whole: Log) -> None:
    for text in ("0:1", ",".join(f"{number}:0" for number in range(13))):
        with pytest.raises(CutRefused) as caught:
            cut.parse(text, whole.bootstrap, whole.topic)
        assert caught.value.code == cut.PARTITIONS_DIFFER


def test_a_partition_count_that_changed_is_refused(stack: Endpoints) -> None:
    with pytest.raises(CutRefused, match="has 5 partitions and must have 12") as caught:
        Log(stack.kafka, partitions=5).cut()
    assert caught.value.code == cut.PARTITIONS_DIFFER


def test_the_offsets_of_a_cut_are_read_exactly(whole: Log) -> None:
    text = ",".join(f"{number}:{end}" for number, end in half(whole).ends.items())
    found = cut.parse(text, whole.bootstrap, whole.topic)
    assert found == half(whole)
    read: dict[int, list[int]] = {number: [] for number in found.ends}
    for number, offset, _, _ in log.events(whole.bootstrap, found, topic=whole.topic):
        read[number].append(offset)
    all_of_it = whole.times()
    assert read == {number: [at for at, _ in all_of_it[number] if at < end] for number, end in found.ends.items()}


def test_an_open_transaction_is_no_part_of_a_replay(made: Log, events: list[Accepted], tmp_path: Path) -> None:
    made.write(events[:100])
    before = made.replay(tmp_path / "a.json")
    producer = transactional(made)
    producer.produce(made.topic, events[100].framed, events[100].family_id)
    producer.flush(SECONDS)
    assert made.ends("read_uncommitted") != made.ends("read_committed")
    assert made.replay(tmp_path / "b.json").written == before.written
    producer.abort_transaction(SECONDS)
    assert made.replay(tmp_path / "c.json").written == before.written


def test_an_empty_log_has_an_attestation(made: Log, tmp_path: Path) -> None:
    found = made.replay(tmp_path / "a.json").document
    assert (found["events"], found["families"], found["counts"]["cells"]) == (0, 0, 0)
    with pytest.raises(CutRefused):
        cut.at_time(made.bootstrap, 2**60, made.topic)


def test_a_hole_in_a_familys_sequences_names_its_place(made: Log, tmp_path: Path) -> None:
    state = given(registered(), claimed()).log
    later = given(registered(), claimed(), claimed("b" * 26)).log[2]
    fault = refused(made.say(4, state[0], later), tmp_path)
    assert fault.code == SEQUENCE_HOLE
    assert f"partition 4, offset 1: family {FAMILY}, sequence 3" in fault.text
    assert not list(tmp_path.iterdir())


def test_a_family_that_begins_with_its_second_event_is_refused(made: Log, tmp_path: Path) -> None:
    fault = refused(made.say(0, given(registered(), claimed()).log[1]), tmp_path)
    assert fault.code == SEQUENCE_HOLE
    assert f"partition 0, offset 0: family {FAMILY}, sequence 2" in fault.text


def test_a_log_whose_beginning_is_gone_is_refused(made: Log, events: list[Accepted], tmp_path: Path) -> None:
    # Given a log from whose partitions somebody removed the first records
    made.write(events)
    gone = [TopicPartition(made.topic, number, end) for number, end in half(made).ends.items() if end]
    client = kafka.admin(made.bootstrap)  # it must outlive its answers
    for told in client.delete_records(gone).values():
        told.result(SECONDS)
    for workers in (1, 2):
        with pytest.raises(LogRefused) as caught:
            made.replay(tmp_path / "a.json", workers=workers)
        assert caught.value.code == "BEGINNING_MISSING"
        assert "begins at offset" in caught.value.text
    assert not [*tmp_path.iterdir()]


def test_a_schema_id_that_the_lock_does_not_know_names_its_place(made: Log, tmp_path: Path) -> None:
    framed = given(registered()).log[0]
    fault = refused(made.say(11, framed, b"\0\0\1\0\0" + framed[5:]), tmp_path)
    assert fault.code == "UNKNOWN_SCHEMA_ID"
    assert "partition 11, offset 1" in fault.text


def test_records_that_are_no_events_of_their_key_are_refused(stack: Endpoints, tmp_path: Path) -> None:
    framed = given(registered()).log[0]
    foreign = Log(stack.kafka).say(1, framed, key=b"g" * 26)
    assert refused(foreign, tmp_path).code == KEY_IS_NOT_FAMILY
    state = codec.encode(given(registered()).state)
    assert refused(Log(stack.kafka).say(1, state), tmp_path).code in {"NO_HEADER", NOT_AN_EVENT}


def test_a_repeated_event_is_told_and_changes_no_state(stack: Endpoints, tmp_path: Path) -> None:
    once, twice = Log(stack.kafka), Log(stack.kafka)
    said = given(registered(), claimed()).log
    plain = once.say(2, *said).replay(tmp_path / "a.json").document
    again = twice.say(2, *said, said[1]).replay(tmp_path / "b.json").document
    assert again["state_digest"] == plain["state_digest"]
    assert again["partitions"][2]["repeated"] == 1
    found = compare(tmp_path / "a.json", tmp_path / "b.json")
    assert found.family is None
    assert [one.what for one in found.differences] == ["cut", "events"]


def test_a_log_that_lacks_one_event_names_the_family_that_differs(
    whole: Log, made: Log, events: list[Accepted], tmp_path: Path
) -> None:
    last = {one.family_id: place for place, one in enumerate(events)}
    family, lacking = sorted(last.items())[7]
    made.write(one for place, one in enumerate(events) if place != lacking)
    whole.replay(tmp_path / "a.json")
    made.replay(tmp_path / "b.json")
    found = compare(tmp_path / "a.json", tmp_path / "b.json")
    assert not found.same
    assert found.family is not None
    assert found.family.family_id == family.decode()
    assert None not in {found.family.first, found.family.second}
    assert found.differences[0].what == "cut"


def test_reading_goes_on_from_any_offset(whole: Log) -> None:
    number, end = max(whole.cut().ends.items(), key=lambda one: one[1])
    with log.reader(whole.bootstrap) as source:
        for start in (0, end // 2, end - 1, end):
            read = [
                message.offset()
                for batch in log.batches(source, TopicPartition(whole.topic, number, start), end)
                for message in batch
            ]
            assert read == [offset for offset, _ in whole.times()[number] if start <= offset < end]


@pytest.fixture(autouse=True)
def _files_are_the_replays_own(tmp_path: Path) -> Iterator[None]:
    yield
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")], "nothing half-made is left"
