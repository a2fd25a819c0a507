"""A family has one head (V14): a second one is refused, a successor may be named first, and who is missing is told."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from stream_processors.registry import head
from tests.unit.registry_scenarios import (
    ANI,
    BUDI,
    CITRA,
    CLAIM,
    DAY,
    HOUR,
    NOW,
    Scenario,
    claimed,
    given,
    registered,
    replay,
    say,
)

DEATH = b"ani died ......."
NAMED = b"budi is the head"
OTHER = b"ani is a parent "


def family() -> Scenario:
    return given(registered(), claimed(), claimed(BUDI), claimed(CITRA))


def died(person: str = ANI, **fields: Any) -> Any:
    return say("MembershipEnded", **{"person_ref": person, "change_id": DEATH, "occurred": NOW, **fields})


def named(person: str = BUDI, **fields: Any) -> Any:
    given_here = {"relationship": 1, "change_id": NAMED, "occurred": NOW + HOUR, "cause": "GANTI_KEPALA", **fields}
    return claimed(person, **given_here)


def standing(scene: Scenario) -> tuple[str, str]:
    """Return what the family's own record says of its head, and why."""
    return next(((one.step, one.reason) for one in scene.state.cases if one.machine == head.MACHINE), ("", ""))


def heads(scene: Scenario) -> list[str]:
    return head.heads(scene.state.members)


def test_a_family_with_one_head_says_nothing_of_it() -> None:
    scene = family()
    assert (heads(scene), standing(scene), scene.state.cases) == ([ANI], ("", ""), ())


@pytest.mark.parametrize("cause", ["PENDATAAN", "KAWIN", "PINDAH_DATANG", "GABUNG", "PECAH_KK"])
def test_a_second_head_is_refused_whatever_brings_the_person(cause: str) -> None:
    family().when(named(cause=cause)).refused("V14", "/relationship")


def test_a_head_said_again_is_no_second_one() -> None:
    scene = family().and_given(claimed(change_id=OTHER, occurred=NOW, birth_year=1979))
    assert (heads(scene), standing(scene)) == ([ANI], ("", ""))


def test_who_succeeds_the_head_is_a_head() -> None:
    family().when(named(relationship=2)).refused("CAUSE_CONTRADICTED", "/relationship")


@pytest.mark.parametrize("reason", ["MENINGGAL", "PINDAH", "KELUAR_KK", "KAWIN", "PECAH_KK", "GABUNG", "PINDAH_LN"])
def test_a_family_whose_head_died_or_left_says_so_until_another_is_named(reason: str) -> None:
    scene = family().and_given(died(reason=reason))
    assert (heads(scene), standing(scene)) == ([], ("TANPA_KEPALA", reason))
    scene.and_given(named(cause="PENDATAAN"))
    assert (heads(scene), standing(scene)) == ([BUDI], ("BERKEPALA", ""))


def test_a_head_who_becomes_something_else_leaves_the_place_open() -> None:
    scene = family().and_given(claimed(relationship=6, change_id=OTHER, occurred=NOW))
    assert (heads(scene), standing(scene)) == ([], ("TANPA_KEPALA", "HUBUNGAN_BERUBAH"))
    scene.and_given(named(cause="PENDATAAN"))
    assert standing(scene) == ("BERKEPALA", "")


def test_a_successor_named_before_the_death_is_told_waits_visibly() -> None:
    scene = family().and_given(named())
    assert (heads(scene), standing(scene)) == ([ANI, BUDI], ("KEPALA_GANDA", "GANTI_KEPALA"))
    scene.and_given(died())
    assert (heads(scene), standing(scene)) == ([BUDI], ("BERKEPALA", ""))


@pytest.mark.parametrize("gone", [died(), claimed(relationship=6, change_id=OTHER, occurred=NOW)])
def test_in_either_order_the_family_has_the_same_members_and_one_head(gone: Any) -> None:
    ends = [family().and_given(*order) for order in permutations((gone, named()))]
    assert ends[0].state.members == ends[1].state.members
    assert [(heads(one), standing(one)) for one in ends] == [([BUDI], ("BERKEPALA", ""))] * 2


def test_a_head_whom_another_family_holds_is_missed_here_until_the_answer_changes() -> None:
    scene = family().and_given(say("MembershipContested"))
    assert standing(scene) == ("TANPA_KEPALA", "ANGGOTA_DI_DUA_KELUARGA")
    scene.and_given(say("MembershipConfirmed"))
    assert (heads(scene), standing(scene)) == ([ANI], ("BERKEPALA", ""))


def test_an_answer_is_never_refused_and_two_heads_are_told() -> None:
    scene = family().and_given(say("MembershipContested"), named(cause="PENDATAAN"), say("MembershipConfirmed"))
    assert (heads(scene), standing(scene)) == ([ANI, BUDI], ("KEPALA_GANDA", "SENGKETA_SELESAI"))


def test_a_head_who_is_gone_comes_back_only_where_no_other_was_named() -> None:
    back = say("PersonReactivated", occurred=NOW + DAY)
    scene = family().and_given(died(reason="PINDAH_LN"), back)
    assert (heads(scene), standing(scene)) == ([ANI], ("BERKEPALA", ""))
    taken = family().and_given(died(reason="PINDAH_LN"), named())
    taken.when(say("PersonReactivated", occurred=NOW + DAY)).refused("V14", "/person_ref")
    taken.and_given(claimed(relationship=6, change_id=OTHER, occurred=NOW + DAY))
    assert (heads(taken), standing(taken)) == ([BUDI], ("BERKEPALA", ""))


def test_an_older_word_of_a_head_that_is_history_by_now_is_taken() -> None:
    scene = family().and_given(claimed(relationship=6, change_id=OTHER, occurred=NOW), named(cause="PENDATAAN"))
    scene.when(claimed(change_id=b"an old claim ...", occurred=NOW - DAY, birth_year=1979)).accepted()
    assert (heads(scene), standing(scene)) == ([BUDI], ("BERKEPALA", ""))


def test_a_family_that_loses_its_second_head_says_so_anew() -> None:
    scene = family().and_given(died(), named())
    first = next(one for one in scene.state.cases if one.machine == head.MACHINE)
    scene.and_given(died(BUDI, change_id=b"budi died ......", occurred=NOW + DAY))
    again = next(one for one in scene.state.cases if one.machine == head.MACHINE)
    assert (again.step, again.case_id, first.case_id) == ("TANPA_KEPALA", b"budi died ......", DEATH)


_WORDS = st.one_of(
    st.builds(
        lambda person, relation, cause, day, number: claimed(
            person,
            relationship=relation,
            cause=cause,
            occurred=NOW + day * DAY,
            change_id=b"claim number %03d" % number,
        ),
        st.sampled_from((ANI, BUDI, CITRA)),
        st.sampled_from((1, 1, 3)),
        st.sampled_from(("PENDATAAN", "GANTI_KEPALA")),
        st.integers(-3, 3),
        st.integers(0, 999),
    ),
    st.builds(
        lambda person, day: say("MembershipEnded", person_ref=person, occurred=NOW + day * DAY),
        st.sampled_from((ANI, BUDI, CITRA)),
        st.integers(-3, 3),
    ),
    st.builds(
        lambda record, person: say(record, person_ref=person, claim_id=CLAIM[person]),
        st.sampled_from(("MembershipConfirmed", "MembershipContested")),
        st.sampled_from((ANI, BUDI, CITRA)),
    ),
    st.builds(lambda person: say("PersonReactivated", person_ref=person), st.sampled_from((ANI, BUDI, CITRA))),
)


@for_all(st.lists(_WORDS, max_size=25))
@settings(max_examples=150, deadline=None)
def test_whatever_is_said_the_record_tells_how_many_heads_there_are(words: list[Any]) -> None:
    scene = family()
    for word in words:
        scene.handle(word, scene.clock + HOUR)
        number, (step, reason) = len(heads(scene)), standing(scene)
        assert step in {0: {"TANPA_KEPALA"}, 1: {"", "BERKEPALA"}}.get(number, {"KEPALA_GANDA"})
        assert bool(reason) == (step in {"TANPA_KEPALA", "KEPALA_GANDA"})
    assert replay(scene.log) == scene.state
    assert replay([framed for framed in scene.log for _ in (1, 2)]) == scene.state
