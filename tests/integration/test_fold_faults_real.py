"""The product's fold and read model under faults, on a real broker and a real database.

After each fault everything is compared, record by record, with an unbroken run over the very same changes. More and
longer: `make faults`, `make engine-at-length`; JEJAK_FAULT_KILLS, JEJAK_FAULT_CHANGES and JEJAK_FAULT_OUTAGE_S say how
much, JEJAK_FAULT_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import KafkaException

from jejak import stack as local
from producers.ledger import InMemoryLedger
from producers.publish import Published, Publisher, PublishFailed
from schemas import catalogue, prefix
from schemas.catalogue import CHANGES_TOPIC
from tests.integration import fault_report
from tests.integration import registry_rig as rigs
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from jejak.stack import Endpoints
    from producers.outgoing import Outgoing
    from tests.integration.registry_rig import Rig

pytestmark = pytest.mark.real

KILLS = int(os.environ.get("JEJAK_FAULT_KILLS", "4"))
CHANGES = int(os.environ.get("JEJAK_FAULT_CHANGES", "8000"))
OUTAGE_S = float(os.environ.get("JEJAK_FAULT_OUTAGE_S", "5"))
SEED = int(os.environ.get("JEJAK_FAULT_SEED") or secrets.randbelow(1_000_000))
KILL_TIMEOUT_S = 240 + 30 * KILLS
LARGE = 120_000  # bytes
FULL = 11 << 20  # bytes; the broker reserves 10 MiB for an index, and could not start with less
NO_AVRO = b"\x00\x00\x00"


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")


@pytest.fixture
def rig(stack: Endpoints, tmp_path: Path) -> Iterator[Rig]:
    with rigs.rigged(stack, tmp_path) as made:
        yield made


@pytest.fixture
def own_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Endpoints]]:
    """A pair of servers that only this test harms."""
    monkeypatch.delenv("JEJAK_KAFKA", raising=False)
    monkeypatch.delenv("JEJAK_CASSANDRA", raising=False)
    data = tmp_path / "stack"
    yield data, local.up(data, quick=True, tied_to=os.getpid())
    local.down(data)


# --- killed at random, workers joining and leaving ---


@dataclass
class Havoc:
    """Kills, joins and leaves at random, while changes flow; whatever happens follows from the seed, but for time."""

    rig: Rig
    rng: random.Random
    done: Counter[str] = field(default_factory=Counter)

    def plan(self) -> list[str]:
        """Return what is to happen, in order: kills of folds, a join or leave for every two, some of the read model."""
        plan = ["kill"] * KILLS + ["join or leave"] * (KILLS // 2) + ["kill the read model"] * (KILLS // 4)
        self.rng.shuffle(plan)
        return plan

    def strike(self, what: str) -> None:
        folds = sorted(name for name in self.rig.running if name != rigs.READ_MODEL)
        match what:
            case "kill":
                name = self.rng.choice(folds)
                amid = self.rig.has_open_transaction()
                self.rig.kill(name)
                self.done["kills amid a transaction"] += amid
                self.rig.start_fold(name)
            case "join or leave" if len(folds) > 1:
                self.rig.stop(self.rng.choice(folds))
                what = "leaves"
            case "join or leave":
                self.rig.start_fold("two" if folds == ["one"] else "one")
                what = "joins"
            case _:
                self.rig.kill(rigs.READ_MODEL)
                self.rig.start_read_model()
        self.done[what] += 1

    def wait(self, fresh: int) -> None:
        """Let some of the fresh changes be decided, or wait a moment that may fall anywhere, restores included."""
        if self.rng.random() < 0.3:
            time.sleep(self.rng.uniform(0.0, 3.0))
            return
        wanted = self.rig.written() + self.rng.uniform(0.05, 0.6) * fresh
        rigs.wait_until(lambda: self.rig.written() >= wanted or self.rig.undecided() == 0, "progress")


@pytest.mark.timeout(KILL_TIMEOUT_S)
def test_a_fold_killed_at_random_while_workers_join_and_leave_equals_an_unbroken_run(rig: Rig) -> None:
    # Given two workers and a read model, one rule set in force, and changes that begin to flow
    tell(f"seed {SEED}: {KILLS} kills, {CHANGES} changes")
    started = time.monotonic()
    rng = random.Random(SEED)  # noqa: S311  chance, not a secret
    changes = rigs.simulated(CHANGES, SEED)
    rig.activate(rigs.PKH)
    rig.start_fold("one")
    rig.start_fold("two")
    rig.start_read_model()
    havoc = Havoc(rig, rng)
    plan = havoc.plan()
    shares = rigs.shares(changes, len(plan) + 1)
    half = len(shares) // 2

    # When workers are killed, join and leave, and another rule set comes into force half way
    for number, share in enumerate(shares):
        if number == half:
            rig.activate(rigs.SEMBAKO)
        with rig.sending() as put:
            for message in share:
                put(message)
            if number < len(plan):
                havoc.wait(len(share))
                havoc.strike(plan[number])
    rig.settle()

    # Then all that they left is what one that nothing ever happened to would have left
    compared = rig.compare()
    assert compared.changes == CHANGES
    assert compared.repeats > 0
    assert rig.revived == 0
    tell(f"{dict(havoc.done)}; equal: {compared}; {time.monotonic() - started:.0f} s")


# --- bad input ---


def test_one_poison_record_amid_a_batch_is_set_aside_and_its_neighbours_are_decided(rig: Rig) -> None:
    changes = rigs.simulated(100, SEED)
    changes[50:50] = [replace(changes[50], value=NO_AVRO)]
    rig.send(changes, partition=1)
    rig.start_fold("one", batch=2_000)
    rig.start_read_model()
    rig.settle()
    compared = rig.compare()
    assert (compared.changes, compared.dead) == (101, 1)
    letter = next(iter(kafka.read_all(rig.bootstrap, rig.name(catalogue.DEAD_LETTERS_TOPIC))))
    headers: Any = dict(letter.headers() or ())
    assert (headers["dl_offset"], headers["dl_code"]) == (b"50", b"NO_AVRO_FRAME")
    assert letter.value() == NO_AVRO


def test_every_change_sent_twice_leaves_what_it_left_when_sent_once(rig: Rig) -> None:
    changes = rigs.simulated(300, SEED)
    # Each right after itself, and all of it again after a restart from the state.
    rig.send([message for change in changes for message in (change, change)])
    rig.start_fold("one")
    rig.start_read_model()
    rigs.wait_until(lambda: rig.undecided() == 0 and not rig.has_open_transaction(), "the first round")
    before = _events_by_change(rig)
    rig.stop("one")
    rig.send(changes)
    rig.start_fold("one")
    rig.settle()
    compared = rig.compare()
    assert compared.changes == 900
    assert _events_by_change(rig) == before
    assert set(before.values()) == {1}
    assert compared.events == len(before)


@pytest.mark.at_length
def test_two_changes_at_once_on_one_family_are_decided_one_after_the_other(rig: Rig) -> None:
    # Given two sources that speak of the same families at the same time, partly with the same words
    changes = rigs.simulated(600, SEED)
    ready = threading.Barrier(2)

    def source(skipped: int) -> None:
        said = [change for number, change in enumerate(changes) if number % 3 != skipped]
        ready.wait()
        rig.send(said)

    rig.start_fold("one", batch=50)
    rig.start_fold("two", batch=50)
    rig.start_read_model()
    sources = [threading.Thread(target=source, args=(skipped,)) for skipped in (1, 2)]
    for thread in sources:
        thread.start()
    for thread in sources:
        thread.join(rigs.DEADLINE)
    rig.settle()
    compared = rig.compare()
    assert compared.changes == 800
    assert set(_events_by_change(rig).values()) == {1}


def _events_by_change(rig: Rig) -> Counter[bytes]:
    """Count the events of each change that was accepted (what is derived from one carries an id of its own)."""
    events = kafka.read_all(rig.bootstrap, rig.name(catalogue.EVENTS_TOPIC))
    return Counter(prefix.walk(message.value() or b"").change_id for message in events)


# --- a worker that wakes up too late ---


def test_a_fold_frozen_amid_a_transaction_that_wakes_after_another_took_over_adds_nothing(rig: Rig) -> None:
    started = time.monotonic()
    rig.send(rigs.simulated(3_000, SEED))
    rig.start_read_model()
    rig.start_fold("zombie", batch=20, commit_interval_s=6.0)
    rigs.freeze_amid_a_transaction(rig, "zombie")
    rig.start_fold("heir")
    rigs.wait_until(lambda: rig.undecided() == 0, "the heir decides everything")
    rig.signal("zombie", signal.SIGCONT)
    rigs.wait_until(lambda: "partitions lost" in rig.log("zombie"), "the zombie learns its loss")
    rig.send(rigs.simulated(600, SEED + 1))
    rig.settle()
    assert "transaction aborted" in rig.log("zombie")
    compared = rig.compare()
    assert compared.changes == 3_600
    fault_report.tell("zombie", seconds=time.monotonic() - started, compared=[compared], frozen_amid_a_transaction=1)


# --- servers that go away ---


@pytest.mark.at_length
def test_a_broker_killed_and_a_broker_restarted_while_all_are_busy_cost_time_and_nothing_else(
    own_stack: tuple[Path, Endpoints], tmp_path: Path
) -> None:
    data, endpoints = own_stack
    with rigs.rigged(endpoints, tmp_path) as rig:
        rig.start_fold("one")
        rig.start_fold("two")
        rig.start_read_model()
        for share, end in zip(
            rigs.shares(rigs.simulated(3_000, SEED), 2), (local.kill_server, local.stop_server), strict=True
        ):
            rigs.wait_until(rig.answers, "the broker answers")
            before = rig.written()
            with rig.sending() as put:
                for message in share:
                    put(message)
                rigs.wait_until(lambda low=before: rig.wrote_beyond(low + 100), "the folds are busy")  # type: ignore[misc]  # bound now
                end(data, local.KAFKA)
                local.start_server(data, local.KAFKA)
        rig.settle()
        assert rig.compare().changes == 3_000
        tell(f"workers that a supervisor had to start again: {rig.revived}")


@pytest.mark.timeout(300 + OUTAGE_S)
def test_while_cassandra_is_down_folds_go_on_and_the_read_model_catches_up_afterwards(
    own_stack: tuple[Path, Endpoints], tmp_path: Path
) -> None:
    data, endpoints = own_stack
    with rigs.rigged(endpoints, tmp_path) as rig:
        first, second = rigs.shares(rigs.simulated(2_000, SEED), 2)
        rig.start_fold("one")
        rig.start_read_model()
        rig.send(first)
        rigs.wait_until(lambda: rig.undecided() == 0 and rig.unprojected() == 0, "the read model is at work")
        local.kill_server(data, local.CASSANDRA)
        down_until = time.monotonic() + OUTAGE_S
        rig.send(second)
        rigs.wait_until(lambda: rig.undecided() == 0, "the fold goes on alone")
        rigs.wait_until(lambda: time.monotonic() >= down_until, "the outage lasts", OUTAGE_S + 1)
        assert "database_away" in rig.log(rigs.READ_MODEL)
        assert rig.unprojected() > 0
        local.start_server(data, local.CASSANDRA)
        rig.settle()
        assert rig.compare().changes == 2_000


@dataclass
class Source:
    """A producer with a ledger, as the product's: what was acknowledged is not sent again, the rest is.

    It keeps close to the fold, so that both are at work when the disk is full.
    """

    rig: Rig
    messages: list[Outgoing]
    ledger: InMemoryLedger = field(default_factory=InMemoryLedger)

    def publish(self, **settings: Any) -> Published:
        producer: Any = kafka.producer(self.rig.bootstrap, **settings)
        publisher = Publisher(producer, self.ledger, lambda: 0, 50)
        return publisher.publish(("source", self.rig.tag), self.messages, self._prepare)

    def _prepare(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        try:
            rigs.wait_until(self._is_near, "the fold comes near")
        except (KafkaException, TimeoutError):  # the broker is gone: let the publisher find out
            tell("the broker is gone")
        return [self.rig.renamed(message) for message in messages]

    def _is_near(self) -> bool:
        self.rig.revive()
        return self.rig.undecided() < 200


def with_large_poison(changes: list[Outgoing], rng: random.Random) -> list[Outgoing]:
    """Return the changes with a large value that is no Avro after every twentieth: a dead letter, as large."""
    found = []
    for number, change in enumerate(changes, 1):
        found.append(change)
        if number % 20 == 0:
            found.append(replace(change, value=NO_AVRO + rng.randbytes(LARGE), change_id=b""))
    return found


@pytest.mark.at_length
def test_a_full_disk_under_the_broker_is_told_to_all_and_with_room_again_nothing_is_lost_or_doubled(
    own_stack: tuple[Path, Endpoints], tmp_path: Path
) -> None:
    data, endpoints = own_stack
    # The changes go on in a new file before one is too large: it is what the fold writes that fills the disk.
    with rigs.rigged(endpoints, tmp_path, partitions=1, changes_config={"segment.bytes": f"{4 << 20}"}) as rig:
        # Given a broker whose files may not grow beyond a limit, which to it is a full disk
        rng = random.Random(SEED)  # noqa: S311  chance, not a secret
        source = Source(rig, with_large_poison(rigs.simulated(2_400, SEED), rng))
        local.stop_server(data, local.KAFKA)
        local.start_server(data, local.KAFKA, file_size_limit=FULL)

        # When it fills up while a fold and a source are at work
        rig.start_fold("one", patience_s=5.0)
        with pytest.raises(PublishFailed):
            source.publish(message_timeout_ms=5_000)

        # Then the source was told, the fold takes back what it could not commit, the stack says which server gave up
        rigs.wait_until(lambda: "transaction aborted" in rig.log("one"), "the fold gives up its transaction")
        rigs.wait_until(lambda: not local.status(data).running, "the stack ends")
        crash = local.status(data).crash
        assert crash is not None
        assert crash.server == local.KAFKA

        # And with room again the source goes on where it stopped, the fold and another where it had committed
        local.up(data, quick=True, tied_to=os.getpid())
        rig.start_fold("two")
        rig.start_read_model()
        published = source.publish()
        assert 0 < published.skipped < len(source.messages) == published.sent + published.skipped
        rig.settle()
        compared = rig.compare()
        assert compared.changes >= len(source.messages)
        assert set(_events_by_change(rig).values()) == {1}
        sent = Counter(message.value() for message in kafka.read_all(rig.bootstrap, rig.name(CHANGES_TOPIC)))
        assert all(sent[message.value] >= 1 for message in source.messages)
