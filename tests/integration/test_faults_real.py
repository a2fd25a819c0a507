"""The fold under poison, delayed transactions, clocks that jump: what is left equals an unbroken run, record by record.

Beside `test_fold_faults_real` (kills, zombies, servers that go away) and `test_crash_points_real`; the same at length,
and what takes minutes, is `make faults`.
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from schemas import catalogue, prefix
from stream_processors.engine.faults import FAULT_EXIT_CODE
from tests.integration import fault_report, unbroken_run
from tests.integration import registry_rig as rigs
from tests.integration.crash_points import FROZEN, Life
from tests.integration.crash_run import NO_AVRO, Tried
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jejak.stack import Endpoints
    from producers.outgoing import Outgoing
    from tests.integration.registry_rig import Rig

pytestmark = pytest.mark.real

AT_LENGTH = bool(os.environ.get("JEJAK_FAULTS_AT_LENGTH"))
SEED = 7
HOUR_MS = 3_600_000


@pytest.fixture
def rig(stack: Endpoints, tmp_path: Path) -> Iterator[Rig]:
    with rigs.rigged(stack, tmp_path) as made:
        yield made


# --- a burst of poison ---


def poisoned(changes: list[Outgoing], at: int, burst: int) -> list[Outgoing]:
    """Return the changes with so much in a row, from there on, that is no change."""
    return [*changes[:at], *[replace(changes[at], value=NO_AVRO)] * burst, *changes[at:]]


def test_a_burst_of_poison_below_the_limit_is_set_aside_and_above_it_stops_the_worker_with_all_kept(rig: Rig) -> None:
    # Given a burst just below the limit of a hundred in a row
    started = time.monotonic()
    first, second = rigs.simulated(1_000, SEED), rigs.simulated(600, SEED + 1)
    rig.start_read_model()
    rig.send(poisoned(first, 950, 99), partition=1)
    rig.start_fold("one", batch=50)
    rigs.wait_until(lambda: rig.undecided() == 0, "the small burst is set aside")

    # When one above it follows
    rig.send(poisoned(second, 300, 150), partition=1)

    # Then the worker ends, and ends again as often as it is started, and nothing of the batch is lost or decided
    for _ in range(3 if AT_LENGTH else 2):
        assert rig.running["one"].wait(rigs.DEADLINE) == FAULT_EXIT_CODE
        del rig.running["one"]
        assert rig.log("one").count("TooManyDeadLetters") >= 1
        assert rig.undecided() >= 450
        rig.start_fold("one", batch=50)
    rig.running["one"].wait(rigs.DEADLINE)
    del rig.running["one"]
    assert len([*kafka.read_all(rig.bootstrap, rig.name(catalogue.DEAD_LETTERS_TOPIC))]) == 99

    # And once an operator has allowed for it, all is decided as if nothing had been
    rig.start_fold("one", limits={"consecutive": 1_000, "ratio": 1.0})
    rig.settle()
    compared = rig.compare()
    assert (compared.changes, compared.dead) == (1_849, 249)
    fault_report.tell("poison burst", seconds=time.monotonic() - started, compared=[compared], bursts=[99, 150])


# --- transactions that end late ---


@pytest.mark.at_length
def test_a_commit_that_reaches_the_broker_while_an_heir_waits_for_it_counts_once(
    stack: Endpoints, tmp_path: Path
) -> None:
    # Given workers that stand still with their offsets sent and the end of their transaction not yet, and awake while
    # an heir waits for that end; one that lost its partitions before its offsets were sent; and transactions that
    # nobody ends until they time out
    started = time.monotonic()
    steps = FROZEN if AT_LENGTH else FROZEN[3:5]
    lives = [Life("frozen early", step, passage) for step in steps for passage in (2, 3)[: 1 + AT_LENGTH]]
    tried = Tried(stack, tmp_path, 0, [*lives, Life("stranger", "assign/clearance.after")])
    tried.run()
    assert tried.unfired() == []
    assert sum("parted" in told for told in tried.told) == len(lives)
    tried.read()
    assert tried.compared is not None
    fault_report.tell(
        "delayed transactions",
        seconds=time.monotonic() - started,
        compared=[tried.compared],
        ended_late=len(lives),
        timed_out=1,
    )


@pytest.mark.at_length
def test_a_late_twin_of_a_commit_may_repeat_events_and_readers_that_skip_known_sequences_are_right(
    stack: Endpoints, tmp_path: Path
) -> None:
    # The known hole (decision 20): with its client the broker can't tell a late commit from that of the transaction
    # that is open by now, and commits a part of it.
    started = time.monotonic()
    delivered = (3, 7, 10, 13) if AT_LENGTH else (7,)
    lives = [Life(f"committed-late {count}", "batch.before", 4) for count in delivered]
    tried = Tried(stack, tmp_path, 0, lives)
    tried.rig.activate(rigs.PKH)
    tried.live(0, lives)
    assert tried.unfired() == []
    runs = unbroken_run.unbroken(tried.rig.bootstrap, tried.rig.name)
    repeats = unbroken_run.assert_equal_but_for_repeats(tried.rig.bootstrap, tried.rig.name, runs)
    assert repeats <= sum(delivered)
    fault_report.tell(
        "late twins of commits", seconds=time.monotonic() - started, compared=[], twins=len(lives), repeats=repeats
    )


# --- a clock that jumps ---


@pytest.fixture
def by_source_clock(stack: Endpoints, tmp_path: Path) -> Iterator[Rig]:
    """A registry whose changes carry the time their source gave them, as no broker's clock can be turned here."""
    times = {"message.timestamp.type": "CreateTime", "message.timestamp.after.max.ms": f"{10_000 * HOUR_MS}"}
    with rigs.rigged(stack, tmp_path, changes_config=times) as made:
        yield made


@pytest.mark.at_length
def test_an_append_time_that_jumps_back_and_forth_leaves_recorded_times_that_never_go_back(
    by_source_clock: Rig,
) -> None:
    started, rig = time.monotonic(), by_source_clock
    rng = random.Random(SEED)  # noqa: S311  chance, not a secret
    changes, now = rigs.simulated(5_000 if AT_LENGTH else 1_000, SEED), time.time_ns() // 1_000_000
    jumps = [rng.choice((-48, -1, 0, 0, 0, 1, 72)) * HOUR_MS for _ in changes[::40]]
    rig.start_fold("one", batch=100)
    rig.start_read_model()
    kills = 0
    with rig.sending() as put:
        for number, change in enumerate(changes):
            put(change, timestamp_ms=now + number + jumps[number // 40])
            if number and number % 500 == 0:
                rig.kill("one")
                kills += 1
                rig.start_fold("one", batch=100)
    rig.settle()
    compared = rig.compare()
    last: dict[int, int] = {}
    for message in kafka.read_all(rig.bootstrap, rig.name(catalogue.EVENTS_TOPIC)):
        number, recorded_at = message.partition() or 0, _recorded_at(message)
        assert recorded_at >= last.get(number, 0), "a recorded time went back"
        last[number] = recorded_at
    assert compared.changes == len(changes)
    fault_report.tell(
        "clock jumps", seconds=time.monotonic() - started, compared=[compared], jumps=sum(map(bool, jumps)), kills=kills
    )


def _recorded_at(message: Any) -> int:
    return prefix.walk(message.value() or b"").recorded_at
