"""What a worker's signs of life say: idle, working, restoring, waiting or stuck, and how far behind it is."""

import json
from collections.abc import Callable

import pytest

from transport.metrics import PulseGauges
from transport.pulse import Pulse, State

LIMIT = 10.0
HERE = ("changes", 3)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pulse(clock: Clock) -> Pulse:
    return Pulse(LIMIT, clock, clock)


def caught_up(pulse: Pulse) -> None:
    pulse.turned()
    pulse.read(HERE, 7, 7, 990.0)
    pulse.settled()


def gauges(pulse: Pulse) -> dict[str, float]:
    return {
        "/".join((sample.name, *sample.labels.values())): sample.value
        for family in PulseGauges(pulse).collect()
        for sample in family.samples
    }


def test_a_loop_that_holds_no_partition_yet_is_starting_and_not_ready(pulse: Pulse) -> None:
    pulse.turned()
    assert pulse.standing().state is State.STARTING
    assert pulse.standing().live
    assert not pulse.standing().ready


def test_a_loop_with_nothing_to_read_is_idle_however_long(pulse: Pulse, clock: Clock) -> None:
    for _ in range(100):
        clock.now += LIMIT / 2
        caught_up(pulse)
    assert pulse.standing().state is State.IDLE
    assert pulse.standing().ready


def test_a_loop_that_is_behind_and_commits_is_working(pulse: Pulse, clock: Clock) -> None:
    for offset in range(100):
        clock.now += LIMIT / 2
        pulse.turned()
        pulse.read(HERE, offset, 1_000, clock.now)
        pulse.committed()
    assert pulse.standing().state is State.WORKING


def test_a_loop_that_does_not_come_round_is_stuck(pulse: Pulse, clock: Clock) -> None:
    caught_up(pulse)
    clock.now += LIMIT + 1
    assert pulse.standing().state is State.STUCK
    assert pulse.standing().reason == "LOOP_HANGS"
    assert not pulse.standing().live


def test_a_loop_that_comes_round_but_commits_nothing_although_it_is_behind_is_stuck(pulse: Pulse, clock: Clock) -> None:
    caught_up(pulse)
    for _ in range(11):
        clock.now += 1
        pulse.turned()
        pulse.read(HERE, 7, 9, 990.0)
    assert pulse.standing().state is State.STUCK
    assert pulse.standing().reason == "NO_COMMIT"


def test_a_loop_whose_server_is_away_waits_and_is_not_to_be_restarted(pulse: Pulse, clock: Clock) -> None:
    caught_up(pulse)
    pulse.read(HERE, 7, 9, 990.0)
    for _ in range(50):
        clock.now += LIMIT / 2
        pulse.waiting("DATABASE_AWAY")
    standing = pulse.standing()
    assert (standing.state, standing.reason) == (State.WAITING, "DATABASE_AWAY")
    assert standing.live
    assert not standing.ready
    pulse.committed()
    assert pulse.standing().state is State.WORKING


def test_a_wait_that_is_noted_no_more_is_over(pulse: Pulse, clock: Clock) -> None:
    caught_up(pulse)
    pulse.waiting("BROKER_AWAY")
    clock.now += 61
    caught_up(pulse)
    assert pulse.standing().state is State.IDLE


def test_a_loop_that_hangs_while_it_waits_is_stuck(pulse: Pulse, clock: Clock) -> None:
    pulse.waiting("BROKER_AWAY")
    clock.now += LIMIT + 1
    assert pulse.standing().reason == "LOOP_HANGS"


def test_a_restore_that_goes_on_is_live_and_not_ready_and_tells_how_far_it_is(pulse: Pulse, clock: Clock) -> None:
    for read in range(0, 101, 10):
        clock.now += LIMIT / 2
        pulse.restoring(3, read, 200)
    assert pulse.standing().state is State.RESTORING
    assert pulse.standing().live
    assert not pulse.standing().ready
    assert gauges(pulse)["jejak_restore_progress_ratio/3"] == 0.5
    assert gauges(pulse)["jejak_restore_remaining/3"] == 100
    pulse.restored()
    assert gauges(pulse)["jejak_restore_progress_ratio/3"] == 1.0


def test_a_restore_that_makes_no_progress_is_stuck(pulse: Pulse, clock: Clock) -> None:
    pulse.restoring(3, 10, 200)
    clock.now += LIMIT + 1
    assert pulse.standing().state is State.STUCK


def test_lag_in_seconds_is_the_age_of_the_oldest_unread_at_most(pulse: Pulse, clock: Clock) -> None:
    caught_up(pulse)
    clock.now += 100
    pulse.read(HERE, 7, 7, 990.0)
    clock.now += 2
    pulse.read(HERE, 7, 12, 990.0)
    assert pulse.lags[HERE] == (5, 2.0), "what is unread came after the partition was last seen without lag"
    clock.now += 4
    pulse.read(HERE, 9, 12, 1_105.0)
    assert pulse.lags[HERE] == (3, 1.0), "and after the newest that was read"
    pulse.read(HERE, 12, 12, 1_105.5)
    assert pulse.lags[HERE] == (0, 0.0)


def test_records_of_open_transactions_are_no_lag(pulse: Pulse) -> None:
    pulse.read(HERE, 7, 12, 990.0, at_end=True)
    assert pulse.lags[HERE] == (0, 0.0)


def test_an_end_that_is_not_known_is_no_lag(pulse: Pulse) -> None:
    pulse.read(HERE, 7, -1_001, 0.0)
    assert pulse.lags[HERE] == (0, 0.0)


def test_a_partition_given_away_is_forgotten(pulse: Pulse) -> None:
    pulse.read(HERE, 7, 12, 990.0)
    pulse.restoring(3, 1, 2)
    pulse.digested(3, 7, bytes(32))
    pulse.held([])
    pulse.dropped([3])
    assert (pulse.lags, pulse.restores, pulse.digests) == ({}, {}, {})


def test_the_digest_is_told_in_full_and_its_first_bits_as_a_gauge(pulse: Pulse) -> None:
    digest = bytes(range(32))
    pulse.digested(3, 70, digest)
    assert json.loads(json.dumps(pulse.as_json()))["digests"]["3"] == {"next_offset": 70, "digest": digest.hex()}
    assert gauges(pulse)["jejak_state_digest_prefix/3"] == 0x000102030405
    assert gauges(pulse)["jejak_state_digest_offset/3"] == 70


@pytest.mark.parametrize(
    ("say", "state"),
    [(Pulse.turned, "starting"), (caught_up, "idle"), (lambda pulse: pulse.restoring(3, 0, 1), "restoring")],
)
def test_exactly_one_state_gauge_is_one(pulse: Pulse, say: Callable[[Pulse], None], state: str) -> None:
    say(pulse)
    told = {name: value for name, value in gauges(pulse).items() if name.startswith("jejak_worker_state")}
    assert [name for name, value in told.items() if value] == [f"jejak_worker_state/{state}"]
