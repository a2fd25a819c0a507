"""What the benchmarks stand on: copies that live as the district does, a load that is accepted, goals, slopes."""

from itertools import islice

import pytest

from jejak.bench import corpus as corpora
from jejak.bench import loading, profile, run
from jejak.bench.corpus import APPENDED_AT, Corpus
from jejak.bench.results import GOALS, Figure, Goal, Result
from schemas import catalogue, prefix
from stream_processors.folds.families import FamiliesFold


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return corpora.taken(corpora.drafts(100))


def test_a_copy_lives_as_the_district_does_under_ids_of_its_own(corpus: Corpus) -> None:
    book = corpora.book()
    fold = FamiliesFold(0, lambda: book)
    first, second = (
        [
            [(output.topic, len(output.value)) for output in fold.fold(change.key, change.value, at, APPENDED_AT + at)]
            for at, change in enumerate(corpus.copy(number))
        ]
        for number in (0, 7)
    )
    assert first == second
    assert {each.key for each in corpus.copy(0)}.isdisjoint(each.key for each in corpus.copy(7))


def test_every_change_of_a_copy_names_the_family_of_its_key(corpus: Corpus) -> None:
    for change in corpus.copy(3):
        assert prefix.walk(change.value).family_id.encode() == change.key


def test_copies_are_interleaved_and_each_keeps_its_order(corpus: Corpus) -> None:
    both = [*corpus.copies([0, 4])]
    assert both[::2] == [*corpus.copy(0)]
    assert both[1::2] == [*corpus.copy(4)]


def test_a_steady_load_is_accepted_for_ever_and_makes_no_state_larger(corpus: Corpus) -> None:
    book = corpora.book()
    fold = FamiliesFold(0, lambda: book)
    for at, change in enumerate(corpus.changes):
        fold.fold(change.key, change.value, at, APPENDED_AT + at)
    load = corpora.steady(corpus, families=3)

    def folded(changes: int) -> tuple[int, int]:
        told = [fold.fold(change.key, change.value, 0, APPENDED_AT) for change in islice(load, changes)]
        states = {output.key: len(output.value) for outputs in told for output in outputs if _is_state(output.topic)}
        return sum(map(bool, told)), sum(states.values())

    folded(400)
    accepted, size = folded(400)
    assert accepted > 200
    assert abs(folded(400)[1] - size) < 0.1 * size


def _is_state(topic: str) -> bool:
    return topic == catalogue.FAMILIES_TOPIC


def test_what_the_fold_puts_out_is_told_for_each_change(corpus: Corpus) -> None:
    told = profile.outputs(corpus)
    assert len(told) == len(corpus.changes)
    assert sum(map(len, told)) > len(told)


def test_the_profile_adds_up(corpus: Corpus) -> None:
    whole, *parts = profile.profile(corpus)
    assert whole.name == "profile.fold"
    assert 0.5 * whole.value < sum(part.value for part in parts) <= 1.01 * whole.value


@pytest.mark.parametrize(
    ("value", "verdict"), [(12.0, "missed"), (10.0, "met"), (7.5, "met"), (7.0, "stretch"), (0.1, "stretch")]
)
def test_a_goal_judges_a_cost(value: float, verdict: str) -> None:
    assert Goal(10, at_most=True, stretch=7).verdict(value) == verdict


@pytest.mark.parametrize(("value", "verdict"), [(179_999, "missed"), (180_000, "met")])
def test_a_goal_judges_a_rate(value: float, verdict: str) -> None:
    assert Result("replay.rate", "replay", value, "events/s").verdict == verdict


def test_a_value_without_a_goal_is_not_judged() -> None:
    assert Result("fold.rate", "fold", 1.0, "changes/s").verdict == ""


def test_a_figure_tells_rate_and_cost() -> None:
    rate, cost = Figure("fold", "fold", "changes", 2_000_000, 10.0, 20.0).results()
    assert (rate.value, cost.value) == (200_000, 10.0)
    assert (cost.name, cost.verdict) == ("fold.cpu", "met")


def test_a_rate_by_core_is_of_the_cpu_alone() -> None:
    rate, _ = Figure("intake", "intake", "changes", 100, 50.0, 2.0).results(by_core=True)
    assert rate.value == 50.0


def test_every_goal_belongs_to_a_measurement() -> None:
    assert {name.split(".")[0] for name in GOALS} <= set(run.NAMES)


def test_a_slope_is_that_of_the_line_through_the_points() -> None:
    assert loading._slope([(0.0, 10.0), (1.0, 12.0), (2.0, 14.0)]) == pytest.approx(2.0)
    assert loading._slope([(0.0, 10.0), (1.0, 11.0), (2.0, 10.0)]) == pytest.approx(0.0)
