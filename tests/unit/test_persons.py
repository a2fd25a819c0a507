"""One person and the families that claim them: who holds the person is the same in every order of arrival."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import MembershipContested
from stream_processors.persons.claims import KINDS, MOST_CLAIMS
from tests.unit.person_scenarios import (
    BORN,
    ELSEWHERE,
    HERE,
    THERE,
    Told,
    claim_id,
    claimed,
    ended,
    erased,
    expected,
    hear,
)

if TYPE_CHECKING:
    from random import Random

    from schemas.records import MembershipNoted

SOMEBODY_ELSE = (1990, 1, 1)
IN_TWO = "CONTESTED/ANGGOTA_DI_DUA_KELUARGA"


def in_every_order(*facts: MembershipNoted) -> list[Told]:
    return [hear(*order) for order in permutations(facts)]


def test_the_only_family_that_claims_a_person_is_confirmed() -> None:
    told = hear(claimed(HERE, 10))
    assert told.live() == {HERE: "CONFIRMED"}
    assert told.answers[0].claim_id == claim_id(HERE, 10)


def test_of_two_families_the_earlier_claim_holds_the_person() -> None:
    for told in in_every_order(claimed(HERE, 10), claimed(THERE, 20)):
        assert told.live() == {HERE: "CONFIRMED", THERE: IN_TWO}


def test_two_claims_of_the_same_moment_are_told_apart_by_their_ids() -> None:
    for told in in_every_order(claimed(HERE, 10), claimed(THERE, 10)):
        assert told.live() == {HERE: "CONFIRMED", THERE: IN_TWO}


def test_a_move_that_arrives_before_it_leaves_is_contested_and_confirmed_once_it_left() -> None:
    arrived = hear(claimed(HERE, 10), claimed(THERE, 20))
    assert arrived.standing(THERE) == IN_TWO
    assert arrived.hear(ended(HERE, 20)).live() == {THERE: "CONFIRMED"}


def test_a_move_ends_the_same_in_every_order() -> None:
    for told in in_every_order(claimed(HERE, 10), claimed(THERE, 20), ended(HERE, 20)):
        assert told.live() == {THERE: "CONFIRMED"}


def test_both_halves_of_a_split_end_the_same_in_every_order() -> None:
    facts = (claimed(HERE, 10), ended(HERE, 30, reason="PECAH_KK"), claimed(THERE, 30), claimed(ELSEWHERE, 30))
    for told in in_every_order(*facts):
        assert told.live() == {THERE: "CONFIRMED", ELSEWHERE: IN_TWO}


def test_a_person_who_died_is_nobody_s_member_and_every_claim_says_so() -> None:
    for told in in_every_order(claimed(HERE, 10), claimed(THERE, 20), ended(HERE, 30, reason="MENINGGAL")):
        assert told.live() == {THERE: "CONTESTED/MENINGGAL"}


def test_a_death_told_wrongly_is_taken_back_by_the_family_s_next_claim() -> None:
    facts = (claimed(HERE, 10), claimed(THERE, 20), ended(HERE, 30, reason="MENINGGAL"), claimed(HERE, 40))
    for told in in_every_order(*facts):
        assert told.live() == {THERE: "CONFIRMED", HERE: IN_TWO}


def test_one_nik_for_two_persons_in_two_families_is_contested_as_such() -> None:
    for told in in_every_order(claimed(HERE, 10), claimed(THERE, 20, born=SOMEBODY_ELSE)):
        assert told.live() == {HERE: "CONFIRMED", THERE: "CONTESTED/NIK_GANDA"}


def test_one_nik_for_two_persons_in_one_family_confirms_neither() -> None:
    for told in in_every_order(claimed(HERE, 10, 1), claimed(HERE, 10, 2, SOMEBODY_ELSE)):
        assert told.live() == {HERE: "CONTESTED/NIK_GANDA"}
        assert told.last[HERE][2] == claim_id(HERE, 2)


def test_such_a_family_holds_nobody_off_who_is_described_once() -> None:
    facts = (claimed(HERE, 10, 1), claimed(HERE, 10, 2, SOMEBODY_ELSE), claimed(THERE, 20))
    for told in in_every_order(*facts):
        assert told.live() == {HERE: "CONTESTED/NIK_GANDA", THERE: "CONFIRMED"}


def test_a_later_claim_of_the_family_settles_which_of_the_two_it_means() -> None:
    facts = (claimed(HERE, 10, 1), claimed(HERE, 10, 2, SOMEBODY_ELSE), claimed(HERE, 11, 3))
    for told in in_every_order(*facts):
        assert told.live() == {HERE: "CONFIRMED"}


def test_a_correction_keeps_the_family_s_place_in_the_line_and_is_answered_by_its_own_id() -> None:
    for told in in_every_order(claimed(HERE, 10), claimed(THERE, 20), claimed(HERE, 30, born=(1981, *BORN[1:]))):
        assert told.live()[HERE] == "CONFIRMED"
        assert told.last[HERE][2] == claim_id(HERE, 30)


def test_a_family_that_lost_the_person_and_claims_them_anew_stands_at_the_end_of_the_line() -> None:
    for told in in_every_order(claimed(HERE, 10), ended(HERE, 15), claimed(THERE, 20), claimed(HERE, 30)):
        assert told.live() == {THERE: "CONFIRMED", HERE: IN_TWO}


def test_every_answer_has_an_id_of_its_own() -> None:
    told = hear(claimed(HERE, 10), claimed(THERE, 5), ended(THERE, 7), claimed(ELSEWHERE, 6), ended(ELSEWHERE, 8))
    assert told.live() == {HERE: "CONFIRMED"}
    ids = [answer.header.change_id for answer in told.answers]
    assert len(ids) == len(set(ids)) == 7


def test_an_answer_is_as_old_as_its_claim_and_says_who_says_it_and_why() -> None:
    told = hear(claimed(HERE, 10), claimed(THERE, 20))
    header = told.answers[-1].header
    assert isinstance(told.answers[-1], MembershipContested)
    assert (header.occurred_at, header.agency, header.causation_id) == (20, "registry", claim_id(THERE, 20))
    assert (header.sequence, header.recorded_at, header.correlation_id) == (0, 0, claim_id(THERE, 20))


def test_a_fact_told_again_changes_nothing_and_answers_nobody() -> None:
    facts = (claimed(HERE, 10), claimed(THERE, 20), ended(HERE, 30))
    told = hear(*facts)
    before, said = told.state, len(told.answers)
    assert told.hear(*facts, *reversed(facts)).state == before
    assert len(told.answers) == said


def test_an_erasure_leaves_nothing_of_the_family_and_lets_the_next_one_hold_the_person() -> None:
    told = hear(claimed(HERE, 10), claimed(THERE, 20), erased(HERE, 30))
    assert told.live() == {THERE: "CONFIRMED"}
    assert HERE not in repr(told.state)


def test_a_family_that_claims_again_and_again_keeps_its_place_and_a_bounded_record() -> None:
    told = hear(claimed(THERE, 15), *(claimed(HERE, at) for at in range(10, 80)))
    assert told.live()[HERE] == "CONFIRMED"
    assert max(len(stay.claims) for stay in (told.state.stays if told.state else ())) == MOST_CLAIMS


facts_of_three = st.lists(
    st.tuples(
        st.sampled_from([HERE, THERE, ELSEWHERE]),
        st.integers(1, 8),
        st.sampled_from(["claim", "claim", "claim of another", "end", "death"]),
    ),
    max_size=9,
)


@given(facts_of_three, st.randoms(use_true_random=False))
@settings(max_examples=400, deadline=None)
def test_any_interleaving_of_the_same_facts_ends_in_the_same_standing(said: Any, rng: Random) -> None:
    facts = []
    for sequence, (family, at, what) in enumerate(said, start=1):
        match what:
            case "end" | "death":
                facts.append(ended(family, at, sequence, "MENINGGAL" if what == "death" else "PINDAH"))
            case _:
                facts.append(claimed(family, at, sequence, BORN if what == "claim" else SOMEBODY_ELSE))
    wanted = expected(facts)
    assert sum(one == "CONFIRMED" for one in wanted.values()) <= 1
    for _ in range(3):
        shuffled = rng.sample(facts, len(facts))
        redelivered = [one for fact in shuffled for one in [fact] * rng.randint(1, 2)] + rng.sample(facts, len(facts))
        assert hear(*shuffled).live() == wanted
        assert hear(*redelivered).live() == wanted


def test_a_family_whose_only_word_is_an_ending_is_told_nothing() -> None:
    assert hear(ended(HERE, 10)).answers == []


@pytest.mark.parametrize("kind", ["", "claimed", "SOMETHING"])
def test_what_is_no_fact_is_not_among_the_kinds(kind: str) -> None:
    assert kind not in KINDS


def test_nothing_heard_is_no_record() -> None:
    assert Told().state is None
