"""The persons fold without an engine, and both folds together: whatever arrives when, one family holds the person."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import catalogue, codec
from schemas.codec import Undecodable
from stream_processors.engine.contract import Poison
from stream_processors.folds.families import FamiliesFold
from stream_processors.folds.persons import OUTPUTS, PersonsFold
from stream_processors.folds.states import OtherFoldVersion, StateUnreadable
from tests.unit.person_scenarios import ANI, HERE, THERE, claimed, ended, expected
from tests.unit.registry_scenarios import NO_RULES, at, registered, say
from tests.unit.registry_scenarios import claimed as family_claims

if TYPE_CHECKING:
    from random import Random

    from stream_processors.engine.contract import Output

KEY = ANI.encode()
NOW = at(2025, 3, 10)


def put(fold: PersonsFold, *facts: Any, offset: int = 0) -> list[Output]:
    """Feed facts to a fold; return all it put out."""
    return [
        made for n, fact in enumerate(facts) for made in fold.fold(KEY, codec.encode(fact), offset + n, NOW * 1_000)
    ]


def test_a_fact_leaves_the_person_s_state_and_an_answer_for_the_family() -> None:
    state, answer = put(PersonsFold(3), claimed(HERE, 10))
    assert (state.topic, state.key) == (catalogue.PERSONS_TOPIC, KEY)
    assert (answer.topic, answer.key) == (catalogue.CHANGES_TOPIC, HERE.encode())
    assert type(codec.decode(answer.value)).__name__ == "MembershipConfirmed"
    headers = dict(answer.headers or [])
    assert headers["ce_type"] == b"jejak.MembershipConfirmed"
    assert KEY not in b"".join(headers.values())


def test_every_output_is_a_record_that_its_topic_is_declared_to_hold() -> None:
    fold = PersonsFold(3)
    made = [*put(fold, claimed(HERE, 10), claimed(THERE, 20)), *fold.close_batch(2)]
    assert {one.topic for one in made} == set(OUTPUTS)
    for one in made:
        assert type(codec.decode(one.value)).__name__ in catalogue.topic(one.topic).values


def test_a_fact_told_again_puts_out_nothing() -> None:
    fold = PersonsFold(3)
    put(fold, claimed(HERE, 10))
    assert put(fold, claimed(HERE, 10), offset=1) == []
    assert fold.next_offset == 2


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        (b"somebody else", codec.encode(claimed(HERE, 10)), "KEY_IS_NOT_PERSON"),
        (None, codec.encode(claimed(HERE, 10)), "KEY_IS_NOT_PERSON"),
        (HERE.encode(), codec.encode(registered()), "NOT_A_CLAIM"),
    ],
)
def test_what_is_no_fact_about_its_key_is_poison_and_changes_nothing(
    key: bytes | None, value: bytes, code: str
) -> None:
    fold = PersonsFold(3)
    with pytest.raises(Poison, match=code):
        fold.fold(key, value, 0, NOW)
    assert (fold.states, fold.next_offset) == ({}, None)


def test_bytes_that_are_no_record_change_nothing() -> None:
    fold = PersonsFold(3)
    with pytest.raises(Undecodable):
        fold.fold(KEY, b"\x00nonsense", 0, NOW)
    assert fold.states == {}


def test_a_restored_fold_goes_on_as_the_one_before_it() -> None:
    facts = (claimed(HERE, 10), claimed(THERE, 20), ended(HERE, 30))
    whole, first, second = PersonsFold(3), PersonsFold(3), PersonsFold(3)
    wanted = put(whole, *facts)
    made = [*put(first, *facts[:2]), *first.close_batch(2)]
    for one in made:
        if one.topic == catalogue.PERSONS_TOPIC:
            second.restore(one.key, one.value)
    assert list(second.restored()) == []
    assert second.next_offset == 2
    rest = put(second, facts[2], offset=2)
    assert rest == wanted[-len(rest) :]
    assert second.digest() == whole.digest()


def test_states_of_another_version_are_not_folded_on_and_what_is_no_state_is_a_fault() -> None:
    fold, other = PersonsFold(3), PersonsFold(3)
    (position,) = fold.close_batch(1)
    stranger = codec.decode(position.value)
    object.__setattr__(stranger, "fold_version", "0")
    other.restore(position.key, codec.encode(stranger))
    with pytest.raises(OtherFoldVersion):
        other.restored()
    with pytest.raises(StateUnreadable):
        fold.restore(KEY, codec.encode(claimed(HERE, 10)))


class Registry:
    """Families and persons, joined as by the topics: per-family and per-person order is kept, all else is chance."""

    def __init__(self, chance: Random) -> None:
        self.families, self.persons = FamiliesFold(0, lambda: NO_RULES), PersonsFold(0)
        self.chance = chance
        self.changes: dict[bytes, deque[bytes]] = {}
        self.claims: deque[bytes] = deque()
        self.told: list[bytes] = []
        self.offset = 0

    def say(self, change: Any) -> None:
        self.changes.setdefault(change.header.family_id.encode(), deque()).append(codec.encode(change))

    def settle(self) -> None:
        """Take what waits, from a queue chosen by chance, until nothing is on its way; some of it comes twice."""
        while True:
            waiting = [key for key, queue in self.changes.items() if queue]
            if not waiting and not self.claims:
                return
            if self.claims and (not waiting or self.chance.random() < 0.5):
                self._take_claim()
            else:
                self._take_change(self.chance.choice(waiting))

    def _take_change(self, key: bytes) -> None:
        value = self.changes[key].popleft()
        for _ in range(self.chance.randint(1, 2)):
            self.offset += 1
            for made in self.families.fold(key, value, self.offset, NOW):
                if made.topic == catalogue.CLAIMS_TOPIC:
                    self.claims.append(made.value)

    def _take_claim(self) -> None:
        value = self.claims.popleft()
        for _ in range(self.chance.randint(1, 2)):
            self.offset += 1
            for made in self.persons.fold(KEY, value, self.offset, NOW):
                if made.topic == catalogue.CHANGES_TOPIC:
                    self.changes.setdefault(made.key, deque()).append(made.value)

    def standings(self) -> dict[str, str]:
        """Return how each family shows Ani: a standing, and a reason after a slash; nothing where it ended."""
        shown = {}
        for family_id, state in self.families.states.items():
            for member in state.members:
                if member.standing != "ENDED":
                    shown[family_id] = "/".join(filter(None, (member.standing, member.reason)))
        return shown


FAMILIES = (HERE, THERE, "h" * 26)
said_of_ani = st.lists(
    st.tuples(
        st.sampled_from(FAMILIES), st.integers(1, 6), st.sampled_from(["claim", "claim", "twin", "end", "death"])
    ),
    max_size=10,
)


def change_of(number: int, family: str, day: int, what: str) -> Any:
    """Return a change about Ani and the fact it is, if the family accepts it."""
    fields = {"family_id": family, "change_id": f"{family[0]}{number:015}".encode(), "occurred": at(2025, 2, day)}
    match what:
        case "end" | "death":
            return say("MembershipEnded", person_ref=ANI, reason="MENINGGAL" if what == "death" else "PINDAH", **fields)
        case _:
            return family_claims(birth_month=6 if what == "claim" else 7, **fields)


@given(said_of_ani, st.randoms(use_true_random=False))
@settings(max_examples=250, deadline=None)
def test_in_any_interleaving_of_families_and_answers_the_same_family_holds_the_person(
    said: Any, chance: Random
) -> None:
    facts = []
    began: set[str] = set()
    for sequence, (family, day, what) in enumerate(said, start=2):
        moment = at(2025, 2, day)
        match what:
            case "claim" | "twin":
                began.add(family)
                facts.append(claimed(family, moment, sequence, (1980, 6 if what == "claim" else 7, 2)))
            case _ if family in began:  # else it is refused: nobody was ever claimed there
                facts.append(ended(family, moment, sequence, "MENINGGAL" if what == "death" else "PINDAH"))
    shown = []
    for _ in range(2):
        registry = Registry(chance)
        for family in FAMILIES:
            registry.say(registered(family_id=family, change_id=family[:16].encode()))
        for number, (family, day, what) in enumerate(said, start=2):
            registry.say(change_of(number, family, day, what))
        registry.settle()
        shown.append(registry.standings())
    assert shown[0] == shown[1] == expected(facts)
