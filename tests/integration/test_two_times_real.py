"""Both times on the real pair: families whose past was corrected late, asked for through the door and counted."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from consumers.gateway import audit_log
from consumers.gateway.audit_log import AuditLog
from consumers.gateway.disclosure import Door
from consumers.gateway.request import Caller, FamilyAsked, FamilyDisclosed, Purpose, Withheld
from consumers.read_model import projector as projecting
from consumers.read_model import rows, tables
from consumers.read_model.writes import Store
from consumers.replay import figures, moments, rules
from consumers.replay.figures import Figures, FiguresRefused
from consumers.replay.moments import Moments
from consumers.replay.two_times import SequenceHole
from identity.audit_reference import EpochKey
from identity.keys import InMemoryKeyStore
from identity.open import Opener
from schemas import catalogue, codec, records
from stream_processors.folds.activation import activation
from stream_processors.folds.families import FamiliesFold
from stream_processors.registry import rulebook
from tests.integration import system_rig
from tests.integration.test_projector_real import REPLICATION, World
from tests.unit import day_sums
from tests.unit import two_times_oracle as oracle
from tests.unit.registry_scenarios import ANI, BOTH, NEIGHBOUR, VILLAGE, at, place, say
from transport import cassandra, kafka

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jejak.stack import Endpoints
    from tests.integration.system_rig import SystemRun

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

FAMILIES: Final = tuple(f"{letter}{'e' * 25}" for letter in "abcdefghijklmn")  # of 12 partitions, two have two
ELSEWHERE: Final = "35.71.03.1001"
CALLER: Final = Caller("kemensos", "siks-ng", "officer-7", "analyst", "HIGH", "CLI", "r-1")
FIELDS: Final = ("region", "decile", "members", "proposals", "eligibility")
AXIS: Final = tuple(at(2025, month, 15) for month in (1, 2, 4, 6, 7, 8, 9))
COUNTED: Final = ("families_by_decile", "persons_by_padan")


def life(family_id: str, number: int) -> list[tuple[Any, int]]:
    """Tell of a family, each word with the time at which the registry learns it: two of them late."""
    claim_id = f"claim of {number:7d}".encode()

    def said(record: str, **fields: Any) -> Any:
        return say(record, family_id=family_id, **fields)

    told = [
        (said("FamilyRegistered", occurred=at(2025, 1, 10)), at(2025, 1, 20)),
        (said("MembershipClaimed", change_id=claim_id, birth_year=2015, occurred=at(2025, 1, 10)), at(2025, 1, 21)),
        (said("CivilRegistryMatched", occurred=at(2025, 1, 25)), at(2025, 1, 30)),
        (said("FamilyRanked", decile=1 + number % 6, occurred=at(2025, 2, 1)), at(2025, 3, 1)),
        (said("FamilyMoved", region=place(NEIGHBOUR), occurred=at(2025, 7, 1)), at(2025, 7, 2)),
        (said("FamilyMoved", region=place(ELSEWHERE), occurred=at(2025, 6, 1)), at(2025, 8, 1)),
    ]
    if number % 3 == 0:  # the only member had left in March, the registry learns in August
        told.append((said("MembershipEnded", reason="PINDAH", occurred=at(2025, 3, 20)), at(2025, 8, 20)))
    return told


@dataclass
class Lived:
    """The families' lives as the registry accepted them, in topics and tables of their own."""

    world: World
    log: dict[str, list[bytes]] = field(default_factory=dict)

    @property
    def source(self) -> figures.Source:
        return figures.Source(self.world.endpoints.kafka, self.world.topics.events, f"rules.{self.world.version}")

    def events(self, family_id: str) -> list[Any]:
        return [codec.decode(framed) for framed in self.log[family_id]]

    def known(self, family_id: str, known_at: int | None) -> list[Any]:
        return oracle.known(self.events(family_id), 2**62 if known_at is None else known_at)

    def facts(self, family_id: str, asked: Moments) -> list[Any]:
        """Return what the oracle finds true and known, nothing where there was no such family yet."""
        known = self.known(family_id, asked.known_at)
        if asked.as_of is None or not known:
            return [event for event in known if oracle.kind(event) != "EligibilityDecided"]
        return oracle.facts(known, asked.as_of)

    def figures(self, asked: Moments) -> Figures | FiguresRefused:
        return figures.at(self.source, self.world.read(), COUNTED, "", asked)

    def counted(self, asked: Moments) -> dict[str, dict[tuple[str, str], int]]:
        """Return what the oracle counts of every family."""
        found: dict[str, dict[tuple[str, str], int]] = {name: {} for name in COUNTED}

        def add(name: str, *cell: str) -> None:
            found[name][cell[0], cell[1]] = found[name].get((cell[0], cell[1]), 0) + 1

        for family_id in self.log:
            facts = self.facts(family_id, asked)
            if not facts:
                continue
            present = oracle.family(facts)
            add("families_by_decile", present["region"][:8], str(present["decile"] or "BELUM_ADA_DESIL"))
            for member in present["members"].values():
                if member["standing"] in oracle.ACTIVE:
                    add("persons_by_padan", present["region"][:5], member["padan"] or "BELUM_DIPADANKAN")
        return found


def lived_on(world: World) -> Lived:
    """Fold every life partition by partition and publish what comes out, each event at its recorded time."""
    lived = Lived(world)
    topic_of = {
        catalogue.EVENTS_TOPIC: world.topics.events,
        catalogue.FAMILIES_TOPIC: world.topics.families,
        catalogue.INDICATORS_TOPIC: world.topics.indicators,
    }
    producer = kafka.producer(world.endpoints.kafka)
    for partition in range(catalogue.PARTITIONS):
        fold = FamiliesFold(partition, lambda: BOTH)
        mine = [one for one in enumerate(FAMILIES) if one[0] % catalogue.PARTITIONS == partition]
        said = sorted((word for number, one in mine for word in life(one, number)), key=lambda word: word[1])
        for offset, (change, recorded_at) in enumerate(said):
            key = change.header.family_id.encode()
            outputs = fold.fold(key, codec.encode(change), offset, recorded_at)
            # Every third change stays in a batch that spans days, as of a fold that catches up.
            closes = offset % 3 or offset == len(said) - 1
            for one in (*outputs, *(fold.close_batch(offset + 1) if closes else ())):
                if one.topic == catalogue.EVENTS_TOPIC:
                    lived.log.setdefault(key.decode(), []).append(one.value)
                if one.topic in topic_of:
                    when = {"timestamp": one.timestamp_ms} if one.topic == catalogue.EVENTS_TOPIC else {}
                    producer.produce(topic_of[one.topic], key=one.key, value=one.value, partition=partition, **when)
    for rule_set in rulebook.standard():
        value = activation(rule_set, at(2025, 1, 1))
        producer.produce(lived.source.rules, value=value, timestamp=at(2025, 1, 2) // 1000)
    assert producer.flush(60) == 0
    return lived


@pytest.fixture(scope="module")
def lived(stack: Endpoints) -> Iterator[Lived]:
    version = f"t{uuid.uuid4().hex[:10]}"
    names = {name: f"{name}.{version}" for name in projecting.Topics.__dataclass_fields__}
    kept = catalogue.topic(catalogue.EVENTS_TOPIC).config  # events of last year are kept as those of today
    own = {"audit": catalogue.topic(catalogue.AUDIT_TOPIC).config}
    made = [
        catalogue.Topic(name, catalogue.PARTITIONS, "", (), "", (), own.get(what, kept)) for what, name in names.items()
    ]
    single = [catalogue.Topic(f"{name}.{version}", 1, "", (), "", (), kept) for name in ("rules",)]
    kafka.create_topics(stack.kafka, [*made, *single])
    with cassandra.closing_session(stack.cassandra) as session:
        tables.create(session, REPLICATION, version)
        found = lived_on(World(stack, version, projecting.Topics(**names), session))
        found.world.settle()
        yield found
        tables.drop(session, version)


@pytest.fixture(scope="module")
def door(lived: Lived, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    bootstrap, version = lived.world.endpoints.kafka, lived.world.version
    with AuditLog(
        audit_log.producer(bootstrap),
        "gw",
        f"audit.{version}",
        folder=tmp_path_factory.mktemp("wal"),
        deadline_seconds=30.0,
    ) as trail:
        yield Door(
            lived.world.read(),
            Opener(InMemoryKeyStore()),
            trail,
            EpochKey(2025, bytes(range(32))),
            rules=lambda: rules.book(bootstrap, lived.source.rules),
        )


def looked(door: Door, family_id: str, asked: Moments) -> FamilyDisclosed | Withheld:
    return door.look_family(CALLER, Purpose("PENETAPAN_BANTUAN"), FamilyAsked(family_id), FIELDS, asked)


@pytest.mark.parametrize("as_of", [None, *AXIS])
def test_a_family_is_shown_as_the_oracle_has_it_at_every_pair_of_times(
    lived: Lived, door: Door, as_of: int | None
) -> None:
    family_id = FAMILIES[0]
    for known_at in (None, *AXIS):
        asked = Moments(as_of, known_at)
        facts = lived.facts(family_id, asked)
        found = looked(door, family_id, asked)
        if not facts:
            assert found == Withheld("BEFORE_FIRST_EVENT")
            continue
        assert isinstance(found, FamilyDisclosed)
        present = oracle.family(facts)
        assert (found.fields["region"]["code"], found.fields["decile"] or 0) == (present["region"], present["decile"])
        standing = {one["person_ref"]: one["standing"] for one in found.fields["members"]}
        ended = {person for person, one in present["members"].items() if one["standing"] == "ENDED"}
        assert standing == {p: one["standing"] for p, one in present["members"].items() if p not in ended}
        on_record = oracle.decisions(lived.known(family_id, known_at))
        shown = {one["programme"]: one for one in found.fields["eligibility"]}
        if as_of is None:
            assert {name: tuple(one["reasons"]) for name, one in shown.items()} == on_record
        else:
            told = {name: tuple(one["on_record"]["reasons"]) for name, one in shown.items() if one["on_record"]}
            judged = {name: tuple(one["judged"]["reasons"]) for name, one in shown.items() if one["judged"]}
            assert told == on_record
            assert judged == oracle.judgement(present, as_of, list(oracle.SHIPPED))


def test_what_was_decided_on_a_day_stands_beside_what_was_really_true_that_day(lived: Lived, door: Door) -> None:
    decided, today = at(2025, 4, 15), at(2025, 9, 15)
    then = looked(door, FAMILIES[0], Moments(decided, decided))
    now = looked(door, FAMILIES[0], Moments(decided, today))
    assert isinstance(then, FamilyDisclosed)
    assert isinstance(now, FamilyDisclosed)
    assert [one["judged"]["result"] for one in then.fields["eligibility"]] == ["LAYAK", "LAYAK"]
    assert [one["on_record"]["result"] for one in then.fields["eligibility"]] == ["LAYAK", "LAYAK"]
    assert [one["judged"]["result"] for one in now.fields["eligibility"]] == ["TIDAK_LAYAK", "TIDAK_LAYAK"]


def test_the_disclosures_on_the_audit_topic_name_the_times(lived: Lived, door: Door) -> None:
    asked = Moments(at(2025, 6, 16), at(2025, 7, 16))
    assert isinstance(looked(door, FAMILIES[1], asked), FamilyDisclosed)
    found = [codec.decode(m.value() or b"") for m in kafka.read_all(door_kafka(lived), f"audit.{lived.world.version}")]
    named = [one for one in found if isinstance(one, records.SubjectDisclosure) and one.as_of == asked.as_of]
    assert [(one.as_of, one.recorded_as_of) for one in named] == [(asked.as_of, asked.known_at)]
    assert ANI.encode() not in b"".join(codec.encode(one) for one in found)


def door_kafka(lived: Lived) -> str:
    return lived.world.endpoints.kafka


@pytest.mark.parametrize("known_at", AXIS[1:])
def test_the_snapshot_of_a_day_is_what_was_known_at_its_end(lived: Lived, known_at: int) -> None:
    found = lived.figures(Moments(known_at=known_at))
    assert isinstance(found, Figures)
    end = moments.end_of_day(moments.last_whole_day(known_at))
    assert found.moments == Moments(known_at=end)
    assert end < known_at
    told = {n: {(c.region, c.category): c.sum for c in cells if c.sum} for n, cells in found.cells.items()}
    assert told == lived.counted(Moments(known_at=end))


@pytest.mark.parametrize("known_at", [None, at(2025, 7, 15)])
@pytest.mark.parametrize("as_of", AXIS)
def test_a_recount_as_of_a_time_is_what_was_true_then(lived: Lived, as_of: int, known_at: int | None) -> None:
    asked = Moments(as_of, known_at)
    found = lived.figures(asked)
    assert isinstance(found, Figures)
    told = {n: {(c.region, c.category): c.sum for c in cells} for n, cells in found.cells.items()}
    assert told == lived.counted(asked)


def test_figures_of_a_time_before_the_first_event_are_refused(lived: Lived) -> None:
    early = at(2025, 1, 5)
    for asked in (Moments(as_of=early), Moments(known_at=early), Moments(at(2025, 6, 1), early)):
        assert lived.figures(asked) == FiguresRefused("BEFORE_FIRST_EVENT")
    # Within the day of the first event the last whole day is the one before.
    assert lived.figures(Moments(known_at=at(2025, 1, 20, 23))) == FiguresRefused("BEFORE_FIRST_EVENT")


def test_a_region_is_counted_by_itself(lived: Lived) -> None:
    asked = Moments(known_at=at(2025, 4, 15))
    whole = lived.figures(asked)
    inside = figures.at(lived.source, lived.world.read(), COUNTED, VILLAGE[:8], asked)
    nowhere = figures.at(lived.source, lived.world.read(), COUNTED, "35.72", asked)
    assert isinstance(whole, Figures)
    assert isinstance(inside, Figures)
    assert isinstance(nowhere, Figures)
    assert inside.cells["families_by_decile"] == whole.cells["families_by_decile"]
    assert nowhere.cells == dict.fromkeys(COUNTED, ())


def test_the_days_counted_again_from_events_are_the_rows_of_the_projection(lived: Lived) -> None:
    world, shadow = lived.world, f"{lived.world.version}s"
    tables.create(world.session, REPLICATION, shadow)
    store = Store(world.session, lambda _attempt, fault: pytest.fail(fault), shadow)
    store.write([rows.day_write(one) for one in day_sums.sums(world.endpoints.kafka, world.topics.events)])
    wanted, again = (
        {tuple(row) for row in world.session.execute(f"SELECT * FROM {tables.INDICATOR_DAY.named(one)}")}  # noqa: S608  ours
        for one in (world.version, shadow)
    )
    tables.drop(world.session, shadow)
    assert wanted == again
    assert wanted


def test_a_hole_in_the_events_table_is_a_fault_that_names_family_and_sequence(lived: Lived, door: Door) -> None:
    family_id, lost = FAMILIES[2], 3
    table = tables.EVENT.named(lived.world.version)
    where = (tables.bucket_of(family_id), family_id, lost)
    lived.world.session.execute(f"DELETE FROM {table} WHERE bucket = %s AND family_id = %s AND sequence = %s", where)  # noqa: S608  ours
    with pytest.raises(SequenceHole) as fault:
        looked(door, family_id, Moments(known_at=at(2025, 9, 1)))
    assert (fault.value.family_id, fault.value.sequence) == (family_id, lost)


def test_the_running_system_tells_both_times_on_the_command_line(system: SystemRun) -> None:
    family_id = system.opened[0].family_id
    mine = [e for e in map(codec.decode, values(system)) if e.header.family_id == family_id]
    middle = mine[len(mine) // 2].header
    show = ("family", "show", family_id, "--field", "region", "--field", "members", "--field", "decile", "--json")

    def told(name: str, *arguments: str) -> Any:
        ran = system_rig._command(system, name, *arguments)
        assert ran.code == 0, ran.err
        return ran.told

    live, later = told("live", *show), told("known in the end", *show, "--known-at", "2100-01-01")
    audit = ("receipts", "as_of", "known_at")
    assert {k: v for k, v in live.items() if k not in audit} == {k: v for k, v in later.items() if k not in audit}
    known_at, as_of = moments.shown(middle.recorded_at), moments.shown(middle.occurred_at)
    assert known_at is not None
    assert as_of is not None
    assert told("known", *show, "--known-at", known_at)["sequence"] == max(
        one.header.sequence for one in mine if one.header.recorded_at <= middle.recorded_at
    )
    true = told("true", *show, "--as-of", as_of)
    present = oracle.family(oracle.facts(mine, middle.occurred_at))
    assert (true["region"]["code"], true["decile"] or 0) == (present["region"], present["decile"])
    early = system_rig._command(system, "early", *show, "--known-at", "2000-01-01")
    assert (early.code, early.out) == (3, "")
    assert "BEFORE_FIRST_EVENT" in early.err


def test_the_running_system_counts_at_both_times_on_the_command_line(system: SystemRun) -> None:
    def cells(told: Any, *kept: str) -> set[tuple[Any, ...]]:
        return {(c["region"], c["category"], c["sum"]) for name in kept for c in told[name] if c["sum"]}

    live = system.commands["indicators"].told
    known = system_rig._command(system, "days", "indicators", "--known-at", "2100-01-01", "--json")
    true = system_rig._command(system, "recount", "indicators", "--as-of", "2100-01-01", "--json").told
    # A time ahead means now, and the sums known are those that the last whole day ended with: of a run of today, none.
    assert known.code == 3 or moments.parse(known.told["known_at"]) < time.time_ns() // 1_000
    facts = [name for name in live if name != "families_eligible"]  # that one is judged, by ages of 2100
    assert cells(true["indicators"], *facts) == cells(live, *facts)
    early = system_rig._command(system, "early figures", "indicators", "--known-at", "2000-01-01", "--json")
    assert (early.code, early.out) == (3, "")


def values(system: SystemRun) -> list[bytes]:
    return [record.value for record in system.committed[catalogue.EVENTS_TOPIC]]
