"""What an unbroken run makes of a changes topic: the product's fold called in this process, no engine, no fault.

It reads the very same records (offsets and append times too), so that whatever a run under faults left behind can be
compared with it record by record.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from consumers.read_model import rows, tables
from schemas import catalogue, codec, prefix
from schemas.codec import Undecodable
from schemas.records import FamilyRegistered, FamilyState, MembershipClaimed
from stream_processors.engine.contract import Output, Poison
from stream_processors.engine.dead_letters import NO_VALUE
from stream_processors.folds.families import POSITION_PREFIX, FamiliesFold
from stream_processors.registry.rulebook import RuleBook, activation_of
from transport import kafka

Name = Callable[[str], str]
# One record per change, in the order of the changes, whatever the batches were.
STREAMS = (
    catalogue.EVENTS_TOPIC,
    catalogue.ELIGIBILITY_TOPIC,
    catalogue.REFUSALS_TOPIC,
    catalogue.DEADLINES_TOPIC,
    catalogue.FAMILIES_TOPIC,
)


class Kept(NamedTuple):
    """A record as far as two runs must agree on it."""

    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


class Dead(NamedTuple):
    """A dead letter: where it came from, why, and what it was."""

    offset: int
    code: str
    key: bytes | None
    value: bytes | None


@dataclass
class Partition:
    """What became of the changes of one partition."""

    fold: FamiliesFold
    streams: dict[str, list[Kept]] = field(
        default_factory=lambda: {topic: [] for topic in (*STREAMS, catalogue.CLAIMS_TOPIC)}
    )
    dead: list[Dead] = field(default_factory=list)
    # The sums that days ended with, each before the first change of a later day, and those at the end of all.
    ended_days: list[Output] = field(default_factory=list)
    closing: list[Output] = field(default_factory=list)
    next_offset: int = 0

    def take(self, message: Any) -> None:
        """Fold one record of the changes topic."""
        offset, key, value = message.offset(), message.key(), message.value()
        self.next_offset = offset + 1
        if value is None:
            self.dead.append(Dead(offset, NO_VALUE, key, value))
            return
        try:
            outputs = self.fold.fold(key, value, offset, message.timestamp()[1] * 1_000)
        except (Poison, Undecodable) as poison:
            self.dead.append(Dead(offset, poison.code, key, value))
            return
        for output in outputs:
            if output.topic == catalogue.INDICATORS_TOPIC:
                self.ended_days.append(output)
            else:
                self.streams[output.topic].append(Kept(output.key, output.value, tuple(output.headers or ())))

    def cells(self) -> list[Output]:
        """Return every published sum, the last one of a cell last."""
        return [*self.ended_days, *(one for one in self.closing if one.topic == catalogue.INDICATORS_TOPIC)]

    def sums(self) -> dict[bytes, tuple[int, str]]:
        """Return every cell's sum and unit."""
        return _sums((one.key, one.value) for one in self.cells())

    def position(self) -> Any:
        """Return the position that ends the run."""
        return codec.decode(self.closing[-1].value)


def _sums(found: Any) -> dict[bytes, tuple[int, str]]:
    decoded = ((key, codec.decode(value)) for key, value in found)
    return {key: (record.sum, record.unit) for key, record in decoded}


def rules(bootstrap: str, name: Name) -> RuleBook:
    """Return the rule book as the whole rules topic has it."""
    found = kafka.read_all(bootstrap, name(catalogue.RULES_TOPIC))
    return RuleBook().with_activations(activation_of(m.value() or b"", m.timestamp()[1] * 1_000) for m in found)


def unbroken(bootstrap: str, name: Name) -> dict[int, Partition]:
    """Fold the whole changes topic here and return what each partition came to."""
    book = rules(bootstrap, name)
    changes = name(catalogue.CHANGES_TOPIC)
    found = {n: Partition(FamiliesFold(n, lambda: book)) for n in kafka.partitions(bootstrap, changes)}
    for message in kafka.read_all(bootstrap, changes):
        found[message.partition() or 0].take(message)
    for number, end in kafka.end_offsets(bootstrap, changes).items():
        found[number].next_offset = end  # past the markers of others' transactions
    for partition in found.values():
        partition.closing = list(partition.fold.close_batch(partition.next_offset))
    return found


@dataclass
class Compared:
    """How much was compared and found equal."""

    changes: int = 0
    events: int = 0
    states: int = 0
    families: int = 0
    cells: int = 0
    refusals: int = 0
    dead: int = 0
    repeats: int = 0
    rows: int = 0


def assert_topics_equal(bootstrap: str, name: Name, runs: dict[int, Partition]) -> Compared:
    """Check every topic of the fold against the unbroken run, each record of each partition in order."""
    for topic in STREAMS:
        _assert_stream_equal(bootstrap, name(topic), {n: run.streams[topic] for n, run in runs.items()})
    _assert_claims_equal(bootstrap, name, runs)
    _assert_dense(bootstrap, name)
    positions = _assert_sums_and_positions_equal(bootstrap, name, runs)
    _assert_dead_letters_equal(bootstrap, name, runs)
    everything = [run for run in runs.values() if run.next_offset]
    return Compared(
        changes=sum(position.next_offset for position in positions.values()),
        events=sum(len(run.streams[catalogue.EVENTS_TOPIC]) for run in everything),
        states=sum(len(run.streams[catalogue.FAMILIES_TOPIC]) for run in everything),
        families=sum(len(run.fold.states) for run in everything),
        cells=sum(len(run.sums()) for run in everything),
        refusals=sum(len(run.streams[catalogue.REFUSALS_TOPIC]) for run in everything),
        dead=sum(len(run.dead) for run in everything),
        repeats=sum(run.fold.known for run in everything),
    )


def _assert_stream_equal(bootstrap: str, topic: str, wanted: dict[int, list[Kept]]) -> None:
    left = {number: iter(records) for number, records in wanted.items()}
    for message in kafka.read_all(bootstrap, topic):
        key, value = message.key() or b"", message.value() or b""
        if key.startswith(POSITION_PREFIX):
            continue
        number, headers = message.partition() or 0, tuple(message.headers() or ())
        expected = next(left[number], None)
        assert expected is not None, f"{topic}/{number}@{message.offset()}: a record that the unbroken run has not"
        # The names alone: a difference of bytes would print a family's data.
        assert key == expected.key, f"{topic}/{number}@{message.offset()}: another key"
        assert value == expected.value, f"{topic}/{number}@{message.offset()}: other bytes"
        assert headers == expected.headers, f"{topic}/{number}@{message.offset()}: other headers"
    for number, records in left.items():
        lacking = sum(1 for _ in records)
        assert not lacking, f"{topic}/{number}: {lacking} records of the unbroken run are lacking"


def _assert_claims_equal(bootstrap: str, name: Name, runs: dict[int, Partition]) -> None:
    """Check that each claim was told once, each person's in one partition, and each family's in their order."""
    found: list[tuple[bytes, bytes]] = []
    places: dict[bytes, set[int]] = {}
    last: dict[tuple[bytes, str], int] = {}
    for message in kafka.read_all(bootstrap, name(catalogue.CLAIMS_TOPIC)):
        key, value = message.key() or b"", message.value() or b""
        noted = codec.decode(value)
        found.append((key, value))
        places.setdefault(key, set()).add(message.partition() or 0)
        assert noted.sequence > last.get((key, noted.family_id), 0), "a claim out of its family's order"
        last[key, noted.family_id] = noted.sequence
    wanted = [(one.key, one.value) for run in runs.values() for one in run.streams[catalogue.CLAIMS_TOPIC]]
    same = sorted(found) == sorted(wanted)
    assert same, "other claims"
    assert all(len(one) == 1 for one in places.values()), "a person's claims in two partitions"


def _assert_dense(bootstrap: str, name: Name) -> None:
    """Check, with nothing but the events themselves, that each family's sequences are 1, 2, 3 and so on."""
    last: dict[bytes, int] = {}
    for message in kafka.read_all(bootstrap, name(catalogue.EVENTS_TOPIC)):
        key, sequence = message.key() or b"", prefix.walk(message.value() or b"").sequence
        assert sequence == last.get(key, 0) + 1, f"sequence {sequence} follows {last.get(key, 0)}"
        last[key] = sequence


def assert_equal_but_for_repeats(bootstrap: str, name: Name, runs: dict[int, Partition]) -> int:
    """Check the events as readers take them, which skip `sequence <= last`, and the states; return the repeats."""
    last: dict[bytes, int] = {}
    found: dict[int, list[bytes]] = {number: [] for number in runs}
    repeats = 0
    for message in kafka.read_all(bootstrap, name(catalogue.EVENTS_TOPIC)):
        key, value = message.key() or b"", message.value() or b""
        if (sequence := prefix.walk(value).sequence) > last.get(key, 0):
            last[key] = sequence
            found[message.partition() or 0].append(value)
        else:
            repeats += 1
    wanted = {number: [one.value for one in run.streams[catalogue.EVENTS_TOPIC]] for number, run in runs.items()}
    # Compared before it is asserted, as a difference of bytes would print a family's data.
    same_events, same_states = found == wanted, _states(bootstrap, name) == _latest(runs)
    assert same_events, "other events"
    assert same_states, "other states"
    return repeats


def _states(bootstrap: str, name: Name) -> dict[bytes, bytes]:
    found = {one.key() or b"": one.value() or b"" for one in kafka.read_all(bootstrap, name(catalogue.FAMILIES_TOPIC))}
    return {key: value for key, value in found.items() if not key.startswith(POSITION_PREFIX)}


def _latest(runs: dict[int, Partition]) -> dict[bytes, bytes]:
    return {one.key: one.value for run in runs.values() for one in run.streams[catalogue.FAMILIES_TOPIC]}


def _assert_sums_and_positions_equal(bootstrap: str, name: Name, runs: dict[int, Partition]) -> dict[int, Any]:
    latest: dict[int, dict[bytes, bytes]] = {number: {} for number in runs}
    for message in kafka.read_all(bootstrap, name(catalogue.INDICATORS_TOPIC)):
        latest[message.partition() or 0][message.key() or b""] = message.value() or b""
    positions: dict[int, Any] = {}
    for message in kafka.read_all(bootstrap, name(catalogue.FAMILIES_TOPIC)):
        if (message.key() or b"").startswith(POSITION_PREFIX):
            record = codec.decode(message.value() or b"")
            assert record.partition == message.partition(), "a position stands in another partition"
            positions[record.partition] = record
    for number, run in runs.items():
        assert _sums(latest[number].items()) == run.sums(), f"partition {number}: other counts"
        if run.next_offset:
            assert positions[number] == run.position(), f"partition {number}: another position"
    return positions


def _assert_dead_letters_equal(bootstrap: str, name: Name, runs: dict[int, Partition]) -> None:
    found: dict[int, list[Dead]] = {number: [] for number in runs}
    for message in kafka.read_all(bootstrap, name(catalogue.DEAD_LETTERS_TOPIC)):
        headers: Any = dict(message.headers() or ())
        assert headers["dl_topic"].decode() == name(catalogue.CHANGES_TOPIC)
        assert int(headers["dl_partition"]) == message.partition()
        code = headers["dl_code"].decode()
        found[message.partition() or 0].append(Dead(int(headers["dl_offset"]), code, message.key(), message.value()))
    assert found == {number: run.dead for number, run in runs.items()}


def assert_rows_equal(session: Any, version: str, runs: dict[int, Partition]) -> int:
    """Check every row of the read model against the unbroken run; return how many there are."""
    states = {family_id: state for run in runs.values() for family_id, state in run.fold.states.items()}
    wanted = {
        "family_id, sequence, decile, status, recorded_at, state": (tables.FAMILY, set(map(_family, states.values()))),
        "region_system, region_edition, kecamatan, region_code, family_id, decile, status": (
            tables.FAMILY_IN_REGION,
            set(map(_placed, states.values())),
        ),
        "region_system, region_edition, kecamatan, region_code, family_id": (
            tables.FAMILY_IN_DOUBT,
            {_placed(one)[:5] for one in states.values() if b"NAMA_MERAGUKAN" in codec.encode(one)},
        ),
        "family_id, sequence, event": (tables.EVENT, set(_of_stream(runs, catalogue.EVENTS_TOPIC, _event))),
        "reference, family_id, kind": (
            tables.FAMILY_OF_REFERENCE,
            {row for rows_ in _of_stream(runs, catalogue.EVENTS_TOPIC, _references) for row in rows_},
        ),
        "indicator, region, category, unit, kafka_partition, sum": (tables.INDICATOR, set(_cells(runs))),
        "agency, kafka_partition, refusal": (
            tables.REFUSAL,
            {
                (codec.decode(kept.value).header.agency, number, kept.value)
                for number, run in runs.items()
                for kept in run.streams[catalogue.REFUSALS_TOPIC]
            },
        ),
        "family_id, kafka_partition, refusal": (
            tables.REFUSAL_OF_FAMILY,
            {
                (family_id, number, kept.value)
                for number, run in runs.items()
                for kept in run.streams[catalogue.REFUSALS_TOPIC]
                if (family_id := codec.decode(kept.value).header.family_id)
            },
        ),
    }
    total = 0
    for columns, (table, expected) in wanted.items():
        found = [tuple(row) for row in session.execute(f"SELECT {columns} FROM {table.named(version)}")]  # noqa: S608  names are ours
        assert len(found) == len(set(found)), f"{table.name}: the same row twice"
        lacking, surplus = len(expected - set(found)), len(set(found) - expected)
        assert (lacking, surplus) == (0, 0), f"{table.name}: {lacking} rows lacking, {surplus} too many"
        total += len(found)
    return total + _assert_days_agree(session, version, runs)


def _assert_days_agree(session: Any, version: str, runs: dict[int, Partition]) -> int:
    """Check the sums of the days: every change of a day is there, and what a restore repeated says the same.

    A restored worker publishes each of its cells again, so there may be rows of days on which a sum did not change.
    """
    wanted: dict[tuple[Any, ...], dict[str, int]] = {}
    for number, run in runs.items():
        for output in run.cells():
            cell = codec.decode(output.value)
            of_cell = wanted.setdefault((cell.indicator, cell.region, cell.category, cell.unit, number), {})
            of_cell[rows.day_of(cell.recorded_at)] = cell.sum
    columns = "indicator, region, category, unit, kafka_partition, day, sum"
    found = [tuple(row) for row in session.execute(f"SELECT {columns} FROM {tables.INDICATOR_DAY.named(version)}")]  # noqa: S608  names are ours
    for *cell, day, total in found:
        days = wanted.get(tuple(cell), {})
        latest = max((one for one in days if one <= day), default=None)
        assert total == (days[latest] if latest else 0), f"{tables.INDICATOR_DAY.name}: another sum of a day"
    lacking = {(*cell, day) for cell, days in wanted.items() for day in days} - {tuple(row[:-1]) for row in found}
    assert not lacking, f"{tables.INDICATOR_DAY.name}: {len(lacking)} days lacking"
    return len(found)


def _of_stream(runs: dict[int, Partition], topic: str, row: Callable[[Any], Any]) -> Iterator[Any]:
    return (row(kept.value) for run in runs.values() for kept in run.streams[topic])


def _event(value: bytes) -> tuple[str, int, bytes]:
    walked = prefix.walk(value)
    return walked.family_id, walked.sequence, value


def _references(value: bytes) -> list[tuple[str, str, str]]:
    match codec.decode(value):
        case FamilyRegistered() as event:
            return [(event.card_ref, event.header.family_id, rows.CARD)]
        case MembershipClaimed() as event:
            return [(event.person_ref, event.header.family_id, rows.PERSON)]
        case _:
            return []


def _family(state: FamilyState) -> tuple[Any, ...]:
    return state.family_id, state.sequence, state.decile, state.status, state.recorded_at, codec.encode(state)


def _placed(state: FamilyState) -> tuple[Any, ...]:
    place = rows.region_partition(state.region)
    return (*place, state.region.code, state.family_id, state.decile, state.status)


def _cells(runs: dict[int, Partition]) -> Iterator[tuple[Any, ...]]:
    for number, run in runs.items():
        for output in {one.key: one for one in run.cells()}.values():
            cell = codec.decode(output.value)
            yield cell.indicator, cell.region, cell.category, cell.unit, number, cell.sum
