"""Why a family stands where it stands: every answer's part, what moved since, and all of it behind the door."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from consumers.gateway.disclosure import Door
from consumers.gateway.rankings import latest
from consumers.gateway.request import Purpose, RankingDisclosed, Withheld
from identity.open import Opener
from jejak.ranking import record
from jejak.ranking.explaining import RUN_UNKNOWN, explained
from jejak.ranking.run import FAMILIES, Asked, Result, RunRefused, Tenth
from stream_processors.ranking import model_file
from stream_processors.ranking.standing import standing
from tests.unit.registry_scenarios import DAY, Scenario, at, claimed, given, matched, registered, say
from tests.unit.test_gateway_disclosure import (
    ASKED,
    CALLER,
    EPOCH_KEY,
    PURPOSE,
    Room,
    disk_at_once,  # noqa: F401  spares these tests the disk too
)
from tests.unit.test_gateway_times import OneFamily
from tests.unit.test_ranking_standing import DWELLING, HEAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.records import RankingRunPublished

TEXT = model_file.shipped()
MODEL = model_file.parse(TEXT)
FIRST, SECOND = at(2025, 4, 1), at(2025, 7, 1)
OTHERS = tuple(Tenth(1, 1, score * 1_000_000, score * 1_000_000 + 1) for score in range(10, 20))


def run(run_id: str, as_of: int, text: bytes = TEXT) -> RankingRunPublished:
    asked = Asked(run_id, FAMILIES, as_of, MODEL.digest.hex(), "s", "e", (7, 8), (9, 10))
    result = Result("aa" * 32, "bb" * 32, 10, 10, 30, 10, OTHERS, {"NO_MATCHED_MEMBER": 2})
    return record.of(asked, model_file.parse(text), text, result, record.Published(as_of, "operator", False, 12))


RUNS = {"Q1": run("Q1", FIRST), "Q2": run("Q2", SECOND)}


def visited(day: int, **dwelling: Any) -> Any:
    family, seen = replace(DWELLING, **dwelling), (HEAD,)
    return say("GroundCheckRecorded", family=family, individuals=seen, occurred=day)


def placed(scene: Scenario, run_id: str, as_of: int, decile: int, **others: Any) -> Scenario:
    """Have a run place the family as it stands now, with the score the model gives it."""
    seen = next(one for one in reversed(OneFamily(scene).history(ASKED.family_id)) if hasattr(one, "individuals"))
    found = standing(scene.state, seen, MODEL, as_of)
    assert found is not None
    told = {"run_id": run_id, "decile": decile, "score": MODEL.score(found.values), "input_sequence": found.sequence}
    return scene.and_given(say("FamilyRanked", occurred=as_of, **{**told, **others}))


def life(second: int = 3, **changed: Any) -> Scenario:
    """Tell of a family ranked, visited again where it changed, and ranked again after a visit that came too late."""
    scene = given(registered(), claimed(), matched(), visited(at(2025, 2, 1)))
    scene.clock = FIRST
    placed(scene, "Q1", FIRST, 2)
    scene.clock = SECOND
    if changed:
        scene.and_given(visited(at(2025, 6, 1), **changed))
    known = scene.state.sequence
    scene.and_given(visited(at(2025, 6, 20), floor=8))
    late = scene.state.sequence
    seen = next(one for one in OneFamily(scene).history(ASKED.family_id)[:known][::-1] if hasattr(one, "individuals"))
    state = replace(scene.state, sequence=known)
    found = standing(state, seen, MODEL, SECOND)
    assert found is not None
    assert late > known
    score = MODEL.score(found.values)
    return scene.and_given(
        say("FamilyRanked", run_id="Q2", occurred=SECOND, decile=second, score=score, input_sequence=known)
    )


def told(scene: Scenario, runs: Any = None) -> Any:
    found = latest(OneFamily(scene), scene.state)
    assert not isinstance(found, Withheld)
    return explained(found, RUNS if runs is None else runs)


def test_every_answer_s_part_and_the_intercept_add_up_to_the_published_score() -> None:
    now = told(life())["now"]
    assert now["intercept"] + sum(one["adds"] for one in now["adds"]) == now["score"]
    assert now["agrees"]
    assert [one["variable"] for one in now["adds"]] == list(MODEL.variables)


def test_the_score_is_explained_by_what_the_run_knew_not_by_a_visit_that_came_later() -> None:
    floor = next(one for one in told(life())["now"]["adds"] if one["variable"] == "floor")
    assert floor["value"] == 2


def test_an_answer_that_changed_is_told_with_its_effect_before_and_now() -> None:
    since = told(life(asset_motorcycle=0, roof=7))["since"]
    assert {one["variable"]: (one["value"], one["adds"]) for one in since["variables"]} == {
        "asset_motorcycle": ([2, 0], [140_000, 0]),
        "roof": ([2, 7], [20_000, -130_000]),
        "head_age": ([44, 45], [30_000, 30_000]),  # her birthday: told, and of no effect
    }
    assert since["changed"]["decile"] == [2, 3]
    assert since["changed"]["score"][1] - since["changed"]["score"][0] == -290_000
    assert not since["others_moved"]


def test_a_decile_that_moves_though_no_effect_did_says_that_the_others_moved() -> None:
    since = told(life())["since"]
    assert [one["variable"] for one in since["variables"]] == ["head_age"]
    assert (since["others_moved"], "score" in since["changed"]) == (True, False)


def test_the_edges_of_the_decile_are_told() -> None:
    now = told(life())["now"]
    assert (now["lowest_of_decile"], now["lowest_of_next"]) == (12_000_000, 13_000_000)
    assert told(life(second=10))["now"]["lowest_of_next"] is None


def test_a_score_that_is_not_what_the_model_gives_is_told() -> None:
    scene = placed(given(registered(), claimed(), matched(), visited(at(2025, 2, 1))), "Q1", at(2025, 3, 1), 2, score=5)
    assert told(scene)["now"]["agrees"] is False


def test_a_run_that_was_never_published_here_gives_the_place_without_its_parts() -> None:
    now = told(life(), runs={})["now"]
    assert (now["decile"], now["unexplained"]) == (3, RUN_UNKNOWN)
    assert told(life(), runs={"Q2": RUNS["Q2"]})["since"]["variables"] is None


def test_a_model_that_this_build_cant_read_gives_the_place_without_its_parts() -> None:
    broken = replace(RUNS["Q2"], model="[model]")
    assert told(life(), runs={"Q2": broken})["now"]["unexplained"] == "TERM_MISSING"


def test_a_family_without_a_decile_is_told_why_and_has_no_parts() -> None:
    scene = given(registered(), claimed(), matched())
    reason = {"decile": None, "percentile": None, "unranked_reason": "GROUND_CHECK_MISSING"}
    scene.and_given(say("FamilyRanked", run_id="Q1", **reason))
    now = told(scene)["now"]
    assert (now["decile"], now["reason"], now["agrees"], "adds" in now) == (None, "GROUND_CHECK_MISSING", True, False)


def test_a_family_that_no_run_spoke_of_says_so() -> None:
    assert told(given(registered(), claimed())) == {"ranked": False, "reason": "NEVER_RANKED"}


def test_a_run_that_arrives_late_is_not_taken_for_the_one_in_force() -> None:
    scene = life().and_given(say("FamilyRanked", run_id="Q0", occurred=FIRST - DAY, decile=9))
    assert told(scene)["now"]["run_id"] == "Q2"


def test_a_history_that_lacks_its_end_is_behind() -> None:
    scene = life()
    scene.log.pop()
    found = latest(OneFamily(scene), scene.state)
    assert isinstance(found, Withheld)
    assert found.code == "READ_MODEL_BEHIND"


class ExplainRoom:
    def __init__(self) -> None:
        self.room = Room()
        self.asked: list[Any] = []
        family: Any = OneFamily(life())
        self.door = Door(family, Opener(self.room.keys), self.room.log, EPOCH_KEY, lambda _: None)

    def tell(self, found: Any) -> Any:
        self.asked.append(self.room.broker.kinds())
        return explained(found, RUNS)


@pytest.fixture
def behind() -> Iterator[ExplainRoom]:
    made = ExplainRoom()
    yield made
    made.room.log.close()


def test_the_explanation_passes_the_door_intent_first_and_each_person_on_record(behind: ExplainRoom) -> None:
    found = behind.door.rankings(CALLER, PURPOSE, ASKED, behind.tell)
    assert isinstance(found, RankingDisclosed)
    assert found.told["now"]["run_id"] == "Q2"
    assert behind.asked == [["AccessIntent"]]
    assert behind.room.broker.kinds() == ["AccessIntent", "AccessOutcome", "SubjectDisclosure"]


def test_what_the_policy_denies_is_not_even_worked_out(behind: ExplainRoom) -> None:
    found = behind.door.rankings(CALLER, Purpose("BERBAGI_PAKAI_DATA"), ASKED, behind.tell)
    assert isinstance(found, Withheld)
    assert behind.asked == []


def test_a_run_of_another_outcome_may_not_take_a_published_runs_name() -> None:
    asked = Asked("Q1", FAMILIES, FIRST, MODEL.digest.hex(), "s", "e", (7, 8), (9, 10))
    same = Result("aa" * 32, "bb" * 32, 10, 10, 30, 10, OTHERS, {})
    assert record.check_free({}, asked, same) is True
    assert record.check_free(RUNS, asked, same) is False
    with pytest.raises(RunRefused, match="RUN_TAKEN"):
        record.check_free(RUNS, asked, replace(same, output_digest="cc" * 32))


def test_a_runs_record_holds_position_model_and_totals() -> None:
    one = RUNS["Q1"]
    assert [(part.partition, part.states_end, part.events_end) for part in one.input] == [(0, 7, 9), (1, 8, 10)]
    assert model_file.parse(one.model.encode()) == MODEL
    assert (one.model_digest, one.illustrative, one.families, one.weight) == (MODEL.digest, True, 10, 10)
    assert [(one.reason, one.families) for one in one.unranked] == [("NO_MATCHED_MEMBER", 2)]
