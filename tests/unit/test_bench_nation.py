"""The arithmetic for the nation, against figures worked out by hand."""

import pytest

from jejak.bench.nation import Prices, Speeds, Volumes, needs
from schemas import catalogue

VOLUMES = Volumes(
    families=1_000_000,
    partitions=10,
    first_load_changes_a_family=10,
    flow_changes_a_year=2_000_000,
    rankings_a_year=4,
    ground_checks_a_year=0,
    ranking_hours=1,
    years_kept=1,
)
SPEEDS = Speeds(fold_cpu=36.0, replay_cpu=18.0, restore_rate=50_000, compression=0.5)
SIZES = {catalogue.CHANGES_TOPIC: (1.0, 930.0), catalogue.EVENTS_TOPIC: (1.0, 930.0)}


@pytest.fixture
def told() -> dict[str, float]:
    return {result.name: result.value for result in needs(SIZES, 1_700.0, SPEEDS, VOLUMES, Prices(1.0, 1.0, 1.0))}


def test_a_year_is_the_flow_and_each_ranking_of_every_family(told: dict[str, float]) -> None:
    assert told["nation.changes"] == pytest.approx(6.0)


def test_a_ranking_in_an_hour_takes_its_rate_times_the_cost_of_a_change(told: dict[str, float]) -> None:
    assert told["nation.ranking"] == pytest.approx(1_000_000 / 3_600 * 36e-6)


def test_the_first_load_and_a_replay_take_their_changes_times_their_cost(told: dict[str, float]) -> None:
    assert told["nation.load"] == pytest.approx(0.1)
    assert told["nation.replay"] == pytest.approx(16 * 18 / 3_600)


def test_a_partition_is_restored_at_the_rate_of_a_process(told: dict[str, float]) -> None:
    assert told["nation.restore"] == pytest.approx(2.0)


def test_memory_is_every_state_and_what_an_object_costs_beside(told: dict[str, float]) -> None:
    assert told["nation.memory"] == pytest.approx(2_000 * 1_000_000 / 2**30)


def test_a_topic_kept_for_ever_holds_the_first_load_and_every_year_in_each_copy(told: dict[str, float]) -> None:
    assert told[f"nation.disk.{catalogue.EVENTS_TOPIC}"] == pytest.approx(16e6 * 1_000 * 0.5 * 3 / 2**30)


def test_money_is_the_sum_of_its_parts(told: dict[str, float]) -> None:
    parts = [value for name, value in told.items() if name.startswith("nation.money.")]
    assert len(parts) == 3
    assert told["nation.money"] == pytest.approx(sum(parts))
